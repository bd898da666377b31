//! What every format is given: columns, then rows of typed cells.

use std::io;
use std::sync::Arc;

use crate::meter::Unit;
pub use crate::meter::shown::Moment;
use crate::p1::Decimal;

/// What stands in a column, where anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// [`Value::Number`].
    Number,
    /// [`Value::Text`].
    Text,
    /// [`Value::Time`].
    Time,
}

/// What a column is for: a format that keeps time and names apart from what was measured needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// When it was; [`Row::time`] says the same.
    When,
    /// Whose it is; [`Row::meter`] and [`Row::equipment_id`] say the same.
    Whose,
    /// What was said.
    Field,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub kind: ColumnKind,
    /// What it is for.
    pub role: Role,
    /// The unit of its numbers.
    pub unit: Option<Unit>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing was said.
    Absent,
    /// A number, in the unit of its column.
    Number(Decimal),
    /// A text.
    Text(String),
    /// A time.
    Time(Moment),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its time, or the start of its span, in seconds since 1970-01-01 00:00 UTC.
    pub time: i64,
    /// The meter's name.
    pub meter: Arc<str>,
    /// The identifier of the equipment behind it; `None` for one that never told it.
    pub equipment_id: Option<Arc<str>>,
    /// One a column.
    pub values: Vec<Value>,
}

/// Why a row was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The format has no room for it.
    #[error("{0}")]
    Format(String),
}

/// Where rows go.
pub trait Sink {
    /// Writes one, with a value for every column that the sink was made for.
    ///
    /// # Errors
    /// The system refuses, or the format has no room for it.
    fn row(&mut self, row: &Row) -> Result<(), WriteError>;

    /// Writes what comes after the last.
    ///
    /// # Errors
    /// The system refuses.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}
