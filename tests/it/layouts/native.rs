//! `<prefix>/<meter>/<field>`.

use super::*;

/// Devices on the M-Bus: classes, replaced meters, those that say nothing.
mod devices;

/// Profiles, switches, limits, messages.
mod objects;

/// Totals, peaks, costs and prices.
pub(super) mod totals;

fn fields(said: Vec<(String, String)>) -> BTreeMap<String, String> {
    last(said.into_iter().filter(|(topic, _)| !topic.ends_with("/json")).collect())
}

#[test]
fn one_value_a_topic_in_canonical_units() {
    let said = fields(say(&mut native("dsmrd", PayloadFormat::Value), &reading(ONE_PHASE)));
    let expected: BTreeMap<String, String> = [
        ("current_l1", "1.66"),
        ("energy_export_t1", "0.000"),
        ("energy_export_t2", "0.044"),
        ("energy_export_total", "0.044"),
        ("energy_import_t1", "123.456"),
        ("energy_import_t2", "200.100"),
        ("energy_import_total", "323.556"),
        ("gas/channel", "1"),
        ("gas/id", "G0023"),
        ("gas/reading", "12.345"),
        ("gas/status", "ok"),
        ("gas/time", "2016-07-15T10:00:00Z"),
        ("meter_id", "E0003000000000000"),
        ("p1_version", "42"),
        ("power_export", "1.193"),
        ("power_export_l1", "1.193"),
        ("power_failures", "4"),
        ("power_import", "0.300"),
        ("power_import_l1", "0.300"),
        ("power_net", "-0.893"),
        ("power_net_l1", "-0.893"),
        ("power_net_w", "-893"),
        ("proof", "absent"),
        ("tariff", "1"),
        ("time", "2016-07-15T10:00:05Z"),
    ]
    .into_iter()
    .map(|(field, payload)| (format!("dsmrd/home/{field}"), payload.to_owned()))
    .collect();
    assert_eq!(said, expected);
}

#[test]
fn the_whole_reading_as_json_with_exact_numbers() {
    let said = last(say(&mut native("dsmrd", PayloadFormat::Value), &reading(ONE_PHASE)));
    let json = &said["dsmrd/home/json"];
    assert!(
        json.starts_with(
            "{\"time\":\"2016-07-15T10:00:05Z\",\"proof\":\"absent\",\"energy_import_total\":323.556,"
        ),
        "{json}"
    );
    assert!(json.contains("\"power_failures\":4"), "{json}");
    assert!(json.contains("\"tariff\":1,"), "{json}");
    assert!(
        json.ends_with(
            "\"gas\":{\"reading\":12.345,\"time\":\"2016-07-15T10:00:00Z\",\"id\":\"G0023\",\"channel\":1,\
             \"status\":\"ok\"}}"
        ),
        "{json}"
    );
    serde_json::from_str::<serde_json::Value>(json).expect("valid JSON");
}

#[test]
fn what_the_meter_sends_itself_is_not_derived() {
    let mut lines = ONE_PHASE.to_vec();
    lines.extend(["1-0:1.8.0(000999.000*kWh)", "1-0:16.7.0(00.500*kW)"]);
    let said = last(say(&mut native("dsmrd", PayloadFormat::Value), &reading(&lines)));
    assert_eq!(said["dsmrd/home/energy_import_total"], "999.000");
    assert_eq!(said["dsmrd/home/power_net"], "0.500");
    assert_eq!(said["dsmrd/home/power_net_w"], "500");
}

#[test]
fn graphite_gets_numbers_with_the_telegrams_own_time() {
    let mut layout = native("dsmrd", PayloadFormat::ValueTimestamp);
    let said = say(&mut layout, &reading(ONE_PHASE));
    assert!(said.len() > 15);
    for (topic, payload) in said {
        // How far a reading can be trusted is seen wherever it is.
        if topic.ends_with("/proof") {
            assert_eq!(payload, "absent");
            continue;
        }
        let (value, time) = payload.split_once(' ').expect("value and time");
        assert!(value.parse::<f64>().is_ok() && !value.starts_with('.'), "{topic}: {payload}");
        assert_eq!(time, "1468576805", "{topic}");
    }
}

#[test]
fn json_has_value_unit_and_time() {
    let said = last(say(&mut native("dsmrd", PayloadFormat::Json), &reading(ONE_PHASE)));
    assert_eq!(
        said["dsmrd/home/power_import"],
        "{\"value\": 0.300, \"unit\": \"kW\", \"time\": \"2016-07-15T10:00:05Z\"}"
    );
    assert_eq!(
        said["dsmrd/home/power_net_w"],
        "{\"value\": -893, \"unit\": \"W\", \"time\": \"2016-07-15T10:00:05Z\"}"
    );
    assert_eq!(said["dsmrd/home/tariff"], "{\"value\": 1, \"time\": \"2016-07-15T10:00:05Z\"}");
    assert_eq!(said["dsmrd/home/gas/id"], "{\"value\": \"G0023\", \"time\": \"2016-07-15T10:00:05Z\"}");
}

#[test]
fn levels_from_outside_are_one_level() {
    let lines = [
        "0-0:1.0.0(160715120005S)",
        "0-1:24.1.0(003)",
        // a/b+c#d
        "0-1:96.1.0(612F622B632364)",
        "0-1:24.2.1(160715120000S)(00012.345*m3)",
        "0-2:24.1.0(003)",
        "0-2:96.1.0(4732)",
        "0-2:24.2.1(160715120000S)(00099.000*m3)",
    ];
    let mut layout = native("a/b/", PayloadFormat::Value);
    let mut out = Vec::new();
    layout.messages(Context { meter: "m/1+#", rejected: 0, totals: None }, &reading(&lines), &mut out);
    let topics: Vec<&str> = out.iter().map(|message| &*message.topic).collect();
    assert!(topics.contains(&"a/b/m_1__/gas/a_b_c_d/reading"), "{topics:?}");
    assert!(topics.iter().all(|topic| !topic.contains(['+', '#', '\0'])), "{topics:?}");
    assert!(topics.iter().all(|topic| topic.starts_with("a/b/m_1__/")), "{topics:?}");
}

#[test]
fn a_field_that_is_gone_is_cleared_after_an_hour() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    say(&mut layout, &reading(ONE_PHASE));
    let without: Vec<&str> = ONE_PHASE.iter().copied().filter(|line| !line.starts_with("0-1:")).collect();
    let mut without = reading(&without);
    let cleared = |said: Vec<(String, String)>| {
        said.into_iter().filter(|(_, payload)| payload.is_empty()).map(|(topic, _)| topic).collect::<Vec<_>>()
    };
    for second in 1..3_600 {
        without.received_at = ARRIVED + second * 1_000;
        assert!(cleared(say(&mut layout, &without)).is_empty(), "after {second} s");
    }
    without.received_at = ARRIVED + 3_600_000;
    let gone = cleared(say(&mut layout, &without));
    assert_eq!(
        gone,
        ["reading", "time", "id", "channel", "status"].map(|name| format!("dsmrd/home/gas/{name}"))
    );
    without.received_at += 1_000;
    assert!(cleared(say(&mut layout, &without)).is_empty());
    // It comes back.
    let said = last(say(&mut layout, &reading(ONE_PHASE)));
    assert_eq!(said["dsmrd/home/gas/reading"], "12.345");
}

#[test]
fn the_link_has_a_topic() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let mut out = Vec::new();
    layout.link("home", true, &mut out);
    layout.link("home", false, &mut out);
    let said: Vec<(&str, &[u8])> =
        out.iter().map(|message| (&*message.topic, &message.payload[..])).collect();
    assert_eq!(said, [("dsmrd/home/status", &b"online"[..]), ("dsmrd/home/status", b"offline")]);
}

#[test]
fn a_meter_in_the_place_of_another_inherits_none_of_its_values() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let mut old = ONE_PHASE.to_vec();
    old.extend(["1-0:1.6.0(160703121500S)(04.329*kW)", "1-0:99.97.0(1)(0-0:96.7.19)(160715120000S)(389*s)"]);
    let before = last(say(&mut layout, &reading(&old)));
    let new: Vec<&str> =
        ["1-3:0.2.8(50)", "0-0:1.0.0(160716120005S)", "0-0:96.1.1(4E4557)", "1-0:1.7.0(00.100*kW)"].into();
    let after = last(say(&mut layout, &reading(&new)));
    for topic in before.keys() {
        let is_of_the_new = ["p1_version", "time", "meter_id", "power_import", "proof", "json"]
            .iter()
            .any(|name| topic.strip_prefix("dsmrd/home/") == Some(name));
        assert_eq!(after.get(topic).is_some_and(String::is_empty), !is_of_the_new, "{topic}");
    }
    assert_eq!(after["dsmrd/home/meter_id"], "NEW");
    // The same meter again, and one that does not tell: what it leaves out has an hour.
    let less = [&new[..2], &new[3..]].concat();
    for lines in [&new[..3], &less] {
        assert!(say(&mut layout, &reading(lines)).iter().all(|(_, payload)| !payload.is_empty()));
    }
}

#[test]
fn the_time_of_a_peak_goes_with_the_peak() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let mut lines = ONE_PHASE.to_vec();
    lines.push("1-0:1.6.0(160703121500S)(04.329*kW)");
    let said = last(say(&mut layout, &reading(&lines)));
    assert_eq!(said["dsmrd/home/demand_import_max_time"], "2016-07-03T10:15:00Z");
    let mut without = reading(ONE_PHASE);
    let mut cleared = Vec::new();
    for minute in 1..=70 {
        without.received_at = ARRIVED + minute * 60_000;
        let said = say(&mut layout, &without).into_iter().filter(|(_, payload)| payload.is_empty());
        cleared.extend(said.map(|(topic, _)| topic));
    }
    assert_eq!(
        cleared,
        ["demand_import_max", "demand_import_max_time"].map(|name| format!("dsmrd/home/{name}"))
    );
}
