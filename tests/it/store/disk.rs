//! A disk that remembers every write in its order, and that fails on demand.
//!
//! What the journal and SQLite write goes through a [`Card`] to real files, so that everyone else sees them as ever. Of its
//! log [`image::Replay`] makes what a power cut, or the death of the process, would have left at any moment.

/// What is left of a card after a power cut, or after the death of the process.
pub(crate) mod image;

/// The card as SQLite sees it.
mod vfs;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsmrd::store::disk::{Disk, DiskFile, SystemDisk};

/// A file, whatever its name is by now.
pub(crate) type FileId = usize;

/// Something that happened to the card.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The file was there from the beginning, or has been made.
    Create {
        file: FileId,
        name: PathBuf,
        bytes: Vec<u8>,
        durable: bool,
    },
    Write {
        file: FileId,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: FileId,
        length: u64,
    },
    Sync {
        file: FileId,
    },
    /// A sync failed: the kernel calls the pages clean, and they may never reach the device.
    SyncFailed {
        file: FileId,
    },
    /// Perhaps with its folder synced behind it.
    Delete {
        name: PathBuf,
        synced: bool,
    },
    /// No file had the new name.
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// The folder: every name in it is as it is.
    SyncFolder,
    /// Something the test wants to know the place of.
    Mark(usize),
}

impl Event {
    /// Whether it only tells what lay there from the beginning.
    pub(crate) fn is_old(&self) -> bool {
        matches!(self, Self::Create { durable: true, .. })
    }
}

/// What goes wrong from now on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Writes, truncations and new files fail with this number of the system.
    pub(crate) write: Option<i32>,
    /// Reads fail with this.
    pub(crate) read: Option<i32>,
    /// Syncs fail with this, and what was written since the last one never reaches the device.
    pub(crate) sync: Option<i32>,
    /// Files may grow by this much together; what does not fit is cut short with ENOSPC.
    pub(crate) room: Option<u64>,
    /// A sync takes until this is over.
    pub(crate) sync_hangs: bool,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Event>,
    names: HashMap<PathBuf, FileId>,
    next: FileId,
}

/// What the files of a card have in common.
#[derive(Debug, Default)]
struct Inner {
    log: Mutex<Log>,
    faults: Mutex<Faults>,
    /// Whether somebody waits for a sync that hangs.
    hangs: AtomicBool,
}

/// The card; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Card(Arc<CardInner>);

#[derive(Debug)]
struct CardInner {
    shared: Arc<Inner>,
    vfs: String,
    /// What is written there nobody notes: a power cut leaves nothing of it.
    memory: Option<PathBuf>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Card {
    /// A card with what lies in `folder` on it, and no memory beside it.
    pub(crate) fn of(folder: &Path) -> Self {
        Self::beside(folder, None)
    }

    /// A card with what lies in `folder` on it, and a folder in memory.
    pub(crate) fn beside(folder: &Path, memory: Option<&Path>) -> Self {
        let inner = Arc::<Inner>::default();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().path();
            let bytes = std::fs::read(&name).unwrap();
            inner.create(&name, bytes, true);
        }
        let vfs = vfs::register(Arc::clone(&inner));
        Self(Arc::new(CardInner { shared: inner, vfs, memory: memory.map(Path::to_owned) }))
    }

    /// Notes the place.
    pub(crate) fn mark(&self, mark: usize) {
        lock(&self.0.shared.log).events.push(Event::Mark(mark));
    }

    /// What happened so far, which is forgotten.
    pub(crate) fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut lock(&self.0.shared.log).events)
    }

    /// From now on it fails like this.
    pub(crate) fn fail(&self, faults: Faults) {
        *lock(&self.0.shared.faults) = faults;
    }

    /// Whether somebody waits for a sync that hangs.
    pub(crate) fn hangs(&self) -> bool {
        self.0.shared.hangs.load(Ordering::Relaxed)
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&self) {
        self.fail(Faults::default());
    }
}

impl Inner {
    fn create(&self, name: &Path, bytes: Vec<u8>, durable: bool) -> FileId {
        let mut log = lock(&self.log);
        let file = log.next;
        log.next += 1;
        log.names.insert(name.to_owned(), file);
        log.events.push(Event::Create { file, name: name.to_owned(), bytes, durable });
        file
    }

    /// The file of this name; a new one where there is none yet.
    fn opened(&self, name: &Path) -> FileId {
        let known = lock(&self.log).names.get(name).copied();
        known.unwrap_or_else(|| self.create(name, Vec::new(), false))
    }

    /// Does something that is to be remembered when it succeeded; nobody else writes meanwhile.
    fn remember<T, E>(&self, event: Event, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut log = lock(&self.log);
        let done = work()?;
        log.events.push(event);
        Ok(done)
    }

    fn delete(&self, name: &Path, synced: bool) {
        let mut log = lock(&self.log);
        if log.names.remove(name).is_some() {
            log.events.push(Event::Delete { name: name.to_owned(), synced });
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut log = lock(&self.log);
        std::fs::rename(from, to)?;
        if let Some(file) = log.names.remove(from) {
            log.names.insert(to.to_owned(), file);
        }
        log.events.push(Event::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn faults(&self) -> Faults {
        lock(&self.faults).clone()
    }

    /// How many of `count` bytes at `offset` of a file of `length` can be written, and what is wrong with the rest.
    fn admit(&self, length: u64, offset: u64, count: usize) -> (usize, Option<i32>) {
        let mut faults = lock(&self.faults);
        if let Some(error) = faults.write {
            return (0, Some(error));
        }
        let grows = (offset + count as u64).saturating_sub(length);
        match &mut faults.room {
            Some(room) if grows > *room => {
                let fits = count as u64 - (grows - *room).min(count as u64);
                *room = 0;
                (fits as usize, Some(libc::ENOSPC))
            }
            Some(room) => {
                *room -= grows;
                (count, None)
            }
            None => (count, None),
        }
    }

    /// Takes the time of a sync, and fails it if it is to fail.
    fn sync(&self, file: FileId, folder: bool) -> Result<(), i32> {
        let mut faults = self.faults();
        while faults.sync_hangs {
            self.hangs.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
            faults = self.faults();
        }
        self.hangs.store(false, Ordering::Relaxed);
        let event = if faults.sync.is_some() { Event::SyncFailed { file } } else { Event::Sync { file } };
        lock(&self.log).events.push(event);
        if folder && faults.sync.is_none() {
            lock(&self.log).events.push(Event::SyncFolder);
        }
        faults.sync.map_or(Ok(()), Err)
    }
}

impl Disk for Card {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inner = &self.0.shared;
        if let Some(error) = inner.faults().write {
            return Err(io::Error::from_raw_os_error(error));
        }
        let real = SystemDisk.open(path)?;
        let file = inner.opened(path);
        Ok(Box::new(CardFile { inner: Arc::clone(inner), file, real, about: File::open(path)? }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let inner = &self.0.shared;
        if let Some(error) = inner.faults().write {
            return Err(io::Error::from_raw_os_error(error));
        }
        inner.rename(from, to)
    }

    fn vfs(&self) -> Option<&str> {
        Some(&self.0.vfs)
    }

    fn memory(&self) -> Option<&Path> {
        self.0.memory.as_deref()
    }

    fn open_in_memory(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        SystemDisk.open(path)
    }
}

/// An open file of the journal's.
#[derive(Debug)]
struct CardFile {
    inner: Arc<Inner>,
    file: FileId,
    real: Box<dyn DiskFile>,
    /// A second descriptor, to ask for the length.
    about: File,
}

impl DiskFile for CardFile {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        match self.inner.faults().read {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => self.real.read_all(),
        }
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (count, error) = self.inner.admit(self.about.metadata()?.len(), offset, bytes.len());
        if count > 0 {
            let event = Event::Write { file: self.file, offset, bytes: bytes[..count].to_vec() };
            self.inner.remember(event, || self.real.write_all_at(&bytes[..count], offset))?;
        }
        error.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        if let Some(error) = self.inner.faults().write {
            return Err(io::Error::from_raw_os_error(error));
        }
        self.inner.remember(Event::SetLen { file: self.file, length }, || self.real.set_len(length))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.inner.sync(self.file, false).map_err(io::Error::from_raw_os_error)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.real.try_lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.real.unlock()
    }
}
