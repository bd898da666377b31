//! Recorded telegrams, CSV files with a mapping, P1 Monitor.

use std::io::Write;

use dsmrd::meter::{Field, MbusClass};
use dsmrd::totals::Step;

use super::{import, periods, readings, said, totals};

fn telegram(second: u32) -> String {
    format!(
        "/KFM5KAIFA-METER\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(2610250230{second:02}S)\r\n0-0:96.1.1(4B384547303034)\r\n\
         1-0:1.8.1(001234.5{second:02}*kWh)\r\n1-0:1.7.0(01.1{second:02}*kW)\r\n!\r\n"
    )
}

#[test]
fn telegrams_go_in_at_their_own_time_and_once() {
    let folder = crate::support::scratch();
    let (one, two) = (folder.path().join("one.txt"), folder.path().join("two.txt.gz"));
    let database = folder.path().join("dsmrd.sqlite");
    let of = |seconds: std::ops::Range<u32>| seconds.map(telegram).collect::<String>();
    std::fs::write(&one, of(0..20)).unwrap();
    let mut packed =
        flate2::write::GzEncoder::new(std::fs::File::create(&two).unwrap(), flate2::Compression::fast());
    packed.write_all(of(10..40).as_bytes()).unwrap();
    packed.finish().unwrap();
    let text = said(&import("telegrams", &database, &[], &[&one, &two]));
    assert!(text.contains("readings put in: 40") && text.contains("10 were there already"), "{text}");
    let found = readings(&database);
    assert_eq!(found.len(), 40);
    for (second, reading) in found.iter().enumerate() {
        assert_eq!(reading.time.unwrap().local.second as usize, second);
        assert_eq!(reading.number(Field::PowerImport).unwrap().mantissa(), 1_100 + second as i128);
    }
    let again = said(&import("telegrams", &database, &[], &[&two]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
    assert_eq!(readings(&database), found);
}

#[test]
fn telegrams_without_a_time_want_a_start() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("old.txt"), folder.path().join("dsmrd.sqlite"));
    let old = "/ISk5\\2ME382-1003\r\n\r\n0-0:96.1.1(4B414C37303035)\r\n1-0:1.8.1(12345.678*kWh)\r\n1-0:1.7.0(0000.98*kW)\r\n!\r\n";
    std::fs::write(&file, old.repeat(3)).unwrap();
    let refused = import("telegrams", &database, &[], &[&file]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--start"));
    said(&import("telegrams", &database, &["--start", "2019-06-01T12:00"], &[&file]));
    let seconds: Vec<i64> = readings(&database).iter().map(dsmrd::meter::Reading::utc_seconds).collect();
    assert_eq!(seconds, [1_559_383_200, 1_559_383_210, 1_559_383_220]);
}

#[test]
fn a_csv_file_with_commas_goes_in_by_its_mapping() {
    let folder = crate::support::scratch();
    let (file, map) = (folder.path().join("a.csv"), folder.path().join("map.toml"));
    let database = folder.path().join("dsmrd.sqlite");
    let csv = "exported by something\nTijd;Verbruik (Wh);Vermogen;Gas\n25-10-2026 01:30;1.234.567,0;0,512;10,5\n\
               25-10-2026 02:00;1.234.600,5;;10,5\n25-10-2026 02:30;1.234.700,0;;10,6\n25-10-2026 02:00;1.234.800,0;;10,6\n\
               never;1;2;3\n";
    std::fs::write(&file, csv).unwrap();
    let mapping = "delimiter = \";\"\ndecimal = \",\"\nskip = 1\n[time]\ncolumn = \"tijd\"\nformat = \"%d-%m-%Y %H:%M\"\n\
                   [[value]]\ncolumn = 2\nfield = \"energy_import_t1\"\nfactor = \"0.001\"\n\
                   [[value]]\ncolumn = \"Vermogen\"\nfield = \"power_import\"\n[[value]]\ncolumn = \"Gas\"\nfield = \"gas\"\n";
    std::fs::write(&map, mapping).unwrap();
    let more = ["--mapping", map.to_str().unwrap(), "--equipment", "E1"];
    let output = import("csv", &database, &more, &[&file]);
    let text = said(&output);
    assert!(text.contains("readings put in: 4"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"never\" is no time"));
    let found = readings(&database);
    // The hour that comes twice.
    let steps: Vec<i64> =
        found.windows(2).map(|pair| pair[1].utc_seconds() - pair[0].utc_seconds()).collect();
    assert_eq!(steps, [1_800, 1_800, 1_800]);
    assert_eq!(found[1].number(Field::EnergyImportT1).unwrap().to_string(), "1234.6005");
    assert_eq!(found[0].number(Field::PowerImport).unwrap().to_string(), "0.512");
    assert_eq!(found[3].mbus_of(MbusClass::Gas).unwrap().1.value.unwrap().value.to_string(), "10.6");
    let again = said(&import("csv", &database, &more, &[&file]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
    let missing = mapping.replace("\"Vermogen\"", "\"Power\"");
    std::fs::write(&map, missing).unwrap();
    let refused = import("csv", &database, &more, &[&file]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("there is no column \"Power\"; there are: Tijd")
    );
}

#[test]
fn what_a_csv_file_says_was_used_becomes_positions() {
    let folder = crate::support::scratch();
    let (file, map) = (folder.path().join("a.csv"), folder.path().join("map.toml"));
    let database = folder.path().join("dsmrd.sqlite");
    std::fs::write(&file, "day,kwh,gas\n2023-05-01,4.5,1.25\n2023-05-02,3.25,0.5\n").unwrap();
    let mapping = "[time]\ncolumn = \"day\"\n[[value]]\ncolumn = \"kwh\"\nfield = \"energy_import_t1\"\nusage = \"day\"\n\
                   [[value]]\ncolumn = \"gas\"\nfield = \"gas\"\nusage = \"day\"\n";
    std::fs::write(&map, mapping).unwrap();
    said(&import("csv", &database, &["--mapping", map.to_str().unwrap()], &[&file]));
    let csv = totals(&database, "day");
    assert!(csv.contains("2023-05-01T00:00:00+02:00,2023-05-02T00:00:00+02:00,4.500,4.500,1.250"), "{csv}");
    assert!(csv.contains("2023-05-02T00:00:00+02:00,2023-05-03T00:00:00+02:00,3.250,3.250,0.500"), "{csv}");
}

#[test]
fn homewizards_files_have_a_mapping() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("a.csv"), folder.path().join("dsmrd.sqlite"));
    let head = "time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh,L1 max W,L2 max W,L3 max W\n";
    let rows = "2024-01-01 00:00,100.000,200.000,50.000,30.000,0,0,0\n2024-01-01 00:15,100.500,200.100,50.200,30.050,9,8,6\n";
    std::fs::write(&file, format!("{head}{rows}")).unwrap();
    said(&import("csv", &database, &["--mapping", "homewizard"], &[&file]));
    let found = readings(&database);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].number(Field::EnergyExportT2).unwrap().to_string(), "30.050");
}

#[test]
fn the_minutes_of_p1_monitor_become_readings() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("history.db"), folder.path().join("dsmrd.sqlite"));
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE e_history_min (TIMESTAMP TEXT PRIMARY KEY NOT NULL, VERBR_KWH_181 REAL, VERBR_KWH_182 REAL,
                 GELVR_KWH_281 REAL, GELVR_KWH_282 REAL, VERBR_KWH_X REAL, GELVR_KWH_X REAL, TARIEFCODE TEXT,
                 ACT_VERBR_KW_170 REAL, ACT_GELVR_KW_270 REAL, VERBR_GAS_2421 REAL);
             INSERT INTO e_history_min VALUES ('2020-01-01 00:00:00', 1000.1, 2000.2, 0, 0, 0.0, 0, 'D', 0.3, 0, 500.123);
             INSERT INTO e_history_min VALUES ('2020-01-01 00:01:00', 1000.105, 2000.2, 0, 0, 0.005, 0, 'D', 0.301, 0, 500.123);
             INSERT INTO e_history_min VALUES ('2020-01-01 00:02:00', 1000.11, 2000.2, 0, 0, 0.005, 0, 'D', 0.302, 0, 500.2);",
        )
        .unwrap();
    drop(connection);
    let text = said(&import("p1-monitor", &database, &[], &[&file]));
    assert!(text.contains("3 minutes of P1 Monitor") && text.contains("readings put in: 3"), "{text}");
    let found = readings(&database);
    assert_eq!(found[1].number(Field::EnergyImportT1).unwrap().to_string(), "1000.105");
    let again = said(&import("p1-monitor", &database, &[], &[&file]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
    // A reading of midnight ends the day before.
    let days = periods(&database, Step::Day);
    let day = days.last().unwrap();
    assert_eq!(day.usage.energy(Field::EnergyImportT1).unwrap().to_string(), "0.010");
    std::fs::write(&file, "no database").unwrap();
    assert!(!import("p1-monitor", &database, &[], &[&file]).status.success());
}
