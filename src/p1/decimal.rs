//! Fixed-point numbers in the meter's own resolution.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU8;

/// A decimal number as the meter wrote it: sign, up to 19 digits, and the number of digits behind the point.
///
/// The scale is kept, so that `1.50` stays `1.50` on its way through the store and into a payload.
/// Equality is of value *and* scale; [`Decimal::cmp_value`] compares values alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    magnitude: u64,
    /// Scale and sign in one, plus one: two words travel in registers, three do not.
    form: NonZeroU8,
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

/// The largest scale a [`Decimal`] can hold: ten to this power still fits its magnitude.
pub const MAX_SCALE: u8 = 19;

const POWERS: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

impl Decimal {
    /// Zero with no digits behind the point.
    pub const ZERO: Self = Self { magnitude: 0, form: NonZeroU8::MIN };

    /// `mantissa` × 10^−`scale`. `None` when the scale is above [`MAX_SCALE`] or the magnitude above 2^64−1.
    pub fn new(mantissa: i128, scale: u8) -> Option<Self> {
        let magnitude = u64::try_from(mantissa.unsigned_abs()).ok()?;
        Self::from_parts(mantissa < 0, magnitude, scale)
    }

    /// From sign, magnitude and scale; a negative zero becomes zero. `None` when the scale is above [`MAX_SCALE`].
    #[inline]
    pub const fn from_parts(negative: bool, magnitude: u64, scale: u8) -> Option<Self> {
        if scale > MAX_SCALE {
            return None;
        }
        let sign = (negative && magnitude != 0) as u8;
        Some(Self { magnitude, form: NonZeroU8::MIN.saturating_add(scale << 1 | sign) })
    }

    /// The digits as a whole number, sign included.
    pub const fn mantissa(self) -> i128 {
        let magnitude = self.magnitude as i128;
        if self.is_negative() { -magnitude } else { magnitude }
    }

    /// The digits as a whole number, without the sign.
    pub const fn magnitude(self) -> u64 {
        self.magnitude
    }

    /// The number of digits behind the point.
    pub const fn scale(self) -> u8 {
        (self.form.get() - 1) >> 1
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        (self.form.get() - 1) & 1 == 1
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.magnitude == 0
    }

    /// The value times 10^`exponent`, exactly: the unit changes (Wh to kWh is −3), the digits do not.
    /// `None` when the result does not fit.
    #[must_use]
    pub fn shifted(self, exponent: i8) -> Option<Self> {
        let scale = i16::from(self.scale()) - i16::from(exponent);
        if let Ok(scale) = u8::try_from(scale) {
            return Self::from_parts(self.is_negative(), self.magnitude, scale);
        }
        let factor = *POWERS.get(usize::from(scale.unsigned_abs()))?;
        Self::from_parts(self.is_negative(), self.magnitude.checked_mul(factor)?, 0)
    }

    /// The same value with `scale` digits behind the point; `None` when digits other than zero would be lost
    /// or the result does not fit.
    #[must_use]
    pub fn rescaled(self, scale: u8) -> Option<Self> {
        let magnitude = match scale.cmp(&self.scale()) {
            Ordering::Equal => self.magnitude,
            Ordering::Greater => {
                let factor = *POWERS.get(usize::from(scale - self.scale()))?;
                self.magnitude.checked_mul(factor)?
            }
            Ordering::Less => {
                let factor = *POWERS.get(usize::from(self.scale() - scale))?;
                if !self.magnitude.is_multiple_of(factor) {
                    return None;
                }
                self.magnitude / factor
            }
        };
        Self::from_parts(self.is_negative(), magnitude, scale)
    }

    /// The value with `scale` digits behind the point, half away from zero; `None` when it does not fit.
    #[must_use]
    pub fn rounded(self, scale: u8) -> Option<Self> {
        if scale >= self.scale() {
            return self.rescaled(scale);
        }
        let factor = POWERS[usize::from(self.scale() - scale)];
        let magnitude = self.magnitude / factor + u64::from(self.magnitude % factor >= factor.div_ceil(2));
        Self::from_parts(self.is_negative(), magnitude, scale)
    }

    /// The sum, at the larger of the two scales; `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale().max(other.scale());
        let (a, b) = (self.rescaled(scale)?, other.rescaled(scale)?);
        Self::new(a.mantissa() + b.mantissa(), scale)
    }

    /// The difference, at the larger of the two scales; `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self::from_parts(!other.is_negative(), other.magnitude, other.scale())?)
    }

    /// Compares values, whatever their scales.
    pub fn cmp_value(self, other: Self) -> Ordering {
        let scale = self.scale().max(other.scale());
        let at = |d: Self| d.mantissa() * i128::from(POWERS[usize::from(scale - d.scale())]);
        // At most 20 digits times 10^19: it fits an i128 with room to spare.
        at(self).cmp(&at(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = POWERS[usize::from(self.scale())];
        let sign = if self.is_negative() { "-" } else { "" };
        let (whole, fraction) = (self.magnitude / factor, self.magnitude % factor);
        if self.scale() == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction:0width$}", width = usize::from(self.scale()))
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(mantissa: i128, scale: u8) -> Decimal {
        Decimal::new(mantissa, scale).expect("fits")
    }

    #[test]
    fn keeps_its_scale() {
        assert_eq!(d(1_234_567, 3).to_string(), "1234.567");
        assert_eq!(d(50, 2).to_string(), "0.50");
        assert_eq!(d(-910, 3).to_string(), "-0.910");
        assert_eq!(d(-0, 3).to_string(), "0.000");
        assert_eq!(Decimal::from_parts(true, 0, 0), Some(Decimal::ZERO));
    }

    #[test]
    fn changes_units_exactly() {
        assert_eq!(d(6_545_766, 0).shifted(-3).map(|d| d.to_string()).as_deref(), Some("6545.766"));
        assert_eq!(d(49, 3).shifted(3).map(|d| d.to_string()).as_deref(), Some("49"));
        assert_eq!(d(2, 0).shifted(3).map(|d| d.to_string()).as_deref(), Some("2000"));
        assert_eq!(d(i128::from(u64::MAX), 0).shifted(1), None);
    }

    #[test]
    fn holds_twelve_digits_and_seven_decimals() {
        assert_eq!(d(9_999_999_999_999_999_999, 7).to_string(), "999999999999.9999999");
    }

    #[test]
    fn adds_and_rounds() {
        assert_eq!(d(15, 1).checked_add(d(-25, 2)), Some(d(125, 2)));
        assert_eq!(d(1, 0).checked_sub(d(1, 3)), Some(d(999, 3)));
        assert_eq!(d(125, 2).rounded(1), Some(d(13, 1)));
        assert_eq!(d(-125, 2).rounded(1), Some(d(-13, 1)));
        assert_eq!(d(125, 2).rescaled(1), None);
        assert_eq!(d(150, 2).cmp_value(d(15, 1)), Ordering::Equal);
    }
}
