//! Price tables as files and messages have them: CSV and JSON.
//!
//! No supplier is known here by name. A table is times and prices under names that people use for them ([`names`]);
//! times have an offset ([`time`]) and prices are exact ([`number`]), whatever writes them ([`csv`], [`json`]). What the
//! rows come to is one for all: [`settle`].

mod csv;
mod json;
mod names;
mod number;
mod settle;
mod time;
mod unit;

use std::fmt;
use std::rc::Rc;

use super::table::{PriceKind, Slot};
use crate::meter::Zone;
use crate::p1::Decimal;

pub use unit::PriceUnit;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// Rows with a header, in whatever order: a start and a price, an end or none. Separated by commas, semicolons or
    /// tabs, quoted as RFC 4180 has it.
    Csv,
    /// A list of objects with the same names, or an object that holds one at whatever depth, or one with times for names
    /// and prices for values.
    Json,
}

/// Why a table cannot be read: what, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ImportError {
    /// The line, row or member.
    pub place: String,
    /// What is wrong there and what to do.
    pub problem: String,
}

impl ImportError {
    fn at(place: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self { place: cut(place.to_string(), PLACE), problem: problem.into() }
    }

    fn whole(problem: impl Into<String>) -> Self {
        Self::at("the table", problem)
    }
}

/// The most bytes of a table.
pub const MAX_BYTES: usize = 16 << 20;

/// The most slots of a table: more than five years of quarter-hours.
pub const MAX_SLOTS: usize = 200_000;

/// The digits behind the point that a price of a table keeps; further ones, which come of floating point on the way
/// here, are rounded half away from zero.
pub const PRICE_SCALE: u8 = 12;

/// What a reader is told about a table.
#[derive(Clone, Copy, Debug)]
struct Terms<'a> {
    kind: PriceKind,
    unit: Option<PriceUnit>,
    zone: Option<&'a Zone>,
}

/// Where a row stands.
#[derive(Clone, Debug)]
enum Place {
    /// A line of a file, from 1.
    Line(usize),
    /// A member of a list, from 0, with the path to the list.
    Item(Rc<str>, usize),
    /// A member of an object, with its path.
    Member(Rc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Item(path, index) => write!(f, "{path}[{index}]"),
            Self::Member(path) if path.is_empty() => f.write_str("the object"),
            Self::Member(path) => f.write_str(path),
        }
    }
}

/// A row of either format.
#[derive(Clone, Debug)]
struct Row {
    place: Place,
    kind: PriceKind,
    start: i64,
    end: Option<i64>,
    /// `None` where the table says that there is none.
    price: Option<Decimal>,
}

/// Reads a table; its slots come by kind and time.
///
/// A row with a kind of its own (a column `kind`) has that one, the others have `kind`. `unit` is what the prices are
/// of; `None` takes it of the table where that tells, else a kWh or m³. Times without an offset are of `zone`. Without
/// an end a slot lasts until the next one starts, the last as long as the one before it, a single one for an hour.
///
/// # Errors
/// The first thing that makes it none; a table is taken as a whole or not at all.
pub fn read(
    bytes: &[u8],
    format: ImportFormat,
    kind: PriceKind,
    unit: impl Into<Option<PriceUnit>>,
    zone: Option<&Zone>,
) -> Result<Vec<Slot>, ImportError> {
    if bytes.len() > MAX_BYTES {
        let most = MAX_BYTES >> 20;
        return Err(ImportError::whole(format!("it is larger than {most} MiB; import it in parts")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        ImportError::at(Place::Line(line), "this is not UTF-8 text; save the table as UTF-8")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let terms = Terms { kind, unit: unit.into(), zone };
    let rows = match format {
        ImportFormat::Csv => csv::rows(text, terms)?,
        ImportFormat::Json => json::rows(text, terms)?,
    };
    settle::slots(rows)
}

/// How bytes are written, by their first: JSON begins with a bracket.
pub fn sniff(bytes: &[u8]) -> ImportFormat {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => ImportFormat::Json,
        _ => ImportFormat::Csv,
    }
}

/// The characters of a place in a message: the path to a member may be as long as the table.
const PLACE: usize = 120;

/// The start of a text.
fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The start of a text in a message, which stays one line.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(41).collect();
    format!("{:?}", cut(start, 40))
}

/// The first of several texts in a message.
fn listed<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let more = texts.len().saturating_sub(MOST);
    let mut list = texts.take(MOST).map(shown).collect::<Vec<_>>().join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}
