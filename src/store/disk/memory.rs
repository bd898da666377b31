//! Folders whose files are in memory, and our files in them.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where a folder in memory is looked for, the first that will do. The service manager makes the one for us alone; the
/// other one is everybody's.
pub(in crate::store) const MEMORY: [&str; 2] = ["/run/dsmrd", "/dev/shm"];

/// The folder to take.
pub(super) fn choose(wanted: Option<&Path>) -> Option<PathBuf> {
    // Where the first process of a container dies the container's memory goes with it.
    if std::process::id() == 1 {
        tracing::info!(
            "readings go to the medium every second: the end of this process is that of its memory"
        );
        return None;
    }
    let folders = wanted.map_or_else(|| MEMORY.iter().map(Path::new).collect(), |folder| vec![folder]);
    let (mut last, mut problem) = (None, None);
    for folder in folders {
        match fit(folder) {
            Ok(()) => return Some(folder.to_owned()),
            Err(error) => (last, problem) = (Some(folder), Some(error)),
        }
    }
    let (last, problem) = (last?, problem?);
    tracing::warn!(
        folder = %last.display(), error = %problem,
        "no folder in memory: readings go to the medium every second, some 200 MB a day with what the file system adds; \
         store.tail names another folder"
    );
    None
}

/// Whether a folder is in memory and ours to write.
fn fit(folder: &Path) -> io::Result<()> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut about = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends with a zero, and the structure is read only when the call has filled it.
    let kind = unsafe {
        if libc::statfs(path.as_ptr(), about.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        about.assume_init().f_type
    };
    // The types differ between machines; the numbers do not.
    if kind as u64 & 0xffff_ffff != 0x0102_1994 && kind as u64 & 0xffff_ffff != 0x8584_58f6 {
        return Err(io::Error::other("it is not in memory: neither tmpfs nor ramfs"));
    }
    // SAFETY: the path ends with a zero.
    match unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Opens our own file in such a folder, or makes it. Others may have put something there: nothing but a plain file
/// of this user is taken.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o640).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        // Asked to make what is there, the kernel is stricter about whose it is.
        Err(error) if error.kind() == io::ErrorKind::NotFound => options.create_new(true).open(path)?,
        done => done?,
    };
    let about = file.metadata()?;
    // SAFETY: it only asks.
    let us = unsafe { libc::geteuid() };
    if !about.is_file() || about.uid() != us || about.nlink() > 1 {
        return Err(io::Error::other("something that is not ours lies there"));
    }
    Ok(file)
}
