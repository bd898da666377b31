//! Objects with a structure, and the words for states.

use dsmrd::meter::{Country, Proof};

use super::*;

fn said_of(lines: &[&str]) -> BTreeMap<String, String> {
    let said = fields(say(&mut native("dsmrd", PayloadFormat::Value), &reading(lines)));
    said.into_iter().map(|(topic, payload)| (topic["dsmrd/home/".len()..].to_owned(), payload)).collect()
}

const CLOCK: &str = "0-0:1.0.0(240915120005S)";

#[test]
fn failures_have_a_start_an_end_and_a_length() {
    let log = "1-0:99.97.0(9)(0-0:96.7.19)(190115011853W)(0000000389*s)(000101000001W)(2147483647*s)";
    assert_eq!(
        said_of(&[CLOCK, log])["power_failure_log"],
        "[{\"start\":\"2019-01-15T00:12:24Z\",\"end\":\"2019-01-15T00:18:53Z\",\"duration_s\":389},\
          {\"start\":null,\"end\":null,\"duration_s\":null}]"
    );
    for empty in ["()", "(0)(0-0:96.7.19)", "(1)()()()"] {
        assert_eq!(said_of(&[CLOCK, &format!("1-0:99.97.0{empty}")])["power_failure_log"], "[]", "{empty}");
    }
}

#[test]
fn peaks_of_past_months() {
    let history = "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(230801000000S)(632525252525W)(00.000*kW)\
                   (230901000000S)(230814181500S)(04.329*kW)";
    assert_eq!(
        said_of(&[CLOCK, history])["demand_peak_history"],
        "[{\"time\":\"2023-07-31T22:00:00Z\",\"demand_import_max\":0.000},\
          {\"time\":\"2023-08-31T22:00:00Z\",\"demand_import_max\":4.329,\
           \"demand_import_max_time\":\"2023-08-14T16:15:00Z\"}]"
    );
    assert_eq!(said_of(&[CLOCK, "0-0:98.1.0(12)"])["demand_peak_history"], "[]");
    let months = "0-0:98.1.1(1)(0-0:0.1.0)(1-0:1.8.0)(1-0:9.9.9)(240901000000S)(00)(1234.5*kWh)()";
    assert_eq!(
        said_of(&[CLOCK, months])["month_end_energies"],
        "[{\"time\":\"2024-08-31T22:00:00Z\",\"status\":\"00\",\"energy_import_total\":1234.5,\"1-0:9.9.9\":null}]"
    );
}

#[test]
fn a_snapshot_of_the_months_end_has_a_topic_of_its_own() {
    let said = said_of(&[CLOCK, "0-0:98.1.0(240901000000S)(1500*Wh)(2*kWh)"]);
    assert_eq!(said["month_end"], "[{\"time\":\"2024-08-31T22:00:00Z\",\"value_1\":1.500,\"value_2\":2}]");
    assert!(!said.contains_key("demand_peak_history"));
}

#[test]
fn the_load_profile_follows_the_zone_of_the_meter() {
    let profile = "1-0:99.1.0(1)(0-0:96.10.7)(1-0:1.29.0)(1-0:2.29.0)(260411233000S)(00)(000000.205*kWh)(000000.000*kWh)";
    let mut israeli = reading(&[CLOCK, profile]);
    let json = |reading: &Reading| {
        fields(say(&mut native("dsmrd", PayloadFormat::Value), reading))["dsmrd/home/load_profile"].clone()
    };
    let expected = |time| {
        format!("[{{\"time\":\"{time}\",\"status\":\"00\",\"1-0:1.29.0\":0.205,\"1-0:2.29.0\":0.000}}]")
    };
    // The clock was read as one of Amsterdam.
    assert_eq!(json(&israeli), expected("2026-04-11T21:30:00Z"));
    let time = israeli.time.as_mut().expect("a clock");
    time.utc = time.utc.map(|utc| utc - 3_600);
    israeli.country = Some(Country::Israel);
    assert_eq!(json(&israeli), expected("2026-04-11T20:30:00Z"));
    // Nothing but the country tells, or nothing but the clock.
    israeli.time = None;
    assert_eq!(json(&israeli), expected("2026-04-11T20:30:00Z"));
    let mut azores = reading(&[CLOCK, profile]);
    let time = azores.time.as_mut().expect("a clock");
    time.utc = time.utc.map(|utc| utc + 2 * 3_600);
    assert_eq!(json(&azores), expected("2026-04-11T23:30:00Z"));
}

#[test]
fn a_list_is_made_anew_when_its_text_or_its_zone_is_another() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let log = |seconds| format!("1-0:99.97.0(1)(0-0:96.7.19)(190115011853W)({seconds}*s)");
    let mut shown =
        |reading: &Reading| last(say(&mut layout, reading))["dsmrd/home/power_failure_log"].clone();
    let first = shown(&reading(&[CLOCK, &log(389)]));
    assert_eq!(shown(&reading(&[CLOCK, &log(389)])), first);
    let second = shown(&reading(&[CLOCK, &log(390)]));
    assert!(second.contains("390"), "{second}");
    let mut eastern = reading(&[CLOCK, &log(390)]);
    eastern.time.as_mut().expect("a clock").utc = Some(1_726_390_805);
    assert!(shown(&eastern).contains("2019-01-14T23:18:53Z"));
    assert_eq!(shown(&reading(&[CLOCK, &log(390)])), second);
}

#[test]
fn lists_have_topics_of_their_own_and_no_place_in_the_reading() {
    let lines = [CLOCK, "1-0:99.97.0(1)(0-0:96.7.19)(190115011853W)(389*s)", "0-0:17.0.0(999.9*kW)"];
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let json: serde_json::Value =
        serde_json::from_str(&last(say(&mut layout, &reading(&lines)))["dsmrd/home/json"]).expect("JSON");
    assert_eq!(json.get("power_failure_log"), None, "it would be sent with every telegram");
    assert_eq!(json["limiter_state"], "off");
    assert_eq!(json["proof"], "absent");
    // In a payload of JSON too, and Graphite is spared.
    let said = last(say(&mut native("dsmrd", PayloadFormat::Json), &reading(&lines)));
    let json: serde_json::Value = serde_json::from_str(&said["dsmrd/home/power_failure_log"]).expect("JSON");
    assert_eq!(json["value"][0]["end"], "2019-01-15T00:18:53Z");
    let said = last(say(&mut native("dsmrd", PayloadFormat::ValueTimestamp), &reading(&lines)));
    assert!(!said.contains_key("dsmrd/home/power_failure_log"));
}

#[test]
fn the_tariff_has_the_name_that_its_country_gives_it() {
    let mut telegram = reading(&[CLOCK, "0-0:96.14.0(0001)"]);
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let mut said = |country| {
        telegram.country = country;
        fields(say(&mut layout, &telegram)).remove("dsmrd/home/tariff_name")
    };
    assert_eq!(said(None), None);
    assert_eq!(said(Some(Country::Netherlands)).as_deref(), Some("low"));
    assert_eq!(said(Some(Country::Belgium)).as_deref(), Some("normal"));
}

#[test]
fn switches_are_numbers_however_the_meter_writes_them() {
    let said = said_of(&[CLOCK, "0-0:96.3.10(1)", "0-1:96.3.10(0)", "0-2:96.3.10(2)", "0-0:96.50.68(ON)"]);
    assert_eq!(said["breaker"], "1");
    assert_eq!(said["relay_1"], "0");
    assert_eq!(said["relay_2"], "2");
    assert_eq!(said["breaker_state"], "1");
    let said = last(say(&mut native("dsmrd", PayloadFormat::Json), &reading(&[CLOCK, "0-0:96.3.10(7)"])));
    assert!(said["dsmrd/home/breaker"].starts_with("{\"value\": 7,"), "a code that nobody knows");
}

#[test]
fn limits_keep_their_number_and_tell_that_they_are_off() {
    for (line, threshold, state) in [
        ("0-0:17.0.0(999.9*kW)", "999.9", "off"),
        ("0-0:17.0.0(0999.00*kW)", "999.00", "off"),
        ("0-0:17.0.0(069.0*kVA)", "69.0", "on"),
        ("0-0:17.0.0(016*A)", "16", "on"),
    ] {
        let said = said_of(&[CLOCK, line]);
        assert_eq!((&*said["limiter_threshold"], &*said["limiter_state"]), (threshold, state), "{line}");
    }
    for line in ["1-1:31.4.0(100*A)(-063*A)", "1-0:31.4.0(100*A,-63*A)"] {
        let said = said_of(&[CLOCK, line]);
        assert_eq!(said["current_limit_import"], "100", "{line}");
        assert_eq!(said["current_limit_export"], "-63", "{line}");
        assert!(!said.contains_key("current_limits"), "{line}");
    }
    assert_eq!(said_of(&[CLOCK, "1-0:31.4.0(100*A,-63*A)"])["current_limit_l1"], "100");
}

#[test]
fn a_message_to_the_customer_is_shown_and_cleared() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let said = last(say(&mut layout, &reading(&["0-0:96.13.0(48656C6C6F)"])));
    assert_eq!(said["dsmrd/home/message_text"], "Hello");
    let said = last(say(&mut layout, &reading(&["0-0:96.13.0()"])));
    assert_eq!(said["dsmrd/home/message_text"], "");
    let said = last(say(&mut layout, &reading(&["0-0:96.13.0()"])));
    assert!(!said.contains_key("dsmrd/home/message_text"));
}

#[test]
fn messages_are_readable() {
    let said = said_of(&[CLOCK, "0-0:96.13.0(test-/-test)", "0-0:96.13.1(3031203631203831)"]);
    assert_eq!(said["message_text"], "test-/-test");
    assert_eq!(said["message_code"], "01 61 81");
    assert_eq!(said_of(&[CLOCK, "0-0:96.13.0(5AC3A4686C6572)"])["message_text"], "Z\u{e4}hler");
    let filled = format!("0-0:96.13.0({})", "FF".repeat(512));
    assert!(!said_of(&[CLOCK, &filled]).contains_key("message_text"));
}

#[test]
fn a_reading_tells_how_it_was_proven_and_whose_it_is() {
    let mut reading = reading(&[CLOCK]);
    for (proof, word) in [
        (Proof::Verified, "verified"),
        (Proof::Absent, "absent"),
        (Proof::Unauthenticated, "unauthenticated"),
    ] {
        reading.proof = proof;
        let said = last(say(&mut native("dsmrd", PayloadFormat::Value), &reading));
        assert_eq!(said["dsmrd/home/proof"], word);
        assert!(said["dsmrd/home/json"].contains(&format!("\"proof\":\"{word}\"")));
        assert!(!said.contains_key("dsmrd/home/country"));
    }
    reading.country = Some(Country::Luxembourg);
    let said = last(say(&mut native("dsmrd", PayloadFormat::Value), &reading));
    assert_eq!(said["dsmrd/home/country"], "lu");
}
