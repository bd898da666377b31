//! SQL over the record, as if readings were rows, and nothing but reading.
//!
//! In reading order: [`session`], a connection with the tables on it; [`schema`], the tables and views there are;
//! `tail`, what the journal adds to the plain ones; `source`, what stands behind the virtual ones; `plan`, what of a WHERE
//! clause leads to fewer hours being read; `reading` and `spans`, those tables; `statements`, a text with several.
//!
//! Here numbers become REAL, the floating point of SQLite: this is formatting, as in an export.

mod plan;
mod reading;
mod schema;
mod session;
mod source;
mod spans;
mod statements;
mod tail;

pub use rusqlite::types::Value as SqlValue;

pub use schema::{Described, DescribedColumn};
pub use session::{Sql, SqlError, SqlRows};
