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

mod grammar;

use std::borrow::Cow;

use nom::Parser;

use self::grammar::{Head, groups, line_end, object, text, usual_object};
use super::frame::Frame;
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

/// An object's place in the body. Small, so that a telegram's list stays one small allocation.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its OBIS code, as [`Obis::key`].
    key: u64,
    /// The length of its OBIS code as written, which stands right before its groups.
    code: u8,
    /// Where its groups begin, where the first of them ends, and where the object does.
    groups: u32,
    first_end: u32,
    end: u32,
}

impl Place {
    /// The place in `text` of an object that begins at `line` and ends at `behind`.
    #[inline(always)]
    fn new(text: &[u8], line: &[u8], head: Head<'_>, behind: &[u8]) -> Self {
        let at = |rest: &[u8]| (text.len() - rest.len()) as u32;
        Self {
            key: head.key,
            // At most six numbers of three digits.
            code: (line.len() - head.at_groups.len()) as u8,
            groups: at(head.at_groups),
            first_end: at(head.first_end),
            end: at(behind),
        }
    }
}

/// One object of a telegram.
#[derive(Clone, Copy, Debug)]
pub struct Object<'t> {
    text: &'t [u8],
    place: &'t Place,
}

impl<'t> Object<'t> {
    /// What it is about.
    #[inline]
    pub fn obis(&self) -> Obis {
        let [.., a, b, c, d, e] = self.place.key.to_be_bytes();
        Obis::new(a, b, c, d, e)
    }

    /// The same as [`Obis::key`].
    #[inline]
    pub fn key(&self) -> u64 {
        self.place.key
    }

    /// Its OBIS code as written: with `.255` or `*255` where the meter adds them.
    pub fn code(&self) -> &'t [u8] {
        let groups = self.place.groups as usize;
        &self.text[groups - usize::from(self.place.code)..groups]
    }

    /// What stands between its brackets, pair by pair; at least one.
    #[inline]
    pub fn groups(&self) -> Groups<'t> {
        Groups { rest: self.raw_groups() }
    }

    /// What stands between its first brackets.
    #[inline]
    pub fn first(&self) -> &'t [u8] {
        &self.text[self.place.groups as usize + 1..self.place.first_end as usize]
    }

    fn raw_groups(&self) -> &'t [u8] {
        &self.text[self.place.groups as usize..self.place.end as usize]
    }

    /// All its groups with the brackets between them, without the outermost; `None` when there are line ends
    /// between them.
    pub fn joined(&self) -> Option<&'t [u8]> {
        let groups = self.raw_groups().trim_ascii_end();
        let inner = groups.strip_prefix(b"(")?.strip_suffix(b")")?;
        memchr::memchr2(b'\r', b'\n', inner).is_none().then_some(inner)
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
        // The grammar has seen to it that brackets come in pairs, with line ends at most between them.
        let open = self.rest.iter().position(|&byte| byte == b'(')?;
        let inner = &self.rest[open + 1..];
        let at_close = text(inner);
        self.rest = at_close.get(1..)?;
        Some(&inner[..inner.len() - at_close.len()])
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
            // Lines have 23 bytes and more on average: one allocation, and no larger than it has to be.
            objects: Vec::with_capacity(body.len() / 20),
            unrecognised: Vec::new(),
        };
        if telegram.lines(body) == Broken(true)
            && let Some(joined) = joined(body)
        {
            telegram.objects.clear();
            telegram.unrecognised.clear();
            telegram.lines(&joined);
            telegram.text = Cow::Owned(joined);
        }
        telegram
    }

    /// Reads all lines of `text`.
    fn lines(&mut self, text: &[u8]) -> Broken {
        let mut broken = Broken(false);
        // Whether the line before was an object, so that groups alone belong to it.
        let mut follows = false;
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((behind, head)) = usual_object(rest) {
                self.objects.push(Place::new(text, rest, head, behind));
                follows = true;
                rest = behind;
            } else {
                rest = self.unusual_line(text, rest, &mut follows, &mut broken);
            }
        }
        broken
    }

    /// Reads a line, or a line end, by the whole grammar; what follows it.
    #[cold]
    fn unusual_line<'t>(
        &mut self,
        text: &[u8],
        line: &'t [u8],
        follows: &mut bool,
        broken: &mut Broken,
    ) -> &'t [u8] {
        let at = |rest: &[u8]| (text.len() - rest.len()) as u32;
        match line.first() {
            Some(b'\r' | b'\n') => return &line[1..],
            Some(b'(') if *follows => {
                if let (Ok((behind, _)), Some(object)) =
                    ((groups, line_end).parse(line), self.objects.last_mut())
                {
                    object.end = at(behind);
                    return behind;
                }
            }
            _ => {
                if let Ok((behind, head)) = object(line) {
                    self.objects.push(Place::new(text, line, head, behind));
                    *follows = true;
                    return behind;
                }
            }
        }
        let length = memchr::memchr(b'\n', line).unwrap_or(line.len());
        let crooked = line[..length].strip_suffix(b"\r").unwrap_or(&line[..length]);
        broken.0 |=
            crooked.iter().rposition(|&byte| byte == b'(') > crooked.iter().rposition(|&byte| byte == b')');
        self.unrecognised.push((at(line), at(line) + crooked.len() as u32));
        *follows = false;
        &line[length..]
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
        self.objects.iter().map(move |place| Object { text, place })
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
