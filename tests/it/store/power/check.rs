//! What must be left, and whether it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::meter::Reading;
use dsmrd::store::{Archive, Range};
use rusqlite::Connection;

use crate::store::totals::{Totals, told};
use crate::store::{open_with, runtime};

/// Readings in the order in which they were given, and how many of them had been given, and were safe, at each mark.
#[derive(Debug, Default)]
pub(super) struct Expected {
    given: Vec<(&'static str, Arc<Reading>, i64)>,
    marks: Vec<(usize, usize)>,
}

impl Expected {
    pub(super) fn give(&mut self, meter: &'static str, reading: Arc<Reading>, time: i64) {
        self.given.push((meter, reading, time));
    }

    pub(super) fn given(&self) -> usize {
        self.given.len()
    }

    /// How many were safe at the last mark.
    pub(super) fn safe(&self) -> usize {
        self.marks.last().map_or(0, |(_, safe)| *safe)
    }

    /// How many were given until this second.
    pub(super) fn until(&self, time: i64) -> usize {
        self.given.partition_point(|(_, _, given)| *given <= time).max(self.safe())
    }

    /// A new mark; what was safe stays so.
    pub(super) fn mark(&mut self, safe: usize) -> usize {
        self.marks.push((self.given.len(), safe.max(self.safe())));
        self.marks.len()
    }

    /// The last mark.
    pub(super) fn marks(&self) -> usize {
        self.marks.len()
    }

    /// How many were given and safe at a mark; at 0 nothing was.
    pub(super) fn at(&self, mark: usize) -> (usize, usize) {
        mark.checked_sub(1).map_or((0, 0), |mark| self.marks[mark])
    }

    /// The readings of a meter among the first `count`.
    pub(super) fn of(&self, meter: &str, count: usize) -> Vec<Arc<Reading>> {
        let first = self.given[..count].iter().filter(|(name, _, _)| *name == meter);
        first.map(|(_, reading, _)| Arc::clone(reading)).collect()
    }
}

/// Everything in a record, by meter.
pub(super) fn readings(path: &Path) -> BTreeMap<String, Vec<Reading>> {
    let mut readings: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    for stored in Archive::open(path).unwrap().readings(Range::default()).unwrap() {
        let stored = stored.unwrap();
        readings.entry(stored.meter.to_string()).or_default().push(stored.reading);
    }
    readings
}

fn totals(path: &Path, meter: &str) -> Totals {
    let archive = Archive::open(path).unwrap();
    let mut rows = Vec::new();
    archive.settled(meter, i64::MIN, |settled| rows.push(settled)).unwrap();
    (archive.counters(meter).unwrap(), rows)
}

pub(super) fn integrity(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// No file was set aside.
pub(super) fn nothing_aside(path: &Path, what: &str) {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("corrupt")), "{what}: {names:?}");
}

/// Starts on what a cut left, stops again, and looks at everything; tells how many readings there are.
pub(super) fn check(path: &Path, expected: &Expected, mark: usize, what: &str) -> usize {
    let opened = open_with(path, Duration::from_secs(60)).unwrap_or_else(|error| panic!("{what}: {error}"));
    runtime().block_on(opened.store.close()).unwrap_or_else(|error| panic!("{what}: {error}"));
    drop(opened);
    nothing_aside(path, what);
    assert_eq!(integrity(path), "ok", "{what}");
    let (given, safe) = expected.at(mark);
    let left = readings(path);
    for meter in ["home", "shed"] {
        let left = left.get(meter).map_or(&[][..], Vec::as_slice);
        let all = expected.of(meter, given);
        for (n, (left, given)) in left.iter().zip(&all).enumerate() {
            assert!(left == &**given, "{what}: reading {n} of {meter}: {given:?}\nis now {left:?}");
        }
        assert!(
            left.len() <= all.len(),
            "{what}: {meter} has {} readings, {} were given",
            left.len(),
            all.len()
        );
        let safe = expected.of(meter, safe).len();
        assert!(left.len() >= safe, "{what}: {meter} has {} readings left, {safe} were safe", left.len());
        assert!(
            totals(path, meter) == told(all[..left.len()].iter().cloned()),
            "{what}: the totals of {meter} are not those of its {} readings",
            left.len()
        );
    }
    left.values().map(Vec::len).sum()
}
