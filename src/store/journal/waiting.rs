//! Readings on their way to the store's thread, in a second file in memory.
//!
//! The thread may be in a sync or a commit, for seconds where the card is worn, while a reading is told to the
//! whole house. So whoever hands one over writes it down before it joins the queue, behind the number that it will get:
//! as a journal of its own (`record`) under a head that tells of which one it is the continuation. At a start, and to
//! readers, what has a number that the journal has not come to is as good as journaled.
//!
//! The file lies beside that of the tail, `.wait` in the place of `.tail`. It is begun anew when nothing waits, and is of no
//! use from the moment in which a number in it turns out to be another reading's until then.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::Identity;
use super::record::{Scanner, State};
use super::tail::{self, Head, Tail};
use crate::meter::Reading;
use crate::store::codec::Row;
use crate::store::db::beside;
use crate::store::disk::{Disk, MEMORY};

/// It is begun anew beyond this, when nothing waits: some hundreds of readings.
const ENOUGH: usize = 64 * 1024;
/// No more is written into it, for as long as anything waits: a full queue and more.
const MOST: usize = super::MAX_UNSYNCED * 2;

fn beside_tail(tail: &Path) -> PathBuf {
    tail.with_extension("wait")
}

/// Where a process may have left such a file for a database.
pub(super) fn places(database: &Path) -> Vec<PathBuf> {
    let linked = std::fs::read_link(beside(database, ".tail")).into_iter();
    let usual = MEMORY.iter().map(|folder| tail::file_in(Path::new(folder), database));
    let mut places: Vec<_> = linked.chain(usual).map(|tail| beside_tail(&tail)).collect();
    places.retain(|path| path.exists());
    places.dedup();
    places
}

/// What lies there.
pub(super) fn read(database: &Path, owner: u32) -> Vec<Vec<u8>> {
    places(database).iter().filter_map(|path| tail::read(path, owner)).collect()
}

/// A journal with what waited for it, and how much of that the card has for certain; `base` is that of the journal.
pub(super) fn join(
    bytes: Vec<u8>,
    base: Option<u64>,
    journal: &Identity,
    waits: &[Vec<u8>],
) -> (Vec<u8>, Option<u64>) {
    let ours = waits.iter().filter_map(|wait| Head::read(wait));
    let ours = ours.filter(|(head, _)| (head.journal, head.under) == (journal.inode, journal.born));
    let furthest =
        ours.map(|(head, rows)| (Scanner::new(rows).end(), head, rows)).max_by_key(|found| found.0);
    let end = Scanner::new(&bytes).end();
    let Some((_, head, rows)) = furthest.filter(|(reached, ..)| *reached > end) else { return (bytes, base) };
    let mut scanner = Scanner::new(&bytes);
    scanner.by_ref().for_each(drop);
    let first = Scanner::new(rows).next().map_or(u64::MAX, |(first, ..)| first);
    let unreadable = scanner.is_unreadable();
    if first <= end && !unreadable {
        let (position, mut state) = (scanner.position, scanner.state);
        let mut all = bytes[..position].to_vec();
        let next = state.next;
        let new = Scanner::new(rows).filter(|(number, ..)| *number >= next);
        // What was taken once is taken again.
        new.map_while(|(_, meter, row)| state.push(&mut all, &meter, &row).ok()).for_each(drop);
        return (all, Some(base.unwrap_or(position as u64)));
    }
    if !unreadable && end <= head.base + 1 {
        // Every row of the journal was in a block before the first of these came: they are the journal.
        return (rows.to_vec(), Some(0));
    }
    tracing::warn!(first, end, "readings that waited are no continuation of the journal: they are left out");
    (bytes, base)
}

/// The file; clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Waiting(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    place: Option<(Arc<dyn Disk>, PathBuf)>,
    /// None where there is no memory, or none any more.
    file: Option<Tail>,
    head: Option<Head>,
    bytes: Vec<u8>,
    state: State,
    /// Whether the next reading has the number of the next row.
    open: bool,
    /// Readings that were handed over.
    offered: u64,
}

impl Waiting {
    /// Opens the file for a database, once whatever an earlier process left there was read. Nothing is written before it
    /// is [settled](Self::settle).
    pub(in crate::store) fn open(disk: Arc<dyn Disk>, database: &Path) -> Self {
        let path = disk.memory().map(|folder| beside_tail(&tail::file_in(folder, database)));
        let mut inner = Inner { place: path.map(|path| (disk, path)), ..Inner::default() };
        inner.open_file();
        Self(Arc::new(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reading joins the queue. Called in the order of the queue.
    pub(in crate::store) fn joins(&self, meter: &Arc<str>, reading: &Reading) {
        let mut inner = self.lock();
        inner.offered += 1;
        if inner.open {
            inner.push(meter, &Row::of(reading));
        }
    }

    /// A reading that joined gets no number: those behind it have other ones than the file says.
    pub(in crate::store) fn spoil(&self) {
        let mut inner = self.lock();
        let Inner { file, place, open, .. } = &mut *inner;
        *open = false;
        match (file, place) {
            (Some(file), _) => file.blank(),
            // One that failed may still hold what came before.
            (None, Some((_, path))) => std::fs::remove_file(path).unwrap_or_default(),
            (None, None) => {}
        }
    }

    /// Of all that joined `taken` readings were dropped, or are written elsewhere by now; the next row of the journal that
    /// `head` tells is `next`.
    pub(in crate::store) fn settle(&self, taken: u64, head: Head, next: u64) {
        let mut inner = self.lock();
        if inner.offered != taken || inner.file.is_none() {
            return;
        }
        let same = inner.head.is_some_and(|old| (old.journal, old.under) == (head.journal, head.under));
        if !(inner.open && same && inner.state.next == next && inner.bytes.len() < ENOUGH) {
            inner.begin(head, next);
        }
    }

    /// Tries a file again that failed.
    pub(in crate::store) fn mend(&self) {
        let mut inner = self.lock();
        if inner.file.is_none() {
            inner.open_file();
        }
    }

    /// Takes the file away: nothing waits, and nothing comes.
    pub(in crate::store) fn remove(&self) {
        let mut inner = self.lock();
        (inner.open, inner.place) = (false, None);
        if let Some(file) = inner.file.take() {
            file.remove();
        }
    }
}

impl Inner {
    fn open_file(&mut self) {
        let Some((disk, path)) = &self.place else { return };
        match Tail::at(disk.as_ref(), path.clone()) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.told(&error),
        }
    }

    fn told(&self, error: &io::Error) {
        let file = self.place.as_ref().map(|(_, path)| path.display());
        tracing::warn!(
            file = file.as_ref().map(tracing::field::display), error = %error,
            "could not write to memory: of readings that come while the card is written a kill takes those until that \
             works again"
        );
    }

    fn begin(&mut self, head: Head, next: u64) {
        self.head = Some(head);
        self.bytes.clear();
        self.state = State::new(next);
        self.open = true;
        if let Some(file) = &mut self.file {
            file.restart();
        }
    }

    fn push(&mut self, meter: &Arc<str>, row: &Row) {
        let (Some(file), Some(head)) = (&mut self.file, self.head) else { return };
        if self.bytes.len() >= MOST || self.state.push(&mut self.bytes, meter, row).is_err() {
            // What is there keeps its numbers.
            self.open = false;
            return;
        }
        if let Err(error) = file.write(head, &self.bytes) {
            // So does what is there now.
            (self.open, self.file) = (false, None);
            self.told(&error);
        }
    }
}

#[cfg(test)]
mod tests;
