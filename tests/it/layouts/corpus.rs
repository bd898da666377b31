//! Every telegram of the corpus through every layout: no topic that a broker would refuse, no JSON that a
//! reader would. The corpus is outside the repository: `../shared/telegrams`, or `DSMRD_CORPUS`.

use dsmrd::p1::frame::CrcPolicy;

use super::*;
use crate::support::{corpus, files};

#[test]
fn every_telegram_gives_valid_topics_and_json() {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let files = corpus().map_or_else(Vec::new, |corpus| files(&corpus.join("telegram"), "txt"));
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
