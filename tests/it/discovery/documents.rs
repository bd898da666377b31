//! Documents of meters of every kind.

use std::collections::BTreeSet;

use super::rules::Rules;
use dsmrd::meter::Country;

use super::*;
use crate::support::{corpus, files, fixtures, stem};

/// The telegram of a fixture.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(format!("{name}.txt"))).expect("a fixture")
}

fn documents(name: &str, payload: PayloadFormat) -> BTreeMap<String, Value> {
    let mut layout = layout(discovery(&["home"]), payload);
    told(&say(&mut layout, "home", &reading(&fixture(name), ARRIVED), None))
}

/// Entities in short: key, kind, class, state class, unit; `-` for one that is off at first, `*` for diagnostics.
fn short(document: &Value) -> String {
    let parts = document["components"].as_object().expect("components");
    let line = |(key, part): (&String, &Value)| {
        let text = |key: &str| part[key].as_str().unwrap_or_default();
        let mut line = format!(
            "{}{}{key} {} {} {}",
            if part["enabled_by_default"] == false { "-" } else { "" },
            if part["entity_category"] == "diagnostic" { "*" } else { "" },
            text("device_class"),
            text("state_class"),
            text("unit_of_measurement")
        );
        line.truncate(line.trim_end().len());
        line
    };
    parts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_dutch_meter_with_three_phases_and_gas() {
    let told = documents("nl-5.0-iskra-3phase-gas", PayloadFormat::Value);
    let ids: Vec<&String> = told.keys().collect();
    assert_eq!(ids, ["E0051006231847217", "gas_G0072004481930526"]);
    let meter = &told["E0051006231847217"];
    assert_eq!(
        meter["device"],
        serde_json::json!({
            "identifiers": ["dsmrd_E0051006231847217"],
            "name": "Home",
            "manufacturer": "Iskraemeco",
            "model": "ISK5\\2M550T-1013",
            "serial_number": "E0051006231847217",
            "sw_version": "P1 50",
        })
    );
    assert_eq!(
        meter["availability"],
        serde_json::json!([
            {"topic": "dsmrd/status", "payload_available": "online", "payload_not_available": "offline"},
            {"topic": "dsmrd/home/status"},
        ])
    );
    assert_eq!(
        meter["components"]["energy_import_t1"],
        serde_json::json!({
            "platform": "sensor",
            "unique_id": "dsmrd_E0051006231847217_energy_import_t1",
            "default_entity_id": "sensor.home_energy_import_t1",
            "name": "Energy imported, tariff 1",
            "state_topic": "dsmrd/home/energy_import_t1",
            "device_class": "energy",
            "state_class": "total_increasing",
            "unit_of_measurement": "kWh",
            "suggested_display_precision": 3,
        })
    );
    let gas = &told["gas_G0072004481930526"];
    assert_eq!(
        gas["device"],
        serde_json::json!({
            "identifiers": ["dsmrd_gas_G0072004481930526"],
            "name": "Home gas",
            "serial_number": "G0072004481930526",
            "via_device": "dsmrd_E0051006231847217",
        })
    );
    assert_eq!(short(gas), "-*channel\n-*id\nreading gas total_increasing m³\n*status enum\n*time timestamp");
    assert_eq!(
        gas["components"]["reading"],
        serde_json::json!({
            "platform": "sensor",
            "unique_id": "dsmrd_gas_G0072004481930526_reading",
            "default_entity_id": "sensor.home_gas_reading",
            // The name of the device.
            "name": null,
            "state_topic": "dsmrd/home/gas/reading",
            "device_class": "gas",
            "state_class": "total_increasing",
            "unit_of_measurement": "m³",
            "suggested_display_precision": 3,
        })
    );
    let shown: Vec<&str> = "current_l1 current_l2 current_l3 energy_export_t1 energy_export_t2 energy_export_total \
                            energy_import_t1 energy_import_t2 energy_import_total long_power_failures power_export \
                            power_export_l1 power_export_l2 power_export_l3 power_failures power_import power_import_l1 \
                            power_import_l2 power_import_l3 power_net tariff voltage_l1 voltage_l2 voltage_l3"
        .split_whitespace()
        .collect();
    let parts = meter["components"].as_object().expect("components");
    let on = parts.iter().filter(|(_, part)| part["enabled_by_default"] != false);
    assert_eq!(on.map(|(key, _)| key.as_str()).collect::<Vec<_>>(), shown);
}

#[test]
fn entities_of_every_kind() {
    let entities = |name: &str| -> Vec<String> {
        let told = documents(name, PayloadFormat::Value);
        told.values()
            .flat_map(|document| short(document).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    for (name, expected) in [
        (
            "be-50217-fluvius-3phase-peaks-gas-water",
            &[
                "*breaker enum",
                "demand_import_avg_current power measurement kW",
                "demand_import_max power measurement kW",
                "-demand_import_max_time timestamp",
                "reading gas total_increasing m³",
                "reading water total_increasing m³",
                "tariff",
            ][..],
        ),
        (
            "lu-smarty-decrypted",
            &["-reactive_energy_import_total reactive_energy total_increasing kvarh", "*relay_1 enum"],
        ),
        (
            "lt-eso-largest",
            &["-power_factor power_factor measurement", "-frequency frequency measurement Hz"],
        ),
        ("se-h1-sagemcom-ellevio", &["-reactive_power_import reactive_power measurement kvar"]),
        ("nl-heat-warmtelink", &["reading energy total_increasing GJ"]),
        ("nl-4.0-iskra-valve-and-breaker", &["*valve enum", "*breaker enum"]),
        ("nl-5.0-iskra-electricity-sub-meter", &["reading energy total_increasing kWh"]),
        ("ch-sagemcom-messages-and-failures", &["-message_code"]),
    ] {
        let found = entities(name);
        for entity in expected {
            assert!(found.iter().any(|line| line == entity), "{name}: no {entity:?} in {found:#?}");
        }
    }
}

#[test]
fn a_tariff_has_a_name_where_the_country_is_known() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let mut reading = reading(&fixture("nl-5.0-iskra-3phase-gas"), ARRIVED);
    reading.country = Some(Country::Netherlands);
    let told = told(&say(&mut layout, "home", &reading, None));
    let tariff = &told["E0051006231847217"]["components"]["tariff_name"];
    assert_eq!(tariff["options"], serde_json::json!(["low", "normal"]));
}

#[test]
fn every_telegram_keeps_the_rules() {
    let folders = [Some(fixtures()), corpus().map(|folder| folder.join("telegrams"))];
    let mut classes = BTreeSet::new();
    let mut meters = 0;
    for file in folders.into_iter().flatten().flat_map(|folder| files(&folder, "txt")) {
        let telegram = std::fs::read(&file).expect("a file");
        for payload in [PayloadFormat::Value, PayloadFormat::Json, PayloadFormat::ValueTimestamp] {
            let mut layout = layout(discovery(&["home"]), payload);
            let Some(reading) = readable(&telegram) else { continue };
            let mut rules = Rules::default();
            let messages = say(&mut layout, "home", &reading, None);
            // The meter's own first, so that what hangs on it hangs on something.
            for message in messages.iter().filter(|message| message.topic.starts_with("homeassistant/")) {
                let id = message.topic.split('/').nth(3).expect("an id");
                let document = serde_json::from_slice(&message.payload).expect("JSON");
                rules.document(id, &document);
                meters += 1;
                // Each entity's topic shows something.
                for part in document["components"].as_object().expect("components").values() {
                    let topic = part["state_topic"].as_str().expect("a topic");
                    let said = messages.iter().rfind(|message| *message.topic == *topic);
                    assert!(said.is_some_and(|message| !message.payload.is_empty()), "{topic} says nothing");
                    classes.insert(part["device_class"].as_str().unwrap_or_default().to_owned());
                }
            }
            assert_eq!(rules.problems, [""; 0], "{} as {payload:?}", stem(&file));
        }
    }
    assert!(meters > 200, "{meters} documents");
    assert!(classes.len() >= 13, "{classes:?}");
}

/// The reading of a telegram, if it is one.
fn readable(telegram: &[u8]) -> Option<Reading> {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let mut found = None;
    let mut framer = Framer::new(FramerSettings::default());
    framer.push(&[telegram, b"/"].concat(), &mut |event| {
        if let Event::Frame(frame) = event {
            found.get_or_insert_with(|| read(&frame, &zone, ARRIVED).reading);
        }
    });
    found
}

#[test]
fn every_topic_of_the_table_is_an_entity_or_known_to_be_none() {
    let none =
        ["status", "json", "month_end", "power_failure_log", "demand_peak_history", "month_end_energies"];
    let mut missing = Vec::new();
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let mut said = BTreeSet::new();
    for name in files(&fixtures(), "txt") {
        let telegram = std::fs::read(&name).expect("a file");
        let Some(reading) = readable(&telegram) else { continue };
        let messages = say(&mut layout, &stem(&name), &reading, None);
        let told = told(&messages);
        let documented: BTreeSet<String> = told
            .values()
            .filter_map(|document| document["components"].as_object())
            .flat_map(|parts| {
                parts.values().filter_map(|part| part["state_topic"].as_str().map(str::to_owned))
            })
            .collect();
        for message in messages.iter().filter(|message| message.topic.starts_with("dsmrd/")) {
            let field = message.topic.splitn(3, '/').nth(2).expect("a field");
            said.insert(field.to_owned());
            // Of a class with several devices each has its own topics; the plain ones say the same again.
            let is_list = none.contains(&field) || field == "load_profile" || field == "current_limits";
            let is_plain = field.contains('/');
            if !message.payload.is_empty() && !documented.contains(&*message.topic) && !is_list && !is_plain {
                missing.push(message.topic.to_string());
            }
        }
    }
    assert!(said.len() > 150, "{}", said.len());
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_value_is_taken_out_of_any_payload() {
    let template = |payload, part: &str| {
        let told = documents("be-50217-fluvius-3phase-peaks-gas-water", payload);
        let parts = told.values().filter_map(|document| document["components"].get(part)).collect::<Vec<_>>();
        parts.first().map(|part| part["value_template"].as_str().map(str::to_owned))
    };
    assert_eq!(template(PayloadFormat::Value, "power_import"), Some(None));
    assert_eq!(
        template(PayloadFormat::Json, "power_import"),
        Some(Some("{{ value_json.value }}".to_owned()))
    );
    assert_eq!(
        template(PayloadFormat::ValueTimestamp, "power_import"),
        Some(Some("{{ value.split(' ')[0] }}".to_owned()))
    );
    assert_eq!(template(PayloadFormat::ValueTimestamp, "proof"), Some(None));
    assert_eq!(template(PayloadFormat::ValueTimestamp, "time"), None, "texts are not there in that format");
    let breaker = "{{ {'0': 'disconnected', '1': 'connected', '2': 'ready for reconnection'}";
    assert_eq!(
        template(PayloadFormat::Value, "breaker"),
        Some(Some(format!("{breaker}.get(value | string) }}}}")))
    );
}

#[test]
fn a_meter_without_an_identifier_goes_by_its_name() {
    let mut layout = layout(discovery(&["Méter kast"]), PayloadFormat::Value);
    let old =
        lines(&["1-0:1.8.1(00123.456*kWh)", "0-1:24.1.0(003)", "0-1:24.2.1(160715120000S)(00012.345*m3)"], 0);
    let told = told(&say(&mut layout, "Méter kast", &old, None));
    let ids: Vec<&String> = told.keys().collect();
    assert_eq!(ids, ["M_ter_kast", "M_ter_kast_gas"]);
    let gas = &told["M_ter_kast_gas"];
    assert_eq!(gas["device"]["identifiers"][0], "dsmrd_M_ter_kast_gas");
    assert_eq!(gas["components"]["reading"]["state_topic"], "dsmrd/Méter kast/gas/reading");
    assert_eq!(gas["components"]["reading"]["default_entity_id"], "sensor.m_ter_kast_gas_reading");
}
