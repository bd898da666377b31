//! Bytes that may be anything.
