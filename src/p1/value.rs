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
#[inline]
pub fn parse(text: &[u8]) -> Value<'_> {
    match usual(text).or_else(|| any_measure(text)) {
        Some(measure) if measure.unit.is_empty() || is_unit(measure.unit) => Value::Number(measure),
        _ => no_number(text),
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

/// A unit: letters and digits, a letter first. Some loggers drop the `*` in front of it.
#[inline(always)]
fn is_unit(text: &[u8]) -> bool {
    matches!(text, [first, rest @ ..] if first.is_ascii_alphabetic() && rest.iter().all(u8::is_ascii_alphanumeric))
}

/// What nearly every number is, without a sign and of 18 digits at most, and what follows it without a look at
/// it: a unit is to be found in a table all the same. `None` says nothing: then [`parse`] has the word.
///
/// By hand, and with one way to each result: where several meet they do so in memory, and this is where a
/// reading spends its time.
#[inline(always)]
pub fn usual(text: &[u8]) -> Option<Measure<'_>> {
    let word = first_eight(text) ^ (ONES * b'0' as u64);
    let whole = leading_digits(word);
    let (magnitude, places, used) = if whole == 0 {
        return None;
    } else if whole == 8 {
        let (magnitude, more) = one_by_one(&text[8..], number(word, 8));
        let whole = 8 + more;
        match &text[whole..] {
            [b'.', fraction @ ..] => {
                let (magnitude, places) = one_by_one(fraction, magnitude);
                if places == 0 {
                    return None;
                }
                (magnitude, places, whole + 1 + places)
            }
            _ => (magnitude, 0, whole),
        }
    } else if (word >> (8 * whole)) as u8 == b'.' ^ b'0' {
        // Without the point and with no digit behind, so that at most seven are left.
        let front = (1 << (8 * whole)) - 1;
        let word = word & front | word >> 8 & !front | 0xFF << 56;
        let digits = leading_digits(word);
        let (magnitude, more) = match number(word, digits) {
            magnitude if digits < 7 => (magnitude, 0),
            magnitude => one_by_one(&text[8..], magnitude),
        };
        let digits = digits + more;
        if digits == whole {
            return None;
        }
        (magnitude, digits - whole, digits + 1)
    } else {
        (number(word, whole), 0, whole)
    };
    // Beyond 19 digits the magnitude may have wrapped; a point counts as one here.
    if used > MAX_DIGITS {
        return None;
    }
    let unit = match &text[used..] {
        [b'*'] => return None,
        [b'*', unit @ ..] | unit => unit,
    };
    Some(Measure { number: Decimal::from_parts(false, magnitude, places as u8)?, unit })
}

/// The same for any number: with a sign, or with so many digits that it fits only without its leading zeros.
#[cold]
fn any_measure(text: &[u8]) -> Option<Measure<'_>> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    digits.first().filter(|first| first.is_ascii_digit())?;
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    let significant = &digits[zeros..];
    let (magnitude, whole) = one_by_one(significant, 0);
    let (magnitude, places, rest) = match &significant[whole..] {
        [b'.', fraction @ ..] if fraction.first().is_some_and(u8::is_ascii_digit) => {
            let (magnitude, places) = one_by_one(fraction, magnitude);
            (magnitude, places, &fraction[places..])
        }
        rest => (magnitude, 0, rest),
    };
    if whole + places > MAX_DIGITS {
        return None;
    }
    let unit = match rest {
        [b'*'] => return None,
        [b'*', unit @ ..] | unit => unit,
    };
    Some(Measure { number: Decimal::from_parts(negative, magnitude, u8::try_from(places).ok()?)?, unit })
}

/// So many digits fit a `u64` whatever they are.
const MAX_DIGITS: usize = 19;

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The first eight bytes of `text` with the first in the lowest byte; zeros where it is shorter.
#[inline(always)]
fn first_eight(text: &[u8]) -> u64 {
    if let Some(word) = text.first_chunk::<8>() {
        u64::from_le_bytes(*word)
    } else if let (Some(front), Some(back)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        // Where the two overlap they agree.
        let (front, back) = (u32::from_le_bytes(*front), u32::from_le_bytes(*back));
        u64::from(front) | u64::from(back) << (8 * (text.len() - 4))
    } else {
        text.iter().rfold(0, |word, &byte| word << 8 | u64::from(byte))
    }
}

/// How many digits lead a word of digits' values.
#[inline(always)]
fn leading_digits(word: u64) -> usize {
    // A byte above 9 sets a bit in its upper half, itself or with 6 added; the lowest such byte is right.
    let others = (word | word.wrapping_add(ONES * 6)) & (ONES * 0xF0);
    (others.trailing_zeros() / 8) as usize
}

/// The first `count` of a word of digits' values as a number, at least one: neighbours are joined to pairs,
/// pairs to fours, fours to eight, all at once.
#[inline(always)]
fn number(word: u64, count: usize) -> u64 {
    // What is no digit goes out, and zeros come in front.
    let digits = word << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
}

/// The number `start` with the leading digits of `text` behind it, wrapping, and how many they are.
#[inline(always)]
fn one_by_one(text: &[u8], start: u64) -> (u64, usize) {
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
        fn what_is_usual_is_a_number(text in "(-?[0-9]{1,9}|[0-9]{15,20})(\\.[0-9]{0,5})?[*.-]?[a-zA-Z0-9]{0,4}") {
            if let Some(measure) = usual(text.as_bytes()) {
                prop_assert_eq!(any_measure(text.as_bytes()), Some(measure));
            }
        }

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
