//! What the log says about a connection, and how long to wait for the next.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::throttle::Throttle;
use super::{BrokerSettings, Failure, FailureKind};

/// A connection that the broker closes sooner than this was perhaps taken over.
const SHORT: Duration = Duration::from_secs(120);
/// So many in a row, and it is said.
const TAKEOVERS: u32 = 3;

/// The past of one broker's connections.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    backoff: Backoff,
    throttle: Throttle,
    down_since: Option<Instant>,
    /// Connections in a row that stood, and were closed by the broker soon.
    short_lives: u32,
}

impl Trouble {
    /// A connection stands.
    pub(super) fn up(&mut self, settings: &BrokerSettings, now: Instant) {
        let BrokerSettings { name: broker, host, port, .. } = settings;
        let suppressed = self.throttle.recovered(now);
        match self.down_since.take() {
            Some(since) => {
                let seconds = now.saturating_duration_since(since).as_secs();
                tracing::info!(broker, host, port, seconds, suppressed, "connected to the broker again");
            }
            None => tracing::info!(broker, host, port, "connected to the broker"),
        }
    }

    /// A connection ended after it stood for so long, or was never made. Gives the time to wait.
    pub(super) fn down(
        &mut self,
        mut failure: Failure,
        stood: Option<Duration>,
        settings: &BrokerSettings,
        now: Instant,
    ) -> Duration {
        let closed = failure.kind == FailureKind::Closed && stood.is_some_and(|stood| stood < SHORT);
        self.short_lives = if closed { self.short_lives + 1 } else { 0 };
        if self.short_lives >= TAKEOVERS {
            failure = taken_over(self.short_lives, &settings.client_id);
        }
        let wait = self.backoff.next(stood.unwrap_or_default());
        self.down_since.get_or_insert(now);
        let (broker, retry_ms) = (&settings.name, wait.as_millis() as u64);
        match self.throttle.report(failure.kind, now) {
            Some(suppressed) => {
                tracing::warn!(broker, error = %failure, retry_ms, suppressed, "no connection to the broker");
            }
            None => tracing::debug!(broker, error = %failure, retry_ms, "no connection to the broker"),
        }
        wait
    }
}

fn taken_over(times: u32, id: &str) -> Failure {
    let text = format!(
        "another client uses id {id:?}, it seems: the broker has closed {times} connections in a row soon \
         after they stood; give each client its own client_id"
    );
    Failure::new(FailureKind::Takeover, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_in_between_is_no_takeover() {
        let (settings, now) = (crate::mqtt::settings::tests::settings(), Instant::now());
        let closed = || Failure::new(FailureKind::Closed, "closed");
        let mut trouble = Trouble::default();
        trouble.down(closed(), Some(Duration::from_secs(3)), &settings, now);
        trouble.down(closed(), Some(Duration::from_secs(3)), &settings, now);
        assert_eq!(trouble.short_lives, 2);
        trouble.down(Failure::new(FailureKind::Unreachable, "gone"), None, &settings, now);
        assert_eq!(trouble.short_lives, 0, "the broker itself was away");
        for _ in 0..3 {
            trouble.down(closed(), Some(Duration::from_secs(3)), &settings, now);
        }
        assert_eq!(trouble.short_lives, TAKEOVERS);
        assert!(
            trouble.down(closed(), Some(Duration::from_secs(3)), &settings, now) >= Duration::from_secs(48)
        );
    }
}
