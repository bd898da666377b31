//! A question looked at: what it takes to answer it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::answer::{Answer, AnswerColumn, Feed};
use super::ask::{Cell, Measure, Query, Resolution};
use super::blocks::Parts;
use super::fields::{self, Source};
use super::rise::{LATE, Periods, Scope};
use super::track::Track;
use super::{Archive, Range, ReadError};

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
        let (feed, tracked) = if *resolution == Resolution::Raw {
            (Feed::Readings(self.readings(readings)?), None)
        } else {
            let parts = Parts::new(self, range.clone())?;
            let tracked = (!tracks.is_empty()).then(|| self.readings(readings)).transpose()?;
            (Feed::Parts(parts, None), tracked.map(Iterator::peekable))
        };
        Ok(Answer {
            archive: self,
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
