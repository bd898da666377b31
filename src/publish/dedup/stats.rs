//! What the queue counts.

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It is larger than the broker takes.
    TooLarge,
    /// Its topic is not one that can be published to.
    InvalidTopic,
    /// The broker said no.
    Broker,
    /// The queue's table of topics is full.
    TableFull,
}

/// Counts since the start. `offered = acked + superseded + deduplicated + dropped() + pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Messages offered, those that the queue itself said again included.
    pub offered: u64,
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages replaced by a newer one of their topic before they were known to have arrived.
    pub superseded: u64,
    /// Messages not sent because the broker holds the same, or is about to.
    pub deduplicated: u64,
    /// Messages dropped because they were too large.
    pub dropped_too_large: u64,
    /// Messages dropped because of their topic.
    pub dropped_invalid_topic: u64,
    /// Messages that the broker refused.
    pub dropped_by_broker: u64,
    /// Messages of topics beyond the table's end.
    pub dropped_table_full: u64,
    /// Of those offered, how many the queue said again because the broker may have forgotten.
    pub repeated: u64,
    /// Times a message was put back because its link broke or it could not be handed on; not part of the sum.
    pub resent: u64,
    /// Messages waiting or in flight now.
    pub pending: u64,
}

impl QueueStats {
    /// All drops, whatever the reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_too_large + self.dropped_invalid_topic + self.dropped_by_broker + self.dropped_table_full
    }

    /// Whether the sums balance.
    pub fn balances(&self) -> bool {
        self.offered == self.acked + self.superseded + self.deduplicated + self.dropped() + self.pending
    }

    pub(super) fn refuse(&mut self, reason: Refusal) {
        *match reason {
            Refusal::TooLarge => &mut self.dropped_too_large,
            Refusal::InvalidTopic => &mut self.dropped_invalid_topic,
            Refusal::Broker => &mut self.dropped_by_broker,
            Refusal::TableFull => &mut self.dropped_table_full,
        } += 1;
    }
}
