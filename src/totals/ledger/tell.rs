//! What is told with a reading: what is settled, and what was counted since.

use std::sync::Arc;

use super::account::difference;
use super::bill::{Charge, product};
use super::calendar::{QUARTER_HOUR, Span, boundary};
use super::snapshot::{self, Snapshot};
use super::{Ledger, peaks};
use crate::meter::{Field, Reading};
use crate::p1::Decimal;
use crate::prices::Amount;
use crate::totals::counter::{CounterState, Register};
use crate::totals::tally::QUARTER;
use crate::totals::view::Totals;

/// What a counter counted since its last settled position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// The start of the quarter-hour in which it counts.
    pub(super) quarter: i64,
    pub(super) usage: Decimal,
    /// What it costs in that quarter-hour, a unit, and in all.
    pub(super) charge: Charge,
    pub(super) amounts: [Amount; 2],
}

/// Which counters a reading has.
struct Present<'r> {
    reading: &'r Reading,
    /// By class of device, a bit each.
    classes: u32,
}

impl<'r> Present<'r> {
    fn of(reading: &'r Reading) -> Self {
        let bits = reading.mbus.iter().filter_map(|device| device.class()).map(|class| 1 << class as u32);
        Self { reading, classes: bits.fold(0, |all, bit: u32| all | bit) }
    }

    /// In which periods a counter is told of, a bit each: all where the reading has it, so that nothing used is told as
    /// zero; else those in which something of it came.
    fn bits(&self, counter: &CounterState, spans: &[Span; 5]) -> u8 {
        let has = match counter.key.register {
            Register::Energy(field) => self.reading.number(field).is_some(),
            Register::Device { class, .. } => self.classes & 1 << class as u32 != 0,
        };
        let came = |span: &Span| has || counter.last.time > span.start;
        spans.iter().enumerate().fold(0, |bits, (place, span)| bits | u8::from(came(span)) << place)
    }
}

impl Ledger {
    /// The totals with a reading that the tally has taken.
    pub(super) fn tell(&mut self, reading: &Reading) -> Totals {
        // Where the reading's clock leapt, the time at which it counts: nothing of another year is told meanwhile.
        let last = || snapshot::last_of_electricity(self.tally.counters(), &self.roles);
        let time = self.tally.time().or_else(last).unwrap_or_else(|| reading.utc_seconds());
        let stays = self.reopen();
        let snapshot = match self.snapshot.take() {
            Some(snapshot) if snapshot.calendar.spans[QUARTER_HOUR].contains(time) => {
                if !stays {
                    self.template = None;
                }
                snapshot
            }
            _ => {
                self.template = None;
                self.snapshot(time)
            }
        };
        let zone = &self.settings.zone;
        let (calendar, months) = (&snapshot.calendar, &snapshot.months);
        let peaks = peaks::peaks(reading, zone, calendar, months, &mut self.history, &mut self.month_peaks);
        let mut periods = self.periods(&snapshot, reading).into_iter();
        let mut next = || periods.next().unwrap_or_default();
        let quarter = next();
        let energy = quarter.usage.energy(Field::EnergyImportTotal);
        let energy = energy.and_then(|usage| self.since_quarter(&snapshot, usage));
        let totals = Totals {
            time,
            demand: peaks::demand(reading, &snapshot.calendar, energy, time),
            quarter,
            hour: next(),
            today: next(),
            month: next(),
            year: next(),
            last_quarter: snapshot.last_quarter,
            peaks,
            costs: snapshot.prices.as_ref().map(|prices| prices.told(reading)),
            currency: Arc::clone(&self.settings.prices.currency),
        };
        self.snapshot = Some(snapshot);
        totals
    }

    /// The periods. What they have beside what is open is kept until a position settles, or the reading has other
    /// counters or peaks than the one before.
    fn periods(&mut self, snapshot: &Snapshot, reading: &Reading) -> [crate::totals::Period; 5] {
        let present = Present::of(reading);
        let spans = &snapshot.calendar.spans;
        self.present.clear();
        self.present.extend(self.tally.counters().iter().map(|counter| present.bits(counter, spans)));
        let template = match self.template.take() {
            Some(kept) if kept.present == self.present && kept.peaks == self.month_peaks => kept,
            _ => self.template(snapshot, self.present.clone()),
        };
        let periods = template.filled(&self.open);
        self.template = Some(template);
        periods
    }

    /// Brings what is open of each counter up to date; whether it still counts in the same quarter-hours. Its charge is
    /// looked up once a quarter-hour.
    fn reopen(&mut self) -> bool {
        let mut stays = true;
        for (place, state) in self.tally.counters().iter().enumerate() {
            let quarter = boundary(state.last.time) - QUARTER;
            let usage = difference(state.last.value, self.accounts[place].base(state).value);
            let before = self.open.get_mut(place);
            if let Some(open) = before.filter(|open| open.quarter == quarter) {
                if open.usage != usage {
                    (open.usage, open.amounts) = (usage, amounts(&open.charge, usage));
                }
                continue;
            }
            stays = false;
            let register = state.key.register;
            let charge = Charge::of(&self.settings.prices, register, self.roles[place], quarter);
            let open = Open { quarter, usage, charge, amounts: amounts(&charge, usage) };
            match self.open.get_mut(place) {
                Some(before) => *before = open,
                None => self.open.push(open),
            }
        }
        stays
    }
}

/// What a usage costs by each line of its charge.
fn amounts(charge: &Charge, usage: Decimal) -> [Amount; 2] {
    charge.lines.map(|line| line.map_or(Amount::ZERO, |(_, price)| product(usage, price)))
}
