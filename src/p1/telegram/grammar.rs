//! The parsers of one line, hand over hand: this is where a telegram's time goes.

use nom::branch::alt;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// What a parser of this grammar gives. Its error says nothing: a line that does not fit is kept as it is.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

#[inline(always)]
pub(super) fn unexpected<'a, T>() -> Parsed<'a, T> {
    Err(nom::Err::Error(()))
}

/// What a line with an object begins with: its code in two parts, as [`Place`](super::Place) has it, the input at its groups,
/// and at the end of the first of them.
pub(super) struct Head<'a> {
    pub(super) code: (u8, u32),
    pub(super) at_groups: &'a [u8],
    pub(super) first_end: &'a [u8],
}

/// A line that holds an object.
#[inline(always)]
pub(super) fn object(input: &[u8]) -> Parsed<'_, Head<'_>> {
    let (at_groups, code) = obis(input)?;
    let (behind, first_end) = groups(at_groups)?;
    let (behind, ()) = line_end(behind)?;
    Ok((behind, Head { code, at_groups, first_end }))
}

#[inline(always)]
pub(super) fn obis(input: &[u8]) -> Parsed<'_, (u8, u32)> {
    // One by one: nom's tuples hand these results over in memory, which more than doubles the time of a line.
    let (input, a, b) = match input {
        // Nearly always of one digit each.
        [a @ b'0'..=b'9', b'-', b @ b'0'..=b'9', b':', rest @ ..] => (rest, a - b'0', b - b'0'),
        _ => match medium_and_channel(input) {
            Ok((rest, (a, b))) => (rest, a, b),
            Err(_) => return unexpected(),
        },
    };
    let (input, c) = number(input)?;
    let (input, ()) = byte(b'.')(input)?;
    let (input, d) = number(input)?;
    let (input, ()) = byte(b'.')(input)?;
    let (input, e) = number(input)?;
    let obis = (a, u32::from_be_bytes([b, c, d, e]));
    if let [b'(', ..] = input { Ok((input, obis)) } else { suffix(input).map(|(input, _)| (input, obis)) }
}

/// `.F` or `*F`: 255, which says nothing.
#[cold]
pub(super) fn suffix(input: &[u8]) -> Parsed<'_, u8> {
    preceded(alt((byte(b'.'), byte(b'*'))), number).parse(input)
}

/// `A-B:`.
#[cold]
pub(super) fn medium_and_channel(input: &[u8]) -> Parsed<'_, (u8, u8)> {
    (terminated(number, byte(b'-')), terminated(number, byte(b':'))).parse(input)
}

/// One byte. nom's own `char` does the same by way of functions that are not inlined.
#[inline(always)]
pub(super) fn byte<'a>(expected: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, ()> {
    move |input| match input {
        [first, rest @ ..] if *first == expected => Ok((rest, ())),
        _ => unexpected(),
    }
}

/// 0 to 255.
#[inline(always)]
pub(super) fn number(input: &[u8]) -> Parsed<'_, u8> {
    // What follows a number ends it, so that there nearly always are three bytes.
    let [one, two, three] = match *input {
        [one, two, three, ..] => [one, two, three],
        [one, two] => [one, two, b' '],
        [one] => [one, b' ', b' '],
        [] => return unexpected(),
    }
    .map(|byte| byte.wrapping_sub(b'0'));
    if one > 9 {
        unexpected()
    } else if two > 9 {
        Ok((&input[1..], one))
    } else if three > 9 {
        Ok((&input[2..], one * 10 + two))
    } else {
        match u8::try_from(u16::from(one) * 100 + u16::from(two) * 10 + u16::from(three)) {
            Ok(number) => Ok((&input[3..], number)),
            Err(_) => unexpected(),
        }
    }
}

/// One group or more; the input at the end of the first.
#[inline(always)]
pub(super) fn groups(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (mut rest, first_end) = group(input)?;
    while let [b'(', ..] = rest {
        (rest, _) = group(rest)?;
    }
    Ok((rest, first_end))
}

/// A group; the input at its closing bracket.
#[inline(always)]
pub(super) fn group(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, ()) = byte(b'(')(input)?;
    let (at_close, ()) = text(input)?;
    let (input, ()) = byte(b')')(at_close)?;
    Ok((input, at_close))
}

/// The bytes that may stand between brackets: all but brackets and line ends. Every byte of a telegram passes
/// here, so eight go at once while none of them ends it; where it ends is left to a loop, because a processor
/// that guesses how often that runs has read the next line by the time it is sure.
#[inline(always)]
pub(super) fn text(input: &[u8]) -> Parsed<'_, ()> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut rest = input;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // The brackets differ in their last bit. Other control characters stop here too, and pass below.
        let brackets = (word | ONES) ^ (ONES * b')' as u64);
        let found = brackets.wrapping_sub(ONES) & !brackets | word.wrapping_sub(ONES * 0x20) & !word;
        if found & (ONES << 7) != 0 {
            break;
        }
        rest = behind;
    }
    // The four come early in ASCII, before all that values are made of.
    let ends = |byte: &u8| *byte <= b')' && matches!(byte, b'(' | b')' | b'\r' | b'\n');
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    Ok((&rest[end..], ()))
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
