//! Damaged databases: set aside under another name, never deleted.

use std::io;
use std::path::{Path, PathBuf};

use super::{beside, stamp};
use crate::meter::UnixMillis;
use crate::store::error::OpenError;
use crate::store::salvage::Note;

/// Renames a damaged database and what belongs to it; nothing is deleted. Its new name.
pub(super) fn set_aside(path: &Path, now: UnixMillis, error: &rusqlite::Error) -> Result<PathBuf, OpenError> {
    let stamp = stamp(now);
    let aside = (1..)
        .map(|n| if n == 1 { format!(".corrupt-{stamp}") } else { format!(".corrupt-{stamp}-{n}") })
        .map(|end| beside(path, &end))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| beside(path, ".corrupt"));
    // Said before it is true: a note without its file does no harm, a file without its note is never looked at.
    let note = Note::of(&aside).make();
    if let Err(error) = note {
        tracing::warn!(error = %error, "could not note that the damaged database is to be salvaged");
    }
    for end in ["-wal", "-shm", ""] {
        match std::fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| OpenError::Io { path: beside(path, end), error })?,
        }
    }
    if !aside.exists() {
        // Its log alone was left: salvage reads it beside an empty file.
        std::fs::write(&aside, b"").map_err(|error| OpenError::Io { path: aside.clone(), error })?;
    }
    tracing::error!(
        error = %error,
        database = %path.display(),
        set_aside = %aside.display(),
        "the database is damaged: it is set aside, a new one goes on, and what still reads is saved into it"
    );
    Ok(aside)
}
