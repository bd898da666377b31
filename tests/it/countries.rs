//! Every country, version and meter tried.

mod profile;
