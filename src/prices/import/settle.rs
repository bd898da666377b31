//! From rows to slots: ends where there are none, and no two prices for one time.

use std::cmp::Ordering;

use super::{ImportError, Row};
use crate::p1::Decimal;
use crate::prices::{PriceKind, Slot};

/// How long the only price of a table lasts, in seconds.
const ALONE: i64 = 3_600;

/// The slots of rows, by kind and time. A row without a price ends the slot before it where that has no end, and is none
/// itself.
///
/// # Errors
/// When a slot ends before it starts, two of them overlap, or there is none.
pub(super) fn slots(mut rows: Vec<Row>) -> Result<Vec<Slot>, ImportError> {
    rows.sort_by_key(|row| (row.kind, row.start));
    merge(&mut rows)?;
    let mut slots: Vec<Slot> = Vec::with_capacity(rows.len());
    // The length of the row before, with its kind.
    let mut before: Option<(PriceKind, i64)> = None;
    // The row of the last slot.
    let mut last: Option<&Row> = None;
    for (index, row) in rows.iter().enumerate() {
        let next = rows.get(index + 1).filter(|next| next.kind == row.kind);
        let length = before.filter(|(kind, _)| *kind == row.kind).map_or(ALONE, |(_, length)| length);
        let end = row.end.or(next.map(|next| next.start)).unwrap_or(row.start.saturating_add(length));
        if end <= row.start {
            return Err(ImportError::at(&row.place, "its end is not after its start"));
        }
        before = Some((row.kind, end - row.start));
        let Some(price) = row.price else { continue };
        if let (Some(slot), Some(last)) = (slots.last(), last)
            && slot.kind == row.kind
            && slot.end > row.start
        {
            return Err(ImportError::at(&row.place, format!("it overlaps with {}; leave one", last.place)));
        }
        last = Some(row);
        slots.push(Slot { kind: row.kind, start: row.start, end, price });
    }
    if slots.is_empty() {
        return Err(ImportError::whole("there are no prices in it"));
    }
    Ok(slots)
}

/// Makes one of rows that say the same; the rows are in order.
fn merge(rows: &mut Vec<Row>) -> Result<(), ImportError> {
    let mut problem = None;
    rows.dedup_by(|row, kept| {
        if problem.is_some() || (row.kind, row.start) != (kept.kind, kept.start) {
            return false;
        }
        if !agree(row.price, kept.price) || row.end.is_some_and(|end| kept.end.is_some_and(|of| of != end)) {
            let text =
                format!("it has another price or end than {} for the same time; leave one", kept.place);
            problem = Some(ImportError::at(&row.place, text));
            return false;
        }
        kept.end = kept.end.or(row.end);
        kept.price = kept.price.or(row.price);
        true
    });
    problem.map_or(Ok(()), Err)
}

/// Whether two rows of one time may be one: where one has no price the other's counts.
fn agree(one: Option<Decimal>, other: Option<Decimal>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.cmp_value(other) == Ordering::Equal,
        _ => true,
    }
}
