//! What follows of settled positions for the running quarter-hour: computed when a position came or a quarter-hour began,
//! so that a reading in between costs a few additions.

use super::account::{Role, difference};
use super::bill::{Charge, Standing};
use super::calendar::{Calendar, HOUR, MONTH, QUARTER_HOUR, Span, TODAY, YEAR, boundary, date};
use super::days::{Sums, higher};
use super::now::PricesOfNow;
use super::peaks::{self, Months};
use super::{Ledger, calendar};
use crate::totals::counter::CounterState;
use crate::totals::tally::QUARTER;
use crate::totals::view::Quarter;

/// How many quarter-hours back the last complete one is looked for: a day.
const LOOKED_BACK: i64 = 96;

/// What is the same for all readings of a quarter-hour until a position comes.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) calendar: Calendar,
    /// Of each period what is settled.
    pub(super) sums: [Sums; 5],
    /// What the days of each period cost whatever is used; of hours and quarter-hours only whether a contract
    /// holds.
    pub(super) standing: [Standing; 5],
    /// When the first quarter-hour with a position of electricity began.
    pub(super) first_quarter: Option<i64>,
    pub(super) months: Months,
    pub(super) last_quarter: Option<Quarter>,
    /// Whether a position at the start of the running quarter-hour is settled.
    pub(super) start_is_known: bool,
    pub(super) prices: Option<PricesOfNow>,
    pub(super) days_in_year: i64,
}

/// The last time of an electricity register.
pub(super) fn last_of_electricity(counters: &[CounterState], roles: &[Role]) -> Option<i64> {
    let energy = counters.iter().zip(roles).filter(|(_, role)| role.direction.is_some());
    energy.map(|(counter, _)| counter.last.time).max()
}

impl Ledger {
    /// The snapshot for an instant.
    pub(super) fn snapshot(&self, time: i64) -> Snapshot {
        let zone = &self.settings.zone;
        let calendar = Calendar::at(zone, time);
        let [quarter, hour, today, month, year] = calendar.spans;
        let prices = &self.settings.prices;
        let counters = self.tally.counters();
        let known_since = calendar::first_day(zone, counters).unwrap_or(calendar.date);
        let days = |period: usize| {
            let first = date(zone, calendar.spans[period].start).max(known_since);
            Standing::of(prices, first, calendar.date)
        };
        let (of_today, of_month, of_year) = (days(TODAY), days(MONTH), days(YEAR));
        let holds = || Standing::held(of_today.contract);
        let energy = counters.iter().zip(&self.roles).filter(|(_, role)| role.direction.is_some());
        Snapshot {
            sums: [
                self.of_quarters(quarter),
                self.of_quarters(hour),
                self.of_days(today),
                self.of_days(month),
                self.of_days(year),
            ],
            standing: [holds(), holds(), of_today, of_month, of_year],
            first_quarter: energy.map(|(counter, _)| boundary(counter.first.time) - QUARTER).min(),
            months: self.months(&calendar),
            last_quarter: self.last_quarter(quarter.start),
            start_is_known: self.near(quarter.start),
            prices: PricesOfNow::at(prices, quarter.start),
            days_in_year: calendar.date.days_in_year().into(),
            calendar,
        }
    }

    /// What is settled of the days in a span.
    fn of_days(&self, span: Span) -> Sums {
        let mut sums = Sums::default();
        for day in self.days.within(span) {
            sums.add(&day.sums);
        }
        sums
    }

    /// What is settled of the quarter-hours in a span of some hours.
    fn of_quarters(&self, span: Span) -> Sums {
        let mut sums = Sums::default();
        let mut with_reading = Vec::new();
        for (place, (state, role)) in self.tally.counters().iter().zip(&self.roles).enumerate() {
            for (row, before) in self.accounts[place].since(state, span.start) {
                let quarter = row.boundary - QUARTER;
                if !span.contains(quarter) {
                    continue;
                }
                let usage = difference(row.position.value, before.value);
                sums.count(place, usage);
                let charge = Charge::of(&self.settings.prices, state.key.register, *role, quarter);
                sums.bill.post(&charge, usage, false);
                if role.direction.is_some() && !with_reading.contains(&quarter) {
                    with_reading.push(quarter);
                }
            }
        }
        sums.quarters = with_reading.len() as i64;
        sums
    }

    /// The peaks of months by our own quarter-hours.
    pub(super) fn months(&self, calendar: &Calendar) -> Months {
        let zone = &self.settings.zone;
        let running = calendar.spans[MONTH];
        let highest = |span| self.days.within(span).map(|day| day.peak).fold(None, higher);
        let mut before = Vec::new();
        let mut end = running.start;
        for months in 1..=11 {
            let start = calendar.month_before(zone, months);
            before.extend(highest(Span { start, end }).map(|(peak, _)| peak));
            end = start;
        }
        Months { running: highest(running), before, first_end: calendar.month_before(zone, 10) }
    }

    /// The last complete quarter-hour that ended at a boundary or before it.
    fn last_quarter(&self, boundary: i64) -> Option<Quarter> {
        let (end, (import, export)) = (0..LOOKED_BACK)
            .map(|quarters| boundary - quarters * QUARTER)
            .find_map(|end| Some((end, self.complete(end)?)))?;
        Some(Quarter {
            start: end - QUARTER,
            average_import: peaks::average(import),
            average_export: peaks::average(export),
        })
    }

    /// For how many seconds of a period there was no reading.
    pub(super) fn missing_s(&self, snapshot: &Snapshot, period: usize) -> i64 {
        let span = snapshot.calendar.spans[period];
        let until = snapshot.calendar.spans[QUARTER_HOUR].start;
        let Some(first) = snapshot.first_quarter else { return 0 };
        let from = span.start.max(first);
        // The last quarter-hour of a register is not settled while nothing came after its end, which for a meter that
        // was exchanged is for ever.
        let counters = self.tally.counters();
        let open = |place: usize| {
            let end = boundary(counters[place].last.time);
            let counts = (from..until).contains(&(end - QUARTER)) && self.roles[place].direction.is_some();
            counts.then_some(end)
        };
        let unsettled =
            (0..counters.len()).filter_map(|place| Some((place, open(place)?))).filter(|(place, end)| {
                !self.has_row(*end) && !(0..*place).any(|other| open(other) == Some(*end))
            });
        let read = snapshot.sums[period].quarters + unsettled.count() as i64;
        ((until - from) / QUARTER - read).max(0) * QUARTER
    }

    /// Whether a register of electricity has a position at a boundary.
    fn has_row(&self, boundary: i64) -> bool {
        let mut registers = self.accounts.iter().zip(&self.roles);
        registers.any(|(account, role)| role.direction.is_some() && account.row(boundary).is_some())
    }
}

const _: () = assert!(QUARTER_HOUR < HOUR && calendar::TODAY > HOUR, "periods are in order of their length");
