//! What a queue did, as counters that others look at.

use crate::publish::QueueStats;
use crate::telemetry::BrokerCounters;

/// Shows the figures of a broker's queue.
pub(super) fn show(stats: &QueueStats, counters: &BrokerCounters) {
    counters.offered.set(stats.offered);
    counters.acked.set(stats.acked);
    counters.superseded.set(stats.superseded);
    counters.deduplicated.set(stats.deduplicated);
    counters.dropped.set(stats.dropped());
    counters.pending.set(stats.pending);
}
