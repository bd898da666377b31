//! How long to wait before a source is opened again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Waits of 1 s, 2 s, 4 s … 30 s, each shortened by up to a quarter, so that many readers of one server do
/// not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { next: FIRST, state: seed | 1 }
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        // A xorshift: the waits need to differ, not to be unpredictable.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait - wait / 1_000 * (self.state % 250) as u32
    }

    /// The source works: the next wait is the first again.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_differ() {
        let mut backoff = Backoff::new(7);
        for expected in [1u64, 2, 4, 8, 16, 30, 30, 30] {
            let wait = backoff.wait();
            assert!(wait <= Duration::from_secs(expected), "{wait:?}");
            assert!(wait >= Duration::from_secs(expected) * 3 / 4, "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
        assert_ne!(Backoff::new(7).wait(), Backoff::new(8).wait());
    }
}
