//! Cuts and kills while a record is converted: the old schema or the new one, never between, and every reading.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{Archive, OpenError, Store, StoreSettings};
use rusqlite::Connection;

use super::check::{check, integrity, readings};
use super::{Memory, Run, cuts, scratch};
use crate::store::disk::image::{Cut, Image, Random, Replay};
use crate::store::disk::{Card, Event};
use crate::store::{START, runtime};

/// The schemas of earlier releases.
const RELEASED: [&str; 2] = [
    include_str!("../../../../src/store/migrations/0001_blocks.sql"),
    include_str!("../../../../src/store/migrations/0002_totals.sql"),
];

/// Turns a record into one as an earlier release wrote it, its last readings in the journal alone.
fn convert_back(path: &Path, schema: usize) {
    let new = path.with_extension("new");
    std::fs::rename(path, &new).unwrap();
    // The log belongs to it, and is read before it is copied.
    for end in ["-wal", "-shm"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        if Path::new(&name(path)).exists() {
            std::fs::rename(name(path), name(&new)).unwrap();
        }
    }
    let old = Connection::open(path).unwrap();
    for sql in &RELEASED[..schema] {
        old.execute_batch(sql).unwrap();
    }
    old.pragma_update(None, "user_version", schema as i64).unwrap();
    old.execute("ATTACH ?1 AS new", [new.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = {
        let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut statement = old.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for table in tables {
        let columns: Vec<String> = {
            let mut statement = old.prepare("SELECT name FROM pragma_table_info(?1, 'main')").unwrap();
            statement.query_map([&table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let columns = columns.join(", ");
        old.execute(&format!("DELETE FROM main.{table}"), []).unwrap();
        old.execute(&format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"), [])
            .unwrap();
    }
    // It was a record with a log, all of which is in the database.
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    drop(old);
    std::fs::remove_file(&new).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", new.display()));
    }
}

/// What lies there without a start: a database of the old schema or of the new one.
fn old_or_new(path: &Path, schema: usize, what: &str) {
    assert_eq!(integrity(path), "ok", "{what}");
    let connection = Connection::open(path).unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let version = version as usize;
    let has = |table: &str, column: &str| {
        let sql = "SELECT count(*) > 0 FROM pragma_table_info(?1) WHERE name = ?2";
        connection.query_row(sql, [table, column], |row| row.get::<_, bool>(0)).unwrap()
    };
    let is_new = version > schema;
    assert!(is_new || version == schema, "{what}: schema {version}");
    assert_eq!(has("position", "quarter"), is_new || schema > 1, "{what}: schema {version}");
    assert_eq!(has("block", "level"), is_new, "{what}: schema {version}");
    drop(connection);
    match Archive::open(path) {
        Ok(_) => assert!(is_new, "{what}"),
        Err(OpenError::Older { .. }) => assert!(!is_new, "{what}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

fn conversion(
    schema: usize,
    images: impl Fn(&Replay<'_>, &mut Random) -> Vec<(String, Image)>,
    tries: usize,
) {
    // Some hours in blocks, and the last minutes in the journal as a kill leaves them.
    let run = Run::start(Duration::from_secs(300), 150, Memory::None).given(110, &[]);
    let log = run.card.take_log();
    let mut replay = Replay::new(&log);
    // Before the end, which puts the journal into blocks.
    let mark = run.expected.marks();
    let last = log.iter().position(|event| matches!(event, Event::Mark(n) if *n == mark - 1)).unwrap();
    replay.until(last);
    let (folder, path) = scratch();
    replay.killed().lay(folder.path());
    convert_back(&path, schema);
    let card = Card::of(folder.path());
    let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(60) };
    let clock = Clock::manual(START * 1_000);
    let store = Store::open_on(Arc::new(card.clone()), settings, Arc::default(), clock).unwrap();
    let all: usize = readings(&path).values().map(Vec::len).sum();
    assert!(all > 100, "{all} readings");
    runtime().block_on(store.close()).unwrap();
    let events = card.take_log();
    let begin = events.iter().take_while(|event| event.is_old()).count();
    let mut random = Random(schema as u64);
    let mut replay = Replay::new(&events);
    let every = ((events.len() - begin) / tries).max(1);
    for place in (begin..=events.len()).step_by(every) {
        replay.until(place);
        for (how, image) in images(&replay, &mut random) {
            let (folder, path) = scratch();
            image.lay(folder.path());
            let what = format!("schema {schema}, event {place} of {}, {how}", events.len());
            old_or_new(&path, schema, &what);
            let left = check(&path, &run.expected, mark, &what);
            assert_eq!(left, all, "{what}: readings are missing");
        }
    }
}

#[test]
fn killed_at_every_step_of_a_migration_a_record_is_the_old_one_or_the_new_one() {
    for schema in 1..=RELEASED.len() {
        conversion(schema, |replay, _| vec![("killed".to_owned(), replay.killed())], usize::MAX);
    }
}

#[test]
fn a_power_cut_at_any_step_of_a_migration_leaves_the_old_record_or_the_new_one() {
    for schema in 1..=RELEASED.len() {
        let images = |replay: &Replay<'_>, random: &mut Random| {
            let cut = Cut::any(random);
            vec![(format!("{cut:?}"), replay.cut(cut, random))]
        };
        conversion(schema, images, cuts(60));
    }
}
