//! Positions made anew of the blocks.

use std::path::{Path, PathBuf};

use dsmrd::store::rebuild::{RebuildError, Rebuilt};
use dsmrd::store::{Archive, OpenError, ReadError, rebuild};
use rusqlite::Connection;

use super::{STEP, Totals, household, kept, told};
use crate::store::{START, meter, open, runtime};

const NOW: i64 = START * 1_000;
const COUNT: i64 = 500;

fn expected() -> Totals {
    told((0..COUNT).map(|n| household(n * STEP)))
}

/// A record whose last readings are in the journal alone.
fn record(path: &Path) {
    runtime().block_on(async {
        let opened = open(path);
        for n in 0..COUNT {
            if n == COUNT - 40 {
                opened.store.flush().await.unwrap();
            }
            opened.store.put(&meter("home"), household(n * STEP)).await;
        }
        crate::support::until(std::time::Duration::from_secs(20), "all are journaled", || {
            opened.counters.stored.get() == opened.counters.offered.get()
        })
        .await;
        // As a killed process leaves it.
        let (database, journal) = (path.with_extension("kept"), path.with_extension("sqlite.journal"));
        Connection::open(path).unwrap().execute("VACUUM INTO ?1", [database.to_str().unwrap()]).unwrap();
        std::fs::copy(&journal, path.with_extension("kept.journal")).unwrap();
        opened.store.close().await.unwrap();
        std::fs::rename(database, path).unwrap();
        std::fs::rename(path.with_extension("kept.journal"), journal).unwrap();
    });
}

/// A record of the first schema with the same readings.
fn first_schema(path: &Path) {
    record(path);
    let new = path.with_extension("new");
    std::fs::rename(path, &new).unwrap();
    let old = Connection::open(path).unwrap();
    old.execute_batch(include_str!("../../../../src/store/migrations/0001_blocks.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute("ATTACH ?1 AS new", [new.to_str().unwrap()]).unwrap();
    for table in ["epoch", "layout", "block"] {
        let columns: Vec<String> = {
            let mut statement = old.prepare("SELECT name FROM pragma_table_info(?1, 'main')").unwrap();
            statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let columns = columns.join(", ");
        old.execute(&format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}"), [])
            .unwrap();
    }
    old.execute("UPDATE progress SET sequence = (SELECT sequence FROM new.progress)", []).unwrap();
    drop(old);
    std::fs::remove_file(new).unwrap();
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    (folder, path)
}

#[test]
fn a_record_of_the_first_schema_gets_its_positions_and_a_copy() {
    let (folder, path) = scratch();
    first_schema(&path);
    let Err(error) = Archive::open(&path) else { panic!("it has no positions yet") };
    assert!(matches!(error, OpenError::Older { found: 1, .. }), "{error}");
    let opened = open(&path);
    assert_eq!(kept(&path), expected());
    runtime().block_on(opened.store.close()).unwrap();
    assert_eq!(kept(&path), expected());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let copy = names.into_iter().find(|name| name.to_string_lossy().contains(".before-migration-")).unwrap();
    let version: i64 =
        Connection::open(copy).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
}

#[test]
fn a_rebuild_tells_the_same_as_often_as_it_is_made() {
    let (_folder, path) = scratch();
    record(&path);
    for _ in 0..2 {
        let mut steps = Vec::new();
        let rebuilt = rebuild::run(&path, NOW, |done, all| steps.push((done, all))).unwrap();
        assert_eq!(rebuilt, Rebuilt { readings: 460, damaged: 0 });
        assert_eq!(steps, [(460, 460)]);
        assert_eq!(kept(&path), expected());
    }
    let opened = open(&path);
    runtime().block_on(opened.store.close()).unwrap();
    assert_eq!(kept(&path), expected());
}

#[test]
fn a_rebuild_needs_the_record_for_itself_and_makes_none() {
    let (folder, path) = scratch();
    let error = rebuild::run(&path, NOW, |_, _| ()).unwrap_err();
    assert!(matches!(error, RebuildError::Open(OpenError::Missing(_))), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let opened = open(&path);
    let error = rebuild::run(&path, NOW, |_, _| ()).unwrap_err();
    assert!(matches!(error, RebuildError::Open(OpenError::InUse(_))), "{error}");
    runtime().block_on(opened.store.close()).unwrap();
}

#[test]
fn counters_that_make_no_sense_cost_no_reading_and_are_made_anew() {
    let (_folder, path) = scratch();
    record(&path);
    let before = Archive::open(&path).unwrap().readings(Default::default()).unwrap().count();
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE counter SET register = 'steam' WHERE id = 2", []).unwrap();
    drop(connection);
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.readings(Default::default()).unwrap().count(), before);
    assert!(matches!(archive.counters("home"), Err(ReadError::Totals)));
    drop(archive);
    let opened = open(&path);
    assert_eq!(kept(&path), expected());
    runtime().block_on(opened.store.close()).unwrap();
    assert_eq!(kept(&path), expected());
}

#[test]
fn a_rebuild_that_fails_leaves_what_was_there() {
    let (_folder, path) = scratch();
    record(&path);
    let connection = Connection::open(&path).unwrap();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON position WHEN new.quarter % 40 = 0
                   BEGIN SELECT raise(ABORT, 'no room'); END";
    connection.execute_batch(trigger).unwrap();
    let error = rebuild::run(&path, NOW, |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    connection.execute_batch("DROP TRIGGER full").unwrap();
    drop(connection);
    assert_eq!(kept(&path), expected());
}

#[test]
fn a_damaged_database_is_set_aside_and_the_journal_is_counted_in_the_new_one() {
    let (_folder, path) = scratch();
    record(&path);
    std::fs::write(&path, [0xa5; 20_000]).unwrap();
    runtime().block_on(open(&path).store.close()).unwrap();
    assert_eq!(kept(&path), told((COUNT - 40..COUNT).map(|n| household(n * STEP))));
}
