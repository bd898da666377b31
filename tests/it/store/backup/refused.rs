use std::io::Read;

use super::*;
use crate::support::scratch;

/// Fails, says so, and changes nothing in a folder.
#[track_caller]
fn refused(output: &Output, says: &str, folder: &Path, before: &[String]) {
    assert_eq!(output.status.code(), Some(1), "{}", text(output));
    assert!(text(output).contains(says), "{}", text(output));
    assert_eq!(names(folder), before, "{}", text(output));
}

fn unpacked(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_flipped_byte_anywhere_or_a_missing_end_is_refused() {
    let folder = scratch();
    let record = record(folder.path(), 400);
    let good = folder.path().join("good.sqlite.gz");
    back_up(&record, &good);
    let (bytes, before) = (std::fs::read(&good).unwrap(), everything(&record));
    let bad = folder.path().join("bad.sqlite.gz");
    std::fs::write(&bad, "").unwrap();
    let there = names(folder.path());
    let prepare =
        |path: &Path| dsmrd::store::backup::restore::prepare(path, &record, &Interrupt::default()).map(drop);
    let (mut random, mut idle) = (3u64, 0);
    for round in 0..300 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The head of ten bytes tells a time and a system that count for nothing.
        let place = if round < 20 {
            bytes.len() - 1 - round
        } else {
            10 + (random >> 33) as usize % (bytes.len() - 10)
        };
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (random >> 30 & 7);
        std::fs::write(&bad, flipped).unwrap();
        if prepare(&bad).is_ok() {
            // Some bits only fill up a byte, and mean nothing.
            assert!(unpacked(&bad) == unpacked(&good), "byte {place} of {}", bytes.len());
            idle += 1;
        }
    }
    assert!(idle < 15, "{idle} of 300 flips were not noticed");
    for length in [0, 1, 2, 9, 10, 18, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
        std::fs::write(&bad, &bytes[..length]).unwrap();
        assert!(prepare(&bad).is_err(), "{length} bytes");
    }
    std::fs::write(&bad, [&bytes[..], b"rest"].concat()).unwrap();
    assert!(prepare(&bad).is_err(), "something stands behind it");
    std::fs::write(&bad, &bytes[..bytes.len() / 2]).unwrap();
    refused(&restore(&bad, &record), "it is cut short", folder.path(), &there);
    std::fs::write(&bad, "a letter").unwrap();
    refused(&restore(&bad, &record), "damaged, or no database", folder.path(), &there);
    assert_eq!(everything(&record), before);
}

#[test]
fn databases_of_others_and_of_the_future_are_refused() {
    let folder = scratch();
    let record = record(folder.path(), 50);
    let (before, other) = (everything(&record), folder.path().join("other.sqlite"));
    let make = |sql: &str| {
        let _ = std::fs::remove_file(&other);
        rusqlite::Connection::open(&other).unwrap().execute_batch(sql).unwrap();
    };
    make("CREATE TABLE recipe (name TEXT)");
    let there = names(folder.path());
    refused(&restore(&other, &record), "no record of dsmrd", folder.path(), &there);
    make("CREATE TABLE block (id INTEGER); PRAGMA user_version = 99");
    refused(&restore(&other, &record), "written by a later dsmrd (schema 99", folder.path(), &there);
    // Nobody is there to ask, and nobody said --yes.
    let good = folder.path().join("other.sqlite");
    std::fs::remove_file(&other).unwrap();
    let packed = folder.path().join("good.sqlite.gz");
    back_up(&record, &packed);
    std::fs::rename(&packed, &good).unwrap();
    let output = dsmrd(&["restore", "--database"], &[&record, &good]);
    refused(&output, "nobody is there to ask; say --yes", folder.path(), &there);
    assert_eq!(everything(&record), before);
}

#[test]
fn a_block_that_does_not_unpack_is_no_backup() {
    let folder = scratch();
    let record = record(folder.path(), 400);
    let file = folder.path().join("backup.sqlite.gz");
    let connection = rusqlite::Connection::open(&record).unwrap();
    connection.execute("UPDATE block SET data = zeroblob(length(data)) WHERE id = 1", []).unwrap();
    drop(connection);
    let before = names(folder.path());
    let output = dsmrd(&["backup", "--database"], &[&record, Path::new("--to"), &file]);
    refused(&output, "block 1 is damaged", folder.path(), &before);
}

#[test]
fn a_folder_that_is_not_there_is_not_made_and_a_file_that_is_there_stays() {
    let folder = scratch();
    let record = record(folder.path(), 50);
    let file = folder.path().join("mine.sqlite.gz");
    std::fs::write(&file, "mine").unwrap();
    let before = names(folder.path());
    let to = |path: &Path| dsmrd(&["backup", "--database"], &[&record, Path::new("--to"), path]);
    refused(&to(&folder.path().join("usb")), "there is no such folder", folder.path(), &before);
    refused(&to(&folder.path().join("usb/a.sqlite.gz")), "there is no such folder", folder.path(), &before);
    refused(&to(&file), "it is there already", folder.path(), &before);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_disk_that_is_full_halfway_costs_nothing() {
    let folder = scratch();
    let record = record(folder.path(), 2_000);
    let (before, file) = (names(folder.path()), folder.path().join("backup.sqlite.gz"));
    let all = everything(&record);
    let whole = record.metadata().unwrap().len() / 512;
    // The system refuses to write beyond so many blocks of a file.
    for blocks in [whole - 1, whole * 3 / 4, 66] {
        let limited = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_dsmrd"), "backup", "--database"])
            .args([&record, Path::new("--to"), &file])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{blocks}: {}", text(&output));
        assert_eq!(names(folder.path()), before, "{blocks}: {}", text(&output));
    }
    assert_eq!(everything(&record), all);
    back_up(&record, &file);
    // And while one is unpacked.
    let limited = format!("ulimit -f {}; trap '' XFSZ; exec \"$0\" \"$@\"", whole / 2);
    let output = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_dsmrd"), "restore", "--yes", "--database"])
        .args([&record, &file])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(everything(&record), all);
}
