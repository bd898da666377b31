//! P1 Monitor: minutes, hours and days, in its database and as its export.

use std::path::Path;

use dsmrd::meter::{Field, MbusClass};
use dsmrd::totals::{Period, Step};

use super::{import, periods, readings, said};

/// Rows of a table: the time, positions taken and given at tariffs 1 and 2, gas.
type Rows<'a> = &'a [(&'a str, [f64; 5])];

const MINUTES: Rows<'_> = &[
    ("2020-01-03 00:00:00", [1000.1, 2000.2, 3.5, 0.0, 500.123]),
    ("2020-01-03 00:01:00", [1000.105, 2000.2, 3.5, 0.0, 500.123]),
    ("2020-01-03 00:02:00", [1000.11, 2000.2, 3.5, 0.0, 500.2]),
];
/// What they ended with.
const HOURS: Rows<'_> = &[
    ("2020-01-02 21:00:00", [998.0, 2000.2, 3.5, 0.0, 499.0]),
    ("2020-01-02 22:00:00", [999.0, 2000.2, 3.5, 0.0, 499.5]),
    ("2020-01-02 23:00:00", [1000.1, 2000.2, 3.5, 0.0, 500.123]),
    ("2020-01-03 00:00:00", [1000.11, 2000.2, 3.5, 0.0, 500.2]),
];
/// The electricity meter was replaced on the last day of 2019.
const DAYS: Rows<'_> = &[
    ("2019-12-29 00:00:00", [70000.0, 60000.0, 0.0, 0.0, 480.0]),
    ("2019-12-30 00:00:00", [70005.5, 60001.25, 0.0, 0.0, 486.25]),
    ("2019-12-31 00:00:00", [990.0, 1990.0, 0.0, 0.0, 490.0]),
    ("2020-01-01 00:00:00", [994.0, 1995.0, 1.5, 0.0, 495.0]),
    ("2020-01-02 00:00:00", [1000.1, 2000.2, 3.5, 0.0, 500.123]),
    ("2020-01-03 00:00:00", [1000.11, 2000.2, 3.5, 0.0, 500.2]),
];
const TABLES: [(&str, Rows<'_>); 3] =
    [("e_history_min", MINUTES), ("e_history_uur", HOURS), ("e_history_dag", DAYS)];

fn database(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    for (table, rows) in TABLES {
        let create = format!(
            "CREATE TABLE {table} (TIMESTAMP TEXT PRIMARY KEY NOT NULL, VERBR_KWH_181 REAL DEFAULT 0,
                 VERBR_KWH_182 REAL DEFAULT 0, GELVR_KWH_281 REAL DEFAULT 0, GELVR_KWH_282 REAL DEFAULT 0,
                 VERBR_KWH_X REAL DEFAULT 0, GELVR_KWH_X REAL DEFAULT 0, TARIEFCODE TEXT,
                 ACT_VERBR_KW_170 REAL DEFAULT 0, ACT_GELVR_KW_270 REAL DEFAULT 0, VERBR_GAS_2421 REAL DEFAULT 0)"
        );
        connection.execute_batch(&create).unwrap();
        for (time, [t1, t2, r1, r2, gas]) in rows {
            let insert = format!(
                "INSERT INTO {table} (TIMESTAMP, VERBR_KWH_181, VERBR_KWH_182, GELVR_KWH_281, GELVR_KWH_282, VERBR_GAS_2421)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            );
            connection.execute(&insert, rusqlite::params![time, t1, t2, r1, r2, gas]).unwrap();
        }
    }
}

/// As its export has them, among others.
fn export(path: &Path) {
    let mut text = String::new();
    for (table, rows) in TABLES {
        for (time, [t1, t2, r1, r2, gas]) in rows {
            text += &format!(
                "replace into {table} (TIMESTAMP,VERBR_KWH_181,VERBR_KWH_182,GELVR_KWH_281,GELVR_KWH_282,VERBR_KWH_X,\
                 GELVR_KWH_X,TARIEFCODE,ACT_VERBR_KW_170,ACT_GELVR_KW_270,VERBR_GAS_2421) values \
                 ('{time}','{t1:?}','{t2:?}','{r1:?}','{r2:?}','0.005','0.0','None','0.0','0.0','{gas:?}');\n"
            );
        }
        text +=
            "replace into e_history_maand (TIMESTAMP,VERBR_KWH_181) values ('2020-01-01 00:00:00','1.0');\n";
    }
    std::fs::write(path, text).unwrap();
}

fn shown(period: &Period) -> [Option<String>; 3] {
    let usage = &period.usage;
    let energy = |field| usage.energy(field).map(|used| used.to_string());
    let gas = usage.device(MbusClass::Gas).map(|gas| gas.value.to_string());
    [energy(Field::EnergyImportT1), energy(Field::EnergyExportT1), gas]
}

#[test]
fn minutes_become_readings_and_older_hours_and_days_positions() {
    let folder = crate::support::scratch();
    let mut found = Vec::new();
    for name in ["e_historie.db", "historie1"] {
        let (file, record) = (folder.path().join(name), folder.path().join(name).with_extension("sqlite"));
        if name.ends_with(".db") {
            database(&file)
        } else {
            export(&file)
        }
        let text = said(&import("p1-monitor", &record, &[], &[&file]));
        assert!(text.contains("3 minutes, 4 hours, 6 days of P1 Monitor"), "{text}");
        assert!(text.contains("readings put in: 3"), "{text}");
        assert_eq!(readings(&record)[1].number(Field::EnergyImportT1).unwrap().to_string(), "1000.105");
        let days: Vec<_> = periods(&record, Step::Day).iter().map(shown).collect();
        let of = |t1: &str, r1: &str, gas: &str| [t1, r1, gas].map(|text| Some(text.to_owned()));
        // What the old meter counted, and the new one; the day it was replaced tells no usage.
        assert!(days.contains(&of("5.500", "0.000", "6.250")), "{days:?}");
        assert!(days.contains(&of("4.000", "1.500", "5.000")), "{days:?}");
        assert!(days.contains(&of("6.100", "2.000", "5.123")), "{days:?}");
        assert_eq!(days.last().unwrap()[0].as_deref(), Some("0.010"));
        let hours: Vec<_> = periods(&record, Step::Hour).iter().map(shown).collect();
        assert!(hours.contains(&of("1.100", "0.000", "0.623")), "{hours:?}");
        let again = said(&import("p1-monitor", &record, &[], &[&file]));
        assert!(again.contains("readings put in: 0\n") && again.contains(" 0 put in"), "{again}");
        assert!(!again.contains("differ"), "{again}");
        assert_eq!(periods(&record, Step::Day).iter().map(shown).collect::<Vec<_>>(), days);
        found.push((days, hours));
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn what_is_none_of_its_files_is_told() {
    let folder = crate::support::scratch();
    let (file, record) = (folder.path().join("file"), folder.path().join("dsmrd.sqlite"));
    for bytes in [&b"no database"[..], b"PK\x03\x04 a zip", b""] {
        std::fs::write(&file, bytes).unwrap();
        let output = import("p1-monitor", &record, &["--dry-run"], &[&file]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("e_historie.db"), "{text}");
    }
}
