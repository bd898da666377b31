//! What can be asked of the record: a range, a resolution, fields and what of them.

use std::sync::Arc;

use super::Range;
use crate::meter::{Quantity, Zone};
use crate::totals::Step;

/// How long the spans are that an answer has rows of. Days, months and years are those where the meter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// Every reading.
    Raw,
    /// A minute.
    Minute,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
    /// A calendar day of 23, 24 or 25 hours.
    Day,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl Resolution {
    /// From fine to coarse.
    pub const ALL: [Self; 7] =
        [Self::Raw, Self::Minute, Self::Quarter, Self::Hour, Self::Day, Self::Month, Self::Year];

    /// Its name: `raw`, `minute`, `quarter`, `hour`, `day`, `month`, `year`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "minute",
            Self::Quarter => "quarter",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The span in which an instant lies: its start and its end, in seconds since 1970-01-01 00:00 UTC. Those of
    /// [`Resolution::Raw`] are the instant itself.
    pub fn span(self, zone: &Zone, utc: i64) -> (i64, i64) {
        match self.step() {
            Some(step) => step.bounds(zone, utc),
            None if self == Self::Raw => (utc, utc),
            None => {
                let start = utc.div_euclid(60) * 60;
                (start, start + 60)
            }
        }
    }

    /// As a period of totals.
    pub(super) fn step(self) -> Option<Step> {
        match self {
            Self::Raw | Self::Minute => None,
            Self::Quarter => Some(Step::Quarter),
            Self::Hour => Some(Step::Hour),
            Self::Day => Some(Step::Day),
            Self::Month => Some(Step::Month),
            Self::Year => Some(Step::Year),
        }
    }
}

/// What of a field's numbers in a span is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// The mean of the readings, rounded half away from zero in the meter's own resolution.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The last in the span.
    Last,
    /// By how much a register rose over the span: from the last position known at its start to the last known at its
    /// end, a position of the very boundary belonging to the span before it, as in [`crate::totals`].
    Delta,
}

impl Measure {
    /// In the order in which columns stand.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Min, Self::Max, Self::Last, Self::Delta];

    /// Its name: `mean`, `min`, `max`, `last`, `delta`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::Delta => "delta",
        }
    }
}

/// A column that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// A field of [`crate::meter::REGISTERS`] by its name, or `gas`, `water`, `heat`, … for the device of a class on the
    /// M-Bus, or `<class>_<channel>` for one of several.
    pub field: String,
    /// What of it; none for the reading as it is, at [`Resolution::Raw`] alone.
    pub measure: Option<Measure>,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Query {
    /// Of which meter and equipment, from when to when. Spans that lie in it in part are answered for that part.
    pub range: Range,
    /// The spans of the answer.
    pub resolution: Resolution,
    /// Its columns; empty for all that there are, each with what is usual of it.
    pub columns: Vec<Selected>,
    /// Where days begin.
    pub zone: Zone,
}

/// One span of one meter, of which there was at least one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The meter's name.
    pub meter: Arc<str>,
    /// The identifier of the equipment that was heard last in it; `None` for one that never told it.
    pub equipment_id: Option<Arc<str>>,
    /// Its start, or the reading's time at [`Resolution::Raw`], in seconds since 1970-01-01 00:00 UTC.
    pub start: i64,
    /// Its end; the same as `start` at [`Resolution::Raw`].
    pub end: i64,
    /// One a column of the answer, in their order.
    pub cells: Vec<Option<Cell>>,
}

/// What a column says of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A number.
    Number(Quantity),
    /// A text, as it is told to people.
    Text(String),
}
