//! A cable that does not invert: what the telegrams of a P1 port look like then.
//!
//! The data line of a P1 port is an open collector whose signal stands upside down (P1 companion standard,
//! physical layer), and the cable turns it. Where it is not turned, the receiver falls into step with the stop
//! bit of one character, which looks like a start bit, and takes the start bit and the first seven data bits of
//! the next for the eight bits of a character:
//!
//! ```text
//! sent         stop  start d0 d1 d2 d3 d4 d5 d6 d7=0   stop
//! upside down     0      1 /0 /1 /2 /3 /4 /5 /6    1      0
//! read as     start     b0 b1 b2 b3 b4 b5 b6 b7 stop  start
//! ```

/// What every telegram has many of; short enough to survive characters that are lost.
const TELLING: [u8; 3] = *b"-0:";
/// So many of them are no chance: each takes three bytes of one value.
const ENOUGH: u32 = 6;
/// They have to come within so many bytes.
const WITHIN: usize = 4_096;

/// Finds out that the signal is upside down.
#[derive(Debug, Default)]
pub(super) struct InvertedWatch {
    last: [u8; 2],
    found: u32,
    seen: usize,
}

impl InvertedWatch {
    /// Looks at bytes of a line of eight data bits; true once they can only be text upside down.
    pub(super) fn look(&mut self, bytes: &[u8]) -> bool {
        let mut sure = false;
        for &byte in bytes {
            // A byte in step is one above an even number; others are none of text.
            let turned = if byte & 1 == 1 { !(byte >> 1) & 0x7F } else { 0 };
            self.found += u32::from([self.last[0], self.last[1], turned] == TELLING);
            self.last = [self.last[1], turned];
            self.seen += 1;
            sure |= self.found >= ENOUGH;
            if self.seen >= WITHIN {
                (self.found, self.seen) = (0, 0);
            }
        }
        sure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of 8N1, three samples a bit: characters one behind the other, some quiet in between.
    fn waveform(text: &[u8]) -> Vec<bool> {
        let mut bits = vec![true; 50];
        for (number, &byte) in text.iter().enumerate() {
            bits.push(false);
            bits.extend((0..8).map(|bit| byte >> bit & 1 == 1));
            bits.push(true);
            if number % 97 == 96 {
                bits.extend([true; 13]);
            }
        }
        bits.extend([true; 50]);
        bits.into_iter().flat_map(|bit| [bit; 3]).collect()
    }

    /// A receiver: waits for a falling edge, samples each bit in its middle; `keeps_broken` characters without
    /// a stop bit, as some drivers do.
    fn receive(line: &[bool], keeps_broken: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = 1;
        while at + 30 < line.len() {
            if !line[at - 1] || line[at] {
                at += 1;
                continue;
            }
            let bit = |number: usize| line[at + 3 * number + 1];
            let byte = (0..8).fold(0, |byte, place| byte | u8::from(bit(place + 1)) << place);
            let stopped = bit(9);
            if stopped || keeps_broken {
                bytes.push(byte);
            }
            at += 28;
        }
        bytes
    }

    fn telegram() -> Vec<u8> {
        b"/ISK5\\2M550T-1012\r\n\r\n1-0:1.8.1(000123.456*kWh)\r\n1-0:1.8.2(000001.000*kWh)\r\n0-0:96.14.0(0002)\r\n\
          1-0:1.7.0(00.428*kW)\r\n1-0:32.7.0(230.1*V)\r\n1-0:52.7.0(231.0*V)\r\n1-0:31.7.0(001*A)\r\n!ABCD\r\n"
            .repeat(4)
    }

    #[test]
    fn a_signal_upside_down_is_known() {
        let line = waveform(&telegram());
        assert_eq!(receive(&line, true), telegram(), "the receiver works");
        let turned: Vec<bool> = line.iter().map(|bit| !bit).collect();
        for keeps_broken in [true, false] {
            let bytes = receive(&turned, keeps_broken);
            assert!(!bytes.windows(3).any(|three| three == b"-0:"));
            let mut watch = InvertedWatch::default();
            assert!(bytes.chunks(37).any(|chunk| watch.look(chunk)), "{keeps_broken}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(1 << 20)
        .collect();
        for bytes in [telegram().repeat(20), random, vec![0; 10_000], vec![0xFF; 10_000]] {
            assert!(!InvertedWatch::default().look(&bytes));
        }
    }
}
