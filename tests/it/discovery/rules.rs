//! What Home Assistant 2026.2 takes, as its `mqtt/schemas.py`, `mqtt/sensor.py`, `mqtt/binary_sensor.py`,
//! `sensor/const.py` and `energy/validate.py` have it: whatever breaks a rule there costs a warning or an entity.

use std::collections::HashSet;

use serde_json::Value;

/// Device classes of sensors with the units and state classes that go with them.
const SENSORS: &[(&str, &[&str], &[&str])] = &[
    ("apparent_power", &["VA", "kVA"], &["measurement"]),
    ("current", &["A", "mA"], &["measurement"]),
    ("duration", &["s", "min", "h", "d"], &["measurement", "total", "total_increasing"]),
    ("energy", &["Wh", "kWh", "MWh", "MJ", "GJ"], &["total", "total_increasing"]),
    ("enum", &[], &[]),
    ("frequency", &["Hz", "kHz"], &["measurement"]),
    ("gas", &["m³", "L", "ft³"], &["total", "total_increasing"]),
    ("monetary", &["EUR"], &["total"]),
    ("power", &["W", "kW", "MW"], &["measurement"]),
    ("power_factor", &["%", ""], &["measurement"]),
    ("reactive_energy", &["varh", "kvarh"], &["total", "total_increasing"]),
    ("reactive_power", &["var", "kvar"], &["measurement"]),
    ("timestamp", &[], &[]),
    ("voltage", &["V", "mV", "kV"], &["measurement"]),
    ("volume", &["m³", "L"], &["total", "total_increasing"]),
    ("water", &["m³", "L"], &["total", "total_increasing"]),
];

const SENSOR_KEYS: &[&str] = &[
    "platform",
    "unique_id",
    "default_entity_id",
    "name",
    "state_topic",
    "value_template",
    "last_reset_value_template",
    "device_class",
    "state_class",
    "unit_of_measurement",
    "suggested_display_precision",
    "options",
    "entity_category",
    "enabled_by_default",
];
const BINARY_KEYS: &[&str] = &[
    "platform",
    "unique_id",
    "default_entity_id",
    "name",
    "state_topic",
    "value_template",
    "payload_on",
    "payload_off",
    "device_class",
    "entity_category",
    "enabled_by_default",
];
const DEVICE_KEYS: &[&str] =
    &["identifiers", "name", "manufacturer", "model", "serial_number", "sw_version", "via_device"];

/// What is wrong with a document.
#[derive(Default)]
pub(super) struct Rules {
    unique_ids: HashSet<String>,
    entity_ids: HashSet<String>,
    devices: HashSet<String>,
    pub(super) problems: Vec<String>,
}

impl Rules {
    fn demand(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    /// Looks at a document; ids must be unlike those of every document before it.
    pub(super) fn document(&mut self, object_id: &str, document: &Value) {
        let is_id = |id: &str| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        self.demand(is_id(object_id), || format!("object id {object_id:?}"));
        let keys: Vec<&str> = document.as_object().expect("an object").keys().map(String::as_str).collect();
        let known = ["device", "origin", "availability", "availability_mode", "components"];
        self.demand(keys == known, || format!("{object_id}: keys {keys:?}"));
        let device = document["device"].as_object().expect("a device");
        for (key, value) in device {
            self.demand(DEVICE_KEYS.contains(&key.as_str()), || format!("{object_id}: device.{key}"));
            let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            let fits = if key == "identifiers" {
                value.as_array().is_some_and(|ids| !ids.is_empty() && ids.iter().all(is_text))
            } else {
                is_text(value)
            };
            self.demand(fits, || format!("{object_id}: device.{key} is {value}"));
        }
        let id = device["identifiers"][0].as_str().expect("an identifier").to_owned();
        if let Some(via) = device.get("via_device").and_then(Value::as_str) {
            let is_known = self.devices.contains(via);
            self.demand(is_known, || format!("{object_id}: hangs on unknown {via}"));
        }
        let is_new = self.devices.insert(id.clone());
        self.demand(is_new, || format!("{object_id}: device {id} twice"));
        self.demand(document["origin"]["name"] == "dsmrd", || format!("{object_id}: origin"));
        self.demand(document["availability_mode"] == "all", || format!("{object_id}: availability_mode"));
        let topics = document["availability"].as_array().expect("a list");
        self.demand(topics.len() == 2, || format!("{object_id}: availability {topics:?}"));
        let components = document["components"].as_object().expect("components");
        self.demand(!components.is_empty(), || format!("{object_id}: no entities"));
        for (key, part) in components {
            self.demand(is_id(key), || format!("{object_id}: component {key:?}"));
            let before = self.problems.len();
            self.component(part);
            for problem in &mut self.problems[before..] {
                *problem = format!("{object_id}/{key}: {problem}");
            }
        }
    }

    fn component(&mut self, part: &Value) {
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        let platform = text("platform").expect("a platform");
        if part.as_object().expect("an object").len() == 1 {
            return;
        }
        let known = match platform {
            "sensor" => SENSOR_KEYS,
            "binary_sensor" => BINARY_KEYS,
            other => panic!("platform {other}"),
        };
        for key in part.as_object().expect("an object").keys() {
            self.demand(known.contains(&key.as_str()), || format!("key {key}"));
        }
        let unique = text("unique_id").expect("a unique_id").to_owned();
        let is_new = self.unique_ids.insert(unique.clone());
        self.demand(is_new, || format!("unique_id {unique} twice"));
        let entity = text("default_entity_id").expect("an entity id").to_owned();
        let (domain, slug) = entity.split_once('.').expect("a domain");
        let in_order =
            slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                && !slug.starts_with('_')
                && !slug.ends_with('_')
                && !slug.contains("__");
        self.demand(domain == platform && in_order, || format!("entity id {entity}"));
        let is_new = self.entity_ids.insert(entity.clone());
        self.demand(is_new, || format!("entity id {entity} twice"));
        let named = part["name"].is_null() || text("name").is_some_and(|name| !name.trim().is_empty());
        self.demand(named, || "a name of nothing".to_owned());
        let topic = text("state_topic").expect("a topic");
        self.demand(!topic.contains(['+', '#']), || format!("topic {topic}"));
        self.demand(part.get("expire_after").is_none(), || "expire_after".to_owned());
        if platform == "sensor" {
            self.sensor(part);
        }
    }

    fn sensor(&mut self, part: &Value) {
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        let (class, state, unit) = (text("device_class"), text("state_class"), text("unit_of_measurement"));
        if let Some(state) = state {
            let known = ["measurement", "total", "total_increasing"].contains(&state);
            self.demand(known, || format!("state class {state}"));
        }
        match class.map(|class| SENSORS.iter().find(|(known, ..)| *known == class)) {
            None => {}
            Some(None) => self.problems.push(format!("device class {class:?}")),
            Some(Some((_, units, states))) => {
                let fits =
                    if units.is_empty() { unit.is_none() } else { units.contains(&unit.unwrap_or("")) };
                self.demand(fits, || format!("{class:?} in {unit:?}"));
                self.demand(state.is_none_or(|state| states.contains(&state)), || {
                    format!("{class:?} with state class {state:?}")
                });
            }
        }
        let reset = part.get("last_reset_value_template").is_some();
        self.demand(!reset || state == Some("total"), || format!("last_reset with {state:?}"));
        self.demand(state != Some("total") || reset, || "a total of what, without last_reset".to_owned());
        let options = part.get("options").and_then(Value::as_array);
        let is_enum = class == Some("enum");
        self.demand(is_enum == options.is_some_and(|options| !options.is_empty()), || "options".to_owned());
        // Numbers are what has a unit, a state class or a precision: nothing else takes one.
        let is_number = unit.is_some() || state.is_some();
        let precision = part.get("suggested_display_precision").and_then(Value::as_u64);
        self.demand(is_number == precision.is_some(), || format!("precision {precision:?}"));
        self.demand(precision.is_none_or(|digits| digits <= 7), || format!("precision {precision:?}"));
        if let Some(unit) = unit {
            self.demand(!unit.contains("m3"), || "m3 is not how Home Assistant writes it".to_owned());
        }
    }
}

#[test]
fn rules_find_what_is_wrong() {
    let document = |part: &str| {
        let text = format!(
            r#"{{"device":{{"identifiers":["a"],"name":"n"}},"origin":{{"name":"dsmrd"}},
            "availability":[{{}},{{}}],"availability_mode":"all","components":{{"c":{part}}}}}"#
        );
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let head =
        r#""platform":"sensor","unique_id":"u","default_entity_id":"sensor.c","name":"C","state_topic":"t""#;
    let problems = |more: &str| {
        let mut rules = Rules::default();
        rules.document("a", &document(&format!("{{{head}{more}}}")));
        rules.problems
    };
    assert_eq!(problems(""), [""; 0]);
    let number = r#","suggested_display_precision":3,"unit_of_measurement":"kWh","device_class""#;
    assert_eq!(problems(&format!(r#"{number}:"energy","state_class":"total_increasing""#)), [""; 0]);
    for wrong in [
        format!(r#"{number}:"energy","state_class":"measurement""#),
        format!(r#"{number}:"power","state_class":"measurement""#),
        r#","device_class":"enum""#.to_owned(),
        r#","expire_after":60"#.to_owned(),
        r#","state_class":"total","suggested_display_precision":2"#.to_owned(),
    ] {
        assert!(!problems(&wrong).is_empty(), "{wrong}");
    }
}
