//! The files of a journal: opened, locked, and read by those who do not own them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::tail::{self, Tail, UNDER, Under};
use super::waiting;
use super::{STEP, path_of};
use crate::store::disk::{Disk, DiskFile};
use crate::store::error::OpenError;

/// The file in memory; what it holds already joins `tails`. Without it the journal does as it did.
pub(super) fn open_memory(
    disk: &dyn Disk,
    folder: &Path,
    database: &Path,
    tails: &mut Vec<Vec<u8>>,
) -> Option<Tail> {
    let opened = Tail::open(disk, folder, database).and_then(|mut tail| {
        tails.push(tail.read()?);
        Ok(tail)
    });
    opened
        .inspect_err(|error| {
            tracing::warn!(
                folder = %folder.display(), error = %error,
                "could not open the file in memory: readings go to the medium every second until that works"
            );
        })
        .ok()
}

/// Which file a journal is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) inode: u64,
    pub(super) owner: u32,
    /// When it was made, where its file system tells: numbers of inodes are used again.
    pub(super) born: Under,
}

impl Identity {
    pub(super) fn of(path: &Path) -> Self {
        let Ok(about) = path.metadata() else { return Self { inode: 0, owner: 0, born: [0; UNDER] } };
        let since = |born: SystemTime| born.duration_since(UNIX_EPOCH).ok();
        let nanos = about.created().ok().and_then(since).map_or(0, |since| since.as_nanos());
        Self { inode: about.ino(), owner: about.uid(), born: tail::beginning(&nanos.to_le_bytes()) }
    }
}

/// Everything that the journal of a database holds, for those who do not own it; none when there is no journal.
pub(in crate::store) fn read(database: &Path) -> io::Result<Option<Vec<u8>>> {
    let path = path_of(database);
    let identity = Identity::of(&path);
    // What leaves the one is in the next by then: in this order nothing is missed.
    let waits = waiting::read(database, identity.owner);
    let places = tail::places(database);
    let tails: Vec<_> = places.iter().filter_map(|path| tail::read(path, identity.owner)).collect();
    match std::fs::read(&path) {
        Ok(card) => {
            let (bytes, base) = tail::whole(card, identity.inode, &tails);
            Ok(Some(waiting::join(bytes, base, &identity, &waits).0))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn try_lock(file: Box<dyn DiskFile>) -> io::Result<Box<dyn DiskFile>> {
    if file.try_lock()? { Ok(file) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

/// Opens and locks the file, and makes it where there is none. Another holder of the lock is
/// [`io::ErrorKind::WouldBlock`]; it is given a second, for a process that is just ending holds it to the last, and
/// so does, until it runs its program, a process that was just forked.
pub(in crate::store) fn lock(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    for _ in 0..20 {
        match try_lock(disk.open(path)?) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(50));
            }
            done => return done,
        }
    }
    try_lock(disk.open(path)?)
}

/// Gives a new journal its room at once: what the file system writes for that is one with what it writes for the new
/// files beside it. Where there is none it is asked for again with the first record.
pub(in crate::store) fn reserve(file: &mut dyn DiskFile, path: &Path) {
    if path.metadata().is_ok_and(|about| about.len() == 0) {
        let _ = file.extend(0, STEP);
    }
}

/// Why a journal could not be opened, for those who know the record by its database.
pub(in crate::store) fn open_error(error: io::Error, journal: &Path, database: &Path) -> OpenError {
    if error.kind() == io::ErrorKind::WouldBlock {
        OpenError::InUse(database.to_owned())
    } else {
        OpenError::Io { path: journal.to_owned(), error }
    }
}

/// A fresh descriptor for the same file; the old one hands over its lock.
pub(super) fn open_again(disk: &dyn Disk, path: &Path, old: &dyn DiskFile) -> io::Result<Box<dyn DiskFile>> {
    let file = disk.open(path)?;
    old.unlock()?;
    try_lock(file)
}
