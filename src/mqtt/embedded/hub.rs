//! Who is connected, what is subscribed to, what is retained.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use rumqttc::{LastWill, Publish, QoS};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::filter;
use crate::telemetry::Counter;

/// Messages that may wait for one client; who lets more wait is too slow and is thrown out.
pub(super) const QUEUE: usize = 4_096;
/// Topics that may be retained.
const MAX_RETAINED: usize = 16_384;
/// Subscriptions one client may have.
const MAX_SUBSCRIPTIONS: usize = 1_024;

/// What the broker counted since its start.
#[derive(Debug, Default)]
pub struct BrokerStats {
    /// Clients that were let in.
    pub accepted: Counter,
    /// Connections turned away because there were too many.
    pub refused: Counter,
    /// Clients thrown out because they read too slowly.
    pub slow: Counter,
    /// Clients thrown out because of what they sent.
    pub malformed: Counter,
    /// Messages that came in.
    pub received: Counter,
    /// Messages that were passed on.
    pub delivered: Counter,
    /// Retained messages that were not kept because the table was full.
    pub not_retained: Counter,
}

#[derive(Debug)]
struct Client {
    serial: u64,
    queue: mpsc::Sender<Publish>,
    out: CancellationToken,
    will: Option<LastWill>,
    subscriptions: Vec<(String, QoS)>,
}

/// The state all sessions share.
#[derive(Debug)]
pub(super) struct Hub {
    clients: HashMap<String, Client>,
    retained: BTreeMap<String, Publish>,
    serial: u64,
    stats: Arc<BrokerStats>,
}

impl Hub {
    /// An empty one.
    pub(super) fn new(stats: Arc<BrokerStats>) -> Self {
        Self { clients: HashMap::new(), retained: BTreeMap::new(), serial: 0, stats }
    }

    /// Lets a client in; one that has its id already is thrown out, and its will published first. Gives the
    /// serial number to leave with.
    pub(super) fn join(
        &mut self,
        id: &str,
        will: Option<LastWill>,
        queue: mpsc::Sender<Publish>,
        out: CancellationToken,
    ) -> u64 {
        if let Some(serial) = self.clients.get(id).map(|client| client.serial) {
            self.leave(id, serial, false);
        }
        self.serial += 1;
        self.stats.accepted.inc();
        let client = Client { serial: self.serial, queue, out, will, subscriptions: Vec::new() };
        self.clients.insert(id.to_owned(), client);
        self.serial
    }

    /// Lets a client go, and publishes its will unless it left in order.
    pub(super) fn leave(&mut self, id: &str, serial: u64, in_order: bool) {
        if self.clients.get(id).is_none_or(|client| client.serial != serial) {
            return;
        }
        let Some(client) = self.clients.remove(id) else { return };
        client.out.cancel();
        if let (Some(will), false) = (client.will, in_order) {
            let mut publish = Publish::from_bytes(will.topic, will.qos, will.message);
            publish.retain = will.retain;
            self.publish(publish);
        }
    }

    /// Adds a subscription; what is retained for it, or `None` when it cannot be had.
    pub(super) fn subscribe(&mut self, id: &str, filter: &str, qos: QoS) -> Option<Vec<Publish>> {
        let client = self.clients.get_mut(id)?;
        client.subscriptions.retain(|(known, _)| known != filter);
        if client.subscriptions.len() >= MAX_SUBSCRIPTIONS || !filter::is_filter(filter) {
            return None;
        }
        client.subscriptions.push((filter.to_owned(), qos));
        let kept = self.retained.values().filter(|publish| filter::matches(filter, &publish.topic));
        Some(kept.map(|publish| Publish { qos: lesser(publish.qos, qos), ..publish.clone() }).collect())
    }

    /// Takes a subscription away.
    pub(super) fn unsubscribe(&mut self, id: &str, filter: &str) {
        if let Some(client) = self.clients.get_mut(id) {
            client.subscriptions.retain(|(known, _)| known != filter);
        }
    }

    /// Passes a message on: one copy to each client with a subscription that matches.
    pub(super) fn publish(&mut self, publish: Publish) {
        self.stats.received.inc();
        let mut slow = Vec::new();
        for (id, client) in &self.clients {
            let granted = client
                .subscriptions
                .iter()
                .filter(|(filter, _)| filter::matches(filter, &publish.topic))
                .map(|(_, qos)| *qos)
                .max_by_key(|qos| *qos as u8);
            let Some(granted) = granted else { continue };
            // A copy to one who was there before is not a retained one.
            let qos = lesser(publish.qos, granted);
            let copy = Publish { qos, retain: false, dup: false, pkid: 0, ..publish.clone() };
            match client.queue.try_send(copy) {
                Ok(()) => self.stats.delivered.inc(),
                Err(_) => slow.push((id.clone(), client.serial)),
            }
        }
        if publish.retain {
            self.retain(publish);
        }
        for (id, serial) in slow {
            self.stats.slow.inc();
            self.leave(&id, serial, false);
        }
    }

    fn retain(&mut self, publish: Publish) {
        if publish.payload.is_empty() {
            self.retained.remove(&publish.topic);
        } else if self.retained.len() < MAX_RETAINED || self.retained.contains_key(&publish.topic) {
            // The bytes are copied out of the packet they came in, which may be part of a larger buffer.
            let payload = Bytes::copy_from_slice(&publish.payload);
            let kept = Publish { payload, dup: false, pkid: 0, ..publish };
            self.retained.insert(kept.topic.clone(), kept);
        } else {
            self.stats.not_retained.inc();
        }
    }
}

/// The lesser of two qualities, and never more than 1: QoS 2 does not go out.
pub(super) fn lesser(one: QoS, other: QoS) -> QoS {
    match (one, other) {
        (QoS::AtMostOnce, _) | (_, QoS::AtMostOnce) => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    }
}
