//! One backup, from the record to a file that is known to be good.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BackupError, Contents, Interrupt, Series, folder_of, give_to_owner_of, sync_folder};
use super::{check, pack, snapshot};
use crate::store::db::beside;
use crate::store::journal;

/// A backup that was made and looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub contents: Contents,
    /// How many of its readings were in the journal alone.
    pub journaled: u64,
    /// The bytes of the database in it.
    pub unpacked: u64,
    /// The bytes of the file.
    pub packed: u64,
}

/// Makes a backup of a record, whether or not a process is writing to it. The file appears when everything in it has been
/// read back: compared byte by byte with the database in it, of which every page was checked and every reading unpacked.
/// Until then there are two files beside it whose names end in `.part`.
///
/// # Errors
/// Nothing of it is left then.
pub fn make(record: &Path, file: &Path, interrupt: &Interrupt) -> Result<Made, BackupError> {
    let file = &std::path::absolute(file).map_err(BackupError::io("find", file))?;
    let folder = folder_of(file);
    if !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()));
    }
    if file.exists() {
        return Err(BackupError::Exists(file.clone()));
    }
    room_for(record, folder)?;
    let mut parts = Parts::begin(file)?;
    let taken = snapshot::take(record, &parts.database, interrupt)?;
    let contents = check::check(&parts.database, record, interrupt)?;
    if contents.readings != taken.readings {
        return Err(BackupError::bad(record, "its copy has another number of readings than itself"));
    }
    let unpacked = pack::pack(&parts.database, &mut parts.packed, &parts.name, interrupt)?;
    pack::verify(&mut parts.packed, &parts.name, &parts.database, interrupt)?;
    let packed = parts.finish(file)?;
    Ok(Made { file: file.clone(), contents, journaled: taken.journaled, unpacked, packed })
}

/// Takes away what backups of a series that were cut short have left in a folder. One that is being made by another
/// process stays.
pub fn clean(folder: &Path, series: &Series) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(whole) = name.to_str().and_then(|name| series.part_of(name)) else { continue };
        let file = folder.join(whole);
        if is_being_made(&beside(&file, ".part"))? {
            continue;
        }
        for part in [unpacked_of(&file), beside(&unpacked_of(&file), "-journal"), beside(&file, ".part")] {
            remove(&part)?;
        }
    }
    Ok(())
}

fn is_being_made(part: &Path) -> io::Result<bool> {
    match File::open(part) {
        Ok(part) => Ok(matches!(part.try_lock(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the database of a backup lies until it is compressed.
fn unpacked_of(file: &Path) -> PathBuf {
    let name = file.as_os_str().as_bytes();
    let stem = name.strip_suffix(b".gz").unwrap_or(name);
    let stem = Path::new(std::ffi::OsStr::from_bytes(stem));
    // A file that is to have no such end has another name than its packed part.
    if stem.as_os_str() == file.as_os_str() { beside(stem, ".copy.part") } else { beside(stem, ".part") }
}

fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The two files of a backup that is being made; dropped, they are gone.
struct Parts {
    /// The compressed one, locked for as long as it is being made.
    packed: File,
    name: PathBuf,
    database: PathBuf,
}

impl Parts {
    fn begin(file: &Path) -> Result<Self, BackupError> {
        let (name, database) = (beside(file, ".part"), unpacked_of(file));
        if is_being_made(&name).map_err(BackupError::io("open", &name))? {
            return Err(BackupError::bad(file, "another process is making it"));
        }
        let fresh = |path: &Path| {
            remove(path)?;
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o640).open(path)
        };
        let packed = fresh(&name).map_err(BackupError::io("make", &name))?;
        // Where files cannot be locked two backups of one name may get in each other's way; one of them fails then.
        let _ = packed.try_lock();
        let parts = Self { packed, name, database };
        fresh(&parts.database).map_err(BackupError::io("make", &parts.database))?;
        Ok(parts)
    }

    /// Gives the compressed file its name. Its bytes.
    fn finish(self, file: &Path) -> Result<u64, BackupError> {
        let fail = BackupError::io("write", file);
        let finish = || {
            give_to_owner_of(&self.name, folder_of(file));
            let bytes = self.packed.metadata()?.len();
            remove(&self.database)?;
            std::fs::rename(&self.name, file)?;
            sync_folder(file)?;
            Ok(bytes)
        };
        finish().map_err(fail)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for part in [&self.database, &beside(&self.database, "-journal"), &self.name] {
            if let Err(error) = remove(part) {
                tracing::warn!(file = %part.display(), %error, "could not remove a part of a backup");
            }
        }
    }
}

/// Looks whether the copy and its compressed form find room.
fn room_for(record: &Path, folder: &Path) -> Result<(), BackupError> {
    let length = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    let bytes = length(record) + length(&beside(record, "-wal")) + length(&journal::path_of(record));
    // Compressed it is smaller, but by how much nobody knows before.
    let needed = 2 * bytes + (1 << 20);
    let free = free_bytes(folder).map_err(BackupError::io("look at", folder))?;
    if free < needed {
        let millions = |bytes: u64| bytes.div_ceil(1_000_000);
        let (needed, free) = (millions(needed), free / 1_000_000);
        return Err(BackupError::NoRoom { folder: folder.to_owned(), needed, free });
    }
    Ok(())
}

/// Bytes that we may still write into a folder.
#[allow(clippy::unnecessary_cast, reason = "the system's types are narrower on other machines")]
pub(in crate::store) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let name = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: zero is a value of this plain struct, which the call fills in.
    let mut told: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of ours.
    if unsafe { libc::statvfs(name.as_ptr(), &raw mut told) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((told.f_bavail as u64).saturating_mul(told.f_frsize as u64))
}
