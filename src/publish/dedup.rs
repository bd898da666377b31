//! The queue in front of a broker: the newest value of each topic, and nothing the broker already holds.
//!
//! Of each topic the queue knows the last *intention*: what waits, else what is in flight, else what the
//! broker is known to hold. An offer is compared with that and with nothing else, so that A, B, A ends with
//! A. What the broker holds is learned from acknowledgements alone and forgotten when one is lost, so that
//! a duplicate is never mistaken for a message that did not arrive.
//!
//! Pure: time comes in as `now`. moka bounds what is remembered; whether a memory is fresh is decided here,
//! because moka's own clock can't be set.

mod stats;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::Message;
use crate::clock::MonoMillis;
pub use stats::{QueueStats, Refusal};

/// Telegrams come every second or ten, and not to the millisecond. An offer this close to the end of the
/// cache time counts as after it, or a refresh would slip by one telegram each time.
const SLACK: Duration = Duration::from_millis(500);

/// How a queue is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long an unchanged payload is not sent again, from the time it was sent; zero is off.
    pub cache: Duration,
    /// The most topics the queue knows; a message of one more is dropped and counted.
    pub max_topics: usize,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { cache: Duration::from_secs(3_600), max_topics: 4_096 }
    }
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It waits.
    Queued,
    /// It waits, in place of an older one of its topic.
    Superseded,
    /// The broker holds the same, or is about to.
    Deduplicated,
    /// The table of topics is full.
    Dropped,
}

/// A message handed out; it comes back once, by [`DedupQueue::acked`], [`DedupQueue::lost`],
/// [`DedupQueue::returned`] or [`DedupQueue::refused`]. A token that is not in flight (any more) says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    slot: usize,
    serial: u64,
}

#[derive(Debug)]
struct InFlight {
    serial: u64,
    payload: Bytes,
    sent_at: MonoMillis,
}

/// One topic.
#[derive(Debug)]
struct Slot {
    topic: Arc<str>,
    /// The payload last offered; what waits, if anything does, is this.
    offered: Bytes,
    waiting: bool,
    /// Whether its place is in the line; never while in flight.
    in_line: bool,
    in_flight: Option<InFlight>,
}

#[derive(Clone, Debug)]
struct Held {
    payload: Bytes,
    sent_at: MonoMillis,
}

/// The queue of one broker.
#[derive(Debug)]
pub struct DedupQueue {
    /// Zero is off.
    refresh_after: MonoMillis,
    max_topics: usize,
    slots: Vec<Slot>,
    places: HashMap<Arc<str>, usize>,
    line: VecDeque<usize>,
    /// What the broker is known to hold.
    held: Cache<Arc<str>, Held>,
    serial: u64,
    now: MonoMillis,
    waiting: usize,
    in_flight: usize,
    stats: QueueStats,
}

impl DedupQueue {
    /// An empty queue in front of a broker of which nothing is known.
    pub fn new(settings: QueueSettings) -> Self {
        let slack = SLACK.min(settings.cache / 10);
        let mut held =
            Cache::builder().max_capacity(settings.max_topics as u64).eviction_policy(EvictionPolicy::lru());
        if !settings.cache.is_zero() {
            // For eviction only, so with room to spare: its clock is not ours.
            held = held.time_to_live(settings.cache.saturating_mul(2).min(Duration::from_secs(86_400 * 365)));
        }
        Self {
            refresh_after: (settings.cache - slack).as_millis().try_into().unwrap_or(MonoMillis::MAX),
            max_topics: settings.max_topics,
            slots: Vec::new(),
            places: HashMap::new(),
            line: VecDeque::new(),
            held: held.build(),
            serial: 0,
            now: 0,
            waiting: 0,
            in_flight: 0,
            stats: QueueStats::default(),
        }
    }

    /// Offers the newest value of a topic.
    pub fn offer(&mut self, message: Message, now: MonoMillis) -> Offer {
        self.now = now;
        self.stats.offered += 1;
        let Message { topic, payload } = message;
        let Some(place) = self.place(&topic) else {
            self.stats.refuse(Refusal::TableFull);
            return Offer::Dropped;
        };
        let on_its_way = match &self.slots[place].in_flight {
            Some(sent) => sent.payload == payload,
            None => self.holds(place, &payload),
        };
        let slot = &mut self.slots[place];
        let waited = slot.waiting;
        if waited && slot.offered == payload {
            self.stats.deduplicated += 1;
            return Offer::Deduplicated;
        }
        slot.offered = payload;
        if waited {
            self.stats.superseded += 1;
        }
        if on_its_way {
            // Back to what the broker has or gets: what waited in between need not be sent at all.
            slot.waiting = false;
            self.waiting -= usize::from(waited);
            self.stats.deduplicated += 1;
            return Offer::Deduplicated;
        }
        slot.waiting = true;
        self.waiting += usize::from(!waited);
        self.line_up(place);
        if waited { Offer::Superseded } else { Offer::Queued }
    }

    /// The next message to send; topics take turns, and none has two in flight.
    pub fn next(&mut self, now: MonoMillis) -> Option<(Token, Message)> {
        self.now = now;
        loop {
            let place = self.line.pop_front()?;
            let slot = &mut self.slots[place];
            slot.in_line = false;
            if !slot.waiting {
                continue;
            }
            self.serial += 1;
            slot.waiting = false;
            slot.in_flight =
                Some(InFlight { serial: self.serial, payload: slot.offered.clone(), sent_at: now });
            self.waiting -= 1;
            self.in_flight += 1;
            let message = Message { topic: Arc::clone(&slot.topic), payload: slot.offered.clone() };
            return Some((Token { slot: place, serial: self.serial }, message));
        }
    }

    /// The broker has it (with QoS 0: it was sent).
    pub fn acked(&mut self, token: Token, now: MonoMillis) {
        self.now = now;
        let Some(InFlight { payload, sent_at, .. }) = self.land(token) else { return };
        self.stats.acked += 1;
        if self.refresh_after > 0 {
            self.held.insert(Arc::clone(&self.slots[token.slot].topic), Held { payload, sent_at });
        }
        self.line_up(token.slot);
    }

    /// The link broke before the acknowledgement: it may have arrived or not. It is sent again, unless a newer
    /// one waits.
    pub fn lost(&mut self, token: Token) {
        let Some(_) = self.land(token) else { return };
        self.held.invalidate(&self.slots[token.slot].topic);
        self.wait_again(token.slot);
    }

    /// It could not be handed on and was never sent. It waits again, unless a newer one does.
    pub fn returned(&mut self, token: Token) {
        let Some(_) = self.land(token) else { return };
        self.wait_again(token.slot);
        self.forgo_if_held(token.slot);
    }

    /// It can't be sent, or the broker said no. It is dropped and not remembered; the next offer of the
    /// topic is a new attempt.
    pub fn refused(&mut self, token: Token, reason: Refusal) {
        let Some(_) = self.land(token) else { return };
        self.stats.refuse(reason);
        self.forgo_if_held(token.slot);
        self.line_up(token.slot);
    }

    /// Everything in flight is lost, in the order in which it was sent.
    pub fn link_lost(&mut self) {
        let mut lost: Vec<Token> = (0..self.slots.len())
            .filter_map(|slot| {
                let serial = self.slots[slot].in_flight.as_ref()?.serial;
                Some(Token { slot, serial })
            })
            .collect();
        lost.sort_unstable_by_key(|token| token.serial);
        for token in lost {
            self.lost(token);
        }
    }

    /// The broker may have forgotten everything, or someone asks for it: the last value of every topic waits
    /// again, what waits already first, then in the order in which the topics came up. Cleared topics too: a
    /// broker may come back with an old copy of what it held. Each is counted as offered once more.
    pub fn forget_all(&mut self) {
        self.forget(|_| true);
    }

    /// As [`DedupQueue::forget_all`], but of the cleared topics only those that `again` names are cleared once more.
    pub fn forget(&mut self, again: impl Fn(&str) -> bool) {
        self.held.invalidate_all();
        for place in 0..self.slots.len() {
            let slot = &mut self.slots[place];
            if slot.waiting || slot.offered.is_empty() && slot.in_flight.is_none() && !again(&slot.topic) {
                continue;
            }
            slot.waiting = true;
            self.waiting += 1;
            self.stats.offered += 1;
            self.stats.repeated += 1;
            self.line_up(place);
        }
    }

    /// Somebody else wrote to a topic: what the broker holds is not known any more, and the next offer is sent.
    pub fn overwritten(&mut self, topic: &str) {
        self.held.invalidate(topic);
    }

    /// Messages waiting or in flight.
    pub fn pending(&self) -> usize {
        self.waiting + self.in_flight
    }

    /// Messages in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The topic and bytes of the largest payload in flight.
    pub fn largest_in_flight(&self) -> Option<(Arc<str>, usize)> {
        let flying =
            self.slots.iter().filter_map(|slot| Some((slot, slot.in_flight.as_ref()?.payload.len())));
        flying.max_by_key(|(_, bytes)| *bytes).map(|(slot, bytes)| (Arc::clone(&slot.topic), bytes))
    }

    /// Topics known.
    pub fn topics(&self) -> usize {
        self.slots.len()
    }

    /// Counts since the start. `offered = acked + superseded + deduplicated + dropped + pending`.
    pub fn stats(&self) -> QueueStats {
        QueueStats { pending: self.pending() as u64, ..self.stats }
    }

    fn place(&mut self, topic: &Arc<str>) -> Option<usize> {
        if let Some(&place) = self.places.get(topic) {
            return Some(place);
        }
        let slot = Slot {
            topic: Arc::clone(topic),
            offered: Bytes::new(),
            waiting: false,
            in_line: false,
            in_flight: None,
        };
        let place = if self.slots.len() < self.max_topics {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            // A topic that was cleared, and is, has nothing left to say.
            let place = self.slots.iter().position(|slot| {
                slot.offered.is_empty() && !slot.waiting && !slot.in_line && slot.in_flight.is_none()
            })?;
            self.held.invalidate(&self.slots[place].topic);
            self.places.remove(&self.slots[place].topic);
            self.slots[place] = slot;
            place
        };
        self.places.insert(Arc::clone(topic), place);
        Some(place)
    }

    /// Whether the broker is known to hold this payload, and long enough from now.
    fn holds(&self, place: usize, payload: &Bytes) -> bool {
        let Some(held) = self.held.get(&self.slots[place].topic) else { return false };
        held.payload == payload && self.now.saturating_sub(held.sent_at) < self.refresh_after
    }

    fn land(&mut self, token: Token) -> Option<InFlight> {
        let slot = self.slots.get_mut(token.slot)?;
        let landed = slot.in_flight.take_if(|sent| sent.serial == token.serial)?;
        self.in_flight -= 1;
        Some(landed)
    }

    fn line_up(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if slot.waiting && !slot.in_line && slot.in_flight.is_none() {
            slot.in_line = true;
            self.line.push_back(place);
        }
    }

    /// To the end of the line: a message that breaks the link each time must not keep the others from it.
    fn wait_again(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if slot.waiting {
            self.stats.superseded += 1;
        } else {
            // Nothing newer was offered, so what was in flight is what was offered last.
            slot.waiting = true;
            self.waiting += 1;
            self.stats.resent += 1;
        }
        self.line_up(place);
    }

    /// What was in flight never reached the broker; if what waits is what the broker still holds, all is said.
    fn forgo_if_held(&mut self, place: usize) {
        let payload = self.slots[place].offered.clone();
        if self.slots[place].waiting && self.holds(place, &payload) {
            self.slots[place].waiting = false;
            self.waiting -= 1;
            self.stats.deduplicated += 1;
        }
    }
}

#[cfg(test)]
mod tests;
