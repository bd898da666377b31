//! Minutes, notes, and what other programs had worked out are salvaged as readings are.

use std::path::Path;

use dsmrd::store::{Resolution, Retention, check};
use rusqlite::Connection;

use super::record::{scratch, set_aside};
use crate::store::query::life::Said;
use crate::store::query::{answer, ask};
use crate::store::{START, meter, open, runtime};

const NOTE: &str = "INSERT INTO note VALUES ('home', '2026-10-24', 'the boiler was replaced', 'DSMR-reader');
    INSERT INTO inherited VALUES ('home', 'day', 1792800000, 'DSMR-reader', '{\"electricity1\": 2.345}');
    INSERT INTO import VALUES ('12-34', 'home', 4711, 1)";

/// Level, first and last second, rows, and what is packed of a block.
type Row = (i64, i64, i64, i64, Vec<u8>);

fn others(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT meter || day || text || origin FROM note
               UNION ALL SELECT meter || kind || start || origin || data FROM inherited";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn minutes_come_back_with_what_they_are_of() {
    for minute_days in [None, Some(20)] {
        let folder = scratch();
        let path = folder.path().join("dsmrd.sqlite");
        runtime().block_on(async {
            let opened = open(&path);
            for n in 0..6 * 240 {
                let said =
                    Said { power: Some(n * 7_919 % 5_003), t1: Some(n), ..Said::at(START + 5 + n * 15) };
                opened.store.put(&meter("home"), said.reading()).await;
            }
            opened.store.flush().await.unwrap();
            assert!(opened.store.retain(Retention { raw_days: Some(10), minute_days }));
            opened.clock.advance(400 * 86_400_000);
            for n in 0..3 {
                let said = Said { t1: Some(9_000 + n), ..Said::at(START + 400 * 86_400 + n) };
                opened.store.put(&meter("home"), said.reading()).await;
                opened.store.flush().await.unwrap();
            }
            opened.store.close().await.unwrap();
        });
        Connection::open(&path).unwrap().execute_batch(NOTE).unwrap();
        let columns =
            "power_import.mean,power_import.min,power_import.max,power_import.last,energy_import_t1.delta";
        let told = |path: &Path| {
            [Resolution::Quarter, Resolution::Hour, Resolution::Day]
                .map(|resolution| answer(path, &ask(resolution, columns, None, None)))
        };
        let rows = |path: &Path| -> Vec<Row> {
            let connection = Connection::open(path).unwrap();
            let sql = "SELECT level, first, last, count, data FROM block ORDER BY hour";
            let mut statement = connection.prepare(sql).unwrap();
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            statement.query_map([], row).unwrap().map(Result::unwrap).collect()
        };
        let (before, kept, noted) = (told(&path), rows(&path), others(&path));
        assert_eq!(kept[0].0, if minute_days.is_some() { 2 } else { 1 });
        let sound = |path: &Path| {
            let checked = check::run(path, false, |_, _| ()).unwrap();
            assert!(checked.is_sound(), "{:?}", checked.problems);
            assert_eq!(checked.readings, 3, "minutes are no readings");
        };
        sound(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..16].fill(0);
        std::fs::write(&path, bytes).unwrap();
        runtime().block_on(open(&path).store.close()).unwrap();
        assert!(!set_aside(&path).is_empty());
        sound(&path);
        // The hour of readings may be packed anew.
        assert_eq!(rows(&path)[..6], kept[..6]);
        assert_eq!(rows(&path).len(), 7);
        assert_eq!(told(&path), before);
        assert_eq!(others(&path), noted);
        let done: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM import", [], |row| row.get(0))
            .unwrap();
        assert_eq!(done, 0, "an import may be run again");
    }
}
