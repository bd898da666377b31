//! Damaged and foreign files, two processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dsmrd::store::{Archive, OpenError, Range};

use super::{number, numbers, open, open_with, reading, runtime};

fn journal(path: &Path) -> PathBuf {
    path.with_extension("sqlite.journal")
}

/// Names in the folder that begin as a database set aside does.
fn set_aside(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().contains(".corrupt-"));
    found
}

#[test]
fn two_processes_do_not_share_a_store() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let first = open(&path);
    let Err(error) = open_with(&path, Duration::ZERO) else { panic!("both have it") };
    assert!(matches!(&error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("dsmrd.sqlite"), "{error}");
    runtime().block_on(first.store.close()).unwrap();
    runtime().block_on(open(&path).store.close()).unwrap();
}

#[test]
fn a_store_that_was_closed_is_free_although_a_child_has_it_for_a_moment() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let first = open(&path);
    let inherited = crate::support::duplicates(&journal(&path));
    assert_eq!(inherited.len(), 1);
    runtime().block_on(first.store.close()).unwrap();
    runtime().block_on(open(&path).store.close()).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = crate::support::scratch();
    let Err(error) = open_with(&folder.path().join("none/dsmrd.sqlite"), Duration::ZERO) else {
        panic!("opened")
    };
    assert!(error.to_string().contains("none/dsmrd.sqlite.journal"), "{error}");
    assert!(error.to_string().contains("create the folder"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_kept() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    std::fs::write(&path, "These are my holiday notes.\n".repeat(500)).unwrap();
    runtime().block_on(async {
        let opened = open(&path);
        opened.feed(0..5).await;
        opened.store.close().await.unwrap();
    });
    let aside = set_aside(&path);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(aside[0].to_string_lossy().ends_with("dsmrd.sqlite.corrupt-20261121T000000Z"), "{aside:?}");
    assert!(std::fs::read_to_string(&aside[0]).unwrap().starts_with("These are my holiday notes."));
    assert_eq!(numbers(&path, Range::default()), [0, 1, 2, 3, 4]);
}

#[test]
fn an_empty_file_is_a_new_database() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    std::fs::write(&path, "").unwrap();
    runtime().block_on(open(&path).store.close()).unwrap();
    assert!(set_aside(&path).is_empty());
}

#[test]
fn readings_in_the_journal_outlive_a_damaged_database() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        opened.feed(0..20).await;
        std::fs::copy(journal(&path), folder.path().join("saved")).unwrap();
        opened.store.close().await.unwrap();
        std::fs::rename(folder.path().join("saved"), journal(&path)).unwrap();
        std::fs::write(&path, [0xa5; 20_000]).unwrap();
        open(&path).store.close().await.unwrap();
    });
    assert_eq!(numbers(&path, Range::default()), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_byte_flipped_anywhere_costs_readings_but_never_changes_one() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for hour in 0..4 {
            opened.feed(hour * 3_600..hour * 3_600 + 200).await;
            opened.clock.advance(3_600_000);
        }
        opened.store.close().await.unwrap();
    });
    let whole = std::fs::read(&path).unwrap();
    let mut random = 12_345u64;
    for _ in 0..150 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        let mut bytes = whole.clone();
        let place = (random >> 20) as usize % bytes.len();
        bytes[place] ^= 1 << (random >> 60 & 7);
        std::fs::write(&path, bytes).unwrap();
        let opened = open_with(&path, Duration::from_secs(60));
        let opened = opened.unwrap_or_else(|error| panic!("byte {place}: {error}"));
        runtime().block_on(async {
            opened.store.put(&super::meter("home"), reading(90_000, 90_000)).await;
            opened.store.close().await.unwrap();
        });
        let archive = Archive::open(&path).unwrap();
        let readings = archive.readings(Range::default()).unwrap().filter_map(Result::ok);
        let seen: Vec<i64> = readings
            .map(|stored| {
                let n = number(&stored.reading);
                assert_eq!(stored.reading, *reading(n, n), "byte {place}: a reading changed");
                n
            })
            .collect();
        assert_eq!(seen.last(), Some(&90_000), "byte {place}: the new reading is not there");
    }
}

#[test]
fn a_journal_torn_anywhere_in_its_last_record_gives_the_ones_before() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let (two, three) = runtime().block_on(async {
        let opened = open(&path);
        opened.feed(0..2).await;
        let two = std::fs::read(journal(&path)).unwrap();
        opened.feed(2..3).await;
        let three = std::fs::read(journal(&path)).unwrap();
        opened.store.close().await.unwrap();
        (two, three)
    });
    let end = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert!(end(&three) > end(&two) + 5, "the third reading has a record");
    for torn in end(&two)..=end(&three) {
        for filler in [0u8, 0xff] {
            let folder = crate::support::scratch();
            let path = folder.path().join("dsmrd.sqlite");
            let mut bytes = three.clone();
            bytes[torn..].fill(filler);
            std::fs::write(journal(&path), &bytes).unwrap();
            let opened = open(&path);
            runtime().block_on(async {
                opened.store.put(&super::meter("home"), reading(10, 10)).await;
                opened.store.close().await.unwrap();
            });
            let whole = torn == end(&three);
            let expected: &[i64] = if whole { &[0, 1, 2, 10] } else { &[0, 1, 10] };
            assert_eq!(numbers(&path, Range::default()), expected, "torn at {torn}, then {filler}");
        }
    }
}
