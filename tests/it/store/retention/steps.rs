//! Kills and power cuts while readings are given up: each transaction is done or not, and what remains tells the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{Archive, Resolution, Retention, Span, Store, StoreSettings, check};
use rusqlite::Connection;

use super::{DELTAS, HOUR, NUMBERS, Opened, START, Said, grow_old, open, runtime, spans};
use crate::store::disk::image::{Cut, Image, Random, Replay};
use crate::store::disk::{Card, Event};
use crate::store::meter;

const HOURS: i64 = 30;
const EACH: i64 = 8;
/// Hours that are packed anew in one transaction.
const BLOCKS: usize = 2;

/// What must not change, whichever moment a record is from.
#[derive(Debug, PartialEq)]
struct Told {
    coarse: Vec<Vec<Span>>,
    totals: String,
}

fn told(path: &Path) -> Told {
    let coarse = [Resolution::Minute, Resolution::Quarter, Resolution::Hour, Resolution::Day];
    let numbers = coarse.map(|resolution| spans(path, resolution, NUMBERS));
    let deltas = [Resolution::Hour, Resolution::Day].map(|resolution| spans(path, resolution, DELTAS));
    let archive = Archive::open(path).unwrap();
    let mut rows = Vec::new();
    archive.settled("home", i64::MIN, |settled| rows.push(settled)).unwrap();
    let totals = format!("{:?} {rows:?}", archive.counters("home").unwrap());
    Told { coarse: numbers.into_iter().chain(deltas).collect(), totals }
}

/// The levels of the hours of `home`, in order.
fn levels(path: &Path) -> Vec<i64> {
    let connection = Connection::open(path).unwrap();
    let sql =
        "SELECT b.level FROM block b JOIN epoch e ON e.id = b.epoch WHERE e.meter = 'home' ORDER BY b.hour";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn open_on(card: &Card, path: &Path) -> Opened {
    let (counters, clock) = (Arc::default(), Clock::manual(START * 1_000));
    let settings = StoreSettings { path: path.to_owned(), sync_interval: Duration::from_secs(60) };
    let store =
        Store::open_on(Arc::new(card.clone()), settings, Arc::clone(&counters), clock.clone()).unwrap();
    Opened { store, counters, clock }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch())
}

/// Each hour is whole or given up, and the record is sound. How many are given up.
fn looked_at(image: &Image, before: &Told, what: &str) -> usize {
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    image.lay(folder.path());
    let checked = check::run(&path, false, |_, _| ()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(checked.is_sound(), "{what}: {:?}", checked.problems);
    let levels = levels(&path);
    assert_eq!(levels.len() as i64, HOURS, "{what}");
    let thinned = levels.iter().take_while(|level| **level == 1).count();
    assert!(levels[thinned..].iter().all(|level| *level == 0), "{what}: {levels:?}");
    assert!(thinned % BLOCKS == 0 || thinned as i64 == HOURS, "{what}: a part of a step: {levels:?}");
    assert!(told(&path) == *before, "{what}: another answer");
    thinned
}

/// What a power cut left; the start after it finds nothing to set aside, and the same.
fn started_on(image: &Image, before: &Told, what: &str) -> usize {
    let thinned = looked_at(image, before, what);
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    image.lay(folder.path());
    runtime().block_on(open(&path).store.close()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("corrupt")), "{what}");
    assert_eq!(levels(&path).iter().filter(|level| **level == 1).count(), thinned, "{what}");
    assert!(told(&path) == *before, "{what}: another answer after a start");
    thinned
}

#[test]
fn cut_off_at_any_step_hours_are_whole_or_given_up_and_tell_the_same() {
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let card = Card::of(folder.path());
    let before = runtime().block_on(async {
        let opened = open_on(&card, &path);
        for n in 0..HOURS * EACH {
            let (time, gas) = (START + n * 3_600 / EACH, n / EACH * 40);
            let said = Said {
                power: Some((n * 7_919) % 5_003),
                t1: Some(n * 3),
                t2: Some(n / 3),
                tariff: Some(1 + (n / 90 % 2) as u8),
                gas: vec![(1, "4741", time - time.rem_euclid(3_600), gas)],
                ..Said::at(time)
            };
            assert!(opened.store.put(&meter("home"), said.reading()).await);
        }
        opened.journaled((HOURS * EACH) as u64).await;
        // A journal of which nothing was ever synced may be torn at its beginning.
        opened.clock.advance(61_000);
        crate::support::until(Duration::from_secs(20), "it is synced", || opened.counters.syncs.get() > 0)
            .await;
        opened.store.flush().await.unwrap();
        let before = told(&path);
        card.mark(1);
        grow_old(&opened, Retention { raw_days: Some(10), minute_days: None }, 2).await;
        card.mark(2);
        opened.store.close().await.unwrap();
        before
    });
    assert!(HOUR > 0 && before.coarse.iter().all(|spans| !spans.is_empty()));
    let log = card.take_log();
    let at = |mark| log.iter().position(|event| matches!(event, Event::Mark(n) if *n == mark)).unwrap();
    let (begin, end) = (at(1), at(2));
    let (mut replay, mut random) = (Replay::new(&log), Random(9));
    let mut killed = BTreeSet::new();
    let mut last = 0;
    for place in begin..=end {
        replay.until(place);
        let thinned =
            looked_at(&replay.killed(), &before, &format!("killed at event {place} of {begin}..{end}"));
        assert!(thinned >= last, "event {place}: what was given up came back");
        last = thinned;
        killed.insert(thinned);
        let cut = Cut::any(&mut random);
        let image = replay.cut(cut, &mut random);
        let left = started_on(&image, &before, &format!("{cut:?} at event {place} of {begin}..{end}"));
        assert!(left <= thinned + BLOCKS, "event {place}");
    }
    let steps = (0..=HOURS as usize).step_by(BLOCKS);
    assert_eq!(killed, steps.collect::<BTreeSet<_>>(), "each step was seen");
}
