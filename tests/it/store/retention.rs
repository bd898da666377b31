//! Readings given up for minutes, minutes for quarter-hours; space that returns.

/// Kills and power cuts at every step.
mod steps;

use std::path::Path;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{
    Archive, Range, Resolution, Retention, Span, StoreSettings, check, rebuild, salvage, stats,
};
use proptest::prelude::*;

use super::query::life::{Life, Said, lives};
use super::query::{answer, ask};
use super::{Opened, START, meter, open, runtime};

const HOUR: i64 = 3_600_000;
const NUMBERS: &str = "power_import.mean,power_import.min,power_import.max,power_import.last,energy_import_t1.last,\
    tariff.last,gas.last";
const DELTAS: &str = "energy_import_t1.delta,energy_import_total.delta,gas.delta";

/// A store that has been told a life and has all of it in blocks.
async fn live(path: &Path, life: &Life) -> Opened {
    let opened = open(path);
    for said in &life.said {
        assert!(opened.store.put(&meter(said.meter), said.reading()).await);
    }
    opened.store.flush().await.unwrap();
    opened
}

/// Lets time pass until everything is as old as it gets, with a reading of another meter now and then.
async fn grow_old(opened: &Opened, retention: Retention, commits: i64) {
    assert!(opened.store.retain(retention));
    opened.clock.advance(u64::try_from(400 * 24 * HOUR).unwrap());
    for n in 0..commits {
        let said = Said { meter: "later", ..Said::at(START + 400 * 86_400 + n) };
        opened.store.put(&meter("later"), said.reading()).await;
        opened.store.flush().await.unwrap();
    }
}

fn levels(path: &Path) -> Vec<(i64, i64)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement =
        connection.prepare("SELECT level, count(*) FROM block GROUP BY level ORDER BY level").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn spans(path: &Path, resolution: Resolution, columns: &str) -> Vec<Span> {
    let mut query = ask(resolution, columns, None, None);
    query.range.to = Some(START + 100 * 86_400);
    answer(path, &query)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn coarser_answers_stay_the_same(life in lives(true), quarters: bool) {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
        let path = folder.path().join("dsmrd.sqlite");
        runtime().block_on(async {
            let opened = live(&path, &life).await;
            let finest = if quarters { 2 } else { 1 };
            let all = || -> Vec<Vec<Span>> {
                let resolutions = Resolution::ALL.into_iter().skip(finest);
                resolutions.map(|resolution| spans(&path, resolution, NUMBERS)).collect()
            };
            let deltas = || -> Vec<Vec<Span>> {
                let resolutions = Resolution::ALL.into_iter().skip(2);
                resolutions.map(|resolution| spans(&path, resolution, DELTAS)).collect()
            };
            let (before, risen) = (all(), deltas());
            let minute_days = quarters.then_some(20);
            grow_old(&opened, Retention { raw_days: Some(10), minute_days }, 12).await;
            let levels = levels(&path);
            assert!(levels.iter().any(|(level, _)| *level == i64::from(quarters) + 1), "{levels:?}");
            assert!(levels.iter().all(|(level, blocks)| *level != 0 || *blocks == 1), "{levels:?}");
            assert_eq!(all(), before);
            assert_eq!(deltas(), risen);
            opened.store.close().await.unwrap();
            let checked = check::run(&path, false, |_, _| ()).unwrap();
            assert!(checked.is_sound(), "{:?}", checked.problems);
            // Without the summaries, as after a salvage, the minutes and quarter-hours tell the same.
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch("DELETE FROM summary").unwrap();
            drop(connection);
            assert_eq!(all(), before);
            let into = folder.path().join("salvaged.sqlite");
            let settings = StoreSettings { path: into.clone(), sync_interval: Duration::from_secs(10) };
            salvage::run(&path, settings, Clock::manual(START * 1_000), |_, _| ()).unwrap();
            let checked = check::run(&into, false, |_, _| ()).unwrap();
            assert!(checked.is_sound(), "{:?}", checked.problems);
            let resolutions = Resolution::ALL.into_iter().skip(finest);
            let salvaged: Vec<Vec<Span>> =
                resolutions.map(|resolution| spans(&into, resolution, NUMBERS)).collect();
            assert_eq!(salvaged, before);
        });
    }
}

/// A meter is replaced within a quarter-hour, and the last thing that the new one says of its tariff is older than what the
/// old one said: a minute's or a quarter-hour's row is not all of one time.
#[test]
fn what_the_last_reading_did_not_say_keeps_its_own_time() {
    let of = |second: i64, id: &'static str, power: Option<i64>, tariff: Option<u8>| Said {
        id,
        power,
        tariff,
        t1: Some(1_000 + second),
        ..Said::at(START + second)
    };
    let life = Life::of([
        of(605, "4F4C44", Some(300), Some(1)),
        of(606, "4F4C44", None, None),
        of(600, "4E4557", Some(500), Some(2)),
        of(608, "4E4557", None, None),
        of(700, "4E4557", None, None),
    ]);
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = live(&path, &life).await;
        let all = || {
            [Resolution::Quarter, Resolution::Hour]
                .map(|of| spans(&path, of, "tariff.last,power_import.last"))
        };
        let before = all();
        for (minute_days, level) in [(None, 1), (Some(20), 2)] {
            grow_old(&opened, Retention { raw_days: Some(10), minute_days }, 12).await;
            assert!(levels(&path).iter().any(|(of, _)| *of == level));
            assert_eq!(all(), before, "level {level}");
        }
        opened.store.close().await.unwrap();
    });
    let shown = format!("{:?}", spans(&path, Resolution::Quarter, "tariff.last,power_import.last")[0].cells);
    assert!(shown.contains("0001") && shown.contains("0.300"), "{shown}");
}

/// A week of a reading each second for an hour a day, whose power is noise.
fn week() -> Life {
    let said = (0..8 * 3_600).map(|n| {
        let time = START + n / 3_600 * 86_400 + n % 3_600;
        let power = (n * n % 8_191 * 31 + n * 7_919) % 5_003;
        Said { power: Some(power), t1: Some(n * 3), t2: Some(n / 360), tariff: Some(1), ..Said::at(time) }
    });
    Life::of(said)
}

#[test]
fn space_returns_and_totals_stay() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let kept = |path: &Path| {
        let archive = Archive::open(path).unwrap();
        let mut rows = Vec::new();
        archive.settled("home", i64::MIN, |settled| rows.push(settled)).unwrap();
        (archive.counters("home").unwrap(), rows)
    };
    let (before, totals) = runtime().block_on(async {
        let opened = live(&path, &week()).await;
        opened.store.close().await.unwrap();
        let sizes = (path.metadata().unwrap().len(), kept(&path));
        let opened = open(&path);
        grow_old(&opened, Retention { raw_days: Some(10), minute_days: None }, 3).await;
        opened.store.close().await.unwrap();
        sizes
    });
    let after = path.metadata().unwrap().len();
    assert!(after + 20_000 < before, "{after} of {before} bytes");
    let free: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA freelist_count", [], |row| row.get(0))
        .unwrap();
    assert_eq!(free, 0, "free pages are given back");
    assert_eq!(kept(&path), totals);
    // Positions that no reading makes again stay when they are made anew.
    rebuild::run(&path, START * 1_000, |_, _| ()).unwrap();
    assert_eq!(kept(&path), totals);
    let told = stats::of(&path).unwrap();
    let levels: Vec<(u8, u64, u64)> = told.levels.iter().map(|l| (l.level, l.blocks, l.rows)).collect();
    assert_eq!(levels, [(0, 1, 3), (1, 8, 8 * 60)]);
    assert_eq!(told.readings(), 3, "minutes are no readings");
    let archive = Archive::open(&path).unwrap();
    let thinned = |resolution| archive.thinned(&Range::default(), resolution).unwrap();
    assert_eq!(thinned(Resolution::Raw), Some(START + 7 * 86_400 + 3_599));
    assert_eq!(thinned(Resolution::Minute), None);
}

#[test]
fn a_database_of_before_keeps_its_length_until_it_is_made_short_once() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let pragma = |sql: &str| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let length = || path.metadata().unwrap().len();
    runtime().block_on(async {
        live(&path, &week()).await.store.close().await.unwrap();
        // As a record was made before free pages could be given back.
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
        drop(old);
        assert_eq!(pragma("PRAGMA auto_vacuum"), 0);
        let before = length();
        let opened = open(&path);
        grow_old(&opened, Retention { raw_days: Some(10), minute_days: None }, 3).await;
        opened.store.close().await.unwrap();
        assert!(length() >= before && pragma("PRAGMA freelist_count") > 0);
        stats::vacuum(&path, START * 1_000).unwrap();
        assert!(length() + 20_000 < before, "{} of {before} bytes", length());
        assert_eq!((pragma("PRAGMA auto_vacuum"), pragma("PRAGMA freelist_count")), (2, 0));
        // From now on it shrinks by itself.
        let opened = open(&path);
        let quarters = Retention { raw_days: Some(10), minute_days: Some(20) };
        grow_old(&opened, quarters, 3).await;
        opened.store.close().await.unwrap();
        assert_eq!(levels(&path).last(), Some(&(2, 8)));
        assert_eq!(pragma("PRAGMA freelist_count"), 0);
    });
}

#[test]
fn without_retention_nothing_is_given_up() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = live(&path, &week()).await;
        grow_old(&opened, Retention::default(), 3).await;
        opened.store.close().await.unwrap();
    });
    assert_eq!(levels(&path), [(0, 9)]);
}

#[test]
fn minutes_and_quarter_hours_take_a_part_of_the_room() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    // Three hours from noon.
    let noon = 12 * 3_600;
    let bytes = |level: u8| {
        let levels = stats::of(&path).unwrap().levels;
        levels.iter().find(|of| of.level == level && of.rows > 9).map_or(0, |of| of.bytes)
    };
    runtime().block_on(async {
        let opened = open(&path);
        for reading in super::packed::simulated(noon..noon + 3 * 3_600) {
            assert!(opened.store.put(&meter("home"), std::sync::Arc::new(reading)).await);
        }
        opened.store.flush().await.unwrap();
        let readings = bytes(0);
        grow_old(&opened, Retention { raw_days: Some(10), minute_days: None }, 3).await;
        let minutes = bytes(1);
        grow_old(&opened, Retention { raw_days: Some(10), minute_days: Some(20) }, 3).await;
        let quarters = bytes(2);
        opened.store.close().await.unwrap();
        assert!(minutes * 2 < readings && minutes > 0, "{minutes} of {readings} bytes");
        assert!(quarters * 3 < minutes * 2 && quarters > 0, "{quarters} of {minutes} bytes");
    });
}
