//! By how much registers rose over quarter-hours and longer: from the positions of the totals.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Archive, Range};
use crate::meter::{Field, MbusClass, Quantity, Zone, energy};
use crate::p1::Decimal;
use crate::prices::{PriceBook, PriceTable};
use crate::store::error::ReadError;
use crate::totals::{CounterState, PastPeriods, Position, QUARTER, Register, Settled, Step, Tally, in_total};

/// Of which counters of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Of all, or of the electricity meter with this identifier and all devices.
    Meter(Option<String>),
    /// Of the devices that were on this channel.
    Channel(u8),
}

/// Stamps of devices come this much later at most, in seconds: hourly ones come within the next hour.
pub(super) const LATE: i64 = 3_600;

impl Archive {
    /// The places of counters in [`Archive::counters`] that are of a scope.
    pub(super) fn in_scope(&self, meter: &str, scope: &Scope) -> Result<Vec<usize>, ReadError> {
        let mut places = Vec::new();
        for (place, counter) in self.counters(meter)?.iter().enumerate() {
            let within = match (scope, counter.key.register) {
                (Scope::Meter(None), _) | (Scope::Meter(Some(_)), Register::Device { .. }) => true,
                (Scope::Meter(Some(id)), Register::Energy(_)) => *counter.key.equipment == **id,
                (Scope::Channel(_), Register::Energy(_)) => false,
                (Scope::Channel(wanted), Register::Device { channel: Some(channel), .. }) => {
                    channel == *wanted
                }
                (Scope::Channel(wanted), Register::Device { channel: None, .. }) => {
                    self.channel_of(meter, counter)? == Some(*wanted)
                }
            };
            if within {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// The channel on which a device was heard last.
    fn channel_of(&self, meter: &str, counter: &CounterState) -> Result<Option<u8>, ReadError> {
        let from = counter.last.time;
        // Its stamp is repeated until the next; after an outage that takes longer.
        for to in [from + 2 * LATE, from + 40 * 86_400] {
            let range =
                Range { meter: Some(meter.to_owned()), from: Some(from), to: Some(to), ..Range::default() };
            for stored in self.series(range)?.filter_map(Result::ok) {
                let id = |id: &[u8]| crate::meter::reading::readable(id) == *counter.key.equipment;
                let device = stored.reading.mbus.iter().find(|device| device.id.as_deref().is_some_and(id));
                if let Some(device) = device {
                    return Ok(Some(device.channel));
                }
            }
        }
        Ok(None)
    }

    /// The last position of each counter that is known at an instant, by the places of [`Archive::counters`].
    pub(super) fn positions_at(&self, meter: &str, at: i64) -> Result<Vec<Option<Position>>, ReadError> {
        let counters = self.counters(meter)?;
        let boundary = at.div_euclid(QUARTER) * QUARTER;
        let mut positions = vec![None; counters.len()];
        self.settled_until(meter, boundary, boundary, |settled| {
            positions[settled.counter] = Some(settled.position);
        })?;
        let mut moves = false;
        for (position, counter) in positions.iter_mut().zip(&counters) {
            if counter.last.time <= at && counter.counts() {
                *position = Some(counter.last);
            } else {
                moves |= counter.first.time <= at;
            }
        }
        if at == boundary || !moves {
            return Ok(positions);
        }
        // What came in the quarter-hour up to the instant is in the readings alone.
        let mut tally = tally_from(&counters, &positions);
        let (from, to) = (Some(boundary), Some(at.saturating_add(LATE)));
        let range = Range { meter: Some(meter.to_owned()), from, to, ..Range::default() };
        let mut entries = Vec::new();
        for stored in self.series(range)?.filter_map(Result::ok) {
            tally.take(&stored.reading, &mut entries);
            entries.clear();
            for state in tally.counters().iter().filter(|state| state.last.time <= at && state.counts()) {
                if let Some(place) = counters.iter().position(|counter| counter.key == state.key) {
                    positions[place] = Some(state.last);
                }
            }
        }
        Ok(positions)
    }
}

/// A tally that goes on from positions.
pub(super) fn tally_from(counters: &[CounterState], positions: &[Option<Position>]) -> Tally {
    let known = counters.iter().zip(positions);
    let states = known.filter_map(|(counter, position)| {
        let mut state = counter.clone();
        state.last = (*position)?;
        // A later generation of which one position is known is one on trial; this one was none.
        state.first.time = state.first.time.min(state.last.time - i64::from(state.first == state.last));
        Some(state)
    });
    Tally::restore(states.collect())
}

/// What registers rose in a span.
#[derive(Debug)]
pub(super) struct Risen {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) energy: Vec<(Field, Decimal)>,
    pub(super) devices: Vec<(MbusClass, Quantity)>,
}

/// Quarter-hours and longer of one meter, from the positions of its totals. What they tell adds up to what
/// `dsmrd totals` tells.
#[derive(Debug)]
pub(super) struct Periods {
    meter: Arc<str>,
    pub(super) scope: Scope,
    step: Step,
    prices: PriceBook,
    /// The counters in scope, as they were at the end of the range, and their places among all.
    counters: Vec<CounterState>,
    places: Vec<usize>,
    /// Where the range begins, and the positions there until they were used.
    from: i64,
    at_from: Option<Vec<Option<Position>>>,
    /// The start of the next span to look up, and where the range ends.
    next: i64,
    to: i64,
    ready: VecDeque<Risen>,
}

impl Periods {
    pub(super) fn new(
        archive: &Archive,
        meter: Arc<str>,
        scope: Scope,
        step: Step,
        zone: &Zone,
        range: (Option<i64>, Option<i64>),
    ) -> Result<Self, ReadError> {
        let all = archive.counters(&meter)?;
        let mut places = archive.in_scope(&meter, &scope)?;
        let from = range.0.unwrap_or(i64::MIN).max(all.iter().map(|c| c.first.time).min().unwrap_or(0));
        let to = range.1.unwrap_or(i64::MAX).min(all.iter().map(|c| c.last.time).max().unwrap_or(0) + 1);
        places.retain(|place| all[*place].first.time < to);
        let mut counters: Vec<CounterState> = places.iter().map(|place| all[*place].clone()).collect();
        if counters.iter().any(|counter| counter.last.time > to) {
            let at_to = archive.positions_at(&meter, to)?;
            for (counter, place) in counters.iter_mut().zip(&places).filter(|(c, _)| c.last.time > to) {
                counter.last = at_to[*place].unwrap_or(counter.first);
            }
        }
        let at_from = if from < to { Some(archive.positions_at(&meter, from)?) } else { None };
        let prices = PriceBook {
            currency: "".into(),
            contracts: Vec::new(),
            table: Arc::new(PriceTable::default()),
            zone: zone.clone(),
        };
        // Nothing of it is in range.
        let next = if from < to { step.start(zone, from) } else { i64::MAX };
        Ok(Self {
            meter,
            scope,
            step,
            prices,
            counters,
            places,
            from,
            at_from,
            next,
            to,
            ready: VecDeque::new(),
        })
    }

    pub(super) fn meter(&self) -> &Arc<str> {
        &self.meter
    }

    /// The next span that begins before an instant. Not each in which nothing rose is told.
    pub(super) fn next_before(&mut self, archive: &Archive, before: i64) -> Result<Option<Risen>, ReadError> {
        loop {
            if let Some(first) = self.ready.front() {
                return Ok(if first.start < before { self.ready.pop_front() } else { None });
            }
            if self.next >= before.min(self.to) || self.counters.is_empty() {
                return Ok(None);
            }
            self.look_up(archive)?;
        }
    }

    /// The starts of spans from one on, as many as are looked up together.
    fn chunk_end(&self) -> i64 {
        let spans = match self.step {
            Step::Quarter | Step::Hour => 96,
            Step::Day => 7,
            Step::Month | Step::Year => 1,
        };
        let mut end = self.next;
        for _ in 0..spans {
            end = self.step.bounds(&self.prices.zone, end).1;
        }
        end
    }

    fn look_up(&mut self, archive: &Archive) -> Result<(), ReadError> {
        let (start, end) = (self.next, self.chunk_end());
        self.next = end;
        let ready = &mut self.ready;
        let each = |period: crate::totals::Period| {
            ready.push_back(Risen {
                start: period.start,
                end: period.end,
                energy: period.usage.energy,
                devices: period.usage.devices,
            });
        };
        let to = end.min(self.to);
        let mut periods = PastPeriods::new(&self.prices, self.counters.clone(), self.step, start, to, each);
        let own = |place: usize| self.places.iter().position(|own| *own == place);
        // What is known at the start of the range, be it in the middle of a span.
        let known = self.at_from.take();
        let from = if known.is_some() { self.from } else { start };
        for (place, position) in known.iter().flatten().enumerate() {
            if let (Some(counter), Some(position)) = (own(place), *position) {
                periods.take(&Settled { counter, boundary: start, position });
            }
        }
        let floor = from.div_euclid(QUARTER) * QUARTER;
        archive.settled_until(&self.meter, floor, to, |settled| {
            if settled.boundary <= floor && known.is_some() {
                return;
            }
            if let Some(counter) = own(settled.counter) {
                periods.take(&Settled { counter, ..settled });
            }
        })?;
        periods.finish();
        self.fill(start, end);
        Ok(())
    }

    /// Adds the spans that were looked up and not told, because no position lies behind them: nothing rose.
    fn fill(&mut self, start: i64, end: i64) {
        let told: Vec<i64> = self.ready.iter().map(|risen| risen.start).collect();
        let mut at = start;
        while at < end {
            let next = self.step.bounds(&self.prices.zone, at).1;
            if !told.contains(&at) {
                self.ready.push_back(self.nothing(at, next));
            }
            at = next;
        }
        self.ready.make_contiguous().sort_by_key(|risen| risen.start);
    }

    /// A span in which the counters that were there did not rise.
    fn nothing(&self, start: i64, end: i64) -> Risen {
        let mut risen = Risen { start, end, energy: Vec::new(), devices: Vec::new() };
        let boundary = |time: i64| -(-time).div_euclid(QUARTER) * QUARTER;
        for (counter, in_total) in self.counters.iter().zip(in_total(&self.counters)) {
            if !(counter.counts() && counter.first.time < end && boundary(counter.last.time) > start) {
                continue;
            }
            let Some(zero) = counter.last.value.checked_sub(counter.last.value) else { continue };
            let mut add = |field: Field| match risen.energy.iter_mut().find(|(of, _)| *of == field) {
                Some((_, sum)) => *sum = sum.checked_add(zero).unwrap_or(zero),
                None => risen.energy.push((field, zero)),
            };
            match counter.key.register {
                Register::Energy(field) => {
                    let import = field == Field::EnergyImportTotal || energy::IMPORT_TARIFFS.contains(&field);
                    let total = if import { Field::EnergyImportTotal } else { Field::EnergyExportTotal };
                    if field != total {
                        add(field);
                    }
                    if in_total {
                        add(total);
                    }
                }
                Register::Device { class, .. } if !risen.devices.iter().any(|(of, _)| *of == class) => {
                    risen.devices.push((class, Quantity { value: zero, unit: counter.unit }));
                }
                Register::Device { .. } => {}
            }
        }
        risen
    }
}
