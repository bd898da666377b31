//! `dsmrd totals`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::household;
use crate::store::{meter, open, runtime};

fn totals(more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd")).arg("totals").args(more).output().unwrap()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Two days from 2026-11-21 00:00 UTC on, without a reading from 22:00 to 03:30.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for second in (0..2 * 86_400).step_by(120).filter(|second| !(79_200..99_000).contains(second)) {
            opened.store.put(&meter("home"), household(second)).await;
        }
        opened.store.close().await.unwrap();
    });
    path
}

#[test]
fn totals_are_shown_by_the_local_day() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let path = path.to_str().unwrap();
    let table = text(totals(&["--database", path]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "home");
    let row = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        lines[1].trim(),
        "import total kWh  import t1 kWh  import t2 kWh  export total kWh  export t1 kWh  export t2 kWh  gas m3  \
         no readings"
    );
    // 2026-11-21 begins an hour before the first reading, and ends while there are none: from 22:00 to 23:00 UTC.
    assert_eq!(row(2), ["2026-11-21", "18.486", "11.297", "7.189", "6.083", "6.083", "0.000", "0.063", "1h"]);
    assert_eq!(row(3)[0], "2026-11-22");
    assert_eq!(row(3)[8], "4h15m");
    assert_eq!(row(5)[0..3], ["sum", "40.366", "24.668"]);
    assert!(
        table.ends_with("What was used while there were no readings counts where the next reading lies.\n")
    );
}

#[test]
fn csv_and_json_have_every_digit_and_the_offset() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let path = path.to_str().unwrap();
    let csv = text(totals(&["--database", path, "--format", "csv", "--by", "month", "--timezone", "UTC"]));
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        rows[0],
        "meter,start,end,energy_import_total,energy_import_t1,energy_import_t2,energy_export_total,\
         energy_export_t1,energy_export_t2,gas,missing_s"
    );
    assert_eq!(
        rows[1],
        "home,2026-11-01T00:00:00+00:00,2026-12-01T00:00:00+00:00,40.366,24.668,15.698,13.283,13.283,0.000,0.141,18900"
    );
    let json = text(totals(&[
        "--database",
        path,
        "--format",
        "json",
        "--by",
        "hour",
        "--from",
        "2026-11-22T01:00",
        "--to",
        "2026-11-22T06:00",
    ]));
    let lines: Vec<&str> = json.lines().collect();
    assert_eq!(lines.len(), 5, "{json}");
    assert!(lines[0].starts_with("{\"meter\":\"home\",\"start\":\"2026-11-22T01:00:00+01:00\""), "{json}");
    assert!(
        lines[0].contains("\"energy_import_t1\":0.000") && lines[0].ends_with("\"missing_s\":3600}"),
        "{json}"
    );
    assert!(lines[3].ends_with("\"missing_s\":900}") && lines[4].ends_with("\"missing_s\":0}"), "{json}");
    let nobody = totals(&["--database", path, "--meter", "barn"]);
    assert!(!nobody.status.success());
    let problem = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(problem.contains("no readings of a meter named \"barn\"; there are some of: home"), "{problem}");
}

#[test]
fn costs_are_those_of_the_configured_contracts() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let config = folder.path().join("dsmrd.toml");
    let toml = format!(
        "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n\n[store]\npath = \"{}\"\n\n[[contract]]\nname = \"fixed\"\n\
         start = 2026-11-22\nimport_t1 = \"0.20\"\nimport_t2 = \"0.30\"\nexport = \"0.10\"\nfixed = \"0.50\"\n",
        path.display()
    );
    std::fs::write(&config, toml).unwrap();
    let csv = text(totals(&["--config", config.to_str().unwrap(), "--format", "csv"]));
    let rows: Vec<Vec<&str>> = csv.split("\r\n").map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0][10..], ["cost", "currency", "cost_note", "missing_s"]);
    // No contract holds on the first day.
    assert_eq!(rows[1][10..13], ["", "EUR", ""]);
    let number = |place: usize| rows[2][place].replace('.', "").parse::<i64>().unwrap();
    // In 10^-5 of the currency: 20 and 30 cents a kWh taken at tariffs 1 and 2, 10 given, 50 for the day.
    let exact = number(4) * 20 + number(5) * 30 - number(7) * 10 + 50_000;
    assert_eq!(number(10), (exact + 500) / 1_000, "{csv}");
}

#[test]
fn totals_are_made_anew_on_request() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let before = super::kept(&path);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("DELETE FROM position; UPDATE progress SET totals = 0").unwrap();
    drop(connection);
    let path_text = path.to_str().unwrap();
    let shown = totals(&["--database", path_text]);
    let hint = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(hint.contains("run \"dsmrd totals rebuild\" once"), "{hint}");
    let made = text(totals(&["rebuild", "--database", path_text]));
    assert!(made.contains("made the totals of 1275 readings"), "{made}");
    assert_eq!(super::kept(&path), before);
    assert!(totals(&["--database", path_text]).stderr.is_empty());
    let missing = totals(&["rebuild", "--database", folder.path().join("none").to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no such database"));
}
