//! Which setting of the serial line to use, and whether the eighth bit is a parity bit.

use std::time::Duration;

use super::settings::{Line, LineSettings};

/// How long one setting is tried: two telegrams of a meter that sends every 10 s, and some.
pub(super) const TRIAL: Duration = Duration::from_secs(25);
/// Bytes that must have come before they can be called garbage.
const ENOUGH: usize = 160;
/// Bytes in a row without a telegram after which nothing more is hoped for: two of the longest seen.
const HOPELESS: usize = 6_000;

/// The choice of the line's setting.
#[derive(Debug)]
pub(super) struct Chooser {
    line: Line,
    /// Its place in [`LineSettings::ALL`].
    place: usize,
    proven: Option<usize>,
    unproven_telegrams: u8,
    bytes: usize,
    odd: usize,
    settled: bool,
    /// Whether any byte came since the turn through the settings began.
    heard: bool,
}

impl Chooser {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            place: 0,
            proven: None,
            unproven_telegrams: 0,
            bytes: 0,
            odd: 0,
            settled: false,
            heard: false,
        }
    }

    /// The setting to open the port with.
    pub(super) fn current(&self) -> LineSettings {
        match self.line {
            Line::Fixed(settings) => settings,
            Line::Auto => LineSettings::ALL[self.place],
        }
    }

    /// Whether the setting is still being tried; [`TRIAL`] is then its time.
    pub(super) fn trying(&self) -> bool {
        self.line == Line::Auto && self.proven != Some(self.place)
    }

    /// The port is open (again): the setting that worked comes first.
    pub(super) fn opened(&mut self) {
        (self.unproven_telegrams, self.bytes, self.odd) = (0, 0, 0);
    }

    /// The port was lost: what worked is tried first when it is back.
    pub(super) fn lost(&mut self) {
        if let Some(place) = self.proven.take() {
            self.place = place;
        }
    }

    /// Bytes came.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.heard = true;
        if self.trying() {
            self.bytes += bytes.len();
            // The eighth bit does not count: it may be parity, and then the setting will do.
            self.odd += bytes.iter().filter(|&&b| !matches!(b & 0x7F, b' '..=b'~' | b'\r' | b'\n')).count();
        }
    }

    /// A good telegram came, `verified` by a CRC or without one.
    pub(super) fn telegram(&mut self, verified: bool) {
        if !self.trying() {
            return;
        }
        (self.bytes, self.odd) = (0, 0);
        self.unproven_telegrams += 1;
        if verified || self.unproven_telegrams >= 2 {
            self.proven = Some(self.place);
            self.settled = true;
        }
    }

    /// Whether the setting was settled since the last call.
    pub(super) fn take_settled(&mut self) -> bool {
        std::mem::take(&mut self.settled)
    }

    /// A telegram was rejected: those before and after it do not follow each other.
    pub(super) fn rejected(&mut self) {
        self.unproven_telegrams = 0;
    }

    /// Whether what comes is clearly no text, so that waiting on is useless.
    pub(super) fn garbage(&self) -> bool {
        self.trying() && self.bytes >= ENOUGH && (self.odd * 4 > self.bytes || self.bytes > HOPELESS)
    }

    /// Goes on to the next setting. A line on which nothing at all was heard can be one of the two common
    /// settings; the rare ones would have been heard as damaged text.
    pub(super) fn next(&mut self) {
        let settings = if self.heard { LineSettings::ALL.len() } else { 2 };
        self.place = (self.place + 1) % settings;
        if self.place == 0 {
            self.heard = false;
        }
    }
}

/// Bytes without a `/` after which the stream is taken for text with parity bits.
const LONG_WITHOUT: usize = 256;
/// `/` with the parity bit of seven data bits and even parity.
const SLASH_WITH_PARITY: u8 = b'/' | 0x80;

/// Finds out that a line of seven data bits is read as eight: every `/` then comes with its eighth bit set.
/// Where a plain `/` comes, bytes above 0x7F are text of the meter and are left alone.
#[derive(Debug, Default)]
pub(super) struct ParityWatch {
    since_slash: usize,
    parity_slashes: usize,
    high: usize,
}

impl ParityWatch {
    /// Looks at bytes; true once they can only be text with parity bits.
    pub(super) fn look(&mut self, bytes: &[u8]) -> bool {
        if bytes.contains(&b'/') {
            *self = Self::default();
            return false;
        }
        self.since_slash += bytes.len();
        self.parity_slashes += bytes.iter().filter(|&&b| b == SLASH_WITH_PARITY).count();
        self.high += bytes.iter().filter(|&&b| b >= 0x80).count();
        // Of the characters of a telegram about half have the bit set.
        self.since_slash >= LONG_WITHOUT && self.parity_slashes > 0 && self.high * 4 > self.since_slash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_parity(text: &[u8]) -> Vec<u8> {
        text.iter().map(|&b| if b.count_ones() % 2 == 1 { b | 0x80 } else { b }).collect()
    }

    #[test]
    fn settings_are_tried_in_turn_and_the_one_that_worked_comes_first() {
        let mut chooser = Chooser::new(Line::Auto);
        let mut tried = Vec::new();
        for _ in 0..5 {
            tried.push(chooser.current());
            chooser.opened();
            chooser.bytes(b"something");
            chooser.next();
        }
        assert_eq!(tried[..4], LineSettings::ALL);
        assert_eq!(tried[4], LineSettings::M115200_8N1);

        assert_eq!(chooser.current(), LineSettings::M9600_7E1);
        chooser.telegram(false);
        chooser.rejected();
        chooser.telegram(false);
        assert!(chooser.trying(), "the two do not follow each other");
        chooser.telegram(false);
        assert!(!chooser.trying() && chooser.take_settled() && !chooser.take_settled());
        chooser.lost();
        assert_eq!(chooser.current(), LineSettings::M9600_7E1);
        assert!(chooser.trying(), "it has to prove itself again");
        chooser.telegram(true);
        assert!(!chooser.trying());
    }

    #[test]
    fn a_dead_line_is_tried_at_the_common_settings() {
        let mut chooser = Chooser::new(Line::Auto);
        let tried: Vec<_> = (0..4)
            .map(|_| {
                let current = chooser.current();
                chooser.next();
                current
            })
            .collect();
        let (one, two) = (LineSettings::M115200_8N1, LineSettings::M9600_7E1);
        assert_eq!(tried, [one, two, one, two]);
    }

    #[test]
    fn garbage_is_known_and_text_is_not_garbage() {
        let mut chooser = Chooser::new(Line::Auto);
        let text = b"1-0:1.7.0(00.428*kW)\r\n".repeat(20);
        chooser.bytes(&with_parity(&text));
        assert!(!chooser.garbage());
        chooser.opened();
        chooser.bytes(&[0, 0xF8, 0x80, b'x'].repeat(50));
        assert!(chooser.garbage());
        chooser.opened();
        chooser.bytes(&text.repeat(20));
        assert!(chooser.garbage(), "text without end and without a telegram");
        let mut fixed = Chooser::new(Line::Fixed(LineSettings::M115200_8N1));
        fixed.bytes(&[0; 500]);
        assert!(!fixed.garbage() && !fixed.trying(), "a fixed setting is not given up");
    }

    #[test]
    fn parity_bits_are_told_from_text_above_ascii() {
        let telegram = b"/KMP5 ZABF001\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n".repeat(8);
        let mut watch = ParityWatch::default();
        assert!(with_parity(&telegram).chunks(7).any(|chunk| watch.look(chunk)));
        let mut watch = ParityWatch::default();
        assert!(!telegram.chunks(7).any(|chunk| watch.look(chunk)));
        let message = [b"/AUX5\r\n0-0:96.13.0(".as_slice(), &[0xFF; 1024]].concat();
        let mut watch = ParityWatch::default();
        assert!(!message.chunks(64).any(|chunk| watch.look(chunk)));
    }
}
