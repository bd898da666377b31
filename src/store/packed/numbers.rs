//! The numbers of one column as bytes: how they follow from others, and a series of what is left.

use super::bytes::{Bytes, put, put_signed, put_wide};
use super::relation::{MAX_OTHERS, Plan, expected};
use super::series;
use super::table::Numbers;
use crate::store::codec::Damaged;

const WIDE: u8 = 1;
const OPPOSITE: u8 = 2;
const AGAINST: u8 = 4;
const OTHERS: u8 = 8;

/// Writes numbers of which `stream` is to be coded. How many there are, and where they end, is told elsewhere.
pub(super) fn encode(out: &mut Vec<u8>, numbers: &Numbers, plan: &Plan, stream: Option<&Numbers>) {
    match (numbers, plan.opposite, stream) {
        (Numbers::Wide(values), ..) => {
            out.push(WIDE);
            values.iter().for_each(|value| put_wide(out, *value));
        }
        (_, Some(other), _) => {
            out.push(OPPOSITE);
            put(out, other as u64);
        }
        (_, None, stream) => {
            let flag = |flag, set| if set { flag } else { 0 };
            out.push(flag(AGAINST, plan.against.is_some()) | flag(OTHERS, !plan.others.is_empty()));
            if !plan.others.is_empty() {
                put(out, plan.others.len() as u64);
                for (other, factor) in &plan.others {
                    put(out, *other as u64);
                    put_signed(out, *factor);
                }
            }
            match stream {
                Some(Numbers::Each(values)) => series::encode(out, values),
                Some(Numbers::Same(value, _)) => series::encode(out, &[*value]),
                Some(Numbers::Wide(_)) | None => {}
            }
        }
    }
}

/// How the numbers of a column are told, and the series that is coded of them.
#[derive(Debug)]
pub(super) enum Told<'a> {
    Wide(Vec<i128>),
    /// Against the flow of this column.
    Opposite(usize),
    Coded {
        /// They are those of a flow that are not negative.
        against: bool,
        others: Vec<(usize, i64)>,
        series: &'a [u8],
    },
}

/// Reads how `count` numbers are told.
pub(super) fn told(bytes: &[u8], count: usize) -> Result<Told<'_>, Damaged> {
    let mut bytes = Bytes(bytes);
    let flags = bytes.byte()?;
    if flags & WIDE != 0 {
        return (0..count).map(|_| bytes.wide()).collect::<Result<_, _>>().map(Told::Wide);
    }
    if flags & OPPOSITE != 0 {
        return bytes.at_most(usize::MAX).map(Told::Opposite);
    }
    let mut others = Vec::new();
    if flags & OTHERS != 0 {
        for _ in 0..bytes.at_most(MAX_OTHERS)? {
            others.push((bytes.at_most(usize::MAX)?, bytes.signed()?));
        }
    }
    Ok(Told::Coded { against: flags & AGAINST != 0, others, series: bytes.0 })
}

/// A series that is decoded, and what others say added to it.
pub(super) fn stream(bytes: &[u8], count: usize, others: &[(&Numbers, i64)]) -> Result<Numbers, Damaged> {
    let left = series::decode(bytes, count)?;
    if others.is_empty() {
        return Ok(left);
    }
    if !others.iter().all(|(other, _)| other.len() == count && !matches!(other, Numbers::Wide(_))) {
        return Err(Damaged);
    }
    let mut values = expected(others, count);
    match left {
        Numbers::Same(left, _) => values.iter_mut().for_each(|value| *value = value.wrapping_add(left)),
        Numbers::Each(left) => {
            values.iter_mut().zip(left).for_each(|(value, left)| *value = value.wrapping_add(left));
        }
        Numbers::Wide(_) => {}
    }
    Ok(Numbers::Each(values))
}
