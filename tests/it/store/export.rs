//! `dsmrd export`.

/// Line protocol, files, compression, chosen columns, spans.
mod formats;

/// Parquet, read back by the crate's own reader.
#[cfg(feature = "parquet")]
mod parquet;

/// The bar, Ctrl-C, `| head`, a disk that is full.
mod terminal;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use dsmrd::meter::{Proof, Reading, Zone, read};
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};

use super::{meter, open, runtime};

pub(super) const TELEGRAM: &str = "/KFM5KAIFA-METER\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(261025023000W)\r\n\
    0-0:96.1.1(4B384547303034)\r\n1-0:1.8.1(001234.567*kWh)\r\n0-0:96.14.0(0002)\r\n\
    1-0:1.7.0(01.193*kW)\r\n0-0:96.13.0(48692C20227962)\r\n0-1:24.1.0(003)\r\n\
    0-1:24.2.1(261025020000W)(00473.789*m3)\r\n!\r\n";

pub(super) fn stored(telegram: &str) -> Arc<Reading> {
    let zone = Zone::new("Europe/Amsterdam").unwrap();
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let (mut framer, mut found) = (Framer::new(settings), None);
    let mut on = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            found = Some(Arc::new(read(&frame, &zone, 1_792_891_800_123).reading));
        }
    };
    framer.push(telegram.as_bytes(), &mut on);
    framer.finish(&mut on);
    found.unwrap()
}

pub(super) fn export(database: &Path, more: &[&str]) -> Output {
    let command = &mut Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(["export", "--database"]).arg(database).args(more).output().unwrap()
}

pub(super) fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A database with three readings: summer time, winter time of the same hour, and one without most columns.
fn database(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("dsmrd.sqlite");
    let summer = TELEGRAM.replace("023000W", "023000S");
    let bare = "/KFM5KAIFA-METER\r\n\r\n0-0:1.0.0(261025023010W)\r\n1-0:1.7.0(00.000*kW)\r\n!\r\n";
    runtime().block_on(async {
        let opened = open(&path);
        for telegram in [TELEGRAM, &summer, bare] {
            opened.store.put(&meter("home"), stored(telegram)).await;
        }
        opened.store.close().await.unwrap();
    });
    path
}

#[test]
fn csv_has_every_column_and_both_times() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let csv = text(export(&path, &[]));
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        rows,
        [
            "time,time_utc,meter,proof,energy_import_t1,power_import,p1_version,meter_id,tariff,message_text,gas,gas_time",
            "2026-10-25T02:30:00+02:00,2026-10-25T00:30:00Z,home,absent,1234.567,1.193,42,K8EG004,0002,\"Hi, \"\"yb\",473.789,2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00,2026-10-25T01:30:00Z,home,absent,1234.567,1.193,42,K8EG004,0002,\"Hi, \"\"yb\",473.789,2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:10+01:00,2026-10-25T01:30:10Z,home,absent,,0.000,,,,,,",
            "",
        ]
    );
    assert_eq!(text(export(&path, &[])), csv);
}

#[test]
fn how_each_reading_was_proven_is_told_from_the_journal_and_from_blocks() {
    const PROOFS: [(Proof, &str); 3] = [
        (Proof::Verified, "verified"),
        (Proof::Absent, "absent"),
        (Proof::Unauthenticated, "unauthenticated"),
    ];
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let told = |when: &str| {
        let rows = text(export(&path, &[]));
        let told: Vec<&str> = rows.lines().skip(1).filter_map(|row| row.split(',').nth(3)).collect();
        assert_eq!(told, PROOFS.map(|(_, name)| name), "{when}");
    };
    runtime().block_on(async {
        let opened = open(&path);
        for (second, (proof, _)) in PROOFS.into_iter().enumerate() {
            let telegram = TELEGRAM.replace("023000W)\r\n0-0:96", &format!("02300{second}W)\r\n0-0:96"));
            let mut reading = Reading::clone(&stored(&telegram));
            reading.proof = proof;
            opened.store.put(&meter("home"), Arc::new(reading)).await;
        }
        opened.journaled(3).await;
        told("in the journal");
        opened.store.close().await.unwrap();
    });
    told("in a block");
}

#[test]
fn json_has_numbers_as_the_meter_wrote_them() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let json = text(export(&path, &["--format", "json", "--from", "2026-10-25T02:30:00+01:00"]));
    assert_eq!(
        json,
        "{\"time\":\"2026-10-25T02:30:00+01:00\",\"time_utc\":\"2026-10-25T01:30:00Z\",\"meter\":\"home\",\"proof\":\"absent\",\
         \"energy_import_t1\":1234.567,\"power_import\":1.193,\"p1_version\":\"42\",\"meter_id\":\"K8EG004\",\
         \"tariff\":\"0002\",\"message_text\":\"Hi, \\\"yb\",\"gas\":473.789,\
         \"gas_time\":\"2026-10-25T02:00:00+01:00\"}\n\
         {\"time\":\"2026-10-25T02:30:10+01:00\",\"time_utc\":\"2026-10-25T01:30:10Z\",\"meter\":\"home\",\"proof\":\"absent\",\
         \"power_import\":0.000}\n"
    );
}

#[test]
fn ranges_are_local_dates_or_instants() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let count = |more: &[&str]| text(export(&path, more)).lines().count() - 1;
    assert_eq!(count(&["--from", "2026-10-25"]), 3);
    assert_eq!(count(&["--from", "2026-10-26"]), 0);
    assert_eq!(count(&["--to", "2026-10-25"]), 0);
    assert_eq!(count(&["--to", "2026-10-25T01:30:10Z"]), 2);
    assert_eq!(count(&["--from", "2026-10-25 02:30:05", "--timezone", "UTC"]), 0);
    let nobody = export(&path, &["--meter", "barn"]);
    assert!(!nobody.status.success());
    assert!(
        String::from_utf8_lossy(&nobody.stderr).contains("a meter named \"barn\"; there are some of: home")
    );
    let wrong = export(&path, &["--from", "someday"]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--from someday"));
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let folder = crate::support::scratch();
    let output = export(&folder.path().join("none.sqlite"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("none.sqlite: no such database"));
}

#[test]
fn the_configuration_tells_where_the_database_is() {
    let folder = crate::support::scratch();
    database(folder.path());
    let config = folder.path().join("dsmrd.toml");
    let settings = "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"dsmrd.sqlite\"\n";
    std::fs::write(&config, settings).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_dsmrd")).args(["export", "--config"]).arg(&config).output().unwrap();
    assert_eq!(text(output).lines().count(), 4);
}
