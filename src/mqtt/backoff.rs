//! How long to wait before the next attempt to connect: from one second to one minute, with jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait, so that there is never more than one attempt a second.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait before jitter; with it a minute.
const LONGEST: Duration = Duration::from_secs(48);
/// A connection shorter than this was none.
const STABLE: Duration = Duration::from_secs(10);

/// A number from 0 to `below` (not included), unlike on every machine and every time.
///
/// The hasher's keys are random; this needs no more than that many clients do not come in step.
pub(super) fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0_u8) % below.max(1)
}

/// The waits of one broker.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// How long to wait after a connection that stood for `stood`, or after an attempt that failed (zero).
    ///
    /// A connection that stood at least twice as long as the last wait starts the row anew. Two clients with
    /// one id that throw each other out stand as long as the other waits, so that both rows grow.
    pub(super) fn next(&mut self, stood: Duration) -> Duration {
        let wait = match self.last {
            Some(last) if stood < STABLE || stood < last * 2 => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(wait);
        wait + Duration::from_millis(random(wait.as_millis() as u64 / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_from_a_second_to_a_minute() {
        let mut backoff = Backoff::default();
        for least in [1, 2, 4, 8, 16, 32, 48, 48, 48] {
            let wait = backoff.next(Duration::ZERO);
            let least = Duration::from_secs(least);
            assert!(wait >= least && wait <= least * 5 / 4, "{wait:?}, not from {least:?}");
        }
    }

    #[test]
    fn starts_anew_after_a_connection_that_stood() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next(Duration::ZERO);
        }
        assert!(backoff.next(Duration::from_secs(31)) >= Duration::from_secs(32), "twice 16 s is longer");
        assert!(backoff.next(Duration::from_secs(64)) < Duration::from_secs(2));
        assert!(
            backoff.next(Duration::from_secs(9)) >= Duration::from_secs(2),
            "under ten seconds is nothing"
        );
    }

    #[test]
    fn machines_do_not_come_in_step() {
        let waits: std::collections::HashSet<_> = (0..100).map(|_| random(1_000_000)).collect();
        assert!(waits.len() > 90);
    }
}
