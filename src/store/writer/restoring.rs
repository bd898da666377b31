//! Damaged databases salvaged beside the work: at the start for a moment, then whenever nothing waits.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::Writer;
use crate::clock::MonoMillis;
use crate::store::backup::{folder_of, free_bytes};
use crate::store::db::is_damage;
use crate::store::error::FlushError;
use crate::store::rebuild;
use crate::store::salvage::{Next, Note, Salvage, Salvaged};
use crate::store::trouble::Trouble;

/// The start waits no longer than this for what can be had at once, in milliseconds.
const AT_OPEN: MonoMillis = 1_000;
/// While nothing else waits, steps follow each other for so many milliseconds.
const AT_ONCE: MonoMillis = 250;
/// Then readings are waited for as long as this, and no longer while there is something to be salvaged.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are left on the disk for readings that come: a month of them and more.
const RESERVE: u64 = 16 * 1024 * 1024;
/// A step is taken at least once in so many rounds, however busy the store is.
const ROUNDS: u32 = 16;
/// After a failure, in milliseconds.
const RETRY: MonoMillis = 60_000;

/// What is to be salvaged.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    waiting: VecDeque<Note>,
    current: Option<Salvage>,
    rounds: u32,
    again_at: MonoMillis,
    room: Trouble,
}

impl Restoring {
    /// Whether there is anything to do now.
    pub(super) fn is_due(&self, now: MonoMillis) -> bool {
        (self.current.is_some() || !self.waiting.is_empty()) && now >= self.again_at
    }

    /// Looks for files that were set aside.
    pub(super) fn look(&mut self, database: &Path) {
        for note in Note::beside(database) {
            let is_current = self.current.as_ref().is_some_and(|current| current.file() == note.file());
            if !is_current && !self.waiting.contains(&note) {
                self.waiting.push_back(note);
            }
        }
    }

    fn next(&mut self) -> Option<&mut Salvage> {
        while self.current.is_none() {
            let note = self.waiting.pop_front()?;
            match Salvage::open(note.file(), Some(note.clone())) {
                Ok(salvage) => {
                    tracing::info!(
                        file = %salvage.file().display(),
                        bytes = salvage.bytes(),
                        "salvaging a damaged database"
                    );
                    self.current = Some(salvage);
                }
                Err(error) => {
                    tracing::error!(file = %note.file().display(), error = %error, "cannot read a damaged database");
                }
            }
        }
        self.current.as_mut()
    }
}

impl Writer {
    /// What was set aside is salvaged for as long as a start may take.
    pub(super) fn restore_at_open(&mut self) {
        self.restoring.look(&self.settings.path);
        let until = self.clock.mono() + AT_OPEN;
        while self.clock.mono() <= until && self.commits() && self.restore_step(until) {}
    }

    /// Goes on with a salvage, if there is one.
    pub(super) fn restore(&mut self, idle: bool) {
        self.restoring.rounds += 1;
        let due = idle || self.restoring.rounds >= ROUNDS;
        if due && self.commits() && self.clock.mono() >= self.restoring.again_at {
            self.restoring.rounds = 0;
            let until = self.clock.mono() + AT_ONCE;
            while self.restore_step(until) && idle && self.clock.mono() < until {}
        }
    }

    /// Whether the database can be written, as far as is known.
    fn commits(&self) -> bool {
        !self.commit_trouble.is_failing()
    }

    /// Whether what comes has room. What was saved of a damaged database must not keep new readings from theirs.
    fn has_room(&mut self) -> bool {
        let Some(salvage) = &self.restoring.current else { return true };
        let needed = salvage.needs();
        // Where nobody can tell, the disk will.
        let Ok(free) = free_bytes(folder_of(&self.settings.path)) else { return true };
        if free > RESERVE || free / 2 >= needed {
            if self.restoring.room.succeeded() {
                tracing::info!("there is room again: the salvage goes on");
            }
            return true;
        }
        let now = self.clock.mono();
        self.restoring.again_at = now + RETRY;
        if self.restoring.room.failed(now) {
            let millions = |bytes: u64| bytes.div_ceil(1_000_000);
            tracing::error!(
                file = %salvage.file().display(),
                needed_mb = millions(needed),
                free_mb = free / 1_000_000,
                "no room to save the rest of a damaged database: its file is kept, and the salvage goes on when there is \
                 room; or move that file to another disk, and bring it back with \"dsmrd db salvage\""
            );
        }
        false
    }

    /// One step, of which no more than it takes is done after an instant; false when there is nothing left, or it failed
    /// and is tried again later.
    fn restore_step(&mut self, until: MonoMillis) -> bool {
        if self.restoring.next().is_none() || !self.has_room() {
            return false;
        }
        let Some(salvage) = &mut self.restoring.current else { return false };
        let clock = &self.clock;
        let failed = match salvage.step(&mut self.database, &|| clock.mono() >= until) {
            Ok(Next::Step) => None,
            Ok(Next::Counters) => self.restore_counters().err(),
            Ok(Next::Done) => {
                if let Some(salvage) = self.restoring.current.take() {
                    salvage.finish();
                }
                self.restore_totals().err()
            }
            Err(error) if is_damage(&error) => {
                // The commit that is due next meets it too, and sets the new database aside as well.
                Some(FlushError(error.to_string()))
            }
            Err(error) => Some(FlushError(error.to_string())),
        };
        if let Some(error) = &failed {
            self.restoring.again_at = self.clock.mono() + RETRY;
            tracing::warn!(error = %error, "a salvage could not go on; it is tried again");
        }
        failed.is_none()
    }

    /// Counters come in while every reading so far is counted in the database.
    fn restore_counters(&mut self) -> Result<(), FlushError> {
        self.commit_pending()?;
        let Some(salvage) = &mut self.restoring.current else { return Ok(()) };
        let outcome = salvage.counters(&mut self.database).and_then(|()| self.database.tallies());
        self.tallies = outcome.map_err(|error| FlushError(error.to_string()))?;
        Ok(())
    }

    /// Totals that are in doubt are made anew where that is quick.
    fn restore_totals(&mut self) -> Result<(), FlushError> {
        let whole = self.database.totals_whole().map_err(|error| FlushError(error.to_string()))?;
        if !whole {
            self.commit_pending()?;
            self.tallies = rebuild::at_open(&self.settings.path, &mut self.database);
        }
        Ok(())
    }

    /// Whether the totals are those of every block, as far as is known.
    pub(in crate::store) fn is_whole(&self) -> bool {
        self.database.totals_whole().unwrap_or(true)
    }

    fn commit_pending(&mut self) -> Result<(), FlushError> {
        if self.pending.is_empty() { Ok(()) } else { self.commit() }
    }

    /// Salvages a file at once. `progress` is told now and then how much is done, of how much.
    pub(in crate::store) fn salvage(
        &mut self,
        file: &Path,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Salvaged, SalvageFailure> {
        let mut salvage = Salvage::open(file, None).map_err(SalvageFailure::Read)?;
        let fail = |error: rusqlite::Error| SalvageFailure::Write(FlushError(error.to_string()));
        loop {
            let (done, all) = salvage.progress();
            progress(done, all);
            match salvage.step(&mut self.database, &|| false).map_err(fail)? {
                Next::Step => {}
                Next::Counters => {
                    self.commit_pending().map_err(SalvageFailure::Write)?;
                    salvage.counters(&mut self.database).map_err(fail)?;
                    self.tallies = self.database.tallies().map_err(fail)?;
                }
                Next::Done => break,
            }
        }
        Ok(salvage.finish())
    }
}

/// Why a file could not be salvaged.
#[derive(Debug)]
pub(in crate::store) enum SalvageFailure {
    /// It cannot be read at all.
    Read(std::io::Error),
    /// The record that takes it cannot be written.
    Write(FlushError),
}
