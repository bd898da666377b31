//! The document of the appliance itself: whether its record is well.

use bytes::Bytes;
use serde_json::json;

use super::document::ORIGIN;
use crate::publish::settings::Discovery;

/// The part of the document's topic that others have the identifier of a meter in.
pub(super) const OBJECT_ID: &str = "dsmrd-appliance";

/// The document. The record is known for as long as the process lives, whatever the meters do.
pub(super) fn document(settings: &Discovery, prefix: &str) -> Bytes {
    let Discovery { node, status_topic, status_online, status_offline, .. } = settings;
    let topic = format!("{prefix}/store");
    let document = json!({
        "device": {
            "identifiers": [format!("dsmrd_{node}")],
            "name": "dsmrd",
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "origin": {
            "name": ORIGIN,
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "availability": [
            {
                "topic": status_topic,
                "payload_available": status_online,
                "payload_not_available": status_offline,
            },
        ],
        "components": {
            "store": {
                "platform": "binary_sensor",
                "unique_id": format!("dsmrd_{node}_store"),
                "default_entity_id": "binary_sensor.dsmrd_store",
                "name": "Record",
                "state_topic": topic,
                "value_template": "{{ 'OFF' if value_json.state == 'ok' else 'ON' }}",
                "json_attributes_topic": topic,
                "device_class": "problem",
                "entity_category": "diagnostic",
            },
        },
    });
    document.to_string().into()
}

/// Whether a document that the broker kept is of the topics with this prefix.
pub(super) fn is_of(topics: &[String], prefix: &str) -> bool {
    topics.iter().any(|topic| topic.strip_prefix(prefix) == Some("/store"))
}
