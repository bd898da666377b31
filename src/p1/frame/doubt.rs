//! Looking again at bytes that were rejected: a telegram cut short takes the front of the next one with it.
//!
//! Bytes that were once taken for part of a telegram are no fresh stream. What begins a telegram among them has
//! to look like one: an identification line with an object behind it, or a frame that this key can read or that
//! comes from the same meter. And only what verifies is delivered from there.

use super::close::crc_in_file;
use crate::p1::crc::crc16;
use crate::p1::scan::{Before, End};

/// A stretch of the stream that was rejected and is looked through again.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    /// Whether there is one.
    pub(super) active: bool,
    /// Where it ends in the stream.
    pub(super) until: u64,
    /// Identification lines count from here on: those in front belong to telegrams that failed as a whole, so
    /// that no byte is read over and over.
    pub(super) idents_from: u64,
    /// The system title of the encrypted frame that failed, if it was one.
    pub(super) system_title: Option<[u8; 8]>,
    /// What the byte behind it is to be taken to stand behind.
    pub(super) before: Before,
}

impl Doubt {
    pub(super) const NONE: Self =
        Self { active: false, until: 0, idents_from: 0, system_title: None, before: Before::LINE };
}

/// Whether bytes begin a telegram by their looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    Yes,
    No,
    /// It takes more of them to tell.
    More,
}

/// An identification line is at most so long here. The standard allows 21 characters.
const LINE: usize = 96;

/// Whether a telegram begins at the `/` in front of `bytes`: three letters of a manufacturer (`LG_` is one),
/// more text without brackets, a line end, perhaps an empty line, and the front of an object.
///
/// The first is a letter, so that no OBIS code with one bit wrong (`.` and `/` differ by one) looks like it.
/// `complete`: nothing follows these bytes.
pub(super) fn ident(bytes: &[u8], complete: bool) -> Looks {
    let more = if complete { Looks::No } else { Looks::More };
    let window = &bytes[..bytes.len().min(LINE)];
    let line_end = memchr::memchr(b'\n', window);
    let line = &window[..line_end.unwrap_or(window.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let fits = line.iter().enumerate().all(|(place, &byte)| match place {
        0 => byte == b'/',
        1 => byte.is_ascii_alphabetic(),
        2 | 3 => byte.is_ascii_alphanumeric() || byte == b'_',
        _ => matches!(byte, b' '..=b'~') && !matches!(byte, b'(' | b')'),
    });
    let Some(line_end) = line_end else {
        return if fits && window.len() < LINE { more } else { Looks::No };
    };
    if !fits || line.len() < 5 {
        return Looks::No;
    }
    let rest = &bytes[line_end + 1..];
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    match rest {
        [] | [b'\r' | b'0'..=b'9'] => more,
        [b'0'..=b'9', b'-', ..] => Looks::Yes,
        _ => Looks::No,
    }
}

/// The last place in a telegram without an end where another may begin.
pub(super) fn last_ident(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'/', bytes).find(|&at| at > 0 && ident(&bytes[at..], false) != Looks::No)
}

/// So many identification lines are tried in a telegram whose CRC failed, from its end. One is what happens.
const TRIES: usize = 8;

/// Where in a telegram whose CRC failed the one begins that the CRC belongs to: the first was cut in the middle
/// of a line, where a `/` begins nothing.
pub(super) fn verified_inside(bytes: &[u8], end: End) -> Option<usize> {
    if end.digits == 0 || end.crooked {
        return None;
    }
    let crc = crc_in_file(bytes, end);
    memchr::memrchr_iter(b'/', &bytes[..end.mark])
        .filter(|&at| at > 0 && ident(&bytes[at..end.mark], true) == Looks::Yes)
        .take(TRIES)
        .find(|&at| crc16(&bytes[at..=end.mark]) == crc)
}
