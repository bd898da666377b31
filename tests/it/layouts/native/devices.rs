//! `<prefix>/<meter>/<class>/…` and `<class>/<id>/…`.

use super::*;

#[test]
fn of_two_gas_meters_the_replaced_one_gives_way() {
    let lines = [
        "0-0:1.0.0(160715120005S)",
        "0-1:24.1.0(003)",
        "0-1:96.1.0(4731)",
        "0-1:24.2.1(160101120000W)(00500.000*m3)",
        "0-2:24.1.0(003)",
        "0-2:96.1.0(4732)",
        "0-2:24.2.1(160715120000S)(00012.345*m3)",
        "0-3:24.1.0(007)",
        "0-3:96.1.0(5731)",
        "0-3:24.2.1(160715120000S)(00001.000*m3)",
        "0-4:24.1.0(004)",
        "0-4:96.1.0(4831)",
        "0-4:24.2.1(700101010000W)()",
    ];
    let said = last(say(&mut native("dsmrd", PayloadFormat::Value), &reading(&lines)));
    assert_eq!(said["dsmrd/home/gas/reading"], "12.345");
    assert_eq!(said["dsmrd/home/gas/id"], "G2");
    assert_eq!(said["dsmrd/home/gas/G1/reading"], "500.000");
    assert_eq!(said["dsmrd/home/gas/G2/reading"], "12.345");
    assert_eq!(said["dsmrd/home/water/reading"], "1.000");
    // Present, not zero.
    assert_eq!(said["dsmrd/home/heat/id"], "H1");
    assert_eq!(said["dsmrd/home/heat/status"], "no reading");
    assert!(!said.contains_key("dsmrd/home/heat/reading"));
    assert!(!said.contains_key("dsmrd/home/water/W1/reading"));
    let json: serde_json::Value = serde_json::from_str(&said["dsmrd/home/json"]).expect("JSON");
    assert_eq!(json["gas"]["devices"]["G1"]["channel"], 1);
}

#[test]
fn two_live_meters_of_a_class_do_not_take_turns() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    for minute in 10..30 {
        let (first, second) = if minute % 2 == 0 { (minute, minute - 1) } else { (minute - 1, minute) };
        let lines = [
            "0-1:24.1.0(007)".to_owned(),
            format!("0-1:24.2.1(1607151210{first:02}S)(00500.000*m3)"),
            "0-2:24.1.0(007)".to_owned(),
            format!("0-2:24.2.1(1607151210{second:02}S)(00012.345*m3)"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let said = last(say(&mut layout, &reading(&lines)));
        assert_eq!(said["dsmrd/home/water/reading"], "500.000");
        assert_eq!(said["dsmrd/home/water/channel-2/reading"], "12.345");
    }
}

#[test]
fn devices_with_the_same_or_no_identifier_have_topics_of_their_own() {
    let lines = [
        "0-1:24.1.0(007)",
        "0-1:96.1.0()",
        "0-1:24.2.1(160715120000S)(00001.000*m3)",
        "0-2:24.1.0(007)",
        "0-2:96.1.0()",
        "0-2:24.2.1(160715120000S)(00002.000*m3)",
        "0-3:24.1.0(003)",
        "0-3:96.1.0(4733)",
        "0-3:24.2.1(160715120000S)(00003.000*m3)",
        "0-4:24.1.0(003)",
        "0-4:96.1.0(4733)",
        "0-4:24.2.1(160715120000S)(00004.000*m3)",
    ];
    let mut layout = native("dsmrd", PayloadFormat::Value);
    for _ in 0..2 {
        let said = last(say(&mut layout, &reading(&lines)));
        for (device, position) in [
            ("water/channel-1", "1.000"),
            ("water/channel-2", "2.000"),
            ("gas/G3", "3.000"),
            ("gas/channel-4", "4.000"),
        ] {
            assert_eq!(said[&format!("dsmrd/home/{device}/reading")], position, "{device}");
        }
    }
}

/// A channel with a device of a type and an identifier, and what it reported.
fn device(channel: u8, device_type: &str, id: &str, reading: &str) -> [String; 3] {
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    [
        format!("0-{channel}:24.1.0({device_type})"),
        format!("0-{channel}:96.1.0({hex})"),
        format!("0-{channel}:24.2.1{reading}"),
    ]
}

fn of(devices: &[[String; 3]]) -> Reading {
    let lines: Vec<&str> = devices.iter().flatten().map(String::as_str).collect();
    reading(&lines)
}

const NOON: &str = "(160715120000S)";

#[test]
fn every_class_has_a_name_of_its_own() {
    for (device_type, class, reading, shown) in [
        ("002", "electricity", "(00012.345*kWh)", "12.345"),
        ("003", "gas", "(00012.345*m3)", "12.345"),
        ("004", "heat", "(00012.34*GJ)", "12.34"),
        ("012", "heat", "(12345*MJ)", "12.345"),
        ("013", "heat", "(12.345*GJ)", "12.345"),
        ("010", "cooling", "(12.345*GJ)", "12.345"),
        ("011", "cooling", "(12.345*GJ)", "12.345"),
        ("007", "water", "(00012.345*m3)", "12.345"),
        ("022", "water", "(12345*dm3)", "12.345"),
        ("006", "warm_water", "(00012.345*m3)", "12.345"),
        ("021", "warm_water", "(00012.345*m3)", "12.345"),
        ("008", "heat_cost_allocator", "(00123)", "123"),
        ("000", "heat", "(12.345*GJ)", "12.345"),
        ("", "mbus", "(12.345*m3)", "12.345"),
        ("099", "mbus", "(12.345*m3)", "12.345"),
    ] {
        let reading = of(&[device(1, device_type, "X1", &format!("{NOON}{reading}"))]);
        let said = fields(say(&mut native("dsmrd", PayloadFormat::Value), &reading));
        let topics: Vec<&String> = said.keys().filter(|topic| topic.ends_with("/reading")).collect();
        assert_eq!(topics, [&format!("dsmrd/home/{class}/reading")], "{device_type}");
        assert_eq!(said[topics[0]], shown, "{device_type}");
    }
}

#[test]
fn what_a_heat_meter_knows_besides_is_no_position() {
    let mut lines = device(1, "004", "H1", &format!("{NOON}(12.345*GJ)")).to_vec();
    for object in ["2(160715120000S)(0.123*m3/h)", "3(160715120000S)(061.50*degC)", "4(160715120000S)(41.20)"]
    {
        lines.push(format!("0-1:24.2.{object}"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let reading = reading(&lines);
    assert_eq!(reading.mbus[0].readings.len(), 1);
    let said = fields(say(&mut native("dsmrd", PayloadFormat::Value), &reading));
    assert_eq!(said["dsmrd/home/heat/reading"], "12.345");
}

#[test]
fn a_device_that_says_nothing_is_there_and_not_zero() {
    for empty in
        ["()", "(0)", "(700101010000W)(00000000)", "(632525252525S)(00000.000)", "(160715120000S)(*m3)"]
    {
        let said =
            fields(say(&mut native("dsmrd", PayloadFormat::Value), &of(&[device(1, "003", "G1", empty)])));
        assert_eq!(said["dsmrd/home/gas/status"], "no reading", "{empty}");
        assert_eq!(said["dsmrd/home/gas/id"], "G1", "{empty}");
        assert!(!said.contains_key("dsmrd/home/gas/reading"), "{empty}");
    }
}

#[test]
fn a_meter_replaced_on_its_channel_leaves_nothing_to_its_successor() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let valve = "0-1:24.4.0(1)".to_owned();
    let mut lines = device(1, "003", "OLD", &format!("{NOON}(500.000*m3)")).to_vec();
    lines.push(valve);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let said = last(say(&mut layout, &reading(&lines)));
    assert_eq!(said["dsmrd/home/gas/valve"], "1");

    // The new one has not reported yet: the old one's position is not shown as its own.
    let said = last(say(&mut layout, &of(&[device(1, "003", "NEW", "()")])));
    assert_eq!(said["dsmrd/home/gas/id"], "NEW");
    assert_eq!(said["dsmrd/home/gas/status"], "no reading");
    for gone in ["reading", "time", "valve"] {
        assert_eq!(said[&format!("dsmrd/home/gas/{gone}")], "", "{gone}");
    }
    let said = last(say(&mut layout, &of(&[device(1, "003", "NEW", &format!("{NOON}(0.000*m3)"))])));
    assert_eq!(said["dsmrd/home/gas/reading"], "0.000");
    assert_eq!(said["dsmrd/home/gas/status"], "ok");
}

#[test]
fn topics_of_a_replaced_meter_end_with_it() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let at =
        |channel, id: &str, position: &str| device(channel, "007", id, &format!("{NOON}({position}*m3)"));
    let said = last(say(&mut layout, &of(&[at(1, "A", "1.000"), at(2, "B", "2.000")])));
    assert_eq!(said["dsmrd/home/water/B/reading"], "2.000");

    // Changing channels is not being replaced.
    let said = last(say(&mut layout, &of(&[at(1, "B", "2.000"), at(2, "A", "1.000")])));
    assert!(said.values().all(|payload| !payload.is_empty()), "{said:?}");

    let said = last(say(&mut layout, &of(&[at(1, "C", "0.001"), at(2, "A", "1.000")])));
    for gone in ["reading", "time", "id", "channel", "status"] {
        assert_eq!(said[&format!("dsmrd/home/water/B/{gone}")], "", "{gone}");
    }
    assert_eq!(said["dsmrd/home/water/A/reading"], "1.000");
    assert_eq!(said["dsmrd/home/water/C/reading"], "0.001");
    assert_eq!(said["dsmrd/home/water/reading"], "0.001");
    // It is not said twice that it is gone, and however often meters are replaced there is room for the next.
    let said = last(say(&mut layout, &of(&[at(1, "C", "0.001"), at(2, "A", "1.000")])));
    assert!(!said.contains_key("dsmrd/home/water/B/reading"));
    for n in 0..100 {
        let id = format!("N{n}");
        let said = last(say(&mut layout, &of(&[at(1, &id, "0.001"), at(2, "A", "1.000")])));
        assert_eq!(said[&format!("dsmrd/home/water/{id}/reading")], "0.001");
    }
}

#[test]
fn another_kind_of_meter_on_the_channel_ends_the_class() {
    let mut layout = native("dsmrd", PayloadFormat::Value);
    say(&mut layout, &of(&[device(1, "003", "G1", &format!("{NOON}(500.000*m3)"))]));
    let said = last(say(&mut layout, &of(&[device(1, "007", "W1", &format!("{NOON}(1.000*m3)"))])));
    assert_eq!(said["dsmrd/home/water/reading"], "1.000");
    assert_eq!(said["dsmrd/home/gas/reading"], "");
}
