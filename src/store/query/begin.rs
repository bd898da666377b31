//! A question looked at: what it takes to answer it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::answer::{Answer, AnswerColumn, Feed};
use super::ask::{Cell, Measure, Query, Resolution};
use super::blocks::Parts;
use super::fields::{self, Source};
use super::rise::{LATE, Periods, Scope};
use super::track::Track;
use super::{Archive, Range, ReadError, Reader, Readings};
use crate::meter::MbusClass;
use crate::totals::{CounterState, Register};

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
        self.hold()?;
        let mut range = range.clone();
        self.as_opened(&mut range);
        let range = &range;
        let reader = Reader::of(self);
        let mut keys = self.columns(range)?;
        if keys.is_empty() && resolution.step().is_some() {
            // Positions may be older than any reading.
            keys = self.counted(range)?;
        }
        let (planned, sources) = fields::plan(columns, *resolution, &keys)?;
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
        let (feed, tracked, reader) = if *resolution == Resolution::Raw {
            (Feed::Readings(Readings::new(self, readings, Some(reader))?), None, None)
        } else {
            let parts = Parts::new(self, range.clone())?;
            let tracked = (!tracks.is_empty()).then(|| self.series(readings)).transpose()?;
            (Feed::Parts(parts, None), tracked.map(Iterator::peekable), Some(reader))
        };
        Ok(Answer {
            archive: self,
            _reader: reader,
            taken: 0,
            columns,
            places,
            sources,
            resolution: *resolution,
            zone: zone.clone(),
            range: range.clone(),
            feed,
            periods,
            tracks,
            late,
            tracked,
            rows: BTreeMap::new(),
            told_to: range.from.map_or(i64::MIN, |from| resolution.span(zone, from).0),
            ready: VecDeque::new(),
        })
    }

    /// The counters of a meter that have positions in range.
    fn counters_of(&self, meter: &str, range: &Range) -> Result<Vec<CounterState>, ReadError> {
        let mut counters = self.counters(meter)?;
        counters.retain(|state| {
            let of = range.equipment_id.as_deref().is_none_or(|id| *id == *state.key.equipment);
            let begun = range.to.is_none_or(|to| state.first.time < to);
            of && begun && range.from.is_none_or(|from| state.last.time > from)
        });
        Ok(counters)
    }

    /// The keys of what the totals have positions of in range.
    fn counted(&self, range: &Range) -> Result<BTreeSet<String>, ReadError> {
        let mut keys = BTreeSet::new();
        let meters = self.meters()?;
        for meter in meters.iter().filter(|meter| range.meter.as_ref().is_none_or(|m| m == *meter)) {
            keys.extend(self.counters_of(meter, range)?.iter().filter_map(|state| {
                Some(match state.key.register {
                    Register::Energy(field) => field.name().to_owned(),
                    Register::Device { class, channel } => {
                        let of_class = |kind: &u8| MbusClass::from_device_type(*kind) == Some(class);
                        format!("mbus/{}/type={}", channel.unwrap_or(1), (0..=u8::MAX).find(of_class)?)
                    }
                })
            }));
        }
        Ok(keys)
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
            let Some(reading) = self.last_reading(&meter, from, to)? else {
                for state in self.counters_of(&meter, range)? {
                    let Register::Device { class, .. } = state.key.register else { continue };
                    let of_class = columns.iter_mut().zip(places);
                    for (column, _) in of_class.filter(|(_, place)| sources[**place] == Source::Class(class))
                    {
                        column.unit = Some(state.unit);
                    }
                }
                continue;
            };
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
