//! A profile as a table: rows with a time, a status and the columns' values.

use super::{RawProfile, quantity};
use crate::meter::reading::{MeterTime, Quantity};
use crate::meter::register::Field;
use crate::meter::zone::Zone;
use crate::p1::{Obis, timestamp};

/// The most rows that are read: the longest list seen has 13, of the months of a year and the one before.
pub const MAX_ROWS: usize = 100;

/// The most columns that are read.
pub const MAX_COLUMNS: usize = 64;

/// A profile whose columns are known and whose cells are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile<'r> {
    /// The number of rows by its own word; it may be wrong.
    pub declared: Option<u64>,
    /// Its rows, in the order of the meter, at most [`MAX_ROWS`].
    pub rows: Vec<Row<'r>>,
}

/// A row of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'r> {
    /// When it was captured, or the end of the period it is of; `None` when that is no time.
    pub time: Option<MeterTime>,
    /// The status beside the time as it stands there: `00` is a row without remarks.
    pub status: Option<&'r [u8]>,
    /// Its cells, in the order of the columns.
    pub cells: Vec<ProfileCell>,
}

/// A cell of a profile: a value, and when it was reached where the profile has a column for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileCell {
    /// The column; `None` where neither the profile nor its form names it.
    pub column: Option<Obis>,
    /// The value; `None` when it is absent or unreadable.
    pub value: Option<Quantity>,
    /// When the value was reached; `None` when the profile does not say, or says "never".
    pub reached: Option<MeterTime>,
}

impl ProfileCell {
    /// The field of its column, when that is one of the table.
    pub fn field(&self) -> Option<Field> {
        Field::from_obis(self.column?)
    }

    /// The name of its column: a field's, or else the OBIS code.
    pub fn name(&self) -> Option<String> {
        let obis = self.column?;
        Some(Field::from_obis(obis).map_or_else(|| obis.to_string(), |field| field.name().to_owned()))
    }
}

impl Row<'_> {
    /// The cell of a field.
    pub fn cell(&self, field: Field) -> Option<&ProfileCell> {
        self.cells.iter().find(|cell| cell.field() == Some(field))
    }
}

/// What a Hungarian meter's snapshot of a month's end holds behind its time: it names no columns.
const MONTH_END: [Obis; 19] = [
    Obis::new(1, 0, 1, 8, 0),
    Obis::new(1, 0, 1, 8, 1),
    Obis::new(1, 0, 1, 8, 2),
    Obis::new(1, 0, 2, 8, 0),
    Obis::new(1, 0, 2, 8, 1),
    Obis::new(1, 0, 2, 8, 2),
    Obis::new(1, 0, 3, 8, 0),
    Obis::new(1, 0, 4, 8, 0),
    Obis::new(1, 0, 5, 8, 0),
    Obis::new(1, 0, 6, 8, 0),
    Obis::new(1, 0, 7, 8, 0),
    Obis::new(1, 0, 8, 8, 0),
    Obis::new(1, 0, 15, 8, 0),
    Obis::new(1, 0, 1, 6, 0),
    Obis::new(1, 0, 1, 6, 1),
    Obis::new(1, 0, 1, 6, 2),
    Obis::new(1, 0, 2, 6, 0),
    Obis::new(1, 0, 2, 6, 1),
    Obis::new(1, 0, 2, 6, 2),
];

impl<'r> Profile<'r> {
    /// Reads the rows of a profile.
    pub fn new(raw: &RawProfile<'r>, zone: &Zone) -> Self {
        let mut profile = Self { declared: raw.declared, rows: Vec::new() };
        if raw.columns.is_empty() {
            profile.rows.extend(headless(&raw.cells, zone));
            return profile;
        }
        let mut columns: Vec<Option<Obis>> = raw.columns.iter().map(|column| obis(column)).collect();
        // The clock as a column of its own is the row's time, which the others do not name.
        if matches!(columns[0], Some(Obis { a: 0, c: 1, d: 0, e: 0, .. })) {
            columns.remove(0);
        }
        if columns.len() > MAX_COLUMNS {
            return profile;
        }
        let width = width(raw, columns.len());
        let mut cells = raw.cells.clone();
        // A last row may end with values that are absent.
        let missing = cells.len().next_multiple_of(width) - cells.len();
        cells.resize(cells.len() + missing.min(raw.empty_at_end), b"");
        for row in cells.chunks_exact(width).take(MAX_ROWS) {
            // A status that no column stands for comes right behind the time.
            let (status, cells) =
                if width == columns.len() + 2 { (row.get(1).copied(), &row[2..]) } else { (None, &row[1..]) };
            profile.rows.push(read_row(time(row[0], zone), status, &columns, cells, zone));
        }
        profile
    }
}

/// How many groups make a row: the time and a group for each column, and a status where no column stands
/// for it. Rows begin with a time, which settles it; the last one may be cut short.
fn width(raw: &RawProfile<'_>, columns: usize) -> usize {
    let cells = |from, width| raw.cells.iter().skip(from).step_by(width);
    let timed = |width| cells(0, width).all(|cell| is_time_shaped(cell));
    let (plain, with_status) = (columns + 1, columns + 2);
    let status = || cells(1, with_status).all(|cell| !cell.contains(&b'*') && !is_time_shaped(cell));
    if !timed(plain) && timed(with_status) && status() { with_status } else { plain }
}

/// A profile without columns: a time and the values of it.
fn headless<'r>(cells: &[&'r [u8]], zone: &Zone) -> Option<Row<'r>> {
    let (first, values) = cells.split_first()?;
    if !is_time_shaped(first) || values.is_empty() || values.len() > MAX_COLUMNS {
        return None;
    }
    let mut columns = vec![None; values.len()];
    if values.len() == MONTH_END.len() {
        columns = MONTH_END.map(Some).to_vec();
    }
    Some(read_row(time(first, zone), None, &columns, values, zone))
}

fn read_row<'r>(
    time_of_row: Option<MeterTime>,
    mut status: Option<&'r [u8]>,
    columns: &[Option<Obis>],
    groups: &[&'r [u8]],
    zone: &Zone,
) -> Row<'r> {
    let mut cells = Vec::with_capacity(columns.len());
    let mut rest = columns.iter().zip(groups).enumerate().peekable();
    while let Some((place, (&column, &group))) = rest.next() {
        if place == 0 && status.is_none() && column.is_some_and(|obis| obis.a == 0) && !group.contains(&b'*')
        {
            status = Some(group);
            continue;
        }
        let mut cell = ProfileCell { column, value: None, reached: None };
        // A column named twice is a value and when it was reached, in this order or the other.
        let pair = rest.next_if(|(_, (next, _))| column.is_some() && **next == column);
        for text in [Some(group), pair.map(|(_, (_, &group))| group)].into_iter().flatten() {
            if is_time_shaped(text) {
                cell.reached = cell.reached.or_else(|| time(text, zone));
            } else {
                cell.value = cell.value.or_else(|| quantity(text));
            }
        }
        cells.push(cell);
    }
    Row { time: time_of_row, status, cells }
}

pub(super) fn time(text: &[u8], zone: &Zone) -> Option<MeterTime> {
    timestamp::parse(text).valid().map(|time| zone.meter_time(time))
}

/// Whether a group has the shape of a time, be it a date that exists or not: digits with a flag, or as many
/// digits as a time without one has.
pub(super) fn is_time_shaped(text: &[u8]) -> bool {
    match text {
        [digits @ .., b'S' | b'W'] => digits.len() >= 10 && digits.iter().all(u8::is_ascii_digit),
        _ => (text.len() == 12 || text.len() == 24) && text.iter().all(u8::is_ascii_hexdigit),
    }
}

/// An OBIS code as profiles name their columns; a sixth number, behind `.` or `*`, says nothing.
fn obis(text: &[u8]) -> Option<Obis> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = [0u8; 5];
    let mut parts = text.splitn(6, ['-', ':', '.', '*']);
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    let [a, b, c, d, e] = numbers;
    Some(Obis::new(a, b, c, d, e))
}
