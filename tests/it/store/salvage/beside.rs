//! A salvage that is not done when the start is: it goes on whenever nothing waits, beside readings that come in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{Archive, Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::record::{Original, reading, scratch};
use crate::store::{START, meter, runtime};

#[test]
fn what_a_start_has_no_time_for_is_salvaged_beside_the_work() {
    let original = Original::clean();
    // A start that had time for all of it, as nothing ran beside it, shows nothing: another one, then.
    let tried = (0..50).any(|_| salvaged_beside(&original));
    assert!(tried, "the starts did all of it");
}

/// Whether the start left something to be done.
fn salvaged_beside(original: &Original) -> bool {
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let aside = folder.path().join("dsmrd.sqlite.corrupt-20261120T120000Z");
    let note = folder.path().join("dsmrd.sqlite.corrupt-20261120T120000Z.salvage");
    std::fs::write(&aside, original.database()).unwrap();
    std::fs::write(&note, "").unwrap();
    let clock = Clock::manual(START * 1_000);
    // Time flies while it starts.
    let is_open = Arc::new(AtomicBool::new(false));
    let flies = std::thread::spawn({
        let (is_open, clock) = (Arc::clone(&is_open), clock.clone());
        move || {
            while !is_open.load(Ordering::Relaxed) {
                clock.advance(2_000);
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    });
    crate::support::wait_until(Duration::from_secs(20), "time flies", || clock.wall() > START * 1_000);
    let counters = Arc::<StoreCounters>::default();
    let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(60) };
    let store = Store::open(settings, Arc::clone(&counters), clock.clone()).unwrap();
    is_open.store(true, Ordering::Relaxed);
    flies.join().unwrap();
    if !note.exists() {
        runtime().block_on(store.close()).unwrap();
        return false;
    }
    let mut next = 1_000;
    runtime().block_on(async {
        while note.exists() {
            assert!(next < 20_000, "it does not go on");
            clock.advance(1_000);
            assert!(store.put(&meter("home"), reading(next)).await);
            next += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.close().await.unwrap();
    });
    let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
    let archive = Archive::open(&path).unwrap();
    for stored in archive.readings(Range::default()).unwrap() {
        let stored = stored.unwrap();
        let time = stored.reading.utc_seconds();
        let n = (time - START) / 600;
        assert_eq!(stored.reading, *reading(n), "a reading changed");
        *seen.entry(n).or_default() += 1;
    }
    let expected: BTreeMap<i64, u32> =
        (0..original.readings.len() as i64).chain(1_000..next).map(|n| (n, 1)).collect();
    assert_eq!(seen, expected);
    assert!(archive.totals_whole().unwrap());
    true
}
