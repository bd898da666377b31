//! Every country, version and meter tried.
