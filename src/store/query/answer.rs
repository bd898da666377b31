//! Answers: spans one after the other, each from the coarsest level of the record that is exact.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::ask::{Cell, Measure, Query, Resolution, Span};
use super::fields::{self, Source};
use super::gather::Gathered;
use super::rise::{LATE, Periods, Rise, Risen, Scope, Track};
use super::{Archive, Range, ReadError, Readings, Stored};
use crate::meter::{Field, Quantity, Unit, Zone, energy};
use crate::totals::Register;

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
    archive: &'a Archive,
    columns: Vec<AnswerColumn>,
    /// The source of each column.
    places: Vec<usize>,
    sources: Vec<Source>,
    resolution: Resolution,
    zone: Zone,
    range: Range,
    readings: Option<Readings<'a>>,
    /// What rises, of quarter-hours and longer.
    periods: Vec<Periods>,
    /// What rises, of shorter spans, by meter; and how long after its instant a position may come.
    tracks: HashMap<Arc<str>, Track>,
    late: i64,
    /// Spans that are not told yet.
    rows: BTreeMap<(i64, Arc<str>), Row>,
    /// The span of the last reading, and the start of the first that was not told.
    span: (i64, i64),
    told_to: i64,
    ready: VecDeque<Result<Span, ReadError>>,
}

/// A span that is being put together.
#[derive(Debug)]
struct Row {
    end: i64,
    equipment_id: Option<Arc<str>>,
    /// By source.
    gathered: Vec<Gathered>,
    deltas: Vec<Option<Quantity>>,
}

impl Answer<'_> {
    /// Its columns: those asked for, or all that there are.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// Takes the next reading; false after the last.
    fn advance(&mut self) -> Result<bool, ReadError> {
        let next = self.readings.as_mut().and_then(Iterator::next);
        let stored = match next {
            Some(stored) => stored?,
            None => {
                if self.readings.take().is_some() {
                    self.settle(i64::MAX)?;
                }
                return Ok(false);
            }
        };
        let time = stored.reading.utc_seconds();
        if self.resolution == Resolution::Raw {
            self.tell_reading(time, &stored);
            return Ok(true);
        }
        if !(self.span.0..self.span.1).contains(&time) {
            self.span = self.resolution.span(&self.zone, time);
            self.settle(self.span.0.saturating_sub(self.late))?;
        }
        // What comes after the range is of interest for its positions alone.
        if self.range.to.is_none_or(|to| time < to) {
            let (start, end) = self.span;
            let row = row(&mut self.rows, &self.sources, (start, &stored.meter), end);
            row.equipment_id.clone_from(&stored.equipment_id);
            for (gathered, source) in row.gathered.iter_mut().zip(&self.sources) {
                if let Some(cell) = source.of_reading(&stored.reading) {
                    gathered.cell(time, cell);
                }
            }
        }
        self.follow(&stored);
        Ok(true)
    }

    /// A row of a single reading.
    fn tell_reading(&mut self, time: i64, stored: &Stored) {
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
        if let Some(row) = rows.get_mut(&(self.span.0, Arc::clone(&stored.meter))) {
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
                Err(problem) => return Some(Err(problem)),
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
        gathered: vec![Gathered::default(); sources.len()],
        deltas: vec![None; sources.len()],
    })
}

fn add(sum: &mut Option<Quantity>, by: Quantity) {
    *sum = Some(match *sum {
        Some(sum) if sum.unit == by.unit => {
            Quantity { value: sum.value.checked_add(by.value).unwrap_or(sum.value), unit: sum.unit }
        }
        _ => by,
    });
}

/// Whether what rose counts for a source.
fn is_of(source: &Source, rise: &Rise) -> bool {
    counts_for(source, rise.register, rise.in_total, rise.channel)
}

fn counts_for(source: &Source, register: Register, in_total: bool, channel: Option<u8>) -> bool {
    match (source, register) {
        (Source::Field(Field::EnergyImportTotal), Register::Energy(field)) => {
            in_total && (field == Field::EnergyImportTotal || energy::IMPORT_TARIFFS.contains(&field))
        }
        (Source::Field(Field::EnergyExportTotal), Register::Energy(field)) => {
            in_total && (field == Field::EnergyExportTotal || energy::EXPORT_TARIFFS.contains(&field))
        }
        (Source::Field(wanted), Register::Energy(field)) => *wanted == field,
        (Source::Class(wanted), Register::Device { class, .. }) => *wanted == class,
        (Source::Channel(wanted), Register::Device { .. }) => channel == Some(*wanted),
        _ => false,
    }
}

/// A span with a reading, in which a register that is known did not rise, tells zero.
fn zeros(deltas: &mut [Option<Quantity>], sources: &[Source], track: &Track) {
    for (delta, source) in deltas.iter_mut().zip(sources).filter(|(delta, _)| delta.is_none()) {
        let known = track.counters().find(|(counter, in_total, channel)| {
            counter.counts() && counts_for(source, counter.key.register, *in_total, *channel)
        });
        if let Some((counter, ..)) = known {
            let value = counter.last.value;
            let value = value.checked_sub(value).unwrap_or_default();
            *delta = Some(Quantity { value, unit: counter.unit });
        }
    }
}

/// What a period tells of a source.
fn of_period(source: &Source, scope: &Scope, risen: &Risen) -> Option<Quantity> {
    match (source, scope) {
        (Source::Field(field), Scope::Meter(_)) => {
            let of = |(other, value): &(Field, _)| {
                (other == field).then_some(Quantity { value: *value, unit: Unit::KiloWattHour })
            };
            risen.energy.iter().find_map(of)
        }
        (Source::Class(class), Scope::Meter(_)) => {
            risen.devices.iter().find(|(of, _)| of == class).map(|(_, quantity)| *quantity)
        }
        (Source::Channel(channel), Scope::Channel(of)) if channel == of => {
            risen.devices.first().map(|(_, quantity)| *quantity)
        }
        _ => None,
    }
}

impl Archive {
    /// Answers a question. Damaged blocks are items; what comes after them follows.
    ///
    /// A position that a device on the M-Bus stamped counts at its stamp, at [`Resolution::Raw`] with the reading that
    /// brought it. Deltas of quarter-hours and longer are those of the totals, to the digit.
    ///
    /// # Errors
    /// The record cannot be read, or a field is none that it has.
    pub fn query(&self, query: &Query) -> Result<Answer<'_>, ReadError> {
        let Query { range, resolution, columns, zone } = query;
        let (planned, sources) = fields::plan(columns, *resolution, &self.columns(range)?)?;
        let (mut columns, mut places) = (Vec::new(), Vec::new());
        for column in planned {
            columns.push(column.column);
            places.push(column.source);
        }
        self.find_units(range, &mut columns, &places, &sources)?;
        let rising: Vec<&Source> = columns
            .iter()
            .zip(&places)
            .filter(|(column, _)| column.measure == Some(Measure::Delta))
            .map(|(_, place)| &sources[*place])
            .collect();
        let channels: Vec<u8> = rising
            .iter()
            .filter_map(|source| if let Source::Channel(channel) = source { Some(*channel) } else { None })
            .collect();
        let (mut periods, mut tracks, mut late) = (Vec::new(), HashMap::new(), 0);
        let mut readings = range.clone();
        if !rising.is_empty() {
            let meters =
                self.meters()?.into_iter().filter(|meter| range.meter.as_ref().is_none_or(|m| m == meter));
            for meter in meters {
                let meter: Arc<str> = meter.into();
                match resolution.step() {
                    Some(step) => {
                        let whole = rising.iter().any(|source| !matches!(source, Source::Channel(_)));
                        let whole = whole.then(|| Scope::Meter(range.equipment_id.clone()));
                        let scopes =
                            whole.into_iter().chain(channels.iter().map(|channel| Scope::Channel(*channel)));
                        for scope in scopes {
                            let limits = (range.from, range.to);
                            periods.push(Periods::new(self, Arc::clone(&meter), scope, step, zone, limits)?);
                        }
                    }
                    None => {
                        let equipment = range.equipment_id.clone();
                        // A reading at the very start is one of the range, and a minute begins behind it.
                        let back = i64::from(*resolution == Resolution::Raw);
                        let from = range.from.map(|from| from.saturating_sub(back));
                        let track = Track::new(self, &meter, equipment, from, &channels)?;
                        tracks.insert(meter, track);
                    }
                }
            }
            if *resolution == Resolution::Minute {
                let devices = rising.iter().any(|source| !matches!(source, Source::Field(_)));
                late = if devices { LATE } else { 60 };
                readings.to = range.to.map(|to| to.saturating_add(late));
            }
        }
        Ok(Answer {
            archive: self,
            columns,
            places,
            sources,
            resolution: *resolution,
            zone: zone.clone(),
            range: range.clone(),
            readings: Some(self.readings(readings)?),
            periods,
            tracks,
            late,
            rows: BTreeMap::new(),
            span: (0, 0),
            told_to: range.from.map_or(i64::MIN, |from| resolution.span(zone, from).0),
            ready: VecDeque::new(),
        })
    }

    /// Units that are up to the meter: those of the newest reading in range.
    fn find_units(
        &self,
        range: &Range,
        columns: &mut [AnswerColumn],
        places: &[usize],
        sources: &[Source],
    ) -> Result<(), ReadError> {
        if !sources.iter().any(Source::unit_varies) {
            return Ok(());
        }
        let (from, to) = (range.from.unwrap_or(i64::MIN), range.to.unwrap_or(i64::MAX));
        let meters =
            self.meters()?.into_iter().filter(|meter| range.meter.as_ref().is_none_or(|m| m == meter));
        for meter in meters {
            let Some(reading) = self.last_reading(&meter, from, to)? else { continue };
            let varying = columns.iter_mut().zip(places).filter(|(_, place)| sources[**place].unit_varies());
            for (column, place) in varying {
                if let Some(Cell::Number(quantity)) = sources[*place].of_reading(&reading) {
                    column.unit = Some(quantity.unit);
                }
            }
        }
        Ok(())
    }
}
