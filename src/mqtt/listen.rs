//! What is subscribed to: the birth of Home Assistant, and what the layouts ask for.

use super::BrokerSettings;
use super::embedded::filter;
use super::link::Link;
use crate::publish::LayoutSettings;

/// What Home Assistant's topics begin with unless it is told otherwise.
const HOME_ASSISTANT: &str = "homeassistant";
/// Its word for having started.
const ONLINE: &[u8] = b"online";

/// The subscriptions of one broker.
#[derive(Debug)]
pub(super) struct Listening {
    /// Where Home Assistant tells that it has started.
    births: Vec<String>,
    filters: Vec<String>,
    /// Whether to subscribe; not any more once what came that way broke the connection.
    wanted: bool,
    /// Whether it was said that a subscription was refused.
    said: bool,
}

impl Listening {
    /// To the birth topics of the layouts' Home Assistants, and to these filters.
    pub(super) fn new(settings: &BrokerSettings, asked: Vec<String>) -> Self {
        let mut births: Vec<String> = Vec::new();
        let prefixes = settings.layouts.iter().map(|layout| match layout {
            LayoutSettings::Native { discovery, .. } | LayoutSettings::Withdrawn { discovery, .. } => {
                &*discovery.prefix
            }
            LayoutSettings::DsmrReader { .. } => HOME_ASSISTANT,
        });
        // Without layouts the messages are of another making, for whom the default serves.
        for prefix in prefixes.chain(settings.layouts.is_empty().then_some(HOME_ASSISTANT)) {
            let birth = format!("{prefix}/status");
            if !births.contains(&birth) {
                births.push(birth);
            }
        }
        let mut filters = births.clone();
        for filter in asked {
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
        Self { births, filters, wanted: true, said: false }
    }

    /// Subscribes on a connection that was just made.
    pub(super) fn start(&self, link: &Link) {
        if self.wanted {
            link.subscribe(&self.filters);
        }
    }

    /// Never again. False when that was so before.
    pub(super) fn stop(&mut self) -> bool {
        std::mem::replace(&mut self.wanted, false)
    }

    /// Whether this message tells that Home Assistant has started.
    pub(super) fn is_birth(&self, topic: &str, payload: &[u8]) -> bool {
        payload == ONLINE && self.births.iter().any(|birth| birth == topic)
    }

    /// Whether messages of a topic come in.
    pub(super) fn hears(&self, topic: &str) -> bool {
        self.wanted && self.filters.iter().any(|filter| filter::matches(filter, topic))
    }

    /// The broker refused some: the rest works, and it is said once.
    pub(super) fn refused(&mut self, places: &[usize], broker: &str) {
        if std::mem::replace(&mut self.said, true) {
            return;
        }
        let topics: Vec<&str> =
            places.iter().filter_map(|&place| self.filters.get(place)).map(String::as_str).collect();
        let topics = topics.join(" ");
        tracing::warn!(
            broker,
            topics,
            "the broker does not let us subscribe; what comes there is not heard, everything is published as ever"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_and_filters_each_once() {
        let settings = crate::mqtt::settings::tests::settings();
        let listening = Listening::new(&settings, vec!["a/+/b".into(), "a/+/b".into(), "prices".into()]);
        assert_eq!(listening.filters, ["homeassistant/status", "a/+/b", "prices"]);
        assert!(listening.is_birth("homeassistant/status", b"online"));
        assert!(!listening.is_birth("homeassistant/status", b"offline"));
        assert!(!listening.is_birth("prices", b"online"));
        assert!(listening.hears("a/x/b") && !listening.hears("a/x"));
    }
}
