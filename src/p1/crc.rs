//! CRC-16/ARC, the checksum of a telegram: x^16 + x^15 + x^2 + 1, reflected, starting from zero
//! (DSMR P1 5.0.2, section 6.2).
//!
//! Squaring a polynomial over GF(2) doubles its exponents, so for every n that is a power of two
//! x^(16n) = x^(15n) + x^(2n) + 1 modulo the polynomial. Read as words of n bits, a word of the message may
//! thus be taken out when it is added to the words 1, 14 and 16 places further on. With n = 64 that folds a
//! telegram to 128 bytes at three exclusive-ors a word; with n = 32, 16, 8, 4, 2 and 1 those fold to the CRC.
//! There is no table to fetch into the cache, which matters for one telegram a second.
//!
//! The first bit sent is the highest power of x, so it is the lowest bit of a little-endian word, and "further
//! on" is a shift to the left.

use std::ops::BitXor;

/// Sixteen words: as far as a word reaches when it is folded.
type Row<T> = [T; 16];

/// What a word gets from the row before it.
#[inline(always)]
fn carried<T: BitXor<Output = T> + Copy + Default>(before: &Row<T>, place: usize) -> T {
    let nearest = if place == 0 { before[15] } else { T::default() };
    let middle = if place < 14 { before[place + 2] } else { T::default() };
    nearest ^ middle ^ before[place]
}

/// The row that comes after `before` in the message, to be folded on in its turn.
#[inline(always)]
fn folded<T: BitXor<Output = T> + Copy + Default>(before: &Row<T>, words: &Row<T>) -> Row<T> {
    let mut row = [T::default(); 16];
    for place in 0..16 {
        let mut word = words[place] ^ carried(before, place);
        if place >= 1 {
            word = word ^ row[place - 1];
        }
        if place >= 14 {
            word = word ^ row[place - 14];
        }
        row[place] = word;
    }
    row
}

/// The last row of the message, with all that came before it folded in.
#[inline(always)]
fn last<T: BitXor<Output = T> + Copy + Default>(before: &Row<T>, words: &Row<T>) -> Row<T> {
    std::array::from_fn(|place| words[place] ^ carried(before, place))
}

macro_rules! row {
    ($word:ty, $bytes:expr) => {{
        let bytes: &[u8] = $bytes;
        let mut row = [0; 16];
        for (word, chunk) in row.iter_mut().zip(bytes.chunks_exact(size_of::<$word>())) {
            let mut le = [0; size_of::<$word>()];
            le.copy_from_slice(chunk);
            *word = <$word>::from_le_bytes(le);
        }
        row
    }};
}

/// Folds `2 * 16 * size_of::<$word>()` bytes to half their number.
macro_rules! halve {
    ($word:ty, $bytes:expr, $half:literal) => {{
        let (front, back) = $bytes.split_at($half);
        let row = last(&folded(&[0; 16], &row!($word, front)), &row!($word, back));
        let mut half = [0u8; $half];
        for (chunk, word) in half.chunks_exact_mut(size_of::<$word>()).zip(row) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        half
    }};
}

/// Folds 32 words of so many bits, in two halves, to 16, where a half is one integer: a sum over all words
/// before is then four shifts.
macro_rules! squeeze {
    ($half:ty, $bits:literal, $front:expr, $back:expr) => {{
        let (front, back): ($half, $half) = ($front, $back);
        let (first, second) = (front & ((1 << $bits) - 1), front >> $bits & ((1 << $bits) - 1));
        let mut row = front ^ first << (14 * $bits) ^ (first ^ second) << (15 * $bits);
        row ^= row << $bits;
        row ^= row << (2 * $bits);
        row ^= row << (4 * $bits);
        row ^= row << (8 * $bits);
        back ^ row ^ row >> (2 * $bits) ^ row >> (15 * $bits)
    }};
}

/// The CRC-16/ARC of `bytes`; of `123456789` it is 0xBB3D.
pub fn crc16(bytes: &[u8]) -> u16 {
    const ROW: usize = 128;
    let odd = bytes.len() % ROW;
    let (head, rows) = bytes.split_at(odd);
    // The CRC starts from zero, so zeros in front of the message change nothing.
    let mut first = [0u8; ROW];
    first[ROW - odd..].copy_from_slice(head);
    let mut words: Row<u64> = row!(u64, &first);
    let mut before = [0; 16];
    for row in rows.chunks_exact(ROW) {
        before = folded(&before, &words);
        words = row!(u64, row);
    }
    let mut rest = [0u8; ROW];
    for (chunk, word) in rest.chunks_exact_mut(8).zip(last(&before, &words)) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    let rest = halve!(u32, rest, 64);
    let rest = halve!(u16, rest, 32);
    let (front, back) = rest.split_at(16);
    let whole = |half: &[u8]| half.iter().rfold(0u128, |whole, &byte| whole << 8 | u128::from(byte));
    let rest = squeeze!(u128, 8, whole(front), whole(back));
    let rest = squeeze!(u64, 4, rest as u64, (rest >> 64) as u64);
    let rest = squeeze!(u32, 2, rest as u32, (rest >> 32) as u32);
    let rest = squeeze!(u16, 1, rest as u16, (rest >> 16) as u16);
    // The remainder is that of the message with sixteen zeros behind it.
    squeeze!(u16, 1, rest, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit_by_bit(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0u16, |crc, &byte| {
            (0..8).fold(crc ^ u16::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xA001 } else { 0 })
        })
    }

    #[test]
    fn known_values() {
        assert_eq!(crc16(b"123456789"), 0xBB3D);
        assert_eq!(crc16(b""), 0);
        // The shortest telegram there can be.
        assert_eq!(crc16(b"/empty\r\n\r\n!"), bit_by_bit(b"/empty\r\n\r\n!"));
    }

    #[test]
    fn every_length_around_a_row() {
        let bytes: Vec<u8> = (0..700u32).map(|i| (i * 37 % 251) as u8).collect();
        for length in 0..bytes.len() {
            assert_eq!(crc16(&bytes[..length]), bit_by_bit(&bytes[..length]), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert_eq!(crc16(&bytes), bit_by_bit(&bytes));
        }
    }
}
