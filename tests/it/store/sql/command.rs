//! `dsmrd sql` as a person calls it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::super::{START, meter, open, reading, runtime};

fn sql(database: &Path, arguments: &[&str]) -> Output {
    let command = &mut Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(["sql", "--database"]).arg(database).args(arguments).output().unwrap()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn database(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for (second, watt) in [(0, 1_193), (1, 250), (2, 0)] {
            assert!(opened.store.put(&meter("home, sweet"), reading(second, watt)).await);
        }
        opened.store.close().await.unwrap();
    });
    path
}

#[test]
fn rows_as_table_csv_and_json() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let select = "SELECT time_local, meter, power_import AS kW, NULL AS gone FROM reading ORDER BY time";
    assert_eq!(
        text(sql(&path, &[select])),
        "time_local                 meter           kW  gone\n\
         -------------------------  -----------  -----  ----\n\
         2026-11-21T01:00:00+01:00  home, sweet  1.193\n\
         2026-11-21T01:00:01+01:00  home, sweet   0.25\n\
         2026-11-21T01:00:02+01:00  home, sweet    0.0\n"
    );
    assert_eq!(
        text(sql(&path, &["--format", "csv", "--timezone", "UTC", &format!("{select} LIMIT 1")])),
        "time_local,meter,kW,gone\r\n2026-11-21T00:00:00+00:00,\"home, sweet\",1.193,\r\n"
    );
    assert_eq!(
        text(sql(
            &path,
            &["--format", "json", "SELECT time, power_import, meter_id, NULL AS n FROM reading LIMIT 1"]
        )),
        format!("{{\"time\":{START},\"power_import\":1.193,\"meter_id\":\"K8EG004\",\"n\":null}}\n")
    );
    assert_eq!(text(sql(&path, &["SELECT time FROM reading WHERE 1 = 0"])), "time\n----\n");
    let two = "SELECT 1 AS one; SELECT 2 AS two WHERE 0; SELECT 'three' AS three;";
    assert_eq!(text(sql(&path, &[two])), "one\n---\n  1\n\ntwo\n---\n\nthree\n-----\nthree\n");
    assert_eq!(text(sql(&path, &["--format", "csv", two])), "one\r\n1\r\n\r\ntwo\r\n\r\nthree\r\nthree\r\n");
    assert_eq!(text(sql(&path, &["--format", "json", two])), "{\"one\":1}\n{\"three\":\"three\"}\n");
}

#[test]
fn a_statement_comes_from_standard_input_too() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["sql", "--format", "csv", "-", "--database"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT count(*) AS n\nFROM reading;\n").unwrap();
    assert_eq!(text(child.wait_with_output().unwrap()), "n\r\n3\r\n");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let wrong = complaint(&sql(&path, &["SELECT time,\n  power_imprt\nFROM reading"]));
    assert_eq!(wrong, "dsmrd: no such column: power_imprt\n  power_imprt\n  ^\n");
    let quoted = complaint(&sql(&path, &["SELECT \"power_imprt\" FROM reading"]));
    assert!(quoted.contains("no such column"), "{quoted}");
    let text = complaint(&sql(&path, &["SELECT * FROM reading WHERE time >= '2026-11-21'"]));
    assert!(text.contains("compare time_local"), "{text}");
    let write = complaint(&sql(&path, &["DELETE FROM price"]));
    assert!(write.contains("dsmrd: "), "{write}");
    let second = complaint(&sql(&path, &["SELECT 1;\nSELECT pwer FROM reading"]));
    assert_eq!(second, "dsmrd: no such column: pwer\nSELECT pwer FROM reading\n       ^\n");
    let nowhere = complaint(&sql(&folder.path().join("none.sqlite"), &["SELECT 1"]));
    assert!(nowhere.contains("none.sqlite: no such database"), "{nowhere}");
}

#[test]
fn a_statement_that_takes_too_long_is_given_up() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let given_up = complaint(&sql(&path, &["--timeout", "1", endless]));
    assert_eq!(given_up, "dsmrd: not done within 1 s; see --timeout\n");
    assert_eq!(text(sql(&path, &["--timeout", "60", "--format", "csv", "SELECT 1 AS one"])), "one\r\n1\r\n");
}

#[test]
fn what_takes_too_much_memory_is_given_up() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let sorted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
                  SELECT count(*) AS n FROM (SELECT hex(randomblob(16)) AS h FROM n ORDER BY h LIMIT 1000000)";
    let given_up = complaint(&sql(&path, &["--memory", "8", sorted]));
    assert!(given_up.contains("it takes more than 8 MB of memory"), "{given_up}");
    // As much as nothing has to be held for runs on, however many rows there are.
    let counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
                   SELECT count(*) AS n FROM n";
    assert_eq!(text(sql(&path, &["--memory", "8", "--format", "csv", counted])), "n\r\n1000000\r\n");
}

#[test]
fn the_schema_has_units() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let schema = text(sql(&path, &["--schema"]));
    assert!(schema.starts_with("reading: every reading\n"), "{schema}");
    let line =
        |name: &str| schema.lines().find(|line| line.trim().starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("power_import ").ends_with("kW"), "{schema}");
    assert!(line("power_import_mean").ends_with("kW"), "{schema}");
    assert!(schema.contains("\nposition: "), "{schema}");
}
