//! Home Assistant's discovery: the documents, by Home Assistant's own rules, and what becomes of them.

use std::collections::BTreeMap;

use dsmrd::meter::{Reading, UnixMillis, Zone, read};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::publish::{Context, Discovery, Layout, LayoutSettings, Message, PayloadFormat};
use dsmrd::totals::Totals;
use serde_json::Value;

/// Documents of meters of every kind.
mod documents;

/// From one document to the next: what goes, what is swapped, what another run left behind.
mod life;

/// Entities of totals, peaks, prices and costs.
mod totals;

/// What Home Assistant takes.
mod rules;

/// When the telegrams of these tests arrive.
const ARRIVED: UnixMillis = 1_795_229_118_250;

/// Discovery for these meters.
fn discovery(meters: &[&str]) -> Discovery {
    Discovery {
        enabled: true,
        prefix: "homeassistant".into(),
        node: "dsmrd_12ab".into(),
        status_topic: "dsmrd/status".into(),
        status_online: "online".into(),
        status_offline: "offline".into(),
        meters: meters.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// A native layout that is announced.
fn layout(discovery: Discovery, payload: PayloadFormat) -> Layout {
    Layout::new(&LayoutSettings::Native { prefix: "dsmrd".into(), payload, discovery }).expect("a layout")
}

/// The one reading in a telegram.
fn reading(telegram: &[u8], received_at: UnixMillis) -> Reading {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let mut framer = Framer::new(FramerSettings::default());
    let mut readings = Vec::new();
    // A telegram without CRC ends where the next begins.
    framer.push(&[telegram, b"/"].concat(), &mut |event| {
        if let Event::Frame(frame) = event {
            let mut reading = read(&frame, &zone, received_at).reading;
            reading.raw = Some(frame.bytes().into());
            readings.push(reading);
        }
    });
    assert!(!readings.is_empty(), "no reading in {:?}", String::from_utf8_lossy(telegram));
    readings.remove(0)
}

/// A reading of these lines, received at this many seconds after the start.
fn lines(lines: &[&str], second: i64) -> Reading {
    let telegram = format!("/KFM5KAIFA-METER\r\n\r\n{}\r\n!\r\n", lines.join("\r\n"));
    reading(telegram.as_bytes(), ARRIVED + second * 1_000)
}

/// Everything that is said of a reading.
fn say(layout: &mut Layout, meter: &str, reading: &Reading, totals: Option<&Totals>) -> Vec<Message> {
    let mut out = Vec::new();
    layout.messages(Context { meter, rejected: 0, totals }, reading, &mut out);
    out
}

/// What is said to Home Assistant, by the object id of the device; a cleared document is null.
fn told(messages: &[Message]) -> BTreeMap<String, Value> {
    let mut told = BTreeMap::new();
    for message in messages {
        let Some(rest) = message.topic.strip_prefix("homeassistant/device/dsmrd_12ab/") else { continue };
        let id = rest.strip_suffix("/config").expect("a topic of a document");
        let document = match &message.payload[..] {
            b"" => Value::Null,
            payload => serde_json::from_slice(payload).expect("JSON"),
        };
        assert!(told.insert(id.to_owned(), document).is_none(), "{id} twice in one reading");
    }
    told
}

/// The keys of a document's entities, those that are taken out marked.
fn keys(document: &Value) -> Vec<String> {
    let parts = document["components"].as_object().expect("components");
    let key = |(key, part): (&String, &Value)| match part.get("state_topic") {
        Some(_) => key.clone(),
        None => format!("-{key}"),
    };
    parts.iter().map(key).collect()
}
