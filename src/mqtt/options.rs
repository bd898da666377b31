//! The client library's options, from a broker's settings.

use std::time::Duration;

use rumqttc::{LastWill, MqttOptions, NetworkOptions, QoS};

use super::BrokerSettings;
use crate::publish::{Message, Refusal};

/// Messages of the queue handed over and not yet acknowledged. Enough to keep a broker at the other end of a
/// slow line busy, and few enough that what is newest does not wait behind what is old.
pub(super) const WINDOW: usize = 16;

/// The most bytes of a packet, either way. A larger one would be dropped by the client library with all behind it.
pub(super) const MAX_PACKET: usize = 1 << 20;

/// What a publish has beside topic and payload, at most: fixed header, topic length, identifier.
const PACKET_OVERHEAD: usize = 9;

/// How long making a connection may take, in seconds: TCP, TLS and CONNACK together.
pub(super) const CONNECT_LIMIT: u64 = 5;

/// Why a message cannot be sent, if it cannot.
pub(super) fn refusal(message: &Message) -> Option<Refusal> {
    let Message { topic, payload } = message;
    if !publishable(topic) {
        Some(Refusal::InvalidTopic)
    } else if topic.len() + payload.len() + PACKET_OVERHEAD > MAX_PACKET {
        Some(Refusal::TooLarge)
    } else {
        None
    }
}

/// Whether a topic can be published to (MQTT 3.1.1, section 4.7).
pub(super) fn publishable(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= crate::publish::topic::MAX_TOPIC && !topic.contains(['+', '#', '\0'])
}

/// A quality of service by its number; anything above 1 is 2.
pub(super) fn qos(number: u8) -> QoS {
    match number {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// Birth, will and farewell are too important for QoS 0.
pub(super) fn status_qos(number: u8) -> QoS {
    qos(number.max(1))
}

/// How long the broker may take to answer before the link counts as dead. With a ping each keepalive, a dead
/// link is noticed within 1.5 times the keepalive, or 5 s after the keepalive where that is longer.
pub(super) fn patience(keepalive: Duration) -> Duration {
    (keepalive / 2).max(Duration::from_secs(5))
}

/// User and password, where the broker wants them.
pub(super) fn credentials(settings: &BrokerSettings) -> Option<(&str, &str)> {
    let (user, password) = (settings.username.as_deref(), settings.password.as_ref());
    (user.is_some() || password.is_some())
        .then(|| (user.unwrap_or_default(), password.map_or("", |secret| secret.expose())))
}

/// Options without TLS, which needs files.
pub(super) fn options(settings: &BrokerSettings) -> MqttOptions {
    let mut options = without_will(settings);
    options.set_last_will(LastWill::new(
        &settings.status_topic,
        settings.status_offline.as_bytes(),
        status_qos(settings.qos),
        true,
    ));
    options
}

/// Options for a connection whose end is no news.
pub(super) fn without_will(settings: &BrokerSettings) -> MqttOptions {
    let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
    options
        // The queue knows what to send again; a session at the broker would only send it twice.
        .set_clean_session(true)
        // The library panics below a second; zero switches pings off, and with them the detection of dead links.
        .set_keep_alive(settings.keepalive.max(Duration::from_secs(1)))
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_inflight(WINDOW as u16 + 2);
    if let Some((user, password)) = credentials(settings) {
        options.set_credentials(user, password);
    }
    options
}

/// How sockets are made.
pub(super) fn network_options() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    // A reading is many small packets; waiting for acknowledgements of TCP between them would cost 40 ms.
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_LIMIT);
    network
}
