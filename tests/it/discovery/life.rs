//! From one document to the next.

use bytes::Bytes;

use super::*;

const METER: &str = "0-0:96.1.1(4530303033)";
const ENERGY: &str = "1-0:1.8.1(000123.456*kWh)";
const POWER: &str = "1-0:1.7.0(00.300*kW)";
const VOLTS: &str = "1-0:32.7.0(230.1*V)";
const GAS: [&str; 3] =
    ["0-1:24.1.0(003)", "0-1:96.1.0(4730303233)", "0-1:24.2.1(160715120000S)(00012.345*m3)"];

fn with_gas(more: &[&'static str]) -> Vec<&'static str> {
    [more, &GAS].concat()
}

fn topic(object_id: &str) -> String {
    format!("homeassistant/device/dsmrd_12ab/{object_id}/config")
}

/// The document in what was said.
fn payload(messages: &[Message], object_id: &str) -> Bytes {
    let found = messages.iter().find(|message| *message.topic == *topic(object_id));
    found.map(|message| message.payload.clone()).expect("a document")
}

fn heard(layout: &mut Layout, topic: &str, payload: &[u8]) -> Vec<Message> {
    let mut out = Vec::new();
    layout.heard(topic, payload, true, &mut out);
    out
}

fn is_cleared(messages: &[Message], object_id: &str) -> bool {
    messages.iter().any(|message| *message.topic == *topic(object_id) && message.payload.is_empty())
}

#[test]
fn the_same_topics_say_the_same_document_once() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let first = say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY, POWER]), 0), None);
    assert_eq!(told(&first).len(), 2);
    // Readings go on: nothing more is said than once a minute, and that to the byte.
    let mut again = Vec::new();
    for second in 1..=120 {
        again.extend(say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY, POWER]), second), None));
    }
    let documents: Vec<&Message> = again.iter().filter(|message| *message.topic == *topic("E0003")).collect();
    assert_eq!(documents.len(), 2);
    assert!(documents.iter().all(|message| message.payload == payload(&first, "E0003")));
    // Another run with its lines in another order makes the same bytes.
    let mut other = self::layout(discovery(&["home"]), PayloadFormat::Value);
    let mixed = say(&mut other, "home", &lines(&[POWER, GAS[0], GAS[1], GAS[2], ENERGY, METER], 0), None);
    assert_eq!(payload(&mixed, "E0003"), payload(&first, "E0003"));
}

#[test]
fn a_topic_that_is_cleared_takes_its_entity_with_it() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY, POWER, VOLTS]), 0), None);
    // Ten telegrams and an hour without the voltage, and without the gas meter.
    let is_quiet = |said: &[Message]| {
        said.iter().any(|message| &*message.topic == "dsmrd/home/voltage_l1" && message.payload.is_empty())
    };
    let (mut said, mut second) = (Vec::new(), 600);
    while !is_quiet(&said) {
        second += 300;
        assert!(second <= 4_200);
        said = say(&mut layout, "home", &lines(&[METER, ENERGY, POWER], second), None);
    }
    assert!(told(&said).values().all(|document| !document.is_null()), "it has a moment to come back");
    said = say(&mut layout, "home", &lines(&[METER, ENERGY, POWER], second + 30), None);
    let told = told(&said);
    assert!(told["gas_G0023"].is_null());
    let keys = keys(&told["E0003"]);
    assert_eq!(keys[0], "-voltage_l1", "{keys:?}");
    assert!(!keys.contains(&"voltage_l1".to_owned()), "{keys:?}");
    // It comes back, and is an entity again.
    let said = say(&mut layout, "home", &lines(&[METER, ENERGY, POWER, VOLTS], 4_300), None);
    let back = self::keys(&self::told(&said)["E0003"]);
    assert!(back.contains(&"voltage_l1".to_owned()) && !back.contains(&"-voltage_l1".to_owned()), "{back:?}");
}

#[test]
fn changes_that_follow_each_other_closely_wait_a_moment() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut layout, "home", &lines(&[METER, ENERGY], 0), None);
    assert!(told(&say(&mut layout, "home", &lines(&[METER, ENERGY, POWER], 1), None)).is_empty());
    assert!(told(&say(&mut layout, "home", &lines(&[METER, ENERGY, POWER, VOLTS], 2), None)).is_empty());
    let told = told(&say(&mut layout, "home", &lines(&[METER, ENERGY, POWER, VOLTS], 5), None));
    let keys = keys(&told["E0003"]);
    assert!(keys.contains(&"power_import".to_owned()) && keys.contains(&"voltage_l1".to_owned()), "{keys:?}");
}

#[test]
fn another_meter_is_another_device_at_once() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY, POWER]), 0), None);
    let said = say(&mut layout, "home", &lines(&["0-0:96.1.1(4530303034)", ENERGY], 1), None);
    let told = told(&said);
    assert!(told["E0003"].is_null() && told["gas_G0023"].is_null(), "{told:?}");
    assert_eq!(told["E0004"]["device"]["serial_number"], "E0004");
    assert!(!keys(&told["E0004"]).contains(&"power_import".to_owned()), "that was the other's");
    let place = |id: &str| said.iter().position(|message| *message.topic == *topic(id));
    assert!(place("E0003") < place("E0004"), "the old goes first");
}

#[test]
fn another_gas_meter_is_another_device_at_once() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY]), 0), None);
    let new = [METER, ENERGY, GAS[0], "0-1:96.1.0(4730303234)", "0-1:24.2.1(160715120000S)(00000.001*m3)"];
    let told = told(&say(&mut layout, "home", &lines(&new, 1), None));
    assert!(told["gas_G0023"].is_null());
    assert_eq!(told["gas_G0024"]["device"]["via_device"], "dsmrd_E0003");
    assert!(!told.contains_key("E0003"), "nothing changed for the meter itself");
}

#[test]
fn two_devices_of_a_class_are_two() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut layout, "home", &lines(&with_gas(&[METER]), 0), None);
    let second = ["0-2:24.1.0(003)", "0-2:96.1.0(4730303235)", "0-2:24.2.1(160715120000S)(00001.000*m3)"];
    let both = [&with_gas(&[METER])[..], &second].concat();
    let told = told(&say(&mut layout, "home", &lines(&both, 10), None));
    assert_eq!(told["gas_G0023"]["components"]["reading"]["state_topic"], "dsmrd/home/gas/G0023/reading");
    assert_eq!(told["gas_G0025"]["components"]["reading"]["state_topic"], "dsmrd/home/gas/G0025/reading");
    assert_eq!(told["gas_G0025"]["device"]["name"], "Home gas G0025");
    let of = |id: &str| told[id]["components"]["reading"]["unique_id"].as_str().map(str::to_owned);
    assert_eq!(of("gas_G0023").as_deref(), Some("dsmrd_gas_G0023_reading"), "as it was when it was alone");
}

#[test]
fn one_meter_on_two_ports_is_two_devices() {
    let mut layout = layout(discovery(&["home", "spare"]), PayloadFormat::Value);
    let first = told(&say(&mut layout, "home", &lines(&with_gas(&[METER, ENERGY]), 0), None));
    let second = told(&say(&mut layout, "spare", &lines(&with_gas(&[METER, ENERGY]), 0), None));
    assert_eq!(first.keys().collect::<Vec<_>>(), ["E0003", "gas_G0023"]);
    assert_eq!(second.keys().collect::<Vec<_>>(), ["E0003-spare", "gas_G0023-spare"]);
    assert_eq!(second["gas_G0023-spare"]["device"]["via_device"], "dsmrd_E0003-spare");
}

#[test]
fn switched_off_nothing_is_said_and_what_is_ours_goes() {
    let mut on = layout(discovery(&["home"]), PayloadFormat::Value);
    let old = say(&mut on, "home", &lines(&[METER, ENERGY], 0), None);
    let mut off = layout(Discovery { enabled: false, ..discovery(&["home"]) }, PayloadFormat::Value);
    assert_eq!(off.subscriptions(), ["homeassistant/device/dsmrd_12ab/+/config"]);
    assert!(told(&say(&mut off, "home", &lines(&[METER, ENERGY], 0), None)).is_empty());
    let said = heard(&mut off, &topic("E0003"), &payload(&old, "E0003"));
    assert_eq!(said, [Message { topic: topic("E0003").into(), payload: Bytes::new() }]);
    // Never configured: nothing to hear of at all.
    let never = layout(Discovery::off(), PayloadFormat::Value);
    assert!(never.subscriptions().is_empty());
}

#[test]
fn what_others_published_is_left_alone() {
    let mut on = layout(discovery(&["home"]), PayloadFormat::Value);
    let ours = payload(&say(&mut on, "home", &lines(&[METER, ENERGY], 0), None), "E0003");
    for enabled in [true, false] {
        let mut layout = layout(Discovery { enabled, ..discovery(&[]) }, PayloadFormat::Value);
        for topic in [
            "homeassistant/device/dsmrd_34cd/E0003/config",
            "homeassistant/device/E0003/config",
            "homeassistant/device/dsmrd_12ab/E0003/x/config",
            "homeassistant/sensor/dsmrd_12ab/E0003/config",
            "homeassistant/device/dsmrd_12ab/config",
            "other/device/dsmrd_12ab/E0003/config",
        ] {
            assert_eq!(heard(&mut layout, topic, &ours), [], "{topic}");
        }
        // Under our name, by another hand, or by nobody's.
        for payload in [
            &br#"{"origin": {"name": "zigbee2mqtt"}, "components": {}}"#[..],
            br#"{"components": {}}"#,
            b"not JSON",
            b"",
        ] {
            assert_eq!(heard(&mut layout, &topic("E0003"), payload), []);
        }
        // Not kept by the broker: our own voice, or another program at this moment.
        let mut out = Vec::new();
        layout.heard(&topic("E0003"), &ours, false, &mut out);
        assert_eq!(out, []);
    }
}

#[test]
fn a_meter_that_is_no_longer_configured_goes_and_one_that_is_silent_stays() {
    let mut old = layout(discovery(&["home", "garage", "attic"]), PayloadFormat::Value);
    let home = payload(&say(&mut old, "home", &lines(&[METER, ENERGY], 0), None), "E0003");
    let other = lines(&["0-0:96.1.1(4530303037)", ENERGY], 0);
    let garage = payload(&say(&mut old, "garage", &other, None), "E0007");
    let attic = payload(&say(&mut old, "attic", &lines(&[ENERGY], 0), None), "attic");

    let mut new = layout(discovery(&["home", "garage"]), PayloadFormat::Value);
    assert_eq!(heard(&mut new, &topic("E0003"), &home), []);
    assert_eq!(heard(&mut new, &topic("E0007"), &garage), []);
    assert!(is_cleared(&heard(&mut new, &topic("attic"), &attic), "attic"));
    // The garage's meter was replaced meanwhile; home is silent.
    let said = say(&mut new, "garage", &lines(&["0-0:96.1.1(4530303038)", ENERGY], 10), None);
    let told = told(&said);
    assert!(told["E0007"].is_null(), "{told:?}");
    assert_eq!(told.keys().collect::<Vec<_>>(), ["E0007", "E0008"]);
    let said = say(&mut new, "home", &lines(&[METER, ENERGY], 20), None);
    assert_eq!(payload(&said, "E0003"), home, "the same to the byte");
}

#[test]
fn a_gas_meter_of_another_run_has_time_to_speak() {
    let mut old = layout(discovery(&["home"]), PayloadFormat::Value);
    let before = say(&mut old, "home", &lines(&with_gas(&[METER, ENERGY]), 0), None);
    let gas = payload(&before, "gas_G0023");
    // It is in every other telegram only.
    let mut new = layout(discovery(&["home"]), PayloadFormat::Value);
    heard(&mut new, &topic("gas_G0023"), &gas);
    let said = say(&mut new, "home", &lines(&[METER, ENERGY], 0), None);
    assert!(!is_cleared(&said, "gas_G0023"));
    assert_eq!(
        payload(&say(&mut new, "home", &lines(&with_gas(&[METER, ENERGY]), 10), None), "gas_G0023"),
        gas
    );
    // It never comes again.
    let mut gone = layout(discovery(&["home"]), PayloadFormat::Value);
    heard(&mut gone, &topic("gas_G0023"), &gas);
    let mut cleared = None;
    for second in (0..=4_200).step_by(300) {
        let said = say(&mut gone, "home", &lines(&[METER, ENERGY], second), None);
        if is_cleared(&said, "gas_G0023") {
            assert_eq!(cleared.replace(second), None, "once");
        }
    }
    assert_eq!(cleared, Some(3_600));
    // Another stands in its place.
    let mut other = layout(discovery(&["home"]), PayloadFormat::Value);
    heard(&mut other, &topic("gas_G0023"), &gas);
    let new = [METER, GAS[0], "0-1:96.1.0(4730303234)", GAS[2]];
    assert!(is_cleared(&say(&mut other, "home", &lines(&new, 0), None), "gas_G0023"));
}

#[test]
fn entities_of_another_run_that_are_no_more_are_taken_out() {
    let mut old = layout(discovery(&["home"]), PayloadFormat::Value);
    let before = payload(&say(&mut old, "home", &lines(&[METER, ENERGY, VOLTS], 0), None), "E0003");
    // Heard before the first reading …
    let mut new = layout(discovery(&["home"]), PayloadFormat::Value);
    heard(&mut new, &topic("E0003"), &before);
    let said = say(&mut new, "home", &lines(&[METER, ENERGY], 0), None);
    assert_eq!(keys(&told(&said)["E0003"])[0], "-voltage_l1");
    // … or behind it.
    let mut late = layout(discovery(&["home"]), PayloadFormat::Value);
    say(&mut late, "home", &lines(&[METER, ENERGY], 0), None);
    assert_eq!(heard(&mut late, &topic("E0003"), &before), []);
    let mut last = Vec::new();
    for second in 1..=5 {
        last = say(&mut late, "home", &lines(&[METER, ENERGY], second), None);
    }
    let document = told(&last).remove("E0003").expect("a document");
    assert_eq!(keys(&document)[0], "-voltage_l1");
    // The run after that leaves it out.
    let taken_out = payload(&last, "E0003");
    let mut third = layout(discovery(&["home"]), PayloadFormat::Value);
    heard(&mut third, &topic("E0003"), &taken_out);
    let said = say(&mut third, "home", &lines(&[METER, ENERGY], 0), None);
    assert!(!keys(&told(&said)["E0003"]).iter().any(|key| key.starts_with('-')));
}

#[test]
fn with_another_prefix_documents_are_taken_over_and_those_of_another_dsmrd_stay() {
    let under = |prefix: &str, enabled: bool| {
        let discovery = Discovery { enabled, ..discovery(&["home"]) };
        let format = PayloadFormat::Value;
        let native = LayoutSettings::Native { prefix: prefix.into(), payload: format, discovery };
        Layout::new(&native).expect("a layout")
    };
    let before = say(&mut under("dsmrd", true), "home", &lines(&with_gas(&[METER, ENERGY, POWER]), 0), None);
    let (meter, gas) = (payload(&before, "E0003"), payload(&before, "gas_G0023"));
    // Another dsmrd on this machine has its topics elsewhere: that is not ours to clear, whatever we do.
    for enabled in [true, false] {
        for prefix in ["other", "dsm", "dsmrd/home"] {
            let mut other = under(prefix, enabled);
            assert_eq!(heard(&mut other, &topic("E0003"), &meter), [], "{prefix} {enabled}");
            assert_eq!(heard(&mut other, &topic("gas_G0023"), &gas), [], "{prefix} {enabled}");
            for second in (0..=7_200).step_by(300) {
                let telegram = lines(&["0-0:96.1.1(4530303037)", ENERGY], second);
                let said = say(&mut other, "home", &telegram, None);
                assert!(!is_cleared(&said, "E0003") && !is_cleared(&said, "gas_G0023"));
            }
        }
    }
    // Our own of before: the same meter has the same topic of its document and the same identifiers in it.
    let mut moved = under("other", true);
    heard(&mut moved, &topic("E0003"), &meter);
    let told = told(&say(&mut moved, "home", &lines(&with_gas(&[METER, ENERGY]), 0), None));
    assert_eq!(told["E0003"]["components"]["energy_import_t1"]["state_topic"], "other/home/energy_import_t1");
    assert_eq!(told["E0003"]["device"]["identifiers"][0], "dsmrd_E0003");
    assert_eq!(keys(&told["E0003"])[0], "-power_import", "what it does not say any more is taken out");
    assert!(told.contains_key("gas_G0023"));
}

#[test]
fn without_our_own_topics_what_described_them_goes() {
    let before = say(
        &mut layout(discovery(&["home"]), PayloadFormat::Value),
        "home",
        &lines(&[METER, ENERGY], 0),
        None,
    );
    let withdrawn = LayoutSettings::Withdrawn { prefix: "dsmrd".into(), discovery: discovery(&["home"]) };
    let mut layout = Layout::new(&withdrawn).expect("a layout");
    assert_eq!(layout.subscriptions(), ["homeassistant/device/dsmrd_12ab/+/config"]);
    assert_eq!(say(&mut layout, "home", &lines(&[METER, ENERGY], 0), None), []);
    assert!(is_cleared(&heard(&mut layout, &topic("E0003"), &payload(&before, "E0003")), "E0003"));
    let others = br#"{"origin": {"name": "zigbee2mqtt"}, "components": {}}"#;
    assert_eq!(heard(&mut layout, &topic("lamp"), others), []);
}

#[test]
fn a_device_without_an_identifier_is_called_by_its_meter_and_channel() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let anonymous = ["0-2:24.1.0(003)", "0-2:24.2.1(160715120000S)(00001.000*m3)"];
    let both = [&with_gas(&[METER])[..], &anonymous].concat();
    let told = told(&say(&mut layout, "home", &lines(&both, 0), None));
    assert_eq!(told.keys().collect::<Vec<_>>(), ["E0003", "E0003_gas_channel-2", "gas_G0023"]);
}
