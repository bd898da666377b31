//! The readings of many blocks as one series in order of time.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::{Archive, Range, Stored};
use crate::meter::Reading;
use crate::store::block::{self, BlockReader};
use crate::store::codec::{self, Damaged, Row};
use crate::store::error::ReadError;

/// Hours whose blocks are looked up together: a range of years has tens of thousands of them.
const WINDOW: i64 = 31 * 24;

#[derive(Debug)]
enum Source {
    Database(i64),
    Journal(Vec<u8>),
}

/// Where readings of one hour and equipment lie.
#[derive(Debug)]
struct Block {
    hour: i64,
    meter: Arc<str>,
    equipment_id: Option<Arc<str>>,
    ordered: bool,
    codec: u8,
    source: Source,
}

/// One block being read, with its next reading.
#[derive(Debug)]
struct Stream {
    meter: Arc<str>,
    equipment_id: Option<Arc<str>>,
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
    /// In order of hour and meter.
    blocks: VecDeque<Block>,
    /// The next hour to look up; none after the last.
    next: Option<i64>,
    open: Vec<Stream>,
    problems: VecDeque<ReadError>,
}

impl<'a> Readings<'a> {
    /// Those in range.
    pub(super) fn new(archive: &'a Archive, range: Range) -> Result<Self, ReadError> {
        let next = Some(range.hours().0);
        let (open, problems) = (Vec::new(), VecDeque::new());
        let mut readings = Self { archive, range, blocks: VecDeque::new(), next, open, problems };
        readings.look_up()?;
        Ok(readings)
    }

    /// Looks up the blocks of the next hours that have any.
    fn look_up(&mut self) -> Result<(), ReadError> {
        let Self { archive, range, .. } = self;
        while self.blocks.is_empty()
            && let Some(from) = self.next
        {
            self.next = None;
            let last = range.hours().1;
            let earliest = "SELECT min(hour) FROM block WHERE hour BETWEEN ?1 AND ?2";
            let stored: Option<i64> =
                archive.connection.prepare_cached(earliest)?.query_row([from, last], |row| row.get(0))?;
            let tail =
                archive.tail.iter().map(|block| block.hour).filter(|hour| (from..=last).contains(hour));
            let Some(first) = tail.chain(stored).min() else { break };
            let end = last.min(first.saturating_add(WINDOW - 1));
            let mut statement = archive.connection.prepare_cached(
                "SELECT b.id, b.hour, e.meter, b.ordered, b.codec, e.equipment_id
                 FROM block b JOIN epoch e ON e.id = b.epoch
                 WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
                   AND b.hour BETWEEN ?5 AND ?6 AND (?3 IS NULL OR b.last >= ?3) AND (?4 IS NULL OR b.first < ?4)
                   AND (?7 OR b.level = 0)
                 ORDER BY b.hour, e.meter, b.id",
            )?;
            let Range { meter, equipment_id, from, to } = &*range;
            let mut rows =
                statement.query(params![meter, equipment_id, from, to, first, end, archive.thinned])?;
            while let Some(row) = rows.next()? {
                let (meter, id): (String, String) = (row.get(2)?, row.get(5)?);
                self.blocks.push_back(Block {
                    hour: row.get(1)?,
                    meter: meter.into(),
                    equipment_id: (!id.is_empty()).then(|| id.into()),
                    ordered: row.get(3)?,
                    codec: block::small(row, 4)?,
                    source: Source::Database(row.get(0)?),
                });
            }
            let of_hours = archive.tail.iter().filter(|block| (first..=end).contains(&block.hour));
            self.blocks.extend(of_hours.filter(|block| range.overlaps(block)).map(|block| Block {
                hour: block.hour,
                meter: Arc::clone(&block.meter),
                equipment_id: block.equipment.as_deref().map(Arc::from),
                ordered: block.ordered,
                codec: codec::VERSION,
                source: Source::Journal(block.data.clone()),
            }));
            // Stable: the journal's blocks stay behind those of the database.
            self.blocks.make_contiguous().sort_by(|a, b| (a.hour, &a.meter).cmp(&(b.hour, &b.meter)));
            self.next = (end < last).then(|| end + 1);
        }
        Ok(())
    }

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
        let reader = block::rows(block.codec, data).map_err(damaged)?;
        let rows = if block.ordered {
            Rows::Ordered(Box::new(reader))
        } else {
            let mut rows =
                reader.map(|row| row.map(timed)).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
            rows.sort_by_key(|(time, _)| *time);
            Rows::Sorted(rows.into_iter())
        };
        Ok(Stream { meter: block.meter, equipment_id: block.equipment_id, name, next: None, rows })
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
                    let equipment_id = self.open[place].equipment_id.clone();
                    let next = self.open[place].next.take();
                    self.advance(place);
                    if let Some((_, reading)) = next {
                        return Some(Ok(Stored { meter, equipment_id, reading }));
                    }
                }
                None => {
                    self.open.clear();
                    // After a failure there is no next hour: it is told, and is the end.
                    if let Err(problem) = self.look_up() {
                        return Some(Err(problem));
                    }
                    if self.blocks.is_empty() {
                        return None;
                    }
                    self.open_hour();
                }
            }
        }
    }
}
