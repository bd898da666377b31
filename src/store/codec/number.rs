//! Models of numbers and texts over the range coder.

use super::range::{Bit, Coder};

/// Widths that have contexts of their own; anything wider shares the last.
const WIDTHS: usize = 20;
/// Levels of how large the residuals were of late.
const LEVELS: usize = 14;
/// Contexts that a caller may tell apart.
pub(crate) const HINTS: usize = 6;
/// No residual of two 65-bit numbers is wider.
const MAX_WIDTH: u32 = 70;

/// A model of residuals, small ones being likely: zero or not, sign, width in bits, the bits.
#[derive(Clone, Debug)]
pub(crate) struct NumberModel {
    zero: [[[Bit; HINTS]; 2]; LEVELS],
    sign: [Bit; 3],
    width: [[Bit; WIDTHS]; LEVELS],
    bits: [[Bit; 8]; WIDTHS],
    /// A running mean of magnitudes, times 16.
    recent: u32,
    last: i8,
}

impl Default for NumberModel {
    fn default() -> Self {
        Self {
            zero: [[[Bit::default(); HINTS]; 2]; LEVELS],
            sign: [Bit::default(); 3],
            width: [[Bit::default(); WIDTHS]; LEVELS],
            bits: [[Bit::default(); 8]; WIDTHS],
            recent: 0,
            last: 0,
        }
    }
}

impl NumberModel {
    /// Codes one residual; `hint` is what the caller knows of it, below [`HINTS`].
    pub(crate) fn code(&mut self, coder: &mut impl Coder, hint: usize, value: i128) -> i128 {
        let level = (u32::BITS - self.recent.leading_zeros()).min(LEVELS as u32 - 1) as usize;
        let zero = &mut self.zero[level][usize::from(self.last != 0)][hint];
        let value = if coder.bit(zero, value == 0) { 0 } else { self.non_zero(coder, level, value) };
        let magnitude = value.unsigned_abs().min(1 << 12) as u32;
        self.recent = self.recent - self.recent.div_ceil(8) + 2 * magnitude;
        self.last = value.signum() as i8;
        value
    }

    fn non_zero(&mut self, coder: &mut impl Coder, level: usize, value: i128) -> i128 {
        let negative = coder.bit(&mut self.sign[(self.last + 1) as usize], value < 0);
        let rest = value.unsigned_abs().wrapping_sub(1);
        let wanted = u128::BITS - rest.leading_zeros();
        let mut width = 0;
        while width < MAX_WIDTH {
            let model = &mut self.width[level][(width as usize).min(WIDTHS - 1)];
            if !coder.bit(model, width < wanted) {
                break;
            }
            width += 1;
        }
        let rest = self.tail(coder, width, rest);
        let magnitude = rest as i128 + 1;
        if negative { -magnitude } else { magnitude }
    }

    /// The bits below the leading one: three of them under models, the rest as they are.
    fn tail(&mut self, coder: &mut impl Coder, width: u32, rest: u128) -> u128 {
        if width == 0 {
            return 0;
        }
        let mut value = 1u128;
        let models = &mut self.bits[(width as usize).min(WIDTHS - 1)];
        let mut left = width - 1;
        while left > 0 && width - 1 - left < 3 {
            left -= 1;
            let bit = coder.bit(&mut models[value as usize & 7], rest >> left & 1 == 1);
            value = value << 1 | u128::from(bit);
        }
        while left > 0 {
            let count = left.min(32);
            left -= count;
            let bits = coder.raw(count, (rest >> left) as u64 & ((1 << count) - 1));
            value = value << count | u128::from(bits);
        }
        value
    }
}

/// A model of bytes, each by the one before it (by its upper bits alone).
#[derive(Clone, Debug)]
pub(crate) struct ByteModel {
    bits: Vec<[Bit; 256]>,
    length: NumberModel,
}

impl Default for ByteModel {
    fn default() -> Self {
        Self { bits: vec![[Bit::default(); 256]; 8], length: NumberModel::default() }
    }
}

impl ByteModel {
    /// Codes a text. `None` when its length is above `limit`: damaged bytes.
    pub(crate) fn code(&mut self, coder: &mut impl Coder, text: &[u8], limit: usize) -> Option<Vec<u8>> {
        let length = usize::try_from(self.length.code(coder, 0, text.len() as i128)).ok()?;
        if length > limit {
            return None;
        }
        let mut out = Vec::with_capacity(length.min(4_096));
        let mut last = 0u8;
        for place in 0..length {
            let wanted = text.get(place).copied().unwrap_or(0);
            let models = &mut self.bits[usize::from(last >> 5)];
            let mut node = 1usize;
            for shift in (0..8).rev() {
                node = node << 1 | usize::from(coder.bit(&mut models[node], wanted >> shift & 1 == 1));
            }
            last = node as u8;
            out.push(last);
        }
        Some(out)
    }
}
