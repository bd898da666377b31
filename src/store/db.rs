//! The SQLite file: opened, checked, migrated, and given blocks.

mod aside;
pub(super) mod blocks;
mod connect;
mod copy;
mod damage;
pub(super) mod epoch;
pub(super) mod intake;
mod log;
mod make;
mod migrate;
pub(super) mod older;
pub(super) mod prices;
pub(super) mod schema;
mod torn;
pub(super) mod totals;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use aside::set_aside;
pub(super) use connect::{open_beside, open_to_read};
pub(super) use copy::{newest_schema, open_any, open_still};
pub(super) use make::make;

use super::error::OpenError;
use super::pending::Finished;
use super::prices::ImportSummary;
use super::tallies::Tallies;
use crate::meter::UnixMillis;
use crate::prices::Slot;

/// How long a connection waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The check at start is given this long: a big file on a slow card must not keep the meter waiting. What it
/// does not come to is found when it is read, every block having a checksum of its own.
const CHECK_LIMIT: Duration = Duration::from_secs(2);

/// The writing connection.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    /// What its connection goes through; none for SQLite's own.
    vfs: Option<String>,
    connection: Connection,
}

/// Whether an error says that the file itself is beyond use.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl Database {
    /// Opens the database, or makes it. A damaged one is set aside, to be salvaged, and a new one made.
    pub(super) fn open(path: &Path, vfs: Option<&str>, now: UnixMillis) -> Result<Self, OpenError> {
        log::set_aside(path, now)?;
        torn::tell(path, now);
        let opened = match damage::of_file(path) {
            Some(what) => Err(OpenError::Sqlite { path: path.to_owned(), error: damage::error(what) }),
            None => Self::open_checked(path, vfs, now),
        };
        match opened {
            Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
                set_aside(path, now, &error)?;
                Self::open_checked(path, vfs, now)
            }
            done => done,
        }
    }

    fn open_checked(path: &Path, vfs: Option<&str>, now: UnixMillis) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        make_file(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let mut connection = match vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs),
            None => Connection::open(path),
        }
        .map_err(fail)?;
        // A file that turns out to be damaged is set aside as it was found, its log beside it and not in it.
        let keeps_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(keeps_log, true).map_err(fail)?;
        configure(&connection).map_err(fail)?;
        // What is quickly seen first: the check may take all the time that it has.
        damage::of_tables(&connection).map_err(fail)?;
        check(&connection).map_err(fail)?;
        migrate::migrate(&mut connection, path, now)?;
        damage::of_content(&connection).map_err(fail)?;
        connection.set_db_config(keeps_log, false).map_err(fail)?;
        if let Err(error) = log::number(&connection) {
            // On a card that is full or read-only it can wait; damage is met again.
            tracing::debug!(error = %error, "could not give the database its number");
        }
        Ok(Self { path: path.to_owned(), vfs: vfs.map(str::to_owned), connection })
    }

    /// Sets the damaged file aside and goes on with a new one.
    pub(super) fn renew(&mut self, now: UnixMillis, error: &rusqlite::Error) -> Result<(), OpenError> {
        // The old connection must let go of the file before it moves.
        let fail = |error| OpenError::Sqlite { path: self.path.clone(), error };
        self.connection = Connection::open_in_memory().map_err(fail)?;
        set_aside(&self.path, now, error)?;
        *self = Self::open_checked(&self.path, self.vfs.as_deref(), now)?;
        Ok(())
    }

    /// Closes the file; what is asked from now on is asked of an empty one.
    pub(super) fn let_go(&mut self) {
        // At its end a connection deletes the log by its name, and by now that may be another record's.
        let config = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let kept = self.connection.set_db_config(config, true);
        if let (Ok(nothing), Ok(_)) = (Connection::open_in_memory(), kept) {
            self.connection = nothing;
        }
    }

    /// The sequence number of the last reading in a block.
    pub(super) fn sequence(&self) -> rusqlite::Result<u64> {
        sequence(&self.connection)
    }

    /// The equipment heard last behind every meter that has told one.
    pub(super) fn heard(&self) -> rusqlite::Result<HashMap<Arc<str>, String>> {
        epoch::heard(&self.connection)
    }

    /// Stores blocks and what the tallies tell of their readings in one transaction, and that everything up to
    /// `sequence` is in them.
    pub(super) fn store(
        &mut self,
        blocks: &[Finished],
        tallies: &mut Tallies,
        sequence: u64,
    ) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        for block in blocks {
            blocks::store(&transaction, block)?;
        }
        let written = totals::write(&transaction, tallies)?;
        transaction.execute("UPDATE progress SET sequence = ?1, guard = ~?1", [sequence as i64])?;
        transaction.commit()?;
        tallies.committed(written);
        Ok(())
    }

    /// The tallies as they were at the last commit.
    pub(super) fn tallies(&self) -> rusqlite::Result<Tallies> {
        totals::counters(&self.connection).map(Tallies::restore)
    }

    /// Whether the positions are those of every block.
    pub(super) fn totals_whole(&self) -> rusqlite::Result<bool> {
        totals::whole(&self.connection)
    }

    /// Takes away counters and positions, which are no longer those of the blocks.
    pub(super) fn forget_totals(&mut self) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        totals::clear(&transaction)?;
        totals::mark(&transaction, false)?;
        transaction.commit()
    }

    /// How many readings are in blocks.
    pub(super) fn readings(&self) -> rusqlite::Result<u64> {
        let sum = "SELECT ifnull(sum(count), 0) FROM block WHERE level = 0";
        self.connection.query_row(sum, [], |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64)
    }

    /// Puts prices into their table.
    pub(super) fn put_prices(&mut self, slots: &[Slot]) -> rusqlite::Result<ImportSummary> {
        prices::put(&mut self.connection, slots)
    }

    /// Whether anything can be written: a row that says what it said. SQLite writes no page that did not change, and so
    /// it changes in between.
    pub(super) fn probe(&mut self) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        transaction.execute("UPDATE progress SET sequence = sequence + 1", [])?;
        transaction.execute("UPDATE progress SET sequence = sequence - 1", [])?;
        transaction.commit()
    }

    /// Puts prices into their table where it has none.
    pub(super) fn add_prices(&mut self, slots: &[Slot]) -> rusqlite::Result<usize> {
        prices::add(&mut self.connection, slots)
    }

    /// The names of the meters that have readings.
    pub(super) fn meters(&self) -> rusqlite::Result<HashSet<String>> {
        let mut names = self.connection.prepare("SELECT DISTINCT meter FROM epoch")?;
        names.query_map([], |row| row.get(0))?.collect()
    }

    /// Moves what is in the log alone into the file; whether all of it was.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<bool> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let (busy, logged, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && logged == moved)
        })
    }

    /// The connection, to read.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes the file as small as what is in it.
    pub(super) fn vacuum(&self) -> rusqlite::Result<()> {
        // From now on free pages can be given back one by one.
        self.connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Gives up to so many free pages at the end of the file back to the file system. A database that was made before
    /// it could keeps them for what comes.
    pub(super) fn give_back(&self, pages: u32) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        // Each row of the answer is a page.
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Whether free pages can be given back.
    pub(super) fn can_give_back(&self) -> rusqlite::Result<bool> {
        self.connection.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0)).map(|mode| mode != 0)
    }

    /// A transaction that writes.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Bytes of the database and its write-ahead log.
    pub(super) fn bytes(&self) -> u64 {
        ["", "-wal", "-shm"]
            .iter()
            .filter_map(|end| beside(&self.path, end).metadata().ok())
            .map(|m| m.len())
            .sum()
    }
}

/// The sequence number of the last reading in a block.
pub(super) fn sequence(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT sequence FROM progress", [], |row| row.get::<_, i64>(0)).map(|n| n as u64)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    if connection.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0))? == 0 {
        shape(connection)?;
    }
    // A new file becomes one with a log under a rollback journal. That this one is gone has to reach the device: it
    // would take back, after a power cut, everything that came since. With a log the same word means FULL.
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    // The answer is the mode; asking is what counts.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // The log is emptied before it is longer than what is kept of it: a commit into a log that does not grow costs ext4 a
    // quarter less. Pages of 8192 bytes cost more.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 250, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 1 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// What holds for a database that is made now. Any other SQLite would write to, and say what it said already.
fn shape(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", 4096)?;
    // Incremental, for what retention leaves free.
    connection.pragma_update(None, "auto_vacuum", 2)
}

/// SQLite's own check, cut off after [`CHECK_LIMIT`].
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let handle = connection.get_interrupt_handle();
    let (done, waiting) = mpsc::channel::<()>();
    let timer = std::thread::spawn(move || {
        if waiting.recv_timeout(CHECK_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let verdict = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    drop(done);
    // It has nothing to say, and a panic in it would have been seen.
    let _ = timer.join();
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(verdict),
        )),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            tracing::info!(
                limit_s = CHECK_LIMIT.as_secs(),
                "the database is too large to check all of it at start"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Makes a database that is not there yet, for its owner and group alone; what SQLite puts beside it follows.
fn make_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The path with `end` behind its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The instant for a file name: `20261121T055400Z`.
pub(super) fn stamp(now: UnixMillis) -> String {
    let now = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests;
