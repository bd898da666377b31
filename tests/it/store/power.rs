//! Power cuts at every moment of hours and days, by virtual time.
//!
//! A run keeps readings on a [`Card`]; of its log come cards as a power cut would have left them, each of which must open
//! as if nothing had happened: nothing set aside, what is in it exactly what was given up to some reading, and that not
//! longer ago than the sync interval.

/// What must be left, and whether it is.
pub(super) mod check;

/// Cuts while a record is converted.
mod migrate;

/// Cuts while a start tidies up after a cut.
mod recovery;

/// How much is written.
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::meter::Reading;
use dsmrd::store::{Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::disk::Card;
use super::disk::image::{Cut, Random, Replay};
use super::totals::household;
use super::{START, meter, reading, runtime};
use check::{Expected, check};

/// How many power cuts a test tries; `DSMRD_CUTS` multiplies it.
pub(super) fn cuts(usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for from outside")]
    let times = std::env::var("DSMRD_CUTS");
    usual * times.ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// A folder in memory where there is one: what is laid out here is read once.
pub(super) fn scratch() -> (tempfile::TempDir, PathBuf) {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("dsmrd-test-");
    let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.unwrap();
    let path = folder.path().join("dsmrd.sqlite");
    (folder, path)
}

/// Where readings go between two syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    /// Into a file in memory, of which a power cut leaves nothing.
    Tail,
    /// Onto the card, which may keep any part of them.
    None,
}

/// A store on a card, fed second by second of a clock that nobody waits for.
struct Run {
    card: Card,
    path: PathBuf,
    interval: Duration,
    /// Seconds between readings.
    step: i64,
    clock: Clock,
    counters: Arc<StoreCounters>,
    store: Option<Store>,
    expected: Expected,
    _folders: [tempfile::TempDir; 2],
}

impl Run {
    fn start(interval: Duration, step: i64, memory: Memory) -> Self {
        let ((folder, path), (beside, _)) = (scratch(), scratch());
        let memory = (memory == Memory::Tail).then(|| beside.path());
        let mut run = Self {
            card: Card::beside(folder.path(), memory),
            path,
            interval,
            step,
            clock: Clock::manual(START * 1_000),
            counters: Arc::default(),
            store: None,
            expected: Expected::default(),
            _folders: [folder, beside],
        };
        run.open();
        run
    }

    fn open(&mut self) {
        let settings = StoreSettings { path: self.path.clone(), sync_interval: self.interval };
        let disk = Arc::new(self.card.clone());
        let counters = Arc::clone(&self.counters);
        self.store = Some(Store::open_on(disk, settings, counters, self.clock.clone()).unwrap());
    }

    /// From here on this many are given, and so many of them must survive.
    fn mark(&mut self, safe: usize) {
        let mark = self.expected.mark(safe);
        self.card.mark(mark);
    }

    /// The time passes by a step; a reading of `home` comes in, and now and then one of `shed`.
    async fn give(&mut self) {
        let before = self.clock.wall() / 1_000;
        self.clock.advance(self.step as u64 * 1_000);
        let second = self.clock.wall() / 1_000 - START;
        let mut readings: Vec<(&'static str, Arc<Reading>)> = vec![("home", household(second))];
        if second / self.step % 3 == 0 {
            readings.push(("shed", reading(second, second)));
        }
        for (name, reading) in readings {
            self.expected.give(name, Arc::clone(&reading), second + START);
            let safe = self.expected.safe();
            self.mark(safe);
            assert!(self.store.as_ref().unwrap().put(&meter(name), reading).await);
        }
        let counters = &self.counters;
        while counters.stored.get() < counters.offered.get() {
            std::thread::yield_now();
        }
        // The thread has looked at the clock at least once since the reading before: what was waiting then for longer
        // than the interval is on the device. With an interval of zero nothing waits.
        let interval = self.interval.as_secs() as i64;
        let safe = match interval {
            0 => self.expected.given(),
            _ => self.expected.until(before - interval),
        };
        self.mark(safe);
    }

    async fn restart(&mut self) {
        self.store.take().unwrap().close().await.unwrap();
        let given = self.expected.given();
        self.mark(given);
        self.open();
    }

    fn given(mut self, rounds: usize, restarts: &[usize]) -> Self {
        runtime().block_on(async {
            for round in 0..rounds {
                if restarts.contains(&round) {
                    self.restart().await;
                }
                self.give().await;
            }
            self.store.take().unwrap().close().await.unwrap();
        });
        let given = self.expected.given();
        self.mark(given);
        self
    }
}

/// Cuts the power `count` times along a run, anywhere from its beginning to its end.
fn try_cuts(run: &Run, count: usize, seed: u64) {
    let events = run.card.take_log();
    let mut random = Random(seed);
    let mut places: Vec<usize> = (0..count).map(|_| random.below(events.len() + 1)).collect();
    places.sort_unstable();
    let mut replay = Replay::new(&events);
    for place in places {
        replay.until(place);
        let cut = Cut::any(&mut random);
        let (folder, path) = scratch();
        replay.cut(cut, &mut random).lay(folder.path());
        check(&path, &run.expected, replay.mark, &format!("event {place}, {cut:?}, seed {seed}"));
    }
}

#[test]
fn a_power_cut_takes_no_more_than_the_sync_interval() {
    for (seed, interval, memory) in [(1, 60, Memory::Tail), (2, 600, Memory::None), (3, 300, Memory::Tail)] {
        let run = Run::start(Duration::from_secs(interval), 90, memory).given(300, &[]);
        try_cuts(&run, cuts(100), seed);
    }
}

#[test]
fn with_no_interval_a_power_cut_takes_nothing() {
    let run = Run::start(Duration::ZERO, 97, Memory::Tail).given(200, &[]);
    try_cuts(&run, cuts(150), 3);
}

#[test]
fn power_cuts_around_restarts_and_the_merges_after_them() {
    // Three in one hour, one at its end, two in a row.
    let run =
        Run::start(Duration::from_secs(300), 120, Memory::Tail).given(150, &[3, 10, 17, 30, 77, 78, 120]);
    try_cuts(&run, cuts(150), 4);
}

#[test]
fn power_cuts_over_days_in_which_the_log_goes_back_into_the_database() {
    let run = Run::start(Duration::from_secs(60), 1_200, Memory::None).given(3 * 24 * 5, &[]);
    try_cuts(&run, cuts(100), 5);
}

#[test]
fn power_cuts_at_every_step_of_a_new_record() {
    let run = Run::start(Duration::from_secs(60), 30, Memory::Tail).given(10, &[]);
    let events = run.card.take_log();
    let mut random = Random(6);
    let mut replay = Replay::new(&events);
    for place in 0..=events.len() {
        replay.until(place);
        // Nothing of what was not synced, all of it, and any of it.
        for cut in [Cut { sector: 512, kept: 0 }, Cut { sector: 4_096, kept: 100 }, Cut::any(&mut random)] {
            let (folder, path) = scratch();
            replay.cut(cut, &mut random).lay(folder.path());
            check(&path, &run.expected, replay.mark, &format!("event {place}, {cut:?}"));
            let left = path.with_extension("sqlite.new");
            assert!(!left.exists(), "event {place}, {cut:?}: {} is left", left.display());
        }
    }
}
