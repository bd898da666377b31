//! The card as the record sees it: a file that is written in place and synced, and the VFS that SQLite goes through.
//!
//! One implementation is the system's; the other ones stand in tests, and lose power, fill up, fail or take their time.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

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
}

/// The file systems of this machine.
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
}
