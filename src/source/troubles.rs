//! What goes wrong on the line, told in the log at most once a minute, with a hint.

use std::time::Duration;

use tokio::time::Instant;

use super::advice;
use crate::p1::foreign::Protocol;
use crate::p1::frame::RejectReason;

/// The log has at most one line about troubles in this time.
pub(super) const PAUSE: Duration = Duration::from_secs(60);
/// Where nothing good comes and there is nothing new to say, the pauses double up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// So many bytes without a telegram are worth a word: more than the rest of a telegram that was under way
/// when the port was opened.
const NOISE: u64 = 4_096;

/// So many other rejections in a row, and what was said of a key is forgotten.
const LONE_KEY: u32 = 3;

/// What happened since the last line about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) crc: u64,
    pub(super) truncated: u64,
    pub(super) oversize: u64,
    pub(super) no_crc: u64,
    /// Encrypted telegrams that could not be opened.
    pub(super) key: u64,
    /// Encrypted telegrams whose counter did not rise.
    pub(super) repeated: u64,
    pub(super) noise_bytes: u64,
    pub(super) good: u64,
}

/// Troubles since the last line about them, and what is known of their cause.
#[derive(Debug)]
pub(super) struct Troubles {
    tally: Tally,
    /// Noise since the last good telegram.
    noise_run: u64,
    key: Option<RejectReason>,
    foreign: Option<Protocol>,
    inverted: bool,
    masked: bool,
    /// Telegrams in a row that were rejected for anything but their key: noise may look encrypted once.
    since_key: u32,
    /// When the last line was written.
    told_at: Option<Instant>,
    /// What was advised since the last good telegram; there are few advices.
    advised: Vec<&'static str>,
    pause: Duration,
}

impl Default for Troubles {
    fn default() -> Self {
        Self {
            tally: Tally::default(),
            noise_run: 0,
            key: None,
            foreign: None,
            inverted: false,
            masked: false,
            since_key: 0,
            told_at: None,
            advised: Vec::new(),
            pause: PAUSE,
        }
    }
}

/// One line for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) tally: Tally,
    pub(super) hint: &'static str,
}

impl Troubles {
    pub(super) fn rejected(&mut self, reason: RejectReason) {
        self.since_key += 1;
        if self.since_key > LONE_KEY {
            self.key = None;
        }
        match reason {
            RejectReason::Crc { .. } | RejectReason::CrcUnreadable { .. } | RejectReason::DamagedCipher => {
                self.tally.crc += 1;
            }
            RejectReason::NoKey
            | RejectReason::WrongKey
            | RejectReason::WrongAuthKey
            | RejectReason::ForeignCipher => {
                self.tally.key += 1;
                self.key = Some(reason);
                self.since_key = 0;
            }
            RejectReason::Truncated => self.tally.truncated += 1,
            RejectReason::Oversize => self.tally.oversize += 1,
            RejectReason::NoCrc => self.tally.no_crc += 1,
        }
    }

    /// A good telegram came: what was thought of the line's state is over.
    pub(super) fn telegram(&mut self) {
        self.tally.good += 1;
        self.noise_run = 0;
        (self.key, self.foreign, self.inverted) = (None, None, false);
        self.advised.clear();
    }

    /// Bytes came that belong to no telegram.
    pub(super) fn noise(&mut self, bytes: u64) {
        self.tally.noise_bytes += bytes;
        self.noise_run += bytes;
    }

    /// An encrypted telegram was delivered whose counter did not rise.
    pub(super) fn repeated(&mut self) {
        self.tally.repeated += 1;
    }

    /// The line was found to carry parity bits that are taken off.
    pub(super) fn masked(&mut self) {
        self.masked = true;
    }

    /// Another protocol was recognised.
    pub(super) fn foreign(&mut self, protocol: Protocol) {
        self.foreign = Some(protocol);
    }

    /// Whether another protocol speaks, since the last good telegram.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// The signal was found to be upside down.
    pub(super) fn inverted(&mut self) {
        self.inverted = true;
    }

    /// What to say now, when there is something and the last word is a minute old.
    pub(super) fn summary(&mut self, now: Instant) -> Option<Summary> {
        let Tally { crc, truncated, oversize, no_crc, key, repeated, .. } = self.tally;
        let rejected = crc + truncated + oversize + no_crc + key;
        let loud = self.noise_run > NOISE || self.foreign.is_some() || self.inverted;
        if rejected + repeated == 0 && !loud {
            return None;
        }
        let hint = self.hint();
        let hopeless = self.tally.good == 0 && self.advised.contains(&hint);
        if let Some(at) = self.told_at {
            let pause = if hopeless { self.pause } else { PAUSE };
            if now - at < pause {
                return None;
            }
            self.pause = if hopeless { (pause * 2).min(LONGEST_PAUSE) } else { PAUSE };
        }
        self.told_at = Some(now);
        if !hopeless {
            self.advised.push(hint);
        }
        let tally = std::mem::take(&mut self.tally);
        self.noise_run = 0;
        Some(Summary { tally, hint })
    }

    /// What may be the cause.
    pub(super) fn hint(&self) -> &'static str {
        let Tally { crc, truncated, oversize, no_crc, key, repeated, good, .. } = self.tally;
        if let Some(protocol) = self.foreign {
            return advice::foreign(protocol);
        }
        if let Some(reason) = self.key
            && (key > 0 || good == 0)
        {
            return advice::key(reason);
        }
        if self.inverted {
            return advice::INVERTED;
        }
        if self.noise_run > NOISE {
            return if good == 0 { advice::NOISE } else { advice::NOISE_NOW };
        }
        if oversize > 0 {
            return advice::ENDLESS;
        }
        if no_crc > 0 {
            return advice::NO_CRC;
        }
        match (good, crc + truncated) {
            (0, 1..) if self.masked => advice::ALL_DAMAGED_WITH_PARITY,
            (0, 1..) => advice::ALL_DAMAGED,
            (_, 0) if repeated > 0 => advice::REPEATED,
            _ => advice::SOME_DAMAGED,
        }
    }

    /// Why no telegram comes, as far as it is known, when bytes do.
    pub(super) fn why_in_vain(&self) -> &'static str {
        match (self.foreign, self.key) {
            (Some(protocol), _) => advice::foreign(protocol),
            (None, Some(reason)) => advice::key(reason),
            (None, None) if self.inverted => advice::INVERTED,
            (None, None) => "bytes come, but no telegram: check `line` and the cable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAMAGE: RejectReason = RejectReason::Crc { in_file: 1, computed: 2 };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_line_a_minute_says_it_all() {
        let mut troubles = Troubles::default();
        let start = Instant::now();
        assert_eq!(troubles.summary(start), None);
        troubles.rejected(DAMAGE);
        let told = troubles.summary(start).unwrap();
        assert!(told.tally.crc == 1 && told.hint.contains("every telegram is damaged"), "{told:?}");
        let mut lines = 0;
        for second in 1..=600 {
            troubles.rejected(RejectReason::Truncated);
            troubles.telegram();
            if let Some(told) = troubles.summary(start + seconds(second)) {
                lines += 1;
                assert!(told.tally.truncated == 60 && told.tally.good == 60, "{told:?}");
                assert!(told.hint.contains("loose cable"), "{told:?}");
            }
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn what_does_not_change_is_told_less_and_less() {
        let mut troubles = Troubles::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for second in 0..86_400 {
            troubles.noise(11_520);
            if let Some(summary) = troubles.summary(start + seconds(second)) {
                assert_eq!(summary.hint, advice::NOISE);
                told.push(second);
            }
        }
        assert_eq!(told[..5], [0, 60, 180, 420, 900]);
        assert!(told.len() < 35, "{told:?}");
        // Something new is told after a minute.
        troubles.rejected(RejectReason::NoKey);
        let hint = troubles.summary(start + seconds(86_500)).map(|summary| summary.hint);
        assert_eq!(hint, Some(advice::key(RejectReason::NoKey)));
    }

    #[test]
    fn the_tail_of_a_telegram_and_padding_are_no_noise() {
        let mut troubles = Troubles::default();
        let now = Instant::now();
        for _ in 0..100 {
            troubles.noise(900);
            assert_eq!(troubles.summary(now), None);
            troubles.telegram();
        }
        troubles.noise(5_000);
        let told = troubles.summary(now).unwrap();
        assert_eq!((told.tally.noise_bytes, told.hint), (95_000, advice::NOISE_NOW));
    }

    #[test]
    fn causes_are_named_and_forgotten_when_a_telegram_comes() {
        let mut troubles = Troubles::default();
        let now = Instant::now();
        assert!(troubles.why_in_vain().contains("check `line`"));
        troubles.inverted();
        assert_eq!(troubles.summary(now).map(|told| told.hint), Some(advice::INVERTED));
        troubles.foreign(Protocol::Hdlc);
        assert!(troubles.summary(now + PAUSE).is_some_and(|told| told.hint.contains("HDLC")));
        assert!(troubles.why_in_vain().contains("HDLC"));
        troubles.telegram();
        assert_eq!(troubles.summary(now + PAUSE * 2), None);
        troubles.repeated();
        assert_eq!(troubles.summary(now + PAUSE * 3).map(|told| told.hint), Some(advice::REPEATED));
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_so_that_it_can_be_set_right() {
        for (reason, told) in [
            (RejectReason::NoKey, "no key is given: set `key`"),
            (RejectReason::WrongKey, "the key is wrong: nothing readable"),
            (RejectReason::WrongAuthKey, "the authentication key is wrong"),
            (RejectReason::ForeignCipher, "only the grid company"),
        ] {
            let mut troubles = Troubles::default();
            troubles.rejected(reason);
            let summary = troubles.summary(Instant::now()).unwrap();
            assert!(summary.tally.key == 1 && summary.hint.contains(told), "{summary:?}");
        }
    }
}
