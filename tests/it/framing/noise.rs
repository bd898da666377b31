//! Noise around the clock: nothing comes of it, memory stays flat, and the next good telegram is accepted.

use dsmrd::p1::frame::{CrcPolicy, Event, FramerSettings};
use dsmrd::p1::{Framer, Proof};

use super::memory::most_held;
use super::{fixture, keys_of};

/// Xorshift: the same noise every time.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }
}

/// Pushes `count` bytes of noise in pieces of random sizes and a good telegram behind them: that one is accepted,
/// nothing of the noise is called verified, and no more is held than a framer may.
fn through(settings: FramerSettings, seed: u64, count: usize, mut byte: impl FnMut(&mut Noise) -> u8) {
    // With keys and without: noise that looks like a header is opened, or not.
    let keys = seed.is_multiple_of(2).then(|| keys_of("at-"));
    // What a framer may hold: a telegram, the room its buffer grows by, and as much again for one that is opened.
    // And the keys.
    let limit = 4 * settings.max_bytes + 4_096;
    let telegram = fixture("nl-5.0-iskra-3phase-gas");
    let mut noise = Noise::new(seed);
    let mut piece = vec![0u8; 4_096];
    let mut accepted: Vec<(u64, Proof, usize)> = Vec::with_capacity(16);
    let held = most_held(|| {
        let mut framer = Framer::new(settings).with_keys(keys);
        let mut on = |event: Event<'_>| {
            if let Event::Frame(frame) = event {
                assert!(accepted.len() < 16, "seed {seed}: telegrams come of noise: {accepted:?}");
                accepted.push((frame.offset(), frame.proof(), frame.bytes().len()));
            }
        };
        let mut left = count;
        while left > 0 {
            let size = (1 + noise.below(piece.len())).min(left);
            for place in &mut piece[..size] {
                *place = byte(&mut noise);
            }
            framer.push(&piece[..size], &mut on);
            left -= size;
        }
        framer.push(b"\r\n", &mut on);
        framer.push(&telegram, &mut on);
        framer.finish(&mut on);
    });
    let found = (count as u64 + 2, Proof::Verified, telegram.len());
    assert_eq!(accepted.pop(), Some(found), "seed {seed}: the good telegram");
    // Some meters send telegrams without a CRC, so that `/`, `!` and line ends by chance look like empty ones;
    // none of them is ever called verified.
    assert!(accepted.iter().all(|(_, proof, _)| *proof == Proof::Absent), "seed {seed}: {accepted:?}");
    if settings.crc == CrcPolicy::Require {
        assert_eq!(accepted, [], "seed {seed}");
    }
    assert!(held <= limit, "seed {seed}: {held} bytes were held, more than {limit}");
}

#[test]
fn ten_million_random_bytes() {
    let settings = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    for seed in 1..=4 {
        through(settings, seed, 2_500_000, |noise| noise.next() as u8);
    }
}

#[test]
fn random_bytes_where_a_crc_is_not_demanded() {
    for seed in 5..=8 {
        through(FramerSettings::default(), seed, 500_000, |noise| noise.next() as u8);
        let masked = FramerSettings { mask_bit7: true, ..FramerSettings::default() };
        through(masked, seed, 250_000, |noise| noise.next() as u8);
    }
}

#[test]
fn noise_of_the_marks_alone() {
    let require = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    for (seed, alphabet) in (20..).zip([
        &b"/"[..],
        b"!",
        b"(",
        b")",
        b"\r\n",
        b"\n",
        b"/\n",
        b"/!\r\n",
        b"!0123456789ABCDEF\r\n",
        b")!A\r\n/",
        b"1-0:.8()*kWh\r\n",
        b"\0",
        b"\xFF",
        b"\xFF\xFD\x18\xFB\x01/",
        b"\xDB\x08\x82\x01\xF2\x30",
        b"\xDB\x08",
        b"\x7E\xA0",
        b"\x68\x1B\x01",
    ]) {
        // Any order of them, and one after the other.
        through(require, seed, 150_000, |noise| alphabet[noise.below(alphabet.len())]);
        let mut at = 0;
        through(require, seed, 150_000, |_| {
            at += 1;
            alphabet[at % alphabet.len()]
        });
    }
}

#[test]
fn headers_of_encrypted_frames_that_promise_much() {
    let require = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    let lengths: [&[u8]; 6] = [
        b"\x82\x1F\xF0",
        b"\x82\x01\xF2",
        b"\x84\x00\x00\x1F\x00",
        b"\x81\xFF",
        b"\x7F",
        b"\x84\xFF\xFF\xFF\xFF",
    ];
    for (seed, length) in (40..).zip(lengths.into_iter().flat_map(|length| [length; 2])) {
        let header = [&b"\xDB\x08SAG51234"[..], length, b"\x30\x00\x00\x01\x02"].concat();
        let mut at = 0;
        through(require, seed, 30_000, |_| {
            at += 1;
            header[at % header.len()]
        });
        // With noise behind each.
        let mut at = 0;
        through(require, seed, 60_000, |noise| {
            at += 1;
            header.get(at % 3_001).copied().unwrap_or(noise.next() as u8)
        });
    }
}

#[test]
fn a_line_without_an_end() {
    for (seed, start) in
        (60..).zip([&b""[..], b"/", b"/ISK5\\2M550T-1012\r\n\r\n1-0:1.8.1(", b"!", b"\xDB\x08"])
    {
        let mut at = 0;
        through(FramerSettings::default(), seed, 300_000, |_| {
            at += 1;
            start.get(at - 1).copied().unwrap_or(b'7')
        });
    }
}

/// A limit that is none for real telegrams is kept whatever it is.
#[test]
fn small_and_large_limits_are_kept() {
    for (seed, max_bytes) in (80..).zip([1_024, 2_000, 65_536]) {
        let settings = FramerSettings { max_bytes, crc: CrcPolicy::Require, ..FramerSettings::default() };
        through(settings, seed, 300_000, |noise| b"/\n!x(\r"[noise.below(6)]);
        through(settings, seed, 300_000, |_| b'/');
    }
}
