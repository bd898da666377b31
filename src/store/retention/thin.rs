//! Readings given up for what they come to by the minute or the quarter-hour: rows of the same kind, in which a column
//! of numbers is joined by others, `<key>#min`, `#max`, `#sum` and `#count`. The column itself keeps the last value.

use std::collections::BTreeMap;

use crate::meter::record::{FlatValue, Key};
use crate::meter::{Quantity, Unit};
use crate::p1::Decimal;
use crate::store::block;
use crate::store::codec::Row;
use crate::store::columns::{Columns, NumberColumn};
use crate::store::summary::{ColumnSummary, Stats, Summary};

/// What a column's numbers come to besides the last.
const ENDS: [&str; 4] = ["min", "max", "sum", "count"];

/// What the numbers of columns come to row by row.
#[derive(Debug)]
pub(in crate::store) struct Stated {
    pub(in crate::store) times: Vec<i64>,
    pub(in crate::store) numbers: Vec<StatedColumn>,
}

/// Of one key, unit and scale.
#[derive(Debug)]
pub(in crate::store) struct StatedColumn {
    pub(in crate::store) key: Key,
    pub(in crate::store) unit: Unit,
    pub(in crate::store) scale: u8,
    /// The rows that have any, and what they come to.
    pub(in crate::store) stats: Vec<(usize, Stats)>,
}

/// Of readings: each number is all there is.
pub(in crate::store) fn plain(columns: Columns) -> Stated {
    let Columns { times, numbers } = columns;
    let of = |column: &NumberColumn| column.iter().map(|(row, n)| (row, Stats::of(times[row], n))).collect();
    let numbers = numbers
        .iter()
        .map(|column| {
            let stats = of(column);
            StatedColumn { key: column.key.clone(), unit: column.unit, scale: column.scale, stats }
        })
        .collect();
    Stated { times, numbers }
}

/// Of minutes or quarter-hours. Only the first instant of a row's numbers is not known any more.
pub(in crate::store) fn widened(columns: Columns) -> Stated {
    let Columns { times, numbers } = columns;
    let (joined, own): (Vec<NumberColumn>, Vec<NumberColumn>) =
        numbers.into_iter().partition(|column| column.key.contains('#'));
    let mut stated: Vec<StatedColumn> = own
        .into_iter()
        .map(|column| {
            let stats = column.iter().map(|(row, n)| (row, Stats::of(times[row], n))).collect();
            StatedColumn { key: column.key.clone(), unit: column.unit, scale: column.scale, stats }
        })
        .collect();
    for column in joined {
        let Some((key, rest)) = column.key.split_once('#') else { continue };
        let end = rest;
        let of_key = |stated: &&mut StatedColumn| {
            stated.key == key
                && (end == "count" || stated.unit == column.unit && stated.scale == column.scale)
        };
        for own in stated.iter_mut().filter(of_key) {
            let mut numbers = column.iter().peekable();
            for (row, stats) in &mut own.stats {
                while numbers.next_if(|(other, _)| other < row).is_some() {}
                let Some((_, number)) = numbers.next_if(|(other, _)| other == row) else { continue };
                match end {
                    "min" => stats.min = number,
                    "max" => stats.max = number,
                    "sum" => stats.sum = number,
                    "count" => stats.count = u64::try_from(number).unwrap_or(1).max(1),
                    _ => {}
                }
            }
        }
    }
    Stated { times, numbers: stated }
}

/// What the rows of a block of a level come to, packed; none of one that cannot be read. Of minutes and quarter-hours it
/// is what was packed of their readings, but for when the earliest number was and which.
pub(in crate::store) fn summary(level: i64, codec: u8, data: &[u8]) -> Option<Vec<u8>> {
    let columns = block::columns(codec, data.to_vec(), &|_| true).ok()?;
    if level == 0 {
        return Some(Summary::of(&columns).pack());
    }
    let columns = widened(columns).numbers.into_iter().filter_map(|column| {
        let mut spans = column.stats.iter().map(|(_, stats)| *stats);
        let mut stats = spans.next()?;
        spans.for_each(|span| stats.add(&span));
        Some(ColumnSummary { key: column.key, unit: column.unit, scale: column.scale, stats })
    });
    Some(Summary { columns: columns.collect() }.pack())
}

/// Whether a column is one of which more than the last is kept: registers, and values on the M-Bus.
fn is_measured(key: &str) -> bool {
    !key.contains('/') || key.ends_with("/value")
}

/// The rows of spans of so many seconds, in order of time: one of each, and one more where a column changes its unit or
/// scale. None when a sum has too many digits.
pub(in crate::store) fn thinned(rows: &[Row], level: u8, seconds: i64) -> Option<Vec<Row>> {
    let mut spans: BTreeMap<i64, Vec<(i64, &Row)>> = BTreeMap::new();
    for row in rows {
        let time = row.clone().into_reading().utc_seconds();
        spans.entry(time.div_euclid(seconds)).or_default().push((time, row));
    }
    let mut thinned = Vec::with_capacity(spans.len());
    for (_, mut rows) in spans {
        rows.sort_by_key(|(time, _)| *time);
        let mut rest = &rows[..];
        while !rest.is_empty() {
            let (row, taken) = span(rest, level)?;
            thinned.push(row);
            rest = &rest[taken..];
        }
    }
    Some(thinned)
}

/// The keys of a clock. Of readings that tell it in different ways none is put together.
fn clock(row: &Row) -> impl Iterator<Item = &Key> {
    row.items.iter().map(|(key, _)| key).filter(|key| *key == "time" || *key == "time/offset")
}

/// Of readings of one span, as many of the first as have their columns in the same units and scales: their row, and how
/// many they are.
fn span(rows: &[(i64, &Row)], level: u8) -> Option<(Row, usize)> {
    // Keys in the order in which they came, each with its last value.
    let mut items: Vec<(Key, FlatValue)> = Vec::new();
    let mut stats: BTreeMap<Key, (Unit, u8, Stats)> = BTreeMap::new();
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let first = rows.first()?.1;
    let mut taken = 0usize;
    for (time, row) in rows {
        let changes = row.items.iter().any(|(key, value)| {
            let FlatValue::Number(Quantity { value, unit }) = value else { return false };
            stats.get(key).is_some_and(|(of, scale, _)| of != unit || *scale != value.scale())
        });
        if changes || !clock(row).eq(clock(first)) {
            break;
        }
        taken += 1;
        for (key, value) in row.items.iter().filter(|(key, _)| !key.contains('#')) {
            match places.get(key) {
                Some(place) => items[*place].1 = value.clone(),
                None => {
                    places.insert(key.clone(), items.len());
                    items.push((key.clone(), value.clone()));
                }
            }
            let FlatValue::Number(Quantity { value, unit }) = value else { continue };
            if !is_measured(key) {
                continue;
            }
            let number = match level {
                0 => Stats::of(*time, value.mantissa()),
                _ => joined(row, key, *time, *value)?,
            };
            let of_key = stats.entry(key.clone());
            of_key.and_modify(|(.., stats)| stats.add(&number)).or_insert((*unit, value.scale(), number));
        }
    }
    let (_, last) = rows.get(taken.checked_sub(1)?)?;
    let ends = stats.into_iter().flat_map(|(key, (unit, scale, stats))| {
        let numbers = [stats.min, stats.max, stats.sum, stats.count.into()];
        ENDS.into_iter().zip(numbers).map(move |(end, number)| {
            let (unit, scale) = if end == "count" { (Unit::One, 0) } else { (unit, scale) };
            let value = Decimal::new(number, scale)?;
            Some((format!("{key}#{end}").into(), FlatValue::Number(Quantity { value, unit })))
        })
    });
    items.extend(ends.collect::<Option<Vec<_>>>()?);
    Some((Row { received_at: last.received_at, proof: last.proof, items }, taken))
}

/// What a number of a row that is a span already came to.
fn joined(row: &Row, key: &str, time: i64, last: Decimal) -> Option<Stats> {
    let mut stats = Stats::of(time, last.mantissa());
    for (other, value) in &row.items {
        let end = other.strip_prefix(key).and_then(|rest| rest.strip_prefix('#'));
        if let (Some(end), FlatValue::Number(quantity)) = (end, value) {
            let number = quantity.value.mantissa();
            match end {
                "min" => stats.min = number,
                "max" => stats.max = number,
                "sum" => stats.sum = number,
                "count" => stats.count = u64::try_from(number).ok()?,
                _ => {}
            }
        }
    }
    Some(stats)
}
