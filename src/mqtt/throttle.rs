//! The same complaint once in two minutes, with the number of those left out.

use std::time::Duration;

use tokio::time::Instant;

use super::FailureKind;

/// How long the same kind of failure is not logged again.
const INTERVAL: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Said {
    kind: FailureKind,
    at: Instant,
    left_out: u64,
}

/// What was said, by kind.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    said: Vec<Said>,
}

impl Throttle {
    /// Whether to log a failure of this kind; if so, how many like it were left out since the last one.
    pub(super) fn report(&mut self, kind: FailureKind, now: Instant) -> Option<u64> {
        let Some(said) = self.said.iter_mut().find(|said| said.kind == kind) else {
            self.said.push(Said { kind, at: now, left_out: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(said.at) < INTERVAL {
            said.left_out += 1;
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.left_out))
    }

    /// All is well again: how many failures were left out. Kinds said less than two minutes ago stay quiet, so
    /// that a link that comes and goes does not fill the log.
    pub(super) fn recovered(&mut self, now: Instant) -> u64 {
        let left_out = self.said.iter_mut().map(|said| std::mem::take(&mut said.left_out)).sum();
        self.said.retain(|said| now.saturating_duration_since(said.at) < INTERVAL);
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_of_one_failure_are_five_lines() {
        let (start, mut throttle) = (Instant::now(), Throttle::default());
        let said: Vec<_> = (0..600)
            .filter_map(|s| throttle.report(FailureKind::Unreachable, start + Duration::from_secs(s)))
            .collect();
        assert_eq!(said, [0, 119, 119, 119, 119]);
        assert_eq!(throttle.report(FailureKind::Tls, start), Some(0), "another kind is news");
        assert_eq!(throttle.recovered(start + Duration::from_secs(600)), 119);
    }
}
