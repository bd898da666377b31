//! Full, read-only, failing and slow disks: metering goes on, nothing is lost that fits in memory, and everything is well
//! again by itself.

/// The numbers of readings after a power cut.
mod numbers;

/// Real file systems, where this machine lets us mount them.
pub(super) mod mounted;

/// Files of the record deleted, moved, replaced, or away with their medium.
mod standing;

/// The appliance on a medium that is of no use at its start.
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::meter::{Field, Reading};
use dsmrd::store::{Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::disk::image::{Cut, Random, Replay};
use super::disk::{Card, Faults};
use super::{Opened, START, meter, number, numbers, reading, runtime};
use crate::support::until;

/// A store on a card; `memory` says whether what waits for a sync goes to a file in memory.
struct Rig {
    card: Card,
    opened: Opened,
    path: PathBuf,
    next: i64,
    _folders: [tempfile::TempDir; 2],
}

fn fault(name: &str) -> Faults {
    match name {
        "full" => Faults { room: Some(700), ..Faults::default() },
        "read-only" => Faults { write: Some(libc::EROFS), ..Faults::default() },
        "write error" => Faults { write: Some(libc::EIO), ..Faults::default() },
        "read error" => Faults { read: Some(libc::EIO), ..Faults::default() },
        "sync error" => Faults { sync: Some(libc::EIO), ..Faults::default() },
        _ => unreachable!("{name}"),
    }
}

impl Rig {
    fn new(memory: bool) -> Self {
        let folders = [crate::support::scratch(), crate::support::scratch()];
        let path = folders[0].path().join("dsmrd.sqlite");
        let card = Card::beside(folders[0].path(), memory.then(|| folders[1].path()));
        let (counters, clock) = (Arc::<StoreCounters>::default(), Clock::manual(START * 1_000));
        let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(10) };
        let disk = Arc::new(card.clone());
        let store = Store::open_on(disk, settings, Arc::clone(&counters), clock.clone()).unwrap();
        Self { card, opened: Opened { store, counters, clock }, path, next: 0, _folders: folders }
    }

    /// So many readings, each `step` seconds after the last.
    async fn offer(&mut self, count: usize, step: i64) {
        for _ in 0..count {
            self.opened.clock.advance(step as u64 * 1_000);
            let second = self.opened.clock.wall() / 1_000 - START;
            assert!(self.opened.store.put(&meter("home"), reading(second, self.next)).await);
            self.next += 1;
        }
    }

    /// A reading a second until `so` holds, at most so many; the thread is given its time, and the clock none, behind them.
    async fn within(&mut self, seconds: usize, what: &str, so: impl Fn(&StoreCounters) -> bool) {
        for _ in 0..seconds {
            self.offer(1, 1).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            if so(&self.opened.counters) {
                return;
            }
        }
        let counters = &self.opened.counters;
        for _ in 0..2_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if so(counters) {
                return;
            }
        }
        panic!(
            "not {what}: {:?}, {} of {}",
            counters.health(),
            counters.stored.get(),
            counters.offered.get()
        );
    }

    /// Waits until `so` holds, while the time goes on.
    async fn until(&mut self, what: &str, mut so: impl FnMut(&StoreCounters) -> bool) {
        let Opened { counters, clock, .. } = &self.opened;
        until(Duration::from_secs(60), what, || {
            clock.advance(20);
            so(counters)
        })
        .await;
    }

    fn dropped(&self) -> u64 {
        let counters = &self.opened.counters;
        counters.dropped_write_error.get() + counters.dropped_queue_full.get()
    }
}

#[test]
fn every_fault_is_told_passes_by_itself_and_costs_nothing() {
    for name in ["full", "read-only", "write error", "read error", "sync error"] {
        for memory in [false, true] {
            runtime().block_on(async {
                let mut rig = Rig::new(memory);
                rig.offer(50, 30).await;
                for cycle in 0..if name == "full" { 20 } else { 6 } {
                    rig.card.fail(fault(name));
                    let began = rig.opened.clock.wall();
                    // Some last for hours, in which blocks should have been stored.
                    rig.offer(60, if cycle % 4 == 0 { 150 } else { 2 }).await;
                    // What has no need of the card in these two minutes does not notice. All others do.
                    if !["full", "read error"].contains(&name) {
                        let what = format!("{name} {cycle} is noticed");
                        rig.within(120, &what, |counters| counters.health().trouble.is_some()).await;
                        let health = rig.opened.counters.health();
                        let trouble = health.trouble.unwrap();
                        assert!(trouble.since >= began, "{name}: {trouble:?} before {began}");
                        assert!(!trouble.problem.is_empty());
                    }
                    rig.card.heal();
                    rig.within(10, &format!("{name} {cycle} is over within ten seconds"), |counters| {
                        counters.health().trouble.is_none() && counters.offered.get() == counters.stored.get()
                    })
                    .await;
                }
                assert_eq!(rig.dropped(), 0, "{name}");
                let (path, given) = (rig.path.clone(), rig.next);
                rig.opened.store.close().await.unwrap();
                assert_eq!(numbers(&path, Range::default()), (0..given).collect::<Vec<_>>(), "{name}");
                assert_eq!(super::power::check::integrity(&path), "ok", "{name}");
            });
        }
    }
}

/// Cuts the power at each mark, which says how many readings are safe, and looks whether they are; the last of these.
async fn safe_at_marks(card: &Card, what: &str) -> usize {
    let log = card.take_log();
    let mut replay = Replay::new(&log);
    for place in 0..=log.len() {
        let before = replay.mark;
        replay.until(place);
        if replay.mark > before {
            let folder = crate::support::scratch();
            let path = folder.path().join("dsmrd.sqlite");
            replay.cut(Cut { sector: 512, kept: 0 }, &mut Random(1)).lay(folder.path());
            super::open(&path).store.close().await.unwrap();
            let left = numbers(&path, Range::default());
            assert_eq!(left, (0..replay.mark as i64).collect::<Vec<_>>(), "{what}");
        }
    }
    replay.mark
}

/// A commit whose sync fails is shown to whoever opens the database anew, and the medium does not have it. It neither
/// counts twice nor is it relied on.
#[test]
fn a_commit_that_the_kernel_shows_and_the_medium_does_not_have_counts_once() {
    for memory in [false, true] {
        runtime().block_on(async {
            let mut rig = Rig::new(memory);
            // Somebody who reads keeps the log from starting over, which would sync its head before anything is in it.
            let reader = rusqlite::Connection::open(&rig.path).unwrap();
            reader.execute_batch("BEGIN; SELECT count(*) FROM block").unwrap();
            rig.offer(20, 1).await;
            rig.opened.store.flush().await.unwrap();
            rig.card.fail(fault("sync error"));
            rig.offer(15, 1).await;
            rig.until("the sync fails", |counters| counters.health().trouble.is_some()).await;
            rig.offer(20, 1).await;
            assert!(rig.opened.store.flush().await.is_err());
            drop(reader);
            // Before it is tried again the medium has failed for too long.
            rig.opened.clock.advance(40_000);
            rig.until("it is let go of", |counters| counters.let_go.get() > 0).await;
            rig.offer(5, 1).await;
            rig.card.heal();
            rig.until("all is well", |counters| {
                let health = counters.health();
                health.trouble.is_none() && health.waiting == 0
            })
            .await;
            assert_eq!(rig.opened.counters.had_again.get(), rig.opened.counters.let_go.get());
            rig.card.mark(60);
            assert_eq!(numbers(&rig.path, Range::default()), (0..60).collect::<Vec<_>>(), "memory: {memory}");
            assert_eq!(safe_at_marks(&rig.card, &format!("memory: {memory}")).await, 60);
            assert_eq!(rig.opened.counters.offered.get(), rig.opened.counters.stored.get());
            assert_eq!(rig.dropped(), 0);
            rig.opened.store.close().await.unwrap();
        });
    }
}

#[test]
fn readings_are_safe_although_the_kernel_forgot_them_after_a_failed_sync() {
    for memory in [false, true] {
        runtime().block_on(async {
            let mut rig = Rig::new(memory);
            for round in 0..6 {
                rig.offer(30, 7).await;
                rig.card.fail(fault("sync error"));
                rig.offer(20, 7).await;
                rig.until("the sync fails", |counters| counters.health().trouble.is_some()).await;
                rig.card.heal();
                // Until a sync of the journal, or a block with everything, has succeeded.
                rig.until("all is well", |counters| {
                    let health = counters.health();
                    health.trouble.is_none() && health.waiting == 0
                })
                .await;
                rig.card.mark(usize::try_from(rig.next).unwrap());
                if round == 3 {
                    rig.opened.store.flush().await.unwrap();
                }
            }
            let safe = safe_at_marks(&rig.card, &format!("memory: {memory}")).await;
            assert!(safe > 250, "{safe}");
            rig.opened.store.close().await.unwrap();
        });
    }
}

/// As `reading`, with so much text that a megabyte is soon full.
fn wordy(n: i64) -> Arc<Reading> {
    let mut reading = Reading::clone(&reading(n, n));
    let mut random = Random(n as u64);
    let text: Vec<u8> = (0..400).map(|_| b'0' + (random.next() % 10) as u8).collect();
    reading.set_text(Field::MessageText, &text);
    Arc::new(reading)
}

#[test]
fn beyond_the_room_in_memory_readings_are_lost_and_counted_and_the_sums_balance() {
    runtime().block_on(async {
        let mut rig = Rig::new(false);
        rig.offer(10, 1).await;
        rig.card.fail(fault("write error"));
        let (mut given, mut clock) = (0, 0);
        while rig.opened.counters.dropped_write_error.get() < 100 {
            rig.opened.clock.advance(1_000);
            clock += 1;
            assert!(clock < 40_000, "nothing is ever dropped");
            assert!(rig.opened.store.put(&meter("home"), wordy(10 + clock)).await);
            given += 1;
        }
        rig.until("all were taken or dropped", |counters| counters.waiting.get() < given).await;
        let health = rig.opened.counters.health();
        assert!(health.lost >= 100 && health.waiting > 1_000, "{health:?}");
        rig.card.heal();
        rig.until("everything is stored", |counters| counters.health().trouble.is_none()).await;
        rig.opened.store.flush().await.unwrap();
        let counters = &rig.opened.counters;
        assert_eq!(counters.offered.get(), counters.stored.get() + rig.dropped());
        rig.opened.store.close().await.unwrap();
        let left = numbers(&rig.path, Range::default());
        assert_eq!(left.len() as u64, counters.stored.get());
        assert!(left.is_sorted(), "the order");
    });
}

#[test]
fn a_medium_that_takes_its_time_holds_up_nobody_who_offers() {
    runtime().block_on(async {
        let mut rig = Rig::new(true);
        rig.offer(5, 1).await;
        rig.card.fail(Faults { sync_hangs: true, ..Faults::default() });
        rig.opened.clock.advance(60_000);
        rig.offer(1, 1).await;
        // The thread is in its sync; the queue takes what it can hold, and what it cannot is counted.
        until(Duration::from_secs(20), "it waits", || rig.card.hangs()).await;
        let beats = rig.opened.store.heartbeat().load(std::sync::atomic::Ordering::Relaxed);
        let taken =
            (0..5_000).filter(|n| rig.opened.store.offer(&meter("home"), reading(200 + n, *n))).count();
        let after = rig.opened.store.heartbeat().load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(beats, after, "5,000 readings were offered while the thread waited for the medium");
        assert_eq!(taken, 4_096);
        assert_eq!(rig.opened.counters.dropped_queue_full.get(), 5_000 - 4_096);
        rig.card.heal();
        rig.opened.store.close().await.unwrap();
        let counters = &rig.opened.counters;
        assert_eq!(counters.offered.get(), counters.stored.get() + rig.dropped());
        assert_eq!(numbers(&rig.path, Range::default()).len() as u64, counters.stored.get());
    });
}

#[test]
fn a_start_on_a_medium_of_no_use_says_that_it_may_pass() {
    for name in ["full", "read-only", "write error", "read error", "sync error"] {
        let rig = Rig::new(false);
        runtime().block_on(async {
            rig.opened.feed(0..5).await;
            rig.opened.store.close().await.unwrap();
        });
        let open = || {
            let settings = StoreSettings { path: rig.path.clone(), sync_interval: Duration::ZERO };
            Store::open_on(Arc::new(rig.card.clone()), settings, Arc::default(), rig.opened.clock.clone())
        };
        rig.card.fail(fault(name));
        if let Err(error) = open() {
            assert!(error.may_pass(), "{name}: {error}");
        }
        rig.card.heal();
        let store = open().unwrap();
        assert_eq!(store.latest("home").map(|reading| number(&reading)), Some(4), "{name}");
        let Err(error) = open() else { panic!("two have it") };
        assert!(!error.may_pass(), "{error}");
        runtime().block_on(store.close()).unwrap();
    }
}
