//! The SQLite file: opened, checked, migrated, and given blocks.

mod aside;
mod blocks;
mod connect;
mod copy;
pub(super) mod epoch;
mod migrate;
pub(super) mod prices;
pub(super) mod totals;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use aside::set_aside;
pub(super) use connect::{open_beside, open_to_read};
pub(super) use copy::{newest_schema, open_any, open_still};

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
const CHECK_LIMIT: Duration = Duration::from_secs(4);

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
    /// Opens the database, or makes it. A damaged one is set aside and a new one made.
    pub(super) fn open(path: &Path, vfs: Option<&str>, now: UnixMillis) -> Result<Self, OpenError> {
        if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            match Self::open_checked(path, vfs, now) {
                Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
                    let aside = set_aside(path, now, &error)?;
                    return Self::make_anew(path, vfs, now, &aside);
                }
                done => return done,
            }
        }
        Self::open_checked(path, vfs, now)
    }

    /// Makes a new one in the place of a damaged one that was set aside.
    fn make_anew(path: &Path, vfs: Option<&str>, now: UnixMillis, aside: &Path) -> Result<Self, OpenError> {
        let mut database = Self::open_checked(path, vfs, now)?;
        match prices::salvage(aside, &mut database.connection) {
            Ok(0) => {}
            Ok(prices) => tracing::info!(prices, "the prices of the damaged database were taken over"),
            Err(error) => {
                tracing::warn!(%error, "the prices of the damaged database cannot be read; import them again");
            }
        }
        Ok(database)
    }

    fn open_checked(path: &Path, vfs: Option<&str>, now: UnixMillis) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        make(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let mut connection = match vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs),
            None => Connection::open(path),
        }
        .map_err(fail)?;
        configure(&connection).map_err(fail)?;
        check(&connection).map_err(fail)?;
        migrate::migrate(&mut connection, path, now)?;
        Ok(Self { path: path.to_owned(), vfs: vfs.map(str::to_owned), connection })
    }

    /// Sets the damaged file aside and goes on with a new one.
    pub(super) fn renew(&mut self, now: UnixMillis, error: &rusqlite::Error) -> Result<(), OpenError> {
        // The old connection must let go of the file before it moves.
        let fail = |error| OpenError::Sqlite { path: self.path.clone(), error };
        self.connection = Connection::open_in_memory().map_err(fail)?;
        let aside = set_aside(&self.path, now, error)?;
        *self = Self::make_anew(&self.path, self.vfs.as_deref(), now, &aside)?;
        Ok(())
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
        transaction.execute("UPDATE progress SET sequence = ?1", [sequence as i64])?;
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
        let sum = "SELECT ifnull(sum(count), 0) FROM block";
        self.connection.query_row(sum, [], |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64)
    }

    /// Puts prices into their table.
    pub(super) fn put_prices(&mut self, slots: &[Slot]) -> rusqlite::Result<ImportSummary> {
        prices::put(&mut self.connection, slots)
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
    connection.pragma_update(None, "page_size", 4096)?;
    // The answer is the mode; asking is what counts.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The log is emptied before it is longer than what is kept of it: an hour's commit into a log that does not grow
    // costs ext4 79 KiB instead of 109. Pages of 8192 bytes cost 114.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 250, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 1 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.pragma_update(None, "foreign_keys", true)
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
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
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
fn make(path: &Path) -> std::io::Result<()> {
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
