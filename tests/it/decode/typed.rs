//! What telegrams come to: countries, typed objects, times by continuity.

use dsmrd::p1::crc::crc16;
use serde_json::Value;

use super::{decode, fixtures, lines, says};

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
}
