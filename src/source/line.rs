//! Which setting of the serial line to use.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::{Line, LineSettings};

/// No setting is given up sooner, whatever comes: reopening a port many times a second helps nobody.
pub(super) const FAIR: Duration = Duration::from_secs(2);
/// Bytes that must have come before they can be called garbage.
const ENOUGH: usize = 64;
/// Bytes in a row without a telegram after which nothing more is hoped for: two of the longest seen.
const HOPELESS: usize = 6_000;
/// Telegrams in a row that came whole, to judge by the gaps around them, and were none: the setting is wrong, or
/// the cable so bad that it does no harm to look elsewhere.
const FRUITLESS: u8 = 4;
/// So long a gap stands between two telegrams, and never within one.
const GAP: Duration = Duration::from_millis(200);

/// Bytes, and those of them that are no text.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    bytes: usize,
    odd: usize,
}

/// The choice of the line's setting. A setting is proven by a telegram, and refuted by bytes alone: by those
/// that are no text, or text of which no telegram comes. Silence says nothing about it: a meter may send once
/// a minute.
#[derive(Debug)]
pub(super) struct Chooser {
    line: Line,
    /// Its place in [`LineSettings::ALL`].
    place: usize,
    proven: bool,
    unproven_telegrams: u8,
    /// When the port was opened, or the last byte came.
    last: Instant,
    /// What is coming: it began behind a gap, so that it is no telegram's tail.
    whole: bool,
    burst: Tally,
    /// What came whole.
    seen: Tally,
    /// How often something of that was long enough for a telegram.
    fruitless: u8,
    /// All bytes since the last telegram.
    in_vain: usize,
    settled: bool,
    /// The setting told last, since it is news only when it changes.
    told: Option<LineSettings>,
}

impl Chooser {
    pub(super) fn new(line: Line, now: Instant) -> Self {
        Self {
            line,
            place: 0,
            proven: false,
            unproven_telegrams: 0,
            last: now,
            whole: false,
            burst: Tally::default(),
            seen: Tally::default(),
            fruitless: 0,
            in_vain: 0,
            settled: false,
            told: None,
        }
    }

    /// The setting to open the port with.
    pub(super) fn current(&self) -> LineSettings {
        match self.line {
            Line::Fixed(settings) => settings,
            Line::Auto => LineSettings::ALL[self.place],
        }
    }

    /// Whether the setting has still to prove itself.
    pub(super) fn trying(&self) -> bool {
        self.line == Line::Auto && !self.proven
    }

    /// The port is open (again). What was seen at this setting still counts.
    pub(super) fn opened(&mut self, now: Instant) {
        (self.last, self.whole, self.burst) = (now, false, Tally::default());
        self.unproven_telegrams = 0;
    }

    /// The port was lost, or is silent: the setting stays, and has to prove itself again.
    pub(super) fn lost(&mut self) {
        self.proven = false;
    }

    /// Bytes came.
    pub(super) fn bytes(&mut self, bytes: &[u8], now: Instant) {
        if !self.trying() {
            return;
        }
        if now - self.last >= GAP {
            self.burst_ended();
            self.whole = true;
        }
        self.last = now;
        // A text of the meter may be a kilobyte of 0xFF (Hungary), so these say nothing.
        let telling = bytes.iter().filter(|&&byte| byte != 0xFF).count();
        self.burst.bytes += telling;
        // The eighth bit does not count: it may be parity, and then the setting will do.
        self.burst.odd += odd(bytes) - bytes.iter().filter(|&&byte| byte == 0xFF).count();
        self.in_vain += bytes.len();
    }

    /// Nothing comes for a while: what came is over.
    pub(super) fn burst_ended(&mut self) {
        let burst = std::mem::take(&mut self.burst);
        // The tail of an encrypted telegram is no text either, at any setting.
        if self.whole {
            self.seen.bytes += burst.bytes;
            self.seen.odd += burst.odd;
            if burst.bytes >= ENOUGH {
                self.fruitless = self.fruitless.saturating_add(1);
            }
        }
    }

    /// A good telegram came, `verified` by a CRC or without one.
    pub(super) fn telegram(&mut self, verified: bool) {
        if !self.trying() {
            return;
        }
        self.forget();
        self.unproven_telegrams += 1;
        if verified || self.unproven_telegrams >= 2 {
            self.prove();
        }
    }

    /// A frame of an encrypted telegram came, though it could not be opened: what stands around it is proof
    /// enough of the line.
    pub(super) fn sealed(&mut self) {
        if self.trying() {
            self.forget();
            self.prove();
        }
    }

    /// Another protocol was recognised, which no other setting would turn into P1.
    pub(super) fn foreign(&mut self) {
        self.forget();
    }

    fn prove(&mut self) {
        self.proven = true;
        self.settled = true;
    }

    fn forget(&mut self) {
        (self.burst, self.seen) = (Tally::default(), Tally::default());
        (self.fruitless, self.in_vain) = (0, 0);
    }

    /// The setting found, when it is news.
    pub(super) fn take_found(&mut self) -> Option<LineSettings> {
        let found = std::mem::take(&mut self.settled).then(|| self.current());
        found.filter(|&found| self.told.replace(found) != Some(found))
    }

    /// A telegram was rejected: those before and after it do not follow each other.
    pub(super) fn rejected(&mut self) {
        self.unproven_telegrams = 0;
    }

    /// Whether what came shows that the setting is wrong.
    pub(super) fn refuted(&self) -> bool {
        let Tally { bytes, odd } = self.seen;
        let garbage = bytes >= ENOUGH && odd * 8 > bytes;
        self.trying() && (garbage || self.fruitless >= FRUITLESS || self.in_vain > HOPELESS)
    }

    /// Goes on to the next setting.
    pub(super) fn next(&mut self) {
        self.place = (self.place + 1) % LineSettings::ALL.len();
        self.forget();
    }
}

/// Bytes that are no text, whatever their eighth bit.
pub(super) fn odd(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| !matches!(b & 0x7F, b' '..=b'~' | b'\r' | b'\n')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn auto() -> (Chooser, Instant) {
        let start = Instant::now();
        (Chooser::new(Line::Auto, start), start)
    }

    fn random(count: u32) -> Vec<u8> {
        (0..count).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn settings_are_tried_in_turn_and_the_one_that_worked_is_kept() {
        let (mut chooser, mut now) = auto();
        let mut tried = Vec::new();
        for _ in 0..6 {
            tried.push(chooser.current());
            chooser.opened(now);
            now += SECOND;
            chooser.bytes(&random(100), now);
            chooser.burst_ended();
            assert!(chooser.refuted());
            chooser.next();
            assert!(!chooser.refuted());
        }
        assert_eq!(tried[..4], LineSettings::ALL);
        assert_eq!(tried[4..], LineSettings::ALL[..2]);

        assert_eq!(chooser.current(), LineSettings::M115200_7E1);
        chooser.telegram(false);
        chooser.rejected();
        chooser.telegram(false);
        assert!(chooser.trying(), "the two do not follow each other");
        chooser.telegram(false);
        assert!(!chooser.trying());
        assert_eq!(chooser.take_found(), Some(LineSettings::M115200_7E1));
        chooser.lost();
        assert_eq!(chooser.current(), LineSettings::M115200_7E1);
        assert!(chooser.trying(), "it has to prove itself again");
        chooser.telegram(true);
        assert!(!chooser.trying() && chooser.take_found().is_none(), "it is no news");
    }

    #[test]
    fn silence_refutes_nothing() {
        let (mut chooser, now) = auto();
        for minute in 0..600 {
            chooser.opened(now + SECOND * 60 * minute);
            chooser.burst_ended();
            assert!(!chooser.refuted());
            chooser.lost();
        }
        assert_eq!(chooser.current(), LineSettings::ALL[0]);
    }

    #[test]
    fn little_garbage_adds_up_over_reopenings() {
        let (mut chooser, mut now) = auto();
        for _ in 0..4 {
            assert!(!chooser.refuted());
            chooser.opened(now);
            now += SECOND;
            chooser.bytes(&random(20), now);
            chooser.burst_ended();
            chooser.lost();
        }
        assert!(chooser.refuted());
    }

    #[test]
    fn garbage_is_known_and_text_is_not_garbage() {
        let (mut chooser, now) = auto();
        let text = b"1-0:1.7.0(00.428*kW)\r\n".repeat(20);
        let parity: Vec<u8> =
            text.iter().map(|&b| if b.count_ones() % 2 == 1 { b | 0x80 } else { b }).collect();
        chooser.bytes(&parity, now + SECOND);
        chooser.bytes(&[&b"0-0:96.13.0("[..], &[0xFF; 1_024]].concat(), now + SECOND);
        chooser.burst_ended();
        assert!(!chooser.refuted());
        chooser.bytes(&text.repeat(20), now + SECOND * 2);
        assert!(chooser.refuted(), "text without end and without a telegram");
        chooser.next();
        for second in 3..7 {
            assert!(!chooser.refuted());
            chooser.bytes(&text[..200], now + SECOND * second);
            chooser.burst_ended();
        }
        assert!(chooser.refuted(), "four telegrams, and none of them is one");
        let mut fixed = Chooser::new(Line::Fixed(LineSettings::M115200_8N1), now);
        fixed.bytes(&[0; 50_000], now + SECOND);
        fixed.burst_ended();
        assert!(!fixed.refuted() && !fixed.trying(), "a fixed setting is not given up");
    }

    #[test]
    fn encrypted_telegrams_prove_the_line_and_the_tail_of_one_does_not_refute_it() {
        let (mut chooser, now) = auto();
        chooser.bytes(&random(500), now);
        chooser.bytes(&random(500), now + SECOND);
        assert!(!chooser.refuted(), "the second is not at its end");
        chooser.sealed();
        chooser.burst_ended();
        assert!(!chooser.refuted() && chooser.take_found() == Some(LineSettings::M115200_8N1));
    }
}
