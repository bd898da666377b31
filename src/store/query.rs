//! Reading back: blocks and the journal's tail as one series in order of time, beside a writing process or
//! without one.

mod answer;
mod ask;
mod begin;
mod blocks;
mod counts;
mod fields;
mod gather;
mod hours;
mod reduce;
mod rise;
mod series;
mod snapshot;
mod totals;
mod track;

use std::cell::{self, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

pub use answer::{Answer, AnswerColumn};
pub use ask::{Cell, Measure, Query, Resolution, Selected, Span};
pub(in crate::store) use hours::Numbers;
pub use series::Readings;
use snapshot::{Reader, Snapshot};

use super::error::{OpenError, ReadError};
use super::pending::Finished;
use crate::meter::Reading;

/// What is asked for; times are seconds since 1970-01-01 00:00 UTC, of the meter where it tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Of this meter alone.
    pub meter: Option<String>,
    /// Of the equipment with this identifier alone, as [`Reading::equipment_id`] tells it.
    pub equipment_id: Option<String>,
    /// Not before this.
    pub from: Option<i64>,
    /// Before this.
    pub to: Option<i64>,
}

impl Range {
    fn overlaps(&self, block: &Finished) -> bool {
        self.meter.as_deref().is_none_or(|name| *name == *block.meter)
            && self.equipment_id.as_ref().is_none_or(|id| block.equipment.as_ref() == Some(id))
            && self.from.is_none_or(|from| block.last >= from)
            && self.to.is_none_or(|to| block.first < to)
    }

    /// The first and the last hour that it touches. The index of the blocks is by the hour: without it a year of them
    /// would be gone through for the last reading.
    fn hours(&self) -> (i64, i64) {
        let hour = |time: i64| time.div_euclid(3_600);
        (self.from.map_or(i64::MIN, hour), self.to.map_or(i64::MAX, hour))
    }

    fn holds(&self, time: i64) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }
}

/// A stored reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The meter's name.
    pub meter: Arc<str>,
    /// The identifier of the equipment behind it; `None` for one that never told it.
    pub equipment_id: Option<Arc<str>>,
    /// What it said.
    pub reading: Reading,
}

/// A piece of equipment that stood behind a meter's name, and when it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The meter's name.
    pub meter: String,
    /// Its identifier; `None` for one that never told it.
    pub equipment_id: Option<String>,
    /// The time of its earliest reading, in seconds since 1970-01-01 00:00 UTC.
    pub first: i64,
    /// The time of its latest.
    pub last: i64,
}

/// The record as it stood when it was opened.
///
/// Long answers go on with it as it is by then, so that a writer's log does not have to be kept for them: see
/// [`snapshot`].
#[derive(Debug)]
pub struct Archive {
    snapshot: RefCell<Snapshot>,
    /// How often the snapshot was renewed.
    generation: cell::Cell<u64>,
    /// The last instant of the record when it was opened, once the snapshot was renewed.
    end: cell::Cell<Option<i64>>,
    /// Answers that are being read.
    answers: cell::Cell<usize>,
    /// Whether the snapshot may be renewed.
    renews: bool,
    /// Whether there is one: not while the rows of an hour are taken.
    held: cell::Cell<bool>,
    /// Whether what readings were given up for counts as readings.
    thinned: bool,
}

impl Archive {
    /// Opens the record of a database for reading.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Snapshot::open(path).map(|snapshot| Self::of(snapshot, true))
    }

    /// The same, of one moment however long its answers take.
    pub(super) fn open_fixed(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { renews: false, ..Self::open(path)? })
    }

    /// Opens what is in blocks of readings, whatever the journal holds.
    pub(super) fn of_blocks(path: &Path) -> Result<Self, OpenError> {
        let archive = Self::of(Snapshot::of_blocks(path)?, false);
        Ok(Self { thinned: false, ..archive })
    }

    fn of(snapshot: Snapshot, renews: bool) -> Self {
        Self {
            snapshot: RefCell::new(snapshot),
            generation: cell::Cell::new(0),
            end: cell::Cell::new(None),
            answers: cell::Cell::new(0),
            renews,
            held: cell::Cell::new(true),
            thinned: true,
        }
    }

    /// The names of the meters that have readings, or positions from the history of another program.
    pub fn meters(&self) -> Result<BTreeSet<String>, ReadError> {
        let snapshot = self.snapshot();
        let mut statement = snapshot
            .connection
            .prepare("SELECT DISTINCT meter FROM epoch UNION SELECT DISTINCT meter FROM counter")?;
        let mut meters =
            statement.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
        meters.extend(snapshot.tail.iter().map(|block| block.meter.to_string()));
        Ok(meters)
    }

    /// The equipment that stood behind the meters in range, by meter and then by time. A block counts as a whole.
    pub fn epochs(&self, range: &Range) -> Result<Vec<Epoch>, ReadError> {
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT id, meter, equipment_id FROM epoch
             WHERE (?1 IS NULL OR meter = ?1) AND (?2 IS NULL OR equipment_id = ?2)",
        )?;
        // From the ends of the index of hours: to look at every block would be to read every page of years.
        let end = |text: &str| snapshot.connection.prepare_cached(text);
        let mut earliest = end("SELECT hour FROM block WHERE hour BETWEEN ?1 AND ?2 AND epoch = ?3
               AND (?4 IS NULL OR last >= ?4) AND (?5 IS NULL OR first < ?5) ORDER BY hour LIMIT 1")?;
        let mut latest = end("SELECT hour FROM block WHERE hour BETWEEN ?1 AND ?2 AND epoch = ?3
               AND (?4 IS NULL OR last >= ?4) AND (?5 IS NULL OR first < ?5) ORDER BY hour DESC LIMIT 1")?;
        let mut bounds =
            end("SELECT min(iif(hour = ?1, first, NULL)), max(iif(hour = ?2, last, NULL)) FROM block
             WHERE hour IN (?1, ?2) AND epoch = ?3
               AND (?4 IS NULL OR last >= ?4) AND (?5 IS NULL OR first < ?5)")?;
        let (from, to) = range.hours();
        let mut epochs = Vec::new();
        let mut rows = statement.query(params![range.meter, range.equipment_id])?;
        while let Some(row) = rows.next()? {
            let (id, meter, equipment): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let arguments = params![from, to, id, range.from, range.to];
            let hour = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            let Some(begun) = earliest.query_row(arguments, hour).optional()? else { continue };
            let ended = latest.query_row(arguments, hour)?;
            let of_hours = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let (first, last) =
                bounds.query_row(params![begun, ended, id, range.from, range.to], of_hours)?;
            epochs.push(Epoch {
                meter,
                equipment_id: (!equipment.is_empty()).then_some(equipment),
                first,
                last,
            });
        }
        for block in snapshot.tail.iter().filter(|block| range.overlaps(block)) {
            let known = epochs
                .iter_mut()
                .find(|epoch| epoch.meter == *block.meter && epoch.equipment_id == block.equipment);
            match known {
                Some(epoch) => {
                    epoch.first = epoch.first.min(block.first);
                    epoch.last = epoch.last.max(block.last);
                }
                None => epochs.push(Epoch {
                    meter: block.meter.to_string(),
                    equipment_id: block.equipment.clone(),
                    first: block.first,
                    last: block.last,
                }),
            }
        }
        epochs.sort_by(|a, b| (&a.meter, a.first).cmp(&(&b.meter, b.first)));
        Ok(epochs)
    }

    /// The columns of the readings in range, in order of the alphabet: keys as
    /// [`flatten`](crate::meter::record::flatten) writes them, and `mbus/<channel>/type=<type>` for each type of
    /// device. A block counts as a whole.
    pub fn columns(&self, range: &Range) -> Result<BTreeSet<String>, ReadError> {
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare(
            "SELECT DISTINCT l.columns FROM block b
             JOIN epoch e ON e.id = b.epoch JOIN layout l ON l.id = b.layout
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
               AND b.hour BETWEEN ?5 AND ?6 AND (?3 IS NULL OR b.last >= ?3) AND (?4 IS NULL OR b.first < ?4)",
        )?;
        let mut columns = BTreeSet::new();
        let Range { meter, equipment_id, from, to } = range;
        let (first, last) = range.hours();
        let mut all = snapshot.connection.prepare_cached("SELECT columns FROM layout")?;
        let mut rows = match *range == Range::default() {
            // Those of everything, without a look at every block.
            true => all.query([])?,
            false => statement.query(params![meter, equipment_id, from, to, first, last])?,
        };
        while let Some(row) = rows.next()? {
            columns.extend(row.get::<_, String>(0)?.lines().map(str::to_owned));
        }
        let tail = snapshot.tail.iter().filter(|block| range.overlaps(block));
        columns.extend(tail.flat_map(|block| block.columns.iter().cloned()));
        Ok(columns)
    }

    /// How many readings there are.
    pub fn count(&self) -> Result<u64, ReadError> {
        let sum = "SELECT ifnull(sum(count), 0) FROM block";
        let snapshot = self.snapshot();
        let stored = snapshot.connection.query_row(sum, [], |row| row.get::<_, i64>(0))?;
        let journaled: u64 = snapshot.tail.iter().map(|block| u64::from(block.count)).sum();
        Ok(stored.max(0) as u64 + journaled)
    }

    /// The readings in range by time, those of one time by meter and then as they came. A damaged block is an
    /// item; the readings after it follow. Where readings were given up there is one of each minute or quarter-hour, with
    /// the last value of everything; [`Archive::thinned`] tells up to when.
    pub fn readings(&self, range: Range) -> Result<Readings<'_>, ReadError> {
        self.hold()?;
        Readings::new(self, range, Some(Reader::of(self)))
    }

    /// The same, for a moment: whoever reads on renews nothing.
    fn series(&self, range: Range) -> Result<Readings<'_>, ReadError> {
        Readings::new(self, range, None)
    }

    /// The last reading of a meter from one instant on and before another, in seconds since 1970-01-01 00:00 UTC.
    /// Damaged blocks are passed over.
    pub fn last_reading(&self, meter: &str, from: i64, to: i64) -> Result<Option<Reading>, ReadError> {
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch
             WHERE b.hour BETWEEN ?2 AND ?3 AND e.meter = ?1 AND b.last >= ?4 AND b.first < ?5",
        )?;
        let hours = (from.div_euclid(3_600), to.div_euclid(3_600));
        let stored: Option<i64> =
            statement.query_row(params![meter, hours.0, hours.1, from, to], |row| row.get(0))?;
        let tail = snapshot
            .tail
            .iter()
            .filter(|block| *block.meter == *meter && block.last >= from && block.first < to);
        let Some(end) = tail.map(|block| block.last).chain(stored).max() else { return Ok(None) };
        // The hour in which it lies: a block may go on beyond what is asked for.
        let hour = end.min(to - 1).div_euclid(3_600) * 3_600;
        let range = Range {
            meter: Some(meter.to_owned()),
            from: Some(from.max(hour)),
            to: Some(to),
            ..Range::default()
        };
        Ok(self.series(range)?.filter_map(Result::ok).last().map(|stored| stored.reading))
    }

    /// The last reading of every meter. Damaged blocks are passed over.
    pub(super) fn latest(&self) -> Result<HashMap<String, Reading>, ReadError> {
        let mut ends: HashMap<String, i64> = HashMap::new();
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare(
            "SELECT e.meter, max(b.hour) FROM block b JOIN epoch e ON e.id = b.epoch GROUP BY e.meter",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            ends.insert(row.get(0)?, row.get::<_, i64>(1)?.saturating_mul(3_600));
        }
        for block in &snapshot.tail {
            let end = ends.entry(block.meter.to_string()).or_insert(block.last);
            *end = (*end).max(block.last);
        }
        let mut latest = HashMap::new();
        for (meter, end) in ends {
            let range = Range { meter: Some(meter.clone()), from: Some(end), ..Range::default() };
            let last = self.series(range)?.filter_map(Result::ok).last();
            latest.extend(last.map(|stored| (meter, stored.reading)));
        }
        Ok(latest)
    }
}
