//! What is told with a reading: what is settled, and what was counted since.

use std::sync::Arc;

use super::account::{difference, sum};
use super::bill::{Bill, Charge};
use super::calendar::{QUARTER_HOUR, Span, TODAY, boundary};
use super::snapshot::{self, Snapshot};
use super::{Ledger, peaks};
use crate::meter::{Field, MbusClass, Quantity, Reading};
use crate::p1::Decimal;
use crate::prices::Amount;
use crate::totals::counter::{CounterState, Register};
use crate::totals::tally::QUARTER;
use crate::totals::view::{CostLine, Period, PeriodCost, Totals, Usage};

/// What a counter counted since its last settled position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// The start of the quarter-hour in which it counts.
    quarter: i64,
    usage: Decimal,
    /// What it costs in that quarter-hour.
    charge: Charge,
}

/// What a reading tells of: a period in which nothing came of a register is told as zero where the meter still has the
/// register.
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

    /// Whether a counter is told of in a period: it came in it, or the reading has it.
    fn has(&self, counter: &CounterState, span: Span) -> bool {
        counter.last.time > span.start
            || match counter.key.register {
                Register::Energy(field) => self.reading.number(field).is_some(),
                Register::Device { class, .. } => self.classes & 1 << class as u32 != 0,
            }
    }
}

impl Ledger {
    /// The totals with a reading that the tally has taken.
    pub(super) fn tell(&mut self, reading: &Reading) -> Totals {
        // Where the reading's clock leapt, the time at which it counts: nothing of another year is told meanwhile.
        let last = || snapshot::last_of_electricity(self.tally.counters(), &self.roles);
        let time = self.tally.time().or_else(last).unwrap_or_else(|| reading.utc_seconds());
        self.reopen();
        let snapshot = match self.snapshot.take() {
            Some(snapshot) if snapshot.calendar.spans[QUARTER_HOUR].contains(time) => snapshot,
            _ => self.snapshot(time),
        };
        let present = Present::of(reading);
        let zone = &self.settings.zone;
        let (calendar, months) = (&snapshot.calendar, &snapshot.months);
        let peaks = peaks::peaks(reading, zone, calendar, months, &mut self.history, &mut self.month_peaks);
        let mut periods = [0, 1, 2, 3, 4].map(|period| self.period(&snapshot, &present, period)).into_iter();
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

    /// Brings what is open of each counter up to date. Its charge is looked up once a quarter-hour.
    fn reopen(&mut self) {
        for (place, state) in self.tally.counters().iter().enumerate() {
            let quarter = boundary(state.last.time) - QUARTER;
            let usage = difference(state.last.value, self.accounts[place].base(state).value);
            let charge = match self.open.get(place) {
                Some(open) if open.quarter == quarter => open.charge,
                _ => Charge::of(&self.settings.prices, state.key.register, self.roles[place], quarter),
            };
            let open = Open { quarter, usage, charge };
            match self.open.get_mut(place) {
                Some(before) => *before = open,
                None => self.open.push(open),
            }
        }
    }

    /// A period.
    fn period(&self, snapshot: &Snapshot, present: &Present<'_>, period: usize) -> Period {
        let span = snapshot.calendar.spans[period];
        let sums = &snapshot.sums[period];
        let standing = &snapshot.standing[period];
        let mut usage = Usage { energy: Vec::with_capacity(6), devices: Vec::new() };
        let mut bill = standing.contract.then(|| sums.bill.clone());
        for (place, (state, open)) in self.tally.counters().iter().zip(&self.open).enumerate() {
            let counts = span.contains(open.quarter);
            if let Some(bill) = bill.as_mut().filter(|_| counts) {
                bill.post(&open.charge, open.usage, false);
            }
            if !present.has(state, span) {
                continue;
            }
            let settled = sums.usage(place);
            // Zero in the meter's resolution, also where nothing is settled.
            let open_usage = if counts { open.usage } else { difference(open.usage, open.usage) };
            self.count(&mut usage, place, state, sum(settled, open_usage));
            if let Some(bill) = &mut bill {
                for (line, _) in open.charge.lines.iter().flatten() {
                    bill.add(*line, Amount::ZERO);
                }
            }
        }
        usage.energy.sort_unstable_by_key(|(field, _)| *field);
        usage.devices.sort_unstable_by_key(|(class, _)| *class);
        let cost = bill.map(|bill| self.told_cost(bill, snapshot, period));
        Period { start: span.start, end: span.end, usage, cost, missing_s: self.missing_s(snapshot, period) }
    }

    /// Adds what a counter counted to what is told of it: its register and the total, or its class.
    fn count(&self, usage: &mut Usage, place: usize, state: &CounterState, counted: Decimal) {
        match (state.key.register, self.roles[place]) {
            (Register::Energy(field), role) => {
                let Some(direction) = role.direction else { return };
                if field != direction.total() {
                    add(&mut usage.energy, field, counted);
                }
                if role.in_total {
                    add(&mut usage.energy, direction.total(), counted);
                }
            }
            (Register::Device { class, .. }, _) => {
                let unit = self.unit_of(class);
                if unit.is_some_and(|unit| unit != state.unit) {
                    return;
                }
                match usage.devices.iter_mut().find(|(of, _)| *of == class) {
                    Some((_, quantity)) => quantity.value = sum(quantity.value, counted),
                    None => usage.devices.push((class, Quantity { value: counted, unit: state.unit })),
                }
            }
        }
    }

    /// The unit of a class: that of its device that was heard last.
    fn unit_of(&self, class: MbusClass) -> Option<crate::meter::Unit> {
        let of_class = |state: &&CounterState| matches!(state.key.register, Register::Device { class: of, .. } if of == class);
        let newest = self.tally.counters().iter().filter(of_class).max_by_key(|state| state.last.time);
        newest.map(|state| state.unit)
    }

    /// A bill as it is told, with what days cost whatever is used.
    fn told_cost(&self, mut bill: Bill, snapshot: &Snapshot, period: usize) -> PeriodCost {
        if period >= TODAY {
            let standing = &snapshot.standing[period];
            bill.add(CostLine::Fixed, standing.fixed);
            if let Some(capacity) = standing.capacity(&self.month_peaks, snapshot.days_in_year) {
                bill.add(CostLine::Capacity, capacity);
            }
        }
        bill.lines.sort_unstable_by_key(|(line, _)| *line);
        PeriodCost { lines: bill.lines, fallback: bill.fallback > 0, unpriced: bill.unpriced > 0 }
    }
}

/// Adds to a field's sum.
fn add(sums: &mut Vec<(Field, Decimal)>, field: Field, counted: Decimal) {
    match sums.iter_mut().find(|(of, _)| *of == field) {
        Some((_, value)) => *value = sum(*value, counted),
        None => sums.push((field, counted)),
    }
}
