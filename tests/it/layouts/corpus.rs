//! Every telegram of the corpus through every layout: no topic that a broker would refuse, no JSON that a
//! reader would. The corpus is outside the repository: `../shared/telegrams`, or `DSMRD_CORPUS`.

use std::path::{Path, PathBuf};

use dsmrd::p1::frame::CrcPolicy;

use super::*;

#[expect(clippy::disallowed_methods, reason = "where the material lies is asked of the environment")]
fn telegrams() -> Vec<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/telegrams");
    let folder = std::env::var_os("DSMRD_CORPUS").map_or_else(near, PathBuf::from).join("telegram");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no corpus at {}; set DSMRD_CORPUS", folder.display());
        return Vec::new();
    };
    let files = entries.map(|entry| entry.expect("readable").path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect()
}

#[test]
fn every_telegram_gives_valid_topics_and_json() {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let files = telegrams();
    let mut read_from = 0;
    for file in &files {
        let bytes = std::fs::read(file).expect("readable");
        let mut layouts = [
            native("dsmrd", PayloadFormat::Value),
            native("dsmrd", PayloadFormat::ValueTimestamp),
            native("dsmrd", PayloadFormat::Json),
            dsmr_reader(),
        ];
        let mut framer = Framer::new(FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() });
        let mut readings = Vec::new();
        let mut keep = |event: Event<'_>| {
            if let Event::Frame(frame) = event {
                readings.push(read(&frame, &zone, ARRIVED).reading);
            }
        };
        framer.push(&bytes, &mut keep);
        framer.finish(&mut keep);
        read_from += usize::from(!readings.is_empty());
        for reading in &readings {
            for (n, layout) in layouts.iter_mut().enumerate() {
                let mut topics = Vec::new();
                for (topic, payload) in say(layout, reading) {
                    assert!(topic.len() < 1_024 && !topic.contains(['+', '#', '\0']), "{topic}");
                    assert!(topic.split('/').all(|level| !level.is_empty()), "{topic}");
                    if topic.ends_with("json") || n == 2 {
                        let json: Result<serde_json::Value, _> = serde_json::from_str(&payload);
                        assert!(json.is_ok(), "{}: {topic}: {payload}", file.display());
                    }
                    assert!(!topics.contains(&topic), "{}: {topic} is said twice", file.display());
                    topics.push(topic);
                }
                // Some telegrams of the corpus hold nothing that has a number.
                assert!(n == 1 || topics.len() > 1, "{}", file.display());
            }
        }
    }
    assert_eq!(read_from, files.len());
}
