//! The journal on its way to the kernel and to the medium.

use super::Writer;
use crate::clock::MonoMillis;
use crate::store::journal::MAX_UNSYNCED;
use crate::store::trouble::{Trouble, with_remedy};
use crate::telemetry::StoreFault;

/// After a failure, in milliseconds, it is tried again.
const RETRY: MonoMillis = 2_000;

impl Writer {
    /// Hands the kernel what was appended.
    pub(super) fn write(&mut self) {
        let now = self.clock.mono();
        let at_once = self.settings.sync_interval.is_zero() || self.journal.unsynced() > MAX_UNSYNCED;
        let card = now >= self.write_again_at && !self.standing.is_away();
        if at_once && card && self.journal.unsynced() > 0 {
            let outcome = self.synced(now);
            self.account(now, outcome);
        } else if card || self.journal.in_memory() {
            match self.journal.write() {
                // Memory tells nothing of the card.
                Ok(rows) if self.journal.in_memory() || self.sync_failing => self.counters.stored.add(rows),
                outcome => self.account(now, outcome),
            }
        }
    }

    pub(super) fn synced(&mut self, now: MonoMillis) -> std::io::Result<u64> {
        let rows = self.journal.sync().inspect_err(|_| self.sync_failing = true)?;
        self.sync_failing = false;
        self.unsynced = 0;
        self.counters.syncs.inc();
        self.synced_at = now;
        self.waiting.mend();
        Ok(rows)
    }

    pub(super) fn account(&mut self, now: MonoMillis, outcome: std::io::Result<u64>) {
        match outcome {
            Ok(rows) => {
                self.standing.took();
                self.counters.stored.add(rows);
                self.write_again_at = 0;
                self.counters.troubles.healed(StoreFault::Journal);
                if self.write_trouble.succeeded() {
                    let dropped = self.counters.dropped_write_error.get();
                    tracing::info!(dropped, "the journal can be written again");
                    self.drop_trouble = Trouble::default();
                    self.write_trouble = Trouble::default();
                }
            }
            Err(error) => {
                self.write_again_at = now + RETRY;
                self.standing.refused(&error, now);
                let problem = with_remedy(&error);
                self.counters.troubles.failed(StoreFault::Journal, &problem, self.clock.wall());
                if self.write_trouble.failed(now) {
                    let waiting = self.unsynced;
                    tracing::error!(
                        error = problem,
                        waiting,
                        "could not write the journal; readings wait in memory"
                    );
                }
            }
        }
    }

    /// How much room there is when a commit fails.
    pub(super) fn note_room(&mut self, now: MonoMillis) {
        self.room.note(&self.settings.path, now);
    }

    /// Somebody made room since the last commit failed: there is no reason to wait any longer.
    pub(super) fn has_more_room(&self, now: MonoMillis) -> bool {
        self.commit_trouble.is_failing() && self.room.has_grown(&self.settings.path, now)
    }

    /// What the time asks for.
    pub(super) fn tick(&mut self) {
        let now = self.clock.mono();
        if self.journal.unsynced() == 0 {
            // The interval runs from the first reading that a power cut would take.
            self.synced_at = now;
        }
        let interval = self.settings.sync_interval.as_millis() as MonoMillis;
        // Whether a fault is over is found out at once.
        let due = now >= self.synced_at + interval || self.sync_failing;
        if self.journal.unsynced() > 0 && due && now >= self.write_again_at && !self.standing.is_away() {
            let outcome = self.synced(now);
            self.account(now, outcome);
            self.measure();
        }
        self.commit_when_due(false);
    }
}
