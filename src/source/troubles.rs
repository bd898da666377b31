//! What goes wrong on the line, told in the log at most once a minute, with a hint.

use std::time::Duration;

use tokio::time::Instant;

use crate::p1::frame::RejectReason;

/// The log has at most one line about troubles in this time.
pub(super) const PAUSE: Duration = Duration::from_secs(60);
/// So many bytes without a telegram are worth a word: more than the rest of a telegram that was under way
/// when the port was opened.
const NOISE: u64 = 4_096;

/// Troubles since the last line about them.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    crc: u64,
    truncated: u64,
    oversize: u64,
    no_crc: u64,
    key: u64,
    noise_bytes: u64,
    /// Bytes since the last event of the framer.
    loose_bytes: u64,
    good: u64,
    masked: bool,
    told: Option<Instant>,
}

/// One line for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) crc: u64,
    pub(super) truncated: u64,
    pub(super) oversize: u64,
    pub(super) no_crc: u64,
    pub(super) noise_bytes: u64,
    pub(super) good: u64,
    pub(super) hint: &'static str,
}

impl Troubles {
    pub(super) fn rejected(&mut self, reason: RejectReason) {
        self.loose_bytes = 0;
        match reason {
            RejectReason::Crc { .. } | RejectReason::CrcUnreadable { .. } | RejectReason::DamagedCipher => {
                self.crc += 1;
            }
            RejectReason::NoKey
            | RejectReason::WrongKey
            | RejectReason::WrongAuthKey
            | RejectReason::ForeignCipher => self.key += 1,
            RejectReason::Truncated => self.truncated += 1,
            RejectReason::Oversize => self.oversize += 1,
            RejectReason::NoCrc => self.no_crc += 1,
        }
    }

    pub(super) fn telegram(&mut self) {
        self.loose_bytes = 0;
        self.good += 1;
    }

    /// Bytes came that ended nothing. Of a telegram under way they are forgotten when it is complete.
    pub(super) fn bytes(&mut self, count: usize) {
        self.loose_bytes += count as u64;
    }

    /// The line was found to carry parity bits that are taken off.
    pub(super) fn masked(&mut self) {
        self.masked = true;
    }

    /// What to say now, when there is something and the last word is a minute old.
    pub(super) fn summary(&mut self, now: Instant) -> Option<Summary> {
        if self.loose_bytes > NOISE {
            self.noise_bytes += std::mem::take(&mut self.loose_bytes);
        }
        if self.crc + self.truncated + self.oversize + self.no_crc + self.noise_bytes == 0
            || self.told.is_some_and(|told| now - told < PAUSE)
        {
            return None;
        }
        let summary = Summary {
            crc: self.crc,
            truncated: self.truncated,
            oversize: self.oversize,
            no_crc: self.no_crc,
            noise_bytes: self.noise_bytes,
            good: self.good,
            hint: self.hint(),
        };
        *self =
            Self { told: Some(now), masked: self.masked, loose_bytes: self.loose_bytes, ..Self::default() };
        Some(summary)
    }

    fn hint(&self) -> &'static str {
        if self.noise_bytes > 0 && self.good == 0 {
            return "nothing that looks like a telegram: check `line` (115200 8N1 against 9600 7E1) and that \
                    the cable inverts the signal";
        }
        if self.oversize > 0 {
            return "telegrams without an end: check `line` and the cable, or raise `max_telegram`";
        }
        if self.no_crc > 0 {
            return "telegrams without a CRC where one is required";
        }
        if self.good == 0 {
            return if self.masked {
                "every telegram is damaged; the line carries parity bits: set `line` to a 7E1 setting"
            } else {
                "every telegram is damaged: check `line`, the cable, and that the signal is inverted once"
            };
        }
        "some telegrams are damaged: a long or loose cable, a weak 5 V supply, or a computer too busy to read"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_says_it_all() {
        let mut troubles = Troubles::default();
        let start = Instant::now();
        assert_eq!(troubles.summary(start), None);
        troubles.rejected(RejectReason::Crc { in_file: 1, computed: 2 });
        let told = troubles.summary(start).unwrap();
        assert!(told.crc == 1 && told.hint.contains("every telegram is damaged"), "{told:?}");
        let mut lines = 0;
        for second in 1..=600 {
            troubles.rejected(RejectReason::Truncated);
            troubles.telegram();
            if let Some(told) = troubles.summary(start + Duration::from_secs(second)) {
                lines += 1;
                assert!(
                    told.truncated == 60 && told.good == 60 && told.hint.contains("loose cable"),
                    "{told:?}"
                );
            }
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn the_tail_of_a_telegram_is_no_noise() {
        let mut troubles = Troubles::default();
        let now = Instant::now();
        troubles.bytes(900);
        assert_eq!(troubles.summary(now), None);
        troubles.telegram();
        troubles.bytes(5_000);
        assert_eq!(troubles.summary(now).map(|told| told.noise_bytes), Some(5_000));
    }
}
