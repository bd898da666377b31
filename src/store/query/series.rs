//! The readings of many blocks as one series in order of time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::blocks::{Part, Parts};
use super::{Archive, Range, Reader, Stored};
use crate::meter::Reading;
use crate::store::block::{self, BlockReader};
use crate::store::codec::{Damaged, Row};
use crate::store::error::ReadError;

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
    parts: Parts,
    open: Vec<Stream>,
    problems: VecDeque<ReadError>,
    /// That they are being read; none where it is for a moment, and in the snapshot that there is.
    reader: Option<Reader<'a>>,
}

impl<'a> Readings<'a> {
    pub(super) fn new(
        archive: &'a Archive,
        mut range: Range,
        reader: Option<Reader<'a>>,
    ) -> Result<Self, ReadError> {
        archive.as_opened(&mut range);
        let parts = Parts::new(archive, range.clone())?;
        Ok(Self { archive, range, parts, open: Vec::new(), problems: VecDeque::new(), reader })
    }

    /// Opens every block of the next hour: blocks of different hours do not overlap. False after the last.
    fn open_hour(&mut self) -> Result<bool, ReadError> {
        if self.reader.is_none() {
            return self.open_parts();
        }
        self.archive.hold()?;
        let more = self.open_parts()?;
        // What it takes is in memory.
        self.archive.let_go()?;
        Ok(more)
    }

    fn open_parts(&mut self) -> Result<bool, ReadError> {
        let Some(first) = self.parts.next(self.archive)? else { return Ok(false) };
        self.archive.as_opened(&mut self.range);
        let hour = first.hour;
        self.open_part(first);
        while self.parts.hour() == Some(hour) {
            let Some(part) = self.parts.next(self.archive)? else { break };
            self.open_part(part);
        }
        for place in 0..self.open.len() {
            self.advance(place);
        }
        Ok(true)
    }

    fn open_part(&mut self, part: Part) {
        // What readings were given up for.
        if part.level > 0 && !self.archive.thinned {
            return;
        }
        match self.stream(part) {
            Ok(stream) => self.open.push(stream),
            Err(problem) => self.problems.push_back(problem),
        }
    }

    fn stream(&self, part: Part) -> Result<Stream, ReadError> {
        let data = part.data(self.archive)?;
        let name = (part.number(), part.hour);
        let damaged = |_: Damaged| damage(name, &part.meter);
        let reader = block::rows(part.codec, data).map_err(damaged)?;
        let rows = if part.ordered {
            Rows::Ordered(Box::new(reader))
        } else {
            let mut rows =
                reader.map(|row| row.map(timed)).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
            rows.sort_by_key(|(time, _)| *time);
            Rows::Sorted(rows.into_iter())
        };
        Ok(Stream { meter: part.meter, equipment_id: part.equipment_id, name, next: None, rows })
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
                    match self.open_hour() {
                        Ok(true) => {}
                        Ok(false) => return None,
                        Err(problem) => {
                            // What cannot be looked up now cannot be looked up a moment later.
                            self.parts.end();
                            return Some(Err(problem));
                        }
                    }
                }
            }
        }
    }
}
