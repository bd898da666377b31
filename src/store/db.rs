//! The SQLite file: opened, checked, migrated, and given blocks.

mod connect;
pub(super) mod epoch;
pub(super) mod prices;
pub(super) mod totals;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

pub(super) use connect::{open_beside, open_to_read};

use super::block::{BlockReader, BlockWriter, MAX_ROWS};
use super::codec;
use super::error::OpenError;
use super::pending::Finished;
use super::prices::ImportSummary;
use super::tallies::Tallies;
use crate::meter::UnixMillis;
use crate::prices::Slot;

/// Each in a transaction of its own, never edited once released; the place plus one is the schema's number.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_blocks.sql"), include_str!("migrations/0002_totals.sql")];

/// How long a connection waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The check at start is given this long: a big file on a slow card must not keep the meter waiting. What it
/// does not come to is found when it is read, every block having a checksum of its own.
const CHECK_LIMIT: Duration = Duration::from_secs(4);

/// The writing connection.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    connection: Connection,
}

/// Whether an error says that the file itself is beyond use.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl Database {
    /// Opens the database, or makes it. A damaged one is set aside and a new one made.
    pub(super) fn open(path: &Path, now: UnixMillis) -> Result<Self, OpenError> {
        if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            match Self::open_checked(path, now) {
                Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
                    let aside = set_aside(path, now, &error)?;
                    return Self::make_anew(path, now, &aside);
                }
                done => return done,
            }
        }
        Self::open_checked(path, now)
    }

    /// Makes a new one in the place of a damaged one that was set aside.
    fn make_anew(path: &Path, now: UnixMillis, aside: &Path) -> Result<Self, OpenError> {
        let mut database = Self::open_checked(path, now)?;
        match prices::salvage(aside, &mut database.connection) {
            Ok(0) => {}
            Ok(prices) => tracing::info!(prices, "the prices of the damaged database were taken over"),
            Err(error) => {
                tracing::warn!(%error, "the prices of the damaged database cannot be read; import them again");
            }
        }
        Ok(database)
    }

    fn open_checked(path: &Path, now: UnixMillis) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        make(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let mut connection = Connection::open(path).map_err(fail)?;
        configure(&connection).map_err(fail)?;
        check(&connection).map_err(fail)?;
        migrate(&mut connection, path, now)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Sets the damaged file aside and goes on with a new one.
    pub(super) fn renew(&mut self, now: UnixMillis, error: &rusqlite::Error) -> Result<(), OpenError> {
        // The old connection must let go of the file before it moves.
        let fail = |error| OpenError::Sqlite { path: self.path.clone(), error };
        self.connection = Connection::open_in_memory().map_err(fail)?;
        let aside = set_aside(&self.path, now, error)?;
        *self = Self::make_anew(&self.path, now, &aside)?;
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
            store_block(&transaction, block)?;
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

fn migrate(connection: &mut Connection, path: &Path, now: UnixMillis) -> Result<(), OpenError> {
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let known = MIGRATIONS.len() as i64;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
    if found > known || found < 0 {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    let tables = "SELECT count(*) FROM sqlite_master";
    if found == 0 && connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(fail)? > 0 {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if found > 0 && found < known {
        let copy = beside(path, &format!(".before-migration-{}", stamp(now)));
        let name = copy.to_string_lossy().into_owned();
        connection.execute("VACUUM INTO ?1", [&name]).map_err(fail)?;
        tracing::info!(copy = %name, from = found, to = known, "copied the database before migrating it");
    }
    let apply = |connection: &mut Connection| {
        // All of them or none: whoever looks meanwhile, or after a power cut, finds the one or the other.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for sql in MIGRATIONS.iter().skip(found as usize) {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()
    };
    if found < known {
        apply(connection).map_err(fail)?;
    }
    Ok(())
}

fn store_block(transaction: &Transaction<'_>, block: &Finished) -> rusqlite::Result<()> {
    let epoch = epoch::of(transaction, block)?;
    if merge(transaction, epoch, block)? {
        return Ok(());
    }
    let layout = layout(transaction, &block.columns)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO block (epoch, hour, first, last, count, ordered, layout, codec, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute(params![
        epoch,
        block.hour,
        block.first,
        block.last,
        block.count,
        block.ordered,
        layout,
        codec::VERSION,
        block.data
    ])?;
    Ok(())
}

fn layout(transaction: &Transaction<'_>, columns: &BTreeSet<String>) -> rusqlite::Result<i64> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let columns = columns.join("\n");
    let known = transaction
        .query_row("SELECT id FROM layout WHERE columns = ?1", [&columns], |row| row.get(0))
        .optional()?;
    if let Some(layout) = known {
        return Ok(layout);
    }
    transaction.execute("INSERT INTO layout (columns) VALUES (?1)", [&columns])?;
    Ok(transaction.last_insert_rowid())
}

/// Adds a block to the last one of the same hour, so that restarts leave no crumbs. False when there is none, or
/// when it is full, damaged or of another codec: then the new block stands beside it.
fn merge(transaction: &Transaction<'_>, epoch: i64, block: &Finished) -> rusqlite::Result<bool> {
    let found = transaction
        .query_row(
            "SELECT b.id, b.first, b.last, b.count, b.ordered, b.data, l.columns
             FROM block b JOIN layout l ON l.id = b.layout
             WHERE b.epoch = ?1 AND b.hour = ?2 AND b.codec = ?3 ORDER BY b.id DESC LIMIT 1",
            params![epoch, block.hour, codec::VERSION],
            |row| {
                let columns: String = row.get(6)?;
                let old = Finished {
                    meter: block.meter.clone(),
                    equipment: None,
                    hour: block.hour,
                    first: row.get(1)?,
                    last: row.get(2)?,
                    count: row.get(3)?,
                    ordered: row.get(4)?,
                    columns: columns.lines().map(str::to_owned).collect(),
                    data: row.get(5)?,
                };
                Ok((row.get::<_, i64>(0)?, old))
            },
        )
        .optional()?;
    let Some((id, old)) = found else { return Ok(false) };
    if old.count.saturating_add(block.count) > MAX_ROWS {
        return Ok(false);
    }
    let Some(data) = join(&old.data, &block.data) else { return Ok(false) };
    let columns = old.columns.union(&block.columns).cloned().collect();
    transaction.execute(
        "UPDATE block SET first = ?1, last = ?2, count = ?3, ordered = ?4, layout = ?5, data = ?6 WHERE id = ?7",
        params![
            old.first.min(block.first),
            old.last.max(block.last),
            old.count + block.count,
            old.ordered && block.ordered && old.last <= block.first,
            layout(transaction, &columns)?,
            data,
            id
        ],
    )?;
    Ok(true)
}

fn join(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut writer = BlockWriter::default();
    for block in [old, new] {
        for row in BlockReader::new(block.to_vec()).ok()? {
            writer.push(&row.ok()?).ok()?;
        }
    }
    Some(writer.finish())
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

/// Renames a damaged database and what belongs to it; nothing is deleted. Its new name.
fn set_aside(path: &Path, now: UnixMillis, error: &rusqlite::Error) -> Result<PathBuf, OpenError> {
    let stamp = stamp(now);
    let aside = (1..)
        .map(|n| if n == 1 { format!(".corrupt-{stamp}") } else { format!(".corrupt-{stamp}-{n}") })
        .map(|end| beside(path, &end))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| beside(path, ".corrupt"));
    for end in ["-wal", "-shm", ""] {
        match std::fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| OpenError::Io { path: beside(path, end), error })?,
        }
    }
    tracing::error!(
        error = %error,
        database = %path.display(),
        set_aside = %aside.display(),
        "the database is damaged: it is set aside, and a new one goes on"
    );
    Ok(aside)
}

#[cfg(test)]
mod tests;
