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

    /// Gives a file another name, in the same folder, that no file has. The folder is not synced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

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

    /// Makes it `to` bytes long from the `from` that it has; what is new are zeros, and has its place on the device.
    ///
    /// # Errors
    /// What the system says; some of it may have been done.
    fn extend(&mut self, from: u64, to: u64) -> io::Result<()> {
        write_zeros(from, to, |zeros, at| self.write_all_at(zeros, at))
    }

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

fn write_zeros(from: u64, to: u64, mut write: impl FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
    let zeros = [0; 16 * 1024];
    let mut at = from;
    while at < to {
        let count = (to - at).min(zeros.len() as u64) as usize;
        write(&zeros[..count], at)?;
        at += count as u64;
    }
    Ok(())
}

/// Has the file system set room aside, which is zeros when it is read: none of it is written before its time. False where
/// it cannot, as FAT.
#[cfg(target_os = "linux")]
fn reserve(file: &File, from: u64, to: u64) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    let long =
        |length| libc::off_t::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    let (offset, length) = (long(from)?, long(to.saturating_sub(from))?);
    loop {
        // SAFETY: the descriptor is open for as long as the file is.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, offset, length) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(false),
            _ => return Err(error),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _from: u64, _to: u64) -> io::Result<bool> {
    Ok(false)
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

    fn extend(&mut self, from: u64, to: u64) -> io::Result<()> {
        if reserve(self, from, to)? {
            return Ok(());
        }
        write_zeros(from, to, |zeros, at| self.write_all_at(zeros, at))
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
