//! The totals of one meter as they are now.
//!
//! A position at a boundary is booked once: its difference to the one before goes to the day in which its
//! quarter-hour lies, with what it costs there ([`account`], [`days`], [`bill`]). What is told with a reading is the
//! sum of days, or of the quarter-hours of this hour ([`calendar`], [`snapshot`]), and on top what has been counted since
//! the last position ([`tell`]); [`peaks`] and [`now`] are what follows of the power. Nothing that is told depends on when
//! the process was started: all of it follows from the counters, their settled positions and the reading.
//! [`history`] tells the periods of the past.

mod account;
mod bill;
mod calendar;
mod days;
mod history;
mod now;
mod past_peaks;
mod peaks;
mod snapshot;
mod tell;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::account::in_total;
pub use self::history::{PastPeriods, Step};

use self::account::{Account, Direction, Role, Row, difference};
use self::bill::Charge;
use self::calendar::{Calendar, QUARTER_HOUR};
use self::days::{Days, higher};
use self::peaks::{History, NEAR};
use self::snapshot::Snapshot;
use self::tell::Open;
use self::template::Template;
use super::counter::CounterState;
use super::tally::{Entry, QUARTER, Settled, Tally};
use super::view::Totals;
use crate::meter::{Reading, Zone};
use crate::p1::Decimal;
use crate::prices::PriceBook;

/// What a ledger needs to know beforehand.
#[derive(Clone, Debug)]
pub struct LedgerSettings {
    /// In which zone days, months and years begin.
    pub zone: Zone,
    /// What things cost.
    pub prices: Arc<PriceBook>,
}

/// The totals of one meter. Its size does not grow with time: it keeps eight days of positions and thirteen months of
/// days.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    tally: Tally,
    needs_from: i64,
    accounts: Vec<Account>,
    roles: Vec<Role>,
    days: Days,
    /// What follows of the positions for the running quarter-hour; none after a position came.
    snapshot: Option<Snapshot>,
    /// What follows of the snapshot and of what the readings have; none after a position came.
    template: Option<Template>,
    history: History,
    /// Kept for their memory.
    entries: Vec<Entry>,
    open: Vec<Open>,
    present: Vec<u8>,
    month_peaks: Vec<Decimal>,
}

impl Ledger {
    /// A ledger that goes on from the counters of the record. Their positions since [`Ledger::needs_from`] are to be
    /// given to [`Ledger::recall`] before the first reading.
    pub fn new(settings: LedgerSettings, counters: Vec<CounterState>) -> Self {
        let needs_from = needs_from(&settings.zone, &counters);
        let accounts = counters.iter().map(|_| Account::default()).collect();
        let roles = account::roles(&counters);
        Self {
            settings,
            tally: Tally::restore(counters),
            needs_from,
            accounts,
            roles,
            days: Days::default(),
            snapshot: None,
            template: None,
            history: History::default(),
            entries: Vec::new(),
            open: Vec::new(),
            present: Vec::new(),
            month_peaks: Vec::new(),
        }
    }

    /// From which boundary on positions are needed, in seconds since 1970-01-01 00:00 UTC: of each counter the last at
    /// or before it, and all that follow. It is where the year of the last known time began, or lies thirteen months
    /// before that time, whichever is earlier.
    pub fn needs_from(&self) -> i64 {
        self.needs_from
    }

    /// Takes a position of the record, in order of boundaries.
    pub fn recall(&mut self, settled: &Settled) {
        let Some(account) = self.accounts.get_mut(settled.counter) else { return };
        if settled.boundary <= self.needs_from {
            account.pin(Row { boundary: settled.boundary, position: settled.position });
        } else {
            self.settle(settled);
        }
    }

    /// Until when usage is booked with its cost, in seconds since 1970-01-01 00:00 UTC: prices from there on may
    /// still change.
    pub fn booked_until(&self) -> i64 {
        self.accounts.iter().filter_map(Account::newest).max().unwrap_or(i64::MIN)
    }

    /// Takes other prices that say the same of the time before [`Ledger::booked_until`]: what was booked stays
    /// booked. Where earlier ones changed, a ledger is to be built anew from the record.
    pub fn set_prices(&mut self, prices: Arc<PriceBook>) {
        self.settings.prices = prices;
        self.snapshot = None;
        self.template = None;
        self.open.clear();
    }

    /// Takes a reading and tells the totals with it.
    pub fn take(&mut self, reading: &Reading) -> Totals {
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        self.tally.take(reading, &mut entries);
        if self.accounts.len() != self.tally.counters().len() {
            self.meet();
        }
        let mut voided: Option<i64> = None;
        for entry in &entries {
            match entry {
                Entry::Settled(settled) => self.settle(settled),
                Entry::Void { counter, after } => {
                    self.void(*counter, *after);
                    voided = Some(voided.map_or(*after, |earliest| earliest.min(*after)));
                }
            }
        }
        if let Some(from) = voided {
            self.find_peaks(from);
        }
        self.entries = entries;
        self.tell(reading)
    }

    /// Makes room for new counters.
    fn meet(&mut self) {
        self.accounts.resize_with(self.tally.counters().len(), Account::default);
        self.roles = account::roles(self.tally.counters());
        self.snapshot = None;
        self.template = None;
        self.open.clear();
    }

    /// Books a position.
    fn settle(&mut self, settled: &Settled) {
        let Settled { counter, boundary, position } = *settled;
        let Some(register) = self.tally.counters().get(counter).map(|state| state.key.register) else {
            return;
        };
        if self.accounts[counter].newest().is_some_and(|newest| newest >= boundary) {
            self.void(counter, boundary - 1);
            self.find_peaks(boundary);
        }
        let account = &mut self.accounts[counter];
        let usage = difference(position.value, account.base(&self.tally.counters()[counter]).value);
        let row = Row { boundary, position };
        if account.newest().is_some_and(|newest| newest >= boundary) {
            // The clock was set back by more than is kept.
            account.pin(row);
        } else {
            account.push(row);
        }
        let quarter = boundary - QUARTER;
        let role = self.roles[counter];
        let is_first = role.direction.is_some() && !self.others_have(counter, boundary);
        let peak = if role.direction == Some(Direction::Import) { self.complete(boundary) } else { None };
        let charge = Charge::of(&self.settings.prices, register, role, quarter);
        let day = self.days.of(&self.settings.zone, quarter);
        day.sums.count(counter, usage);
        day.sums.bill.post(&charge, usage, false);
        day.sums.quarters += i64::from(is_first);
        let peak = peak.map(|(import, _)| (peaks::average(import), boundary));
        day.peak = higher(day.peak, peak);
        self.snapshot = None;
        self.template = None;
    }

    /// Takes out what was booked for a counter at boundaries after an instant.
    fn void(&mut self, counter: usize, after: i64) {
        let Some(register) = self.tally.counters().get(counter).map(|state| state.key.register) else {
            return;
        };
        let role = self.roles[counter];
        while let Some(row) = self.accounts[counter].pop_after(after) {
            let base = self.accounts[counter].base(&self.tally.counters()[counter]);
            let usage = difference(base.value, row.position.value);
            let quarter = row.boundary - QUARTER;
            let charge = Charge::of(&self.settings.prices, register, role, quarter);
            let was_last = role.direction.is_some() && !self.others_have(counter, row.boundary);
            let day = self.days.of(&self.settings.zone, quarter);
            day.sums.count(counter, usage);
            day.sums.bill.post(&charge, difference(Decimal::ZERO, usage), true);
            day.sums.quarters -= i64::from(was_last);
        }
        self.roles = account::roles(self.tally.counters());
        self.snapshot = None;
        self.template = None;
        self.open.clear();
    }

    /// Looks for the peaks of days once more, from an instant on: what was void may have been one of them, and a
    /// meter that took up again earlier has another beginning.
    fn find_peaks(&mut self, from: i64) {
        let mut spans: Vec<_> = self.days.since(from).map(|day| (day.span, day.peak)).collect();
        for (span, peak) in &mut spans {
            *peak = peak.filter(|(_, end)| *end < from);
            let first = span.start.max(calendar::boundary(from) - QUARTER) + QUARTER;
            let ends = (first..=span.end).step_by(QUARTER as usize);
            for (end, (import, _)) in ends.filter_map(|end| Some((end, self.complete(end)?))) {
                *peak = higher(*peak, Some((peaks::average(import), end)));
            }
        }
        for (span, peak) in spans {
            self.days.of(&self.settings.zone, span.start).peak = peak;
        }
    }

    /// Whether another register of electricity has a position at a boundary.
    fn others_have(&self, counter: usize, boundary: i64) -> bool {
        let mut others = self.accounts.iter().zip(&self.roles).enumerate();
        others.any(|(place, (account, role))| {
            place != counter && role.direction.is_some() && account.row(boundary).is_some()
        })
    }

    /// Whether electricity was read at a boundary or shortly before it.
    fn near(&self, boundary: i64) -> bool {
        let mut registers =
            self.accounts.iter().zip(&self.roles).filter(|(_, role)| role.direction.is_some());
        registers
            .any(|(account, _)| account.row(boundary).is_some_and(|row| row.position.time >= boundary - NEAR))
    }

    /// What was taken and given in the quarter-hour that ended at a boundary, where it was read at both of its ends and no
    /// register of its began in it.
    fn complete(&self, boundary: i64) -> Option<(Decimal, Decimal)> {
        let start = boundary - QUARTER;
        if !self.near(boundary) || !self.near(start) {
            return None;
        }
        let mut energy = (Decimal::ZERO, Decimal::ZERO);
        for ((state, account), role) in self.tally.counters().iter().zip(&self.accounts).zip(&self.roles) {
            let Some(direction) = role.direction.filter(|_| role.in_total) else { continue };
            if state.counts() && start < state.first.time && state.first.time <= boundary {
                return None;
            }
            let usage = difference(account.at(state, boundary).value, account.at(state, start).value);
            match direction {
                Direction::Import => energy.0 = account::sum(energy.0, usage),
                Direction::Export => energy.1 = account::sum(energy.1, usage),
            }
        }
        Some(energy)
    }

    /// What was taken in the running quarter-hour, where its start is known; `usage` is that of its registers.
    fn since_quarter(&self, snapshot: &Snapshot, usage: Decimal) -> Option<Decimal> {
        let start = snapshot.calendar.spans[QUARTER_HOUR].start;
        let mut registers = self.tally.counters().iter().zip(&self.roles).filter(|(_, role)| role.in_total);
        if registers.any(|(state, _)| state.counts() && state.first.time > start) {
            return None;
        }
        let last = snapshot::last_of_electricity(self.tally.counters(), &self.roles)?;
        let stands_at_start = last <= start && last >= start - NEAR;
        (snapshot.start_is_known || stands_at_start).then_some(usage)
    }
}

/// From which boundary on positions are needed.
fn needs_from(zone: &Zone, counters: &[CounterState]) -> i64 {
    let energy = |counter: &&CounterState| Direction::of(counter.key.register).is_some();
    let last = |counter: &CounterState| counter.last.time;
    // The clock of the meter rather than those of its devices, which may never have been set.
    let known = counters.iter().filter(energy).map(last).max();
    let known = known.or_else(|| counters.iter().map(last).max());
    known.map_or(0, |time| Calendar::at(zone, time).needs_from(zone))
}
