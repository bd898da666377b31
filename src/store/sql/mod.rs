//! SQL over the record, as if readings were rows, and nothing but reading.
//!
//! In reading order: [`session`], a connection with the tables on it; [`schema`], the tables and views there are;
//! `source`, what stands behind them; `plan`, what of a WHERE clause leads to fewer hours being read; `reading` and
//! `spans`, the virtual tables.
//!
//! Here numbers become REAL, the floating point of SQLite: this is formatting, as in an export.

mod plan;
mod reading;
mod schema;
mod session;
mod source;
mod spans;

pub use rusqlite::types::Value as SqlValue;

pub use schema::{Described, DescribedColumn};
pub use session::{Sql, SqlError, SqlRows};
