//! The tallies of all meters: every reading that is kept goes through one of them, once.
//!
//! What they tell waits here until it is stored in the transaction that stores the blocks. It takes little room
//! however long that lasts: one row a counter and quarter-hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::meter::Reading;
use crate::totals::{CounterState, Entry, Position, Tally};

/// What entries change in the rows of a meter's positions, each row at most once.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    void: BTreeMap<usize, i64>,
    rows: BTreeMap<(i64, usize), Position>,
}

impl Changes {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Settled(settled) => {
                self.rows.insert((settled.boundary, settled.counter), settled.position);
            }
            Entry::Void { counter, after } => {
                self.rows.retain(|(boundary, of), _| *of != counter || *boundary <= after);
                let void = self.void.entry(counter).or_insert(after);
                *void = after.min(*void);
            }
        }
    }

    /// Rows that are stored and void: those of a counter with boundaries after an instant.
    pub(super) fn void(&self) -> impl Iterator<Item = (usize, i64)> {
        self.void.iter().map(|(counter, after)| (*counter, *after))
    }

    /// Whether a stored row is void, or another takes its place.
    pub(super) fn hides(&self, boundary: i64, counter: usize) -> bool {
        self.void.get(&counter).is_some_and(|after| boundary > *after)
            || self.rows.contains_key(&(boundary, counter))
    }

    /// The rows that come after that, by boundary and counter.
    pub(super) fn rows(&self) -> impl Iterator<Item = (i64, usize, Position)> {
        self.rows.iter().map(|((boundary, counter), position)| (*boundary, *counter, *position))
    }
}

/// A counter as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredCounter {
    /// The number of its row.
    pub(super) id: i64,
    /// The digits behind the point of its positions.
    pub(super) scale: u8,
    /// What the row says.
    pub(super) state: CounterState,
}

/// The tally of one meter.
#[derive(Debug, Default)]
pub(super) struct Tallied {
    tally: Tally,
    stored: Vec<StoredCounter>,
    changes: Changes,
    /// Whether it was said that there is no room for more counters.
    is_full: bool,
}

impl Tallied {
    /// Its counters, in the order in which they came.
    pub(super) fn counters(&self) -> &[CounterState] {
        self.tally.counters()
    }

    /// As many of them as are stored, as they are stored.
    pub(super) fn stored(&self) -> &[StoredCounter] {
        &self.stored
    }

    /// What is not stored yet.
    pub(super) fn changes(&self) -> &Changes {
        &self.changes
    }
}

/// The tallies, by the names of their meters.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    meters: BTreeMap<Arc<str>, Tallied>,
    entries: Vec<Entry>,
}

impl Tallies {
    /// Tallies that go on from counters as they are stored, those of each meter in the order in which they came.
    pub(super) fn restore(counters: impl IntoIterator<Item = (Arc<str>, StoredCounter)>) -> Self {
        let mut meters: BTreeMap<Arc<str>, Tallied> = BTreeMap::new();
        for (meter, counter) in counters {
            meters.entry(meter).or_default().stored.push(counter);
        }
        for tallied in meters.values_mut() {
            tallied.tally = Tally::restore(tallied.stored.iter().map(|row| row.state.clone()).collect());
        }
        Self { meters, entries: Vec::new() }
    }

    /// Takes a reading of a meter.
    pub(super) fn take(&mut self, meter: &Arc<str>, reading: &Reading) {
        if !self.meters.contains_key(meter) {
            self.meters.insert(Arc::clone(meter), Tallied::default());
        }
        if let Some(tallied) = self.meters.get_mut(meter) {
            tallied.tally.take(reading, &mut self.entries);
            for entry in self.entries.drain(..) {
                tallied.changes.apply(entry);
            }
            if !tallied.is_full && tallied.tally.ignored() > 0 {
                tallied.is_full = true;
                tracing::warn!(
                    %meter,
                    counters = tallied.tally.counters().len(),
                    "there is no room for the totals of another meter or device; its identifier may be noise"
                );
            }
        }
    }

    /// Every meter's.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Tallied)> {
        self.meters.iter()
    }

    /// One meter's.
    pub(super) fn of(&self, meter: &str) -> Option<&Tallied> {
        self.meters.get(meter)
    }

    /// Everything is stored: the counters of the meters, in their order, as these rows.
    pub(super) fn committed(&mut self, written: Vec<(Arc<str>, Vec<StoredCounter>)>) {
        for (meter, stored) in written {
            if let Some(tallied) = self.meters.get_mut(&meter) {
                tallied.stored = stored;
                tallied.changes = Changes::default();
            }
        }
    }

    /// The database is a new one, which knows nothing of what was stored: a counter begins with the last position
    /// that the old one had of it. What is waiting comes after that.
    pub(super) fn renewed(&mut self) {
        for tallied in self.meters.values_mut() {
            let mut counters = tallied.tally.counters().to_vec();
            for (counter, stored) in counters.iter_mut().zip(&tallied.stored) {
                if counter.counts() {
                    counter.first = stored.state.last;
                    // A second before, lest a later generation be taken for one on trial.
                    counter.first.time -= i64::from(counter.first == counter.last);
                }
            }
            // A clock that was set back in between: what waits may begin before.
            for (boundary, counter, position) in tallied.changes.rows() {
                let first = &mut counters[counter].first;
                if boundary < first.time {
                    *first = position;
                }
            }
            tallied.tally = Tally::restore(counters);
            tallied.stored.clear();
        }
    }
}
