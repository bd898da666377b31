//! A [`Summary`] as bytes: a checksum, then column by column what differs from what is likely.

use super::bytes::{Bytes, put, put_signed, put_wide};
use super::format::{kind_number, kind_of};
use super::names::Names;
use super::table::MAX_COLUMNS;
use crate::store::codec::Damaged;
use crate::store::codec::kind::Kind;
use crate::store::crc::crc32;
use crate::store::summary::{ColumnSummary, Stats, Summary};

/// Bytes of the checksum.
const HEAD: usize = 4;

/// As many as the first column has, at the same times.
const AS_FIRST: u8 = 1;
/// One and the same number all the time.
const CONSTANT: u8 = 2;

impl Summary {
    /// As the database keeps it.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = vec![0; HEAD];
        put(&mut out, self.columns.len() as u64);
        let mut names = Names::default();
        let mut likely = Span::default();
        for (place, column) in self.columns.iter().enumerate() {
            let ColumnSummary { key, unit, scale, stats } = column;
            names.put(&mut out, key);
            put(&mut out, kind_number(Kind::Number { unit: *unit, scale: *scale }));
            let span = Span::of(stats);
            let as_first = place > 0 && span == likely;
            let constant = *stats == span.constant(stats.first.1);
            out.push(if as_first { AS_FIRST } else { 0 } | if constant { CONSTANT } else { 0 });
            if !as_first {
                put(&mut out, span.count);
                put_signed(&mut out, span.first.wrapping_sub(likely.first));
                put_signed(&mut out, span.last.wrapping_sub(span.first));
            }
            if place == 0 {
                likely = span;
            }
            let first = stats.first.1;
            put_wide(&mut out, first);
            if !constant {
                let (low, mean) = (stats.min.wrapping_sub(first), span.sum(first));
                put_wide(&mut out, low);
                put_wide(&mut out, stats.max.wrapping_sub(first));
                put_wide(&mut out, stats.last.1.wrapping_sub(first));
                put_wide(&mut out, stats.sum.wrapping_sub(mean));
            }
        }
        let crc = crc32(0, &out[HEAD..]).to_le_bytes();
        out[..HEAD].copy_from_slice(&crc);
        out
    }

    /// What [`Summary::pack`] wrote.
    #[cfg_attr(not(test), expect(dead_code, reason = "queries come next"))]
    pub(crate) fn unpack(bytes: &[u8]) -> Result<Self, Damaged> {
        let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Damaged)?;
        if crc32(0, body) != u32::from_le_bytes(*head) {
            return Err(Damaged);
        }
        let mut bytes = Bytes(body);
        let mut names = Names::default();
        let mut likely = Span::default();
        let mut summary = Self::default();
        for place in 0..bytes.at_most(MAX_COLUMNS)? {
            let key = names.get(&mut bytes)?;
            let Kind::Number { unit, scale } = kind_of(bytes.number()?)? else { return Err(Damaged) };
            let flags = bytes.byte()?;
            let mut span = likely;
            if flags & AS_FIRST == 0 {
                span.count = bytes.number()?;
                span.first = likely.first.wrapping_add(bytes.signed()?);
                span.last = span.first.wrapping_add(bytes.signed()?);
            }
            if place == 0 {
                likely = span;
            }
            let first = bytes.wide()?;
            let mut stats = span.constant(first);
            if flags & CONSTANT == 0 {
                stats.min = first.wrapping_add(bytes.wide()?);
                stats.max = first.wrapping_add(bytes.wide()?);
                stats.last.1 = first.wrapping_add(bytes.wide()?);
                stats.sum = stats.sum.wrapping_add(bytes.wide()?);
            }
            summary.columns.push(ColumnSummary { key, unit, scale, stats });
        }
        if bytes.0.is_empty() { Ok(summary) } else { Err(Damaged) }
    }
}

/// How many numbers there were, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    count: u64,
    first: i64,
    last: i64,
}

impl Span {
    fn of(stats: &Stats) -> Self {
        Self { count: stats.count, first: stats.first.0, last: stats.last.0 }
    }

    fn sum(self, value: i128) -> i128 {
        value.wrapping_mul(self.count.into())
    }

    fn constant(self, value: i128) -> Stats {
        let (first, last) = ((self.first, value), (self.last, value));
        Stats { count: self.count, sum: self.sum(value), min: value, max: value, first, last }
    }
}
