//! The end of the journal that the card does not have yet, in a file in memory.
//!
//! A file system in memory outlives the process, and a write to it costs no card anything, so that nothing is lost when
//! the process dies although the card is touched once per sync interval. The file is a head and the same bytes that
//! the next sync puts behind `base` into the journal. It is one of several, or none, when a journal is read: a file of
//! another journal, or of this one before a sync, a cut or a fall back to the card, ends no later than the
//! card does, or does not chain on.
//!
//! A symbolic link beside the database, `.tail` behind its name, points to the file, so that readers find it.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::MAX_UNSYNCED;
use super::record::Scanner;
use super::waiting;
use crate::store::crc::crc32;
use crate::store::db::beside;
use crate::store::disk::{Disk, DiskFile, MEMORY};

/// Magic, inode of the journal, base, what lies under it, and a CRC-32 of these; all little endian.
const HEAD: usize = 24 + UNDER;
const MAGIC: &[u8; 4] = b"DSt\x01";
/// The first bytes of the card tell a journal from another one that was copied into its file.
pub(super) const UNDER: usize = 64;
/// So many of them.
pub(super) type Under = [u8; UNDER];
/// Nobody reads more of it: it is not ours then.
const LARGEST: u64 = 4 * MAX_UNSYNCED as u64;

/// Where in the journal the bytes of a file in memory belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Head {
    /// The inode of the journal.
    pub(super) journal: u64,
    /// The bytes go on from here.
    pub(super) base: u64,
    /// What the card began with before anything of these was written to it.
    pub(super) under: Under,
}

impl Head {
    pub(super) fn write(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..12].copy_from_slice(&self.journal.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.base.to_le_bytes());
        bytes[20..20 + UNDER].copy_from_slice(&self.under);
        let crc = crc32(0, &bytes[..20 + UNDER]);
        bytes[20 + UNDER..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let long = |at: usize| head[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let (told, crc) = head.split_at(20 + UNDER);
        if head[..4] != *MAGIC || crc != crc32(0, told).to_le_bytes() {
            return None;
        }
        Some((Self { journal: long(4)?, base: long(12)?, under: told[20..].try_into().ok()? }, rest))
    }
}

/// What the card begins with.
pub(super) fn beginning(card: &[u8]) -> Under {
    let mut first = [0; UNDER];
    let count = card.len().min(UNDER);
    first[..count].copy_from_slice(&card[..count]);
    first
}

/// The journal with what a file in memory has of it, and where that begins; none when the file is of no use.
fn joined(card: &[u8], journal: u64, tail: &[u8]) -> Option<(Vec<u8>, u64)> {
    let (head, tail) = Head::read(tail)?;
    let base = usize::try_from(head.base).ok().filter(|base| *base <= card.len())?;
    // Of what is to be written over it the card may have some already.
    let known = || {
        let first = beginning(card);
        let same = first.iter().zip(tail).take_while(|(card, tail)| card == tail).count();
        first[same..] == head.under[same..]
    };
    if head.journal != journal || (base == 0 && !known()) {
        return None;
    }
    Some(([&card[..base], tail].concat(), head.base))
}

/// What a journal holds: the card's bytes, or those with a file in memory that goes further. The second is how much of
/// it the card has for certain; none when that is all.
pub(super) fn whole(card: Vec<u8>, journal: u64, tails: &[Vec<u8>]) -> (Vec<u8>, Option<u64>) {
    // An empty journal is behind any other.
    let end = |bytes: &[u8]| Scanner::new(bytes).end();
    let joined = tails.iter().filter_map(|tail| joined(&card, journal, tail));
    let furthest = joined.map(|(bytes, base)| (end(&bytes), bytes, base)).max_by_key(|(end, ..)| *end);
    match furthest {
        Some((reached, bytes, base)) if reached > end(&card) => (bytes, Some(base)),
        _ => (card, None),
    }
}

/// The symbolic link beside a database.
fn link_of(database: &Path) -> PathBuf {
    beside(database, ".tail")
}

/// The file in a folder for a database: its name, and a hash of its whole path.
pub(super) fn file_in(folder: &Path, database: &Path) -> PathBuf {
    let name = database.file_name().unwrap_or(OsStr::new("record"));
    let parent = database.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let path = parent.canonicalize().unwrap_or_else(|_| parent.to_owned()).join(name);
    // FNV-1a. Two databases of equal hashes would find each other's lock.
    let hash = path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let name: String = name.to_string_lossy().chars().filter(|c| !c.is_control()).take(60).collect();
    folder.join(format!("{name}-{hash:016x}.tail"))
}

/// Where a process may have left a file in memory for a database.
pub(super) fn places(database: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = std::fs::read_link(link_of(database)).into_iter().collect();
    let usual = MEMORY.iter().map(|folder| file_in(Path::new(folder), database));
    places.extend(usual.filter(|path| path.exists()));
    places.dedup();
    places
}

/// Removes what lies there, for whoever has the lock on the journal.
pub(in crate::store) fn forget(database: &Path) -> io::Result<()> {
    let waits = waiting::places(database);
    for path in places(database).into_iter().chain(waits).chain([link_of(database)]) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What lies there, if it is a file of whoever owns the journal: anyone may put something into a folder that is open
/// to all.
pub(super) fn read(path: &Path, owner: u32) -> Option<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let opened = opened.inspect_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            tracing::warn!(file = %path.display(), "may not read the latest readings: they are missing here");
        }
    });
    let file = opened.ok()?;
    let about = file.metadata().ok()?;
    // SAFETY: it only asks.
    let us = unsafe { libc::geteuid() };
    if !about.is_file() || ![owner, us, 0].contains(&about.uid()) {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Which file lies there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().map(|about| (about.dev(), about.ino()))
}

/// The file in memory, ours for as long as it is open.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// What lies there, when it is ours.
    identity: Option<(u64, u64)>,
    link: Option<PathBuf>,
    file: Box<dyn DiskFile>,
    /// What it says of itself; none before the first write, or when a write failed.
    head: Option<Head>,
    /// Bytes behind the head.
    written: usize,
}

impl Tail {
    /// Opens the file for a database, and makes it where there is none.
    pub(super) fn open(disk: &dyn Disk, folder: &Path, database: &Path) -> io::Result<Self> {
        let link = link_of(database);
        let mut tail = Self::at(disk, file_in(folder, database))?;
        if std::fs::read_link(&link).ok().as_ref() != Some(&tail.path) {
            // Without it readers look in the usual folders; the next start knows this one.
            let _ = std::fs::remove_file(&link);
            let _ = std::os::unix::fs::symlink(&tail.path, &link);
        }
        tail.link = Some(link);
        Ok(tail)
    }

    /// Opens a file to which no link leads, and makes it where there is none.
    pub(super) fn at(disk: &dyn Disk, path: PathBuf) -> io::Result<Self> {
        let file = disk.open_in_memory(&path)?;
        if !file.try_lock()? {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds it"));
        }
        let identity = identity(&path);
        Ok(Self { path, identity, link: None, file, head: None, written: 0 })
    }

    /// What an earlier process left in it.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        self.file.read_all()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file hold `bytes`, of which only the end is new, for the place that `head` tells.
    pub(super) fn write(&mut self, head: Head, bytes: &[u8]) -> io::Result<()> {
        // Another file system may lie over it, in which the next process would look.
        if !self.file.is_linked() || identity(&self.path) != self.identity {
            return Err(io::Error::new(io::ErrorKind::NotFound, "somebody removed it, or its file system"));
        }
        if bytes.is_empty() || (self.head == Some(head) && self.written == bytes.len()) {
            return Ok(());
        }
        let mut fresh = Vec::new();
        let (new, at) = if self.head == Some(head) && self.written < bytes.len() {
            (&bytes[self.written..], HEAD + self.written)
        } else {
            fresh.extend_from_slice(&head.write());
            fresh.extend_from_slice(bytes);
            (&fresh[..], 0)
        };
        // As in the journal, a zero stands behind the last record.
        let new = [new, &[0]].concat();
        self.head = None;
        self.file.write_all_at(&new, at as u64)?;
        self.head = Some(head);
        self.written = bytes.len();
        Ok(())
    }

    /// Whether it holds so many bytes.
    pub(super) fn holds(&self, bytes: usize) -> bool {
        self.head.is_some() && self.written == bytes
    }

    /// Makes the file one of no use, until it is written again.
    pub(super) fn blank(&mut self) {
        self.head = None;
        if self.file.write_all_at(&[0; HEAD], 0).is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// What comes next is no continuation, even where it goes on from the same place.
    pub(super) fn restart(&mut self) {
        self.head = None;
    }

    /// Takes the file away: the card has everything.
    pub(super) fn remove(self) {
        // What is left behind is told from news by its numbers.
        for path in [Some(self.path), self.link].into_iter().flatten() {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests;
