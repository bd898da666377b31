//! What a broker is too small for. Of MQTT 3.1.1 nobody learns how large a packet may be: a broker with a limit (mosquitto's
//! `max_packet_size`) closes the connection at the first that is larger, and would do so for ever. What was the largest
//! under way, twice in a row, is not sent any more.

use std::sync::Arc;

use super::options;
use super::{Failure, FailureKind};
use crate::publish::{DedupQueue, Message, Refusal};

/// No limit is smaller than this: whatever closes a connection then, it is not that.
const SMALLEST: usize = 1_024;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Limit {
    /// The largest message under way when the broker closed the connection before.
    suspect: Option<(Arc<str>, usize)>,
    /// As large is too large, in bytes of payload.
    too_large: Option<usize>,
    /// Whether it was said that a message was refused.
    said: bool,
}

impl Limit {
    /// Why a message cannot be sent, if it cannot.
    pub(super) fn refusal(&self, message: &Message) -> Option<Refusal> {
        let is_larger = self.too_large.is_some_and(|bytes| message.payload.len() >= bytes);
        options::refusal(message).or(is_larger.then_some(Refusal::TooLarge))
    }

    /// Says once that messages are refused.
    pub(super) fn complain(&mut self, message: &Message, reason: Refusal, broker: &str) {
        if !std::mem::replace(&mut self.said, true) {
            let (topic, bytes) = (&message.topic, message.payload.len());
            tracing::warn!(broker, %topic, bytes, ?reason, "a message cannot be sent, and no other like it");
        }
    }

    /// A connection ended while the messages of the queue were under way.
    pub(super) fn ended(&mut self, failure: &Failure, queue: &DedupQueue, broker: &str) {
        if failure.kind != FailureKind::Closed {
            return;
        }
        let largest = queue.largest_in_flight().filter(|(_, bytes)| *bytes > SMALLEST);
        let before = std::mem::replace(&mut self.suspect, largest);
        let Some((topic, bytes)) = self.suspect.take_if(|largest| Some(&*largest) == before.as_ref()) else {
            return;
        };
        self.said = true;
        self.too_large = Some(self.too_large.map_or(bytes, |known| known.min(bytes)));
        tracing::warn!(
            broker,
            %topic,
            bytes,
            "the broker closes the connection at this message: it is too large for it, it seems, and it and any as large \
             is not sent any more; with mosquitto raise max_packet_size"
        );
    }
}
