//! The command.

use std::process::{Command, Output};

use super::life::{Kept, Life, Said};
use crate::store::START;

fn query(kept: &Kept, more: &[&str]) -> Output {
    let command = &mut Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.arg("query").arg("--database").arg(&kept.path).args(more).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Two days, a reading a minute; the last hour in the journal alone.
fn two_days() -> Kept {
    let said = (0..2 * 1_440).map(|n| {
        let time = START + n * 60;
        let gas = vec![(1, "4741", time.div_euclid(3_600) * 3_600, n / 60 * 7)];
        Said { power: Some(n % 100), t1: Some(n * 2), gas, ..Said::at(time) }
    });
    let mut life = Life::of(said);
    life.flushes = vec![1_000, 2_820];
    life.database()
}

#[test]
fn the_last_day_fits_a_screen_or_two() {
    let kept = two_days();
    let table = text(&query(&kept, &[]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["start", "energy_import_t1.delta", "power_import.mean", "gas.delta"]
    );
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["kWh", "kW", "m3"]);
    // Quarter-hours of 24 hours, the first one whole.
    assert_eq!(lines.len(), 2 + 97);
    assert!(lines[2].starts_with("2026-11-22 00:45+01:00  "), "{}", lines[2]);
    assert!(lines.iter().all(|line| line.len() <= lines[0].len()), "aligned: {table}");
    assert!(lines[98].split_whitespace().nth(2) == Some("0.028"), "{}", lines[98]);
}

#[test]
fn csv_and_json_tell_every_digit_and_both_clocks() {
    let kept = two_days();
    let more = [
        "--resolution",
        "day",
        "--fields",
        "energy_import_t1.delta,power_import.max",
        "--from",
        "2026-11-01",
    ];
    let csv = text(&query(&kept, &[&more[..], &["--format", "csv"]].concat()));
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "time,time_utc,end_utc,meter,equipment_id,energy_import_t1.delta,power_import.max");
    assert_eq!(
        lines[1],
        "2026-11-21T00:00:00+01:00,2026-11-20T23:00:00Z,2026-11-21T23:00:00Z,home,K8EG004,2.760,0.099"
    );
    assert_eq!(lines.len(), 5);
    let json = text(&query(&kept, &[&more[..], &["--format", "json", "--timezone", "UTC"]].concat()));
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["time"], "2026-11-21T00:00:00+00:00");
    assert_eq!(json.lines().count(), 2);
    assert!(json.contains("\"energy_import_t1.delta\":2.880"), "{json}");
}

#[test]
fn what_is_wrong_is_told() {
    let kept = two_days();
    let problem = |more: &[&str]| {
        let output = query(&kept, more);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(problem(&["--fields", "power_imprt"]).contains("do you mean power_import?"));
    assert!(problem(&["--fields", "power_import.median"]).contains("mean, min, max, last, delta"));
    assert!(problem(&["--meter", "shed"]).contains("there are some of: home"));
    assert!(problem(&["--from", "2026-11-22", "--to", "2026-11-21"]).contains("--from is not before --to"));
    assert!(problem(&["--from", "soon"]).contains("--from soon: write 2026-11-21"));
    let nothing = query(&kept, &["--from", "2020-01-01", "--to", "2020-01-02"]);
    assert!(nothing.status.success());
    assert_eq!(
        String::from_utf8(nothing.stderr).unwrap(),
        "dsmrd: there are no readings in this range; there are some from 2026-11-21 01:00:00 to 2026-11-23 00:59:00\n"
    );
}

/// As somebody who may read the record, and write neither it nor its folder: SQLite would put its own files there.
#[test]
fn who_may_not_write_may_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    crate::store::runtime().block_on(async {
        let opened = crate::store::open(&path);
        opened.feed(0..30).await;
        opened.store.close().await.unwrap();
    });
    let modes = |of_folder: u32, of_files: u32| {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap().path();
            if !file.is_symlink() {
                std::fs::set_permissions(file, std::fs::Permissions::from_mode(of_files)).unwrap();
            }
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(of_folder)).unwrap();
    };
    let is_root = folder.path().metadata().unwrap().uid() == 0;
    // Nobody may not go through the folders of whoever builds this.
    let tools = crate::support::scratch();
    std::fs::set_permissions(tools.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = tools.path().join("dsmrd");
    let built = env!("CARGO_BIN_EXE_dsmrd");
    std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(drop)).unwrap();
    let somebody = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).arg("--database").arg(&path).current_dir("/");
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    modes(0o555, 0o444);
    assert_eq!(
        somebody(&["sql", "--format", "csv", "SELECT count(*) AS n FROM reading"]),
        (Some(0), "n\r\n30\r\n".into())
    );
    let query =
        somebody(&["query", "--resolution", "hour", "--format", "csv", "--fields", "power_import.max"]);
    assert!(query.0 == Some(0) && query.1.ends_with(",0.029\r\n"), "{query:?}");
    modes(0o555, 0o333);
    let (code, complaint) = somebody(&["query"]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("Permission denied") && complaint.contains("the user that dsmrd runs as"),
        "{complaint}"
    );
    modes(0o755, 0o644);
}
