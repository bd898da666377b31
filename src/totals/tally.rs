//! From readings to positions at the boundaries of quarter-hours.

use super::counter::{CounterState, Position};
use crate::meter::Reading;

/// The length of a quarter-hour, in seconds. Boundaries are its multiples in UTC, since the offset of every zone
/// with P1 ports is a multiple of it.
pub const QUARTER: i64 = 900;

/// A position at a boundary. It is final: the next position of the counter came after the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The counter, by its place in [`Tally::counters`].
    pub counter: usize,
    /// The boundary: a multiple of [`QUARTER`], the first that is not before the position's time.
    pub boundary: i64,
    /// The last position known at it.
    pub position: Position,
}

/// What a reading changes in the record of positions, to be applied in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A position at a boundary is known. It takes the place of one that was known for the same boundary.
    Settled(Settled),
    /// The clock was set back: what was settled for boundaries after an instant is void.
    Void {
        /// The counter, by its place in [`Tally::counters`].
        counter: usize,
        /// Boundaries after this.
        after: i64,
    },
}

/// The counters of one meter.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counters: Vec<CounterState>,
}

impl Tally {
    /// A tally that goes on from what the record has.
    pub fn restore(counters: Vec<CounterState>) -> Self {
        Self { counters }
    }

    /// Every counter that was ever seen, in the order in which they came; places never change.
    pub fn counters(&self) -> &[CounterState] {
        &self.counters
    }

    /// Takes a reading and appends what became final by it.
    pub fn take(&mut self, _reading: &Reading, _out: &mut Vec<Entry>) {}
}
