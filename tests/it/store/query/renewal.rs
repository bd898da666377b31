//! Long answers beside a writer: they go on in newer snapshots of the record, and say what they would have said.

use std::sync::Arc;

use dsmrd::meter::Reading;
use dsmrd::store::{Archive, Range, ReadError, Resolution, Retention, Span, Stored};
use proptest::prelude::*;

use super::ask;
use super::life::Said;
use crate::store::{Opened, START, meter, open, runtime};

const NUMBERS: &str = "power_import.mean,power_import.min,power_import.max,power_import.last,energy_import_t1.last,tariff.last,gas.last";
const DELTAS: &str =
    "power_import.mean,energy_import_t1.delta,energy_import_total.delta,gas.delta,gas_1.delta";

/// Readings of some days, of a meter that is swapped and of another beside it.
fn days(steps: &[(i64, i64)]) -> Vec<Said> {
    let (mut time, mut t1, mut gas) = (START, 1_000, 50);
    let row = |(place, (step, rise)): (usize, &(i64, i64))| {
        (time, t1, gas) = (time + step, t1 + rise, gas + rise / 9);
        let old = place < steps.len() / 2;
        let hour = time.div_euclid(3_600) * 3_600;
        Said {
            meter: if place % 7 == 3 { "shed" } else { "home" },
            id: if place % 7 == 3 {
                "53"
            } else if old {
                "4F4C44"
            } else {
                "4E4557"
            },
            power: Some(rise * 97 % 3_001 - 500),
            t1: Some(if old || place % 7 == 3 { t1 } else { t1 - 900 }),
            tariff: (rise % 3 == 0).then_some(1 + (rise % 2) as u8),
            gas: if place % 7 == 3 { Vec::new() } else { vec![(1, "4741", hour, gas)] },
            ..Said::at(time)
        }
    };
    steps.iter().enumerate().map(row).collect()
}

async fn put(opened: &Opened, said: &[Said]) {
    let target = opened.counters.stored.get() + said.len() as u64;
    for said in said {
        assert!(opened.store.put(&meter(said.meter), said.reading()).await);
    }
    opened.journaled(target).await;
}

/// Whose, of when, and what.
fn read(stored: Result<Stored, ReadError>) -> (Arc<str>, Option<Arc<str>>, Reading) {
    let stored = stored.unwrap();
    (stored.meter, stored.equipment_id, stored.reading)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// The journal becomes blocks and grows again, be it in the hours that are still to be read.
    #[test]
    fn readings_are_told_once_while_the_journal_becomes_blocks(
        steps in proptest::collection::vec((100..4_000i64, 0..40i64), 60..200),
        before in any::<prop::sample::Index>(),
        at_a_time in 1..60usize,
    ) {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
        let path = folder.path().join("dsmrd.sqlite");
        let said = days(&steps);
        let (blocks, later) = (before.index(said.len()), said.len() * 3 / 4);
        runtime().block_on(async {
            let opened = open(&path);
            put(&opened, &said[..blocks.min(later)]).await;
            opened.store.flush().await.unwrap();
            put(&opened, &said[blocks.min(later)..later]).await;
            let expected: Vec<_> = Archive::open(&path).unwrap().readings(Range::default()).unwrap().map(read).collect();
            assert_eq!(expected.len(), later);
            let archive = Archive::open(&path).unwrap();
            let mut readings = archive.readings(Range::default()).unwrap();
            let mut told = Vec::new();
            let mut rest = said[later..].chunks(2);
            loop {
                let taken: Vec<_> = readings.by_ref().take(at_a_time).map(read).collect();
                if taken.is_empty() {
                    break;
                }
                told.extend(taken);
                put(&opened, rest.next().unwrap_or_default()).await;
                opened.store.flush().await.unwrap();
            }
            assert!(told == expected, "{} readings told of {}", told.len(), expected.len());
            drop(readings);
            opened.store.close().await.unwrap();
        });
    }

    /// Readings are given up for minutes meanwhile: what minutes and longer come to stays, and nothing counts twice.
    #[test]
    fn spans_stay_while_readings_are_given_up(
        steps in proptest::collection::vec((100..4_000i64, 0..40i64), 60..200),
        before in any::<prop::sample::Index>(),
        at_a_time in 1..30usize,
        resolution in prop_oneof![
            Just(Resolution::Minute), Just(Resolution::Quarter), Just(Resolution::Hour), Just(Resolution::Day)
        ],
        deltas: bool,
    ) {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
        let path = folder.path().join("dsmrd.sqlite");
        let said = days(&steps);
        let blocks = before.index(said.len());
        // Of minutes what rose is told from the readings, and these are given up.
        let columns = if deltas && resolution != Resolution::Minute { DELTAS } else { NUMBERS };
        runtime().block_on(async {
            let opened = open(&path);
            put(&opened, &said[..blocks]).await;
            opened.store.flush().await.unwrap();
            put(&opened, &said[blocks..]).await;
            let query = ask(resolution, columns, None, None);
            let whole: Vec<Span> =
                Archive::open(&path).unwrap().query(&query).unwrap().collect::<Result<_, _>>().unwrap();
            let archive = Archive::open(&path).unwrap();
            let mut answer = archive.query(&query).unwrap();
            assert!(opened.store.retain(Retention { raw_days: Some(10), minute_days: None }));
            opened.clock.advance(400 * 86_400_000);
            let mut told: Vec<Span> = Vec::new();
            for n in 0.. {
                let taken = answer.by_ref().take(at_a_time).collect::<Result<Vec<_>, _>>().unwrap();
                if taken.is_empty() {
                    break;
                }
                told.extend(taken);
                let now = Said { meter: "later", ..Said::at(START + 400 * 86_400 + n) };
                put(&opened, &[now]).await;
                opened.store.flush().await.unwrap();
            }
            assert_eq!(told, whole);
            drop(answer);
            opened.store.close().await.unwrap();
        });
    }
}

#[test]
fn the_log_does_not_grow_for_as_long_as_an_answer_takes() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
    let path = folder.path().join("dsmrd.sqlite");
    let hour = |hour: i64| -> Vec<Said> {
        let seconds = (0..180).map(|n| hour * 3_600 + n * 20);
        seconds
            .map(|second| Said {
                power: Some(second * 7_919 % 5_003),
                t1: Some(second),
                ..Said::at(START + second)
            })
            .collect()
    };
    runtime().block_on(async {
        let opened = open(&path);
        for n in 0..120 {
            put(&opened, &hour(n)).await;
            if n % 10 == 9 {
                opened.store.flush().await.unwrap();
            }
        }
        let archive = Archive::open(&path).unwrap();
        let mut answer = archive.query(&ask(Resolution::Hour, "energy_import_t1.delta", None, None)).unwrap();
        let mut told = Vec::new();
        let mut longest = 0;
        for n in 120.. {
            let taken: Vec<Span> = answer.by_ref().take(1).map(Result::unwrap).collect();
            if taken.is_empty() {
                break;
            }
            told.extend(taken);
            put(&opened, &hour(n)).await;
            opened.store.flush().await.unwrap();
            let log = format!("{}-wal", path.display());
            longest = longest.max(std::fs::metadata(log).map_or(0, |metadata| metadata.len()));
        }
        let starts: Vec<i64> = told.iter().map(|span| (span.start - START) / 3_600).collect();
        assert_eq!(starts, (0..120).collect::<Vec<i64>>());
        assert!(longest <= 1 << 20, "{longest} bytes of log");
        drop(answer);
        opened.store.close().await.unwrap();
    });
}

/// Two answers of one archive are of one moment: neither takes it from the other.
#[test]
fn a_second_answer_keeps_the_moment_of_the_first() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
    let path = folder.path().join("dsmrd.sqlite");
    let said = days(&(0..400).map(|n| (n * 37 % 1_800 + 60, n % 31)).collect::<Vec<_>>());
    runtime().block_on(async {
        let opened = open(&path);
        put(&opened, &said[..300]).await;
        let archive = Archive::open(&path).unwrap();
        let mut one = archive.readings(Range::default()).unwrap();
        let mut other = archive.readings(Range::default()).unwrap();
        let mut told = [0, 0];
        while let (Some(first), Some(second)) = (one.next(), other.next()) {
            assert_eq!(first.unwrap(), second.unwrap());
            told = told.map(|count| count + 1);
            if told[0] % 20 == 0 && told[0] < 120 {
                put(&opened, &said[300 + told[0] / 10..302 + told[0] / 10]).await;
                opened.store.flush().await.unwrap();
            }
        }
        assert_eq!(told, [300, 300]);
        drop((one, other));
        opened.store.close().await.unwrap();
    });
}
