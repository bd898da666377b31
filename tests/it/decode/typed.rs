//! What telegrams come to: countries, typed objects, times by continuity.

use dsmrd::p1::crc::crc16;
use serde_json::Value;

use super::{decode, lines, says};
use crate::support::fixtures;

#[test]
fn structured_objects_are_typed() {
    says("be-brussels-two-limits", "/typed/limits/current/import/value", "65.0");
    says("be-brussels-two-limits", "/typed/limits/current/export/value", "-65.0");
    says("lu-smarty-decrypted", "/typed/limits/current/export/value", "-40");
    says("lu-smarty-decrypted", "/typed/switches/relay_2", "ready for reconnection");
    says("lu-smarty-decrypted", "/typed/messages/consumer_3", "Moien");
    says("hu-sagemcom-month-end", "/typed/switches/state", "connected");
    says("hu-sagemcom-month-end", "/typed/month_end/time/utc", "2025-07-31T22:00:00Z");
    says("il-kaifa-time-of-use", "/typed/load_profile/0/values/1-0:1.29.0/value", "0.205");
    says("be-50217-fluvius-3phase-peaks-gas-water", "/typed/demand_peaks/3/peak/value", "5.021");
    says(
        "be-50217-fluvius-3phase-peaks-gas-water",
        "/typed/demand_peaks/3/occurred/utc",
        "2025-10-19T15:45:00Z",
    );
    says("be-50217-fluvius-3phase-peaks-gas-water", "/typed/mbus/1/class", "water");
    says("be-50217-fluvius-3phase-peaks-gas-water", "/typed/mbus/0/valve", "open");
    says("be-50217-fluvius-3phase-peaks-gas-water", "/typed/tariff_name", "normal");
    says("nl-5.0-iskra-3phase-gas", "/typed/tariff_name", "normal");
    let belgian = lines(&decode(&[], &fixtures().join("be-50217-fluvius-3phase-peaks-gas-water.txt")));
    assert_eq!(belgian[0]["typed"]["tariff"], 1, "by day");
    assert_eq!(belgian[0]["typed"]["limits"]["limiter_threshold"]["off"], true);
    let dutch = lines(&decode(&[], &fixtures().join("nl-5.0-iskra-3phase-gas.txt")));
    assert_eq!(dutch[0]["typed"]["tariff"], 2, "by day");
}

#[test]
fn the_country_is_told_with_what_tells_it() {
    let of = |name: &str, arguments: &[&str]| {
        lines(&decode(arguments, &fixtures().join(format!("{name}.txt"))))[0]["country"].clone()
    };
    for (name, code) in [
        ("be-50217-fluvius-3phase-peaks-gas-water", "be"),
        ("lu-smarty-decrypted", "lu"),
        ("hu-sagemcom-month-end", "hu"),
        ("il-kaifa-time-of-use", "il"),
        ("lt-eso-kilounits", "lt"),
    ] {
        let country = of(name, &[]);
        assert_eq!(country["code"], code, "{country}");
        assert!(country["evidence"].as_str().is_some_and(|evidence| evidence.len() > 10), "{country}");
    }
    let told = of("se-aidon-end-mark-on-last-line", &["--country", "fi"]);
    assert_eq!((&told["code"], &told["certainty"]), (&Value::from("fi"), &Value::from("told")));
    let finnish =
        lines(&decode(&["--country", "fi"], &fixtures().join("se-aidon-end-mark-on-last-line.txt")));
    assert_eq!(finnish[0]["timestamp"]["utc"], "2025-01-17T06:30:00Z");
    // Its objects know better, and the table says so.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["decode", "--country", "nl"])
        .arg(fixtures().join("hu-sagemcom-month-end.txt"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("its objects say otherwise, Hungary"), "{text}");
}

#[test]
fn the_doubled_hour_is_settled_by_the_telegrams_before() {
    let fixture = std::fs::read_to_string(fixtures().join("be-wallonia-iskra-no-flag.txt")).expect("ASCII");
    let clock = fixture.lines().find_map(|line| line.strip_prefix("0-0:1.0.0(")).expect("a clock");
    let clock = clock.trim_end_matches(')');
    let body = &fixture[..=fixture.find("\r\n!").expect("an end") + 2];
    let recording: String = ["251026015958", "251026020058", "251026020158"]
        .map(|time| {
            let telegram = body.replace(clock, time);
            format!("{telegram}{:04X}\r\n", crc16(telegram.as_bytes()))
        })
        .concat();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("recording.txt");
    std::fs::write(&file, &recording).expect("written");
    let found = lines(&decode(&[], &file));
    let utc: Vec<&str> = found.iter().filter_map(|line| line["typed"]["time"]["utc"].as_str()).collect();
    assert_eq!(utc, ["2025-10-25T23:59:58Z", "2025-10-26T00:00:58Z", "2025-10-26T00:01:58Z"]);
    // Alone it is either of two, and marked.
    let last = recording.rfind('/').expect("a telegram");
    std::fs::write(&file, &recording[last..]).expect("written");
    let found = lines(&decode(&[], &file));
    assert_eq!(found[0]["typed"]["time"]["utc"], Value::Null);
    assert_eq!(found[0]["typed"]["time"]["local"], "2025-10-26T02:01:58");
    assert_eq!(found[0]["typed"]["time"]["ambiguous"], true);
}

/// What the program says of a telegram of DSMR 5 with these lines: as JSON, and as a table.
fn of_lines(lines_of_it: &[&str]) -> (Value, String) {
    let body: String = lines_of_it.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260212081500W)\r\n{body}!");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("telegram.txt");
    std::fs::write(&file, format!("{text}{:04X}\r\n", crc16(text.as_bytes()))).expect("written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["decode", "--country", "nl"])
        .arg(&file)
        .output()
        .expect("it runs");
    (lines(&decode(&[], &file)).remove(0), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn times_that_may_be_either_of_two_are_marked_wherever_they_stand() {
    let (json, table) = of_lines(&[
        "1-0:1.6.0(251026023000)(07.120*kW)",
        "1-0:99.97.0(2)(0-0:96.7.19)(251026024500)(0000000417*s)(260112081000W)(0000000418*s)",
        "0-1:24.2.1(251026020000)(00441.703*m3)",
    ]);
    let typed = &json["typed"];
    assert_eq!(typed["power_failures"][0]["end"]["ambiguous"], true);
    assert_eq!(typed["power_failures"][1]["end"].get("ambiguous"), None);
    assert_eq!(typed["mbus"][0]["time"]["ambiguous"], true);
    for part in [
        "7.120 kW at 2025-10-26 02:30:00 (ambiguous)",
        "417 s until 2025-10-26 02:45:00 (ambiguous)",
        "418 s until 2026-01-12 08:10:00 (winter time)",
        "441.703 m3 at 2025-10-26 02:00:00 (ambiguous)",
    ] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
}

#[test]
fn half_an_entry_of_the_failure_log_says_what_it_knows() {
    let log = "1-0:99.97.0(2)(0-0:96.7.19)(260110081000W)(0000000417*s)(260112081000W)";
    let (json, table) = of_lines(&[log]);
    // The log as it stands has whole entries alone.
    assert_eq!(json["power_failure_log"]["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["power_failure_log"]["declared"], 2);
    let failures = json["typed"]["power_failures"].as_array().expect("failures");
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[1]["end"]["utc"], "2026-01-12T07:10:00Z");
    assert_eq!((&failures[1]["duration_s"], &failures[1]["start_utc"]), (&Value::Null, &Value::Null));
    assert!(table.contains("unknown time until 2026-01-12 08:10:00"), "{table}");
}

#[test]
fn a_second_device_on_a_channel_stands_apart() {
    let (json, table) = of_lines(&[
        "0-1:24.1.0(003)",
        "0-1:96.1.0(4730303431)",
        "0-1:24.2.1(260212081000W)(00441.703*m3)",
        "0-1:96.1.0(4730303432)",
        "0-1:24.2.1(260212081500W)(00031.440*m3)",
    ]);
    for (place, id, value) in [(0, "G0041", "441.703"), (1, "G0042", "31.440")] {
        let device = &json["mbus"][place];
        assert_eq!((&device["channel"], &device["id"]["text"]), (&1.into(), &id.into()));
        assert_eq!(device["readings"].as_array().map(Vec::len), Some(1));
        assert_eq!(device["readings"][0]["reading"]["value"], value);
    }
    assert_eq!(json["typed"]["mbus"].as_array().map(Vec::len), Some(1));
    assert!(table.contains("2 value(s) came once more: the first of each counts"), "{table}");
}

#[test]
fn a_unit_alone_is_listed_and_is_no_error() {
    let (json, table) = of_lines(&["1-0:51.7.0(*mA)", "1-0:71.7.0()", "1-0:31.7.0(000417*mA)"]);
    assert_eq!(json["unreadable"], serde_json::json!([["1-0:51.7.0", ["*mA"]]]));
    assert_eq!(json["values"]["current_l1"]["value"], "0.417");
    assert_eq!(json["values"].as_object().map(serde_json::Map::len), Some(1));
    assert!(!table.contains("cannot be read"), "{table}");
}
