//! Files of the record that are not in their place any more: deleted, moved, replaced, or away with their medium.
//!
//! What is open can be written for ever, and nobody would find it. And a file system that somebody holds open cannot
//! be mounted anew. So the files are let go of, and readings wait, until the path leads to a record again: the same,
//! another one, or, where the folder is there and has none, a new one. The same is done with a medium that fails or
//! became read-only and stays so: it has to be unmounted, checked and mounted again.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{RETRY_WHOLE, Writer};
use crate::clock::MonoMillis;
use crate::meter::UnixMillis;
use crate::store::backup::{self, folder_of};
use crate::store::block;
use crate::store::codec;
use crate::store::db::Database;
use crate::store::error::{FlushError, OpenError};
use crate::store::journal;
use crate::store::pending::{Finished, Pending, Place};
use crate::store::rebuild;
use crate::store::tallies::Tallies;
use crate::store::trouble::Trouble;
use crate::telemetry::StoreFault;

/// How often it is looked whether the files are where they belong, and tried to have them again, in milliseconds.
const PACE: MonoMillis = 5_000;

/// A medium that fails for so many milliseconds is let go of.
const HOPELESS: MonoMillis = 30_000;

/// A file on its file system.
type Identity = (u64, u64);

/// Which files are open, and whether they still are.
#[derive(Debug, Default)]
pub(super) struct Standing {
    database: Option<Identity>,
    journal: Option<Identity>,
    /// The folder is where a file system is mounted.
    mounted: bool,
    /// The sequence number of the last reading that the database has.
    pub(super) stored: u64,
    away: bool,
    /// What is told of it.
    fault: Option<(StoreFault, UnixMillis)>,
    /// Since when nothing can be written, for a reason that unmounting may end.
    failing: Option<MonoMillis>,
    again_at: MonoMillis,
    trouble: Trouble,
}

/// Why files are not in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// The folder too, or the file system that was mounted there.
    Medium,
    /// Others lie there, or none.
    Files,
    /// They are there, and cannot be used.
    Use,
}

/// None when it cannot be told: what cannot be looked at may well be there.
fn identity(path: &Path) -> Option<Option<Identity>> {
    match path.metadata() {
        Ok(about) => Some(Some((about.dev(), about.ino()))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some(None)
        }
        Err(_) => None,
    }
}

fn is_mounted(folder: &Path) -> bool {
    let device = |path: &Path| path.metadata().map(|about| about.dev()).ok();
    device(folder) != device(&folder.join(".."))
}

impl Standing {
    /// What is open at this moment is what lies there.
    pub(super) fn settle(&mut self, database: &Path, stored: u64) {
        self.database = identity(database).flatten();
        self.journal = identity(&journal::path_of(database)).flatten();
        self.mounted = is_mounted(folder_of(database));
        self.stored = stored;
        self.away = false;
        self.failing = None;
    }

    /// The medium did not take what was written at `now`.
    pub(super) fn refused(&mut self, error: &io::Error, now: MonoMillis) {
        // What is full is as good as ever, and needs no other mount.
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind());
        self.failing = if full { None } else { self.failing.or(Some(now)) };
    }

    /// The medium took something.
    pub(super) fn took(&mut self) {
        self.failing = None;
    }

    /// The files are let go of.
    pub(super) fn is_away(&self) -> bool {
        self.away
    }

    fn look(&self, database: &Path) -> Option<Gone> {
        let (known, found) =
            ([self.database, self.journal], [identity(database)?, identity(&journal::path_of(database))?]);
        if known == found {
            return None;
        }
        let folder = folder_of(database);
        let gone = !folder.is_dir() || (self.mounted && !is_mounted(folder));
        Some(if gone { Gone::Medium } else { Gone::Files })
    }
}

impl Writer {
    /// Nothing that was let go of before is away any more.
    pub(super) fn is_new(&self) {
        self.counters.had_again.set(self.counters.let_go.get());
        self.counters.troubles.healed(StoreFault::Gone);
    }

    /// Looks now and then whether the files are where they belong, and has them again where they are not.
    pub(super) fn look_after_files(&mut self) {
        let now = self.clock.mono();
        if now >= self.standing.again_at {
            self.look_at_files();
        }
    }

    /// Whether there is a record to write to; one that is away is not asked for each time.
    pub(super) fn has_files(&mut self) -> bool {
        let waits = self.standing.away && self.clock.mono() < self.standing.again_at;
        !waits && self.look_at_files()
    }

    /// False when there is no record to write to at this moment.
    pub(super) fn look_at_files(&mut self) -> bool {
        let now = self.clock.mono();
        self.standing.again_at = now + PACE;
        let hopeless =
            self.standing.away || self.standing.failing.is_some_and(|since| now >= since + HOPELESS);
        let gone = self.standing.look(&self.settings.path).or(hopeless.then_some(Gone::Use));
        let Some(gone) = gone else { return true };
        if !self.standing.away {
            self.let_go(gone);
        }
        let problem = match gone {
            Gone::Medium => {
                let folder = folder_of(&self.settings.path);
                format!(
                    "{}: the medium was taken away, or the folder; mount it, or make the folder again",
                    folder.display()
                )
            }
            Gone::Files | Gone::Use => match self.have_again() {
                Ok(()) => return true,
                Err(error) => error.to_string(),
            },
        };
        if let Some((fault, since)) = self.standing.fault {
            self.counters.troubles.failed(fault, &problem, since);
        }
        if self.standing.trouble.failed(now) {
            let waiting = self.unsynced;
            tracing::error!(problem, waiting, "there is no record to write to; readings wait in memory");
        }
        false
    }

    fn let_go(&mut self, gone: Gone) {
        let database = self.settings.path.display();
        match gone {
            Gone::Medium => {
                tracing::error!(%database, "the medium of the record is away: its files are let go of until it is back");
            }
            Gone::Files => {
                tracing::error!(%database, "somebody deleted, moved or replaced files of the record while it is in use");
            }
            Gone::Use => {
                tracing::error!(%database, "the medium keeps failing: it is let go of, and can be unmounted, checked and mounted");
            }
        }
        let since = self.counters.health().trouble.map_or(self.clock.wall(), |trouble| trouble.since);
        let fault = if gone == Gone::Use { StoreFault::Closed } else { StoreFault::Gone };
        self.standing.fault = Some((fault, since));
        self.standing.away = true;
        self.counters.let_go.inc();
        // Their descriptors would hold the file system, which could not be mounted anew.
        self.database.let_go();
        self.journal.let_go();
        // These are of the files that were.
        self.counters.troubles.healed(StoreFault::Database);
        self.counters.troubles.healed(StoreFault::Journal);
    }

    /// Opens what is at the path, or makes it, and stores there what waits; without that the next attempt begins with
    /// the same.
    fn have_again(&mut self) -> Result<(), OpenError> {
        let path = self.settings.path.clone();
        let journal_path = journal::path_of(&path);
        let sqlite = |error| OpenError::Sqlite { path: path.clone(), error };
        let mut file = journal::lock(self.disk.as_ref(), &journal_path)
            .map_err(|error| journal::open_error(error, &journal_path, &path))?;
        backup::restore::finish(&path).map_err(|error| OpenError::Io { path: path.clone(), error })?;
        let mut database = Database::open(&path, self.disk.vfs(), self.clock.wall())?;
        // After a sync that failed the kernel shows what the medium does not have, a whole commit even, and syncs it no
        // more. Moved into the database's own file it is written again, before anything relies on it.
        if !database.checkpoint().map_err(sqlite)? {
            let why =
                "somebody reads the record just now, and it has to be ours alone for a moment".to_owned();
            let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
            return Err(sqlite(rusqlite::Error::SqliteFailure(busy, Some(why))));
        }
        let found = database.sequence().map_err(sqlite)?;
        let card = file.read_all().map_err(|error| OpenError::Io { path: journal_path.clone(), error })?;
        let is_ours = self.journal.wrote(&card);
        let is_known = !card.is_empty() && is_ours;
        // Our last commit is among it, although it failed.
        let is_further = is_ours && (self.standing.stored + 1..self.journal.next_sequence()).contains(&found);
        let is_same = is_further
            || (found == self.standing.stored && (is_known || database.readings().map_err(sqlite)? > 0));
        // What our own journal holds waits here too.
        let mut blocks = if is_ours || is_same { Vec::new() } else { waiting_in(&card, found) };
        // What is pending is packed anew with each attempt, and ever worse: one that cannot succeed is not made.
        database.probe().map_err(sqlite)?;
        self.standing.again_at = self.clock.mono() + RETRY_WHOLE;
        self.pending.finish_all();
        if is_further {
            blocks = waiting_in(&self.journal.bytes(&card), found);
        } else {
            blocks.extend_from_slice(self.pending.finished());
        }
        let mut anew = None;
        if is_further || !is_same {
            let mut tallies = rebuild::at_open(&path, &mut database);
            blocks.iter().for_each(|block| count(block, &mut tallies));
            anew = Some(tallies);
        }
        let sequence = found.max(self.journal.next_sequence().saturating_sub(1));
        let tallies = anew.as_mut().unwrap_or(&mut self.tallies);
        database.store(&blocks, tallies, sequence).map_err(sqlite)?;
        // From here on nothing waits any more.
        self.database = database;
        self.tallies = anew.unwrap_or_else(|| std::mem::take(&mut self.tallies));
        self.counters.stored.add(self.journal.replace(file, &card, sequence + 1));
        self.standing.settle(&path, sequence);
        self.standing.trouble = Trouble::default();
        self.standing.again_at = self.clock.mono() + PACE;
        self.restoring.look(&path);
        if let Some((fault, _)) = self.standing.fault.take() {
            self.counters.troubles.healed(fault);
        }
        self.committed(blocks.len() as u64);
        self.counters.had_again.inc();
        if is_same {
            tracing::info!("the record is back, and has the readings that waited");
        } else {
            tracing::error!(
                database = %path.display(), readings_before = found,
                "the record that was in use is not there any more: another one goes on, with the readings that waited"
            );
        }
        Ok(())
    }

    /// What is asked of a record that is away.
    pub(super) fn away() -> FlushError {
        FlushError("its files are not in their place".into())
    }
}

/// What a journal holds that a database which has come to `found` does not.
fn waiting_in(journal: &[u8], found: u64) -> Vec<Finished> {
    let mut theirs = Pending::default();
    for (_, meter, row) in journal::Scanner::new(journal).filter(|(number, ..)| *number > found) {
        let place = Place::of(&meter, &row.clone().into_reading());
        theirs.roll(&place);
        // The journal took the same row through the same codec.
        let _ = theirs.push(&place, &row);
    }
    theirs.finish_all();
    theirs.finished().to_vec()
}

fn count(block: &Finished, tallies: &mut Tallies) {
    let Ok(rows) = block::rows(codec::VERSION, block.data.clone()) else { return };
    for row in rows.map_while(Result::ok) {
        tallies.take(&block.meter, &row.into_reading());
    }
}
