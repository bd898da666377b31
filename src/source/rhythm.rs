//! How often a meter speaks, and so from when on its silence means trouble.

use std::time::Duration;

use tokio::time::Instant;

/// Intervals remembered.
const REMEMBERED: usize = 9;
/// The slowest meter known sends every five minutes; a longer pause is an outage and teaches nothing.
const SLOWEST: Duration = Duration::from_secs(330);

/// What is known of a meter's rhythm; it survives reopening, else a meter that sends once a minute would be
/// reopened every 20 s for ever.
#[derive(Debug)]
pub(super) struct Rhythm {
    shortest_silence: Duration,
    last: Option<Instant>,
    intervals: [Duration; REMEMBERED],
    count: usize,
}

impl Rhythm {
    /// `shortest_silence` is at least a tenth of a second: a source is not to be reopened in a tight loop.
    pub(super) fn new(shortest_silence: Duration) -> Self {
        let shortest_silence = shortest_silence.max(Duration::from_millis(100));
        Self { shortest_silence, last: None, intervals: [Duration::ZERO; REMEMBERED], count: 0 }
    }

    /// A good telegram came.
    pub(super) fn telegram(&mut self, now: Instant) {
        if let Some(last) = self.last {
            let interval = now - last;
            if interval <= SLOWEST {
                self.intervals[self.count % REMEMBERED] = interval;
                self.count += 1;
            }
        }
        self.last = Some(now);
    }

    /// The silence that means trouble: what is configured, or three times the median interval where that is
    /// longer.
    pub(super) fn silence(&self) -> Duration {
        let mut known = self.intervals;
        let known = &mut known[..self.count.min(REMEMBERED)];
        known.sort_unstable();
        let median = known.get(known.len() / 2).copied().unwrap_or_default();
        self.shortest_silence.max(median * 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence_after(intervals: &[u64]) -> u64 {
        let mut rhythm = Rhythm::new(Duration::from_secs(20));
        let mut now = Instant::now();
        rhythm.telegram(now);
        for seconds in intervals {
            now += Duration::from_secs(*seconds);
            rhythm.telegram(now);
        }
        rhythm.silence().as_secs()
    }

    #[test]
    fn slow_meters_are_given_time() {
        assert_eq!(silence_after(&[]), 20);
        assert_eq!(silence_after(&[1; 20]), 20);
        assert_eq!(silence_after(&[10; 5]), 30);
        assert_eq!(silence_after(&[60]), 180);
        assert_eq!(silence_after(&[300, 300]), 900);
    }

    #[test]
    fn one_outage_teaches_nothing() {
        assert_eq!(silence_after(&[1, 1, 1, 120, 1]), 20);
        assert_eq!(silence_after(&[3_600]), 20);
        // A meter that was changed for a quicker one is followed within nine telegrams.
        assert_eq!(silence_after(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 1, 1, 1, 1, 1]), 20);
    }
}
