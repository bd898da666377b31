//! Whose write-ahead log it is that lies beside a database. SQLite takes any that is whole in itself: one that stayed
//! when another file was put in the place of its database would be read over that, and written into it.
//!
//! A database has a number of its own in its first page, which the log repeats with that page. A log without that page
//! leaves the database as long as it was.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::Connection;

use super::{beside, stamp};
use crate::meter::UnixMillis;
use crate::store::error::OpenError;

const WAL_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;
/// Where the first page has the length of the database in pages, and its own number.
const LENGTH_AT: usize = 28;
const NUMBER_AT: usize = 68;

/// Renames the log of another database, which lies beside this one; nothing is deleted.
pub(super) fn set_aside(path: &Path, now: UnixMillis) -> Result<(), OpenError> {
    // What cannot be read is told by SQLite.
    if !is_foreign(path).unwrap_or(false) {
        return Ok(());
    }
    let stamp = stamp(now);
    let aside = (1..)
        .map(|n| if n == 1 { format!(".foreign-{stamp}") } else { format!(".foreign-{stamp}-{n}") })
        .map(|end| beside(path, &end))
        .find(|aside| !beside(aside, "-wal").exists())
        .unwrap_or_else(|| beside(path, ".foreign"));
    for end in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| OpenError::Io { path: beside(path, end), error })?,
        }
    }
    tracing::error!(
        database = %path.display(),
        set_aside = %beside(&aside, "-wal").display(),
        "the write-ahead log beside the database is another's: it is set aside, and the database is taken as it is"
    );
    Ok(())
}

fn is_foreign(path: &Path) -> io::Result<bool> {
    let log = match File::open(beside(path, "-wal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        log => log?,
    };
    let bytes = log.metadata()?.len();
    let mut head = [0; 100];
    let mut salted = [0; WAL_HEAD as usize];
    if bytes < WAL_HEAD + FRAME_HEAD || path.metadata()?.len() < head.len() as u64 {
        return Ok(false);
    }
    File::open(path)?.read_exact_at(&mut head, 0)?;
    if &head[..16] != b"SQLite format 3\0" {
        // What is damaged here tells no number: the log may have what the database has no more.
        return Ok(false);
    }
    log.read_exact_at(&mut salted, 0)?;
    let (page, mut at, mut length) = (u64::from(word(&salted, 8)), WAL_HEAD, None);
    while at + FRAME_HEAD + page <= bytes {
        let mut frame = [0; FRAME_HEAD as usize];
        log.read_exact_at(&mut frame, at)?;
        // Behind this lie frames of an earlier round.
        if frame[8..16] != salted[16..24] {
            break;
        }
        if word(&frame, 0) == 1 {
            let mut first = [0; 100];
            log.read_exact_at(&mut first, at + FRAME_HEAD)?;
            let (ours, theirs) = (word(&head, NUMBER_AT), word(&first, NUMBER_AT));
            // A database that has none yet was made by an earlier version.
            return Ok(ours != 0 && theirs != 0 && ours != theirs);
        }
        length = Some(word(&frame, 4)).filter(|pages| *pages > 0).or(length);
        at += FRAME_HEAD + page;
    }
    Ok(word(&head, NUMBER_AT) != 0 && length.is_some_and(|length| length != word(&head, LENGTH_AT)))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Gives a database its number, where it has none.
pub(super) fn number(connection: &Connection) -> rusqlite::Result<()> {
    let known: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if known != 0 {
        return Ok(());
    }
    // Two of them must differ, and nobody has to guess them.
    let random = RandomState::new().build_hasher().finish() as i32;
    connection.pragma_update(None, "application_id", if random == 0 { 1 } else { random })
}
