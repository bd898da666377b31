//! How often a meter speaks, and so from when on its silence means trouble.

use std::time::Duration;

use tokio::time::Instant;

/// Intervals remembered.
const REMEMBERED: usize = 9;
/// The slowest meter known sends every five minutes; a longer pause is an outage and teaches nothing.
const SLOWEST: Duration = Duration::from_secs(330);
/// The quickest send every second; what comes sooner was held up on its way, and teaches nothing.
const QUICKEST: Duration = Duration::from_millis(500);
/// With the silence of the configuration at its 20 s, the first telegram may take 80 s, and the second
/// another 180 s: so a meter that sends once a minute is not called silent before it is known.
const BEFORE_THE_FIRST: u32 = 4;
const BEFORE_THE_SECOND: u32 = 9;
/// A longer silence of the configuration does not lengthen these.
const LONGEST_FIRST: Duration = Duration::from_secs(80);
const LONGEST_SECOND: Duration = Duration::from_secs(180);

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

    /// Another meter is behind the port: what was learned is another's.
    pub(super) fn forget(&mut self) {
        *self = Self { last: self.last, ..Self::new(self.shortest_silence) };
    }

    /// A good telegram came.
    pub(super) fn telegram(&mut self, now: Instant) {
        if let Some(last) = self.last {
            let interval = now - last;
            if (QUICKEST..=SLOWEST).contains(&interval) {
                self.intervals[self.count % REMEMBERED] = interval;
                self.count += 1;
            }
        }
        self.last = Some(now);
    }

    /// The silence that means trouble: what is configured, or three times the median interval where that is
    /// longer.
    pub(super) fn silence(&self) -> Duration {
        let unlearned = |times: u32, longest| (self.shortest_silence * times).min(longest);
        let limit = match (self.last, self.count) {
            (None, _) => unlearned(BEFORE_THE_FIRST, LONGEST_FIRST),
            (Some(_), 0) => unlearned(BEFORE_THE_SECOND, LONGEST_SECOND),
            (Some(_), count) => {
                let mut known = self.intervals;
                let known = &mut known[..count.min(REMEMBERED)];
                known.sort_unstable();
                known[known.len() / 2] * 3
            }
        };
        self.shortest_silence.max(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rhythm: &mut Rhythm, intervals: &[u64]) -> u64 {
        let mut now = rhythm.last.unwrap_or_else(Instant::now);
        for seconds in intervals {
            now += Duration::from_secs(*seconds);
            rhythm.telegram(now);
        }
        rhythm.silence().as_secs()
    }

    /// The silence allowed after a first telegram and others at `intervals` behind it.
    fn silence_after(intervals: &[u64]) -> u64 {
        let mut rhythm = Rhythm::new(Duration::from_secs(20));
        rhythm.telegram(Instant::now());
        after(&mut rhythm, intervals)
    }

    #[test]
    fn slow_meters_are_given_time() {
        assert_eq!(silence_after(&[1]), 20);
        assert_eq!(silence_after(&[1; 20]), 20);
        assert_eq!(silence_after(&[5; 20]), 20);
        assert_eq!(silence_after(&[10; 5]), 30);
        assert_eq!(silence_after(&[60]), 180);
        assert_eq!(silence_after(&[300, 300]), 900);
    }

    #[test]
    fn before_it_is_known_a_meter_may_be_one_of_a_minute() {
        assert_eq!(Rhythm::new(Duration::from_secs(20)).silence().as_secs(), 80);
        assert_eq!(silence_after(&[]), 180);
        assert_eq!(Rhythm::new(Duration::from_secs(1)).silence().as_secs(), 4);
        assert_eq!(Rhythm::new(Duration::from_secs(600)).silence().as_secs(), 600);
    }

    #[test]
    fn outages_and_bursts_teach_nothing() {
        assert_eq!(silence_after(&[1, 1, 1, 120, 1]), 20);
        assert_eq!(silence_after(&[3_600]), 180);
        assert_eq!(silence_after(&[0, 0, 0, 60]), 180);
        // A meter that was changed for a quicker one is followed within nine telegrams.
        assert_eq!(silence_after(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 1, 1, 1, 1, 1]), 20);
    }

    #[test]
    fn another_meter_has_its_own_rhythm() {
        let mut rhythm = Rhythm::new(Duration::from_secs(20));
        assert_eq!(after(&mut rhythm, &[10; 20]), 30);
        rhythm.forget();
        assert_eq!(rhythm.silence().as_secs(), 180);
        assert_eq!(after(&mut rhythm, &[1]), 20);
    }
}
