//! Dumps and exports of DSMR-reader: where each row goes, twice, in conflict, damaged.

use std::io::Write;
use std::path::Path;

use dsmrd::meter::{Field, MbusClass, Proof};
use dsmrd::totals::Step;

use super::{dsmrd, fixture, import, periods, readings, said, totals};
use crate::store::{open, runtime};

/// What a day or hour used, in thousandths: taken at tariffs 1 and 2, gas.
fn used(database: &Path, step: Step) -> Vec<[i128; 3]> {
    let thousandths =
        |value: Option<dsmrd::p1::Decimal>| value.map_or(0, |value| value.rescaled(3).unwrap().mantissa());
    let of = |period: dsmrd::totals::Period| {
        let usage = period.usage;
        [
            thousandths(usage.energy(Field::EnergyImportT1)),
            thousandths(usage.energy(Field::EnergyImportT2)),
            thousandths(usage.device(MbusClass::Gas).map(|gas| gas.value)),
        ]
    };
    periods(database, step).into_iter().map(of).collect()
}

#[test]
fn a_dump_of_version_4_becomes_readings_and_older_days() {
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let text = said(&import("dsmr-reader", &database, &[], &[&fixture("v4.sql")]));
    assert!(text.contains("equipment E0026000021438317 (the last telegram"), "{text}");
    assert!(text.contains("left out, since unknown: something_new"), "{text}");
    assert!(text.contains("without phase_power_current_l1"), "{text}");
    let found = readings(&database);
    // Four readings; of six minutes that at 14:01 lies in a minute of readings, and so does 14:59; of four gas
    // positions two are stamps of readings.
    assert_eq!(found.len(), 4 + 4 + 2, "{text}");
    assert!(found.iter().all(|reading| reading.proof == Proof::Absent));
    assert!(found.windows(2).all(|pair| pair[0].utc_seconds() <= pair[1].utc_seconds()));
    let last = found.last().unwrap();
    assert_eq!(last.equipment_id().as_deref(), Some("E0026000021438317"));
    assert_eq!(last.number(Field::PowerImport).unwrap().to_string(), "0.510");
    let (device, gas) = last.mbus_of(MbusClass::Gas).unwrap();
    assert_eq!(dsmrd::meter::reading::readable(device.id.as_deref().unwrap()), "G0025003337347316");
    assert_eq!(gas.value.unwrap().value.to_string(), "5000.420");
    // The first is of gas: DSMR-reader tells positions of DSMR 4 an hour before their time.
    let clock = found[0].time.unwrap();
    assert_eq!((clock.local.hour, clock.local.dst), (14, Some(true)));
    assert_eq!(found[0].mbus[0].readings[0].value.unwrap().value.to_string(), "5000.100");
    // Of the days, the first two have what they used; the third is as its hours say, and the fourth begins with
    // readings.
    let days = used(&database, Step::Day);
    assert_eq!(&days[..3], [[1_200, 3_400, 900], [5_000, 0, 800], [1_100, 3_300, 0]]);
    assert_eq!(days[3], [0, 1_510, 320]);
    let csv = totals(&database, "hour");
    assert!(csv.contains("2019-06-03T06:00:00+02:00,2019-06-03T07:00:00+02:00,0.300,0.300,0.000"), "{csv}");
}

#[test]
fn a_dump_of_inserts_with_a_replaced_meter_keeps_both() {
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let text = said(&import("dsmr-reader", &database, &["--equipment", "E9"], &[&fixture("v6-inserts.sql")]));
    assert!(text.contains("readings put in: 6"), "{text}");
    let days = used(&database, Step::Day);
    // The first day is of the old meter. Between days what DSMR-reader had not counted is found again.
    assert_eq!(days[0], [5_000, 6_000, 2_100]);
    assert_eq!(days[1], [10_050, 20_060, 3_100]);
    assert_eq!(days[2], [20_050, 9_940, 3_145]);
    let first = &readings(&database)[0];
    assert_eq!(first.number(Field::VoltageL1).unwrap().to_string(), "231.0");
    assert_eq!(first.number(Field::CurrentL1).unwrap().to_string(), "2");
    let notes = said(&dsmrd(&["notes", "--database", database.to_str().unwrap()], &[]));
    assert_eq!(notes, "2024-01-02  home  New meter; it's a\n            smart one  (DSMR-reader)\n");
}

#[test]
fn twice_is_once_and_the_totals_made_anew_are_the_same() {
    for name in ["v4.sql", "v6-inserts.sql"] {
        let folder = crate::support::scratch();
        let database = folder.path().join("dsmrd.sqlite");
        said(&import("dsmr-reader", &database, &[], &[&fixture(name)]));
        let (before, hours) = (readings(&database), totals(&database, "hour"));
        let again = said(&import("dsmr-reader", &database, &[], &[&fixture(name)]));
        assert!(again.contains("readings put in: 0\n"), "{again}");
        assert!(!again.contains("differ"), "{again}");
        assert!(!again.contains(" new\n"), "{again}");
        assert_eq!((readings(&database), totals(&database, "hour")), (before, hours.clone()));
        said(&dsmrd(&["totals", "rebuild", "--database", database.to_str().unwrap()], &[]));
        assert_eq!(totals(&database, "hour"), hours, "{name}: older positions stay");
    }
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let text = said(&import("dsmr-reader", &database, &["--dry-run"], &[&fixture("v4.sql")]));
    assert!(
        text.contains("readings would be put in: 10  2019-06-04 14:00:00 to 2019-06-04 17:00:00"),
        "{text}"
    );
    assert!(!database.exists());
    // Beside a store that runs, which an import refuses.
    let opened = open(&database);
    let text = said(&import("dsmr-reader", &database, &["--dry-run"], &[&fixture("v4.sql")]));
    assert!(text.contains("would be put in: 10"), "{text}");
    let refused = import("dsmr-reader", &database, &[], &[&fixture("v4.sql")]);
    assert!(!refused.status.success());
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("stop it first: supervisorctl stop dsmrd"), "{text}");
    runtime().block_on(opened.store.close()).unwrap();
}

/// A telegram of the meter of `v4.sql`, at a second of its last minute.
fn own(second: u32, energy: u32) -> String {
    format!(
        "/KFM5KAIFA-METER\r\n\r\n0-0:1.0.0(1906041659{second:02}S)\r\n0-0:96.1.1(4530303236303030303231343338333137)\r\n\
         1-0:1.8.1(001010.000*kWh)\r\n1-0:1.8.2(002021.{energy}*kWh)\r\n1-0:1.7.0(00.505*kW)\r\n0-0:96.14.0(0002)\r\n!\r\n"
    )
}

#[test]
fn own_readings_win_and_others_of_their_second_are_told() {
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&database);
        // The dump says 2021.508 at 16:59:50.
        for telegram in [own(50, 507), own(51, 509)] {
            opened.store.put(&crate::store::meter("home"), crate::store::export::stored(&telegram)).await;
        }
        opened.store.close().await.unwrap();
    });
    let text = said(&import("dsmr-reader", &database, &[], &[&fixture("v4.sql")]));
    assert!(text.contains("readings put in: 9"), "{text}");
    assert!(text.contains("1 say something else"), "{text}");
    assert!(
        text.contains("2019-06-04 16:59:50  energy_import_t2: 2021.507 there, 2021.508 in the file"),
        "{text}"
    );
    let found = readings(&database);
    assert_eq!(found.len(), 11);
    let of_own: Vec<_> = found.iter().filter(|reading| reading.tariff().is_some()).collect();
    assert_eq!(of_own.len(), 2);
    assert_eq!(of_own[0].number(Field::EnergyImportT2).unwrap().to_string(), "2021.507");
    // One meter, one counter: the import goes on in what is its own.
    assert_eq!(used(&database, Step::Day)[3][1], 1_510);
    let again = said(&import("dsmr-reader", &database, &[], &[&fixture("v4.sql")]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
}

#[test]
fn contracts_are_written_for_the_configuration_and_it_takes_them() {
    let folder = crate::support::scratch();
    let (database, contracts) = (folder.path().join("dsmrd.sqlite"), folder.path().join("contracts.toml"));
    let more = ["--contracts", contracts.to_str().unwrap()];
    said(&import("dsmr-reader", &database, &more, &[&fixture("v4.sql")]));
    let text = std::fs::read_to_string(&contracts).unwrap();
    let config = folder.path().join("dsmrd.toml");
    let meter = "[[meter]]\nname = \"home\"\nsource = \"/dev/ttyUSB0\"\n\n";
    std::fs::write(&config, format!("{meter}{text}")).unwrap();
    let settings = dsmrd::config::load(&config).unwrap().settings;
    let held = settings.prices.contracts;
    assert_eq!(held.len(), 3, "{text}");
    assert_eq!(held[1].name, "Stroom \"groen\" + Gas & co");
    assert_eq!(held[1].import_tariffs[0].unwrap().to_string(), "0.2");
    assert_eq!(held[1].devices.len(), 1);
    assert_eq!(held[2].end, None, "ten years are no end");
    // It is never written over.
    let refused = import("dsmr-reader", &database, &more, &[&fixture("v4.sql")]);
    assert!(!refused.status.success());
}

#[test]
fn damage_is_told_and_what_is_whole_goes_in() {
    let folder = crate::support::scratch();
    let whole = std::fs::read_to_string(fixture("v4.sql")).unwrap();
    let cut = folder.path().join("cut.sql");
    let place = whole.find("2021.001").unwrap();
    std::fs::write(&cut, &whole[..place]).unwrap();
    let database = folder.path().join("one.sqlite");
    let output = import("dsmr-reader", &database, &[], &[&cut]);
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the file breaks off in dsmr_datalogger_dsmrreading"), "{text}");
    assert_eq!(readings(&database).len(), 2 + 4 + 3);

    // The same packed, in two members, the second damaged.
    let packed = folder.path().join("packed.sql.gz");
    let mut bytes = Vec::new();
    for part in [&whole[..place], &whole[place..]] {
        let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    std::fs::write(&packed, &bytes).unwrap();
    let database = folder.path().join("two.sqlite");
    said(&import("dsmr-reader", &database, &[], &[&packed]));
    assert_eq!(readings(&database).len(), 10);
    std::fs::write(&packed, &bytes[..bytes.len() - 200]).unwrap();
    let database = folder.path().join("three.sqlite");
    let output = import("dsmr-reader", &database, &[], &[&packed]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be read to its end"));
    assert!(!readings(&database).is_empty());

    // A row with too few columns, and one whose time is none.
    let wrong = folder.path().join("wrong.sql");
    let broken = whole.replace("2019-06-04 14:00:10+00", "yesterday").replace("\tt\t0.500", "\t0.500");
    std::fs::write(&wrong, broken).unwrap();
    let database = folder.path().join("four.sqlite");
    let output = import("dsmr-reader", &database, &[], &[&wrong]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("2 rows could not be read"), "{text}");
    assert!(text.contains("has 18 columns, this row 17"), "{text}");
}

#[test]
fn other_files_are_named() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("file"), folder.path().join("dsmrd.sqlite"));
    let cases: [(&[u8], &str); 4] = [
        (b"PGDMP\x01\x0e\x00", "pg_restore --no-owner -f dump.sql"),
        (b"SQLite format 3\0 and so on", "an SQLite database"),
        (b"hello\n", "no dump of a database"),
        (b"", "an empty file"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(&file, bytes).unwrap();
        let output = import("dsmr-reader", &database, &[], &[&file]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(expected), "{text}");
        assert!(!database.exists());
    }
}

#[test]
fn exports_as_csv_become_positions() {
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let files = [fixture("days.csv"), fixture("hours.csv")];
    let files: Vec<&Path> = files.iter().map(std::path::PathBuf::as_path).collect();
    let text = said(&import("dsmr-reader", &database, &[], &files));
    assert!(text.contains("2 days, exported by DSMR-reader"), "{text}");
    let days = used(&database, Step::Day);
    assert_eq!(&days[..2], [[1_520, 2_030, 900], [2_500, 1_000, 0]]);
    let csv = totals(&database, "hour");
    assert!(csv.contains("2023-05-01T11:00:00+02:00,2023-05-01T12:00:00+02:00,1.900,1.000,0.900"), "{csv}");
    let again = said(&import("dsmr-reader", &database, &[], &files));
    assert!(again.contains("0 put in") && !again.contains("differ"), "{again}");
}
