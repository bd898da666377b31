//! Positions made anew of the blocks: after a migration from a record that had none, or when they are in doubt.
//!
//! It is one transaction: until its end, and when it is interrupted, what was there before stays. Readings are taken
//! one after the other, and what they tell is handed to SQLite every few thousand readings, so that neither
//! the age of the record nor the number of its meters takes memory. Positions older than the first reading of a meter,
//! which came from the history of another program, stay.

use std::path::Path;

use super::db::{self, Database};
use super::disk::SystemDisk;
use super::error::{OpenError, ReadError};
use super::journal;
use super::query::{Archive, Range};
use super::tallies::Tallies;
use crate::meter::UnixMillis;

/// Up to this many readings are gone through at start without being asked: two days of readings each second, three
/// weeks of one each ten. It takes seconds, during which nothing is read. A record of more is left to
/// `dsmrd totals rebuild`.
const QUICK: u64 = 200_000;
/// Readings between two writes.
const STEP: u64 = 20_000;

/// What a rebuild went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Readings in blocks.
    pub readings: u64,
    /// Blocks that could not be read.
    pub damaged: u64,
}

/// Why positions could not be made anew; those of before are still there.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The record cannot be opened, or another process has it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can no longer be read or written.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Makes the positions of a record anew, while no other process has it. `progress` is told now and then how many
/// readings are done, of how many.
///
/// # Errors
/// Another process has the record, there is none, or it fails; it is then as it was before.
pub fn run(path: &Path, now: UnixMillis, progress: impl FnMut(u64, u64)) -> Result<Rebuilt, RebuildError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()).into());
    }
    let journal = journal::path_of(path);
    // Held to the end.
    let _lock =
        journal::lock(&SystemDisk, &journal).map_err(|error| journal::open_error(error, &journal, path))?;
    let mut database = Database::open(path, None, now)?;
    rebuild(path, &mut database, progress)
}

/// The tallies to go on with: those of the record, made anew where it has none and that is quick. Nothing about totals
/// keeps the record from being opened.
pub(super) fn at_open(path: &Path, database: &mut Database) -> Tallies {
    let unreadable = match database.tallies() {
        Ok(tallies) if database.totals_whole().unwrap_or(true) => return tallies,
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(error = %error, "the counters in the database cannot be read; they are made anew");
            true
        }
    };
    if unreadable && let Err(error) = database.forget_totals() {
        tracing::error!(error = %error, "could not clear the counters in the database");
        return Tallies::default();
    }
    match database.readings() {
        Ok(readings) if readings <= QUICK => match rebuild(path, database, |_, _| ()) {
            Ok(Rebuilt { readings, damaged }) => {
                tracing::info!(readings, damaged, "made the totals of the readings in the record");
            }
            Err(error) => {
                tracing::warn!(
                    error = %error,
                    "could not make the totals of the readings in the record; try \"dsmrd totals rebuild\""
                );
            }
        },
        Ok(readings) => tracing::warn!(
            readings,
            "the record has readings without totals; stop dsmrd and run \"dsmrd totals rebuild\" once"
        ),
        Err(error) => tracing::warn!(error = %error, "could not count the readings in the record"),
    }
    database.tallies().unwrap_or_else(|error| {
        tracing::error!(error = %error, "could not read the counters in the database");
        Tallies::default()
    })
}

pub(super) fn rebuild(
    path: &Path,
    database: &mut Database,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rebuilt, RebuildError> {
    let sql = |error| RebuildError::Read(ReadError::Sqlite(error));
    let all = database.readings().map_err(sql)?;
    // What is in the journal alone is for the tallies that go on from here.
    let archive = Archive::of_blocks(path)?;
    let (mut tallies, mut done) = (Tallies::default(), Rebuilt::default());
    let transaction = database.begin().map_err(sql)?;
    db::older::keep(&transaction).map_err(sql)?;
    db::totals::clear(&transaction).map_err(sql)?;
    for stored in archive.readings(Range::default())? {
        match stored {
            Ok(stored) => {
                tallies.take(&stored.meter, &stored.reading);
                done.readings += 1;
                if done.readings.is_multiple_of(STEP) {
                    let written = db::totals::write(&transaction, &tallies).map_err(sql)?;
                    tallies.committed(written);
                    progress(done.readings, all);
                }
            }
            Err(ReadError::Damaged { .. }) => done.damaged += 1,
            Err(error) => return Err(error.into()),
        }
    }
    db::totals::write(&transaction, &tallies).map_err(sql)?;
    db::older::restore(&transaction).map_err(sql)?;
    db::totals::mark(&transaction, true).map_err(sql)?;
    transaction.commit().map_err(sql)?;
    progress(done.readings, all);
    Ok(done)
}
