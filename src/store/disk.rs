//! The card as the record sees it: a file that is written in place and synced, the VFS that SQLite goes through, and a
//! folder in memory for what the card is spared.
//!
//! One implementation is the system's; the other ones stand in tests, and lose power, fill up, fail or take their time.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

mod memory;

pub(super) use memory::MEMORY;

/// Where the record lies.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file to read and write, and makes it, for owner and group alone, where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// The VFS that SQLite's writing connection goes through; none for SQLite's own.
    fn vfs(&self) -> Option<&str> {
        None
    }

    /// The folder for the end of the journal between two syncs. Its files are in memory: they outlive this process, and
    /// no power cut. None keeps that end on the card.
    fn memory(&self) -> Option<&Path> {
        None
    }

    /// Opens a file in [`Disk::memory`] to read and write, and makes it where there is none.
    ///
    /// # Errors
    /// What the system says, or that it is not a file of our own.
    fn open_in_memory(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }
}

/// An open file. What is written is safe from the death of this process at once, and from a power cut after a sync.
pub trait DiskFile: Debug + Send {
    /// Everything in it.
    ///
    /// # Errors
    /// What the system says.
    fn read_all(&mut self) -> io::Result<Vec<u8>>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the system says; some of the bytes may have been written.
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes it this long.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&mut self, length: u64) -> io::Result<()>;

    /// Waits until the device has every byte, and no more of its metadata than it takes to find them.
    ///
    /// # Errors
    /// What the system says: what was written since the last sync may be lost even if a later sync succeeds.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Waits until the device has every byte and all metadata.
    ///
    /// # Errors
    /// As of [`DiskFile::sync_data`].
    fn sync_all(&mut self) -> io::Result<()>;

    /// Takes the exclusive lock; false while another process, or another opening of the same file, has it.
    ///
    /// # Errors
    /// What the system says.
    fn try_lock(&self) -> io::Result<bool>;

    /// Gives the lock up.
    ///
    /// # Errors
    /// What the system says.
    fn unlock(&self) -> io::Result<()>;

    /// Whether it still has a name, so that others can open it.
    fn is_linked(&self) -> bool {
        true
    }
}

/// The file systems of this machine, everything on the card.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path);
        Ok(Box::new(options?))
    }
}

impl DiskFile for File {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.seek(SeekFrom::Start(0))?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        File::unlock(self)
    }

    fn is_linked(&self) -> bool {
        self.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }
}

/// The file systems of this machine: the card, and where there is one a folder in memory.
#[derive(Clone, Debug)]
pub struct Machine {
    memory: Option<PathBuf>,
}

impl Machine {
    /// With `folder` in memory, or else the usual ones: `/run/dsmrd` where somebody made it for us, and `/dev/shm`.
    /// Where none will do the log says why, and what that costs.
    pub fn new(folder: Option<&Path>) -> Self {
        Self { memory: memory::choose(folder) }
    }

    /// With this folder, of whatever kind it is: on a file system that is not in memory nothing is gained.
    pub fn with_memory(folder: PathBuf) -> Self {
        Self { memory: Some(folder) }
    }
}

impl Disk for Machine {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        SystemDisk.open(path)
    }

    fn memory(&self) -> Option<&Path> {
        self.memory.as_deref()
    }

    fn open_in_memory(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        memory::open(path).map(|file| Box::new(file) as Box<dyn DiskFile>)
    }
}
