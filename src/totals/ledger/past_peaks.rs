//! The peaks of months as they stood at the ends of past periods, for the capacity tariff: those of a ledger that has the
//! positions up to there, and the meter's own by its last reading.

use std::sync::Arc;

use super::calendar::Calendar;
use super::{Ledger, LedgerSettings, peaks};
use crate::meter::{Proof, Reading, Zone};
use crate::p1::Decimal;
use crate::prices::{PriceBook, PriceTable};
use crate::totals::counter::CounterState;
use crate::totals::tally::Settled;

/// Tells the last reading from one instant on and before another.
type LastReading<'a> = Box<dyn FnMut(i64, i64) -> Option<Reading> + 'a>;

/// How long before the end of a period its last reading is looked for first, and then, in seconds: few readings
/// are gone through where none is missing, and not those of a year where many are.
const LOOKED_BACK: [i64; 2] = [3_600, 86_400];

/// Peaks of the past.
pub(super) struct PastPeaks<'a> {
    ledger: Ledger,
    /// The last reading that was found.
    last: Reading,
    find: Option<LastReading<'a>>,
}

impl<'a> PastPeaks<'a> {
    /// Of periods from an instant on.
    pub(super) fn new(zone: &Zone, counters: &[CounterState], from: i64) -> Self {
        // What is asked of the ledger are peaks: without prices it keeps no bills.
        let prices = PriceBook::new("", Vec::new(), Arc::new(PriceTable::default()), zone.clone());
        let settings = LedgerSettings { zone: zone.clone(), prices: Arc::new(prices) };
        let mut ledger = Ledger::new(settings, counters.to_vec());
        ledger.needs_from = if from == i64::MIN { from } else { Calendar::at(zone, from).needs_from(zone) };
        Self { ledger, last: Reading::new(0, Proof::Absent), find: None }
    }

    pub(super) fn with_readings(self, find: LastReading<'a>) -> Self {
        Self { find: Some(find), ..self }
    }

    /// From which boundary on positions are needed.
    pub(super) fn needs_from(&self) -> i64 {
        self.ledger.needs_from()
    }

    /// Takes a position, in order of boundaries.
    pub(super) fn take(&mut self, settled: &Settled) {
        self.ledger.recall(settled);
    }

    /// The peaks of the months that count at the end of a period.
    pub(super) fn of_months(&mut self, start: i64, until: i64) -> &[Decimal] {
        if let Some(find) = &mut self.find {
            let spans = LOOKED_BACK.map(|back| (until - back).max(start));
            if let Some(last) = spans.into_iter().find_map(|from| find(from, until)) {
                self.last = last;
            }
        }
        let calendar = Calendar::at(&self.ledger.settings.zone, until - 1);
        let months = self.ledger.months(&calendar);
        let Ledger { settings, history, month_peaks, .. } = &mut self.ledger;
        peaks::peaks(&self.last, &settings.zone, &calendar, &months, history, month_peaks);
        month_peaks
    }
}
