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

    /// `quantity` × `price`, exactly. `None` when the two have more than 12 digits behind their points together, or
    /// the product does not fit.
    pub fn of(quantity: Decimal, price: Decimal) -> Option<Self> {
        let scale = Self::SCALE.checked_sub(quantity.scale().checked_add(price.scale())?)?;
        let product = quantity.mantissa().checked_mul(price.mantissa())?;
        Some(Self(product.checked_mul(10_i128.checked_pow(scale.into())?)?))
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
