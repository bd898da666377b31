//! Damaged databases: set aside, and what reads is saved.

/// A salvage that goes on beside the work.
mod beside;
/// Minutes, notes, and what other programs had worked out.
mod coarse;
mod command;
pub(super) mod record;
mod schema;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::salvage::{self, SavedTotals};
use dsmrd::store::{Archive, OpenError, StoreSettings};

use self::record::{Original, Random, check, scratch, set_aside};
use super::{START, open_with};
/// A record with one byte changed at a random place, many times, on both cores.
fn flips(original: &Original, name: &str, count: usize) -> Vec<(usize, f64)> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::Relaxed)
                    && n < count
                {
                    let mut random = Random(0x5eed + n as u64 * 7_919);
                    let folder = scratch();
                    let path = original.write(folder.path());
                    let file = folder.path().join(name);
                    let mut bytes = std::fs::read(&file).unwrap();
                    let place = random.below(bytes.len());
                    bytes[place] ^= 1 + random.below(255) as u8;
                    std::fs::write(&file, bytes).unwrap();
                    let saved = check(original, &path, &format!("byte {place} of {name}"));
                    outcomes.lock().unwrap().push((place, saved));
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn a_byte_flipped_at_a_thousand_places_costs_what_lay_there_and_changes_nothing() {
    let original = Original::clean();
    let outcomes = flips(&original, "dsmrd.sqlite", 1_000);
    let worst = outcomes.iter().map(|(_, saved)| *saved).fold(1.0, f64::min);
    let mean = outcomes.iter().map(|(_, saved)| saved).sum::<f64>() / outcomes.len() as f64;
    println!("saved: {mean:.4} in the mean, {worst:.4} at worst");
    // An hour of forty is what a byte costs.
    assert!(worst >= 0.974 && mean >= 0.976, "{worst} {mean}");
}

#[test]
fn a_byte_flipped_in_the_log_or_the_journal_costs_no_more_than_what_only_they_had() {
    let original = Original::killed();
    let names: Vec<&str> = original.files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"dsmrd.sqlite-wal"), "{names:?}");
    for name in ["dsmrd.sqlite", "dsmrd.sqlite-wal", "dsmrd.sqlite.journal"] {
        let outcomes = flips(&original, name, 120);
        let worst = outcomes.iter().map(|(_, saved)| *saved).fold(1.0, f64::min);
        // The journal alone has the last hour; a block has any other.
        assert!(worst >= 0.974, "{name}: {worst}");
    }
}

#[test]
fn a_record_cut_off_anywhere_gives_what_is_left() {
    let original = Original::clean();
    let length = original.database().len();
    let whole = scratch();
    let connection = rusqlite::Connection::open(original.write(whole.path())).unwrap();
    let roots = "SELECT max(rootpage) * 4096 FROM sqlite_schema";
    let roots: i64 = connection.query_row(roots, [], |row| row.get(0)).unwrap();
    // The beginnings of all tables come first, and hardly a reading in them.
    let share = |kept: usize| (kept as f64 - roots as f64) / (length as f64 - roots as f64);
    let mut before = 0.0;
    for part in 0..=32 {
        let folder = scratch();
        let path = original.write(folder.path());
        let kept = length * part / 32 - usize::from(part % 3 == 1) * 17;
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(kept as u64).unwrap();
        let saved = check(&original, &path, &format!("{kept} of {length} bytes"));
        // The journal still has the last readings; a page or two at the end cost their hours.
        assert!(saved + 0.2 >= share(kept), "{kept} of {length} bytes: {saved}");
        assert!(saved + 0.03 >= before, "{kept} of {length} bytes: {saved} after {before}");
        before = saved;
    }
    assert!(before >= 1.0);
}

#[test]
fn without_its_log_or_its_journal_a_record_is_there() {
    for (lost, least) in [("-wal", 1.0), (".journal", 0.97)] {
        let original = Original::killed();
        let folder = scratch();
        let path = original.write(folder.path());
        std::fs::remove_file(folder.path().join(format!("dsmrd.sqlite{lost}"))).unwrap();
        let saved = check(&original, &path, &format!("without {lost}"));
        assert!(saved >= least, "without {lost}: {saved}");
        assert!(set_aside(&path).is_empty(), "without {lost}");
    }
}

#[test]
fn of_a_log_without_its_database_its_pages_are_saved() {
    let original = Original::killed();
    for empty in [false, true] {
        let folder = scratch();
        let path = original.write(folder.path());
        std::fs::remove_file(&path).unwrap();
        if empty {
            std::fs::write(&path, "").unwrap();
        }
        check(&original, &path, "the log alone");
        assert!(set_aside(&path).iter().any(|path| path.to_string_lossy().ends_with("-wal")));
    }
}

#[test]
fn garbage_in_a_page_costs_what_the_page_held() {
    let original = Original::clean();
    let pages = original.database().len() / 4_096;
    for page in 0..pages {
        let folder = scratch();
        let path = original.write(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let mut random = Random(page as u64 + 99);
        bytes[page * 4_096..][..4_096].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        std::fs::write(&path, bytes).unwrap();
        let saved = check(&original, &path, &format!("page {page}"));
        // A page has the beginnings of eight blocks at most.
        assert!(saved >= 0.8, "page {page}: {saved}");
    }
}

#[test]
fn what_is_saved_is_the_whole_record_where_only_the_header_is_damaged() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert!(check(&original, &path, "no header") >= 1.0);
    let aside = set_aside(&path);
    assert!(!aside.is_empty());
    assert!(!aside.iter().any(|path| path.to_string_lossy().contains(".salvage")), "it is done: {aside:?}");
    let archive = Archive::open(&path).unwrap();
    let mut positions = 0;
    archive.settled("home", i64::MIN, |_| positions += 1).unwrap();
    assert!(positions >= original.positions, "{positions} of {}", original.positions);
    assert!(archive.totals_whole().unwrap());
    assert_eq!(archive.prices(i64::MIN).unwrap().slots().count(), 40);
}

#[test]
fn a_file_that_was_set_aside_is_salvaged_by_the_next_start_from_where_the_last_one_came_to() {
    let original = Original::clean();
    // Hours are done from the latest to the earliest: those from the twentieth on are noted as done.
    let noted = format!("{} 120 0 0 -1 0 0 0 -1", START / 3_600 + 20);
    for (note, share) in [("", 1.0), (noted.as_str(), 0.5)] {
        let folder = scratch();
        let path = folder.path().join("dsmrd.sqlite");
        let aside = folder.path().join("dsmrd.sqlite.corrupt-20261120T120000Z");
        std::fs::write(&aside, original.database()).unwrap();
        std::fs::write(folder.path().join("dsmrd.sqlite.corrupt-20261120T120000Z.salvage"), note).unwrap();
        let saved = check(&original, &path, "set aside before");
        assert!((saved - share).abs() < 1e-9, "{note:?}: {saved}");
        assert_eq!(set_aside(&path), [aside], "the note is gone, the file is not");
    }
}

#[test]
fn a_later_schema_is_left_alone_and_a_damaged_number_is_not() {
    let original = Original::clean();
    for later in [false, true] {
        let folder = scratch();
        let path = original.write(folder.path());
        let connection = rusqlite::Connection::open(&path).unwrap();
        if later {
            connection.execute_batch("CREATE TABLE invention (id INTEGER PRIMARY KEY)").unwrap();
        }
        connection.pragma_update(None, "user_version", 71).unwrap();
        drop(connection);
        if later {
            let Err(error) = open_with(&path, Duration::ZERO) else { panic!("opened") };
            assert!(matches!(error, OpenError::Newer { found: 71, .. }), "{error}");
            assert!(set_aside(&path).is_empty());
        } else {
            assert!(check(&original, &path, "a damaged number") >= 1.0);
            assert!(!set_aside(&path).is_empty());
        }
    }
}

#[test]
fn a_salvage_by_hand_adds_nothing_the_second_time_and_refuses_itself() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let before = std::fs::read(&path).unwrap();
    let into = folder.path().join("new.sqlite");
    let settings =
        |path: &Path| StoreSettings { path: path.to_owned(), sync_interval: Duration::from_secs(60) };
    let run = |file: &Path, into: &Path| {
        salvage::run(file, settings(into), Clock::manual(START * 1_000), |done, all| assert!(done <= all))
    };
    let count = original.readings.len() as u64;
    let first = run(&path, &into).unwrap();
    assert_eq!((first.readings, first.known, first.lost_blocks, first.prices), (count, 0, 0, 40));
    assert_eq!(first.totals, SavedTotals::Kept);
    let second = run(&path, &into).unwrap();
    assert_eq!((second.readings, second.known, second.lost_blocks, second.prices), (0, count, 0, 0));
    assert_eq!(std::fs::read(&path).unwrap(), before, "the file is as it was");
    let totals = |path: &Path| {
        let archive = Archive::open(path).unwrap();
        let mut rows = Vec::new();
        archive.settled("home", i64::MIN, |row| rows.push(row)).unwrap();
        (archive.counters("home").unwrap(), rows, archive.totals_whole().unwrap())
    };
    assert_eq!(totals(&into), totals(&path));
    let error = run(&path, &path).unwrap_err();
    assert!(error.to_string().contains("the record itself"), "{error}");
}

#[test]
fn notes_and_what_was_inherited_are_saved_and_an_import_can_be_made_again() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let rows = |path: &Path, sql: &str| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO note VALUES ('home', '2026-10-24', 'The heat pump came.', 'dsmr-reader');
         INSERT INTO inherited VALUES ('home', 'day', 1792879200, 'dsmr-reader', '{\"total_cost\": 2.61}');
         INSERT INTO import VALUES ('a file', 'home', 1234, 1);",
    )
    .unwrap();
    drop(old);
    let into = folder.path().join("new.sqlite");
    let settings = StoreSettings { path: into.clone(), sync_interval: Duration::from_secs(60) };
    salvage::run(&path, settings, Clock::manual(START * 1_000), |_, _| {}).unwrap();
    for sql in ["SELECT day || text || origin FROM note", "SELECT kind || start || data FROM inherited"] {
        assert_eq!(rows(&into, sql), rows(&path, sql));
    }
    // What the damage took of the readings comes in again; to an import that is done nothing would be missing.
    assert_eq!(rows(&into, "SELECT CAST(count(*) AS TEXT) FROM import"), "0");
}

#[test]
fn a_codec_that_makes_no_sense_costs_its_block_and_no_other() {
    let original = Original::clean();
    for number in [-58, 3, 70_000] {
        let folder = scratch();
        let path = original.write(folder.path());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute("UPDATE block SET codec = ?1 WHERE id = 20", [number]).unwrap();
        // One to which readings would be joined.
        connection.execute("UPDATE block SET count = ?1 * 100000 WHERE id = 40", [number]).unwrap();
        drop(connection);
        let saved = check(&original, &path, &format!("codec {number}"));
        assert!(saved >= 0.974, "{number}: {saved}");
        assert!(set_aside(&path).is_empty(), "one block is no reason to set all aside");
    }
}

#[test]
fn a_reference_to_nothing_is_found_before_it_stops_the_first_block() {
    let original = Original::clean();
    let folder = scratch();
    let path = original.write(folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'epoch (id)', 'epoch (ie)') WHERE name = 'block'",
        )
        .unwrap();
    drop(connection);
    assert!(check(&original, &path, "a damaged reference") >= 1.0);
    assert!(!set_aside(&path).is_empty());
}
