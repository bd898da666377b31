//! The store's thread: the one owner of journal and write connection.
//!
//! The order that makes every reading count exactly once: a reading is numbered and journaled; blocks are
//! stored in one transaction together with the number of the last reading in them; then the journal is cut. Killed
//! between any two of these, the next start takes from the journal what has a higher number.

mod restoring;
mod standing;
mod syncing;
mod thinning;
mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::backup;
use super::codec::Row;
use super::db::{self, Database, beside, is_damage, stamp};
use super::disk::Disk;
use super::error::{FlushError, OpenError};
use super::journal::{self, Journal, Waiting};
use super::pending::{Pending, Place};
use super::queue::{Queue, Request};
use super::rebuild;
use super::settings::StoreSettings;
use super::tallies::Tallies;
use super::trouble::{Room, Trouble, with_remedy};
use crate::clock::{Clock, MonoMillis};
use crate::meter::Reading;
use crate::telemetry::{StoreCounters, StoreFault};
use restoring::Restoring;
pub(super) use restoring::SalvageFailure;
use standing::Standing;
use thinning::Thinning;

/// At the end of an hour blocks are stored when it is this long since they were, or when there are many: every second hour
/// has a commit, and a replay of a year stores days, not hours. Most of what a commit writes does not depend on how much is in it:
/// on ext4 some 172 kB for one hour, 197 for two, 221 and more for three.
const COMMIT_PACE: MonoMillis = 6_600_000;
const COMMIT_BLOCKS: usize = 24;
const COMMIT_BYTES: usize = 512 * 1024;
/// Readings of a meter that fell silent go into a block after this: a little more than the pace and an hour.
const COMMIT_LATEST: MonoMillis = 10_500_000;
/// After a failure, in milliseconds, the database is tried again.
const RETRY_COMMIT: MonoMillis = 5_000;
/// When a small write succeeds and all of it does not: what is pending is packed anew each time, and ever worse.
const RETRY_WHOLE: MonoMillis = 60_000;
/// Readings kept in memory while the journal cannot be written, as far as they fit: a day of one meter. They are packed,
/// and come to a megabyte or two.
const MAX_UNWRITTEN: u64 = 86_400;
/// The journal is kept up to this while what it holds is in the database's log alone.
const MAX_KEPT: u64 = 4 * 1024 * 1024;
/// The longest wait for readings; the heart beats at least this often.
const TICK: Duration = Duration::from_millis(500);

/// What the thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    settings: StoreSettings,
    disk: Arc<dyn Disk>,
    counters: Arc<StoreCounters>,
    clock: Clock,
    database: Database,
    journal: Journal,
    waiting: Waiting,
    /// Readings taken from the queue.
    taken: u64,
    pending: Pending,
    tallies: Tallies,
    /// Readings in the journal since it was last synced.
    unsynced: u64,
    synced_at: MonoMillis,
    committed_at: MonoMillis,
    write_again_at: MonoMillis,
    commit_again_at: MonoMillis,
    write_trouble: Trouble,
    /// It is the syncs that fail: a write that succeeds ends nothing.
    sync_failing: bool,
    commit_trouble: Trouble,
    drop_trouble: Trouble,
    swap_trouble: Trouble,
    restoring: Restoring,
    thinning: Thinning,
    standing: Standing,
    room: Room,
}

impl Writer {
    /// Opens journal and database, and moves into blocks what the journal still holds.
    pub(super) fn open(
        settings: StoreSettings,
        disk: Arc<dyn Disk>,
        counters: Arc<StoreCounters>,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        // The lock on the journal comes first: nobody else may be at the database while it is checked.
        let path = journal::path_of(&settings.path);
        let mut file = journal::lock(disk.as_ref(), &path)
            .map_err(|error| journal::open_error(error, &path, &settings.path))?;
        backup::restore::finish(&settings.path)
            .map_err(|error| OpenError::Io { path: settings.path.clone(), error })?;
        journal::reserve(file.as_mut(), &path);
        db::make(disk.as_ref(), &settings.path, clock.wall())?;
        let mut database = Database::open(&settings.path, disk.vfs(), clock.wall())?;
        let mut tallies = rebuild::at_open(&settings.path, &mut database);
        let sequence =
            database.sequence().map_err(|error| OpenError::Sqlite { path: settings.path.clone(), error })?;
        let aside = beside(&path, &format!(".corrupt-{}", stamp(clock.wall())));
        let heard =
            database.heard().map_err(|error| OpenError::Sqlite { path: settings.path.clone(), error })?;
        let mut pending = Pending::after(heard);
        let mut recovered = 0u64;
        // Where each reading is synced nothing waits.
        let memory = disk.memory().filter(|_| !settings.sync_interval.is_zero()).map(Path::to_owned);
        let mut take = |number, meter: Arc<str>, row: Row| {
            if number > sequence {
                let reading = row.clone().into_reading();
                tallies.take(&meter, &reading);
                let place = Place::of(&meter, &reading);
                pending.roll(&place);
                recovered += u64::from(pending.push(&place, &row).is_ok());
            }
        };
        let opened = Journal::open(&settings.path, Arc::clone(&disk), memory, file, &aside, &mut take);
        let (journal, found) = opened.map_err(|error| journal::open_error(error, &path, &settings.path))?;
        let waiting = Waiting::open(Arc::clone(&disk), &settings.path);
        let now = clock.mono();
        let mut standing = Standing::default();
        standing.settle(&settings.path, sequence);
        let mut writer = Self {
            settings,
            disk,
            counters,
            clock,
            database,
            journal,
            waiting,
            taken: 0,
            pending,
            tallies,
            unsynced: 0,
            synced_at: now,
            committed_at: now,
            write_again_at: 0,
            commit_again_at: 0,
            write_trouble: Trouble::default(),
            sync_failing: false,
            commit_trouble: Trouble::default(),
            drop_trouble: Trouble::default(),
            swap_trouble: Trouble::default(),
            restoring: Restoring::default(),
            thinning: Thinning::default(),
            standing,
            room: Room::default(),
        };
        if found.torn > 0 {
            tracing::warn!(
                whole = found.rows,
                dropped_bytes = found.torn,
                "the journal ends in a torn record: a write was cut short"
            );
        }
        if recovered > 0 {
            tracing::info!(readings = recovered, "took readings from the journal");
        }
        if writer.pending.is_empty() {
            writer.cut();
        } else {
            // When this fails they stay in the journal and the thread tries again.
            let _ = writer.commit();
        }
        if writer.journal.next_sequence() <= sequence {
            // A power cut took its end, which is in blocks: rows that go on from here would pass for those.
            writer.journal.cut();
        }
        writer.journal.raise(sequence + 1);
        writer.settle_at_open();
        writer.restore_at_open();
        writer.is_new();
        writer.measure();
        Ok(writer)
    }

    /// Serves the queue until it is closed, then makes everything safe.
    pub(super) fn run(mut self, queue: &Queue, heartbeat: &AtomicU64) -> Result<(), FlushError> {
        let mut batch = Vec::new();
        while queue.take(&mut batch, self.patience()) {
            heartbeat.fetch_add(1, Ordering::Relaxed);
            let idle = batch.is_empty();
            let mut flushes = Vec::new();
            for request in batch.drain(..) {
                match request {
                    Request::Reading(meter, reading) => self.keep(&meter.name, &reading),
                    Request::Prices(slots, answer) => {
                        let outcome = if self.standing.is_away() {
                            Err(Self::away())
                        } else {
                            self.database.put_prices(&slots).map_err(|error| FlushError(error.to_string()))
                        };
                        // Nobody may be waiting any more.
                        let _ = answer.send(outcome);
                    }
                    Request::Retain(retention) => self.thinning.begin(retention, &self.database),
                    Request::Flush(answer) => flushes.push(answer),
                }
            }
            self.look_after_files();
            self.write();
            self.settle();
            self.tick();
            if !self.standing.is_away() {
                self.restore(idle);
                self.thin(idle);
            }
            self.counters.waiting.set(self.unsynced + queue.len() as u64);
            for answer in flushes {
                // Nobody may be waiting any more.
                let _ = answer.send(self.flush());
            }
        }
        self.end()
    }

    /// How long to wait for readings.
    fn patience(&self) -> Duration {
        if self.restoring.is_due(self.clock.mono()) { restoring::PAUSE } else { TICK }
    }

    fn keep(&mut self, meter: &Arc<str>, reading: &Reading) {
        self.taken += 1;
        let place = Place::of(meter, reading);
        // Two meters that take turns behind one name are told of once in a while, not every second.
        if let Some(before) = self.pending.replaced(&place)
            && self.swap_trouble.failed(self.clock.mono())
        {
            tracing::warn!(
                meter = %meter, before, now = place.equipment,
                "another meter stands behind this name; its readings are kept apart"
            );
        }
        let before = self.pending.finished().len();
        self.pending.roll(&place);
        // Later in the hour a commit would cut its block in two.
        self.commit_when_due(self.pending.finished().len() > before);
        if self.journal.unwritten_rows() >= MAX_UNWRITTEN {
            return self.drop_one("the journal cannot be written");
        }
        let row = Row::of(reading);
        let mut journaled = self.journal.append(meter, &row);
        if journaled.is_err() && self.clock.mono() >= self.commit_again_at && self.commit().is_ok() {
            // An empty journal has room for any row that can be kept at all.
            journaled = self.journal.append(meter, &row);
        }
        if journaled.is_err() {
            return self.drop_one("it does not fit in the journal");
        }
        self.unsynced += 1;
        // A reading that is in the journal counts, as it does after a start that takes it from there.
        self.tallies.take(meter, reading);
        if self.pending.push(&place, &row).is_err() {
            // The journal took the same row through the same codec.
            tracing::error!(meter = %meter, "a journaled reading does not fit in a block");
        }
    }

    fn commit_when_due(&mut self, hour_over: bool) {
        let now = self.clock.mono();
        if self.pending.is_empty() {
            self.committed_at = self.committed_at.max(now.saturating_sub(COMMIT_PACE));
            return;
        }
        let finished = self.pending.finished().len();
        let since = now.saturating_sub(self.committed_at);
        let due = (hour_over && since >= COMMIT_PACE)
            || finished >= COMMIT_BLOCKS
            || self.pending.bytes() >= COMMIT_BYTES
            || since >= COMMIT_LATEST
            || self.commit_trouble.is_failing();
        if due && (now >= self.commit_again_at || self.has_more_room(now)) {
            // The failure is told and tried again.
            let _ = self.commit();
        }
    }

    /// Stores everything pending, then cuts the journal.
    fn commit(&mut self) -> Result<(), FlushError> {
        let had_again = self.counters.had_again.get();
        if !self.has_files() {
            return Err(Self::away());
        }
        if self.counters.had_again.get() != had_again {
            // The record that just came back has them.
            return Ok(());
        }
        let now = self.clock.mono();
        if self.commit_trouble.is_failing()
            && let Err(error) = self.database.probe()
        {
            return Err(self.commit_failed(now, &error, RETRY_COMMIT));
        }
        self.pending.finish_all();
        let sequence = self.journal.next_sequence().saturating_sub(1);
        let mut outcome = self.database.store(self.pending.finished(), &mut self.tallies, sequence);
        if let Err(error) = &outcome
            && is_damage(error)
        {
            outcome = match self.database.renew(self.clock.wall(), error) {
                Ok(()) => {
                    self.standing.settle(&self.settings.path, self.standing.stored);
                    self.tallies.renewed();
                    self.restoring.look(&self.settings.path);
                    self.database.store(self.pending.finished(), &mut self.tallies, sequence)
                }
                Err(OpenError::Sqlite { error, .. }) => Err(error),
                Err(other) => return Err(self.commit_failed(now, &other, RETRY_COMMIT)),
            };
        }
        match outcome {
            Ok(()) => {
                self.standing.stored = sequence;
                self.cut();
                self.committed(self.pending.finished().len() as u64);
                Ok(())
            }
            Err(error) => {
                // The first failure may pass; of a small write that succeeds in between nothing follows.
                let wait = if self.commit_trouble.is_failing() { RETRY_WHOLE } else { RETRY_COMMIT };
                Err(self.commit_failed(now, &error, wait))
            }
        }
    }

    /// Everything pending is in so many blocks.
    fn committed(&mut self, blocks: u64) {
        let now = self.clock.mono();
        self.counters.blocks.add(blocks);
        self.pending.clear_finished();
        self.unsynced = 0;
        self.counters.troubles.healed(StoreFault::Database);
        self.thin_at_commit();
        self.committed_at = now;
        self.synced_at = now;
        self.commit_again_at = 0;
        if self.commit_trouble.succeeded() {
            self.commit_trouble = Trouble::default();
            tracing::info!("the database can be written again");
        }
        self.measure();
    }

    /// Starts the journal over, once what was committed is in the database's own file: a log that is lost costs nothing
    /// then. Somebody who reads for long keeps it from getting there; then the journal grows for a while.
    fn cut(&mut self) {
        let moved = self.database.checkpoint().unwrap_or_else(|error| {
            tracing::debug!(error = %error, "could not move the log into the database");
            false
        });
        // A journal that cannot be written is nothing to fall back on.
        if moved || self.journal.used() > MAX_KEPT || self.write_trouble.is_failing() {
            // What the journal never got is in a block all the same.
            self.counters.stored.add(self.journal.cut());
        }
    }

    fn commit_failed(
        &mut self,
        now: MonoMillis,
        error: &(dyn std::error::Error + 'static),
        wait: MonoMillis,
    ) -> FlushError {
        self.commit_again_at = now + wait;
        self.note_room(now);
        let problem = with_remedy(error);
        self.counters.troubles.failed(StoreFault::Database, &problem, self.clock.wall());
        if self.commit_trouble.failed(now) {
            tracing::error!(error = problem, "could not write the database; readings stay in the journal");
        }
        FlushError(problem)
    }

    /// Everything so far into blocks, or at least onto the device.
    fn flush(&mut self) -> Result<(), FlushError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let committed = self.commit();
        if committed.is_err() && !self.standing.is_away() {
            let now = self.clock.mono();
            let outcome = self.synced(now);
            self.account(now, outcome);
        }
        committed
    }

    fn measure(&self) {
        self.counters.disk_bytes.set(self.database.bytes() + self.journal.allocated());
    }
}
