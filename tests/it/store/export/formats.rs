//! Line protocol, files, compression, chosen columns, spans.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::{START, meter, open, reading, runtime};
use super::{database, export, text};

fn complaint(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn line_protocol_has_tags_fields_and_times() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let range = ["--from", "2026-10-25T02:30:00+01:00"];
    let lines = text(export(&path, &[&["--format", "influx"], &range[..]].concat()));
    assert_eq!(
        lines,
        "dsmr,equipment_id=K8EG004,meter=home proof=\"absent\",energy_import_t1=1234.567,power_import=1.193,\
         p1_version=\"42\",meter_id=\"K8EG004\",tariff=\"0002\",message_text=\"Hi, \\\"yb\",gas=473.789,\
         gas_time=\"2026-10-25T02:00:00+01:00\" 1792891800000000000\n\
         dsmr,equipment_id=K8EG004,meter=home proof=\"absent\",power_import=0.000 1792891810000000000\n"
    );
    let more =
        ["--format", "influx", "--precision", "s", "--measurement", "my house", "--fields", "power_import"];
    let lines = text(export(&path, &[&more[..], &range[..]].concat()));
    assert_eq!(
        lines.lines().last(),
        Some("my\\ house,equipment_id=K8EG004,meter=home proof=\"absent\",power_import=0.000 1792891810")
    );
}

#[test]
fn chosen_columns_stand_as_they_were_chosen() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let csv = text(export(&path, &["--fields", "gas_time, power_import", "--to", "2026-10-25T01:00:00Z"]));
    assert_eq!(
        csv,
        "time,time_utc,meter,proof,gas_time,power_import\r\n\
         2026-10-25T02:30:00+02:00,2026-10-25T00:30:00Z,home,absent,2026-10-25T02:00:00+01:00,1.193\r\n"
    );
    let unknown = complaint(&export(&path, &["--fields", "power_imprt"]));
    assert!(unknown.contains("\"power_imprt\"") && unknown.contains("power_import, "), "{unknown}");
    let measure = complaint(&export(&path, &["--fields", "power_import.mean"]));
    assert!(measure.contains("--resolution"), "{measure}");
    let wrong = complaint(&export(&path, &["--fields", "power_import.median"]));
    assert!(wrong.contains("median"), "{wrong}");
    let unknown = complaint(&export(&path, &["--resolution", "hour", "--fields", "power_imprt.mean"]));
    assert!(unknown.contains("power_imprt"), "{unknown}");
}

#[test]
fn spans_come_to_what_their_readings_do() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for second in 0..7_200 {
            opened.store.put(&meter("home"), reading(second, second)).await;
        }
        opened.store.close().await.unwrap();
    });
    let rows = |arguments: &[&str]| text(export(&path, arguments));
    let fields = "power_import.min,power_import.max,power_import.last";
    assert_eq!(
        rows(&["--resolution", "hour", "--fields", fields]),
        "time,time_utc,end_utc,meter,equipment_id,power_import.min,power_import.max,power_import.last\r\n\
         2026-11-21T01:00:00+01:00,2026-11-21T00:00:00Z,2026-11-21T01:00:00Z,home,K8EG004,0.000,3.599,3.599\r\n\
         2026-11-21T02:00:00+01:00,2026-11-21T01:00:00Z,2026-11-21T02:00:00Z,home,K8EG004,3.600,7.199,7.199\r\n"
    );
    let counts =
        [("raw", 7_200), ("minute", 120), ("quarter", 8), ("hour", 2), ("day", 1), ("month", 1), ("year", 1)];
    for (resolution, count) in counts {
        let json = rows(&["--resolution", resolution, "--format", "json"]);
        assert_eq!(json.lines().count(), count, "{resolution}");
    }
    let day = rows(&["--resolution", "day", "--format", "json", "--fields", "power_import.max"]);
    assert_eq!(
        day,
        "{\"time\":\"2026-11-21T00:00:00+01:00\",\"time_utc\":\"2026-11-20T23:00:00Z\",\
         \"end_utc\":\"2026-11-21T23:00:00Z\",\"meter\":\"home\",\"equipment_id\":\"K8EG004\",\
         \"power_import.max\":7.199}\n"
    );
    let line = rows(&[
        "--resolution",
        "hour",
        "--format",
        "influx",
        "--precision",
        "s",
        "--fields",
        "power_import.max",
    ]);
    assert_eq!(
        line.lines().next(),
        Some(&*format!("dsmr,equipment_id=K8EG004,meter=home power_import.max=3.599 {START}"))
    );
}

#[test]
fn a_file_is_there_when_it_is_whole() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let csv = text(export(&path, &[]));
    let file = folder.path().join("out.csv");
    assert_eq!(text(export(&path, &["--output", file.to_str().unwrap()])), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), csv);
    assert_eq!(text(export(&path, &["--output", "-"])), csv);
    let packed = folder.path().join("out.csv.gz");
    for _ in 0..2 {
        text(export(&path, &["--output", packed.to_str().unwrap()]));
        assert_eq!(unpacked(&std::fs::read(&packed).unwrap()), csv);
    }
    let piped = export(&path, &["--gzip"]);
    assert_eq!(piped.stdout, std::fs::read(&packed).unwrap(), "the same bytes");
    let nowhere = complaint(&export(&path, &["--output", "/nowhere/out.csv"]));
    assert!(nowhere.contains("/nowhere/out.csv"), "{nowhere}");
    // What fails leaves what was there.
    assert!(!export(&path, &["--fields", "nothing", "--output", file.to_str().unwrap()]).status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), csv);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{left:?}");
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn python_reads_the_csv() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let script = "import csv, sys\nrows = list(csv.DictReader(open(sys.argv[1], newline='')))\n\
                  print(len(rows), [r['message_text'] for r in rows], sum(float(r['power_import']) for r in rows))\n";
    let file = folder.path().join("out.csv");
    text(export(&path, &["--output", file.to_str().unwrap()]));
    let Some(told) = python(script, &file) else { return };
    assert_eq!(told, "3 ['Hi, \"yb', 'Hi, \"yb', ''] 2.386\n");
}

/// What a script says of a file; nothing where there is no Python.
fn python(script: &str, file: &Path) -> Option<String> {
    let child = Command::new("python3")
        .args(["-", file.to_str()?])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    child.stdin.take()?.write_all(script.as_bytes()).ok()?;
    Some(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_parquet_it_says_how_to_get_it() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let told = complaint(&export(&path, &["--format", "parquet"]));
    assert!(told.contains("--features parquet"), "{told}");
}
