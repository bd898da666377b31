//! Reading back: blocks and the journal's tail as one series in order of time, beside a writing process or
//! without one.
//!
//! Nothing is seen twice or missed at the seam: a snapshot of the database is taken, then the journal is read,
//! then it is checked that no cut came in between. Of the journal counts what the snapshot has no block of.

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
mod totals;
mod track;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};

pub use answer::{Answer, AnswerColumn};
pub use ask::{Cell, Measure, Query, Resolution, Selected, Span};
pub(in crate::store) use hours::Numbers;
pub use series::Readings;
use series::{Block, Source};

use super::codec;
use super::db;
use super::error::{OpenError, ReadError};
use super::journal::{self, Scanner};
use super::pending::{Finished, Pending, Place};
use super::tallies::Tallies;
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
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    /// Blocks of what is in the journal alone.
    tail: Vec<Finished>,
    /// The totals up to the end of the journal; none where the counters of the database cannot be read.
    tallies: Option<Tallies>,
    /// Whether what readings were given up for counts as readings.
    thinned: bool,
}

/// Cuts come every second hour: more than one of them while the journal is read is a fast replay.
const ATTEMPTS: usize = 100;

impl Archive {
    /// Opens the record of a database for reading.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        let watcher = db::open_to_read(path)?;
        let connection = db::open_to_read(path)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            // The first read takes the snapshot, which stays until the archive is dropped.
            connection.execute_batch("BEGIN").map_err(fail)?;
            let sequence = db::sequence(&connection).map_err(fail)?;
            let heard = db::epoch::heard(&connection).map_err(fail)?;
            let mut tallies = tallies(&connection).map_err(fail)?;
            let tail = read_tail(path, sequence, Pending::after(heard), tallies.as_mut())?;
            if db::sequence(&watcher).map_err(fail)? == sequence || attempts >= ATTEMPTS {
                return Ok(Self { connection, tail, tallies, thinned: true });
            }
            connection.execute_batch("ROLLBACK").map_err(fail)?;
        }
    }

    /// Opens what is in blocks of readings, whatever the journal holds.
    pub(super) fn of_blocks(path: &Path) -> Result<Self, OpenError> {
        let connection = db::open_to_read(path)?;
        let begun = connection.execute_batch("BEGIN");
        begun.map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
        Ok(Self { connection, tail: Vec::new(), tallies: None, thinned: false })
    }

    /// The names of the meters that have readings, or positions from the history of another program.
    pub fn meters(&self) -> Result<BTreeSet<String>, ReadError> {
        let mut statement = self
            .connection
            .prepare("SELECT DISTINCT meter FROM epoch UNION SELECT DISTINCT meter FROM counter")?;
        let mut meters =
            statement.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
        meters.extend(self.tail.iter().map(|block| block.meter.to_string()));
        Ok(meters)
    }

    /// The equipment that stood behind the meters in range, by meter and then by time. A block counts as a whole.
    pub fn epochs(&self, range: &Range) -> Result<Vec<Epoch>, ReadError> {
        let mut statement = self.connection.prepare(
            "SELECT e.meter, e.equipment_id, min(b.first), max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
               AND (?3 IS NULL OR b.last >= ?3) AND (?4 IS NULL OR b.first < ?4) GROUP BY e.id",
        )?;
        let epoch = |row: &rusqlite::Row<'_>| {
            let id: String = row.get(1)?;
            let equipment_id = (!id.is_empty()).then_some(id);
            Ok(Epoch { meter: row.get(0)?, equipment_id, first: row.get(2)?, last: row.get(3)? })
        };
        let mut epochs: Vec<Epoch> = statement
            .query_map(params![range.meter, range.equipment_id, range.from, range.to], epoch)?
            .collect::<Result<_, _>>()?;
        for block in self.tail.iter().filter(|block| range.overlaps(block)) {
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
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT l.columns FROM block b
             JOIN epoch e ON e.id = b.epoch JOIN layout l ON l.id = b.layout
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
               AND b.hour BETWEEN ?5 AND ?6 AND (?3 IS NULL OR b.last >= ?3) AND (?4 IS NULL OR b.first < ?4)",
        )?;
        let mut columns = BTreeSet::new();
        let Range { meter, equipment_id, from, to } = range;
        let (first, last) = range.hours();
        let mut rows = statement.query(params![meter, equipment_id, from, to, first, last])?;
        while let Some(row) = rows.next()? {
            columns.extend(row.get::<_, String>(0)?.lines().map(str::to_owned));
        }
        let tail = self.tail.iter().filter(|block| range.overlaps(block));
        columns.extend(tail.flat_map(|block| block.columns.iter().cloned()));
        Ok(columns)
    }

    /// How many readings there are.
    pub fn count(&self) -> Result<u64, ReadError> {
        let sum = "SELECT ifnull(sum(count), 0) FROM block";
        let stored = self.connection.query_row(sum, [], |row| row.get::<_, i64>(0))?;
        let journaled: u64 = self.tail.iter().map(|block| u64::from(block.count)).sum();
        Ok(stored.max(0) as u64 + journaled)
    }

    /// The readings in range by time, those of one time by meter and then as they came. A damaged block is an
    /// item; the readings after it follow. Where readings were given up there is one of each minute or quarter-hour, with
    /// the last value of everything; [`Archive::thinned`] tells up to when.
    pub fn readings(&self, range: Range) -> Result<Readings<'_>, ReadError> {
        let mut blocks = Vec::new();
        {
            let mut statement = self.connection.prepare(
                "SELECT b.id, b.hour, e.meter, b.ordered, b.codec, e.equipment_id FROM block b JOIN epoch e ON e.id = b.epoch
                 WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
                   AND b.hour BETWEEN ?5 AND ?6 AND (?3 IS NULL OR b.last >= ?3) AND (?4 IS NULL OR b.first < ?4)
                   AND (?7 OR b.level = 0)
                 ORDER BY b.hour, e.meter, b.id",
            )?;
            let Range { meter, equipment_id, from, to } = &range;
            let (first, last) = range.hours();
            let mut rows =
                statement.query(params![meter, equipment_id, from, to, first, last, self.thinned])?;
            while let Some(row) = rows.next()? {
                let (meter, id): (String, String) = (row.get(2)?, row.get(5)?);
                blocks.push(Block {
                    hour: row.get(1)?,
                    meter: meter.into(),
                    equipment_id: (!id.is_empty()).then(|| id.into()),
                    ordered: row.get(3)?,
                    codec: super::block::small(row, 4)?,
                    source: Source::Database(row.get(0)?),
                });
            }
        }
        let tail = self.tail.iter().filter(|block| range.overlaps(block));
        blocks.extend(tail.map(|block| Block {
            hour: block.hour,
            meter: Arc::clone(&block.meter),
            equipment_id: block.equipment.as_deref().map(Arc::from),
            ordered: block.ordered,
            codec: codec::VERSION,
            source: Source::Journal(block.data.clone()),
        }));
        // Stable: the journal's blocks stay behind those of the database.
        blocks.sort_by(|a, b| (a.hour, &a.meter).cmp(&(b.hour, &b.meter)));
        Ok(Readings::new(self, range, blocks))
    }

    /// The last reading of a meter from one instant on and before another, in seconds since 1970-01-01 00:00 UTC.
    /// Damaged blocks are passed over.
    pub fn last_reading(&self, meter: &str, from: i64, to: i64) -> Result<Option<Reading>, ReadError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch
             WHERE b.hour BETWEEN ?2 AND ?3 AND e.meter = ?1 AND b.last >= ?4 AND b.first < ?5",
        )?;
        let hours = (from.div_euclid(3_600), to.div_euclid(3_600));
        let stored: Option<i64> =
            statement.query_row(params![meter, hours.0, hours.1, from, to], |row| row.get(0))?;
        let tail =
            self.tail.iter().filter(|block| *block.meter == *meter && block.last >= from && block.first < to);
        let Some(end) = tail.map(|block| block.last).chain(stored).max() else { return Ok(None) };
        // The hour in which it lies: a block may go on beyond what is asked for.
        let hour = end.min(to - 1).div_euclid(3_600) * 3_600;
        let range = Range {
            meter: Some(meter.to_owned()),
            from: Some(from.max(hour)),
            to: Some(to),
            ..Range::default()
        };
        Ok(self.readings(range)?.filter_map(Result::ok).last().map(|stored| stored.reading))
    }

    /// The last reading of every meter. Damaged blocks are passed over.
    pub(super) fn latest(&self) -> Result<HashMap<String, Reading>, ReadError> {
        let mut ends: HashMap<String, i64> = HashMap::new();
        let mut statement = self.connection.prepare(
            "SELECT e.meter, max(b.hour) FROM block b JOIN epoch e ON e.id = b.epoch GROUP BY e.meter",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            ends.insert(row.get(0)?, row.get::<_, i64>(1)?.saturating_mul(3_600));
        }
        for block in &self.tail {
            let end = ends.entry(block.meter.to_string()).or_insert(block.last);
            *end = (*end).max(block.last);
        }
        let mut latest = HashMap::new();
        for (meter, end) in ends {
            let range = Range { meter: Some(meter.clone()), from: Some(end), ..Range::default() };
            let last = self.readings(range)?.filter_map(Result::ok).last();
            latest.extend(last.map(|stored| (meter, stored.reading)));
        }
        Ok(latest)
    }
}

/// The tallies of the database; none where its counters make no sense, which costs the totals and no reading.
fn tallies(connection: &Connection) -> rusqlite::Result<Option<Tallies>> {
    match db::totals::counters(connection) {
        Ok(counters) => Ok(Some(Tallies::restore(counters))),
        Err(error) if error.sqlite_error().is_some() => Err(error),
        Err(error) => {
            tracing::warn!(error = %error, "the counters in the database cannot be read");
            Ok(None)
        }
    }
}

/// Packs what the journal holds beyond `sequence` into blocks, so that there is one way to read, and tells the
/// tallies of it.
fn read_tail(
    database: &Path,
    sequence: u64,
    mut pending: Pending,
    mut tallies: Option<&mut Tallies>,
) -> Result<Vec<Finished>, OpenError> {
    let fail = |error| OpenError::Io { path: journal::path_of(database), error };
    let Some(bytes) = journal::read(database).map_err(fail)? else { return Ok(Vec::new()) };
    for (number, meter, row) in Scanner::new(&bytes) {
        if number > sequence {
            let reading = row.clone().into_reading();
            if let Some(tallies) = &mut tallies {
                tallies.take(&meter, &reading);
            }
            let place = Place::of(&meter, &reading);
            pending.roll(&place);
            // What the journal took fits in a block.
            let _ = pending.push(&place, &row);
        }
    }
    pending.finish_all();
    Ok(pending.finished().to_vec())
}
