//! A message for a broker.

use std::sync::Arc;

use bytes::Bytes;

/// A state message: the newest value of a topic. All of them are retained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The full topic name.
    pub topic: Arc<str>,
    /// The payload; empty clears the topic at the broker.
    pub payload: Bytes,
}
