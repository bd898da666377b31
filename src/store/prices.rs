//! Dynamic prices: put into the record beside a running process, and watched by it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::db;
use super::error::OpenError;
use crate::prices::Slot;

/// What became of the slots that were imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Slots for a time that had no price.
    pub added: usize,
    /// Slots that took the place of others.
    pub changed: usize,
    /// Slots that were there already.
    pub unchanged: usize,
}

/// Puts prices into the record of a database, whether or not a process is writing to it: all of them or none. A slot
/// takes the place of those that it overlaps, as in a [`PriceTable`](crate::prices::PriceTable).
///
/// # Errors
/// There is no database, since only a running dsmrd makes one; or it is of another version; or SQLite failed.
pub fn import(path: &Path, slots: &[Slot]) -> Result<ImportSummary, OpenError> {
    let mut connection = db::open_beside(path)?;
    db::prices::put(&mut connection, slots)
        .map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })
}

/// Tells when prices changed, whoever changed them, at the cost of a look at the database's header.
#[derive(Debug)]
pub struct PriceWatch {
    path: PathBuf,
    seen: Option<Seen>,
    /// The revision that was told last; none before the first, and of a database that was lost.
    told: Option<i64>,
}

/// A database while it stays the same file.
#[derive(Debug)]
struct Seen {
    connection: Connection,
    /// Device and inode.
    file: (u64, u64),
    /// SQLite's own count of what others wrote.
    version: i64,
}

impl PriceWatch {
    /// Watches the prices of a database from now on.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        let seen = Seen::open(path)?;
        let told = Some(db::prices::revision(&seen.connection).map_err(fail)?);
        Ok(Self { path: path.to_owned(), seen: Some(seen), told })
    }

    /// Whether prices changed since this was asked last. A database that cannot be read has no news; one that took
    /// the place of another has.
    pub fn changed(&mut self) -> bool {
        match self.look() {
            Ok(revision) => revision.is_some_and(|now| self.told.replace(now) != Some(now)),
            Err(error) => {
                tracing::debug!(error = %error, "could not look for new prices");
                self.seen = None;
                false
            }
        }
    }

    /// The revision of the prices, if it may have changed.
    fn look(&mut self) -> Result<Option<i64>, OpenError> {
        let fail = |error| OpenError::Sqlite { path: self.path.clone(), error };
        if self.seen.as_ref().is_some_and(|seen| file(&self.path) != Some(seen.file)) {
            // A new database took its place.
            (self.seen, self.told) = (None, None);
        }
        if let Some(seen) = &mut self.seen {
            let version = version(&seen.connection).map_err(fail)?;
            if version == std::mem::replace(&mut seen.version, version) {
                return Ok(None);
            }
            return db::prices::revision(&seen.connection).map(Some).map_err(fail);
        }
        let seen = self.seen.insert(Seen::open(&self.path)?);
        db::prices::revision(&seen.connection).map(Some).map_err(fail)
    }
}

impl Seen {
    fn open(path: &Path) -> Result<Self, OpenError> {
        // The file is named before it is opened: one that takes its place in between is noticed.
        let before = file(path);
        let connection = db::open_to_read(path)?;
        let version =
            version(&connection).map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
        Ok(Self { connection, file: before.unwrap_or_default(), version })
    }
}

fn file(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}
