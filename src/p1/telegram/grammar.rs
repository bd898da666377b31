//! The parsers of one line.

use nom::branch::alt;
use nom::combinator::opt;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::p1::Obis;

/// What a parser of this grammar gives. Its error says nothing: a line that does not fit is kept as it is.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

fn unexpected<'a, T>() -> Parsed<'a, T> {
    Err(nom::Err::Error(()))
}

/// What a line with an object begins with: its code as [`Obis::key`], the input at its groups, and at the end of
/// the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) key: u64,
    pub(super) at_groups: &'a [u8],
    pub(super) first_end: &'a [u8],
}

/// A line that holds an object.
pub(super) fn object(input: &[u8]) -> Parsed<'_, Head<'_>> {
    let (at_groups, obis) = terminated(obis, opt(suffix)).parse(input)?;
    let (behind, first_end) = terminated(groups, line_end).parse(at_groups)?;
    Ok((behind, Head { key: obis.key(), at_groups, first_end }))
}

fn obis(input: &[u8]) -> Parsed<'_, Obis> {
    (
        terminated(number, byte(b'-')),
        terminated(number, byte(b':')),
        terminated(number, byte(b'.')),
        terminated(number, byte(b'.')),
        number,
    )
        .map(|(a, b, c, d, e)| Obis::new(a, b, c, d, e))
        .parse(input)
}

/// `.F` or `*F`: 255, which says nothing.
fn suffix(input: &[u8]) -> Parsed<'_, u8> {
    preceded(alt((byte(b'.'), byte(b'*'))), number).parse(input)
}

/// One byte.
fn byte<'a>(expected: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, ()> {
    move |input| match input {
        [first, rest @ ..] if *first == expected => Ok((rest, ())),
        _ => unexpected(),
    }
}

/// 0 to 255, in three digits at most.
fn number(input: &[u8]) -> Parsed<'_, u8> {
    let length = input.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = input.split_at(length);
    let number = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    match u8::try_from(number) {
        Ok(number) if length > 0 => Ok((rest, number)),
        _ => unexpected(),
    }
}

/// One group or more; the input at the end of the first.
pub(super) fn groups(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (mut rest, first_end) = group(input)?;
    while let Ok((behind, _)) = group(rest) {
        rest = behind;
    }
    Ok((rest, first_end))
}

/// A group; the input at its closing bracket.
fn group(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, ()) = byte(b'(')(input)?;
    let at_close = text(input);
    let (input, ()) = byte(b')')(at_close)?;
    Ok((input, at_close))
}

/// A line end, or the end of the body.
#[inline(always)]
pub(super) fn line_end(input: &[u8]) -> Parsed<'_, ()> {
    match input {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Ok((rest, ())),
        [] => Ok((input, ())),
        _ => unexpected(),
    }
}

/// What nearly every line is, read by hand, because here is where a telegram's time goes: the same as
/// [`object`] says of it. `None` says nothing: then [`object`] has the word.
///
/// There is one way to a result. Where two meet, nom's result type takes a detour through memory.
#[inline(always)]
pub(super) fn usual_object(input: &[u8]) -> Option<(&[u8], Head<'_>)> {
    let (key, length) = usual_obis(input)?;
    let at_groups = &input[length..];
    let first_end = high_text(&at_groups[1..]);
    let mut at_close = first_end;
    loop {
        match at_close {
            [b')', b'\r', b'\n', behind @ ..] => return Some((behind, Head { key, at_groups, first_end })),
            [b')', b'(', inner @ ..] => at_close = high_text(inner),
            _ => return None,
        }
    }
}

/// A code in one of the forms that most have, as [`Obis::key`], and its length. A bracket follows.
#[inline(always)]
fn usual_obis(input: &[u8]) -> Option<(u64, usize)> {
    let [a, dash, b, colon, numbers @ ..] = *input.first_chunk::<12>()?;
    let (a, b) = (u64::from(a.wrapping_sub(b'0')), u64::from(b.wrapping_sub(b'0')));
    if a > 9 || b > 9 || dash != b'-' || colon != b':' {
        return None;
    }
    let numbers = u64::from_le_bytes(numbers);
    let (cde, length) = usual_numbers::<2, 1, 1>(numbers)
        .or_else(|| usual_numbers::<1, 1, 1>(numbers))
        .or_else(|| usual_numbers::<2, 2, 1>(numbers))
        .or_else(|| usual_numbers::<2, 1, 2>(numbers))
        .or_else(|| usual_numbers::<1, 2, 1>(numbers))
        .or_else(|| usual_numbers::<1, 1, 2>(numbers))?;
    Some((a << 32 | b << 24 | cde, 4 + length))
}

/// `C.D.E` with so many digits each, one or two, and a bracket behind it: the three numbers in one, and the
/// length. The bytes are compared with that form all at once.
#[inline(always)]
fn usual_numbers<const C: usize, const D: usize, const E: usize>(bytes: u64) -> Option<(u64, usize)> {
    let length = C + 1 + D + 1 + E;
    let (form, limits, unused) = const {
        let (mut form, mut limits) = ([0; 8], [0; 8]);
        let mut at = 0;
        while at <= C + D + E + 2 {
            (form[at], limits[at]) = if at == C || at == C + 1 + D {
                (b'.', 1)
            } else if at == C + D + E + 2 {
                (b'(', 1)
            } else {
                (b'0', 10)
            };
            at += 1;
        }
        (u64::from_le_bytes(form), u64::from_le_bytes(limits), 8 * (5 - C - D - E))
    };
    // In a digit's place its value, in another's zero.
    let values = (bytes ^ form) << unused >> unused;
    let high = (ONES << 7) >> unused;
    // A byte that is at its limit or above it gets its highest bit set, or has it.
    if (values | values.wrapping_add(high - limits)) & high != 0 {
        return None;
    }
    let number = |at: usize, digits: usize| {
        let digit = |at: usize| values >> (8 * at) & 0xFF;
        if digits == 1 { digit(at) } else { digit(at) * 10 + digit(at + 1) }
    };
    Some((number(0, C) << 16 | number(C + 1, D) << 8 | number(C + 1 + D + 1, E), length))
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The input behind the bytes that may stand between brackets: all but brackets and line ends.
#[inline(always)]
pub(super) fn text(input: &[u8]) -> &[u8] {
    let mut rest = input;
    loop {
        rest = high_text(rest);
        match rest {
            [] | [b'(' | b')' | b'\r' | b'\n', ..] => return rest,
            [_, behind @ ..] => rest = behind,
        }
    }
}

/// The input behind bytes above the brackets, of which nearly all values consist. Every byte of a telegram
/// passes here, so eight go at once.
#[inline(always)]
fn high_text(input: &[u8]) -> &[u8] {
    let mut rest = input;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // What a subtraction borrows spoils only the bytes behind the first that is found.
        let low = word.wrapping_sub(ONES * (b')' + 1) as u64) & !word & (ONES << 7);
        if low != 0 {
            return &rest[(low.trailing_zeros() / 8) as usize..];
        }
        rest = behind;
    }
    let end = rest.iter().position(|&byte| byte <= b')').unwrap_or(rest.len());
    &rest[end..]
}
