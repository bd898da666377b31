//! Money, exact: rounding is left to whoever shows it.

use std::ops::{Add, AddAssign, Neg, Sub};

use crate::p1::Decimal;

/// An amount of money in 10^−12 of the currency, which holds any usage times any price without rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The digits behind the point that an amount keeps.
    pub const SCALE: u8 = 12;

    /// So many 10^−12 of the currency.
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// In 10^−12 of the currency.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// `quantity` × `price`, exactly. `None` when the product has more than 12 digits behind its point, zeros at the end
    /// not counted, or does not fit. A register's three digits and the nine of a [`super::Price`] always have room.
    pub fn of(quantity: Decimal, price: Decimal) -> Option<Self> {
        let product = quantity.mantissa().checked_mul(price.mantissa())?;
        let scale = quantity.scale() + price.scale();
        match Self::SCALE.checked_sub(scale) {
            Some(missing) => Some(Self(product.checked_mul(10_i128.checked_pow(missing.into())?)?)),
            None => {
                let excess = 10_i128.checked_pow((scale - Self::SCALE).into())?;
                (product % excess == 0).then_some(Self(product / excess))
            }
        }
    }

    /// With `scale` digits behind the point, at most 12, half away from zero; `None` when it does not fit.
    pub fn rounded(self, scale: u8) -> Option<Decimal> {
        let unit = 10_i128.checked_pow(Self::SCALE.checked_sub(scale)?.into())?;
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let half = rest.unsigned_abs() * 2 >= unit.unsigned_abs();
        Decimal::new(whole + if half { self.0.signum() } else { 0 }, scale)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(mantissa: i128, scale: u8) -> Decimal {
        Decimal::new(mantissa, scale).expect("fits")
    }

    #[test]
    fn a_product_is_exact_or_none() {
        assert_eq!(Amount::of(d(1_234, 3), d(20_001, 5)).map(Amount::pico), Some(246_812_340_000));
        assert_eq!(Amount::of(d(1, 3), d(1, 9)).map(Amount::pico), Some(1));
        assert_eq!(Amount::of(d(1, 4), d(1, 9)), None);
        // Zeros at the end are no digits that could be lost.
        assert_eq!(Amount::of(d(10, 4), d(1, 9)).map(Amount::pico), Some(1));
        assert_eq!(Amount::of(d(1, 0), d(-5, 2)).map(Amount::pico), Some(-50_000_000_000));
        let most = d(i128::from(u64::MAX), 0);
        assert_eq!(Amount::of(most, most), None);
    }

    #[test]
    fn a_half_goes_away_from_zero() {
        let rounded = |pico, scale| Amount::from_pico(pico).rounded(scale).map(|d| d.to_string());
        assert_eq!(rounded(5_000_000_000, 2).as_deref(), Some("0.01"));
        assert_eq!(rounded(4_999_999_999, 2).as_deref(), Some("0.00"));
        assert_eq!(rounded(-5_000_000_000, 2).as_deref(), Some("-0.01"));
        assert_eq!(rounded(-4_999_999_999, 2).as_deref(), Some("0.00"));
        assert_eq!(rounded(-1_005_000_000_000, 2).as_deref(), Some("-1.01"));
        assert_eq!(rounded(1, 12).as_deref(), Some("0.000000000001"));
        assert_eq!(rounded(1, 13), None);
        assert_eq!(rounded(i128::MAX, 2), None);
    }

    #[test]
    fn sums_keep_every_digit_and_stop_at_the_ends() {
        let third = Amount::from_pico(333_333_333_333);
        assert_eq!([third; 3].into_iter().sum::<Amount>().pico(), 999_999_999_999);
        assert_eq!(third - third, Amount::ZERO);
        assert_eq!((Amount::from_pico(i128::MAX) + third).pico(), i128::MAX);
    }
}
