//! Records of years: what grows with them and what must not.

use std::path::Path;
use std::time::Duration;

use dsmrd::store::{Archive, Range};

use super::salvage::record::{Original, reading as salvaged};
use super::trouble::mounted::Small;
use super::{START, number, numbers, open, runtime};
use crate::support::until;

/// Readings in hours that lie far apart, some of them in the journal alone.
async fn sparse(path: &Path, opened: &super::Opened) {
    for hour in 0..60 {
        opened.feed(hour * 700_000..hour * 700_000 + 40).await;
        if hour == 50 {
            opened.store.flush().await.unwrap();
        }
    }
    assert!(path.exists());
}

fn from_to(from: i64, to: i64) -> Range {
    Range { from: Some(START + from), to: Some(START + to), ..Range::default() }
}

#[test]
fn readings_of_a_year_come_in_order_whatever_lies_between_them() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        sparse(&path, &opened).await;
        let all: Vec<i64> = (0..60).flat_map(|hour| hour * 700_000..hour * 700_000 + 40).collect();
        assert_eq!(numbers(&path, Range::default()), all);
        let some = numbers(&path, from_to(7 * 700_000 + 10, 53 * 700_000 + 5));
        let expected = all.iter().copied().filter(|n| (7 * 700_000 + 10..53 * 700_000 + 5).contains(n));
        assert_eq!(some, expected.collect::<Vec<_>>());
        assert!(numbers(&path, from_to(-900_000_000, -800_000_000)).is_empty());
        opened.store.close().await.unwrap();
    });
}

/// Which blocks there are, and of when, must not take a page of each of them: of ten years these are 350 MB.
#[test]
fn what_blocks_there_are_is_told_without_their_pages() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        sparse(&path, &opened).await;
        opened.store.close().await.unwrap();
    });
    let whole = Archive::open(&path).unwrap();
    let everything = [whole.epochs(&Range::default()), whole.epochs(&from_to(700_000, 2_100_020))]
        .map(|epochs| epochs.unwrap().iter().map(|e| (e.first - START, e.last - START)).collect::<Vec<_>>());
    assert_eq!(everything, [vec![(0, 59 * 700_000 + 39)], vec![(700_000, 3 * 700_000 + 39)]]);
    let (columns, count) = (whole.columns(&Range::default()).unwrap(), whole.count().unwrap());
    drop(whole);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let leaves = "SELECT pageno FROM dbstat WHERE name = 'block' AND pagetype = 'leaf'";
    let leaves: Vec<i64> = (connection.prepare(leaves).unwrap())
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(connection);
    let mut bytes = std::fs::read(&path).unwrap();
    for page in &leaves {
        bytes[(*page as usize - 1) * 4_096..][..4_096].fill(0xff);
    }
    assert!(!leaves.is_empty());
    std::fs::write(&path, bytes).unwrap();
    let archive = Archive::open(&path).unwrap();
    let again = [archive.epochs(&Range::default()), archive.epochs(&from_to(700_000, 2_100_020))]
        .map(|epochs| epochs.unwrap().iter().map(|e| (e.first - START, e.last - START)).collect::<Vec<_>>());
    assert_eq!(again, everything);
    assert_eq!(archive.columns(&Range::default()).unwrap(), columns);
    assert_eq!(archive.count().unwrap(), count);
    // And the readings themselves cannot be had.
    assert!(archive.readings(Range::default()).unwrap().all(|stored| stored.is_err()));
}

/// What is saved of a damaged database must not take the last room from readings that come in.
#[test]
fn a_salvage_waits_for_room_and_leaves_some_to_readings() {
    let Some(small) = Small::mount(8) else { return };
    let original = Original::clean();
    let path = small.0.path().join("dsmrd.sqlite");
    let aside = small.0.path().join("dsmrd.sqlite.corrupt-20261120T120000Z");
    let note = small.0.path().join("dsmrd.sqlite.corrupt-20261120T120000Z.salvage");
    // By its length it may have twice as much as there is room for.
    let damaged = [original.database(), &vec![0; 5 << 20]].concat();
    std::fs::write(&aside, &damaged).unwrap();
    std::fs::write(&note, "").unwrap();
    runtime().block_on(async {
        let opened = open(&path);
        opened.feed(10_000_000..10_000_100).await;
        opened.store.flush().await.unwrap();
        assert!(note.exists(), "it took the room");
        assert_eq!(numbers(&path, Range::default()), (10_000_000..10_000_100).collect::<Vec<_>>());
        assert!(std::fs::read(&aside).unwrap() == damaged, "the file is kept");
        assert!(small.grow(64));
        until(Duration::from_secs(60), "the salvage goes on", || {
            opened.clock.advance(1_000);
            !note.exists()
        })
        .await;
        opened.store.close().await.unwrap();
    });
    let archive = Archive::open(&path).unwrap();
    let stored: Vec<_> = archive.readings(Range::default()).unwrap().map(Result::unwrap).collect();
    let old = original.readings.len();
    assert_eq!(stored.len(), old + 100);
    assert!(stored[..old].iter().zip(0..).all(|(stored, n)| stored.reading == *salvaged(n)));
    assert_eq!(number(&stored[old].reading), 10_000_000);
}

/// SQLite takes any log that is whole: one of a small record would make a large one small, and cut its file.
#[test]
fn the_log_of_another_record_is_set_aside_and_costs_nothing() {
    let folder = crate::support::scratch();
    let (path, other) = (folder.path().join("dsmrd.sqlite"), folder.path().join("other.sqlite"));
    let log = folder.path().join("dsmrd.sqlite-wal");
    runtime().block_on(async {
        let large = open(&path);
        sparse(&path, &large).await;
        large.store.close().await.unwrap();
        let small = open(&other);
        // The first log has the first page, the second one need not.
        for round in 0..2 {
            small.feed(round * 100..round * 100 + 50).await;
            small.store.flush().await.unwrap();
            std::fs::copy(folder.path().join("other.sqlite-wal"), &log).unwrap();
            let foreign = std::fs::read(&log).unwrap();
            assert!(foreign.len() > 4_096);
            let opened = open(&path);
            opened.feed(100_000_000 + round * 10..100_000_000 + round * 10 + 3).await;
            opened.store.close().await.unwrap();
            let stored = numbers(&path, Range::default());
            assert_eq!(stored.len() as i64, 60 * 40 + (round + 1) * 3, "round {round}");
            let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let aside: Vec<_> =
                names.filter(|path| path.to_string_lossy().contains("dsmrd.sqlite.foreign-")).collect();
            assert!(!aside.is_empty() && aside.iter().any(|path| std::fs::read(path).unwrap() == foreign));
        }
        small.store.close().await.unwrap();
    });
}
