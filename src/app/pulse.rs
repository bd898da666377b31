//! What the watchdog looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::sink::Sink;
use crate::clock::Clock;
use crate::telemetry::{StoreCounters, StoreFault};

/// The store's thread waits for the medium, and a card that is worn out takes a minute for a sync. Nobody waits for the
/// thread, and another process would find the same card: it is given ten times as long as everything else.
pub(super) const STORE_PATIENCE: u64 = 10;
/// After this many seconds without a sign of the store's thread the medium is said to be slow.
const SLOW: u64 = 10;

/// Feeds the watchdog for the life of the runtime, which may have other things to do than to wait for a second:
/// a farewell to a broker that hangs takes its time and is no fault.
pub(super) async fn beat(
    sink: Sink,
    runtime: Arc<AtomicU64>,
    record: Arc<AtomicU64>,
    counters: Arc<StoreCounters>,
    clock: Clock,
) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut still = 0;
    loop {
        second.tick().await;
        runtime.fetch_add(1, Ordering::Relaxed);
        let Some(store) = sink.store() else {
            // Being closed, exchanged, or not open yet.
            record.fetch_add(1, Ordering::Relaxed);
            still = 0;
            continue;
        };
        let beats = store.heartbeat().load(Ordering::Relaxed);
        still = if record.swap(beats, Ordering::Relaxed) == beats { still + 1 } else { 0 };
        if still >= SLOW {
            let problem = format!(
                "the medium has taken {still} s for a write, and goes on; a card that does so more often is near its end"
            );
            counters.troubles.failed(StoreFault::Slow, &problem, clock.wall());
            if still % 60 == SLOW {
                tracing::warn!(seconds = still, "the medium is slow; readings wait in memory");
            }
        } else if still == 0 {
            counters.troubles.healed(StoreFault::Slow);
        }
    }
}
