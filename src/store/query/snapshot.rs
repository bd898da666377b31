//! What an archive reads from: the database at one moment, and what the journal held by then.
//!
//! Nothing is seen twice or missed at the seam: a snapshot of the database is taken, then the journal is read,
//! then it is checked that no cut came in between. Of the journal counts what the snapshot has no block of.
//!
//! A snapshot keeps SQLite's log from starting over, so that it grows beside a writer for as long as an answer takes. So
//! a long answer lets go of it between two hours, while its rows are taken, and goes on with a new one where the database
//! was written to since. That is exact: a reading belongs to one hour for ever, be it in the journal, in a block, or given
//! up for its minute, and each hour is told from one snapshot. What came after the record was opened is left out by its
//! time.

use std::cell::{Cell, Ref};
use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Archive, Range};
use crate::store::codec::Row;
use crate::store::db;
use crate::store::error::{OpenError, ReadError};
use crate::store::journal::{self, Scanner};
use crate::store::pending::{Finished, Pending, Place};
use crate::store::tallies::Tallies;

/// Cuts come every second hour: more than one of them while the journal is read is a fast replay.
const ATTEMPTS: usize = 100;

/// One moment of the record.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) connection: Connection,
    /// Blocks of what is in the journal alone.
    pub(super) tail: Vec<Finished>,
    /// The totals up to the end of the journal; none where the counters of the database cannot be read.
    pub(super) tallies: Option<Tallies>,
    /// What tells whether the database was written to; none where nobody wants to know.
    watcher: Option<Watcher>,
}

/// A connection that stays at no moment.
#[derive(Debug)]
struct Watcher {
    path: PathBuf,
    connection: Connection,
    /// What SQLite counts when another connection writes, as it was before the moment.
    version: i64,
    /// The file itself: another may come in its place.
    inode: Option<u64>,
}

impl Snapshot {
    /// The record as it is now.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        let mut watcher = Watcher {
            path: path.to_owned(),
            inode: inode(path),
            connection: db::open_to_read(path)?,
            version: 0,
        };
        let connection = db::open_to_read(path)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            watcher.version = watcher.look().map_err(fail)?;
            // The first read takes the snapshot, which stays until the transaction ends.
            connection.execute_batch("BEGIN").map_err(fail)?;
            let sequence = db::sequence(&connection).map_err(fail)?;
            let heard = db::epoch::heard(&connection).map_err(fail)?;
            let mut tallies = tallies(&connection).map_err(fail)?;
            let tail = read_tail(path, sequence, Pending::after(heard), tallies.as_mut())?;
            if db::sequence(&watcher.connection).map_err(fail)? == sequence || attempts >= ATTEMPTS {
                return Ok(Self { connection, tail, tallies, watcher: Some(watcher) });
            }
            connection.execute_batch("ROLLBACK").map_err(fail)?;
        }
    }

    /// What is in blocks of readings, whatever the journal holds.
    pub(super) fn of_blocks(path: &Path) -> Result<Self, OpenError> {
        let connection = db::open_to_read(path)?;
        let begun = connection.execute_batch("BEGIN");
        begun.map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
        Ok(Self { connection, tail: Vec::new(), tallies: None, watcher: None })
    }

    /// The last instant of its readings.
    fn end(&self) -> Result<Option<i64>, ReadError> {
        let text = "SELECT max(last) FROM block WHERE hour = (SELECT max(hour) FROM block)";
        let stored: Option<i64> = self.connection.query_row(text, [], |row| row.get(0))?;
        Ok(self.tail.iter().map(|block| block.last).chain(stored).max())
    }

    /// Whether its counters are those of an earlier moment and some more: who knows them by their places can go on.
    fn goes_on_from(&self, earlier: &Self) -> bool {
        let (Some(now), Some(then)) = (&self.tallies, &earlier.tallies) else {
            return self.tallies.is_none() && earlier.tallies.is_none();
        };
        then.iter().all(|(meter, then)| {
            let now = now.of(meter).map(|tallied| tallied.counters()).unwrap_or_default();
            let then = then.counters();
            now.len() >= then.len() && now.iter().zip(then).all(|(now, then)| now.key == then.key)
        })
    }
}

impl Watcher {
    fn look(&self) -> rusqlite::Result<i64> {
        self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
    }
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}

impl Archive {
    pub(super) fn snapshot(&self) -> Ref<'_, Snapshot> {
        if !self.held.get() {
            // Between two hours of an answer somebody asks for something else. Why it fails the answer says.
            let _ = self.hold();
        }
        self.snapshot.borrow()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Lets go of the moment until the next hour is read, where one answer alone is being read.
    pub(super) fn let_go(&self) -> Result<(), ReadError> {
        if !self.renews || !self.held.get() || self.answers.get() != 1 {
            return Ok(());
        }
        let snapshot = self.snapshot.borrow();
        if self.end.get().is_none() {
            self.end.set(Some(snapshot.end()?.unwrap_or(i64::MIN)));
        }
        snapshot.connection.execute_batch("ROLLBACK")?;
        self.held.set(false);
        Ok(())
    }

    /// Goes on where it was let go: with the same moment, or, where the database was written to since, with another.
    pub(super) fn hold(&self) -> Result<(), ReadError> {
        if self.held.get() {
            return Ok(());
        }
        let new = {
            let old = self.snapshot.borrow();
            let Some(watcher) = &old.watcher else { return Ok(()) };
            old.connection.execute_batch("BEGIN")?;
            // The first read takes the snapshot. What was not written to after it was not before.
            db::sequence(&old.connection)?;
            if watcher.look()? == watcher.version {
                self.held.set(true);
                return Ok(());
            }
            old.connection.execute_batch("ROLLBACK")?;
            let new = Snapshot::open(&watcher.path).map_err(|error| ReadError::Open(Box::new(error)))?;
            let same = new.watcher.as_ref().is_some_and(|new| new.inode == watcher.inode);
            if !same || !new.goes_on_from(&old) {
                return Err(ReadError::Replaced);
            }
            new
        };
        self.snapshot.replace(new);
        self.generation.set(self.generation.get() + 1);
        self.held.set(true);
        Ok(())
    }

    /// As much of a range as there was when the record was opened.
    pub(super) fn as_opened(&self, range: &mut Range) {
        if let Some(end) = self.end.get() {
            let end = end.saturating_add(1);
            range.to = Some(range.to.map_or(end, |to| to.min(end)));
        }
    }
}

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a Cell<usize>);

impl<'a> Reader<'a> {
    pub(super) fn of(archive: &'a Archive) -> Self {
        archive.answers.set(archive.answers.get() + 1);
        Self(&archive.answers)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The tallies of the database; none where its counters make no sense, which costs the totals and no reading.
fn tallies(connection: &Connection) -> rusqlite::Result<Option<Tallies>> {
    match db::totals::counters(connection) {
        Ok(counters) => Ok(Some(Tallies::restore(counters))),
        Err(error) if error.sqlite_error().is_some() => Err(error),
        Err(error) => {
            tracing::warn!(error = %error, "the counters in the database cannot be read");
            Ok(None)
        }
    }
}

/// Of so many of the last readings, and of these last ones, blocks are made apart: "now", and where registers stood at the
/// quarter-hour before it, takes no hour to be unpacked.
const LATELY: [usize; 2] = [1_200, 240];

/// Packs what the journal holds beyond `sequence` into blocks, so that there is one way to read, and tells the
/// tallies of it.
fn read_tail(
    database: &Path,
    sequence: u64,
    mut pending: Pending,
    mut tallies: Option<&mut Tallies>,
) -> Result<Vec<Finished>, OpenError> {
    let fail = |error| OpenError::Io { path: journal::path_of(database), error };
    let Some(bytes) = journal::read(database).map_err(fail)? else { return Ok(Vec::new()) };
    let push = |pending: &mut Pending, (place, row): (Place, Row)| {
        pending.roll(&place);
        // What the journal took fits in a block.
        let _ = pending.push(&place, &row);
    };
    let mut lately = VecDeque::new();
    for (number, meter, row) in Scanner::new(&bytes) {
        if number > sequence {
            let reading = row.clone().into_reading();
            if let Some(tallies) = &mut tallies {
                tallies.take(&meter, &reading);
            }
            lately.push_back((Place::of(&meter, &reading), row));
            if lately.len() > LATELY[0] {
                lately.pop_front().into_iter().for_each(|row| push(&mut pending, row));
            }
        }
    }
    for left in LATELY {
        let packed = lately.len().saturating_sub(left);
        lately.drain(..packed).for_each(|row| push(&mut pending, row));
        pending.finish_all();
    }
    lately.into_iter().for_each(|row| push(&mut pending, row));
    pending.finish_all();
    Ok(pending.finished().to_vec())
}
