//! Power cuts at every moment.
