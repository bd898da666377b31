//! Whether the eighth bit is a parity bit.

use super::line::odd;

/// Bytes without a `/` after which the stream is taken for text with parity bits.
const LONG_WITHOUT: usize = 256;
/// `/` with the parity bit of seven data bits and even parity.
const SLASH_WITH_PARITY: u8 = b'/' | 0x80;

/// Finds out that a line of seven data bits is read as eight: every `/` then comes with its eighth bit set.
/// Where a plain `/` comes, bytes above 0x7F are text of the meter, or encrypted, and are left alone.
#[derive(Debug, Default)]
pub(super) struct ParityWatch {
    since_slash: usize,
    parity_slashes: usize,
    high: usize,
    odd: usize,
    /// Bytes of which the number of ones is not even, as parity makes it.
    uneven: usize,
}

impl ParityWatch {
    /// Looks at bytes; true once they can only be text with parity bits.
    pub(super) fn look(&mut self, bytes: &[u8]) -> bool {
        // With even parity no byte is a plain `/`: what comes behind the last one counts.
        let rest = match memchr::memrchr(b'/', bytes) {
            Some(slash) => {
                *self = Self::default();
                &bytes[slash + 1..]
            }
            None => bytes,
        };
        self.since_slash += rest.len();
        self.parity_slashes += rest.iter().filter(|&&b| b == SLASH_WITH_PARITY).count();
        self.high += rest.iter().filter(|&&b| b >= 0x80).count();
        self.odd += odd(rest);
        self.uneven += rest.iter().filter(|b| b.count_ones() % 2 == 1).count();
        // Of the characters of a telegram about half have the bit set, all have it as parity wants it, and
        // without it all are text: encrypted telegrams are none of these.
        self.since_slash >= LONG_WITHOUT
            && self.parity_slashes > 0
            && self.high * 4 > self.since_slash
            && self.odd * 16 < self.since_slash
            && self.uneven * 16 < self.since_slash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_parity(text: &[u8]) -> Vec<u8> {
        text.iter().map(|&b| if b.count_ones() % 2 == 1 { b | 0x80 } else { b }).collect()
    }

    #[test]
    fn parity_bits_are_told_from_text_above_ascii() {
        let telegram = b"/KMP5 ZABF001\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n".repeat(8);
        let mut watch = ParityWatch::default();
        assert!(with_parity(&telegram).chunks(7).any(|chunk| watch.look(chunk)));
        let mut watch = ParityWatch::default();
        assert!(!telegram.chunks(7).any(|chunk| watch.look(chunk)));
        // Where encrypted bytes happen to have no `/` for long, they have the other.
        let random = |n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8;
        let encrypted: Vec<u8> = (0..4_000).map(random).filter(|&byte| byte != b'/').collect();
        assert!(encrypted.contains(&SLASH_WITH_PARITY));
        let mut watch = ParityWatch::default();
        assert!(!encrypted.chunks(64).any(|chunk| watch.look(chunk)));
        let message = [b"/AUX5\r\n0-0:96.13.0(".as_slice(), &[0xFF; 1_024]].concat();
        let mut watch = ParityWatch::default();
        assert!(!message.chunks(64).any(|chunk| watch.look(chunk)));
    }
}
