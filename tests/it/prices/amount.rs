//! The laws of money: nothing is rounded before it is shown.

use dsmrd::p1::Decimal;
use dsmrd::prices::Amount;
use proptest::prelude::*;

/// A usage as registers tell it.
fn usage() -> impl Strategy<Value = Decimal> {
    (0_i128..1_000_000_000, 0_u8..=3)
        .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).expect("fits"))
}

/// A price as a book tells it.
fn price() -> impl Strategy<Value = Decimal> {
    (-10_000_000_000_i128..10_000_000_000, 0_u8..=9)
        .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).expect("fits"))
}

proptest! {
    #[test]
    fn usage_times_price_always_fits_and_is_exact(usage in usage(), price in price()) {
        let amount = Amount::of(usage, price).expect("three and nine digits fit");
        let scale = u32::from(12 - usage.scale() - price.scale());
        prop_assert_eq!(amount.pico(), usage.mantissa() * price.mantissa() * 10_i128.pow(scale));
    }

    #[test]
    fn the_parts_of_a_usage_cost_what_the_whole_costs(
        parts in prop::collection::vec(usage(), 1..40),
        price in price(),
    ) {
        let whole = parts.iter().try_fold(Decimal::ZERO, |sum, part| sum.checked_add(*part)).expect("fits");
        let sum: Amount = parts.iter().map(|part| Amount::of(*part, price).expect("fits")).sum();
        prop_assert_eq!(Amount::of(whole, price), Some(sum));
    }

    #[test]
    fn rounding_is_to_the_nearest_and_the_same_on_both_sides_of_zero(
        pico in -10_i128.pow(24)..10_i128.pow(24),
        scale in 0_u8..=6,
    ) {
        let amount = Amount::from_pico(pico);
        let shown = amount.rounded(scale).expect("fits");
        let unit = 10_i128.pow(u32::from(12 - scale));
        let off = (shown.mantissa() * unit - pico).abs();
        prop_assert!(off * 2 <= unit);
        // A half goes away from zero.
        prop_assert!(off * 2 < unit || (shown.mantissa() * unit).abs() > pico.abs());
        let mirrored = (-amount).rounded(scale).expect("fits");
        prop_assert_eq!(mirrored.mantissa(), -shown.mantissa());
    }
}
