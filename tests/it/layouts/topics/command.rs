//! `dsmrd topics`, beside what the layouts of a daemon say of the same readings.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::config::{self, Settings};
use dsmrd::exit;
use dsmrd::feed::MeterId;
use dsmrd::prices::PriceBook;
use dsmrd::publish::layout::mappable_fields;
use dsmrd::store::{Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;
use dsmrd::totals::{Ledger, LedgerSettings};

use super::*;
use crate::support::scratch;

/// Runs the command and gives its lines as objects.
fn listed(arguments: &[&str]) -> Vec<BTreeMap<String, Value>> {
    let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["topics", "--format", "json"])
        .args(arguments)
        .env_clear()
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("an array of objects")
}

fn topics(listed: &[BTreeMap<String, Value>], layout: &str) -> BTreeSet<String> {
    let of_layout = listed.iter().filter(|line| line["layout"] == layout);
    let topics: Vec<String> =
        of_layout.map(|line| line["topic"].as_str().expect("a text").to_owned()).collect();
    let set: BTreeSet<String> = topics.iter().cloned().collect();
    assert_eq!(set.len(), topics.len(), "a topic is listed twice");
    set
}

const CONFIG: &str = "
[[meter]]
name = \"home\"
source = \"/dev/ttyUSB0\"

[[mqtt]]
name = \"local\"
url = \"mqtt://127.0.0.1\"
prefix = \"house/meters\"
layouts = [\"dsmrd\", \"dsmr-reader\"]
";

/// A configuration with the record beside it.
fn configured(folder: &Path) -> (String, Settings) {
    let database = folder.join("record.sqlite");
    let text = format!("[store]\npath = \"{}\"\n{CONFIG}", database.display());
    let file = folder.join("dsmrd.toml");
    std::fs::write(&file, text).expect("it can be written");
    (file.display().to_string(), config::load(&file).expect("it loads").settings)
}

fn keep(settings: &Settings, readings: &[Reading]) {
    let last = readings.last().expect("a reading").received_at;
    let store = StoreSettings { path: settings.store.path.clone(), sync_interval: Duration::from_secs(60) };
    let store = Store::open(store, Arc::new(StoreCounters::default()), Clock::manual(last)).expect("a store");
    for reading in readings {
        assert!(store.offer(&MeterId { name: "home".into() }, Arc::new(reading.clone())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(store.close()).expect("it closes");
}

/// What the layouts of a broker hold there after these readings, as the daemon says them.
fn daemon(settings: &Settings, readings: &[Reading]) -> BTreeMap<bool, BTreeSet<String>> {
    let mut held: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
    for layout in &settings.mqtt[0].layouts {
        let zone = Zone::new("Europe/Amsterdam").expect("a zone");
        let prices = Arc::new(PriceBook {
            currency: settings.prices.currency.as_str().into(),
            contracts: settings.prices.contracts.clone(),
            table: Arc::default(),
            zone: zone.clone(),
        });
        let mut ledger = Ledger::new(LedgerSettings { zone, prices }, Vec::new());
        let is_native = matches!(layout, LayoutSettings::Native { .. });
        let mut layout = Layout::new(layout).expect("a layout");
        let mut out = Vec::new();
        layout.link("home", true, &mut out);
        for reading in readings {
            let totals = ledger.take(reading);
            let context = Context { meter: "home", rejected: 0, totals: Some(&totals) };
            layout.messages(context, reading, &mut out);
        }
        let held = held.entry(is_native).or_default();
        for message in out {
            let topic = message.topic.to_string();
            if is_native && message.payload.is_empty() {
                held.remove(&topic);
            } else {
                held.insert(topic);
            }
        }
    }
    held
}

/// Keeps the readings, runs the command and compares. Gives what it listed of our own layout, below the meter's.
fn compare(name: &str, mut readings: Vec<Reading>) -> BTreeSet<String> {
    // As the daemon has them, with the telegram that they came in.
    for reading in &mut readings {
        reading.raw = Some(Box::from(&b"/"[..]));
    }
    let folder = scratch();
    let (file, settings) = configured(folder.path());
    keep(&settings, &readings);
    let listed = listed(&["--config", &file]);
    let said = daemon(&settings, &readings);
    assert_eq!(topics(&listed, "dsmrd"), said[&true], "{name}");
    // What DSMR-reader's layout has not said yet is of gas and of quarter-hours.
    let theirs = topics(&listed, "dsmr-reader");
    assert!(theirs.is_superset(&said[&false]), "{name}: {:?}", said[&false].difference(&theirs));
    let later = ["dsmr/consumption/", "dsmr/day-consumption", "dsmr/current-"];
    for topic in theirs.difference(&said[&false]) {
        assert!(later.iter().any(|start| topic.starts_with(start)), "{name}: {topic}");
    }
    let process = topics(&listed, "process");
    for topic in ["house/meters/status", "house/meters/store"] {
        assert!(process.contains(topic), "{name}: {process:?}");
    }
    for line in &listed {
        assert!(line["broker"] == "local" && line["retained"] == true, "{name}: {line:?}");
        let is_ours = line["layout"] == "dsmrd";
        assert!(!is_ours || line["meaning"] != "", "{name}: {line:?}");
    }
    let ours = topics(&listed, "dsmrd").into_iter();
    ours.filter_map(|topic| topic.strip_prefix("house/meters/home/").map(str::to_owned)).collect()
}

#[test]
fn the_command_lists_what_the_daemon_says_of_each_fixture() {
    let wanted = ["fluvius-3phase-peaks", "iskra-3phase-gas", "waters", "2.2-kamstrup", "wasion"];
    let fixtures = fixtures().into_iter().filter(|(name, _)| wanted.iter().any(|part| name.contains(part)));
    let counts: Vec<usize> = fixtures.map(|(name, readings)| compare(&name, readings).len()).collect();
    assert_eq!(counts.len(), wanted.len());
    assert!(counts.iter().all(|count| *count > 8), "{counts:?}");
}

#[test]
fn what_the_meter_no_longer_sends_is_not_listed() {
    // Two hours, the gas meter in the first of them only.
    let readings: Vec<Reading> = (0..120)
        .map(|minute| {
            let clock = format!("0-0:1.0.0(1607151{}{:02}05S)", 2 + minute / 60, minute % 60);
            let end = ONE_PHASE.len() - if minute < 45 { 0 } else { 3 };
            let lines: Vec<&str> = ONE_PHASE[..end]
                .iter()
                .map(|line| if line.starts_with("0-0:1.0.0") { clock.as_str() } else { line })
                .collect();
            let mut reading = reading(&lines);
            reading.received_at = reading.utc_seconds() * 1_000 + 250;
            reading
        })
        .collect();
    let listed = compare("two hours", readings);
    assert!(listed.contains("power_import") && !listed.contains("gas/reading"), "{listed:?}");
}

#[test]
fn a_meter_without_readings_has_the_general_table() {
    let folder = scratch();
    let (file, settings) = configured(folder.path());
    let listed = listed(&["--config", &file]);
    let mut all: BTreeSet<String> =
        table::rows().map(|row| format!("house/meters/home/{}", row.topic)).collect();
    let ours = topics(&listed, "dsmrd");
    let more: Vec<&String> = ours.difference(&all).collect();
    assert!(more.iter().all(|topic| topic.starts_with("homeassistant/device/")), "{more:?}");
    all.extend(ours.iter().filter(|topic| topic.starts_with("homeassistant/")).cloned());
    assert_eq!(ours, all);
    let fields = mappable_fields();
    let default = fields.iter().filter(|field| field.default && !field.name.contains('#'));
    assert_eq!(topics(&listed, "dsmr-reader").len(), default.count());
    assert!(!settings.store.path.exists(), "nothing is made by looking");
}

#[test]
fn without_a_configuration_every_topic_that_there_is() {
    let listed = listed(&[]);
    let ours = topics(&listed, "dsmrd");
    for row in table::rows() {
        assert!(ours.contains(&format!("dsmrd/home/{}", row.topic)), "{}", row.topic);
    }
    assert!(topics(&listed, "dsmr-reader").contains("dsmr/day-consumption/electricity1_cost"));
}

#[test]
fn a_table_for_people_and_one_for_programs() {
    let run = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args(["topics", "--format", format])
            .env_clear()
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(i32::from(exit::OK)));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let table = run("table");
    assert!(table.starts_with("layout process: 2 topics\n  dsmrd/status "), "{table}");
    assert!(
        table.lines().any(|line| line.contains("dsmrd/home/cost/now") && line.contains("EUR/h")),
        "{table}"
    );
    let csv = run("csv");
    let columns = csv.lines().next().expect("a header").split(',').count();
    assert_eq!(columns, 9);
    assert_eq!(csv.lines().count(), table.lines().filter(|line| line.starts_with("  ")).count() + 1);
    assert!(csv.ends_with("\r\n") && csv.contains("dsmrd/home/limiter_threshold,\"kW, kVA, A\","), "{csv}");
}
