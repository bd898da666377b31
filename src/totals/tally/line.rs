//! A register through its generations: where a position joins, and where it starts a new one.
//!
//! A position that does not go on from the last, because it is lower or too far on, is put on trial: it is the first
//! of the next generation, of which nothing counts yet. It counts once another goes on from it a minute later and
//! nothing went on from the register before meanwhile. So a single wrong value changes nothing, and a register that
//! starts anew loses nothing. A position that goes on from an earlier generation of the last day belongs to that: a
//! meter that started with zeros, or two of them in turn behind one name.

use std::sync::Arc;

use super::{Entry, MAX_COUNTERS, QUARTER, Settled};
use crate::meter::Unit;
use crate::totals::counter::{CounterKey, CounterState, Position, Register};

/// How long a new generation is on trial, in seconds.
const TRIAL_S: i64 = 60;
/// How long an earlier generation can be taken up again, in seconds.
const RETURN_S: i64 = 86_400;
/// The most generations of a register: one that starts anew all the time must not take the room of others.
const MAX_GENERATIONS: usize = 32;

/// Every counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    counters: Vec<CounterState>,
    ignored: u64,
}

/// A register of a piece of equipment.
#[derive(Clone, Debug)]
pub(super) struct Line {
    equipment: Arc<str>,
    register: Register,
    /// The places of its generations in the book, the newest last.
    places: Vec<usize>,
}

impl Book {
    pub(super) fn new(counters: Vec<CounterState>) -> Self {
        Self { counters, ignored: 0 }
    }

    pub(super) fn counters(&self) -> &[CounterState] {
        &self.counters
    }

    pub(super) fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Counts a position for which there is no room.
    pub(super) fn ignore(&mut self) {
        self.ignored += 1;
    }

    fn add(&mut self, counter: CounterState) -> Option<usize> {
        if self.counters.len() >= MAX_COUNTERS {
            self.ignore();
            return None;
        }
        self.counters.push(counter);
        Some(self.counters.len() - 1)
    }

    /// Goes on to a position, and settles the boundary that it leaves behind.
    fn advance(&mut self, place: usize, to: Position, out: &mut Vec<Entry>) {
        let last = &mut self.counters[place].last;
        let boundary = boundary_after(last.time);
        if boundary < to.time {
            out.push(Entry::Settled(Settled { counter: place, boundary, position: *last }));
        }
        *last = to;
    }
}

/// The first boundary that is not before an instant.
fn boundary_after(time: i64) -> i64 {
    time + (-time).rem_euclid(QUARTER)
}

impl Line {
    pub(super) fn new(equipment: Arc<str>, register: Register) -> Self {
        Self { equipment, register, places: Vec::new() }
    }

    pub(super) fn register(&self) -> Register {
        self.register
    }

    pub(super) fn is_energy(&self) -> bool {
        matches!(self.register, Register::Energy(_))
    }

    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.places.iter().copied()
    }

    /// Takes in a generation, in the order of the book.
    pub(super) fn adopt(&mut self, place: usize) {
        self.places.push(place);
    }

    /// The generation that goes on: that with the latest position.
    pub(super) fn current(&self, counters: &[CounterState]) -> Option<usize> {
        self.places().filter(|place| counters[*place].counts()).max_by_key(|place| counters[*place].last.time)
    }

    /// The generation on trial.
    fn on_trial(&self, counters: &[CounterState]) -> Option<usize> {
        self.places.last().copied().filter(|place| !counters[*place].counts())
    }

    /// Takes a position.
    pub(super) fn offer(&mut self, at: Position, unit: Unit, book: &mut Book, out: &mut Vec<Entry>) {
        let Some(current) = self.current(&book.counters) else {
            self.begin(at, unit, book);
            return;
        };
        // Of several generations that it goes on from, that to which it adds the least.
        let counters = &book.counters;
        let recent = |place: &usize| *place == current || at.time - counters[*place].last.time <= RETURN_S;
        let goes_on = self.places().filter(|place| counters[*place].counts()).filter(recent);
        let goes_on = goes_on.filter_map(|place| Some((place, counters[place].next(at, unit)?)));
        let nearest = goes_on.max_by(|(one, _), (other, _)| {
            let by_value = counters[*one].last.value.cmp_value(counters[*other].last.value);
            by_value.then((*one == current).cmp(&(*other == current)))
        });
        match nearest {
            Some((place, value)) => book.advance(place, Position { value, ..at }, out),
            None => self.try_anew(at, unit, current, book, out),
        }
    }

    /// Puts a position on trial, or ends the trial with it.
    fn try_anew(&mut self, at: Position, unit: Unit, current: usize, book: &mut Book, out: &mut Vec<Entry>) {
        let Some(place) = self.on_trial(&book.counters) else {
            self.begin(at, unit, book);
            return;
        };
        let trial = &book.counters[place];
        // What went on from the register after the trial began has ended it.
        let open = trial.first.time > book.counters[current].last.time;
        match trial.next(at, unit).filter(|_| open) {
            Some(value) if at.time >= trial.first.time + TRIAL_S => {
                book.advance(place, Position { value, ..at }, out);
            }
            Some(_) => {}
            None => {
                let trial = &mut book.counters[place];
                *trial = CounterState::new(trial.key.clone(), unit, at);
            }
        }
    }

    /// Begins the next generation.
    fn begin(&mut self, at: Position, unit: Unit, book: &mut Book) {
        if self.places.len() >= MAX_GENERATIONS {
            book.ignore();
            return;
        }
        let generation = self.places.last().map_or(0, |last| book.counters[*last].key.generation + 1);
        let key = CounterKey { equipment: Arc::clone(&self.equipment), register: self.register, generation };
        self.places.extend(book.add(CounterState::new(key, unit, at)));
    }

    /// Ends a trial: the register showed again what it showed before.
    pub(super) fn acquit(&self, book: &mut Book) {
        let Some((current, trial)) = self.current(&book.counters).zip(self.on_trial(&book.counters)) else {
            return;
        };
        let time = book.counters[current].last.time;
        let trial = &mut book.counters[trial];
        trial.first.time = trial.first.time.min(time);
        trial.last = trial.first;
    }

    /// Takes up again at an instant before the last.
    pub(super) fn step_back(&self, time: i64, book: &mut Book, out: &mut Vec<Entry>) {
        for place in self.places() {
            let counter = &mut book.counters[place];
            if counter.last.time <= time {
                continue;
            }
            if !counter.counts() {
                counter.first.time = time;
                counter.last = counter.first;
                continue;
            }
            out.push(Entry::Void { counter: place, after: time });
            counter.last.time = time;
            // Still before the last, lest it be taken for one on trial.
            counter.first.time = counter.first.time.min(time - i64::from(counter.key.generation > 0));
        }
    }
}
