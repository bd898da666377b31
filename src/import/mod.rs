//! The history of other programs, read: database dumps, CSV files.
//!
//! In reading order: [`input`], a file as a stream, packed or not; [`value`], numbers, times and dates as other
//! programs write them; [`readings`], readings made of them, and whose they are; [`dump`], plain dumps of databases row
//! by row; [`dsmr_reader`], what its tables mean and where they go; [`csv`], tables with a mapping; [`p1_monitor`], that
//! program's history; [`logs`], telegrams in logs.
//!
//! Every reader is tolerant and tells: what it does not know is counted and named by line, and never ends an import.

pub mod csv;
pub mod dsmr_reader;
pub mod dump;
pub mod input;
pub mod logs;
pub mod p1_monitor;
mod past;
pub mod readings;
pub mod value;
