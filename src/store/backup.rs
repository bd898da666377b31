//! Backups: the whole record in one compressed file, made beside a running process, and put back in its place.
//!
//! In reading order: [`series`], what the files of a folder are called; [`schedule`], when one is due and which are
//! given up, without a look at any clock or file; `snapshot`, the record at one instant; `check`, whether a database is
//! what it should be; `pack`, its compressed form; `mounts`, whether the disk is there that a
//! folder is meant to be on; `make`, all of it; [`restore`], the way back.

mod check;
mod make;
mod mounts;
mod pack;
pub mod restore;
pub mod schedule;
pub mod series;
mod snapshot;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::OpenError;
pub use check::Contents;
pub(super) use make::free_bytes;
pub use make::{Made, clean, make};
pub use schedule::Keep;
pub use series::Series;

/// Why there is no backup, or why one was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] OpenError),
    /// The system refused.
    #[error("cannot {doing} {path}: {error}", path = .path.display())]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// SQLite refused.
    #[error("cannot {doing} {path}: {error}", path = .path.display())]
    Sqlite {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which database.
        path: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
    /// The folder is not there. It is not made: it may be the place of a disk that is not mounted.
    #[error("{path}: there is no such folder; make it, or mount the disk that belongs there", path = .0.display())]
    NoFolder(PathBuf),
    /// The folder is there, and the disk that belongs there is not: what is written would fill the wrong one.
    #[error(
        "{folder}: /etc/fstab has a disk or share for {mount}, which is not mounted; mount it, or name another folder",
        folder = .folder.display(), mount = .mount.display()
    )]
    NotMounted {
        /// The folder.
        folder: PathBuf,
        /// Where the disk belongs.
        mount: PathBuf,
    },
    /// There is not room enough.
    #[error(
        "{path}: {needed} MB are needed for the copy and its compressed form, {free} MB are free; free some, or name \
         another folder", path = .folder.display()
    )]
    NoRoom {
        /// Where.
        folder: PathBuf,
        /// In millions of bytes.
        needed: u64,
        /// In millions of bytes.
        free: u64,
    },
    /// There is such a file already.
    #[error("{path}: it is there already; name another file", path = .0.display())]
    Exists(PathBuf),
    /// It is no backup, or not a whole one.
    #[error("{path}: {why}", path = .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody asked to stop.
    #[error("it was interrupted")]
    Interrupted,
}

impl BackupError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { doing, path, error }
    }

    fn sql(doing: &'static str, path: &Path, interrupt: &Interrupt) -> impl FnOnce(rusqlite::Error) -> Self {
        let (path, interrupt) = (path.to_owned(), interrupt.clone());
        move |error| {
            if interrupt.is_requested() { Self::Interrupted } else { Self::Sqlite { doing, path, error } }
        }
    }

    fn bad(path: &Path, why: impl Into<String>) -> Self {
        Self::Bad { path: path.to_owned(), why: why.into() }
    }
}

/// Asks work that takes long to end early, from another thread; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), BackupError> {
        if self.is_requested() { Err(BackupError::Interrupted) } else { Ok(()) }
    }

    /// Has SQLite look at it while it works.
    fn watch(&self, connection: &mut rusqlite::Connection) -> rusqlite::Result<()> {
        let interrupt = self.clone();
        connection.progress_handler(10_000, Some(move || interrupt.is_requested()))
    }
}

/// The folder of a file.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Waits until the device knows which files a folder has.
fn sync_folder(file: &Path) -> io::Result<()> {
    std::fs::File::open(folder_of(file))?.sync_all()
}

/// Has a file belong to whom another belongs, where we may: what root puts there must not lock dsmrd's user out.
fn give_to_owner_of(file: &Path, like: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    if let (Ok(ours), Ok(theirs)) = (file.metadata(), like.metadata())
        && (ours.uid(), ours.gid()) != (theirs.uid(), theirs.gid())
        && let Err(error) = chown(file, Some(theirs.uid()), Some(theirs.gid()))
    {
        tracing::debug!(file = %file.display(), %error, "could not change the owner");
    }
}
