//! When everything is said again because someone asks for it.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::random;

/// At most this often, whoever asks and however often.
const INTERVAL: Duration = Duration::from_secs(10);
/// Home Assistant subscribes at about the time of its birth; and not all its devices need answer at once.
const JITTER_MS: u64 = 1_000;

/// What is due, and what was done.
#[derive(Debug, Default)]
pub(super) struct Resend {
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Resend {
    /// Someone asks.
    pub(super) fn ask(&mut self, now: Instant) {
        let soon = now + Duration::from_millis(random(JITTER_MS));
        let due = self.last.map_or(soon, |last| soon.max(last + INTERVAL));
        self.due.get_or_insert(due);
    }

    /// When it is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is due now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Everything was said again, for this reason or another.
    pub(super) fn done(&mut self, now: Instant) {
        *self = Self { due: None, last: Some(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_births_is_one_in_ten_seconds() {
        let (start, mut resend, mut times) = (Instant::now(), Resend::default(), 0);
        for ms in 0..30_000 {
            let now = start + Duration::from_millis(ms);
            resend.ask(now);
            if resend.is_due(now) {
                resend.done(now);
                times += 1;
            }
        }
        assert_eq!(times, 3);
    }
}
