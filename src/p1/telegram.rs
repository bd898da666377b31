//! The grammar: a proven frame becomes a list of objects that loses nothing.
//!
//! ```text
//! line   = obis 1*group | 1*group        ; groups alone go on with the object before them
//! obis   = A "-" B ":" C "." D "." E [("." | "*") F]
//! group  = "(" *(any byte but "(" ")" CR LF) ")"
//! ```
//!
//! (IEC 62056-21 mode D as DSMR P1 uses it; 5.0.2, section 6.1.) Lines are read one by one, so that a crooked
//! line costs no other line: it is kept as unrecognised.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use nom::combinator::{opt, recognize};
use nom::multi::fold_many1;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::frame::Frame;
use super::value::unexpected;
use super::{Obis, Proof};

/// A telegram's objects, in its order, duplicates kept.
#[derive(Clone, Debug)]
pub struct Telegram<'a> {
    ident: &'a [u8],
    blank_line_after_ident: bool,
    proof: Proof,
    /// The body; a copy only where a line broken within a value had to be joined.
    text: Cow<'a, [u8]>,
    objects: Vec<Place>,
    unrecognised: Vec<(u32, u32)>,
}

/// An object's place in the body.
#[derive(Clone, Copy, Debug)]
struct Place {
    obis: Obis,
    line: u32,
    groups: u32,
    end: u32,
}

/// One object of a telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'t> {
    /// What it is about.
    pub obis: Obis,
    /// Its OBIS code as written: with `.255` or `*255` where the meter adds them.
    pub code: &'t [u8],
    groups: &'t [u8],
}

impl<'t> Object<'t> {
    /// What stands between its brackets, pair by pair; at least one.
    #[inline]
    pub fn groups(&self) -> Groups<'t> {
        Groups { rest: self.groups }
    }

    /// What stands between its first brackets.
    #[inline]
    pub fn first(&self) -> &'t [u8] {
        self.groups().next().unwrap_or_default()
    }

    /// Its only group, brackets included, or all of them with whatever line ends stand between.
    pub fn raw_groups(&self) -> &'t [u8] {
        self.groups
    }
}

/// The groups of an object.
#[derive(Clone, Debug)]
pub struct Groups<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for Groups<'t> {
    type Item = &'t [u8];

    #[inline]
    fn next(&mut self) -> Option<&'t [u8]> {
        // The grammar has seen to it that brackets come in pairs.
        let open = self.rest.iter().position(|&byte| byte == b'(')?;
        let inner = &self.rest[open + 1..];
        let close = inner.iter().position(|&byte| byte == b')')?;
        self.rest = &inner[close + 1..];
        Some(&inner[..close])
    }
}

impl<'a> Telegram<'a> {
    /// Reads a frame. Every frame is a telegram: what the grammar does not cover is in
    /// [`Telegram::unrecognised`].
    pub fn read(frame: &Frame<'a>) -> Self {
        let body = frame.body();
        let mut telegram = Self {
            ident: frame.ident(),
            blank_line_after_ident: matches!(body, [b'\n', ..] | [b'\r', b'\n', ..]),
            proof: frame.proof(),
            text: Cow::Borrowed(body),
            objects: Vec::with_capacity(48),
            unrecognised: Vec::new(),
        };
        if telegram.lines(body) == Broken(true) {
            if let Some(joined) = joined(body) {
                telegram.objects.clear();
                telegram.unrecognised.clear();
                telegram.lines(&joined);
                telegram.text = Cow::Owned(joined);
            }
        }
        telegram
    }

    /// Reads all lines of `text`.
    fn lines(&mut self, text: &[u8]) -> Broken {
        let mut broken = Broken(false);
        // Whether the line before was an object, so that groups alone belong to it.
        let mut follows = false;
        let mut rest = text;
        let at = |rest: &[u8]| (text.len() - rest.len()) as u32;
        while let Some(&first) = rest.first() {
            let line = rest;
            match first {
                b'\r' | b'\n' => {
                    rest = &rest[1..];
                    continue;
                }
                b'(' if follows => {
                    if let Ok((behind, _)) = groups(line) {
                        if let Some(behind) = line_end(behind) {
                            if let Some(object) = self.objects.last_mut() {
                                object.end = at(behind);
                            }
                            rest = behind;
                            continue;
                        }
                    }
                }
                _ => {
                    if let Ok((at_groups, obis)) = obis(line) {
                        if let Ok((behind, _)) = groups(at_groups) {
                            if let Some(behind) = line_end(behind) {
                                let place =
                                    Place { obis, line: at(line), groups: at(at_groups), end: at(behind) };
                                self.objects.push(place);
                                follows = true;
                                rest = behind;
                                continue;
                            }
                        }
                    }
                }
            }
            let length = memchr::memchr(b'\n', line).unwrap_or(line.len());
            let crooked = line[..length].strip_suffix(b"\r").unwrap_or(&line[..length]);
            broken.0 |= crooked.iter().rposition(|&byte| byte == b'(')
                > crooked.iter().rposition(|&byte| byte == b')');
            self.unrecognised.push((at(line), at(line) + crooked.len() as u32));
            follows = false;
            rest = &line[length..];
        }
        broken
    }

    /// The identification line, `/` included.
    pub fn ident(&self) -> &'a [u8] {
        self.ident
    }

    /// The identification in its parts.
    pub fn identification(&self) -> Identification<'a> {
        identification(self.ident)
    }

    /// Whether a blank line follows the identification, as the standard has it.
    pub fn blank_line_after_ident(&self) -> bool {
        self.blank_line_after_ident
    }

    /// How the frame was proven.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// Its objects in order, duplicates kept.
    #[inline]
    pub fn objects(&self) -> impl ExactSizeIterator<Item = Object<'_>> + Clone {
        let text = &self.text[..];
        self.objects.iter().map(move |place| Object {
            obis: place.obis,
            code: &text[place.line as usize..place.groups as usize],
            groups: &text[place.groups as usize..place.end as usize],
        })
    }

    /// The lines that the grammar does not cover, without their line ends; blank lines are none.
    pub fn unrecognised(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.unrecognised.iter().map(|&(start, end)| &self.text[start as usize..end as usize])
    }
}

/// The parts of an identification line (IEC 62056-21, 6.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identification<'a> {
    /// The maker's three characters; fewer when the line is that short.
    pub flag: &'a [u8],
    /// The character for the baud rate: `5` by the standard.
    pub baud: &'a [u8],
    /// The rest.
    pub name: &'a [u8],
}

fn identification(ident: &[u8]) -> Identification<'_> {
    let text = ident.strip_prefix(b"/").unwrap_or(ident);
    let (flag, rest) = text.split_at(text.len().min(3));
    let (baud, name) = rest.split_at(rest.len().min(1));
    Identification { flag, baud, name }
}

/// Whether a line stops within brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Broken(bool);

#[inline(always)]
fn obis(input: &[u8]) -> IResult<&[u8], Obis> {
    let f = preceded(alt((char('.'), char('*'))), number);
    (
        number,
        preceded(char('-'), number),
        preceded(char(':'), number),
        preceded(char('.'), number),
        preceded(char('.'), number),
        opt(f),
    )
        .map(|(a, b, c, d, e, _)| Obis::new(a, b, c, d, e))
        .parse(input)
}

/// 0 to 255.
#[inline(always)]
fn number(input: &[u8]) -> IResult<&[u8], u8> {
    let mut number = 0u16;
    let mut count = 0;
    for &byte in input.iter().take(3) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number * 10 + u16::from(digit);
        count += 1;
    }
    match u8::try_from(number) {
        Ok(number) if count > 0 => Ok((&input[count..], number)),
        _ => Err(unexpected(input)),
    }
}

#[inline(always)]
fn groups(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize(fold_many1(group, || (), |(), _| ())).parse(input)
}

#[inline(always)]
fn group(input: &[u8]) -> IResult<&[u8], &[u8]> {
    delimited(char('('), take_while(|byte| !matches!(byte, b'(' | b')' | b'\r' | b'\n')), char(')'))
        .parse(input)
}

/// Behind the line end, or the end of the body; `None` when something else follows.
#[inline(always)]
fn line_end(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Some(rest),
        [] => Some(input),
        _ => None,
    }
}

/// The body with values that were broken over lines joined: a line end within brackets goes when a `)` comes
/// next. `None` when there is none.
fn joined(body: &[u8]) -> Option<Vec<u8>> {
    let mut open = vec![false; body.len()];
    let mut within = false;
    for (open, &byte) in open.iter_mut().zip(body) {
        within = if within { byte != b')' } else { byte == b'(' };
        *open = within;
    }
    let mut closes = false;
    let mut text = Vec::with_capacity(body.len());
    for (&byte, &open) in body.iter().zip(&open).rev() {
        match byte {
            b')' => closes = true,
            b'(' => closes = false,
            _ => {}
        }
        if !(open && closes && matches!(byte, b'\r' | b'\n')) {
            text.push(byte);
        }
    }
    text.reverse();
    (text.len() < body.len()).then_some(text)
}

#[cfg(test)]
mod tests;
