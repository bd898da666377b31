//! Answers: spans one after the other, each from the coarsest level of the record that is exact.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::iter::Peekable;
use std::sync::Arc;

use super::ask::{Cell, Measure, Resolution, Span};
use super::blocks::Parts;
use super::counts::{add, is_of, of_period, zeros};
use super::fields::Source;
use super::gather::Gathered;
use super::reduce::{Came, Keys, Wanted, reduce};
use super::rise::Periods;
use super::track::Track;
use super::{Archive, Range, ReadError, Reader, Readings, Stored};
use crate::meter::{Quantity, Unit, Zone};

/// Hours that are summed up in one snapshot.
const A_DAY: u32 = 24;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// `power_import.mean`; without a measure the field's name alone.
    pub name: String,
    /// The field, as in [`super::Selected`].
    pub field: String,
    /// What of it.
    pub measure: Option<Measure>,
    /// The unit of its numbers, that of the newest where it changed; none for texts.
    pub unit: Option<Unit>,
}

/// Spans in order of time, those of one time by meter. Holds what one hour takes, however long the range.
#[derive(Debug)]
pub struct Answer<'a> {
    pub(super) archive: &'a Archive,
    /// That it is being read; none where its readings say so.
    pub(super) _reader: Option<Reader<'a>>,
    /// Blocks that were taken in one snapshot.
    pub(super) taken: u32,
    pub(super) columns: Vec<AnswerColumn>,
    /// The source of each column.
    pub(super) places: Vec<usize>,
    pub(super) sources: Vec<Source>,
    pub(super) resolution: Resolution,
    pub(super) zone: Zone,
    pub(super) range: Range,
    pub(super) feed: Feed<'a>,
    /// What rises, of quarter-hours and longer.
    pub(super) periods: Vec<Periods>,
    /// What rises, of shorter spans, by meter; and how long after its instant a position may come.
    pub(super) tracks: HashMap<Arc<str>, Track>,
    pub(super) late: i64,
    /// The readings that bring what rises.
    pub(super) tracked: Option<Peekable<Readings<'a>>>,
    /// Spans that are not told yet.
    pub(super) rows: BTreeMap<(i64, Arc<str>), Row>,
    /// The start of the first that was not told.
    pub(super) told_to: i64,
    pub(super) ready: VecDeque<Result<Span, ReadError>>,
}

/// Where the spans come from.
#[derive(Debug)]
pub(super) enum Feed<'a> {
    /// One reading after the other, where each is a row.
    Readings(Readings<'a>),
    /// Block by block; the keys are those of the block before.
    Parts(Parts, Option<Keys>),
    /// The end.
    None,
}

/// A span that is being put together.
#[derive(Debug)]
pub(super) struct Row {
    end: i64,
    equipment_id: Option<Arc<str>>,
    /// When that was heard, as far as blocks tell it.
    heard: i64,
    /// By source.
    gathered: Vec<Gathered>,
    deltas: Vec<Option<Quantity>>,
}

impl Answer<'_> {
    /// Its columns: those asked for, or all that there are.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// Takes the next reading or block; false after the last.
    fn advance(&mut self) -> Result<bool, ReadError> {
        let more = match &mut self.feed {
            Feed::Readings(readings) => match readings.next() {
                Some(stored) => {
                    self.tell_reading(&stored?);
                    true
                }
                None => false,
            },
            Feed::Parts(..) => self.take_part()?,
            Feed::None => return Ok(false),
        };
        if !more {
            self.feed = Feed::None;
            self.follow_until(i64::MAX);
            self.settle(i64::MAX)?;
        }
        Ok(more)
    }

    /// Takes the next block; false after the last.
    fn take_part(&mut self) -> Result<bool, ReadError> {
        let Feed::Parts(parts, keys) = &mut self.feed else { return Ok(false) };
        if self.taken == 0 {
            self.archive.hold()?;
        }
        let Some(part) = parts.next(self.archive)? else { return Ok(false) };
        self.taken += 1;
        self.archive.as_opened(&mut self.range);
        let keys = match keys.take() {
            Some(known) if known.are_of(&part.columns) => keys.insert(known),
            _ => keys.insert(Keys::of(&part.columns, &self.sources)),
        };
        let wanted = Wanted {
            sources: &self.sources,
            resolution: self.resolution,
            zone: &self.zone,
            range: &self.range,
        };
        let heard = self.range.to.map_or(part.last, |to| part.last.min(to - 1));
        let (rows, sources) = (&mut self.rows, &self.sources);
        let outcome = reduce(self.archive, &part, keys, &wanted, |(start, end), came| {
            let row = row(rows, sources, (start, &part.meter), end);
            match came {
                Came::Reading if heard >= row.heard => {
                    row.heard = heard;
                    row.equipment_id.clone_from(&part.equipment_id);
                }
                Came::Reading => {}
                Came::Numbers(source, zero, stats) => {
                    row.gathered[source].add(zero.unit, zero.value.scale(), stats);
                }
                Came::Value(source, time, cell) => row.gathered[source].cell(time, cell),
            }
        });
        // Blocks of different hours do not overlap.
        let next = parts.hour().unwrap_or(part.hour);
        if next > part.hour {
            self.follow_until((part.hour + 1) * 3_600);
            let (start, _) = self.resolution.span(&self.zone, next * 3_600);
            let reached = if self.tracked.is_some() { (part.hour + 1) * 3_600 - self.late } else { start };
            self.settle(start.min(reached))?;
            // While these are taken. Of hours and longer a block is a summary, which takes no time.
            let enough = if self.resolution < Resolution::Hour { 1 } else { A_DAY };
            if !self.ready.is_empty() && self.taken >= enough {
                self.archive.let_go()?;
                self.taken = 0;
            }
        }
        outcome.map(|()| true)
    }

    /// Follows the registers by the readings before an instant.
    fn follow_until(&mut self, before: i64) {
        while let Some(tracked) = &mut self.tracked {
            let next = tracked.next_if(|stored| {
                stored.as_ref().map_or(true, |stored| stored.reading.utc_seconds() < before)
            });
            match next {
                Some(Ok(stored)) => self.follow(&stored),
                // What is damaged was told by its block.
                Some(Err(_)) => {}
                None => return,
            }
        }
    }

    /// A row of a single reading.
    fn tell_reading(&mut self, stored: &Stored) {
        let time = stored.reading.utc_seconds();
        let mut deltas = vec![None; self.sources.len()];
        if let Some(track) = self.tracks.get_mut(&stored.meter) {
            let sources = &self.sources;
            track.take(&stored.reading, |rise| {
                for (delta, _) in deltas.iter_mut().zip(sources).filter(|(_, source)| is_of(source, &rise)) {
                    add(delta, Quantity { value: rise.by, unit: rise.unit });
                }
            });
            zeros(&mut deltas, sources, track);
        }
        let cells = self.columns.iter().zip(&self.places).map(|(column, place)| match column.measure {
            Some(Measure::Delta) => deltas[*place].map(Cell::Number),
            _ => self.sources[*place].of_reading(&stored.reading),
        });
        let cells = cells.collect();
        let (meter, equipment_id) = (Arc::clone(&stored.meter), stored.equipment_id.clone());
        self.ready.push_back(Ok(Span { meter, equipment_id, start: time, end: time, cells }));
    }

    /// Adds what rose by a reading to the spans in which it counts.
    fn follow(&mut self, stored: &Stored) {
        let Some(track) = self.tracks.get_mut(&stored.meter) else { return };
        let (sources, rows, told_to, to) = (&self.sources, &mut self.rows, self.told_to, self.range.to);
        track.take(&stored.reading, |rise| {
            if to.is_some_and(|to| rise.time > to) || !sources.iter().any(|source| is_of(source, &rise)) {
                return;
            }
            // A position at a boundary belongs to the span before it; one that is very late to the first there is.
            let (start, end) = self.resolution.span(&self.zone, rise.time - 1);
            let late = told_to.saturating_sub(start).max(0);
            let row = row(rows, sources, (start + late, &stored.meter), end + late);
            for (delta, _) in row.deltas.iter_mut().zip(sources).filter(|(_, source)| is_of(source, &rise)) {
                add(delta, Quantity { value: rise.by, unit: rise.unit });
            }
        });
        let (start, _) = self.resolution.span(&self.zone, stored.reading.utc_seconds());
        if let Some(row) = rows.get_mut(&(start, Arc::clone(&stored.meter))) {
            zeros(&mut row.deltas, sources, track);
        }
    }

    /// Tells the spans that begin before an instant: all of them are complete.
    fn settle(&mut self, before: i64) -> Result<(), ReadError> {
        for periods in &mut self.periods {
            while let Some(risen) = periods.next_before(self.archive, before)? {
                let deltas: Vec<Option<Quantity>> =
                    self.sources.iter().map(|source| of_period(source, &periods.scope, &risen)).collect();
                let key = (risen.start, Arc::clone(periods.meter()));
                // A span without a reading is told when something counts in it.
                if !self.rows.contains_key(&key) && deltas.iter().flatten().all(|delta| delta.value.is_zero())
                {
                    continue;
                }
                let row = row(&mut self.rows, &self.sources, (key.0, &key.1), risen.end);
                for (known, delta) in row.deltas.iter_mut().zip(deltas) {
                    *known = delta.or(*known);
                }
            }
        }
        while let Some(first) = self.rows.first_entry().filter(|first| first.key().0 < before) {
            let ((start, meter), row) = first.remove_entry();
            let cells = self.columns.iter().zip(&self.places).map(|(column, place)| match column.measure {
                Some(Measure::Delta) => row.deltas[*place].map(Cell::Number),
                measure => row.gathered[*place].tell(measure.unwrap_or(Measure::Last)),
            });
            let cells = cells.collect();
            let span = Span { meter, equipment_id: row.equipment_id, start, end: row.end, cells };
            self.ready.push_back(Ok(span));
        }
        self.told_to = self.told_to.max(before);
        Ok(())
    }
}

impl Iterator for Answer<'_> {
    type Item = Result<Span, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(span) = self.ready.pop_front() {
                return Some(span);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) if self.ready.is_empty() => return None,
                Ok(false) => {}
                Err(problem) => {
                    // What is damaged is passed over; what cannot be read now cannot be read a moment later.
                    if !matches!(problem, ReadError::Damaged { .. }) {
                        (self.feed, self.tracked) = (Feed::None, None);
                    }
                    return Some(Err(problem));
                }
            }
        }
    }
}

/// The row of a span and meter, added when it was not there.
fn row<'r>(
    rows: &'r mut BTreeMap<(i64, Arc<str>), Row>,
    sources: &[Source],
    (start, meter): (i64, &Arc<str>),
    end: i64,
) -> &'r mut Row {
    rows.entry((start, Arc::clone(meter))).or_insert_with(|| Row {
        end,
        equipment_id: None,
        heard: i64::MIN,
        gathered: vec![Gathered::default(); sources.len()],
        deltas: vec![None; sources.len()],
    })
}
