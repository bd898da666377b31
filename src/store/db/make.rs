//! A new database, made beside its place and moved there whole.
//!
//! Made in its place it would go through two rollback journals and a log, with a sync and what ext4 writes for it at each
//! step: half a megabyte before the first reading. Beside it nobody looks, so that nothing has to reach the device until
//! all of it is there; then it does so once.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{beside, log, make_file, migrate, shape};
use crate::meter::UnixMillis;
use crate::store::disk::Disk;
use crate::store::error::OpenError;

/// Where in the header the format is told, and what it is for a database with a write-ahead log
/// (SQLite's file format, section 1.3.3).
const FORMAT: u64 = 18;
const WITH_LOG: [u8; 2] = [2, 2];
/// Bytes of a log before its first frame (section 4.1).
const LOG_HEAD: u64 = 32;

/// Makes the database where there is none. The folder is not synced: until SQLite does so, with the first sync of the log,
/// a power cut may leave no database, and loses nothing of it.
pub(in crate::store) fn make(disk: &dyn Disk, path: &Path, now: UnixMillis) -> Result<(), OpenError> {
    let half = beside(path, ".new");
    // Of a log without its database what is in it may be all there is; there is nothing in one that has but a head.
    let length = |end: &str| beside(path, end).metadata().map_or(0, |about| about.len());
    if path.exists() || length("-wal") > LOG_HEAD || beside(path, "-journal").exists() {
        // After a power cut it may have both names.
        let _ = std::fs::remove_file(&half);
        return Ok(());
    }
    let io = |error| OpenError::Io { path: half.clone(), error };
    make_file(&half).map_err(io)?;
    disk.open(&half).and_then(|mut file| file.set_len(0)).map_err(io)?;
    fill(disk, &half, now)?;
    // The connection is closed by now: a descriptor that is closed takes along the locks of all others on its file.
    let mut file = disk.open(&half).map_err(io)?;
    file.write_all_at(&WITH_LOG, FORMAT).map_err(io)?;
    file.sync_all().map_err(io)?;
    drop(file);
    disk.rename(&half, path).map_err(io)
}

fn fill(disk: &dyn Disk, path: &Path, now: UnixMillis) -> Result<(), OpenError> {
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let mut connection = match disk.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs),
        None => Connection::open(path),
    }
    .map_err(fail)?;
    // What goes wrong is begun anew.
    connection.pragma_update(None, "synchronous", "OFF").map_err(fail)?;
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(())).map_err(fail)?;
    shape(&connection).map_err(fail)?;
    migrate::migrate(&mut connection, path, now)?;
    // At the first start of what is there already it would be a commit of its own.
    log::number(&connection).map_err(fail)?;
    connection.close().map_err(|(_, error)| fail(error))
}
