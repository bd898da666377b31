//! Documents that a broker kept from an earlier run.

use serde_json::Value;

use super::document::ORIGIN;
use super::entity::Platform;

/// One of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) object_id: String,
    /// What its meter's topics begin with, the meter's level included; none where it does not tell.
    pub(super) base: Option<String>,
    /// Its entities, but those that it removed itself.
    pub(super) components: Vec<(String, Platform)>,
    /// Where their states are.
    pub(super) topics: Vec<String>,
}

impl Leftover {
    /// Reads a document; none when dsmrd did not write it.
    pub(super) fn read(object_id: &str, payload: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(payload).ok()?;
        if document["origin"]["name"] != ORIGIN {
            return None;
        }
        // The last of the conditions is the link to the meter.
        let status = document["availability"].as_array().and_then(|topics| topics.last()?["topic"].as_str());
        let base = status.and_then(|topic| topic.strip_suffix("/status"));
        let mut components = Vec::new();
        let mut topics = Vec::new();
        for (key, component) in document["components"].as_object().into_iter().flatten() {
            let platform = component["platform"].as_str().and_then(Platform::from_name);
            if let (Some(platform), Some(topic)) = (platform, component["state_topic"].as_str()) {
                components.push((key.clone(), platform));
                topics.push(topic.to_owned());
            }
        }
        Some(Self { object_id: object_id.to_owned(), base: base.map(str::to_owned), components, topics })
    }
}
