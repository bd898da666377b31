//! Tells in the feed how the record is.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, MonoMillis};
use crate::feed::{Event, Feed};
use crate::telemetry::{BackupState, StoreCounters, StoreHealth};

/// How often numbers alone are told.
const PACE: MonoMillis = 60_000;

/// Tells it for the life of the runtime, beside everything that may have to wait for the record.
pub(super) async fn tell(counters: Arc<StoreCounters>, backups: Arc<BackupState>, feed: Feed, clock: Clock) {
    let (mut told, mut second) = (Told::default(), tokio::time::interval(Duration::from_secs(1)));
    loop {
        second.tick().await;
        let mut health = counters.health();
        health.backup = backups.health();
        told.tell(&health, &feed, &clock);
    }
}

/// What was told last.
#[derive(Debug, Default)]
struct Told(Option<(StoreHealth, MonoMillis)>);

impl Told {
    /// Tells it if there is anything new: what does not work at once, how much waits or is lost once a minute.
    fn tell(&mut self, health: &StoreHealth, feed: &Feed, clock: &Clock) {
        let now = clock.mono();
        let is_new = self.0.as_ref().is_none_or(|(told, at)| {
            let fault =
                |health: &StoreHealth| health.trouble.as_ref().map(|trouble| (trouble.fault, trouble.since));
            let numbers = health.lost != told.lost || health.trouble.is_some();
            fault(health) != fault(told) || health.backup != told.backup || (numbers && now >= at + PACE)
        });
        if is_new {
            feed.publish(Event::Store(health.clone()));
            self.0 = Some((health.clone(), now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{StoreCounters, StoreFault};

    #[test]
    fn faults_are_told_at_once_and_numbers_each_minute() {
        let (feed, clock, counters) = (Feed::default(), Clock::manual(0), StoreCounters::default());
        let (mut told, mut events) = (Told::default(), feed.subscribe().1);
        let mut tell = |expected: bool| {
            told.tell(&counters.health(), &feed, &clock);
            assert_eq!(events.try_recv().is_ok(), expected);
        };
        tell(true);
        counters.waiting.set(7);
        clock.advance(100_000);
        tell(false);
        counters.troubles.failed(StoreFault::Journal, &"no space", 5);
        tell(true);
        clock.advance(59_000);
        counters.waiting.set(60);
        tell(false);
        clock.advance(1_000);
        tell(true);
        counters.troubles.healed(StoreFault::Journal);
        tell(true);
        clock.advance(100_000);
        tell(false);
    }
}
