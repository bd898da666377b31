//! A topic with its name built once and its last payload shared.

use std::sync::Arc;

use bytes::Bytes;

use crate::meter::UnixMillis;
use crate::publish::Message;

/// Telegrams in a row without a value before its topic is cleared …
const MISSED_TELEGRAMS: u32 = 10;
/// … and for how long at least. Some meters send what their M-Bus devices say now and then only.
const MISSED_MILLIS: UnixMillis = 3_600_000;

/// A topic and what it said last.
#[derive(Debug)]
pub(super) struct Topic {
    name: Arc<str>,
    /// Empty: never said, or cleared.
    payload: Bytes,
    seen_at: UnixMillis,
    missed: u32,
}

impl Topic {
    /// A topic that has said nothing yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), payload: Bytes::new(), seen_at: 0, missed: 0 }
    }

    /// Says a payload; the bytes are copied only when they changed.
    pub(super) fn say(&mut self, payload: &[u8], now: UnixMillis, out: &mut Vec<Message>) {
        if self.payload != payload {
            self.payload = Bytes::copy_from_slice(payload);
        }
        self.seen_at = now;
        self.missed = 0;
        out.push(Message { topic: Arc::clone(&self.name), payload: self.payload.clone() });
    }

    /// Clears the topic if it shows something.
    pub(super) fn clear(&mut self, out: &mut Vec<Message>) {
        if !self.payload.is_empty() {
            self.payload = Bytes::new();
            out.push(Message { topic: Arc::clone(&self.name), payload: Bytes::new() });
        }
    }

    /// Another meter speaks from now on: what it does not say in its first telegram is [`unconfirmed`](Self::unconfirmed).
    pub(super) fn doubt(&mut self) {
        self.missed = self.missed.max(1);
    }

    /// Clears the topic unless the telegram said it.
    pub(super) fn unconfirmed(&mut self, out: &mut Vec<Message>) {
        if self.missed > 0 {
            self.clear(out);
        }
    }

    /// The telegram did not have it. A retained value that nobody confirms becomes a lie in the end: it is
    /// cleared after ten telegrams and an hour without it.
    pub(super) fn miss(&mut self, now: UnixMillis, out: &mut Vec<Message>) {
        if self.payload.is_empty() {
            return;
        }
        self.missed = self.missed.saturating_add(1);
        if self.missed >= MISSED_TELEGRAMS && now.saturating_sub(self.seen_at) >= MISSED_MILLIS {
            self.clear(out);
        }
    }
}
