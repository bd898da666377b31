//! A block as it would be of another day: its clocks and registers moved, everything else as it was.
//!
//! Whatever is predicted of a series is predicted as well of one that lies elsewhere: only where it begins changes. So
//! years are made of days without packing them, byte for byte as long as packed ones.

use super::bytes::{Bytes, put_signed, put_text};
use super::numbers::{self, Told};
use super::opened::Opened;
use super::{BY_COLUMN, HEAD, checked, seal};
use crate::store::codec::Damaged;
use crate::store::codec::kind::Kind;

/// Moves clocks by some seconds, and the numbers of each key by what `offset` tells in their own scale. Only of a block
/// that is packed by columns and whose moved columns follow from no others.
pub(in crate::store) fn moved(
    block: &[u8],
    by: i64,
    offset: &dyn Fn(&str) -> i64,
) -> Result<Vec<u8>, Damaged> {
    let rows = checked(block)?;
    let body = block.get(HEAD + 1..).filter(|_| block[HEAD] == BY_COLUMN).ok_or(Damaged)?;
    let opened = Opened::new(body, rows as usize)?;
    let (received, sections) = opened.sections();
    let tail: usize = sections.iter().chain([&received]).map(|section| told_length(section)).sum();
    let mut out = block[..block.len() - tail].to_vec();
    // Arrivals follow the clock, or are moved as it is.
    let Told::Coded { others, .. } = numbers::told(received, rows as usize)? else { return Err(Damaged) };
    let arrival = if others.is_empty() { by.checked_mul(1_000).ok_or(Damaged)? } else { 0 };
    put_text(&mut out, &section(received, rows as usize, arrival)?);
    for (head, bytes) in opened.heads.iter().zip(sections) {
        let by = match head.kind {
            Kind::Time { .. } => by,
            Kind::Number { .. } => offset(&head.key),
            Kind::Text | Kind::Digits { .. } => 0,
        };
        if by == 0 {
            put_text(&mut out, bytes);
        } else {
            put_text(&mut out, &section(bytes, head.count, by)?);
        }
    }
    Ok(seal(out, rows))
}

/// Bytes of a section with its length.
fn told_length(section: &[u8]) -> usize {
    let mut out = Vec::new();
    put_text(&mut out, section);
    out.len()
}

/// A section of numbers that lie elsewhere.
fn section(section: &[u8], count: usize, by: i64) -> Result<Vec<u8>, Damaged> {
    let Told::Coded { series, others, against: false } = numbers::told(section, count)? else {
        return Err(Damaged);
    };
    if by != 0 && !others.is_empty() {
        return Err(Damaged);
    }
    let mut out = section[..section.len() - series.len()].to_vec();
    let mut bytes = Bytes(series);
    out.push(bytes.byte()?);
    put_signed(&mut out, bytes.signed()?.checked_add(by).ok_or(Damaged)?);
    out.extend_from_slice(bytes.0);
    Ok(out)
}
