//! Numbers as telegrams write them: any number of digits, a point, a unit.

use super::Decimal;

/// A number and the unit written behind it; the unit is empty where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure<'a> {
    /// The number, with the scale it was written with.
    pub number: Decimal,
    /// The unit in the meter's own letters: `kWh`, `kwh`, `kVArh`, `m3`.
    pub unit: &'a [u8],
}

/// What stands between two brackets where a number belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing, or a unit alone: the meter has no value.
    Absent,
    /// A number.
    Number(Measure<'a>),
    /// Something else.
    Unreadable,
}

/// Reads `digits[.digits][*unit]`; the `*` may be missing, a sign may stand in front.
/// Up to 19 digits, 19 of them behind the point.
#[inline(always)]
pub fn parse(text: &[u8]) -> Value<'_> {
    match measure(text) {
        Some(measure) => Value::Number(measure),
        None => no_number(text),
    }
}

#[cold]
fn no_number(text: &[u8]) -> Value<'_> {
    match text {
        [] => Value::Absent,
        [b'*', unit @ ..] if !unit.is_empty() && unit.iter().all(u8::is_ascii_alphanumeric) => Value::Absent,
        _ => Value::Unreadable,
    }
}

/// A whole number without a unit.
pub fn whole(text: &[u8]) -> Option<u64> {
    match parse(text) {
        Value::Number(Measure { number, unit: b"" }) if number.scale() == 0 => {
            u64::try_from(number.mantissa()).ok()
        }
        _ => None,
    }
}

/// By hand and without nom's result type, which takes a detour through memory: this is where a reading spends
/// its time.
#[inline(always)]
fn measure(input: &[u8]) -> Option<Measure<'_>> {
    let (rest, number) = decimal(input)?;
    let unit = match rest {
        [] => rest,
        [b'*', unit @ ..] => is_unit(unit).then_some(unit)?,
        unit => is_unit(unit).then_some(unit)?,
    };
    Some(Measure { number, unit })
}

/// A unit: letters and digits, a letter first. Some loggers drop the `*` in front of it.
#[inline(always)]
fn is_unit(text: &[u8]) -> bool {
    matches!(text, [first, rest @ ..] if first.is_ascii_alphabetic() && rest.iter().all(u8::is_ascii_alphanumeric))
}

/// A decimal number, and what follows it.
#[inline(always)]
fn decimal(input: &[u8]) -> Option<(&[u8], Decimal)> {
    let (negative, digits) = match input {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, input),
    };
    let (magnitude, whole) = digits_of(digits, 0);
    if whole == 0 {
        return None;
    }
    if whole > MAX_DIGITS {
        return long_decimal(negative, digits);
    }
    let (magnitude, scale, used) = match &digits[whole..] {
        [b'.', fraction @ ..] => {
            let (magnitude, places) = digits_one_by_one(fraction, magnitude);
            if places == 0 || whole + places > MAX_DIGITS {
                return long_decimal(negative, digits);
            }
            (magnitude, places, whole + 1 + places)
        }
        _ => (magnitude, 0, whole),
    };
    Some((&digits[used..], Decimal::from_parts(negative, magnitude, scale as u8)?))
}

/// So many digits fit a `u64` whatever they are.
const MAX_DIGITS: usize = 19;

/// The number `start` with the leading digits of `text` behind it, wrapping, and how many they are.
#[inline(always)]
fn digits_of(text: &[u8], start: u64) -> (u64, usize) {
    let Some((word, rest)) = text.split_first_chunk::<8>() else { return digits_one_by_one(text, start) };
    let (number, count) = up_to_eight(u64::from_le_bytes(*word));
    let number = start.wrapping_mul(POWERS[count]).wrapping_add(number);
    if count < 8 {
        return (number, count);
    }
    let (number, more) = digits_one_by_one(rest, number);
    (number, 8 + more)
}

#[inline(always)]
fn digits_one_by_one(text: &[u8], start: u64) -> (u64, usize) {
    let mut number = start;
    let mut count = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (number, count)
}

const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The leading digits of eight bytes as a number, and how many they are: neighbours are joined to pairs,
/// pairs to fours, fours to eight, all at once.
#[inline(always)]
fn up_to_eight(word: u64) -> (u64, usize) {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let digits = word ^ (ONES * b'0' as u64);
    // A byte above 9 sets a bit in its upper half, itself or with 6 added; the lowest such byte is right.
    let others = (digits | digits.wrapping_add(ONES * 6)) & (ONES * 0xF0);
    let count = (others.trailing_zeros() / 8).min(8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // What is no digit goes out, and zeros come in front.
    let digits = digits << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    (eight, count)
}

/// Digits in such number that they fit only without their leading zeros.
#[cold]
fn long_decimal(negative: bool, digits: &[u8]) -> Option<(&[u8], Decimal)> {
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    let significant = &digits[zeros..];
    let (magnitude, whole) = digits_of(significant, 0);
    let (magnitude, places, rest) = match &significant[whole..] {
        [b'.', fraction @ ..] if fraction.first().is_some_and(u8::is_ascii_digit) => {
            let (magnitude, places) = digits_of(fraction, magnitude);
            (magnitude, places, &fraction[places..])
        }
        rest => (magnitude, 0, rest),
    };
    if whole + places > MAX_DIGITS {
        return None;
    }
    Some((rest, Decimal::from_parts(negative, magnitude, u8::try_from(places).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(String, &str)> {
        match parse(text.as_bytes()) {
            Value::Number(measure) => {
                Some((measure.number.to_string(), std::str::from_utf8(measure.unit).ok()?))
            }
            Value::Absent | Value::Unreadable => None,
        }
    }

    #[test]
    fn numbers_of_every_kind() {
        for (text, number, unit) in [
            ("006545766*Wh", "6545766", "Wh"),
            ("00052185.7825309*kWh", "52185.7825309", "kWh"),
            ("-0.910", "-0.910", ""),
            ("-063*A", "-63", "A"),
            ("-000*A", "0", "A"),
            ("0000.716kW", "0.716", "kW"),
            ("00112.384*m3", "112.384", "m3"),
            ("00000000000000000000001.5*V", "1.5", "V"),
            ("00000000000000000000001*V", "1", "V"),
            ("00000000000000000000000", "0", ""),
            ("999999999999.9999999*kWh", "999999999999.9999999", "kWh"),
        ] {
            assert_eq!(read(text), Some((number.to_owned(), unit)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        assert_eq!(parse(b""), Value::Absent);
        assert_eq!(parse(b"*m3"), Value::Absent);
        let texts: [&[u8]; 13] = [
            b"*",
            b"123.45*",
            b"not-a-number*V",
            b"1.2.3*V",
            b".5*V",
            b"5.*V",
            b"--1",
            b"1*kW*h",
            b"1*3",
            b"+1",
            b"123456789012345678901",
            b"1 *V",
            b"0.12345678901234567890",
        ];
        for text in texts {
            assert_eq!(parse(text), Value::Unreadable, "{}", text.escape_ascii());
        }
        assert_eq!(whole(b"00039"), Some(39));
        assert_eq!(whole(b"4294967295"), Some(4_294_967_295));
        assert_eq!(whole(b"1.5"), None);
        assert_eq!(whole(b"-1"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }

        #[test]
        fn what_a_decimal_shows_is_read_back(mantissa in any::<i64>(), scale in 0u8..19, unit in "(\\*kWh|)") {
            let number = Decimal::new(mantissa.into(), scale).expect("fits");
            prop_assume!(number.to_string().bytes().filter(u8::is_ascii_digit).count() <= 19);
            let text = format!("{number}{unit}");
            match parse(text.as_bytes()) {
                Value::Number(measure) => prop_assert_eq!(measure.number, number),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
