//! The database file: what it refuses, what it sets aside, what a migration leaves.

use rusqlite::OpenFlags;

use super::connect::uri;
use std::collections::BTreeSet;

use super::*;
use crate::store::block::BlockWriter;

const NOW: UnixMillis = 1_795_240_800_000;

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("dsmrd.sqlite");
    (folder, path)
}

fn block(hour: i64, equipment: Option<&str>) -> Finished {
    Finished {
        meter: "home".into(),
        equipment: equipment.map(str::to_owned),
        hour,
        first: hour * 3_600,
        last: hour * 3_600 + 5,
        count: 0,
        ordered: true,
        columns: BTreeSet::from(["power_import".to_owned()]),
        data: BlockWriter::default().finish(),
    }
}

fn count(database: &Database, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database.connection.query_row(&sql, [], |row| row.get(0)).expect("the table is there")
}

#[test]
fn a_new_equipment_identifier_is_a_new_epoch() {
    let (_folder, path) = scratch();
    let mut database = Database::open(&path, None, NOW).expect("opens");
    assert!(database.heard().expect("sql").is_empty());
    let barn = Finished { meter: "barn".into(), ..block(9, None) };
    let blocks = [block(1, Some("A")), block(3, Some("B")), block(5, Some("A")), barn];
    database.store(&blocks, &mut Tallies::default(), 77).expect("stores");
    assert_eq!(database.sequence().expect("is there"), 77);
    let mut statement = database.connection.prepare("SELECT epoch FROM block ORDER BY hour").expect("sql");
    let epochs = statement.query_map([], |row| row.get(0)).expect("rows");
    assert_eq!(epochs.collect::<Result<Vec<i64>, _>>().expect("rows"), [1, 2, 1, 3]);
    drop(statement);
    assert_eq!(count(&database, "epoch"), 3);
    assert_eq!(count(&database, "layout"), 1);
    // Equipment that came back is the one heard last; the barn never told any.
    assert_eq!(database.heard().expect("sql"), HashMap::from([("home".into(), "A".to_owned())]));
}

#[test]
fn a_transaction_that_fails_stores_nothing() {
    let (_folder, path) = scratch();
    let mut database = Database::open(&path, None, NOW).expect("opens");
    database.store(&[block(1, None)], &mut Tallies::default(), 5).expect("stores");
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON block WHEN new.hour = 3
                   BEGIN SELECT raise(ABORT, 'no room'); END";
    database.connection.execute_batch(trigger).expect("sql");
    database
        .store(&[block(2, None), block(3, None)], &mut Tallies::default(), 9)
        .expect_err("the second block fails");
    assert_eq!(count(&database, "block"), 1);
    assert_eq!(database.sequence().expect("is there"), 5);
}

#[test]
fn a_later_schema_and_a_foreign_database_are_refused_and_left_alone() {
    let (_folder, path) = scratch();
    drop(Database::open(&path, None, NOW).expect("opens"));
    let later = Connection::open(&path).expect("opens");
    later.execute_batch("CREATE TABLE tide (hour INTEGER) STRICT; PRAGMA user_version = 99").expect("sql");
    drop(later);
    let error = Database::open(&path, None, NOW).expect_err("it is of a later program");
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(matches!(open_to_read(&path), Err(OpenError::Newer { found: 99, .. })));

    let (_folder, path) = scratch();
    let foreign = Connection::open(&path).expect("opens");
    foreign.execute_batch("CREATE TABLE states (id INTEGER PRIMARY KEY)").expect("sql");
    drop(foreign);
    let error = Database::open(&path, None, NOW).expect_err("it is not ours");
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
}

#[test]
fn a_database_that_breaks_while_open_is_set_aside() {
    let (folder, path) = scratch();
    let mut database = Database::open(&path, None, NOW).expect("opens");
    database.store(&[block(1, None)], &mut Tallies::default(), 5).expect("stores");
    let damage =
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None);
    assert!(is_damage(&damage));
    for _ in 0..2 {
        database.renew(NOW, &damage).expect("a new one is made");
        assert_eq!(database.sequence().expect("is there"), 0);
        database.store(&[block(2, None)], &mut Tallies::default(), 6).expect("stores");
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_prefix("dsmrd.sqlite.corrupt-").map(str::to_owned))
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    // Each with the note that it is to be salvaged.
    let expected =
        ["20261121T060000Z", "20261121T060000Z-2", "20261121T060000Z-2.salvage", "20261121T060000Z.salvage"];
    assert_eq!(names, expected);
}

#[test]
fn a_reader_without_a_writer_needs_no_right_to_write() {
    let (_folder, path) = scratch();
    let mut database = Database::open(&path, None, NOW).expect("opens");
    database.store(&[block(1, None)], &mut Tallies::default(), 5).expect("stores");
    drop(database);
    assert!(!beside(&path, "-wal").exists(), "a clean stop leaves one file");
    let connection = Connection::open_with_flags(
        uri(&path),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
    .expect("opens");
    assert_eq!(sequence(&connection).expect("is there"), 5);
    assert_eq!(uri(Path::new("/a b/ü?")), "file:/a%20b/%C3%BC%3F?immutable=1");
}

/// A reading at a second that says where a register stands.
fn register(second: i64, wh: i128) -> crate::meter::Reading {
    use crate::meter::{Field, Proof, Quantity, Reading, Unit};
    let mut reading = Reading::new(NOW + second * 1_000, Proof::Verified);
    let value = crate::p1::Decimal::new(wh, 3).expect("fits");
    reading.set_number(Field::EnergyImportTotal, Quantity { value, unit: Unit::KiloWattHour });
    reading
}

#[test]
fn counters_begin_in_a_new_database_where_the_lost_one_ended() {
    let (_folder, path) = scratch();
    let mut database = Database::open(&path, None, NOW).expect("opens");
    let (mut tallies, meter) = (Tallies::default(), Arc::from("home"));
    for second in (0..4_000).step_by(10) {
        tallies.take(&meter, &register(second, 1_000_000 + i128::from(second)));
    }
    database.store(&[], &mut tallies, 400).expect("stores");
    for second in (4_000..8_000).step_by(10) {
        tallies.take(&meter, &register(second, 1_000_000 + i128::from(second)));
    }
    let damage =
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None);
    database.renew(NOW, &damage).expect("a new one is made");
    tallies.renewed();
    database.store(&[], &mut tallies, 800).expect("stores");
    let mut found = totals::counters(&database.connection).expect("sql");
    let (_, counter) = found.pop().expect("one counter");
    assert!(found.is_empty());
    let at = |second: i64| {
        let value = crate::p1::Decimal::new(1_000_000 + i128::from(second), 3).expect("fits");
        crate::totals::Position { time: NOW / 1_000 + second, value }
    };
    assert_eq!((counter.state.first, counter.state.last), (at(3_990), at(7_990)));
    // 06:00 and a little over two hours: of nine boundaries the first five went with the old one.
    assert_eq!(count(&database, "position"), 4);
    assert!(database.totals_whole().expect("sql"));
    // It goes on with the same rows.
    tallies.take(&meter, &register(8_200, 1_008_200));
    database.store(&[], &mut tallies, 801).expect("stores");
    let last = &totals::counters(&database.connection).expect("sql")[0].1;
    assert_eq!((last.id, last.state.last), (counter.id, at(8_200)));
}

#[test]
fn a_log_without_its_database_is_kept_where_salvage_reads_it() {
    type Damage = fn(&Path);
    let damages: [Damage; 3] = [
        |path| std::fs::remove_file(path).expect("removed"),
        |path| std::fs::write(path, b"").expect("emptied"),
        |path| std::fs::write(path, [0x55; 5_000]).expect("overwritten"),
    ];
    for damage in damages {
        let (_folder, path) = scratch();
        let mut database = Database::open(&path, None, NOW).expect("opens");
        database.store(&[block(1, Some("A"))], &mut Tallies::default(), 7).expect("stores");
        // As a kill leaves it: the log is not moved into the database.
        database.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("set");
        drop(database);
        let log = std::fs::read(beside(&path, "-wal")).expect("a log");
        assert!(!log.is_empty());
        damage(&path);
        drop(Database::open(&path, None, NOW).expect("opens"));
        let aside = beside(&path, &format!(".corrupt-{}", stamp(NOW)));
        assert!(aside.exists(), "a salvage begins with the file");
        assert_eq!(std::fs::read(beside(&aside, "-wal")).expect("beside it"), log);
    }
}
