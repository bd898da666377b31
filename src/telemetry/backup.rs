//! What became of backups.

use std::sync::{Mutex, PoisonError};

use super::Counter;

/// How the backups are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupHealth {
    /// When the newest good one in the folder was made, in seconds since 1970-01-01 00:00 UTC.
    pub last_good: Option<u64>,
    /// What is wrong since the last attempt, to make one or to copy it.
    pub problem: Option<String>,
}

/// What became of backups since the start, for whoever asks how things are.
#[derive(Debug, Default)]
pub struct BackupState {
    /// Backups that were made and found to be good.
    pub made: Counter,
    /// Those that failed.
    pub failed: Counter,
    /// Backups that the command copied.
    pub copied: Counter,
    /// Times the command failed.
    pub copies_failed: Counter,
    /// Level: when the newest good backup in the folder was made, in seconds since 1970-01-01 00:00 UTC; 0 where there
    /// is none.
    pub last_good: Counter,
    problem: Mutex<Option<String>>,
}

impl BackupState {
    /// What is wrong since the last attempt; none when it went well.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How they are; none where none was ever made or tried.
    pub fn health(&self) -> Option<BackupHealth> {
        let last_good = Some(self.last_good.get()).filter(|time| *time > 0);
        let health = BackupHealth { last_good, problem: self.problem() };
        (health != BackupHealth::default()).then_some(health)
    }

    /// Notes what is wrong, or that nothing is.
    pub fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}
