//! What is wrong with the record, and since when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BackupHealth, StoreCounters};

/// What of the record does not work; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// It cannot be opened: readings wait in memory, the first 4,096 of them.
    Closed,
    /// Its files are not in their place any more: deleted, moved, or away with their medium. Readings wait in memory, a day
    /// of one meter.
    Gone,
    /// The journal cannot be written: readings wait in memory, a day of one meter.
    Journal,
    /// The database cannot be written: readings stay in the journal, weeks of them.
    Database,
    /// The medium takes very long.
    Slow,
}

impl StoreFault {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Closed, Self::Gone, Self::Journal, Self::Database, Self::Slow];

    /// The word for it, for topics and interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Gone => "gone",
            Self::Journal => "journal",
            Self::Database => "database",
            Self::Slow => "slow",
        }
    }
}

/// A fault that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreTrouble {
    /// What does not work.
    pub fault: StoreFault,
    /// What the system says of it, last.
    pub problem: String,
    /// Since when, in milliseconds since 1970-01-01 00:00 UTC.
    pub since: i64,
}

/// How the record is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// The worst of what does not work; none when everything does.
    pub trouble: Option<StoreTrouble>,
    /// Readings that are in memory and not on the medium; while all is well those of one sync interval.
    pub waiting: u64,
    /// Readings that were dropped since the start, for whatever reason.
    pub lost: u64,
    /// How its backups are, where there are any.
    pub backup: Option<BackupHealth>,
}

impl StoreHealth {
    /// `ok`, or the name of the fault.
    pub fn state(&self) -> &'static str {
        self.trouble.as_ref().map_or("ok", |trouble| trouble.fault.name())
    }
}

/// What does not work at this moment.
#[derive(Debug, Default)]
pub struct StoreTroubles(Mutex<Vec<StoreTrouble>>);

impl StoreTroubles {
    fn lock(&self) -> MutexGuard<'_, Vec<StoreTrouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something failed at `now`, milliseconds since 1970; it has since it first did.
    pub fn failed(&self, fault: StoreFault, problem: &dyn std::fmt::Display, now: i64) {
        let mut troubles = self.lock();
        match troubles.iter_mut().find(|trouble| trouble.fault == fault) {
            Some(trouble) => trouble.problem = problem.to_string(),
            None => troubles.push(StoreTrouble { fault, problem: problem.to_string(), since: now }),
        }
    }

    /// It works again.
    pub fn healed(&self, fault: StoreFault) {
        self.lock().retain(|trouble| trouble.fault != fault);
    }

    fn worst(&self) -> Option<StoreTrouble> {
        let troubles = self.lock();
        StoreFault::ALL
            .iter()
            .find_map(|fault| troubles.iter().find(|trouble| trouble.fault == *fault))
            .cloned()
    }
}

impl StoreCounters {
    /// How the record is at this moment.
    pub fn health(&self) -> StoreHealth {
        StoreHealth {
            trouble: self.troubles.worst(),
            waiting: self.waiting.get(),
            lost: self.dropped_queue_full.get() + self.dropped_write_error.get(),
            backup: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_since_it_began() {
        let counters = StoreCounters::default();
        assert_eq!(counters.health().state(), "ok");
        counters.troubles.failed(StoreFault::Database, &"disk full", 1);
        counters.troubles.failed(StoreFault::Journal, &"no space", 2);
        counters.troubles.failed(StoreFault::Journal, &"read-only", 3);
        let trouble = counters.health().trouble.expect("two");
        assert_eq!((trouble.fault, &*trouble.problem, trouble.since), (StoreFault::Journal, "read-only", 2));
        counters.troubles.healed(StoreFault::Journal);
        assert_eq!(counters.health().state(), "database");
        counters.troubles.healed(StoreFault::Database);
        assert_eq!(counters.health(), StoreHealth::default());
    }
}
