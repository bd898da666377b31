//! Reading back: blocks and the journal's tail as one series in order of time, beside a writing process or
//! without one.
//!
//! Nothing is seen twice or missed at the seam: a snapshot of the database is taken, then the journal is read,
//! then it is checked that no cut came in between. Of the journal counts what the snapshot has no block of.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::block::BlockReader;
use super::codec::{self, Damaged, Row};
use super::db;
use super::error::{OpenError, ReadError};
use super::journal::{self, Scanner};
use super::pending::{Finished, Pending, Place};
use crate::meter::Reading;

/// What is asked for; times are seconds since 1970-01-01 00:00 UTC, of the meter where it tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Of this meter alone.
    pub meter: Option<String>,
    /// Not before this.
    pub from: Option<i64>,
    /// Before this.
    pub to: Option<i64>,
}

impl Range {
    fn overlaps(&self, meter: &str, first: i64, last: i64) -> bool {
        self.meter.as_ref().is_none_or(|name| name == meter)
            && self.from.is_none_or(|from| last >= from)
            && self.to.is_none_or(|to| first < to)
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
    /// What it said.
    pub reading: Reading,
}

/// The record as it stood when it was opened.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    /// Blocks of what is in the journal alone.
    tail: Vec<Finished>,
}

/// Cuts come once an hour: more than one of them while the journal is read is a fast replay.
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
            let tail = read_tail(&journal::path_of(path), sequence)?;
            if db::sequence(&watcher).map_err(fail)? == sequence || attempts >= ATTEMPTS {
                return Ok(Self { connection, tail });
            }
            connection.execute_batch("ROLLBACK").map_err(fail)?;
        }
    }

    /// The names of the meters that have readings.
    pub fn meters(&self) -> Result<BTreeSet<String>, ReadError> {
        let mut statement = self.connection.prepare("SELECT DISTINCT meter FROM epoch")?;
        let mut meters =
            statement.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
        meters.extend(self.tail.iter().map(|block| block.meter.to_string()));
        Ok(meters)
    }

    /// The columns of the readings in range, in order of the alphabet: keys as
    /// [`flatten`](crate::meter::record::flatten) writes them, and `mbus/<channel>/type=<type>` for each type of
    /// device. A block counts as a whole.
    pub fn columns(&self, range: &Range) -> Result<BTreeSet<String>, ReadError> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT l.columns FROM block b
             JOIN epoch e ON e.id = b.epoch JOIN layout l ON l.id = b.layout
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR b.last >= ?2) AND (?3 IS NULL OR b.first < ?3)",
        )?;
        let mut columns = BTreeSet::new();
        let mut rows = statement.query(params![range.meter, range.from, range.to])?;
        while let Some(row) = rows.next()? {
            columns.extend(row.get::<_, String>(0)?.lines().map(str::to_owned));
        }
        let tail = self.tail.iter().filter(|block| range.overlaps(&block.meter, block.first, block.last));
        columns.extend(tail.flat_map(|block| block.columns.iter().cloned()));
        Ok(columns)
    }

    /// The readings in range by time, those of one time by meter and then as they came. A damaged block is an
    /// item; the readings after it follow.
    pub fn readings(&self, range: Range) -> Result<Readings<'_>, ReadError> {
        let mut blocks = Vec::new();
        {
            let mut statement = self.connection.prepare(
                "SELECT b.id, b.hour, e.meter, b.ordered, b.codec FROM block b JOIN epoch e ON e.id = b.epoch
                 WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR b.last >= ?2) AND (?3 IS NULL OR b.first < ?3)
                 ORDER BY b.hour, e.meter, b.id",
            )?;
            let mut rows = statement.query(params![range.meter, range.from, range.to])?;
            while let Some(row) = rows.next()? {
                let meter: String = row.get(2)?;
                blocks.push(Block {
                    hour: row.get(1)?,
                    meter: meter.into(),
                    ordered: row.get(3)?,
                    codec: row.get(4)?,
                    source: Source::Database(row.get(0)?),
                });
            }
        }
        let tail = self.tail.iter().filter(|block| range.overlaps(&block.meter, block.first, block.last));
        blocks.extend(tail.map(|block| Block {
            hour: block.hour,
            meter: Arc::clone(&block.meter),
            ordered: block.ordered,
            codec: codec::VERSION,
            source: Source::Journal(block.data.clone()),
        }));
        // Stable: the journal's blocks stay behind those of the database.
        blocks.sort_by(|a, b| (a.hour, &a.meter).cmp(&(b.hour, &b.meter)));
        Ok(Readings {
            archive: self,
            range,
            blocks: blocks.into(),
            open: Vec::new(),
            problems: VecDeque::new(),
        })
    }

    /// The last reading of every meter. Damaged blocks are passed over.
    pub(super) fn latest(&self) -> Result<HashMap<String, Reading>, ReadError> {
        let mut ends: HashMap<String, i64> = HashMap::new();
        let mut statement = self.connection.prepare(
            "SELECT e.meter, max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch GROUP BY e.meter",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            ends.insert(row.get(0)?, row.get(1)?);
        }
        for block in &self.tail {
            let end = ends.entry(block.meter.to_string()).or_insert(block.last);
            *end = (*end).max(block.last);
        }
        let mut latest = HashMap::new();
        for (meter, end) in ends {
            let range = Range { meter: Some(meter.clone()), from: Some(end), to: None };
            let last = self.readings(range)?.filter_map(Result::ok).last();
            latest.extend(last.map(|stored| (meter, stored.reading)));
        }
        Ok(latest)
    }
}

/// Packs what the journal holds beyond `sequence` into blocks, so that there is one way to read.
fn read_tail(path: &Path, sequence: u64) -> Result<Vec<Finished>, OpenError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OpenError::Io { path: path.to_owned(), error }),
    };
    let mut pending = Pending::default();
    for (number, meter, row) in Scanner::new(&bytes) {
        if number > sequence {
            let place = Place::of(&meter, &row.clone().into_reading());
            pending.roll(&place);
            // What the journal took fits in a block.
            let _ = pending.push(&place, &row);
        }
    }
    pending.finish_all();
    Ok(pending.finished().to_vec())
}

#[derive(Debug)]
enum Source {
    Database(i64),
    Journal(Vec<u8>),
}

#[derive(Debug)]
struct Block {
    hour: i64,
    meter: Arc<str>,
    ordered: bool,
    codec: u8,
    source: Source,
}

/// One block being read, with its next reading.
#[derive(Debug)]
struct Stream {
    meter: Arc<str>,
    /// Number of the block, 0 of one from the journal, and its hour.
    name: (i64, i64),
    next: Option<(i64, Reading)>,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Ordered(Box<BlockReader>),
    /// Read as a whole and put in order.
    Sorted(std::vec::IntoIter<(i64, Reading)>),
}

/// Readings one by one; holds the decoders of one hour at a time.
#[derive(Debug)]
pub struct Readings<'a> {
    archive: &'a Archive,
    range: Range,
    blocks: VecDeque<Block>,
    open: Vec<Stream>,
    problems: VecDeque<ReadError>,
}

impl Readings<'_> {
    /// Opens every block of the next hour: blocks of different hours do not overlap.
    fn open_hour(&mut self) {
        let Some(hour) = self.blocks.front().map(|block| block.hour) else { return };
        while self.blocks.front().is_some_and(|block| block.hour == hour) {
            let Some(block) = self.blocks.pop_front() else { return };
            match self.open_block(block) {
                Ok(stream) => self.open.push(stream),
                Err(problem) => self.problems.push_back(problem),
            }
        }
        for place in 0..self.open.len() {
            self.advance(place);
        }
    }

    fn open_block(&self, block: Block) -> Result<Stream, ReadError> {
        let (id, data) = match block.source {
            Source::Database(id) => {
                let mut statement =
                    self.archive.connection.prepare_cached("SELECT data FROM block WHERE id = ?1")?;
                (id, statement.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default())
            }
            Source::Journal(data) => (0, data),
        };
        let name = (id, block.hour);
        let damaged = |_: Damaged| damage(name, &block.meter);
        if block.codec != codec::VERSION {
            return Err(damage(name, &block.meter));
        }
        let reader = BlockReader::new(data).map_err(damaged)?;
        let rows = if block.ordered {
            Rows::Ordered(Box::new(reader))
        } else {
            let mut rows =
                reader.map(|row| row.map(timed)).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
            rows.sort_by_key(|(time, _)| *time);
            Rows::Sorted(rows.into_iter())
        };
        Ok(Stream { meter: block.meter, name, next: None, rows })
    }

    /// Brings a stream to its next reading in range.
    fn advance(&mut self, place: usize) {
        let stream = &mut self.open[place];
        stream.next = loop {
            let next = match &mut stream.rows {
                Rows::Ordered(rows) => match rows.next() {
                    Some(Ok(row)) => Some(timed(row)),
                    Some(Err(Damaged)) => {
                        self.problems.push_back(damage(stream.name, &stream.meter));
                        None
                    }
                    None => None,
                },
                Rows::Sorted(rows) => rows.next(),
            };
            match next {
                Some((time, _)) if !self.range.holds(time) => {}
                next => break next,
            }
        };
    }
}

fn damage((block, hour): (i64, i64), meter: &str) -> ReadError {
    ReadError::Damaged { block, meter: meter.to_owned(), hour_start: hour * 3_600 }
}

fn timed(row: Row) -> (i64, Reading) {
    let reading = row.into_reading();
    (reading.utc_seconds(), reading)
}

impl Iterator for Readings<'_> {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(problem) = self.problems.pop_front() {
                return Some(Err(problem));
            }
            // Of equals the first: streams stand in the order of meter and block.
            let streams = self.open.iter().enumerate();
            let first = streams
                .filter_map(|(place, stream)| Some((stream.next.as_ref()?.0, &stream.meter, place)))
                .min()
                .map(|(_, _, place)| place);
            match first {
                Some(place) => {
                    let meter = Arc::clone(&self.open[place].meter);
                    let next = self.open[place].next.take();
                    self.advance(place);
                    if let Some((_, reading)) = next {
                        return Some(Ok(Stored { meter, reading }));
                    }
                }
                None if self.blocks.is_empty() => return None,
                None => {
                    self.open.clear();
                    self.open_hour();
                }
            }
        }
    }
}
