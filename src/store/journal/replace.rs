//! Another file in the place of the journal's.

use std::io;

use super::record::State;
use super::{Identity, Journal, path_of, tail};
use crate::store::disk::DiskFile;

/// Where a file was.
#[derive(Debug)]
struct Nowhere;

fn gone<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::NotFound, "the journal is not in its place"))
}

impl DiskFile for Nowhere {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        gone()
    }

    fn write_all_at(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        gone()
    }

    fn set_len(&mut self, _: u64) -> io::Result<()> {
        gone()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        gone()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        gone()
    }

    fn try_lock(&self) -> io::Result<bool> {
        gone()
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Journal {
    /// Closes the file. What is appended goes to memory alone, until there is [another](Journal::replace).
    pub(in crate::store) fn let_go(&mut self) {
        self.file = Box::new(Nowhere);
        // Nothing is to be opened again, and everything to be written.
        self.suspect = false;
        self.written = 0;
    }

    /// Whether these are the bytes of the file that was let go of: what is in them is known.
    pub(in crate::store) fn wrote(&self, card: &[u8]) -> bool {
        tail::beginning(card) == self.first
    }

    /// Everything since the last cut, of which the medium has `card`.
    pub(in crate::store) fn bytes(&self, card: &[u8]) -> Vec<u8> {
        let synced = card.len().min(self.base as usize);
        [&card[..synced], &self.tail].concat()
    }

    /// Goes on in another file, that holds `card`, with the row `next`, as after a cut. Tells how many rows the kernel
    /// never had.
    pub(in crate::store) fn replace(&mut self, file: Box<dyn DiskFile>, card: &[u8], next: u64) -> u64 {
        self.file = file;
        self.allocated = card.len() as u64;
        self.first = tail::beginning(card);
        self.identity = Identity::of(&path_of(&self.database));
        // Beside another record another link is to point to it.
        self.memory = None;
        self.state = State::new(next);
        self.cut()
    }
}
