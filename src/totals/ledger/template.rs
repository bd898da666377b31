//! The periods as they are told while nothing settles, so that a reading adds what is open to them and no more.

use super::Ledger;
use super::account::{difference, sum};
use super::bill::{Bill, Charge};
use super::calendar::TODAY;
use super::snapshot::Snapshot;
use super::tell::Open;
use crate::meter::{Field, MbusClass, Quantity, Unit};
use crate::p1::Decimal;
use crate::prices::Amount;
use crate::totals::counter::{CounterState, Register};
use crate::totals::view::{CostLine, Period, PeriodCost, Usage};

/// The five periods without what is open, and where that belongs.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// Of each counter in which periods it is told of, a bit each.
    pub(super) present: Vec<u8>,
    /// The peaks of which the capacity tariff is.
    pub(super) peaks: Vec<Decimal>,
    periods: [Period; 5],
    slots: [Vec<Slot>; 5],
}

/// Where what is open of a counter belongs in a period, by places in its lists.
#[derive(Clone, Copy, Debug)]
struct Slot {
    counter: usize,
    energy: [Option<usize>; 2],
    device: Option<usize>,
    lines: [Option<usize>; 2],
}

impl Template {
    /// The periods with what is open.
    pub(super) fn filled(&self, open: &[Open]) -> [Period; 5] {
        let mut periods = self.periods.clone();
        for (period, slots) in periods.iter_mut().zip(&self.slots) {
            for slot in slots {
                let open = &open[slot.counter];
                if !open.usage.is_zero() {
                    slot.fill(open, period);
                }
            }
        }
        periods
    }
}

impl Slot {
    /// Where a counter belongs in a period.
    fn new(
        counter: usize,
        state: &CounterState,
        total: Option<Field>,
        charge: &Charge,
        period: &Period,
    ) -> Self {
        let usage = &period.usage;
        let energy = |field: Field| usage.energy.iter().position(|(of, _)| *of == field);
        let (own, device) = match state.key.register {
            Register::Energy(field) => (energy(field).filter(|_| total != Some(field)), None),
            Register::Device { class, .. } => {
                let of_class =
                    |(of, quantity): &(MbusClass, Quantity)| *of == class && quantity.unit == state.unit;
                (None, usage.devices.iter().position(of_class))
            }
        };
        let line = |line: Option<(CostLine, Decimal)>| {
            period.cost.as_ref()?.lines.iter().position(|(of, _)| Some(*of) == line.map(|(line, _)| line))
        };
        Self { counter, energy: [own, total.and_then(energy)], device, lines: charge.lines.map(line) }
    }

    /// Adds what is open.
    fn fill(&self, open: &Open, period: &mut Period) {
        for place in self.energy.iter().flatten() {
            if let Some((_, value)) = period.usage.energy.get_mut(*place) {
                *value = sum(*value, open.usage);
            }
        }
        if let Some((_, quantity)) = self.device.and_then(|place| period.usage.devices.get_mut(place)) {
            quantity.value = sum(quantity.value, open.usage);
        }
        let Some(cost) = &mut period.cost else { return };
        cost.fallback |= open.charge.fallback;
        cost.unpriced |= open.charge.unpriced;
        for (place, amount) in self.lines.iter().zip(open.amounts) {
            if let Some((_, line)) = place.and_then(|place| cost.lines.get_mut(place)) {
                *line += amount;
            }
        }
    }
}

impl Ledger {
    /// The periods without what is open, with the counters that are present and the peaks known.
    pub(super) fn template(&self, snapshot: &Snapshot, present: Vec<u8>) -> Template {
        let mut template = Template { present, peaks: self.month_peaks.clone(), ..Template::default() };
        for place in 0..template.periods.len() {
            let period = self.settled_period(snapshot, &template.present, place);
            let span = snapshot.calendar.spans[place];
            let counters = self.tally.counters().iter().zip(&self.roles).zip(&self.open).enumerate();
            let open_here = counters.filter(|(_, (_, open))| span.contains(open.quarter));
            let slots = open_here.map(|(counter, ((state, role), open))| {
                let total = role.direction.filter(|_| role.in_total).map(|direction| direction.total());
                Slot::new(counter, state, total, &open.charge, &period)
            });
            template.slots[place] = slots.collect();
            template.periods[place] = period;
        }
        template
    }

    /// A period without what is open.
    fn settled_period(&self, snapshot: &Snapshot, present: &[u8], period: usize) -> Period {
        let span = snapshot.calendar.spans[period];
        let sums = &snapshot.sums[period];
        let mut usage = Usage::default();
        let mut bill = snapshot.standing[period].contract.then(|| sums.bill.clone());
        for (place, (state, open)) in self.tally.counters().iter().zip(&self.open).enumerate() {
            if present[place] & 1 << period == 0 {
                continue;
            }
            // Zero in the meter's resolution, also where nothing is settled.
            let zero = difference(state.last.value, state.last.value);
            self.count(&mut usage, place, state, sum(sums.usage(place), zero));
            if let Some(bill) = &mut bill {
                for (line, _) in open.charge.lines.iter().flatten() {
                    bill.add(*line, Amount::ZERO);
                }
            }
        }
        usage.energy.sort_unstable_by_key(|(field, _)| *field);
        usage.devices.sort_unstable_by_key(|(class, _)| *class);
        Period {
            start: span.start,
            end: span.end,
            usage,
            cost: bill.map(|bill| self.told_cost(bill, snapshot, period)),
            missing_s: self.missing_s(snapshot, period),
        }
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
                if self.unit_of(class).is_some_and(|unit| unit != state.unit) {
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
    fn unit_of(&self, class: MbusClass) -> Option<Unit> {
        let of_class = |register| matches!(register, Register::Device { class: of, .. } if of == class);
        let devices = self.tally.counters().iter().filter(|state| of_class(state.key.register));
        devices.max_by_key(|state| state.last.time).map(|state| state.unit)
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
