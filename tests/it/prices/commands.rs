//! `dsmrd prices` as a user runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::prices::{ImportFormat, PriceTable, Slot};
use dsmrd::store::{Archive, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::{electricity, told, utc};
use crate::support::scratch;

/// A record that a running dsmrd keeps open.
struct Running {
    folder: tempfile::TempDir,
    database: PathBuf,
    runtime: tokio::runtime::Runtime,
    store: Store,
}

impl Running {
    fn start() -> Self {
        let folder = scratch();
        let database = folder.path().join("dsmrd.sqlite");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let settings = StoreSettings { path: database.clone(), sync_interval: Duration::from_secs(60) };
        let clock = Clock::manual(1_795_219_200_000);
        let inside = runtime.enter();
        let store = Store::open(settings, Arc::new(StoreCounters::default()), clock).expect("opened");
        drop(inside);
        Self { folder, database, runtime, store }
    }

    fn shown(&self) -> &str {
        self.database.to_str().expect("UTF-8")
    }

    /// Runs a command of `dsmrd prices` on the record.
    fn prices(&self, command: &str, arguments: &[&str], input: &str) -> Output {
        prices(&[&[command, "--database", self.shown()], arguments].concat(), input)
    }

    fn recorded(&self) -> Vec<Slot> {
        let archive = Archive::open(&self.database).expect("a record");
        let table: PriceTable = archive.prices(i64::MIN).expect("prices");
        table.slots().copied().collect()
    }

    fn stop(&self) {
        self.runtime.block_on(self.store.close()).expect("closed");
    }
}

/// Runs `dsmrd prices` with a text on its standard input.
fn prices(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .arg("prices")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

const TABLE: &str = "start,price (EUR/MWh)\n2026-01-31T11:00Z,92.13\n2026-01-31T12:00Z,-5.00\n";

#[test]
fn tables_go_into_the_record_of_a_running_process_and_out_again() {
    let running = Running::start();
    let table = file(running.folder.path(), "prices.csv", TABLE);
    let (import, shown) =
        (|arguments: &[&str], input: &str| running.prices("import", arguments, input), running.shown());

    let first = import(&[table.to_str().expect("UTF-8")], "");
    assert_eq!(
        said(&first),
        format!(
            "{}: 2 prices of electricity, from 2026-01-31T12:00:00+01:00 to 2026-01-31T14:00:00+01:00, -0.00500 to \
             0.09213\n{shown}: 2 new, 0 changed, 0 unchanged\n",
            table.display()
        )
    );
    // Again, with one price corrected and one more, over the standard input.
    let later = format!("{}2026-01-31T13:00Z,10.00\n", TABLE.replace("-5.00", "-6.00"));
    let again = said(&import(&["-"], &later));
    assert!(again.starts_with("standard input: 3 prices of electricity, from"), "{again}");
    assert!(again.ends_with(": 1 new, 1 changed, 1 unchanged\n"), "{again}");
    let expected = [
        "01-31T11:00 01-31T12:00 0.09213",
        "01-31T12:00 01-31T13:00 -0.00600",
        "01-31T13:00 01-31T14:00 0.01000",
    ];
    assert_eq!(told(&running.recorded()), expected);

    // What is listed is imported again and changes nothing.
    for format in ["csv", "json"] {
        let listed = said(&running.prices("list", &["--format", format], ""));
        let summary = said(&import(&["-", "--format", format], &listed));
        assert!(summary.ends_with(": 0 new, 0 changed, 3 unchanged\n"), "{summary}");
    }
    running.stop();
    assert_eq!(told(&running.recorded()), expected);
}

#[test]
fn a_list_is_cut_by_time_and_kind() {
    let running = Running::start();
    let table = "kind,start,price\nelectricity,2026-01-31T11:00Z,10.5\nelectricity,2026-01-31T12:00Z,-0.25\n\
                 gas,2026-01-31T11:00Z,1.1\n";
    said(&running.prices("import", &["-"], table));
    let list = |arguments: &[&str]| said(&running.prices("list", arguments, ""));
    assert_eq!(
        list(&["--kind", "electricity"]),
        "kind                start                      end                        price\n\
         electricity         2026-01-31T12:00:00+01:00  2026-01-31T13:00:00+01:00  10.5\n\
         electricity         2026-01-31T13:00:00+01:00  2026-01-31T14:00:00+01:00  -0.25\n"
    );
    assert_eq!(
        list(&["--from", "2026-01-31T13:00", "--timezone", "UTC", "--format", "csv"]),
        "kind,start,end,price\r\n"
    );
    assert_eq!(
        list(&["--to", "2026-01-31T12:30", "--kind", "gas", "--format", "json", "--timezone", "UTC"]),
        "[\n{\"kind\":\"gas\",\"start\":\"2026-01-31T11:00:00+00:00\",\"end\":\"2026-01-31T12:00:00+00:00\",\"price\":1.1}\n]\n"
    );
    assert_eq!(list(&["--to", "2026-01-31", "--format", "json"]), "[]\n");
    let nothing = running.prices("list", &["--to", "2026-01-31"], "");
    assert_eq!(said(&nothing), "");
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("there are no prices"));
    running.stop();
}

#[test]
fn nothing_is_taken_of_several_tables_when_one_is_none() {
    let running = Running::start();
    let good = file(running.folder.path(), "good.csv", TABLE);
    let bad =
        file(running.folder.path(), "bad.json", "[{\"start\":\"2026-01-31T11:00Z\",\"price\":\"cheap\"}]");
    let (good, bad) = (good.to_str().expect("UTF-8"), bad.to_str().expect("UTF-8"));
    let both = running.prices("import", &[good, bad], "");
    assert_eq!(refused(&both), format!("dsmrd: {bad}: [0]: price: \"cheap\" is not a number\n"));
    assert_eq!(running.recorded(), []);
    let dry = said(&running.prices("import", &["--dry-run", good], ""));
    assert!(dry.ends_with("nothing was changed: this is a dry run\n"), "{dry}");
    assert_eq!(running.recorded(), []);
    running.stop();
}

#[test]
fn the_configuration_tells_record_and_zone_and_whether_prices_count() {
    let running = Running::start();
    let settings = format!(
        "[store]\npath = {:?}\n[[meter]]\nname = \"home\"\nsource = \"simulate:\"\ntimezone = \"Europe/Vilnius\"\n\
         [[contract]]\nname = \"test\"\nstart = 2026-01-01\nimport = 0.25\n",
        running.database
    );
    let config = file(running.folder.path(), "dsmrd.toml", &settings);
    let config = config.to_str().expect("UTF-8");
    let import = || prices(&["import", "--config", config, "-"], TABLE);
    let first = import();
    assert!(said(&first).contains("from 2026-01-31T13:00:00+02:00 to"), "{}", said(&first));
    let warned = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(warned.ends_with("these prices count for nothing until one does\n"), "{warned}");
    file(running.folder.path(), "dsmrd.toml", &format!("{settings}dynamic = [\"import\"]\n"));
    let second = import();
    assert!(said(&second).ends_with("0 new, 0 changed, 2 unchanged\n"));
    assert!(!String::from_utf8_lossy(&second.stderr).contains("count for nothing"));
    let listed = said(&prices(&["list", "--config", config, "--format", "csv"], ""));
    assert!(listed.contains("2026-01-31T13:00:00+02:00"), "{listed}");
    running.stop();
}

#[test]
fn check_needs_no_record_and_warns_of_what_one_may_not_expect() {
    let table = "start,end,price\n2026-01-31T11:00Z,2026-01-31T11:05Z,1\n2026-01-31T11:05Z,2026-01-31T11:10Z,2\n\
                 2026-01-31T12:00Z,2026-01-31T12:05Z,3\n";
    let checked = prices(&["check", "-", "--timezone", "UTC"], table);
    assert_eq!(
        said(&checked),
        "standard input: 3 prices of electricity, from 2026-01-31T11:00:00+00:00 to 2026-01-31T12:05:00+00:00, 1 to 3\n"
    );
    assert_eq!(
        String::from_utf8_lossy(&checked.stderr),
        "warning: standard input: 1 gap without prices, the first from 2026-01-31T11:10:00+00:00 to \
         2026-01-31T12:00:00+00:00\n\
         warning: standard input: prices change within a quarter-hour; the one at its start counts for all of it\n"
    );
    // A price of a MWh that nobody called one.
    let dear = "start,price\n2026-01-31T11:00Z,92.13\n";
    let warning = |arguments: &[&str]| {
        let output = prices(&[&["check", "-"], arguments].concat(), dear);
        said(&output);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(
        warning(&[]),
        "warning: standard input: prices go up to 92.13 a kWh; say --unit MWh if they are a MWh, --unit kWh if not\n"
    );
    assert_eq!(warning(&["--unit", "kWh"]), "");
    assert_eq!(warning(&["--unit", "MWh"]), "");
    let slots = electricity(table, ImportFormat::Csv).expect("a table");
    assert_eq!(slots[0].start, utc("2026-01-31T11:00:00Z"));
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let check = |arguments: &[&str]| refused(&prices(&[&["check", "-"], arguments].concat(), TABLE));
    assert_eq!(
        check(&["--unit", "kWh"]),
        "dsmrd: standard input: line 2: the table says that its prices are a MWh, not a kWh; set the unit to MWh\n"
    );
    assert_eq!(
        check(&["--unit", "m3"]),
        "dsmrd: --unit: electricity is priced a kWh or MWh; is it --kind gas?\n"
    );
    assert_eq!(
        check(&["--unit", "MWh", "--kind", "gas"]),
        "dsmrd: --unit: gas is priced a m3; convert prices of a kWh to m3\n"
    );
    assert_eq!(check(&["-"]), "dsmrd: the standard input can be read once; give - once\n");
    assert!(check(&["--timezone", "Europe/Rotterdam"]).contains("unknown time zone \"Europe/Rotterdam\""));
    assert!(check(&["--format", "json"]).starts_with("dsmrd: standard input: line 1: this is not JSON"));
    let missing = refused(&prices(&["check", "/nonexistent/prices.csv"], ""));
    assert!(missing.starts_with("dsmrd: cannot read /nonexistent/prices.csv: "), "{missing}");
    // Only a running dsmrd makes a record.
    let folder = scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let none = prices(&["import", "--database", database.to_str().expect("UTF-8"), "-"], TABLE);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("dsmrd.sqlite"));
    assert!(!database.exists());
}
