//! The journal: every reading at once, in a file that is only ever written forward.
//!
//! A record is its length (LEB128), a CRC-32 (little endian) and its content; a zero byte stands behind the
//! last one. The CRC runs on from that of the record before, so that bytes left over from before a cut
//! never pass for a continuation, wherever they lie. The first record tells the version and the sequence number of
//! the first row; rows count up from there. Contents start with a byte: 0 the start, 1 a meter's name, and from 2
//! the number of the meter whose row follows, as [`super::codec`] writes it.
//!
//! The file is filled with zeros ahead of the end and grows in steps, so that a sync writes data and no
//! metadata. A cut only moves the end back to the beginning.

mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::codec::range::Encoder;
use super::codec::{self, Refused, Row, RowCodec};
use super::disk::{Disk, DiskFile};
use super::error::OpenError;
pub(super) use record::Scanner;
use record::{FIRST_ROW, MAX_METERS, METER, START, State, push_record};

/// The file grows in steps of this; an hour of one meter fits into the first.
const STEP: u64 = 256 * 1024;
/// Beyond this the journal takes no more: SQLite has failed for weeks.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Unsynced bytes are kept in memory up to this, then synced before their time.
pub(super) const MAX_UNSYNCED: usize = 512 * 1024;

/// Where the journal of a database lies.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".journal");
    path.into()
}

/// The journal's file, exclusively ours for as long as it is open.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    /// Bytes of the file that are allocated.
    allocated: u64,
    /// Where `tail` starts: everything before it is known to be on the device.
    base: u64,
    /// Every byte since then.
    tail: Vec<u8>,
    /// How much of `tail` the kernel has.
    written: usize,
    unwritten_rows: u64,
    /// A sync failed: what the kernel's cache holds proves nothing any more.
    suspect: bool,
    state: State,
}

/// What the journal held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows that were whole.
    pub(super) rows: u64,
    /// Bytes of the record behind them that was not.
    pub(super) torn: usize,
}

impl Journal {
    /// Hands over the rows in the file, and goes on behind them. A file in which nothing can be read is copied to
    /// `aside` and begun anew.
    pub(super) fn open(
        path: PathBuf,
        disk: Arc<dyn Disk>,
        mut file: Box<dyn DiskFile>,
        aside: &Path,
        on: &mut impl FnMut(u64, Arc<str>, Row),
    ) -> io::Result<(Self, Found)> {
        let bytes = file.read_all()?;
        let mut scanner = Scanner::new(&bytes);
        let mut rows = 0;
        for (sequence, meter, row) in &mut scanner {
            rows += 1;
            on(sequence, meter, row);
        }
        let found = Found { rows, torn: scanner.torn };
        let (base, state) = (scanner.position as u64, scanner.state);
        let allocated = bytes.len() as u64;
        let mut journal = Self {
            path,
            disk,
            file,
            allocated,
            base,
            tail: Vec::new(),
            written: 0,
            unwritten_rows: 0,
            suspect: false,
            state,
        };
        if base == 0 && bytes.iter().any(|byte| *byte != 0) {
            tracing::error!(
                journal = %journal.path.display(),
                copy = %aside.display(),
                "nothing in the journal can be read: it is set aside, and a new one goes on"
            );
            std::fs::write(aside, &bytes)?;
            journal.file.set_len(0)?;
            journal.allocated = 0;
        }
        Ok((journal, found))
    }

    /// Numbers no row below `next`.
    pub(super) fn raise(&mut self, next: u64) {
        if !self.state.started {
            self.state.next = self.state.next.max(next);
        }
    }

    /// The number of the next row.
    pub(super) fn next_sequence(&self) -> u64 {
        self.state.next
    }

    /// Rows that the kernel does not have yet.
    pub(super) fn unwritten_rows(&self) -> u64 {
        self.unwritten_rows
    }

    /// Bytes that are not known to be on the device.
    pub(super) fn unsynced(&self) -> usize {
        self.tail.len()
    }

    /// Bytes from the beginning to the end.
    pub(super) fn used(&self) -> u64 {
        self.base + self.tail.len() as u64
    }

    /// Bytes of the file.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Adds a row to what [`Journal::write`] is to write. Refused when no more fits in before a cut.
    pub(super) fn append(&mut self, meter: &Arc<str>, row: &Row) -> Result<(), Refused> {
        if self.used() >= MAX_BYTES {
            return Err(Refused);
        }
        let state = &mut self.state;
        if !state.started {
            state.started = true;
            let mut content = vec![START, codec::VERSION];
            content.extend_from_slice(&state.next.to_le_bytes());
            push_record(&mut self.tail, &mut state.chain, &content);
        }
        let known = state.meters.iter().position(|(name, _)| name == meter);
        let place = match known {
            Some(place) => place,
            None if state.meters.len() >= MAX_METERS => return Err(Refused),
            None => {
                let mut content = vec![METER];
                content.extend_from_slice(meter.as_bytes());
                push_record(&mut self.tail, &mut state.chain, &content);
                state.meters.push((Arc::clone(meter), RowCodec::default()));
                state.meters.len() - 1
            }
        };
        let mut encoder = Encoder::default();
        state.meters[place].1.encode(&mut encoder, row)?;
        let mut content = vec![FIRST_ROW + place as u8];
        content.extend_from_slice(&encoder.finish());
        push_record(&mut self.tail, &mut state.chain, &content);
        state.next += 1;
        self.unwritten_rows += 1;
        Ok(())
    }

    /// Hands the kernel what it does not have yet, in one write; tells how many rows that were.
    pub(super) fn write(&mut self) -> io::Result<u64> {
        if self.suspect {
            self.file = open_again(self.disk.as_ref(), &self.path, self.file.as_ref())?;
            self.written = 0;
            self.suspect = false;
        }
        if self.written < self.tail.len() {
            self.allocate(self.used() + 1)?;
            // The zero behind the end is overwritten by the next record.
            self.tail.push(0);
            let at = self.base + self.written as u64;
            let outcome = self.file.write_all_at(&self.tail[self.written..], at);
            self.tail.pop();
            outcome?;
            self.written = self.tail.len();
        }
        Ok(std::mem::take(&mut self.unwritten_rows))
    }

    /// Writes, then waits until the device has it; tells how many rows were written.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        let rows = self.write()?;
        if !self.tail.is_empty() {
            if let Err(error) = self.file.sync_data() {
                // After a failed sync the kernel may drop what it could not write and call it clean.
                self.suspect = true;
                self.unwritten_rows = rows;
                return Err(error);
            }
            self.base += self.tail.len() as u64;
            self.tail.clear();
            self.written = 0;
        }
        Ok(rows)
    }

    /// Starts over: every row is safe elsewhere. The file keeps its length and its bytes. Tells how many rows
    /// the kernel never had.
    pub(super) fn cut(&mut self) -> u64 {
        self.base = 0;
        self.tail.clear();
        self.written = 0;
        self.state = State::new(self.state.next);
        std::mem::take(&mut self.unwritten_rows)
    }

    fn allocate(&mut self, needed: u64) -> io::Result<()> {
        if needed <= self.allocated {
            return Ok(());
        }
        let wanted = needed.div_ceil(STEP) * STEP;
        // Zeros are written out: a range that is only reserved costs metadata at each first write into it.
        let zeros = [0u8; 16 * 1024];
        let mut at = self.allocated;
        while at < wanted {
            let count = (wanted - at).min(zeros.len() as u64) as usize;
            self.file.write_all_at(&zeros[..count], at)?;
            at += count as u64;
        }
        self.file.sync_all()?;
        self.allocated = wanted;
        Ok(())
    }
}

fn try_lock(file: Box<dyn DiskFile>) -> io::Result<Box<dyn DiskFile>> {
    if file.try_lock()? { Ok(file) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

/// Opens and locks the file, and makes it where there is none. Another holder of the lock is
/// [`io::ErrorKind::WouldBlock`]; it is given a second, for a process that is just ending holds it to the last, and
/// so does, until it runs its program, a process that was just forked.
pub(super) fn lock(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
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

/// Why a journal could not be opened, for those who know the record by its database.
pub(super) fn open_error(error: io::Error, journal: &Path, database: &Path) -> OpenError {
    if error.kind() == io::ErrorKind::WouldBlock {
        OpenError::InUse(database.to_owned())
    } else {
        OpenError::Io { path: journal.to_owned(), error }
    }
}

/// A fresh descriptor for the same file; the old one hands over its lock.
fn open_again(disk: &dyn Disk, path: &Path, old: &dyn DiskFile) -> io::Result<Box<dyn DiskFile>> {
    let file = disk.open(path)?;
    old.unlock()?;
    try_lock(file)
}

#[cfg(test)]
mod tests;
