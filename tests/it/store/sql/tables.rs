//! The plain tables with what the journal adds to them, several statements, spans backwards.

use dsmrd::store::sql::{SqlError, SqlValue};

use super::{Kept, ask, number, sql};
use crate::store::query::life::Said;
use crate::store::{Opened, START, meter, open, runtime};

fn said(second: i64, t1: i64) -> Said {
    let gas = vec![(1, "4741", (START + second).div_euclid(3_600) * 3_600, t1 / 7)];
    Said { power: Some(second % 3_000), t1: Some(t1), gas, ..Said::at(START + second) }
}

async fn put(opened: &Opened, said: impl IntoIterator<Item = Said>) {
    let mut target = opened.counters.stored.get();
    for said in said {
        assert!(opened.store.put(&meter(said.meter), said.reading()).await);
        target += 1;
    }
    opened.journaled(target).await;
}

#[test]
fn the_plain_tables_tell_of_the_journal_too() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let everything = [
        "SELECT meter, equipment_id, first_time, last_time, readings FROM epoch ORDER BY 1, 2",
        "SELECT meter, time, sum(readings), min(first_time), max(last_time) FROM block GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT meter, equipment_id, register, generation, unit, first_time, first_value, last_time, last_value
         FROM counter ORDER BY 1, 2, 3, 4",
        "SELECT meter, equipment_id, register, generation, time, value, age FROM position ORDER BY 1, 2, 3, 4, 5",
    ];
    runtime().block_on(async {
        let opened = open(&path);
        put(&opened, (0..300).map(|n| said(n * 60, n * 3))).await;
        opened.store.flush().await.unwrap();
        // Some hours more: a meter that is swapped, another one, a register that starts anew.
        put(&opened, (300..500).map(|n| Said { id: "4E4557", ..said(n * 60, n * 3) })).await;
        put(&opened, (0..5).map(|n| Said { meter: "shed", id: "53", ..said(31_000 + n * 400, n) })).await;
        let with_journal = sql(&path);
        assert_eq!(number(&with_journal, "SELECT sum(readings) FROM epoch"), 505);
        assert_eq!(number(&with_journal, "SELECT sum(readings) FROM block WHERE id IS NULL"), 205);
        assert_eq!(number(&with_journal, "SELECT count(*) FROM reading"), 505);
        let last =
            "SELECT last_value FROM counter WHERE equipment_id = 'NEW' AND register = 'energy_import_t1'";
        assert_eq!(ask(&with_journal, last).unwrap(), [[SqlValue::Real(1.497)]]);
        let before: Vec<_> = everything.map(|statement| ask(&with_journal, statement).unwrap()).into();
        assert!(before.iter().all(|rows| rows.len() > 2), "{before:?}");
        opened.store.flush().await.unwrap();
        let stored = sql(&path);
        assert_eq!(number(&stored, "SELECT count(*) FROM block WHERE id IS NULL"), 0);
        for (statement, before) in everything.into_iter().zip(before) {
            assert_eq!(ask(&stored, statement).unwrap(), before, "{statement}");
        }
        opened.store.close().await.unwrap();
    });
}

#[test]
fn statements_are_answered_one_after_the_other() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        put(&opened, (0..3).map(|n| said(n, n))).await;
        let sql = sql(&path);
        let mut kept = Kept::default();
        sql.run(
            "SELECT count(*) FROM reading; -- and\nSELECT ';' AS a, max(time) AS b FROM reading;\n",
            &mut kept,
        )
        .unwrap();
        let (three, last) = (SqlValue::Integer(3), SqlValue::Integer(START + 2));
        assert_eq!(kept.rows, [vec![three.clone()], vec![SqlValue::Text(";".into()), last]]);
        assert_eq!(kept.names, ["a", "b"]);
        // What came before an error is answered, and the error has its place in all of it.
        let mut kept = Kept::default();
        let wrong =
            sql.run("SELECT count(*) FROM reading;\nSELECT 1;\n SELECT é, pwer FROM reading", &mut kept);
        let Err(SqlError::Statement { line, at, .. }) = wrong else { panic!("{wrong:?}") };
        assert_eq!((line.as_str(), at), (" SELECT é, pwer FROM reading", 8));
        assert_eq!(kept.rows.len(), 2);
        let hint = |statement: &str| ask(&sql, statement).unwrap_err().to_string();
        assert!(hint("SELECT * FROM readings").contains("--schema lists the tables"));
        assert!(hint(".tables").contains("--schema lists tables"));
        opened.store.close().await.unwrap();
    });
}

#[test]
fn spans_come_backwards_as_they_come_forwards() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        // Forty days with two gaps, of which the register tells what was used in them.
        let hours =
            (0..960).step_by(4).filter(|hour| !(200..290).contains(hour) && !(700..712).contains(hour));
        put(&opened, hours.map(|hour| said(hour * 3_600 + 70, hour * 11))).await;
        opened.store.flush().await.unwrap();
        put(&opened, (960..963).map(|hour| said(hour * 3_600 + 70, hour * 11))).await;
        let sql = sql(&path);
        let (from, to) = (START + 100 * 3_600 + 7, START + 900 * 3_600);
        for table in ["reading", "minute", "quarter", "hour", "day", "month", "year"] {
            for condition in ["1", &format!("time >= {from} AND time < {to}"), &format!("time <= {from}")] {
                let rows = |columns: &str, order: &str| {
                    let statement =
                        format!("SELECT {columns} FROM {table} WHERE {condition} ORDER BY time {order}");
                    ask(&sql, &statement).unwrap()
                };
                let forwards = rows("*", "ASC");
                let mut backwards = rows("*", "DESC");
                backwards.reverse();
                assert!(forwards == backwards, "{table} {condition}");
                // A span that begins before the limit is none of these.
                assert!(!forwards.is_empty() || condition != "1", "{table}");
                // The rows do not depend on the columns, but for minutes without a reading.
                if table != "minute" {
                    assert_eq!(rows("time", "ASC").len(), forwards.len(), "{table} {condition}");
                    let counted = format!("SELECT count(*) FROM {table} WHERE {condition}");
                    assert_eq!(number(&sql, &counted), forwards.len() as i64, "{table} {condition}");
                }
            }
        }
        let read = |statement: &str| {
            let before = sql.hours_read();
            assert_eq!(ask(&sql, statement).unwrap().len(), 3, "{statement}");
            sql.hours_read() - before
        };
        for table in ["minute", "quarter", "hour", "day"] {
            assert!(read(&format!("SELECT * FROM {table} ORDER BY time DESC LIMIT 3")) <= 2, "{table}");
        }
        opened.store.close().await.unwrap();
    });
}

/// The local time is told by the offset that each reading has, whichever way it is read.
#[test]
fn local_times_are_read_with_numbers_alone() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        put(&opened, (0..20).map(|n| said(n * 600, n))).await;
        // Of another meter, without a clock of its own.
        let second = crate::store::reading(40, 7);
        assert!(opened.store.put(&meter("shed"), second).await);
        opened.journaled(21).await;
        let sql = sql(&path);
        let numbers = ask(&sql, "SELECT time_local, power_import FROM reading ORDER BY time").unwrap();
        let whole = ask(&sql, "SELECT time_local, power_import, proof FROM reading ORDER BY time").unwrap();
        let whole: Vec<_> = whole.into_iter().map(|row| row[..2].to_vec()).collect();
        assert_eq!(numbers, whole);
        assert_eq!(numbers[0][0], SqlValue::Text("2026-11-21T00:00:00+00:00".into()));
        assert_eq!(numbers[1][0], SqlValue::Text("2026-11-21T01:00:40+01:00".into()));
        opened.store.close().await.unwrap();
    });
}
