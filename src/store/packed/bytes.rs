//! Numbers and texts as bytes: LEB128, signed ones folded so that small ones of either sign are short.

use crate::store::codec::Damaged;

/// A signed number as an unsigned one: 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …
pub(super) fn fold(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// The inverse of [`fold`].
pub(super) fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Writes a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a number of either sign.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, fold(value));
}

/// Writes a number that may be too wide for the others.
pub(super) fn put_wide(out: &mut Vec<u8>, value: i128) {
    let mut rest = (value << 1 ^ value >> 127) as u128;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes a text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Reads what the above wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.0.split_first().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number.
    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        let value = self.wide_bits(64)?;
        u64::try_from(value).map_err(|_| Damaged)
    }

    fn wide_bits(&mut self, bits: u32) -> Result<u128, Damaged> {
        let mut value = 0u128;
        for shift in (0..bits).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    /// A number that must not be above `limit`.
    pub(super) fn at_most(&mut self, limit: usize) -> Result<usize, Damaged> {
        usize::try_from(self.number()?).ok().filter(|number| *number <= limit).ok_or(Damaged)
    }

    /// A number of either sign.
    pub(super) fn signed(&mut self) -> Result<i64, Damaged> {
        self.number().map(unfold)
    }

    /// A number of [`put_wide`].
    pub(super) fn wide(&mut self) -> Result<i128, Damaged> {
        let value = self.wide_bits(128)?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    /// A text of [`put_text`].
    pub(super) fn text(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.at_most(self.0.len())?;
        self.take(length)
    }
}
