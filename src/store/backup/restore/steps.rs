//! What is left to do when it is decided that a new database takes the place of the record: steps that can be taken
//! again from the first, whichever was the last.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{WAITING, remove_all};
use crate::store::backup::{folder_of, give_to_owner_of, sync_folder};
use crate::store::db::beside;
use crate::store::journal;

/// What the end of the new database's name begins with once it is decided; a stamp follows.
const DECIDED: &str = ".restored-";

/// Where a new database lies once it is decided.
pub(super) fn decided(record: &Path, stamp: &str) -> PathBuf {
    beside(record, &format!("{DECIDED}{stamp}"))
}

/// Where the old database goes.
pub(super) fn aside(record: &Path, stamp: &str) -> PathBuf {
    beside(record, &format!(".before-restore-{stamp}"))
}

#[derive(Debug)]
pub(super) enum Step {
    /// A file under another name, unless an earlier attempt did it.
    Move(PathBuf, PathBuf),
    /// What SQLite put beside the database. Once it was moved, there is nothing that counts.
    MoveOrRemove(PathBuf, PathBuf),
    /// What is in the journal of a database, in memory too, into the journal of another; then it is empty.
    Pour(PathBuf, PathBuf),
}

/// The steps, the last of which ends it. The old database goes first: without it nobody puts anything beside it.
pub(super) fn steps(record: &Path, stamp: &str) -> Vec<Step> {
    let aside = aside(record, stamp);
    let side = |end: &str| Step::MoveOrRemove(beside(record, end), beside(&aside, end));
    vec![
        Step::Move(record.to_owned(), aside.clone()),
        side("-wal"),
        side("-shm"),
        Step::Pour(record.to_owned(), aside),
        Step::Move(decided(record, stamp), record.to_owned()),
    ]
}

impl Step {
    pub(super) fn take(&self) -> io::Result<()> {
        match self {
            Self::Move(from, to) if from.exists() && !to.exists() => std::fs::rename(from, to)?,
            Self::Move(..) => return Ok(()),
            Self::MoveOrRemove(from, _) if !from.exists() => return Ok(()),
            Self::MoveOrRemove(from, to) if to.exists() => std::fs::remove_file(from)?,
            Self::MoveOrRemove(from, to) => std::fs::rename(from, to)?,
            Self::Pour(from, to) => pour(from, to)?,
        }
        let (Self::Move(_, to) | Self::MoveOrRemove(_, to) | Self::Pour(_, to)) = self;
        sync_folder(to)
    }
}

fn pour(from: &Path, to: &Path) -> io::Result<()> {
    let (journal, kept) = (journal::path_of(from), journal::path_of(to));
    let bytes = if kept.exists() { None } else { journal::read(from)? };
    if let Some(bytes) = bytes.filter(|bytes| bytes.iter().any(|byte| *byte != 0)) {
        let part = beside(&kept, ".part");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&part)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        give_to_owner_of(&part, &journal);
        std::fs::rename(&part, &kept)?;
        sync_folder(&kept)?;
    }
    journal::forget_memory(from)?;
    // Emptied and not moved: the lock is on it.
    let emptied = OpenOptions::new().write(true).open(&journal)?;
    emptied.set_len(0)?;
    emptied.sync_all()
}

/// The stamp of a restore that was decided and not ended.
pub(super) fn pending(record: &Path) -> io::Result<Option<String>> {
    let name = record.file_name().unwrap_or_default().to_string_lossy().into_owned() + DECIDED;
    let entries = match std::fs::read_dir(folder_of(record)) {
        Ok(entries) => entries,
        // Whoever wants to open the record there says it better.
        Err(_) => return Ok(None),
    };
    for entry in entries {
        let found = entry?.file_name();
        if let Some(stamp) = found.to_str().and_then(|found| found.strip_prefix(&name)) {
            return Ok(Some(stamp.to_owned()));
        }
    }
    Ok(None)
}

/// Ends a restore that was decided, by whoever has the lock on the journal.
pub(in crate::store) fn finish(record: &Path) -> io::Result<()> {
    // What a restore that was killed before its decision has left, as big as the record; whoever has the lock may.
    if let Err(error) = remove_all(&beside(record, WAITING)) {
        tracing::debug!(%error, "could not remove what a restore that was cut short has left");
    }
    while let Some(stamp) = pending(record)? {
        for step in steps(record, &stamp) {
            step.take()?;
        }
        if decided(record, &stamp).exists() {
            let why = format!("{} is in its way", record.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        tracing::info!(
            database = %record.display(),
            set_aside = %aside(record, &stamp).display(),
            "a backup took the place of the record"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
