//! The document of a device: what Home Assistant makes a device and its entities of (its
//! `mqtt/schemas.py`, `DEVICE_DISCOVERY_SCHEMA`).

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::entity::{Entity, Platform, State};
use crate::publish::PayloadFormat;

/// Who wrote a document; only those of this name are ever removed.
pub(super) const ORIGIN: &str = "dsmrd";

/// A device for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Device {
    /// Unlike that of any other device, and the same over restarts.
    pub(super) uid: String,
    pub(super) name: String,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial_number: Option<String>,
    pub(super) sw_version: Option<String>,
    /// The device that it hangs on.
    pub(super) via: Option<String>,
}

/// An entity and where its state is.
#[derive(Clone, Debug)]
pub(super) struct Component<'a> {
    pub(super) key: String,
    /// The last part of its entity id, of which the first is the meter's.
    pub(super) slug: String,
    pub(super) entity: &'a Entity,
    pub(super) topic: &'a str,
    /// Whether the payload is the value whatever the format.
    pub(super) bare: bool,
}

/// What all documents of a meter have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Common<'a> {
    pub(super) format: PayloadFormat,
    /// `<prefix>/<meter>`.
    pub(super) base: &'a str,
    pub(super) status_topic: &'a str,
    pub(super) status_online: &'a str,
    pub(super) status_offline: &'a str,
}

/// Writes a document. Entities that are gone come first: while Home Assistant is still busy with one of the others it
/// leaves out what comes after it.
pub(super) fn write(
    common: Common<'_>,
    device: &Device,
    components: &[Component<'_>],
    gone: &[(String, Platform)],
) -> Bytes {
    let mut parts = Map::new();
    for (key, platform) in gone {
        parts.insert(key.clone(), json!({ "platform": platform.name() }));
    }
    for component in components {
        parts.insert(component.key.clone(), part(common, device, component));
    }
    let document = json!({
        "device": device.json(),
        "origin": {
            "name": ORIGIN,
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "availability": [
            {
                "topic": common.status_topic,
                "payload_available": common.status_online,
                "payload_not_available": common.status_offline,
            },
            { "topic": format!("{}/status", common.base) },
        ],
        "availability_mode": "all",
        "components": parts,
    });
    document.to_string().into()
}

impl Device {
    fn json(&self) -> Value {
        let mut device = Map::new();
        device.insert("identifiers".into(), json!([self.uid]));
        device.insert("name".into(), json!(self.name));
        for (key, value) in [
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial_number", &self.serial_number),
            ("sw_version", &self.sw_version),
            ("via_device", &self.via),
        ] {
            if let Some(value) = value {
                device.insert(key.into(), json!(value));
            }
        }
        Value::Object(device)
    }
}

fn part(common: Common<'_>, device: &Device, component: &Component<'_>) -> Value {
    let Component { key, slug, entity, topic, bare } = component;
    let mut part = Map::new();
    let mut put = |key: &str, value: Value| {
        part.insert(key.to_owned(), value);
    };
    put("platform", json!(entity.platform.name()));
    put("unique_id", json!(format!("{}_{key}", device.uid)));
    put("default_entity_id", json!(format!("{}.{slug}", entity.platform.name())));
    put("name", json!(entity.name));
    let (topic, template) = match entity.state {
        State::Cost(key) => {
            put("last_reset_value_template", json!("{{ value_json.start }}"));
            let template = format!("{{{{ (value_json.cost | default({{}})).get('{key}') }}}}");
            (period_json(common.base, topic), Some(template))
        }
        state => ((*topic).to_owned(), template(common.format, state, *bare)),
    };
    put("state_topic", json!(topic));
    if let Some(template) = template {
        put("value_template", json!(template));
    }
    for (key, value) in [("device_class", entity.device_class), ("state_class", entity.state_class)] {
        if let Some(value) = value {
            put(key, json!(value));
        }
    }
    if let Some(unit) = &entity.unit {
        put("unit_of_measurement", json!(unit));
    }
    if let Some(precision) = entity.precision {
        put("suggested_display_precision", json!(precision));
    }
    match entity.state {
        State::Words(words) | State::Word(words) => put("options", json!(words)),
        State::Switch => {
            put("payload_on", json!("on"));
            put("payload_off", json!("off"));
        }
        _ => {}
    }
    if entity.diagnostic {
        put("entity_category", json!("diagnostic"));
    }
    if !entity.enabled {
        put("enabled_by_default", json!(false));
    }
    Value::Object(part)
}

/// The topic with the JSON of the period that a cost is of.
fn period_json(base: &str, topic: &str) -> String {
    let period = match topic.rsplit('/').next() {
        Some("month") => "month",
        Some("year") => "year",
        _ => "today",
    };
    format!("{base}/{period}/json")
}

fn template(format: PayloadFormat, state: State, bare: bool) -> Option<String> {
    let value = match format {
        _ if bare => "value",
        PayloadFormat::Value => "value",
        PayloadFormat::ValueTimestamp => "value.split(' ')[0]",
        PayloadFormat::Json => "value_json.value",
    };
    Some(match state {
        State::Long => format!("{{{{ {value}[:255] }}}}"),
        State::Time => format!("{{{{ as_local(as_datetime({value})) }}}}"),
        State::Words(words) => {
            let words: Vec<String> =
                words.iter().enumerate().map(|(code, word)| format!("'{code}': '{word}'")).collect();
            // A code that is none of them leaves the state unknown.
            format!("{{{{ {{{}}}.get({value} | string) }}}}", words.join(", "))
        }
        _ if value == "value" => return None,
        _ => format!("{{{{ {value} }}}}"),
    })
}
