//! Stored readings, written for other programs: CSV, JSON lines, InfluxDB line protocol, Parquet.
//!
//! In reading order: [`row`], what a format is given; [`raw`] and [`spans`], rows of readings and of what they come to
//! by the hour or the day; [`csv`], [`json`], [`influx`] and `parquet`, which write them one by one; [`fields`], what
//! someone asks for by name; [`output`], where it goes.

pub mod csv;
pub mod fields;
pub mod influx;
pub mod json;
pub mod output;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod raw;
pub mod row;
pub mod spans;

pub use row::{Column, ColumnKind, Moment, Role, Row, Sink, Value, WriteError};
