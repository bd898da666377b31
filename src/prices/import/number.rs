//! Prices as text, to the last digit.
//!
//! The configuration reads its numbers itself: what a person wrote there is refused where it has too many digits or a comma,
//! while what a machine wrote here is rounded, scaled by its unit, and may have the point of its country.

use super::{PRICE_SCALE, shown};
use crate::p1::Decimal;

/// A price is below a million of the currency: more is a mistake.
const MOST: i128 = 1_000_000;

/// Digits that fit an `i128` whatever they are.
const DIGITS: usize = 38;

/// Reads a number, with a decimal comma where `comma` allows one, times ten to the power of `exponent`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn price(text: &str, comma: bool, exponent: i8) -> Result<Decimal, String> {
    let not = || format!("{} is not a number", shown(text));
    let (negative, rest) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, power) = match rest.split_once(['e', 'E']) {
        Some((number, power)) => (number, power.parse::<i16>().map_err(|_| not())?),
        None => (rest, 0),
    };
    if comma && number.contains(',') && number.contains('.') {
        return Err(format!(
            "{} has a point and a comma; write it without thousands separators",
            shown(text)
        ));
    }
    let point: &[char] = if comma { &[',', '.'] } else { &['.'] };
    let (whole, fraction) = number.split_once(point).unwrap_or((number, ""));
    if !comma && number.contains(',') {
        return Err(format!(
            "{} has a comma; here digits behind the point stand behind a point",
            shown(text)
        ));
    }
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return Err(not());
    }
    let significant = digits().skip_while(|byte| *byte == b'0');
    if significant.clone().count() > DIGITS {
        return Err(format!("{} has more than {DIGITS} digits", shown(text)));
    }
    let magnitude = significant.fold(0_i128, |sum, byte| sum * 10 + i128::from(byte - b'0'));
    let mantissa = if negative { -magnitude } else { magnitude };
    let fraction = i64::try_from(fraction.len()).map_err(|_| not())?;
    let scale = fraction - i64::from(power) - i64::from(exponent);
    decimal(mantissa, scale).ok_or_else(|| format!("{} is too large for a price", shown(text)))
}

/// `mantissa` × 10^−`scale`, rounded where it has more digits than a price keeps; `None` when it is too large.
fn decimal(mantissa: i128, scale: i64) -> Option<Decimal> {
    if mantissa == 0 {
        return Decimal::new(0, u8::try_from(scale.max(0)).unwrap_or(PRICE_SCALE).min(PRICE_SCALE));
    }
    let power =
        |exponent: i64| u32::try_from(exponent).ok().and_then(|exponent| 10_i128.checked_pow(exponent));
    let most = i64::from(PRICE_SCALE);
    let (mantissa, scale) = if scale < 0 {
        (mantissa.checked_mul(power(-scale)?)?, 0)
    } else if scale <= most {
        (mantissa, scale)
    } else {
        // More digits are cut than an i128 has: nothing is left.
        let Some(unit) = power(scale - most) else { return Decimal::new(0, PRICE_SCALE) };
        let (whole, rest) = (mantissa / unit, mantissa % unit);
        let half = rest.unsigned_abs() >= unit.unsigned_abs() / 2;
        (whole + if half { mantissa.signum() } else { 0 }, most)
    };
    let fits = mantissa.unsigned_abs() < MOST.checked_mul(power(scale)?)?.unsigned_abs();
    fits.then(|| Decimal::new(mantissa, u8::try_from(scale).ok()?)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, comma: bool, exponent: i8) -> Result<String, String> {
        price(text, comma, exponent).map(|price| price.to_string())
    }

    #[test]
    fn a_price_keeps_its_digits() {
        let is = |text: &str| Ok(text.to_owned());
        assert_eq!(told("0.10", false, 0), is("0.10"));
        assert_eq!(told("-12.34", false, -3), is("-0.01234"));
        assert_eq!(told("\u{2212}5", false, 0), is("-5"));
        assert_eq!(told("+.5", false, 0), is("0.5"));
        assert_eq!(told("1e-2", false, 0), is("0.01"));
        assert_eq!(told("2.5E+1", false, 0), is("25"));
        assert_eq!(told("0,25", true, 0), is("0.25"));
        assert_eq!(told("0.25", true, -2), is("0.0025"));
        assert_eq!(told("-0.0", false, 0), is("0.0"));
        assert_eq!(told("0e400", false, 0), is("0"));
        assert_eq!(told("999999.999999999999", false, 0), is("999999.999999999999"));
    }

    #[test]
    fn what_floating_point_left_is_rounded_away() {
        let is = |text: &str| Ok(text.to_owned());
        assert_eq!(told("0.12345000000000001", false, 0), is("0.123450000000"));
        assert_eq!(told("1.0000000000000002e-05", false, 0), is("0.000010000000"));
        assert_eq!(told("0.0000000000005", false, 0), is("0.000000000001"));
        assert_eq!(told("-0.0000000000005", false, 0), is("-0.000000000001"));
        assert_eq!(told("0.0000000000004999", false, 0), is("0.000000000000"));
        assert_eq!(told("3e-300", false, 0), is("0.000000000000"));
    }

    #[test]
    fn what_is_no_price_is_told() {
        let wrong = |text: &str, comma| told(text, comma, 0).expect_err("no price");
        for text in ["", "-", ".", "abc", "1.2.3", "0x10", "1e", "1e99999", "NaN", "1 000", "--1", "٣"] {
            assert_eq!(wrong(text, false), format!("{text:?} is not a number"), "{text}");
        }
        assert!(wrong("1,5", false).contains("has a comma"));
        assert!(wrong("1.234,5", true).contains("thousands"));
        assert!(wrong("1000000", false).contains("too large"));
        assert!(wrong("1e30", false).contains("too large"));
        assert!(wrong(&"1".repeat(39), false).contains("38 digits"));
    }
}
