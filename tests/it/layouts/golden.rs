//! The recorded feed through our layout, against what DSMR-reader v5.11 published for it. The folder is
//! outside the repository: `../shared/compat/golden`, or `DSMRD_GOLDEN`.

use std::path::{Path, PathBuf};
use std::process::Command;

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

fn ours(topic: &str) -> bool {
    ["dsmr/reading/", "dsmr/meter-stats/", "dsmr/consumption/gas/"].iter().any(|set| topic.starts_with(set))
        || topic == "dsmr/json"
}

#[test]
fn every_payload_is_that_of_dsmr_reader() {
    let Some(folder) = folder() else { return };
    let timeline = String::from_utf8(unzipped(&folder.join("timeline.tsv.gz"))).expect("UTF-8");
    let mut theirs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in timeline.lines().skip(1) {
        let mut columns = line.splitn(3, '\t').skip(1);
        let (topic, payload) = (columns.next().expect("a topic"), columns.next().unwrap_or_default());
        if ours(topic) {
            theirs.entry(topic).or_default().push(payload);
        }
    }
    let read: Vec<&str> = theirs["dsmr/reading/timestamp"].clone();
    assert_eq!(theirs.len(), 1 + 22 + 11 + 4);

    // It drops what arrives while it sleeps; we are shown the same telegrams.
    let mut layout = dsmr_reader();
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut all = 0;
    for reading in readings(&unzipped(&folder.join("feed.txt.gz"))) {
        all += 1;
        let seconds = reading.time.and_then(|time| time.utc).expect("a time");
        let instant = jiff::Timestamp::from_second(seconds).expect("in range").to_string();
        if !read.contains(&instant.as_str()) {
            continue;
        }
        let mut out = Vec::new();
        layout.messages(Context { meter: "home", rejected: 0, totals: None }, &reading, &mut out);
        for message in out {
            let payload = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
            said.entry(message.topic.to_string()).or_default().push(payload);
        }
    }
    assert_eq!((all, read.len()), (1_080, 1_020));
    for (topic, payloads) in &theirs {
        let said = said.get(*topic).unwrap_or_else(|| panic!("{topic} was not said"));
        for (i, (ours, theirs)) in said.iter().zip(payloads).enumerate() {
            assert_eq!(ours, theirs, "message {i} of {topic}");
        }
        assert_eq!(said.len(), payloads.len(), "{topic}");
    }

    // What is left at the broker, raw telegram included.
    let retained = std::fs::read_to_string(folder.join("retained.jsonl")).expect("readable");
    let mut compared = 0;
    for line in retained.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let (topic, payload) = (line["topic"].as_str(), line["payload"].as_str());
        let topic = topic.expect("a topic");
        if ours(topic) || topic == "dsmr/raw" {
            compared += 1;
            assert_eq!(said[topic].last().map(String::as_str), payload, "{topic}");
        }
    }
    assert_eq!(compared, 39);
}
