//! When we say that we live: after what waited as the connection was made. A broker keeps what was said before we
//! were away, and whoever took that for what is so now would show yesterday's total for today's.

use std::time::Duration;

use tokio::time::Instant;

/// The longest that the birth waits for what is to be said before it.
const LONGEST: Duration = Duration::from_secs(10);

/// The birth of one connection, yet to come.
#[derive(Debug)]
pub(super) struct Birth {
    /// Messages that are to go before it.
    after: usize,
    /// When it comes at the latest.
    at: Instant,
}

impl Birth {
    /// A connection was made, and so many messages wait.
    pub(super) fn new(after: usize, now: Instant) -> Self {
        Self { after, at: now + LONGEST }
    }

    /// A message went out, or will never.
    pub(super) fn one_less(&mut self) {
        self.after = self.after.saturating_sub(1);
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.after == 0 || self.at <= now
    }

    /// When to look at the latest; past that every event of the connection is an occasion.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        (self.at > now).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_after_what_waited_and_never_much_later() {
        let now = Instant::now();
        let mut birth = Birth::new(2, now);
        assert!(!birth.is_due(now));
        birth.one_less();
        assert!(!birth.is_due(now) && birth.is_due(now + LONGEST));
        assert_eq!((birth.wake(now), birth.wake(now + LONGEST)), (Some(now + LONGEST), None));
        birth.one_less();
        birth.one_less();
        assert!(birth.is_due(now));
        assert!(Birth::new(0, now).is_due(now));
    }
}
