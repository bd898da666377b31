//! What goes in comes back, in order of time, beside a writer too.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dsmrd::meter::{Field, Proof, Reading};
use dsmrd::store::{Archive, Range};

use super::{START, meter, number, numbers, open, reading, runtime};

#[test]
fn blocks_and_journal_are_one_series() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for hour in 0..3 {
            opened.feed(hour * 3_600..hour * 3_600 + 50).await;
            opened.clock.advance(3_600_000);
        }
        assert!(opened.counters.blocks.get() >= 1, "an hour that is over is in a block");
        assert_eq!(opened.counters.offered.get(), opened.counters.stored.get());
        let expected: Vec<i64> = (0..3).flat_map(|hour| hour * 3_600..hour * 3_600 + 50).collect();
        assert_eq!(numbers(&path, Range::default()), expected);
        let middle = Range { from: Some(START + 3_610), to: Some(START + 7_205), ..Range::default() };
        let expected: Vec<i64> = (3_610..3_650).chain(7_200..7_205).collect();
        assert_eq!(numbers(&path, middle), expected);
        opened.store.close().await.unwrap();
        assert_eq!(numbers(&path, Range { meter: Some("other".into()), ..Range::default() }), [] as [i64; 0]);
        assert_eq!(numbers(&path, Range::default()).len(), 150);
        assert_eq!(number(&open(&path).store.latest("home").unwrap()), 7_249);
    });
}

#[test]
fn the_order_is_that_of_time_whatever_the_clock_does() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        // Backwards, twice the same second, from hour to hour.
        let seconds = [5, 4, 4, 9_000, 3, 4_000, 9_001, 4_000, 0];
        for (place, second) in seconds.into_iter().enumerate() {
            opened.store.put(&meter("home"), reading(second, place as i64)).await;
            if place % 2 == 0 {
                opened.store.flush().await.unwrap();
            }
        }
        let expected = [8, 4, 1, 2, 0, 5, 7, 3, 6];
        opened.journaled(9).await;
        assert_eq!(numbers(&path, Range::default()), expected);
        opened.store.close().await.unwrap();
        assert_eq!(numbers(&path, Range::default()), expected);
    });
}

#[test]
fn a_part_of_an_hour_joins_the_rest_of_it() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let mut size = 0;
        for restart in 0..20 {
            let opened = open(&path);
            opened.feed(restart * 60..restart * 60 + 60).await;
            opened.store.close().await.unwrap();
            size = path.metadata().unwrap().len();
        }
        assert_eq!(numbers(&path, Range::default()), (0..1_200).collect::<Vec<_>>());
        // One block of 1200 readings, not twenty with their own columns: the tables themselves take seventeen pages.
        assert!(size <= 20 * 4_096, "{size} bytes");
    });
}

#[test]
fn meters_and_their_successors_are_kept_apart() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for second in 0..10 {
            let mut new = Reading::new((START + 100 + second) * 1_000, Proof::Absent);
            new.set_text(Field::MeterId, b"NEW");
            opened.store.put(&meter("home"), reading(second, second)).await;
            opened.store.put(&meter("barn"), reading(second, 100 + second)).await;
            opened.store.put(&meter("home"), Arc::new(new)).await;
        }
        opened.store.close().await.unwrap();
        let archive = Archive::open(&path).unwrap();
        let barn = Range { meter: Some("barn".into()), ..Range::default() };
        assert_eq!(archive.readings(barn).unwrap().count(), 10);
        let home: Vec<_> = archive
            .readings(Range { meter: Some("home".into()), ..Range::default() })
            .unwrap()
            .map(|stored| stored.unwrap().reading.equipment_id().unwrap())
            .collect();
        assert_eq!(home, [vec!["K8EG004"; 10], vec!["NEW"; 10]].concat());
    });
}

#[test]
fn a_reader_beside_the_writer_sees_no_gap_and_nothing_twice() {
    const COUNT: i64 = 6_000;
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let opened = open(&path);
    let (looks, all) = (AtomicI64::new(0), AtomicI64::new(i64::MAX));
    let counters = Arc::clone(&opened.counters);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let opened = opened;
            runtime().block_on(async {
                let mut n = 0;
                // It goes on until there was time to look.
                while n < COUNT || looks.load(Ordering::Relaxed) <= 3 {
                    // Blocks are stored and the journal is cut every 37 readings.
                    opened.clock.advance(97_000);
                    opened.store.put(&meter("home"), reading(n * 97, n)).await;
                    if n % 20 == 0 {
                        opened.journaled(n as u64).await;
                    }
                    n += 1;
                }
                opened.store.close().await.unwrap();
                all.store(n, Ordering::Relaxed);
            });
        });
        let _end = crate::support::AtEnd(|| looks.store(i64::MAX, Ordering::Relaxed));
        while all.load(Ordering::Relaxed) == i64::MAX {
            let before = counters.stored.get() as i64;
            let seen = numbers(&path, Range::default());
            assert!(seen.len() as i64 >= before, "{} of {before} journaled readings", seen.len());
            assert!(
                seen.iter().enumerate().all(|(place, n)| place as i64 == *n),
                "a gap, or a reading twice"
            );
            looks.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(numbers(&path, Range::default()).len() as i64, all.into_inner());
}

#[test]
fn the_journal_is_synced_when_the_interval_is_over() {
    let folder = crate::support::scratch();
    let limit = std::time::Duration::from_secs(10);
    runtime().block_on(async {
        let opened = open(&folder.path().join("minute.sqlite"));
        opened.feed(0..30).await;
        assert_eq!(opened.counters.syncs.get(), 0);
        opened.clock.advance(59_000);
        opened.feed(30..31).await;
        assert_eq!(opened.counters.syncs.get(), 0, "a second is left");
        opened.clock.advance(2_000);
        crate::support::until(limit, "a sync", || opened.counters.syncs.get() == 1).await;
        assert!(opened.counters.disk_bytes.get() > 4_096);
        opened.store.close().await.unwrap();

        let opened = super::open_with(&folder.path().join("each.sqlite"), std::time::Duration::ZERO).unwrap();
        for second in 0..5 {
            opened.feed(second..second + 1).await;
        }
        assert_eq!(opened.counters.syncs.get(), 5, "every reading is synced");
        opened.store.close().await.unwrap();
    });
}

#[test]
fn a_replay_of_months_keeps_pace_with_days_of_blocks() {
    const STEP: i64 = 300;
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        // Sixty days, a reading every five minutes, in no time at all by our own clock.
        for n in 0..60 * 86_400 / STEP {
            assert!(opened.store.put(&meter("home"), reading(n * STEP, n)).await);
        }
        opened.store.flush().await.unwrap();
        assert_eq!(opened.counters.blocks.get(), 60 * 24);
        assert_eq!(opened.counters.stored.get(), opened.counters.offered.get());
        let beats = opened.store.heartbeat();
        let before = beats.load(std::sync::atomic::Ordering::Relaxed);
        let beating = || beats.load(std::sync::atomic::Ordering::Relaxed) > before;
        crate::support::until(std::time::Duration::from_secs(10), "a heartbeat", beating).await;
        opened.store.close().await.unwrap();
    });
    assert_eq!(numbers(&path, Range::default()), (0..60 * 86_400 / STEP).collect::<Vec<_>>());
}

#[test]
fn a_failed_crc_is_never_kept() {
    let folder = crate::support::scratch();
    runtime().block_on(async {
        let path = folder.path().join("dsmrd.sqlite");
        let opened = open(&path);
        let failed = Arc::new(Reading::new(START * 1_000, Proof::Failed));
        assert!(!opened.store.offer(&meter("home"), Arc::clone(&failed)));
        assert!(!opened.store.put(&meter("home"), failed).await);
        assert!(opened.store.offer(&meter("home"), reading(1, 1)));
        opened.store.close().await.unwrap();
        assert_eq!(numbers(&path, Range::default()), [1]);
    });
}
