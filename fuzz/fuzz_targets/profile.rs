//! Any bytes as the groups of every structured object, alone and as telegrams: all typed views, and what is
//! published of them. Nothing panics, every list has an end, and every JSON is one.

#![no_main]

use std::sync::LazyLock;

use dsmrd::meter::profile::{MAX_ROWS, RawProfile, duration, quantity, split};
use dsmrd::meter::{Field, Kind, Proof, REGISTERS, Reading, SwitchState, Zone, message, read};
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};
use dsmrd::publish::{Discovery, Context, Layout, LayoutSettings, PayloadFormat};
use libfuzzer_sys::fuzz_target;

static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone::new("Europe/Brussels").expect("a zone of the database"));

/// Every view of a reading.
fn view(reading: &Reading) {
    let failures = reading.power_failure_log(&ZONE);
    assert!(failures.len() <= MAX_ROWS);
    for failure in &failures {
        if let (Some(start), Some(end)) = (failure.start(), failure.end.and_then(|end| end.utc)) {
            assert!(start <= end);
        }
    }
    assert!(reading.demand_peak_history(&ZONE).len() <= MAX_ROWS);
    assert!(reading.demand_export_peak_history(&ZONE).len() <= MAX_ROWS);
    assert!(reading.month_end_energies(&ZONE).len() <= MAX_ROWS);
    assert!(reading.load_profile(&ZONE).len() <= MAX_ROWS);
    let _ = (reading.month_end(&ZONE), reading.current_limits());
    for register in REGISTERS {
        let (field, kind) = (register.field, register.kind);
        let limit = reading.limit(field);
        assert!(limit.is_none_or(|limit| !limit.is_off() || limit.threshold.value.magnitude() != 1));
        if let Some(text) = reading.text(field) {
            match kind {
                Kind::Switch => assert_eq!(reading.switch(field), SwitchState::parse(text)),
                Kind::Message => assert!(reading.message(field).is_none_or(|said| !said.trim().is_empty())),
                Kind::Profile => {
                    let raw = RawProfile::new(split(text));
                    let groups = split(text).count();
                    assert!(raw.columns.len() + raw.cells.len() + raw.empty_at_end <= groups);
                    for row in &reading.profile(field, &ZONE).expect("there is one").rows {
                        assert!(row.cells.len() <= groups);
                    }
                }
                _ => {}
            }
        }
    }
    for device in &reading.mbus {
        let _ = (device.class(), device.valve_state(), device.newest());
    }
}

/// What is published of a reading.
fn publish(reading: &Reading, payload: PayloadFormat) {
    let settings = LayoutSettings::Native { prefix: "dsmrd".into(), payload, discovery: Discovery::off() };
    let mut layout = Layout::new(&settings).expect("a prefix");
    let mut first = Vec::new();
    layout.messages(Context { meter: "home", rejected: 0, totals: None }, reading, &mut first);
    for message in &first {
        assert!(message.topic.len() < 1_024 && !message.topic.contains(['+', '#', '\0']));
        let is_json = payload == PayloadFormat::Json && !message.payload.is_empty();
        if is_json || message.topic.ends_with("/json") {
            let json: Result<serde_json::Value, _> = serde_json::from_slice(&message.payload);
            assert!(json.is_ok(), "{}: {}", message.topic, message.payload.escape_ascii());
        }
    }
    // What was kept of the lists makes no difference.
    let mut again = Vec::new();
    layout.messages(Context { meter: "home", rejected: 0, totals: None }, reading, &mut again);
    first.retain(|message| !message.payload.is_empty());
    assert_eq!(first, again);
}

fuzz_target!(|data: &[u8]| {
    let _ = (quantity(data), duration(data), message::decode(data));

    // The bytes as the groups of each object, as if it had been read.
    let mut reading = Reading::new(0, Proof::Verified);
    for register in REGISTERS {
        if matches!(register.kind, Kind::Profile | Kind::Switch | Kind::Message) {
            reading.set_text(register.field, data);
        }
    }
    view(&reading);
    assert!(reading.get(Field::PowerFailureLog).is_some());

    // The bytes as the rest of a line of each object, and as whole lines.
    let mut bytes = b"/FUZ5\r\n\r\n0-0:1.0.0(240915120005S)\r\n".to_vec();
    let heads: [&[u8]; 12] = [
        b"1-0:99.97.0",
        b"0-0:98.1.0",
        b"0-0:98.1.1",
        b"1-0:99.1.0",
        b"1-1:31.4.0",
        b"0-0:17.0.0",
        b"1-0:31.4.0",
        b"0-0:96.3.10",
        b"0-0:96.13.0",
        b"0-1:24.2.1",
        b"0-2:24.3.0",
        b"0-3:24.4.0",
    ];
    let line = data.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    for head in heads {
        bytes.extend_from_slice(head);
        bytes.push(b'(');
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b")\r\n");
    }
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n!\r\n");
    let settings = FramerSettings { crc: CrcPolicy::Ignore, max_bytes: 1 << 20, ..FramerSettings::default() };
    Framer::new(settings).push(&bytes, &mut |event| {
        let Event::Frame(frame) = event else { return };
        let reading = read(&frame, &ZONE, 7).reading;
        view(&reading);
        publish(&reading, PayloadFormat::Value);
        publish(&reading, PayloadFormat::Json);
    });
});
