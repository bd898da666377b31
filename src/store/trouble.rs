//! Faults that last, in the log.

use std::error::Error;
use std::io;
use std::path::Path;

use super::backup::{folder_of, free_bytes};
use super::error::{hint, sqlite_hint};
use crate::clock::MonoMillis;

/// A fault that lasts is told this often, in milliseconds.
const LOG_PACE: MonoMillis = 60_000;

/// Tells a lasting fault at its start, then now and then.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    told: Option<MonoMillis>,
    failing: bool,
}

impl Trouble {
    /// It failed at `now`; whether that is to be told.
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

    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }
}

/// What the system says, and what to do about it.
pub(super) fn with_remedy(error: &(dyn Error + 'static)) -> String {
    let remedy = match (error.downcast_ref::<io::Error>(), error.downcast_ref::<rusqlite::Error>()) {
        (Some(error), _) => hint(error),
        (_, Some(error)) => sqlite_hint(error),
        // The others say it themselves.
        (None, None) => "",
    };
    format!("{error}{remedy}")
}

/// The free space beside a file, to find out when somebody makes some.
#[derive(Debug, Default)]
pub(super) struct Room {
    then: Option<u64>,
    noted: MonoMillis,
}

impl Room {
    /// So much more is worth an attempt, in bytes.
    const MORE: u64 = 128 * 1024;
    /// Attempts are so many milliseconds apart.
    const PACE: MonoMillis = 5_000;

    fn beside(file: &Path) -> Option<u64> {
        free_bytes(folder_of(file)).ok()
    }

    /// Remembers what there is at `now`.
    pub(super) fn note(&mut self, file: &Path, now: MonoMillis) {
        (self.then, self.noted) = (Self::beside(file), now);
    }

    /// Whether there is more than when it was noted, and that was not just now.
    pub(super) fn has_grown(&self, file: &Path, now: MonoMillis) -> bool {
        let grown = |then: u64| Self::beside(file).is_some_and(|room| room >= then + Self::MORE);
        now >= self.noted + Self::PACE && self.then.is_some_and(grown)
    }
}
