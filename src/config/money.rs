//! Numbers that are taken digit by digit, and days: prices, percentages, the currency.

use jiff::civil::Date;

use super::raw::Typed;
use super::report::nearest;
use super::value::{quote, shorten};
use crate::p1::Decimal;

/// The most digits behind the point of a price. A quantity has three, and a product must fit an amount's twelve.
pub(super) const DIGITS: u8 = 8;

/// The largest price on either side of zero.
const LARGEST: Decimal = match Decimal::from_parts(false, 1_000_000, 0) {
    Some(largest) => largest,
    None => Decimal::ZERO,
};

/// A price, exactly as it was written; below zero where that means something.
pub(super) fn price(typed: &Typed, negative: bool) -> Result<Decimal, String> {
    const SHAPE: &str = "write a number such as 0.2574";
    let (text, shown) = match typed {
        Typed::Integer(text) | Typed::Float(text) => (text, shorten(text)),
        Typed::Text(text) | Typed::Variable(text) => (text, quote(text)),
        _ => return Err(format!("{} where a price belongs; {SHAPE}", typed.describe())),
    };
    let number = match decimal(text.trim(), DIGITS) {
        Ok(number) => number,
        Err(Flaw::NoNumber) if decimal(&text.trim().replacen(',', ".", 1), DIGITS).is_ok() => {
            let right = text.trim().replacen(',', ".", 1);
            return Err(format!("{shown} has a comma; write a point, {right}"));
        }
        Err(Flaw::NoNumber) => return Err(format!("{shown} is no number; {SHAPE}")),
        Err(Flaw::TooFine(Some(rounded))) => {
            return Err(format!("{shown} has more than {DIGITS} digits behind the point; write {rounded}"));
        }
        Err(Flaw::TooFine(None)) => {
            return Err(format!("{shown} has more than {DIGITS} digits behind the point; round it"));
        }
        Err(Flaw::TooLarge) => return Err(out_of_range(&shown, negative)),
    };
    let magnitude = Decimal::from_parts(false, number.magnitude(), number.scale()).unwrap_or(number);
    if magnitude.cmp_value(LARGEST).is_gt() || (number.is_negative() && !negative) {
        return Err(out_of_range(&shown, negative));
    }
    Ok(number)
}

fn out_of_range(shown: &str, negative: bool) -> String {
    let least = if negative { "-1000000" } else { "0" };
    format!("{shown} is out of range; it can be from {least} to 1000000")
}

/// Why text is no number that we take.
enum Flaw {
    NoNumber,
    /// More digits behind the point than wanted, with the nearest that has as many, where there is one.
    TooFine(Option<Decimal>),
    TooLarge,
}

/// A number as TOML writes it, with an exponent or without, never by way of a binary fraction.
fn decimal(text: &str, digits: u8) -> Result<Decimal, Flaw> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.replace('_', "").parse().map_err(|_| Flaw::NoNumber)?),
        None => (unsigned, 0_i64),
    };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let fine = |part: &str| {
        let ends = part.starts_with('_') || part.ends_with('_') || part.is_empty() || part.contains("__");
        !ends && part.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    };
    if !fine(whole) || !fraction.is_none_or(fine) {
        return Err(Flaw::NoNumber);
    }
    let fraction = fraction.unwrap_or_default().replace('_', "");
    let mut all = whole.replace('_', "") + &fraction;
    let mut scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    // Zeros at the end that say nothing, so that the rest may fit.
    while scale > i64::from(digits) && all.len() > 1 && all.ends_with('0') {
        all.pop();
        scale -= 1;
    }
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        let scale = u8::try_from(scale.clamp(0, digits.into())).unwrap_or(digits);
        return Decimal::from_parts(false, 0, scale).ok_or(Flaw::TooLarge);
    }
    let length = i64::try_from(significant.len()).unwrap_or(i64::MAX);
    if length.saturating_sub(scale) > 7 {
        return Err(Flaw::TooLarge);
    }
    let exact = || {
        let magnitude: u64 = significant.parse().ok()?;
        match u8::try_from(scale) {
            Ok(scale) => Decimal::from_parts(negative, magnitude, scale),
            Err(_) => {
                Decimal::from_parts(negative, magnitude, 0)?.shifted(i8::try_from(scale.checked_neg()?).ok()?)
            }
        }
    };
    match exact() {
        Some(number) if number.scale() <= digits => Ok(number),
        Some(number) => Err(Flaw::TooFine(number.rounded(digits))),
        None => Err(Flaw::TooFine(None)),
    }
}

/// `21%` as 0.21.
pub(super) fn percent(typed: &Typed) -> Result<Decimal, String> {
    const SHAPE: &str = "write a percentage in quotes, such as \"21%\"";
    let text = match typed {
        Typed::Text(text) | Typed::Variable(text) => text.trim(),
        _ => return Err(format!("{} where a percentage belongs; {SHAPE}", typed.describe())),
    };
    let Some(number) = text.strip_suffix('%') else {
        return Err(format!("{} has no percent sign; {SHAPE}", quote(text)));
    };
    let number =
        decimal(number.trim(), 2).map_err(|_| format!("{} is no percentage; {SHAPE}", quote(text)))?;
    let hundred = Decimal::from_parts(false, 100, 0).unwrap_or_default();
    if number.is_negative() || number.cmp_value(hundred).is_gt() {
        return Err(format!("{} is out of range; it can be from 0% to 100%", quote(text)));
    }
    number.shifted(-2).ok_or_else(|| format!("{} is no percentage; {SHAPE}", quote(text)))
}

/// 0.21 as `21%`.
pub(super) fn print_percent(fraction: Decimal) -> String {
    fraction.shifted(2).map_or_else(String::new, |percent| format!("{percent}%"))
}

/// A day of the calendar, in quotes or as TOML's own.
pub(super) fn day(typed: &Typed) -> Result<Date, String> {
    const SHAPE: &str = "write one such as \"2026-01-01\"";
    let text = match typed {
        Typed::Text(text) | Typed::Variable(text) | Typed::Date(text) => text.trim(),
        _ => return Err(format!("{} where a day belongs; {SHAPE}", typed.describe())),
    };
    let long = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day: Date = long
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| format!("{} is no day; {SHAPE}", typed.describe()))?;
    if !(2000..2200).contains(&day.year()) {
        return Err(format!("{day} is out of range; it can be from 2000-01-01 to 2199-12-31"));
    }
    Ok(day)
}

/// Codes of ISO 4217 where meters with a P1 port are, for what somebody may have meant.
const CODES: &[&str] = &["EUR", "CHF", "DKK", "GBP", "HUF", "ILS", "NOK", "PLN", "SEK"];

/// A code of ISO 4217. Which codes there are changes; three capitals they all have.
pub(super) fn currency(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    let upper = text.trim().to_uppercase();
    let meant = match upper.as_str() {
        "€" | "EURO" | "EUROS" => Some("EUR"),
        "£" => Some("GBP"),
        "FR" | "SFR" => Some("CHF"),
        upper if upper.len() == 3 => nearest(upper, CODES.iter().copied()).filter(|code| *code == upper),
        _ => None,
    };
    let right = meant.unwrap_or("EUR");
    Err(format!("{} is no currency's code; write three capitals such as \"{right}\"", quote(text)))
}

/// Currencies in which a kWh or a day may cost more than ten units as a matter of course.
const SMALL_UNITS: &[&str] =
    &["ALL", "AMD", "CZK", "HUF", "INR", "ISK", "JPY", "KZT", "MKD", "RSD", "RUB", "TRY", "UAH"];

/// Whether a price of a kWh or a day is so high that it may be of something else: in hundredths, of a month.
pub(super) fn is_much(price: Decimal, currency: &str) -> bool {
    let ten = Decimal::from_parts(false, 10, 0).unwrap_or_default();
    let magnitude = Decimal::from_parts(false, price.magnitude(), price.scale()).unwrap_or(price);
    magnitude.cmp_value(ten).is_gt() && !SMALL_UNITS.contains(&currency)
}
