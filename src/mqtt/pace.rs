//! At most so many messages a second: a bucket of tokens, in whole numbers.

use std::time::Duration;

use tokio::time::Instant;

/// A token in the unit the bucket counts in: what a rate of one a second brings in a second, in microseconds.
const TOKEN: u64 = 1_000_000;

/// A bucket. A quarter of the rate is there at once, so that the messages of one reading go out together; the
/// rest trickles in, so that no second sees more than the rate.
#[derive(Debug)]
pub(super) struct Pace {
    burst: u64,
    /// Tokens a second.
    refill: u64,
    /// In parts of a [`TOKEN`].
    level: u64,
    filled_at: Instant,
}

impl Pace {
    /// A full bucket for `rate` messages a second; less than two is taken as two.
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        let rate = u64::from(rate).max(2);
        let burst = (rate / 4).max(1);
        Self { burst, refill: rate - burst, level: burst * TOKEN, filled_at: now }
    }

    /// Takes the right to send one message, or tells when there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let new = (elapsed.as_micros() as u64).saturating_mul(self.refill);
        self.filled_at = now;
        self.level = self.level.saturating_add(new).min(self.burst * TOKEN);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            // A millisecond's worth at a time: timers are not finer.
            None => {
                let wait = (TOKEN - self.level).div_ceil(self.refill).max(1_000);
                Err(now + Duration::from_micros(wait))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_in(pace: &mut Pace, start: Instant, span: Duration) -> usize {
        let (mut now, mut sent) = (start, 0);
        while now < start + span {
            match pace.take(now) {
                Ok(()) => sent += 1,
                Err(at) => now = at,
            }
        }
        sent
    }

    #[test]
    fn no_second_sees_more_than_the_rate_and_none_is_wasted() {
        for rate in [2, 7, 100, 1_000, 20_000] {
            let start = Instant::now();
            let mut pace = Pace::new(rate, start);
            let sent = sent_in(&mut pace, start, Duration::from_secs(1));
            assert!(sent <= rate as usize && (sent + 1) * 10 >= rate as usize * 9, "{sent} of {rate}");
        }
    }

    #[test]
    fn one_reading_goes_out_at_once() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, now);
        assert!((0..250).all(|_| pace.take(now).is_ok()));
        assert!(pace.take(now).is_err());
    }
}
