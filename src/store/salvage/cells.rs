//! Cells of b-tree pages and the records in them, as the file format of SQLite tells, of bytes that may be anything.

use std::ops::Range;

use super::pages::{PAGE, Pages};

/// A record is no longer than this: a block has at most 20,000 readings.
const MAX_RECORD: u64 = 16 * 1024 * 1024;
/// Columns of a record; the widest table has twelve.
const MAX_COLUMNS: usize = 64;

/// What a page is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Inside the tree of a table.
    Inner,
    /// Rows of a table.
    Leaf,
    /// Inside the tree of an index, or of a table without row numbers.
    KeyInner,
    /// Their rows.
    KeyLeaf,
}

impl Kind {
    /// Of a page.
    pub(super) fn of(page: &[u8], number: u32) -> Option<Self> {
        match *page.get(start(number))? {
            0x05 => Some(Self::Inner),
            0x0d => Some(Self::Leaf),
            0x02 => Some(Self::KeyInner),
            0x0a => Some(Self::KeyLeaf),
            _ => None,
        }
    }

    fn is_inner(self) -> bool {
        matches!(self, Self::Inner | Self::KeyInner)
    }
}

/// The first page begins with the header of the file.
fn start(number: u32) -> usize {
    if number == 1 { 100 } else { 0 }
}

/// Where a cell lies and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Its place in the page.
    pub(super) at: u16,
    /// The page left of it, of a cell inside a tree.
    pub(super) child: Option<u32>,
    /// The number of its row, of a cell of a table.
    pub(super) rowid: i64,
    /// Bytes of its record.
    total: u64,
    /// Those in the page itself.
    local: Range<usize>,
    /// The page on which they go on; 0 for none.
    overflow: u32,
}

/// The places of a page's cells, as far as they make sense, and whether all do.
pub(super) fn places(page: &[u8], number: u32, kind: Kind) -> (Vec<u16>, bool) {
    let start = start(number);
    let count = usize::from(short(page, start + 3));
    let array = start + if kind.is_inner() { 12 } else { 8 };
    let fits = array + 2 * count <= PAGE;
    let count = count.min((PAGE - array) / 2);
    let mut places = Vec::new();
    let mut whole = fits;
    for n in 0..count {
        let place = short(page, array + 2 * n);
        if usize::from(place) >= array && usize::from(place) < PAGE && !places.contains(&place) {
            places.push(place);
        } else {
            whole = false;
        }
    }
    (places, whole)
}

/// The last child of a page inside a tree.
pub(super) fn last_child(page: &[u8], number: u32) -> u32 {
    let at = start(number) + 8;
    page.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// The cell at a place.
pub(super) fn cell(page: &[u8], kind: Kind, place: u16) -> Option<Cell> {
    let mut at = usize::from(place);
    let mut child = None;
    if kind.is_inner() {
        child = Some(u32::from_be_bytes(page.get(at..at + 4)?.try_into().ok()?));
        at += 4;
    }
    let mut total = 0;
    if kind != Kind::Inner {
        let (length, bytes) = varint(page.get(at..)?)?;
        total = u64::try_from(length).ok().filter(|length| *length <= MAX_RECORD)?;
        at += bytes;
    }
    let mut rowid = 0;
    if matches!(kind, Kind::Inner | Kind::Leaf) {
        let (number, bytes) = varint(page.get(at..)?)?;
        rowid = number;
        at += bytes;
    }
    // How much of a record stays in its page.
    let most = if kind == Kind::Leaf { PAGE - 35 } else { (PAGE - 12) * 64 / 255 - 23 };
    let least = (PAGE - 12) * 32 / 255 - 23;
    let length = total as usize;
    let (local, overflow) = if length <= most {
        (at..at + length, 0)
    } else {
        let fitting = least + (length - least) % (PAGE - 4);
        let end = at + if fitting <= most { fitting } else { least };
        (at..end, u32::from_be_bytes(page.get(end..end + 4)?.try_into().ok()?))
    };
    (local.end <= PAGE).then_some(Cell { at: place, child, rowid, total, local, overflow })
}

impl Cell {
    /// As much of the record as lies in the page.
    pub(super) fn head<'p>(&self, page: &'p [u8]) -> &'p [u8] {
        page.get(self.local.clone()).unwrap_or_default()
    }

    /// The whole record, along the chain of pages on which it goes on.
    pub(super) fn record(&self, page: &[u8], pages: &Pages) -> Option<Vec<u8>> {
        self.chained(page, pages, |_, told| told)
    }

    /// The whole record, of pages that lie one behind the other, whatever the chain says: so they mostly do.
    pub(super) fn record_in_a_row(&self, page: &[u8], pages: &Pages) -> Option<Vec<u8>> {
        self.chained(page, pages, |this, _| this + 1)
    }

    fn chained(&self, page: &[u8], pages: &Pages, next: impl Fn(u32, u32) -> u32) -> Option<Vec<u8>> {
        let mut record = self.head(page).to_vec();
        let total = self.total as usize;
        let mut number = self.overflow;
        while record.len() < total {
            let page = pages.get(number)?;
            let count = (total - record.len()).min(PAGE - 4);
            record.extend_from_slice(&page[4..4 + count]);
            number = next(number, u32::from_be_bytes([page[0], page[1], page[2], page[3]]));
        }
        Some(record)
    }
}

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
    /// A value that does not lie in the bytes that were given.
    Beyond {
        text: bool,
    },
}

impl Value {
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { std::str::from_utf8(text).ok() } else { None }
    }

    pub(super) fn blob(&self) -> Option<&[u8]> {
        if let Self::Blob(blob) = self { Some(blob) } else { None }
    }
}

/// The values of a record, of which only the beginning may be there.
pub(super) fn values(record: &[u8]) -> Option<Vec<Value>> {
    let (length, mut at) = varint(record)?;
    let end = usize::try_from(length).ok().filter(|end| *end <= record.len() && *end >= at)?;
    let mut types = Vec::new();
    while at < end {
        let (kind, bytes) = varint(&record[at..end])?;
        types.push(u64::try_from(kind).ok()?);
        at += bytes;
        if types.len() > MAX_COLUMNS {
            return None;
        }
    }
    let mut values = Vec::with_capacity(types.len());
    for kind in types {
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 => 8,
            // A float, of which no table has any, and what is never written.
            7 | 10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = at.checked_add(length).and_then(|end| record.get(at..end));
        at = at.saturating_add(length);
        values.push(match (kind, bytes) {
            (0, _) => Value::Null,
            (8, _) => Value::Integer(0),
            (9, _) => Value::Integer(1),
            (1..=6, Some(bytes)) => Value::Integer(signed(bytes)),
            (_, Some(bytes)) if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            (_, Some(bytes)) => Value::Text(bytes.to_vec()),
            (_, None) => Value::Beyond { text: kind >= 12 && kind % 2 == 1 },
        });
    }
    Some(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i64::from(*byte))
}

fn short(page: &[u8], at: usize) -> u16 {
    page.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// A number of one to nine bytes, and how many.
fn varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0u64;
    for place in 0..8 {
        let byte = *bytes.get(place)?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number as i64, place + 1));
        }
    }
    Some(((number << 8 | u64::from(*bytes.get(8)?)) as i64, 9))
}
