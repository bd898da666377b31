//! Faults that last.

use crate::clock::MonoMillis;

/// A fault that lasts is told this often.
const LOG_PACE: MonoMillis = 60_000;

/// Tells a lasting fault at its start, then now and then.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    told: Option<MonoMillis>,
    pub(super) failing: bool,
}

impl Trouble {
    /// Whether this failure is to be told.
    pub(super) fn failed(&mut self, now: MonoMillis) -> bool {
        self.failing = true;
        let tell = self.told.is_none_or(|told| now >= told + LOG_PACE);
        if tell {
            self.told = Some(now);
        }
        tell
    }

    /// Whether this ends a fault.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(&mut self.failing)
    }
}
