//! A restore cut short after each of its steps: the next start has the new record, and nothing of the old one's journal.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::clock::Clock;
use crate::feed::MeterId;
use crate::meter::{Proof, Reading};
use crate::store::backup::restore::{Loss, prepare};
use crate::store::backup::{Interrupt, make};
use crate::store::{Archive, Range, Store, StoreSettings};
use crate::telemetry::StoreCounters;

/// 2026-11-21 00:00 UTC.
const START: i64 = 1_795_219_200;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn open(path: &Path) -> (Store, Arc<StoreCounters>) {
    let counters = Arc::new(StoreCounters::default());
    let settings = StoreSettings { path: path.to_owned(), sync_interval: std::time::Duration::from_secs(60) };
    let clock = Clock::manual(START * 1_000);
    (Store::open(settings, Arc::clone(&counters), clock).expect("it opens"), counters)
}

/// Keeps readings of these seconds; a store that is not closed leaves them in its journal.
fn keep(path: &Path, seconds: std::ops::Range<i64>, close: bool) {
    runtime().block_on(async {
        let (store, counters) = open(path);
        let home = MeterId { name: "home".into() };
        for second in seconds.clone() {
            let reading = Reading::new((START + second) * 1_000, Proof::Verified);
            assert!(store.put(&home, Arc::new(reading)).await);
        }
        while counters.stored.get() < seconds.end.abs_diff(seconds.start) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if close {
            store.close().await.expect("it closes");
        } else {
            // Nothing of it runs any more when the files are copied: the thread waits for the next reading.
            std::mem::forget(store);
        }
    });
}

fn times(path: &Path) -> Vec<i64> {
    let archive = Archive::open(path).expect("it opens");
    let readings = archive.readings(Range::default()).expect("sql");
    readings.map(|stored| stored.expect("it is whole").reading.utc_seconds() - START).collect()
}

/// A record whose database has the seconds up to 100, whose journal goes on to 160, and a backup that ends at 50; in a
/// folder of its own, since a store that still lives has the journal's lock.
fn record(folder: &Path) -> (PathBuf, PathBuf) {
    let live = folder.join("live");
    std::fs::create_dir(&live).expect("a folder");
    let (path, backup) = (live.join("dsmrd.sqlite"), folder.join("backup.sqlite.gz"));
    keep(&path, 0..50, true);
    make(&path, &backup, &Interrupt::default()).expect("a backup");
    keep(&path, 50..100, true);
    keep(&path, 100..160, false);
    let dead = folder.join("dead");
    std::fs::create_dir(&dead).expect("a folder");
    for entry in std::fs::read_dir(&live).expect("a folder") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), dead.join(entry.file_name())).expect("a copy");
    }
    (dead.join("dsmrd.sqlite"), backup)
}

#[test]
fn cut_short_after_any_step_it_ends_with_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, backup) = record(folder.path());
    assert_eq!(times(&path).len(), 160);
    for taken in 0..=5 {
        let copy = folder.path().join(format!("copy-{taken}"));
        std::fs::create_dir(&copy).expect("a folder");
        for entry in std::fs::read_dir(path.parent().expect("a folder")).expect("a folder") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("a copy");
        }
        let path = copy.join("dsmrd.sqlite");
        let candidate = prepare(&backup, &path, &Interrupt::default()).expect("it is good");
        assert_eq!(
            candidate.loss,
            Some(Loss {
                readings: 160,
                newer: 110,
                from: Some(START + 50),
                to: Some(START + 159),
                unreadable: None
            })
        );
        // As `commit` does it, up to the step after which the power goes.
        std::fs::rename(&candidate.waiting, decided(&path, "20261121T000000Z")).expect("it is decided");
        for step in steps(&path, "20261121T000000Z").iter().take(taken) {
            step.take().expect("a step");
        }
        drop(candidate);
        if taken > 0 && taken < 5 {
            // Somebody looks at the record in between: there is none, and nothing is made.
            assert!(Archive::open(&path).is_err());
        }
        let (store, _) = open(&path);
        runtime().block_on(store.close()).expect("it closes");
        assert_eq!(times(&path), Vec::from_iter(0..50), "after {taken} steps");
        // The old one is whole, its journal included.
        let old = aside(&path, "20261121T000000Z");
        assert_eq!(times(&old), Vec::from_iter(0..160), "after {taken} steps");
        // The numbers go on, so that nothing new passes for something that was stored.
        keep(&path, 200..210, true);
        assert_eq!(times(&path).len(), 60);
    }
}

#[test]
fn a_candidate_that_is_dropped_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, backup) = record(folder.path());
    let names = || {
        let entries = std::fs::read_dir(path.parent().expect("a folder")).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("a file").file_name()).collect();
        names.sort();
        names
    };
    let before = times(&path);
    let all = names();
    drop(prepare(&backup, &path, &Interrupt::default()).expect("it is good"));
    assert_eq!((times(&path), names()), (before, all));
    // Where there is no record nothing stays behind either.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    drop(prepare(&backup, &empty.join("dsmrd.sqlite"), &Interrupt::default()).expect("it is good"));
    assert_eq!(std::fs::read_dir(&empty).expect("a folder").count(), 0);
}
