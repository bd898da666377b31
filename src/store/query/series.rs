//! The readings of many blocks as one series in order of time.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::{Archive, Range, Stored};
use crate::meter::Reading;
use crate::store::block::{self, BlockReader};
use crate::store::codec::{Damaged, Row};
use crate::store::error::ReadError;

#[derive(Debug)]
pub(super) enum Source {
    Database(i64),
    Journal(Vec<u8>),
}

/// Where readings of one hour and equipment lie.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) hour: i64,
    pub(super) meter: Arc<str>,
    pub(super) equipment_id: Option<Arc<str>>,
    pub(super) ordered: bool,
    pub(super) codec: u8,
    pub(super) source: Source,
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
    blocks: VecDeque<Block>,
    open: Vec<Stream>,
    problems: VecDeque<ReadError>,
}

impl<'a> Readings<'a> {
    /// The readings of blocks that stand in order of hour and meter.
    pub(super) fn new(archive: &'a Archive, range: Range, blocks: Vec<Block>) -> Self {
        Self { archive, range, blocks: blocks.into(), open: Vec::new(), problems: VecDeque::new() }
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
                None if self.blocks.is_empty() => return None,
                None => {
                    self.open.clear();
                    self.open_hour();
                }
            }
        }
    }
}
