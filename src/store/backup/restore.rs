//! A backup in the place of the record.
//!
//! Everything is looked at before anything changes: the backup is unpacked beside the record and goes through the same
//! check as when it was made. Then one rename decides: until it the record is the old one, and from it on the new one,
//! whatever happens. What is left to do after it (the old files put aside, the new one in their place) is done here, or
//! else by the next start. The old journal is emptied on that way, so that none of its readings, whose numbers may be
//! higher than those in the backup, comes into the new record.

mod steps;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BackupError, Contents, Interrupt};
use super::{check, folder_of, give_to_owner_of, pack, snapshot, sync_folder};
use crate::meter::UnixMillis;
use crate::store::db::{self, beside};
use crate::store::disk::{DiskFile, SystemDisk};
use crate::store::journal;
use crate::store::query::{Archive, Range};
pub(in crate::store) use steps::finish;
use steps::{aside, decided};

/// The end of a new database's name until it is decided that it takes the old one's place.
const WAITING: &str = ".restoring";

/// What a restore costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Readings in the record as it is; none where it cannot be read, as [`Loss::unreadable`] tells.
    pub readings: u64,
    /// Readings of meters later than their last one in the backup.
    pub newer: u64,
    /// The time of the first of them, in seconds since 1970-01-01 00:00 UTC.
    pub from: Option<i64>,
    /// The time of the last.
    pub to: Option<i64>,
    /// Why the record cannot be read, or not all of it.
    pub unreadable: Option<String>,
}

/// A backup that is good, unpacked beside the record, which nobody else can open now. Dropped, nothing has changed.
#[derive(Debug)]
pub struct Candidate {
    record: PathBuf,
    waiting: PathBuf,
    /// What it holds.
    pub contents: Contents,
    /// What is lost; none where there is no record.
    pub loss: Option<Loss>,
    lock: Option<Lock>,
}

/// The lock on the journal. One that was not there before goes again.
#[derive(Debug)]
struct Lock {
    _file: Box<dyn DiskFile>,
    made: Option<PathBuf>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(made) = &self.made {
            // It is empty, and does no harm.
            let _ = std::fs::remove_file(made);
        }
    }
}

/// Looks at a backup, or at a database such as an earlier restore put aside, and gets it ready to take the place of
/// `record`.
///
/// # Errors
/// It is not good, or of a later schema; another process has the record; there is no room.
pub fn prepare(file: &Path, record: &Path, interrupt: &Interrupt) -> Result<Candidate, BackupError> {
    let packed = pack::is_packed(file).map_err(BackupError::io("read", file))?;
    let path = journal::path_of(record);
    let made = (!path.exists()).then(|| path.clone());
    let lock =
        journal::lock(&SystemDisk, &path).map_err(|error| journal::open_error(error, &path, record))?;
    let mut candidate = Candidate {
        record: record.to_owned(),
        waiting: beside(record, WAITING),
        contents: Contents::default(),
        loss: None,
        lock: Some(Lock { _file: lock, made }),
    };
    finish(record).map_err(BackupError::io("finish the earlier restore of", record))?;
    remove_all(&candidate.waiting).map_err(BackupError::io("remove", &candidate.waiting))?;
    let waiting = &candidate.waiting;
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(waiting)
        .map_err(BackupError::io("make", waiting))?;
    if packed {
        pack::unpack(file, &mut new, waiting, interrupt)?;
    } else {
        take_plain(file, waiting, interrupt)?;
        new.sync_all().map_err(BackupError::io("write", waiting))?;
    }
    candidate.contents = check::check(waiting, file, interrupt)?;
    give_to_owner_of(waiting, if record.exists() { record } else { folder_of(record) });
    give_to_owner_of(&path, waiting);
    if record.exists() {
        candidate.loss = Some(loss(record, &candidate.contents));
    }
    Ok(candidate)
}

/// Takes a database that is not packed, with what is in its journal, if it has one.
fn take_plain(file: &Path, into: &Path, interrupt: &Interrupt) -> Result<(), BackupError> {
    let taken = if journal::path_of(file).exists() {
        match snapshot::take(file, into, interrupt) {
            Err(BackupError::Record(error)) => Err(BackupError::Record(error)),
            done => done.map(|_| ()),
        }
    } else {
        snapshot::copy(file, into, interrupt)
    };
    taken.map_err(|error| match error {
        BackupError::Sqlite { error, .. } => {
            BackupError::bad(file, format!("it is damaged, or no database: {error}"))
        }
        other => other,
    })
}

/// What the record has that a backup does not.
fn loss(record: &Path, contents: &Contents) -> Loss {
    let mut loss = Loss::default();
    let mut count = || -> Result<(), String> {
        let archive = Archive::open(record).map_err(|error| error.to_string())?;
        loss.readings = archive.count().map_err(|error| error.to_string())?;
        for meter in archive.meters().map_err(|error| error.to_string())? {
            let known = contents.latest.iter().find(|(name, _)| *name == meter);
            let range =
                Range { from: known.map(|(_, last)| last + 1), meter: Some(meter), ..Range::default() };
            for stored in archive.readings(range).map_err(|error| error.to_string())? {
                match stored {
                    Ok(stored) => {
                        let time = stored.reading.utc_seconds();
                        loss.newer += 1;
                        loss.from = Some(loss.from.map_or(time, |from| from.min(time)));
                        loss.to = Some(loss.to.map_or(time, |to| to.max(time)));
                    }
                    Err(error) => loss.unreadable = Some(error.to_string()),
                }
            }
        }
        Ok(())
    };
    if let Err(error) = count() {
        loss.unreadable = Some(error);
    }
    loss
}

fn remove_all(database: &Path) -> io::Result<()> {
    for end in ["", "-journal", "-wal", "-shm"] {
        match std::fs::remove_file(beside(database, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

impl Candidate {
    /// Puts it in the place of the record. Where the old one lies now, if there was one.
    ///
    /// # Errors
    /// The system refused. The next start finishes what was begun.
    pub fn commit(mut self, now: UnixMillis) -> Result<Option<PathBuf>, BackupError> {
        let record = self.record.clone();
        let fail = BackupError::io("put the backup in the place of", &record);
        let (stamp, there) = (db::stamp(now), record.exists());
        let mut commit = || {
            sync_folder(&record)?;
            // From here on it is the new one.
            std::fs::rename(&self.waiting, decided(&record, &stamp))?;
            sync_folder(&record)?;
            if let Some(lock) = &mut self.lock {
                lock.made = None;
            }
            finish(&record)
        };
        commit().map_err(fail)?;
        Ok(there.then(|| aside(&record, &stamp)))
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        // After a commit there is none.
        let _ = remove_all(&self.waiting);
        self.lock = None;
    }
}
