//! Bytes that may be anything.

use proptest::prelude::*;

use super::carve;
use super::cells::{self, Kind, Value};
use super::pages::PAGE;

/// A record made by SQLite: 300 prices, and rows of `epoch`, in a tree of several pages.
fn record() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dsmrd.sqlite");
    let database = crate::store::db::Database::open(&path, None, 0).expect("a new database");
    let connection = rusqlite::Connection::open(&path).expect("it is there");
    connection
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
             INSERT INTO price SELECT 0, i * 3600, 3600, i * 1000, 3 FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .expect("it takes them");
    drop((database, connection));
    std::fs::read(&path).expect("it reads")
}

#[test]
fn what_sqlite_wrote_is_found() {
    assert_eq!(carve(record(), None), (0, 300));
}

#[test]
fn numbers_of_every_length_are_read_as_sqlite_writes_them() {
    // Sizes of the header and of the types, then 0, 1, -1, 2^23 - 1, -2^47, i64::MIN.
    let mut record = vec![7, 8, 9, 1, 3, 5, 6];
    record.extend([0xff, 0x7f, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    let expected = [0, 1, -1, (1 << 23) - 1, -(1 << 47), i64::MIN].map(Value::Integer);
    assert_eq!(cells::values(&record).as_deref(), Some(&expected[..]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_carved_without_harm(
        database in proptest::collection::vec(any::<u8>(), 0..3 * PAGE),
        log in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..2 * PAGE)),
        kinds in proptest::collection::vec(prop::sample::select(vec![0x02u8, 0x05, 0x0a, 0x0d]), 3),
    ) {
        let mut database = database;
        for (page, kind) in database.chunks_mut(PAGE).zip(kinds) {
            page[0] = kind;
        }
        // Whatever it is, it ends; a block would need the right checksum.
        prop_assert_eq!(carve(database, log).0, 0);
    }

    #[test]
    fn a_damaged_record_is_carved_without_harm(
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = record();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let (readings, prices) = carve(bytes, None);
        prop_assert_eq!(readings, 0);
        prop_assert!(prices <= 900);
    }

    #[test]
    fn any_bytes_are_a_page(page in proptest::collection::vec(any::<u8>(), PAGE)) {
        for kind in [Kind::Inner, Kind::Leaf, Kind::KeyInner, Kind::KeyLeaf] {
            let (places, _) = cells::places(&page, 2, kind);
            for place in places {
                if let Some(cell) = cells::cell(&page, kind, place) {
                    let _ = cells::values(cell.head(&page));
                }
            }
        }
    }
}
