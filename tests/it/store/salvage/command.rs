//! `dsmrd db`.

use std::path::Path;
use std::process::{Command, Output};

use rusqlite::Connection;

use super::super::runtime;
use super::record::{Original, scratch};

fn dsmrd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd")).arg("db").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_sound_record_is_called_so_beside_a_running_process_too() {
    let original = Original::killed();
    let folder = scratch();
    let path = original.write(folder.path());
    let opened = super::super::open(&path);
    for quick in [false, true] {
        let mut arguments = vec!["check", "--database", name(&path)];
        arguments.extend(quick.then_some("--quick"));
        let output = dsmrd(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("everything is sound"), "{}", text(&output));
        assert_eq!(text(&output).contains("240 readings in 40 blocks"), !quick, "{}", text(&output));
    }
    runtime().block_on(opened.store.close()).unwrap();
}

#[test]
fn what_is_wrong_is_told_and_has_its_exit_code() {
    let original = Original::clean();
    for (sql, told) in [
        ("UPDATE block SET data = zeroblob(100) WHERE id = 7", "cannot be unpacked"),
        (
            "UPDATE block SET count = count + 1 WHERE id = 7",
            "block 7 (meter home, 2026-11-21T06:00:00Z): its row",
        ),
        ("UPDATE summary SET data = x'00' WHERE block = 7", "(summary)"),
        ("UPDATE layout SET columns = 'time'", "(columns)"),
        ("DELETE FROM counter WHERE id = 1", "positions are of no counter"),
        ("UPDATE counter SET register = 'steam' WHERE id = 1", "steam"),
        ("UPDATE progress SET sequence = 7", "the number of the last reading"),
    ] {
        let folder = scratch();
        let path = original.write(folder.path());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let output = dsmrd(&["check", "--database", name(&path)]);
        assert_eq!(output.status.code(), Some(1), "{sql}: {}", text(&output));
        assert!(text(&output).contains(told), "{sql}: {}", text(&output));
    }
    let folder = scratch();
    let output = dsmrd(&["check", "--database", name(&folder.path().join("none.sqlite"))]);
    assert_eq!(output.status.code(), Some(74), "{}", text(&output));
}

#[test]
fn figures_are_those_of_the_record() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let output = dsmrd(&["stats", "--format", "json", "--database", name(&path)]);
    let stats: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(stats["readings"], 240);
    assert_eq!(stats["blocks"], 40);
    assert_eq!(stats["hours"], 40);
    assert_eq!(stats["database_bytes"], path.metadata().unwrap().len());
    let equipment = &stats["equipment"][0];
    assert_eq!(equipment["meter"], "home");
    assert_eq!(equipment["oldest"], "2026-11-21T00:00:00Z");
    assert_eq!(equipment["newest"], "2026-11-22T15:50:00Z");
    assert_eq!(equipment["gaps"], 0);
    let tables = stats["tables"].as_array().unwrap();
    let price = tables.iter().find(|table| table["name"] == "price").unwrap();
    assert_eq!(price["rows"], 40);
    let bytes: u64 = tables.iter().map(|table| table["bytes"].as_u64().unwrap()).sum();
    assert!(bytes <= path.metadata().unwrap().len());
    let output = dsmrd(&["stats", "--database", name(&path)]);
    assert!(text(&output).contains("K8EG004"), "{}", text(&output));
}

#[test]
fn free_space_returns_and_a_record_in_use_is_left_alone() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DELETE FROM block WHERE id < 30").unwrap();
    drop(connection);
    let before = path.metadata().unwrap().len();
    let opened = super::super::open(&path);
    let output = dsmrd(&["vacuum", "--database", name(&path)]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("another dsmrd"), "{}", text(&output));
    runtime().block_on(opened.store.close()).unwrap();
    let output = dsmrd(&["vacuum", "--database", name(&path)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let after = path.metadata().unwrap().len();
    assert!(after < before * 2 / 3, "{after} of {before} bytes");
}

#[test]
fn a_damaged_file_is_salvaged_by_hand() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..100].fill(0xee);
    let broken = folder.path().join("broken.sqlite");
    std::fs::write(&broken, bytes).unwrap();
    let into = folder.path().join("into.sqlite");
    let output = dsmrd(&["salvage", name(&broken), "--into", name(&into)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("240 readings added, 0 were there already, 40 prices"),
        "{}",
        text(&output)
    );
    let output = dsmrd(&["salvage", name(&broken), "--into", name(&into)]);
    assert!(
        text(&output).contains("0 readings added, 240 were there already, 0 prices"),
        "{}",
        text(&output)
    );
}
