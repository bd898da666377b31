//! The journal: every reading at once, in a file that is only ever written forward.
//!
//! A record is its length (LEB128), a CRC-32 (little endian) and its content; a zero byte stands behind the
//! last one. The CRC runs on from that of the record before, so that bytes left over from before a cut
//! never pass for a continuation, wherever they lie. The first record tells the version and the sequence number of
//! the first row; rows count up from there. Contents start with a byte: 0 the start, 1 a meter's name, and from 2
//! the number of the meter whose row follows, as [`super::codec`] writes it; 255 fills a block.
//!
//! The file has room ahead of the end, zeros, and grows in steps, so that a sync writes data and no
//! metadata but the inode. A cut only moves the end back to the beginning. Because of the time in the inode a file
//! system such as ext4 writes four blocks of its own within seconds of any write to the file; so between two syncs
//! records go to a file in memory (`tail`), where there is one.

mod files;
mod record;
mod replace;
mod tail;
mod waiting;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::codec::{Refused, Row};
use super::disk::{Disk, DiskFile};
use files::{Identity, open_again, open_memory};
pub(super) use files::{lock, open_error, read, reserve};
pub(super) use record::Scanner;
use record::{BLOCK, State, push_fill};
pub(super) use tail::forget as forget_memory;
use tail::{Head, Tail, UNDER, Under};
pub(super) use waiting::Waiting;

/// The file grows in steps of this; three hours of one meter fit into the first. Room costs ext4 nothing to set aside, and
/// nothing to write into for the first time, as the inode is written anyway.
const STEP: u64 = 256 * 1024;
/// Beyond this the journal takes no more: SQLite has failed for weeks.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Unsynced bytes are kept in memory up to this, then synced before their time.
pub(super) const MAX_UNSYNCED: usize = 512 * 1024;
/// No more of them are taken when syncs fail: a day of one meter.
const MAX_WAITING: usize = 2 * MAX_UNSYNCED;

/// Where the journal of a database lies.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".journal");
    path.into()
}

/// The journal's file, exclusively ours for as long as it is open.
#[derive(Debug)]
pub(super) struct Journal {
    database: PathBuf,
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    /// Bytes of the file that are allocated.
    allocated: u64,
    /// Where `tail` starts: everything before it is known to be on the device.
    base: u64,
    /// Every byte since then.
    tail: Vec<u8>,
    /// How much of `tail` the kernel has for the card.
    written: usize,
    /// What the file begins with, as far as that was written.
    first: Under,
    /// What it began with at the last cut.
    under: Under,
    identity: Identity,
    /// The folder in memory, if one is to be used.
    folder: Option<PathBuf>,
    /// The file there that holds `tail`; none when it fails.
    memory: Option<Tail>,
    /// Files in memory of before, of no use once the card has everything.
    leftovers: Vec<PathBuf>,
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
    /// Hands over the rows in the file and in what a process left in memory, and goes on behind them. A file in which
    /// nothing can be read is copied to `aside` and begun anew.
    pub(super) fn open(
        database: &Path,
        disk: Arc<dyn Disk>,
        folder: Option<PathBuf>,
        mut file: Box<dyn DiskFile>,
        aside: &Path,
        on: &mut impl FnMut(u64, Arc<str>, Row),
    ) -> io::Result<(Self, Found)> {
        let path = path_of(database);
        let card = file.read_all()?;
        let allocated = card.len() as u64;
        let first = tail::beginning(&card);
        let identity = Identity::of(&path);
        let mut leftovers = tail::places(database);
        let mut tails: Vec<_> =
            leftovers.iter().filter_map(|path| tail::read(path, identity.owner)).collect();
        let waits = waiting::read(database, identity.owner);
        let memory =
            folder.as_deref().and_then(|folder| open_memory(disk.as_ref(), folder, database, &mut tails));
        leftovers.retain(|path| memory.as_ref().is_none_or(|memory| memory.path() != path));
        let (bytes, joint) = tail::whole(card, identity.inode, &tails);
        let (bytes, joint) = waiting::join(bytes, joint, &identity, &waits);
        let mut scanner = Scanner::new(&bytes);
        let mut rows = 0;
        for (sequence, meter, row) in &mut scanner {
            rows += 1;
            on(sequence, meter, row);
        }
        let found = Found { rows, torn: scanner.torn };
        let (end, state) = (scanner.position, scanner.state);
        // What was in memory alone is to be written to the card like what is new.
        let base = joint.map_or(end, |joint| joint as usize);
        let mut journal = Self {
            database: database.to_owned(),
            disk,
            file,
            allocated,
            base: base as u64,
            tail: bytes[base..end].to_vec(),
            written: 0,
            first,
            under: first,
            identity,
            folder,
            memory,
            leftovers,
            unwritten_rows: 0,
            suspect: false,
            state,
        };
        if end == 0 && bytes.iter().any(|byte| *byte != 0) {
            tracing::error!(
                journal = %path.display(),
                copy = %aside.display(),
                "nothing in the journal can be read: it is set aside, and a new one goes on"
            );
            std::fs::write(aside, &bytes)?;
            journal.file.set_len(0)?;
            journal.allocated = 0;
            (journal.first, journal.under) = ([0; UNDER], [0; UNDER]);
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
        if self.used() >= MAX_BYTES || self.tail.len() >= MAX_WAITING {
            return Err(Refused);
        }
        self.state.push(&mut self.tail, meter, row)?;
        self.unwritten_rows += 1;
        Ok(())
    }

    /// Whether the kernel has every row: the death of this process takes none.
    pub(super) fn is_written(&self) -> bool {
        let has = |memory: &Tail| self.tail.is_empty() || memory.holds(self.tail.len());
        self.unwritten_rows == 0 && self.memory.as_ref().map_or(self.written == self.tail.len(), has)
    }

    /// To which journal belongs what waits for it, when the database has the rows up to `stored`.
    pub(super) fn waits(&self, stored: u64) -> Head {
        Head { journal: self.identity.inode, base: stored, under: self.identity.born }
    }

    /// Whether what is written goes to memory, and to the card with a sync only.
    pub(super) fn in_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Hands the kernel what it does not have yet, in one write; tells how many rows that were.
    pub(super) fn write(&mut self) -> io::Result<u64> {
        if !self.write_memory() {
            self.write_card()?;
        }
        Ok(std::mem::take(&mut self.unwritten_rows))
    }

    /// False when there is no memory to write to, or none any more.
    fn write_memory(&mut self) -> bool {
        let head = Head { journal: self.identity.inode, base: self.base, under: self.under };
        let Some(memory) = &mut self.memory else { return false };
        let Err(error) = memory.write(head, &self.tail) else { return true };
        tracing::warn!(
            file = %memory.path().display(), error = %error,
            "could not write to memory: readings go to the medium every second until that works again"
        );
        self.memory = None;
        false
    }

    fn write_card(&mut self) -> io::Result<()> {
        if self.suspect {
            self.file = open_again(self.disk.as_ref(), &path_of(&self.database), self.file.as_ref())?;
            self.written = 0;
            self.suspect = false;
        }
        if self.written < self.tail.len() {
            let end = usize::from(!self.state.filled);
            self.allocate(self.used() + end as u64)?;
            // The zero behind the end is overwritten by the next record. Behind a block that was filled it would cost
            // another.
            self.tail.extend(&[0][..end]);
            let at = self.base + self.written as u64;
            let outcome = self.file.write_all_at(&self.tail[self.written..], at);
            if at < UNDER as u64 {
                match &outcome {
                    Ok(()) => {
                        let new = self.tail[self.written..].iter();
                        self.first[at as usize..].iter_mut().zip(new).for_each(|(old, new)| *old = *new);
                    }
                    // Some of it may be there.
                    Err(_) => {
                        if let Ok(card) = self.file.read_all() {
                            self.first = tail::beginning(&card);
                        }
                    }
                }
            }
            self.tail.truncate(self.tail.len() - end);
            outcome?;
            self.written = self.tail.len();
        }
        Ok(())
    }

    /// Fills the block at the end when as much as this time would go beyond it the next: each sync writes one block then,
    /// where every other would write two.
    fn fill(&mut self) {
        let room = BLOCK - self.used() % BLOCK;
        let next = self.tail.len() as u64 * 9 / 8 + 32;
        if !self.tail.is_empty() && !self.state.filled && room < next && next <= BLOCK {
            self.state.filled = push_fill(&mut self.tail, &mut self.state.chain, room as usize);
        }
    }

    /// Writes, then waits until the device has it; tells how many rows were written.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        self.fill();
        let rows = self.write()?;
        if !self.tail.is_empty() {
            if let Err(error) = self.sync_card() {
                self.unwritten_rows = rows;
                return Err(error);
            }
            self.base += self.tail.len() as u64;
            self.tail.clear();
            self.written = 0;
        }
        self.settled();
        Ok(rows)
    }

    fn sync_card(&mut self) -> io::Result<()> {
        self.write_card()?;
        // After a failed sync the kernel may drop what it could not write and call it clean.
        self.file.sync_data().inspect_err(|_| self.suspect = true)
    }

    /// Starts over: every row is safe elsewhere. The file keeps its length and its bytes. Tells how many rows
    /// the kernel never had.
    pub(super) fn cut(&mut self) -> u64 {
        self.base = 0;
        self.tail.clear();
        self.written = 0;
        self.state = State::new(self.state.next);
        self.under = self.first;
        if let Some(memory) = &mut self.memory {
            memory.restart();
        }
        self.settled();
        std::mem::take(&mut self.unwritten_rows)
    }

    /// Nothing is in memory alone.
    fn settled(&mut self) {
        for path in self.leftovers.drain(..) {
            // What is left behind is told from news by its numbers.
            let _ = std::fs::remove_file(path);
        }
        if self.memory.is_none()
            && let Some(folder) = &self.folder
            && let Ok(memory) = Tail::open(self.disk.as_ref(), folder, &self.database)
        {
            self.memory = Some(memory);
            if self.write_memory() {
                tracing::info!("readings go to memory again, and to the medium with a sync");
            }
        }
    }

    /// Takes the file in memory away if nothing is in it alone. Only a process that ends should.
    pub(super) fn end(&mut self) {
        if self.tail.is_empty()
            && let Some(memory) = self.memory.take()
        {
            memory.remove();
        }
    }

    fn allocate(&mut self, needed: u64) -> io::Result<()> {
        if needed <= self.allocated {
            return Ok(());
        }
        let wanted = needed.div_ceil(STEP) * STEP;
        // The next sync takes it along.
        self.file.extend(self.allocated, wanted)?;
        self.allocated = wanted;
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // A process that was just forked has the descriptor too, until it runs its program: closing ours would leave
        // the lock with it.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests;
