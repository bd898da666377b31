//! CRC-16/ARC, the checksum of a telegram: x^16 + x^15 + x^2 + 1, reflected, starting from zero
//! (DSMR P1 5.0.2, section 6.2).
//!
//! Squaring a polynomial over GF(2) doubles its exponents, so for every n that is a power of two
//! x^(16n) = x^(15n) + x^(2n) + 1 modulo the polynomial. Read as words of n bits, a word of the message may
//! thus be taken out when it is added to the words 1, 14 and 16 places further on. With n = 64 that folds a
//! telegram to 128 bytes at three exclusive-ors a word; with n = 32, 16 and 8 those fold to 16 bytes, and
//! only these need the table.

use std::ops::BitXor;

/// Sixteen words: as far as a word reaches when it is folded.
type Row<T> = [T; 16];

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

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
    let rest = halve!(u8, rest, 16);
    rest.iter().fold(0, |crc, &byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
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
