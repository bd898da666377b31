//! What a span of readings comes to, column by column: enough to answer for every longer span without them.

use super::columns::Columns;
use crate::meter::Unit;
use crate::meter::record::Key;

/// Numbers of one key, unit and scale over a span. Of numbers without their points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    /// How many there were; never none.
    pub(crate) count: u64,
    /// What they add up to.
    pub(crate) sum: i128,
    /// The smallest.
    pub(crate) min: i128,
    /// The largest.
    pub(crate) max: i128,
    /// When the earliest was, in seconds since 1970-01-01 00:00 UTC, and what.
    pub(crate) first: (i64, i128),
    /// When the latest was, and what. Of two at one time the one that came later.
    pub(crate) last: (i64, i128),
}

impl Stats {
    /// Of one number.
    pub(crate) fn of(time: i64, value: i128) -> Self {
        Self { count: 1, sum: value, min: value, max: value, first: (time, value), last: (time, value) }
    }

    /// Adds what came after.
    pub(crate) fn add(&mut self, later: &Self) {
        self.count += later.count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        if later.first.0 < self.first.0 {
            self.first = later.first;
        }
        if later.last.0 >= self.last.0 {
            self.last = later.last;
        }
    }
}

/// A column's numbers over a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSummary {
    /// As [`crate::meter::record::flatten`] writes it.
    pub(crate) key: Key,
    /// Their unit.
    pub(crate) unit: Unit,
    /// Digits behind the point.
    pub(crate) scale: u8,
    /// What they come to.
    pub(crate) stats: Stats,
}

/// All columns of numbers over a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) columns: Vec<ColumnSummary>,
}

impl Summary {
    /// Of the rows of a block.
    pub(crate) fn of(columns: &Columns) -> Self {
        let summaries = columns.numbers.iter().filter_map(|column| {
            let mut numbers = column.iter().map(|(row, value)| Stats::of(columns.times[row], value));
            let mut stats = numbers.next()?;
            numbers.for_each(|number| stats.add(&number));
            Some(ColumnSummary { key: column.key.clone(), unit: column.unit, scale: column.scale, stats })
        });
        Self { columns: summaries.collect() }
    }
}
