//! Objects with a structure: their groups as written, here; as a table with columns, [`table`]; and those whose
//! meaning is known, [`views`].

mod table;
#[cfg(test)]
mod tests;
mod views;

pub use self::table::{MAX_COLUMNS, MAX_ROWS, Profile, ProfileCell, Row};
pub use self::views::{Peak, PowerFailure};
use super::interpret;
use super::reading::Quantity;
use super::unit::Unit;
use crate::p1::telegram;
use crate::p1::value::{self, Value};

/// A number as a quantity in canonical units; `None` when it is absent, unreadable or of an unknown unit.
/// Without a unit the number counts as [`Unit::One`].
pub fn quantity(text: &[u8]) -> Option<Quantity> {
    interpret::number(text, Unit::One)
}

/// Whether a group is an OBIS code, as profiles name their columns: it has a `:`, and times and values have
/// none.
fn is_code(group: &[u8]) -> bool {
    group.contains(&b':') && group.first().is_some_and(u8::is_ascii_digit)
}

/// A profile as written: the number of entries it declares, its columns, and the groups behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawProfile<'t> {
    /// The number of entries by its own word; `None` where the profile begins with a time instead, as
    /// Hungary's does.
    pub declared: Option<u64>,
    /// The OBIS codes of its columns.
    pub columns: Vec<&'t [u8]>,
    /// What follows, without empty groups at the end.
    pub cells: Vec<&'t [u8]>,
    /// How many empty groups stood there.
    pub empty_at_end: usize,
}

impl<'t> RawProfile<'t> {
    /// Takes the groups of a profile apart.
    pub fn new(groups: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut groups = groups.peekable();
        let begins = groups.next_if(|first| !table::is_time_shaped(first));
        let declared = begins.and_then(value::whole);
        let mut columns = Vec::new();
        while let Some(column) = groups.next_if(|group| is_code(group)) {
            columns.push(column);
        }
        let mut cells: Vec<&[u8]> = groups.collect();
        let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let empty_at_end = cells.len() - used;
        cells.truncate(used);
        Self { declared, columns, cells, empty_at_end }
    }

    /// Whether it is the history of peaks in the form of e-MUCS-P1: two columns with a time each.
    pub fn is_peak_history(&self) -> bool {
        self.declared.is_some()
            && self.columns.len() == 2
            && self.columns.iter().all(|column| *column == b"1-0:1.6.0")
    }
}

/// A duration in seconds, with or without its unit.
pub fn duration(text: &[u8]) -> Option<u64> {
    let Value::Number(measure) = value::parse(text) else { return None };
    let seconds = measure.unit.is_empty() || measure.unit.eq_ignore_ascii_case(b"s");
    (seconds && measure.number.scale() == 0).then(|| u64::try_from(measure.number.mantissa()).ok())?
}

/// The groups of a text in the form of [`Cell::Text`](super::Cell::Text).
pub fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = text.windows(2).position(|pair| pair == b")(");
        rest = cut.map(|cut| &text[cut + 2..]);
        Some(&text[..cut.unwrap_or(text.len())])
    })
}

/// The groups of an object with `)(` between them.
pub(super) fn join(object: &telegram::Object<'_>) -> Vec<u8> {
    object.groups().collect::<Vec<_>>().join(&b")("[..])
}
