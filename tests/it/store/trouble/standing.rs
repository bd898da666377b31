//! Files of the record deleted, moved, replaced, or away with their medium while the store is at work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::disk::Machine;
use dsmrd::store::{Range, Store, StoreSettings};
use dsmrd::telemetry::{StoreCounters, StoreFault};

use crate::store::{Opened, START, meter, numbers, reading, runtime};
use crate::support::until;

/// A store on files of the system, which the test gets at behind its back.
struct Rig {
    opened: Opened,
    path: PathBuf,
    next: i64,
    root: tempfile::TempDir,
}

const ENDS: [&str; 4] = ["", "-wal", "-shm", ".journal"];

fn file(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn each(database: &Path, mut what: impl FnMut(PathBuf)) {
    ENDS.iter().map(|end| file(database, end)).filter(|file| file.exists()).for_each(&mut what);
}

impl Rig {
    fn new() -> Self {
        let root = crate::support::scratch();
        std::fs::create_dir(root.path().join("card")).unwrap();
        std::fs::create_dir(root.path().join("memory")).unwrap();
        let path = root.path().join("card/dsmrd.sqlite");
        Self { opened: Self::open(root.path(), &path), path, next: 0, root }
    }

    fn open(root: &Path, path: &Path) -> Opened {
        let (counters, clock) = (Arc::<StoreCounters>::default(), Clock::manual(START * 1_000));
        let settings = StoreSettings { path: path.to_owned(), sync_interval: Duration::from_secs(10) };
        let disk = Arc::new(Machine::with_memory(root.join("memory")));
        let store = Store::open_on(disk, settings, Arc::clone(&counters), clock.clone()).unwrap();
        Opened { store, counters, clock }
    }

    async fn offer(&mut self, count: usize) {
        for _ in 0..count {
            self.opened.clock.advance(1_000);
            assert!(self.opened.store.put(&meter("home"), reading(self.next, self.next)).await);
            self.next += 1;
        }
    }

    /// Waits until `so` holds of the record's state, while the time goes on.
    async fn until(&self, what: &str, so: impl Fn(Option<StoreFault>) -> bool) {
        until(Duration::from_secs(20), what, || {
            self.opened.clock.advance(200);
            let counters = &self.opened.counters;
            let trouble = counters.health().trouble;
            so(trouble.map(|trouble| trouble.fault))
        })
        .await;
    }

    async fn until_stored(&self, what: &str) {
        let counters = Arc::clone(&self.opened.counters);
        self.until(what, |fault| fault.is_none() && counters.offered.get() == counters.stored.get()).await;
    }

    /// What the record holds in the end, with nothing lost on the way.
    async fn end(self) -> Vec<i64> {
        let counters = Arc::clone(&self.opened.counters);
        self.opened.store.close().await.unwrap();
        assert_eq!(counters.offered.get(), counters.stored.get());
        assert_eq!(counters.health().lost, 0);
        assert_eq!(super::super::power::check::integrity(&self.path), "ok");
        numbers(&self.path, Range::default())
    }
}

#[test]
fn readings_that_nobody_could_find_any_more_go_into_a_record_that_is_there() {
    for what in ["everything deleted", "the database deleted", "the journal deleted", "everything moved"] {
        runtime().block_on(async {
            let mut rig = Rig::new();
            rig.offer(30).await;
            rig.opened.store.flush().await.unwrap();
            rig.offer(25).await;
            rig.until_stored("before").await;
            let elsewhere = rig.root.path().join("elsewhere.sqlite");
            match what {
                "everything deleted" => each(&rig.path, |file| std::fs::remove_file(file).unwrap()),
                "the database deleted" => std::fs::remove_file(&rig.path).unwrap(),
                "the journal deleted" => std::fs::remove_file(file(&rig.path, ".journal")).unwrap(),
                _ => {
                    for end in ENDS {
                        if file(&rig.path, end).exists() {
                            std::fs::rename(file(&rig.path, end), file(&elsewhere, end)).unwrap();
                        }
                    }
                }
            }
            let path = rig.path.clone();
            until(Duration::from_secs(20), what, || {
                rig.opened.clock.advance(200);
                path.exists() && file(&path, ".journal").exists()
            })
            .await;
            rig.offer(20).await;
            rig.until_stored(what).await;
            // Killed at this moment, a process would leave as much.
            let kept = if ["the journal deleted", "the database deleted"].contains(&what) { 0 } else { 30 };
            if what == "the database deleted" {
                // Its log was not: what that has is saved beside the work.
                until(Duration::from_secs(20), "what the log had is back", || {
                    rig.opened.clock.advance(200);
                    numbers(&path, Range::default()).len() >= 75
                })
                .await;
            }
            assert_eq!(numbers(&path, Range::default()), (kept..75).collect::<Vec<_>>(), "{what}");
            rig.opened.store.flush().await.unwrap();
            if what == "everything moved" {
                // With the journal, though not with what of it was in memory.
                let moved = numbers(&elsewhere, Range::default());
                assert!(
                    moved.len() >= 30 && moved == (0..moved.len() as i64).collect::<Vec<_>>(),
                    "{moved:?}"
                );
            }
            assert_eq!(rig.end().await, (kept..75).collect::<Vec<_>>(), "{what}");
        });
    }
}

#[test]
fn a_medium_that_is_taken_away_and_comes_back_has_everything() {
    for later in [0, 40] {
        runtime().block_on(async {
            let mut rig = Rig::new();
            rig.offer(30).await;
            if later > 0 {
                rig.opened.store.flush().await.unwrap();
            }
            rig.offer(later).await;
            rig.until_stored("before").await;
            let (card, away) = (rig.root.path().join("card"), rig.root.path().join("away"));
            std::fs::rename(&card, &away).unwrap();
            let began = rig.opened.clock.wall();
            rig.offer(50).await;
            rig.until("it is told", |fault| fault == Some(StoreFault::Gone)).await;
            let trouble = rig.opened.counters.health().trouble.unwrap();
            assert!(trouble.since >= began && trouble.problem.contains("taken away"), "{trouble:?}");
            assert!(rig.opened.store.flush().await.is_err(), "nothing is safe");
            assert!(!card.exists(), "no record is made where the medium is missing");
            rig.offer(50).await;
            assert!(rig.opened.counters.health().waiting > 0);
            std::fs::rename(&away, &card).unwrap();
            rig.until_stored("it is back").await;
            rig.offer(10).await;
            let all: Vec<_> = (0..rig.next).collect();
            assert_eq!(rig.end().await, all);
        });
    }
}

#[test]
fn an_older_copy_in_the_place_of_the_record_goes_on_with_what_is_new() {
    runtime().block_on(async {
        let mut rig = Rig::new();
        rig.offer(30).await;
        rig.opened.store.flush().await.unwrap();
        let copy = rig.root.path().join("copy.sqlite");
        rusqlite::Connection::open(&rig.path)
            .unwrap()
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        rig.offer(30).await;
        rig.opened.store.flush().await.unwrap();
        rig.offer(30).await;
        rig.until_stored("before").await;
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(file(&rig.path, end));
        }
        std::fs::rename(&copy, &rig.path).unwrap();
        rig.offer(10).await;
        rig.until_stored("it goes on").await;
        rig.opened.store.flush().await.unwrap();
        // Those of one block went with the record that was replaced.
        let left: Vec<_> = (0..30).chain(60..100).collect();
        assert_eq!(rig.end().await, left);
    });
}

#[test]
fn a_process_that_dies_while_the_medium_is_away_leaves_what_memory_had() {
    runtime().block_on(async {
        let mut rig = Rig::new();
        rig.offer(30).await;
        rig.opened.store.flush().await.unwrap();
        rig.offer(30).await;
        rig.until_stored("before").await;
        let (card, away) = (rig.root.path().join("card"), rig.root.path().join("away"));
        std::fs::rename(&card, &away).unwrap();
        rig.until("it is told", |fault| fault == Some(StoreFault::Gone)).await;
        rig.offer(30).await;
        until(Duration::from_secs(20), "they are in memory", || {
            rig.opened.counters.stored.get() == rig.opened.counters.offered.get()
        })
        .await;
        // It ends without having been able to store anything, as a killed one would.
        assert!(rig.opened.store.close().await.is_err());
        std::fs::rename(&away, &card).unwrap();
        let again = Rig::open(rig.root.path(), &rig.path);
        again.store.close().await.unwrap();
        assert_eq!(numbers(&rig.path, Range::default()), (0..90).collect::<Vec<_>>());
    });
}
