//! What every format is given: columns, then rows of typed cells.

use std::fmt;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::meter::{MeterTime, Unit};
use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;

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

/// A point in time as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant, in seconds since 1970-01-01 00:00 UTC, and the offset by which it is shown; none shows UTC.
    At(i64, Option<Offset>),
    /// What a clock showed of which nobody knows the offset.
    Local(LocalTime),
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

impl Moment {
    /// A time of the meter, with its own offset where it is known.
    pub fn of_meter(time: MeterTime) -> Self {
        match time.utc {
            Some(utc) => {
                let offset = i32::try_from(time.local.seconds_as_utc() - utc).ok();
                Self::At(utc, offset.and_then(|offset| Offset::from_seconds(offset).ok()))
            }
            None => Self::Local(time.local),
        }
    }

    /// An instant by the offset of a zone.
    pub fn in_zone(utc: i64, zone: &TimeZone) -> Self {
        Self::At(utc, Timestamp::from_second(utc).ok().map(|instant| zone.to_offset(instant)))
    }

    /// The instant in seconds since 1970-01-01 00:00 UTC; a clock without an offset is taken for one of UTC.
    pub fn seconds(self) -> i64 {
        match self {
            Self::At(utc, _) => utc,
            Self::Local(local) => local.seconds_as_utc(),
        }
    }
}

/// ISO 8601: with the offset, with `Z` for UTC, with neither where nobody knows.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::At(utc, offset) => {
                let instant = Timestamp::from_second(utc).unwrap_or_default();
                match offset {
                    Some(offset) => write!(f, "{}", instant.display_with_offset(offset)),
                    None => write!(f, "{instant}"),
                }
            }
            Self::Local(local) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                local.year, local.month, local.day, local.hour, local.minute, local.second
            ),
        }
    }
}
