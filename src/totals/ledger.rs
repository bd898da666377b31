//! The totals of one meter as they are now.

use std::sync::Arc;

use super::counter::CounterState;
use super::tally::{Settled, Tally};
use super::view::Totals;
use crate::meter::{Reading, Zone};
use crate::prices::PriceBook;

/// What a ledger needs to know beforehand.
#[derive(Clone, Debug)]
pub struct LedgerSettings {
    /// In which zone days, months and years begin.
    pub zone: Zone,
    /// What things cost.
    pub prices: Arc<PriceBook>,
}

/// The totals of one meter. Its size does not grow with time.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    tally: Tally,
}

impl Ledger {
    /// A ledger that goes on from the counters of the record. Their positions since [`Ledger::needs_from`] are to be
    /// given to [`Ledger::recall`] before the first reading.
    pub fn new(settings: LedgerSettings, counters: Vec<CounterState>) -> Self {
        Self { settings, tally: Tally::restore(counters) }
    }

    /// From which boundary on positions are needed, in seconds since 1970-01-01 00:00 UTC: of each counter the last at
    /// or before it, and all that follow. The latest position of the counters is what counts as now.
    pub fn needs_from(&self) -> i64 {
        self.tally.counters().iter().map(|counter| counter.last.time).max().unwrap_or(0)
    }

    /// Takes a position of the record, in order of boundaries.
    pub fn recall(&mut self, _settled: &Settled) {}

    /// Takes a reading and tells the totals with it.
    pub fn take(&mut self, reading: &Reading) -> Totals {
        Totals {
            time: reading.utc_seconds(),
            currency: Arc::clone(&self.settings.prices.currency),
            ..Totals::default()
        }
    }
}
