//! The periods of the past, one after the other, from the positions of the record.

use jiff::civil::Date;

use super::account::{Role, difference, roles, sum};
use super::bill::{Bill, Charge, Standing};
use super::calendar::{self, Calendar, Span, boundary, date};
use super::past_peaks::PastPeaks;
use crate::meter::{Field, MbusClass, Quantity, Reading, Unit, Zone};
use crate::p1::Decimal;
use crate::prices::PriceBook;
use crate::totals::counter::{CounterState, Register};
use crate::totals::tally::{QUARTER, Settled};
use crate::totals::view::{CostLine, Period, PeriodCost, Usage};

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A quarter-hour.
    Quarter,
    /// An hour of the local clock.
    Hour,
    /// A local day of 23, 24 or 25 hours.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Step {
    /// The start of the period in which an instant lies; both in seconds since 1970-01-01 00:00 UTC.
    pub fn start(self, zone: &Zone, utc: i64) -> i64 {
        self.span(zone, utc).start
    }

    /// Its start and its end.
    pub fn bounds(self, zone: &Zone, utc: i64) -> (i64, i64) {
        let Span { start, end } = self.span(zone, utc);
        (start, end)
    }

    fn span(self, zone: &Zone, utc: i64) -> Span {
        Calendar::at(zone, utc).spans[self as usize]
    }
}

/// Makes periods of positions. Its size does not grow with their number.
///
/// What was used while there was no reading counts where the next reading lies, as everywhere. Costs are what a ledger
/// tells with the last reading of the period, the fixed ones and the capacity tariff among them.
pub struct PastPeriods<'a, F> {
    prices: &'a PriceBook,
    step: Step,
    from: i64,
    to: i64,
    counters: Vec<CounterState>,
    roles: Vec<Role>,
    /// Of each counter the last position that was given.
    values: Vec<Decimal>,
    /// What no row tells: the last positions of the counters, the latest first.
    ends: Vec<Settled>,
    /// From the first quarter-hour with a reading of electricity to the end of the last.
    read: Option<Span>,
    /// The first day that costs something.
    known_since: Option<Date>,
    /// Of the months, where a contract has a capacity tariff.
    peaks: Option<PastPeaks<'a>>,
    open: Option<Open>,
    each: F,
}

/// A period that is being added up.
struct Open {
    span: Span,
    sums: Vec<Option<Decimal>>,
    bill: Bill,
    /// Quarter-hours with a reading of electricity, and the end of the last of them.
    quarters: i64,
    last: i64,
}

impl<'a, F: FnMut(Period)> PastPeriods<'a, F> {
    /// Periods of this length that begin at `from` or later and before `to`, in order of time, each handed to `each`.
    /// `from` is the start of a period. To be given the positions from [`PastPeriods::needs_from`] on, as the record
    /// tells them.
    pub fn new(
        prices: &'a PriceBook,
        counters: Vec<CounterState>,
        step: Step,
        from: i64,
        to: i64,
        each: F,
    ) -> Self {
        let roles = roles(&counters);
        let mut ends: Vec<Settled> = counters
            .iter()
            .enumerate()
            .filter(|(_, state)| state.counts())
            .map(|(counter, state)| Settled {
                counter,
                boundary: boundary(state.last.time),
                position: state.last,
            })
            .collect();
        ends.sort_by_key(|end| std::cmp::Reverse((end.boundary, end.counter)));
        let electricity = || {
            let states = counters.iter().zip(&roles);
            states.filter(|(state, role)| role.direction.is_some() && state.counts()).map(|(state, _)| state)
        };
        let first = electricity().map(|state| boundary(state.first.time) - QUARTER).min();
        let last = electricity().map(|state| boundary(state.last.time)).max();
        let read = first.zip(last).map(|(start, end)| Span { start, end });
        let values = counters.iter().map(|state| state.first.value).collect();
        let known_since = calendar::first_day(&prices.zone, &counters);
        let has_capacity = prices.contracts.iter().any(|contract| contract.capacity.is_some());
        let peaks =
            (has_capacity && step >= Step::Day).then(|| PastPeaks::new(&prices.zone, &counters, from));
        Self {
            prices,
            step,
            from,
            to,
            counters,
            roles,
            values,
            ends,
            read,
            known_since,
            peaks,
            open: None,
            each,
        }
    }

    /// Where to find the last reading from one instant on and before another, in seconds since 1970-01-01 00:00 UTC: a
    /// meter may tell peaks of its own, of which the capacity tariff is. Asked for where a contract has one.
    #[must_use]
    pub fn with_readings(mut self, last: impl FnMut(i64, i64) -> Option<Reading> + 'a) -> Self {
        self.peaks = self.peaks.map(|peaks| peaks.with_readings(Box::new(last)));
        self
    }

    /// From which boundary on positions are needed: of each counter the last at or before it, and all that follow.
    pub fn needs_from(&self) -> i64 {
        self.peaks.as_ref().map_or(self.from, PastPeaks::needs_from)
    }

    /// Takes a position; they come in order of boundaries.
    pub fn take(&mut self, settled: &Settled) {
        while let Some(end) = self
            .ends
            .last()
            .copied()
            .filter(|end| (end.boundary, end.counter) < (settled.boundary, settled.counter))
        {
            self.ends.pop();
            self.book(&end);
        }
        self.book(settled);
        // After the period that it ends was told.
        if let Some(peaks) = &mut self.peaks {
            peaks.take(settled);
        }
    }

    /// Ends the last period.
    pub fn finish(mut self) {
        while let Some(end) = self.ends.pop() {
            self.book(&end);
        }
        if let Some(open) = self.open.take() {
            self.tell(open);
        }
    }

    fn book(&mut self, settled: &Settled) {
        let quarter = settled.boundary - QUARTER;
        let Some(value) = self.values.get_mut(settled.counter) else { return };
        let usage = difference(settled.position.value, std::mem::replace(value, settled.position.value));
        if quarter < self.from || quarter >= self.to {
            return;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                // Of a record that is older, periods without a reading are told as well.
                let first = self.read.map_or(quarter, |read| read.start.min(quarter));
                Open::new(self.step.span(&self.prices.zone, first.max(self.from)), self.counters.len())
            }
        };
        while open.span.end <= quarter {
            let next = Open::new(self.step.span(&self.prices.zone, open.span.end), self.counters.len());
            self.tell(std::mem::replace(&mut open, next));
        }
        let (state, role) = (&self.counters[settled.counter], self.roles[settled.counter]);
        open.bill.post(&Charge::of(self.prices, state.key.register, role, quarter), usage, false);
        let counted = &mut open.sums[settled.counter];
        *counted = Some(counted.map_or(usage, |counted| sum(counted, usage)));
        if role.direction.is_some() && open.last != settled.boundary {
            open.last = settled.boundary;
            open.quarters += 1;
        }
        self.open = Some(open);
    }

    fn tell(&mut self, open: Open) {
        let span = open.span;
        let mut usage = Usage::default();
        for (place, (state, role)) in self.counters.iter().zip(&self.roles).enumerate() {
            let there =
                state.counts() && state.first.time < span.end && boundary(state.last.time) > span.start;
            let zero = there.then(|| difference(state.last.value, state.last.value));
            let Some(counted) = open.sums[place].or(zero) else { continue };
            match (state.key.register, role.direction) {
                (Register::Energy(field), Some(direction)) => {
                    if field != direction.total() {
                        add(&mut usage.energy, field, counted);
                    }
                    if role.in_total {
                        add(&mut usage.energy, direction.total(), counted);
                    }
                }
                (Register::Device { class, .. }, _) if self.unit_of(class) == Some(state.unit) => {
                    let so_far = usage.device(class).map_or(counted, |quantity| sum(quantity.value, counted));
                    usage.devices.retain(|(of, _)| *of != class);
                    usage.devices.push((class, Quantity { value: so_far, unit: state.unit }));
                }
                _ => {}
            }
        }
        usage.energy.sort_unstable_by_key(|(field, _)| *field);
        usage.devices.sort_unstable_by_key(|(class, _)| *class);
        let missing = self.read.map_or(0, |read| {
            (span.end.min(read.end) - span.start.max(read.start)) / QUARTER - open.quarters
        });
        let missing_s = missing.max(0) * QUARTER;
        let cost = self.cost(span, open.bill);
        (self.each)(Period { start: span.start, end: span.end, usage, cost, missing_s });
    }

    /// The costs of a period up to the last reading.
    fn cost(&mut self, span: Span, mut bill: Bill) -> Option<PeriodCost> {
        let until = self.read.map_or(span.end, |read| read.end.clamp(span.start + 1, span.end));
        let day = |utc: i64| -> Date { date(&self.prices.zone, utc) };
        let today = day(until - 1);
        let first = day(span.start);
        let first = self.known_since.map_or(first, |known| first.max(known));
        let standing = Standing::of(self.prices, first, today);
        if !standing.contract {
            return None;
        }
        if self.step >= Step::Day {
            bill.add(CostLine::Fixed, standing.fixed);
            if let Some(peaks) = &mut self.peaks {
                let of_months = peaks.of_months(span.start, until);
                if let Some(capacity) = standing.capacity(of_months, today.days_in_year().into()) {
                    bill.add(CostLine::Capacity, capacity);
                }
            }
        }
        bill.lines.sort_unstable_by_key(|(line, _)| *line);
        Some(PeriodCost { lines: bill.lines, fallback: bill.fallback > 0, unpriced: bill.unpriced > 0 })
    }

    /// The unit of a class: that of its device that was heard last.
    fn unit_of(&self, class: MbusClass) -> Option<Unit> {
        let is_of = |state: &&CounterState| matches!(state.key.register, Register::Device { class: of, .. } if of == class);
        self.counters.iter().filter(is_of).max_by_key(|state| state.last.time).map(|state| state.unit)
    }
}

impl Open {
    fn new(span: Span, counters: usize) -> Self {
        Self { span, sums: vec![None; counters], bill: Bill::default(), quarters: 0, last: i64::MIN }
    }
}

fn add(sums: &mut Vec<(Field, Decimal)>, field: Field, counted: Decimal) {
    match sums.iter_mut().find(|(of, _)| *of == field) {
        Some((_, value)) => *value = sum(*value, counted),
        None => sums.push((field, counted)),
    }
}
