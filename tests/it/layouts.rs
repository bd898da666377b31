//! Topic layouts, payloads to the byte.

use std::collections::{BTreeMap, HashMap};

use dsmrd::meter::{Reading, Zone, read};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::publish::{Context, Discovery, Layout, LayoutSettings, Message, PayloadFormat};

/// What DSMR-reader published for a recorded feed.
mod golden;

/// dsmrd's own topics.
mod native;

/// The topics that the pages name, and those that there are.
mod topics;
mod whole;

/// Every public telegram through every layout.
mod corpus;

const ARRIVED: i64 = 1_795_229_118_250;

/// The readings in a stream of telegrams.
fn readings(stream: &[u8]) -> Vec<Reading> {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let mut framer = Framer::new(FramerSettings::default());
    let mut readings = Vec::new();
    framer.push(stream, &mut |event| match event {
        Event::Frame(frame) => {
            let mut reading = read(&frame, &zone, ARRIVED).reading;
            reading.raw = Some(frame.bytes().into());
            readings.push(reading);
        }
        Event::Rejected(rejected) => panic!("rejected: {rejected:?}"),
    });
    readings
}

/// A reading of the given lines, in a telegram without CRC.
fn reading(lines: &[&str]) -> Reading {
    let stream = format!("/ISK5\\2M550T-1013\r\n\r\n{}\r\n!\r\n/", lines.join("\r\n"));
    let mut readings = readings(stream.as_bytes());
    assert_eq!(readings.len(), 1, "{stream}");
    readings.remove(0)
}

fn say(layout: &mut Layout, reading: &Reading) -> Vec<(String, String)> {
    let mut out: Vec<Message> = Vec::new();
    layout.messages(Context { meter: "home", rejected: 3, totals: None }, reading, &mut out);
    let text = |message: Message| {
        (message.topic.to_string(), String::from_utf8(message.payload.to_vec()).expect("UTF-8"))
    };
    out.into_iter().map(text).collect()
}

fn native(prefix: &str, payload: PayloadFormat) -> Layout {
    Layout::new(&LayoutSettings::Native { prefix: prefix.into(), payload, discovery: Discovery::off() })
        .expect("a layout")
}

fn dsmr_reader() -> Layout {
    let settings = LayoutSettings::DsmrReader {
        meter: "home".into(),
        timezone: "Europe/Amsterdam".into(),
        prefix: "dsmr".into(),
        mapping: Vec::new(),
    };
    Layout::new(&settings).expect("a layout")
}

/// The last payload of each topic.
fn last(messages: Vec<(String, String)>) -> BTreeMap<String, String> {
    messages.into_iter().collect()
}

/// One phase, no solar panels, DSMR 4: gas stands at the end of its hour.
const ONE_PHASE: &[&str] = &[
    "1-3:0.2.8(42)",
    "0-0:1.0.0(160715120005S)",
    "0-0:96.1.1(4530303033303030303030303030303030)",
    "1-0:1.8.1(000123.456*kWh)",
    "1-0:1.8.2(000200.100*kWh)",
    "1-0:2.8.1(000000.000*kWh)",
    "1-0:2.8.2(000000.044*kWh)",
    "0-0:96.14.0(0001)",
    "1-0:1.7.0(00.300*kW)",
    "1-0:2.7.0(01.193*kW)",
    "0-0:96.7.21(00004)",
    "1-0:31.7.0(001.66*A)",
    "1-0:21.7.0(00.300*kW)",
    "1-0:22.7.0(01.193*kW)",
    "0-1:24.1.0(003)",
    "0-1:96.1.0(4730303233)",
    "0-1:24.2.1(160715120000S)(00012.345*m3)",
];

#[test]
fn what_a_meter_lacks_is_cleared_in_the_topics_of_dsmr_reader() {
    let mut layout = dsmr_reader();
    let said = say(&mut layout, &reading(ONE_PHASE));
    let topics: Vec<&str> = said.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics.len(), 1 + 1 + 22 + 11 + 4);
    let said: HashMap<&str, &str> = said.iter().map(|(t, p)| (t.as_str(), p.as_str())).collect();
    for (topic, payload) in [
        ("dsmr/reading/timestamp", "2016-07-15T10:00:05Z"),
        ("dsmr/reading/electricity_delivered_1", "123.456"),
        ("dsmr/reading/electricity_returned_2", "0.044"),
        ("dsmr/reading/phase_currently_delivered_l2", ""),
        ("dsmr/reading/phase_voltage_l1", ""),
        // DSMR-reader cuts it to 1.
        ("dsmr/reading/phase_power_current_l1", "2"),
        ("dsmr/reading/extra_device_timestamp", "2016-07-15T10:00:00Z"),
        ("dsmr/reading/id", "1"),
        ("dsmr/meter-stats/dsmr_version", "42"),
        ("dsmr/meter-stats/electricity_tariff", "1"),
        ("dsmr/meter-stats/power_failure_count", "4"),
        ("dsmr/meter-stats/voltage_sag_count_l2", ""),
        ("dsmr/meter-stats/rejected_telegrams", "3"),
        ("dsmr/consumption/gas/read_at", "2016-07-15T11:00:00+02:00"),
        ("dsmr/consumption/gas/delivered", "12.345"),
        ("dsmr/consumption/gas/currently_delivered", "0"),
        (
            "dsmr/consumption/gas/json",
            "{\"read_at\": \"2016-07-15T11:00:00+02:00\", \"delivered\": \"12.345\", \
             \"currently_delivered\": 0}",
        ),
    ] {
        assert_eq!(said.get(topic), Some(&payload), "{topic}");
    }
    let json = said["dsmr/json"];
    assert!(json.contains("\"phase_power_current_l1\": 2, \"phase_power_current_l2\": null"), "{json}");
    assert!(said["dsmr/raw"].ends_with("(00012.345*m3)\r\n!"));
}

#[test]
fn the_gas_topics_speak_once_a_gas_reading() {
    let mut layout = dsmr_reader();
    say(&mut layout, &reading(ONE_PHASE));
    let gas = |said: Vec<(String, String)>| {
        last(said.into_iter().filter(|(topic, _)| topic.contains("/gas/")).collect())
    };
    assert!(gas(say(&mut layout, &reading(ONE_PHASE))).is_empty());
    let mut later = ONE_PHASE.to_vec();
    later.pop();
    later.push("0-1:24.2.1(160715130000S)(00012.400*m3)");
    let said = gas(say(&mut layout, &reading(&later)));
    assert_eq!(said["dsmr/consumption/gas/currently_delivered"], "0.055");
    assert!(said["dsmr/consumption/gas/json"].ends_with("\"currently_delivered\": \"0.055\"}"));
}

#[test]
fn another_meter_says_nothing_in_the_topics_of_dsmr_reader() {
    let mut out = Vec::new();
    let context = Context { meter: "garage", rejected: 0, totals: None };
    dsmr_reader().messages(context, &reading(ONE_PHASE), &mut out);
    assert!(out.is_empty());
}

#[test]
fn a_meter_without_a_clock_has_the_time_of_arrival() {
    let old = reading(&["1-0:1.8.1(00123.456*kWh)", "1-0:1.7.0(0000.98*kW)"]);
    let said = last(say(&mut dsmr_reader(), &old));
    assert_eq!(said["dsmr/reading/timestamp"], "2026-11-21T02:45:18.250Z");
    assert_eq!(said["dsmr/reading/electricity_currently_delivered"], "0.980");
    assert_eq!(said["dsmr/reading/electricity_delivered_2"], "0.000");
}
