//! `dsmrd sql`.

/// `dsmrd sql` as a person calls it.
mod command;

/// Plain tables, several statements, spans backwards.
mod tables;

use std::path::{Path, PathBuf};

use dsmrd::meter::Zone;
use dsmrd::store::sql::{Sql, SqlError, SqlRows, SqlValue};

use super::{START, meter, open, reading, runtime};

/// Seconds between two readings of the test's record.
const STEP: i64 = 600;
const DAY: i64 = 86_400;
const DAYS: i64 = 30;

/// Rows that are kept.
#[derive(Default)]
struct Kept {
    names: Vec<String>,
    rows: Vec<Vec<SqlValue>>,
}

impl SqlRows for Kept {
    fn names(&mut self, names: &[String]) -> std::io::Result<()> {
        self.names = names.to_vec();
        Ok(())
    }

    fn row(&mut self, row: Vec<SqlValue>) -> std::io::Result<()> {
        self.rows.push(row);
        Ok(())
    }
}

fn sql(path: &Path) -> Sql {
    Sql::open(path, |_| Zone::new("Europe/Amsterdam").ok()).unwrap()
}

fn ask(sql: &Sql, statement: &str) -> Result<Vec<Vec<SqlValue>>, SqlError> {
    let mut kept = Kept::default();
    sql.run(statement, &mut kept).map(|()| kept.rows)
}

/// The only number of an answer.
fn number(sql: &Sql, statement: &str) -> i64 {
    match ask(sql, statement).unwrap()[..] {
        [ref row] => match row[..] {
            [SqlValue::Integer(number)] => number,
            ref row => panic!("{statement}: {row:?}"),
        },
        ref rows => panic!("{statement}: {rows:?}"),
    }
}

/// What the reading of a second says, in W.
fn watt(second: i64) -> i64 {
    (second * 7 + second / DAY * 13) % 5_000
}

/// The seconds of the readings of [`month`].
fn seconds() -> impl Iterator<Item = i64> {
    (0..DAYS * DAY).step_by(STEP as usize)
}

/// A record of a month, a reading in ten minutes; a second meter has one a day.
fn month(folder: &Path) -> PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for second in seconds() {
            assert!(opened.store.put(&meter("home"), reading(second, watt(second))).await);
            if second % DAY == 0 {
                assert!(opened.store.put(&meter("barn"), reading(second, 42)).await);
            }
        }
        opened.store.close().await.unwrap();
    });
    path
}

#[test]
fn rows_are_the_readings() {
    let folder = crate::support::scratch();
    let sql = sql(&month(folder.path()));
    let rows =
        ask(&sql, "SELECT time, power_import, equipment_id FROM reading WHERE meter = 'home'").unwrap();
    let expected: Vec<Vec<SqlValue>> = seconds()
        .map(|second| {
            let kilowatt = format!("{}.{:03}", watt(second) / 1_000, watt(second) % 1_000);
            let id = SqlValue::Text("K8EG004".into());
            vec![SqlValue::Integer(START + second), SqlValue::Real(kilowatt.parse().unwrap()), id]
        })
        .collect();
    assert_eq!(rows, expected);
    let sum = "SELECT CAST(round(sum(power_import) * 1000) AS INTEGER) FROM reading WHERE meter = 'home'";
    assert_eq!(number(&sql, sum), seconds().map(watt).sum::<i64>());
    assert_eq!(number(&sql, "SELECT count(*) FROM reading"), DAYS * DAY / STEP + DAYS);
    assert_eq!(number(&sql, "SELECT count(*) FROM reading WHERE meter IN ('barn', 'nobody')"), DAYS);
    assert_eq!(sql.take_problems(), Vec::<String>::new());
}

/// Numbers alone are read column by column, anything else reading by reading.
#[test]
fn both_ways_of_reading_tell_the_same_rows() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        // Two meters, seconds twice, an hour later, and back again.
        for second in [5, 5, 4, 5, 3_700, 3_605, 3_700, 7, 7] {
            for (name, watt) in [("home", second), ("barn", 42)] {
                assert!(opened.store.put(&meter(name), reading(second, watt)).await);
            }
        }
        opened.store.close().await.unwrap();
    });
    let sql = sql(&path);
    for order in ["", "ORDER BY time", "ORDER BY time DESC"] {
        let columns = format!("SELECT rowid, time, meter, power_import FROM reading {order}");
        let whole =
            format!("SELECT rowid, time, meter, power_import, proof, time_local FROM reading {order}");
        let whole: Vec<_> =
            ask(&sql, &whole).unwrap().into_iter().map(|mut row| (row.truncate(4), row).1).collect();
        assert_eq!(whole.len(), 18);
        assert_eq!(ask(&sql, &columns).unwrap(), whole, "{order}");
    }
    let ids = |order: &str| {
        let mut ids =
            ask(&sql, &format!("SELECT rowid, power_import FROM reading ORDER BY time {order}")).unwrap();
        ids.sort_by_key(|row| format!("{row:?}"));
        ids
    };
    assert_eq!(ids("ASC"), ids("DESC"));
    assert_eq!(number(&sql, "SELECT count(DISTINCT rowid) FROM reading"), 18);
    assert_eq!(number(&sql, "SELECT count(*) FROM reading WHERE meter = 'barn' OR time < 0"), 9);
}

#[test]
fn limits_of_time_are_those_of_a_naive_filter() {
    let folder = crate::support::scratch();
    let sql = sql(&month(folder.path()));
    let (a, b) = (START + 3 * DAY + 1_200, START + 5 * DAY - 600);
    type Naive = fn(i64, i64, i64) -> bool;
    let conditions: [(&str, Naive); 12] = [
        ("time >= {a} AND time < {b}", |t, a, b| t >= a && t < b),
        ("time > {a} AND time <= {b}", |t, a, b| t > a && t <= b),
        ("time BETWEEN {a} AND {b}", |t, a, b| t >= a && t <= b),
        ("time = {a}", |t, a, _| t == a),
        ("{a} = time OR time = {b}", |t, a, b| t == a || t == b),
        ("time IN ({a}, {b}, 7)", |t, a, b| t == a || t == b),
        ("time < {a} AND time > {b}", |_, _, _| false),
        ("time >= {a} + 0.5 AND time < {b} + 0.5", |t, a, b| t > a && t <= b),
        ("time > NULL", |_, _, _| false),
        ("time_utc >= '2026-11-24' AND time_utc < '2026-11-25T12'", |t, _, _| {
            (START + 3 * DAY..START + 4 * DAY + DAY / 2).contains(&t)
        }),
        // Local midnight is an hour before that of UTC.
        ("time_local LIKE '2026-11-24%'", |t, _, _| {
            (START + 3 * DAY - 3_600..START + 4 * DAY - 3_600).contains(&t)
        }),
        ("time_local >= '2026-12' AND meter = 'HOME' COLLATE NOCASE", |t, _, _| {
            t >= START + 10 * DAY - 3_600
        }),
    ];
    for (condition, holds) in conditions {
        let condition = condition.replace("{a}", &a.to_string()).replace("{b}", &b.to_string());
        for order in ["ASC", "DESC"] {
            let statement = format!(
                "SELECT time FROM reading WHERE meter <> 'barn' AND ({condition}) ORDER BY time {order}"
            );
            let rows: Vec<i64> = ask(&sql, &statement)
                .unwrap()
                .into_iter()
                .map(|row| match row[0] {
                    SqlValue::Integer(time) => time,
                    ref value => panic!("{value:?}"),
                })
                .collect();
            let mut expected: Vec<i64> =
                seconds().map(|second| START + second).filter(|time| holds(*time, a, b)).collect();
            if order == "DESC" {
                expected.reverse();
            }
            assert_eq!(rows, expected, "{statement}");
        }
    }
}

#[test]
fn only_the_hours_that_are_asked_for_are_read() {
    let folder = crate::support::scratch();
    let sql = sql(&month(folder.path()));
    let read = |statement: &str| {
        let before = sql.hours_read();
        ask(&sql, statement).unwrap();
        sql.hours_read() - before
    };
    let (from, to) = (START + 3 * DAY, START + 4 * DAY);
    assert_eq!(
        read(&format!("SELECT sum(power_import) FROM reading WHERE time >= {from} AND time < {to}")),
        24
    );
    assert_eq!(read(&format!("SELECT * FROM reading WHERE time = {from}")), 1);
    assert_eq!(read("SELECT * FROM reading ORDER BY time DESC LIMIT 1"), 1);
    assert_eq!(read("SELECT * FROM reading ORDER BY time LIMIT 1"), 1);
    assert_eq!(read("SELECT * FROM reading WHERE meter = 'nobody'"), 0);
    assert_eq!(read("SELECT * FROM reading WHERE meter = 'barn'"), DAYS as u64);
    let local = read("SELECT * FROM reading WHERE time_local LIKE '2026-11-24%'");
    assert!((24..=52).contains(&local), "{local}");
    assert_eq!(read("SELECT * FROM reading"), 24 * DAYS as u64);
    let plan =
        ask(&sql, &format!("EXPLAIN QUERY PLAN SELECT time FROM reading WHERE time > {from} ORDER BY time"));
    let plan = format!("{:?}", plan.unwrap());
    assert!(plan.contains("0>") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn the_end_of_the_journal_is_among_the_rows() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        opened.feed(0..30).await;
        let sql = sql(&path);
        assert_eq!(number(&sql, "SELECT count(*) FROM reading"), 30);
        assert_eq!(number(&sql, "SELECT max(time) FROM reading"), START + 29);
        // What comes later is not: an answer is of one moment.
        opened.feed(30..40).await;
        assert_eq!(number(&sql, "SELECT count(*) FROM reading"), 30);
        opened.store.close().await.unwrap();
    });
    assert_eq!(number(&sql(&path), "SELECT count(*) FROM reading"), 40);
}

#[test]
fn spans_say_what_the_readings_come_to() {
    let folder = crate::support::scratch();
    let sql = sql(&month(folder.path()));
    for (table, key) in [
        ("hour", "time / 3600"),
        ("quarter", "time / 900"),
        ("minute", "time / 60"),
        ("day", "substr(time_local, 1, 10)"),
        ("month", "substr(time_local, 1, 7)"),
        ("year", "substr(time_local, 1, 4)"),
    ] {
        let spans = ask(
            &sql,
            &format!(
                "SELECT {key}, meter, power_import_min, power_import_max, meter_id_last FROM {table} ORDER BY 1, 2"
            ),
        );
        let readings = ask(
            &sql,
            &format!(
                "SELECT {key}, meter, min(power_import), max(power_import), max(meter_id) FROM reading
                 GROUP BY 1, 2 ORDER BY 1, 2"
            ),
        );
        let (spans, readings) = (spans.unwrap(), readings.unwrap());
        assert!(!spans.is_empty(), "{table}");
        assert_eq!(spans.len(), readings.len(), "{table}");
        assert!(spans == readings, "{table}");
    }
    let from = START + 3 * DAY;
    let before = sql.hours_read();
    let day = format!(
        "SELECT count(*) FROM hour WHERE meter = 'home' AND time >= {from} AND time < {from} + 86400"
    );
    assert_eq!(number(&sql, &day), 24);
    assert_eq!(sql.hours_read() - before, 1, "one stretch");
    let mean =
        "SELECT CAST(power_import_mean * 1000 + 0.5 AS INTEGER) FROM minute WHERE meter = 'barn' LIMIT 1";
    assert_eq!(number(&sql, mean), 42);
    // The span of a limit is asked for as a whole.
    let whole = format!(
        "SELECT count(*) FROM hour WHERE meter = 'home' AND time <= {from} AND time > {from} - 3600 AND power_import_last = {}",
        watt(3 * DAY + 3_000) as f64 / 1_000.0
    );
    assert_eq!(number(&sql, &whole), 1);
}

#[test]
fn nothing_but_reading() {
    let folder = crate::support::scratch();
    let path = month(folder.path());
    let before = std::fs::read(&path).unwrap();
    let opened = sql(&path);
    for statement in [
        "INSERT INTO price VALUES (0, 0, 900, 1, 0)",
        "UPDATE main.block SET count = 0",
        "DELETE FROM main.block",
        "DELETE FROM reading",
        "DROP TABLE main.block",
        "DROP VIEW temp.block",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIRTUAL TABLE x USING reading",
        "ATTACH 'other.sqlite' AS other",
        "VACUUM INTO 'other.sqlite'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 7",
        "SELECT load_extension('x')",
        "SELECT data FROM main.block",
        "SELECT * FROM main.block",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "REINDEX",
        "SELECT 1; DELETE FROM main.block",
        "WITH x AS (SELECT 1) INSERT INTO price SELECT 0, 0, 900, 1, 0 FROM x",
        "",
        "-- nothing",
    ] {
        assert!(ask(&opened, statement).is_err(), "{statement}");
    }
    assert!(number(&opened, "SELECT count(*) FROM block") > 0, "it goes on");
    drop(opened);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!Path::new("other.sqlite").exists());
}

#[test]
fn what_is_damaged_is_told_and_the_rest_follows() {
    let folder = crate::support::scratch();
    let path = month(folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let damaged = connection.execute(
        "UPDATE block SET data = zeroblob(length(data)) WHERE hour = ?1",
        [(START + 3 * DAY) / 3_600 + 5],
    );
    assert_eq!(damaged.unwrap(), 1);
    drop(connection);
    let sql = sql(&path);
    assert_eq!(number(&sql, "SELECT count(*) FROM reading WHERE meter = 'home'"), DAYS * DAY / STEP - 6);
    let problems = sql.take_problems();
    assert!(matches!(&problems[..], [problem] if problem.contains("is damaged")), "{problems:?}");
    assert_eq!(sql.take_problems(), Vec::<String>::new(), "told once");
}

#[test]
fn plain_tables_are_told_for_people() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        let telegram = super::export::stored(super::export::TELEGRAM);
        assert!(opened.store.put(&meter("home"), telegram).await);
        opened.store.close().await.unwrap();
    });
    let sql = sql(&path);
    let first = "SELECT first_value FROM counter WHERE register = 'energy_import_t1' AND unit = 'kWh'";
    assert_eq!(ask(&sql, first).unwrap(), [[SqlValue::Real(1234.567)]]);
    assert_eq!(number(&sql, "SELECT readings FROM epoch WHERE equipment_id = 'K8EG004'"), 1);
    assert_eq!(number(&sql, "SELECT bytes > 0 FROM block"), 1);
    let row = "SELECT gas, gas_time, tariff, proof, message_text, time_local FROM reading";
    let text = |text: &str| SqlValue::Text(text.to_owned());
    assert_eq!(
        ask(&sql, row).unwrap(),
        [[
            SqlValue::Real(473.789),
            text("2026-10-25T02:00:00+01:00"),
            text("0002"),
            text("absent"),
            text("Hi, \"yb"),
            text("2026-10-25T02:30:00+01:00")
        ]]
    );
    let tables = sql.schema().unwrap();
    let of = |table: &str, column: &str| {
        let table = tables.iter().find(|known| known.name == table).unwrap();
        let column = table.columns.iter().find(|known| known.name == column).unwrap();
        (column.kind, column.unit.clone())
    };
    assert_eq!(of("reading", "gas"), ("REAL", "m3".to_owned()));
    assert_eq!(of("day", "energy_import_t1_delta"), ("REAL", "kWh".to_owned()));
    assert_eq!(of("minute", "tariff_last"), ("TEXT", String::new()));
    for table in &tables {
        let mut kept = Kept::default();
        sql.run(&format!("SELECT * FROM {}", table.name), &mut kept).unwrap();
        let names: Vec<&String> = table.columns.iter().map(|column| &column.name).collect();
        assert_eq!(kept.names.iter().collect::<Vec<_>>(), names, "{}", table.name);
    }
}
