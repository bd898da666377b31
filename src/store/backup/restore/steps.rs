//! What is left to do when it is decided that a new database takes the place of the record: steps that can be taken
//! again from the first, whichever was the last.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    /// What is in a file, into another; then it is empty. Of an empty one nothing.
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
        Step::Pour(journal::path_of(record), journal::path_of(&aside)),
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
            Self::Pour(from, _) if from.metadata().map_or(0, |metadata| metadata.len()) == 0 => return Ok(()),
            Self::Pour(from, to) => {
                let mut kept =
                    OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(to)?;
                io::copy(&mut File::open(from)?, &mut kept)?;
                kept.sync_all()?;
                give_to_owner_of(to, from);
                sync_folder(to)?;
                // Not the file itself: the lock is on it.
                let emptied = OpenOptions::new().write(true).open(from)?;
                emptied.set_len(0)?;
                emptied.sync_all()?;
            }
        }
        let (Self::Move(_, to) | Self::MoveOrRemove(_, to) | Self::Pour(_, to)) = self;
        sync_folder(to)
    }
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
