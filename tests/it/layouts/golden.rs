//! The recorded feed through interpreter, ledger and layout, against what DSMR-reader v5.11 published for it. The
//! folder is outside the repository: `../shared/compat/golden`, or `DSMRD_GOLDEN`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use dsmrd::totals::Totals;
use serde_json::Value;

use super::whole::page::rows;
use super::whole::year::ledger;
use super::whole::{said, thousandths};
use super::*;

#[expect(clippy::disallowed_methods, reason = "where the material lies is asked of the environment")]
pub(super) fn folder() -> Option<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compat/golden");
    let folder = std::env::var_os("DSMRD_GOLDEN").map_or_else(near, PathBuf::from);
    if folder.join("feed.txt.gz").exists() {
        return Some(folder);
    }
    eprintln!("skipped: no golden files at {}; set DSMRD_GOLDEN", folder.display());
    None
}

fn unzipped(file: &Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(file).output().expect("gzip runs");
    assert!(output.status.success(), "{}", file.display());
    output.stdout
}

/// Where we differ, and why; DSMR-READER.rst has the same table.
const DIFFERENCES: [(&str, &str); 5] = [
    (
        "dsmr/day-consumption",
        "As its fields below; it has ``gas`` and ``gas_cost`` from the first message on.",
    ),
    (
        "dsmr/day-consumption/electricity_cost_merged",
        "The exact sum is rounded once; DSMR-reader adds up parts that it rounded before.",
    ),
    (
        "dsmr/day-consumption/gas",
        "A new position counts at once; DSMR-reader adds it a minute later, and has none in its first message.",
    ),
    ("dsmr/day-consumption/gas_cost", "As ``gas``."),
    (
        "dsmr/day-consumption/total_cost",
        "As ``electricity_cost_merged``: 1.37 in the end, where DSMR-reader has 1.36.",
    ),
];

/// What it published, by topic, in its order.
fn theirs(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let timeline = String::from_utf8(unzipped(&folder.join("timeline.tsv.gz"))).expect("UTF-8");
    let mut theirs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in timeline.lines().skip(1) {
        let mut columns = line.splitn(3, '\t').skip(1);
        let topic = columns.next().expect("a topic").to_owned();
        theirs.entry(topic).or_default().push(columns.next().unwrap_or_default().to_owned());
    }
    theirs
}

/// What we say to the telegrams that it read; it drops what arrives while it sleeps.
struct Ours {
    /// How many telegrams there are, those that it dropped among them.
    all: usize,
    /// Every message, by topic.
    said: BTreeMap<String, Vec<String>>,
    /// What is to be said of day, month and year with the last telegram of each minute, as of DSMR-reader's.
    minutes: Vec<BTreeMap<String, String>>,
    /// The totals with the last telegram.
    last: Totals,
}

fn ours(folder: &Path, read: &[String]) -> Ours {
    let (mut layout, mut ledger) = (dsmr_reader(), ledger());
    let readings = readings(&unzipped(&folder.join("feed.txt.gz")));
    let all = readings.len();
    let mut said_by_topic: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut minutes = Vec::new();
    let mut last: Option<(Reading, Totals)> = None;
    for reading in readings {
        let seconds = reading.time.and_then(|time| time.utc).expect("a time");
        let instant = jiff::Timestamp::from_second(seconds).expect("in range").to_string();
        if !read.contains(&instant) {
            continue;
        }
        let totals = ledger.take(&reading);
        let mut out = Vec::new();
        layout.messages(Context { meter: "home", rejected: 0, totals: Some(&totals) }, &reading, &mut out);
        for message in out {
            let payload = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
            said_by_topic.entry(message.topic.to_string()).or_default().push(payload);
        }
        // It closes a minute with the telegram after it.
        if let Some((reading, before)) = last.filter(|(_, before)| before.time / 60 != totals.time / 60) {
            // A layout that has said nothing yet says everything.
            minutes.push(said(&mut dsmr_reader(), &reading, Some(&before)));
        }
        last = Some((reading, totals));
    }
    let (_, last) = last.expect("a telegram");
    Ours { all, said: said_by_topic, minutes, last }
}

fn is_of_a_day(topic: &str) -> bool {
    topic.starts_with("dsmr/day-consumption")
}

#[test]
fn every_payload_is_that_of_dsmr_reader() {
    let Some(folder) = folder() else { return };
    let theirs = theirs(&folder);
    let ours = ours(&folder, &theirs["dsmr/reading/timestamp"]);
    assert_eq!((ours.all, theirs["dsmr/reading/timestamp"].len()), (1_080, 1_020));
    assert_eq!(theirs.len(), 57);

    let mut differ = BTreeSet::new();
    for (topic, theirs) in &theirs {
        let day = || ours.minutes.iter().map(|said| said[topic].clone()).collect();
        let ours: Vec<String> = if is_of_a_day(topic) { day() } else { ours.said[topic].clone() };
        if ours != *theirs {
            let first = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
            eprintln!("{topic}: {} and {}, unlike at {first:?}", ours.len(), theirs.len());
            differ.insert(topic.as_str());
        }
    }
    assert_eq!(differ, DIFFERENCES.iter().map(|(topic, _)| *topic).collect());

    // What is left at the broker, raw telegram included; figures of the day are a second newer.
    let retained = std::fs::read_to_string(folder.join("retained.jsonl")).expect("readable");
    for line in retained.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let topic = line["topic"].as_str().expect("a topic");
        let said = ours.said[topic].last().expect("a message");
        if is_of_a_day(topic) {
            assert_eq!(ours.said[topic].len(), ours.minutes.len() + 1, "{topic}: once a minute");
        } else {
            assert_eq!(Some(said.as_str()), line["payload"].as_str(), "{topic}");
        }
    }
    assert_eq!(retained.lines().count(), 58);
}

#[test]
fn differences_are_what_the_page_says() {
    let page: Vec<(String, String)> = rows("Differences in the recording");
    let table = DIFFERENCES.map(|(topic, reason)| (topic.to_owned(), reason.to_owned()));
    assert_eq!(page, table);

    let Some(folder) = folder() else { return };
    let theirs = theirs(&folder);
    let ours = ours(&folder, &theirs["dsmr/reading/timestamp"]);
    let of = |topic: &str| -> Vec<String> { ours.minutes.iter().map(|said| said[topic].clone()).collect() };

    // Gas: a minute ahead, and there from the start.
    for topic in ["dsmr/day-consumption/gas", "dsmr/day-consumption/gas_cost"] {
        let (ours, theirs) = (of(topic), &theirs[topic]);
        assert_eq!(ours[..ours.len() - 1], theirs[..], "{topic}");
    }

    // Sums: exact, then rounded.
    let milli = |payload: &String| payload.replace('.', "").parse::<i128>().expect("three decimals");
    let parts =
        ["electricity1", "electricity2", "gas"].map(|name| of(&format!("dsmr/day-consumption/{name}")));
    let prices = [211_230, 254_560, 1_123_450];
    for (name, count, fixed) in [("electricity_cost_merged", 2, 0), ("total_cost", 3, 1_234_500_000)] {
        for (minute, sum) in of(&format!("dsmr/day-consumption/{name}")).into_iter().enumerate() {
            let lines = parts.iter().zip(prices).take(count);
            let used: i128 = lines.map(|(part, price)| milli(&part[minute]) * price).sum();
            let cents = (used + fixed + 5_000_000) / 10_000_000;
            assert_eq!(sum, format!("{}.{:02}", cents / 100, cents % 100), "{name} of minute {minute}");
        }
    }

    // All else of the JSON, order included, is the same.
    let rest = |json: &String| {
        let fields = json.trim_matches(['{', '}']).split(", ");
        let listed = |key: &str| DIFFERENCES.iter().any(|(topic, _)| topic.ends_with(&format!("/{key}")));
        let same = |field: &&str| !field.split('"').nth(1).is_some_and(listed);
        fields.filter(same).collect::<Vec<_>>().join(", ")
    };
    let json = "dsmr/day-consumption";
    for (minute, (ours, theirs)) in of(json).iter().zip(&theirs[json]).enumerate() {
        assert_eq!(rest(ours), rest(theirs), "minute {minute}");
        assert!(rest(ours).len() > 500);
    }
}

#[test]
fn what_is_not_in_the_recording_follows_from_its_registers() {
    let Some(folder) = folder() else { return };
    let theirs = theirs(&folder);
    let ours = ours(&folder, &theirs["dsmr/reading/timestamp"]);
    // 61728.594 − 61728.396, 61728.595 − 61728.396, 2345.717 − 2345.678: the record begins with the feed.
    let last = ours.minutes.last().expect("a minute");
    for folder in ["current-month", "current-year"] {
        for (name, payload) in [
            ("electricity1", "0.198"),
            ("electricity2", "0.198"),
            ("electricity_merged", "0.396"),
            ("electricity1_returned", "0.000"),
            ("electricity1_cost", "0.04"),
            ("electricity2_cost", "0.05"),
            ("electricity_cost_merged", "0.09"),
            ("gas", "0.039"),
            ("gas_cost", "0.04"),
        ] {
            assert_eq!(last[&format!("dsmr/{folder}/{name}")], payload, "{folder}/{name}");
        }
    }
    assert_eq!(ours.last.year.usage.energy(dsmrd::meter::Field::EnergyImportT2), Some(thousandths(199)));
    // The feed begins 15 s after a quarter did, so that none of it has both ends.
    assert!(!ours.said.contains_key("dsmr/consumption/quarter-hour-peak-electricity/json"));
}
