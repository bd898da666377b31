//! The record at one instant, as a database of its own.

use std::path::Path;

use super::{BackupError, Interrupt};
use crate::store::db::{self, Database};
use crate::store::journal::{self, Scanner};
use crate::store::pending::{Pending, Place};
use crate::store::tallies::Tallies;

/// What went into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Readings in blocks.
    pub(super) readings: u64,
    /// Those of them that were in the journal alone.
    pub(super) journaled: u64,
}

/// Writes the record into the empty file `into`: every reading that was kept when this was called. The one who writes to
/// it does not wait; its write-ahead log grows meanwhile by what it stores, which is the blocks of two hours every second
/// hour, and shrinks again.
pub(super) fn take(record: &Path, into: &Path, interrupt: &Interrupt) -> Result<Taken, BackupError> {
    // The journal first: what is cut from it after this is in the database that is copied then.
    let journal = read_journal(record)?;
    copy(record, into, interrupt)?;
    let sql = |error| BackupError::sql("write", into, interrupt)(error);
    let mut database = Database::of_copy(into)?;
    let sequence = database.sequence().map_err(sql)?;
    let mut tallies = match database.tallies() {
        Ok(tallies) => tallies,
        Err(error) => {
            // A start does the same: they are made anew then.
            tracing::warn!(%error, "the counters in the database cannot be read; the backup is without totals");
            database.forget_totals().map_err(sql)?;
            Tallies::default()
        }
    };
    let mut pending = Pending::after(database.heard().map_err(sql)?);
    let mut journaled = 0;
    for (number, meter, row) in Scanner::new(&journal) {
        if number > sequence {
            interrupt.check()?;
            let reading = row.clone().into_reading();
            tallies.take(&meter, &reading);
            let place = Place::of(&meter, &reading);
            pending.roll(&place);
            // What the journal took fits in a block.
            journaled += u64::from(pending.push(&place, &row).is_ok());
        }
    }
    pending.finish_all();
    if journaled > 0 {
        database.store(pending.finished(), &mut tallies, sequence + journaled).map_err(sql)?;
    }
    let readings = database.readings().map_err(sql)?;
    Ok(Taken { readings, journaled })
}

/// Writes a database as it stands at this instant, without what is in its journal, into an empty file.
pub(super) fn copy(record: &Path, into: &Path, interrupt: &Interrupt) -> Result<(), BackupError> {
    let mut connection = db::open_any(record)?;
    let sql = |error| BackupError::sql("copy", record, interrupt)(error);
    interrupt.watch(&mut connection).map_err(sql)?;
    let Some(name) = into.to_str() else {
        return Err(BackupError::bad(into, "SQLite takes names in UTF-8 alone; name another folder"));
    };
    connection.execute("VACUUM INTO ?1", [name]).map_err(sql).map(|_| ())
}

fn read_journal(record: &Path) -> Result<Vec<u8>, BackupError> {
    let journal = journal::read(record).map_err(BackupError::io("read", &journal::path_of(record)))?;
    Ok(journal.unwrap_or_default())
}
