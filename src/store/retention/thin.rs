//! Readings given up for what they come to by the minute or the quarter-hour: rows of the same kind, in which a column
//! of numbers is joined by others, `<key>#min`, `#max`, `#sum` and `#count`. The column itself keeps the last value, and
//! `<key>#before` says by how many seconds it is older than the row, where the last reading did not have it.
//!
//! What follows from the rest is left out, where it does so in all rows of a block: [`COUNT`] is how many readings a row
//! was, and most columns were in all of them; the most of a register is its last.

use std::collections::{BTreeMap, BTreeSet};

use crate::meter::record::{FlatValue, Key};
use crate::meter::{Quantity, Unit};
use crate::p1::Decimal;
use crate::store::block;
use crate::store::codec::Row;
use crate::store::columns::{Columns, NumberColumn};
use crate::store::summary::{ColumnSummary, Stats, Summary};

/// What a column's numbers come to besides the last.
const ENDS: [&str; 4] = ["min", "max", "sum", "count"];

/// How many readings a row was.
pub(in crate::store) const COUNT: &str = "#count";

/// By how many seconds a value is older than its row.
const BEFORE: &str = "#before";

/// What a column comes to where it is not told: as often as the row has readings, each the last one.
fn constant(time: i64, last: i128, count: Option<u64>) -> Stats {
    let count = count.unwrap_or(1).max(1);
    let sum = last.checked_mul(count.into()).unwrap_or(last);
    Stats { count, sum, ..Stats::of(time, last) }
}

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
    let of_rows = joined.iter().filter(|column| column.key == COUNT).flat_map(NumberColumn::iter);
    let of_rows: BTreeMap<usize, u64> =
        of_rows.filter_map(|(row, count)| Some((row, u64::try_from(count).ok()?))).collect();
    let count_of = |key: &str, row: usize| {
        let own = joined.iter().filter(|column| column.key.strip_suffix(COUNT) == Some(key));
        let told = own.flat_map(NumberColumn::iter).find(|(other, _)| *other == row);
        told.and_then(|(_, count)| u64::try_from(count).ok()).or_else(|| of_rows.get(&row).copied())
    };
    let mut stated: Vec<StatedColumn> = own
        .into_iter()
        .map(|column| {
            let stats = column
                .iter()
                .map(|(row, n)| (row, constant(times[row], n, count_of(&column.key, row))))
                .collect();
            StatedColumn { key: column.key.clone(), unit: column.unit, scale: column.scale, stats }
        })
        .collect();
    for column in &joined {
        let Some((key, end)) = column.key.split_once('#').filter(|(_, end)| *end != "count") else {
            continue;
        };
        let of_key = |stated: &&mut StatedColumn| {
            let same = stated.unit == column.unit && stated.scale == column.scale;
            stated.key == key && (same || end == "before")
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
                    "before" => stats.last.0 = earlier(stats.last.0, number),
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

/// So many seconds before a time.
fn earlier(time: i64, seconds: i128) -> i64 {
    i64::try_from(seconds).map_or(time, |seconds| time.saturating_sub(seconds))
}

/// When a value of a row of a level is of, which is the row's time but for values that the last reading did not have.
pub(in crate::store) fn time_of(row: &Row, key: &str, time: i64) -> i64 {
    number_of(row, &format!("{key}{BEFORE}")).map_or(time, |seconds| earlier(time, seconds))
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
    let mut needed = BTreeSet::from([COUNT.into()]);
    for (_, mut rows) in spans {
        rows.sort_by_key(|(time, _)| *time);
        let mut rest = &rows[..];
        while !rest.is_empty() {
            let (row, taken) = span(rest, level, &mut needed)?;
            thinned.push(row);
            rest = &rest[taken..];
        }
    }
    for row in &mut thinned {
        row.items.retain(|(key, _)| !key.contains('#') || needed.contains(key));
    }
    Some(thinned)
}

/// The keys of a clock. Of readings that tell it in different ways none is put together.
fn clock(row: &Row) -> impl Iterator<Item = &Key> {
    row.items.iter().map(|(key, _)| key).filter(|key| *key == "time" || *key == "time/offset")
}

/// Of readings of one span, as many of the first as have their columns in the same units and scales: their row, and how
/// many they are. Columns of which the rest does not tell everything are `needed`.
fn span(rows: &[(i64, &Row)], level: u8, needed: &mut BTreeSet<Key>) -> Option<(Row, usize)> {
    // Keys in the order in which they came, each with its last value.
    let mut items: Vec<(Key, FlatValue)> = Vec::new();
    let mut times: Vec<i64> = Vec::new();
    let mut stats: BTreeMap<Key, (Unit, u8, Stats)> = BTreeMap::new();
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let first = rows.first()?.1;
    let (mut taken, mut readings) = (0usize, 0u64);
    for (time, row) in rows {
        let changes = row.items.iter().any(|(key, value)| {
            let FlatValue::Number(Quantity { value, unit }) = value else { return false };
            stats.get(key).is_some_and(|(of, scale, _)| of != unit || *scale != value.scale())
        });
        if changes || !clock(row).eq(clock(first)) {
            break;
        }
        taken += 1;
        readings += if level == 0 { 1 } else { readings_of(row)? };
        for (key, value) in row.items.iter().filter(|(key, _)| !key.contains('#')) {
            let time = if level == 0 { *time } else { time_of(row, key, *time) };
            match places.get(key) {
                Some(place) => (items[*place].1, times[*place]) = (value.clone(), time),
                None => {
                    places.insert(key.clone(), items.len());
                    items.push((key.clone(), value.clone()));
                    times.push(time);
                }
            }
            let FlatValue::Number(Quantity { value, unit }) = value else { continue };
            if !is_measured(key) {
                continue;
            }
            let number = match level {
                0 => Stats::of(time, value.mantissa()),
                _ => joined(row, key, time, *value)?,
            };
            let of_key = stats.entry(key.clone());
            of_key.and_modify(|(.., stats)| stats.add(&number)).or_insert((*unit, value.scale(), number));
        }
    }
    let (end, last) = rows.get(taken.checked_sub(1)?)?;
    let number = |number: i128, scale: u8, unit: Unit| {
        Some(FlatValue::Number(Quantity { value: Decimal::new(number, scale)?, unit }))
    };
    for (place, time) in times.into_iter().enumerate().filter(|(_, time)| time < end) {
        let name: Key = format!("{}{BEFORE}", items[place].0).into();
        needed.insert(name.clone());
        items.push((name, number((end - time).into(), 0, Unit::Second)?));
    }
    items.push((COUNT.into(), number(readings.into(), 0, Unit::One)?));
    for (key, (unit, scale, stats)) in stats {
        let (time, last) = stats.last;
        let count = constant(time, last, Some(readings)).count;
        let rest = constant(time, last, Some(stats.count));
        let told = [stats.min, stats.max, stats.sum, stats.count.into()];
        let follows = [rest.min, rest.max, rest.sum, count.into()];
        for ((end, told), follows) in ENDS.into_iter().zip(told).zip(follows) {
            let name: Key = format!("{key}#{end}").into();
            let (unit, scale) = if end == "count" { (Unit::One, 0) } else { (unit, scale) };
            items.push((name.clone(), number(told, scale, unit)?));
            if told != follows {
                needed.insert(name);
            }
        }
    }
    Some((Row { received_at: last.received_at, proof: last.proof, items }, taken))
}

/// The number of a column of a row.
fn number_of(row: &Row, key: &str) -> Option<i128> {
    row.items.iter().find_map(|(other, value)| match value {
        FlatValue::Number(quantity) if other == key => Some(quantity.value.mantissa()),
        _ => None,
    })
}

/// How many readings a row that is a span already was.
fn readings_of(row: &Row) -> Option<u64> {
    number_of(row, COUNT).map_or(Some(1), |count| u64::try_from(count).ok())
}

/// What a number of a row that is a span already came to.
fn joined(row: &Row, key: &str, time: i64, last: Decimal) -> Option<Stats> {
    let count = match number_of(row, &format!("{key}{COUNT}")) {
        Some(count) => u64::try_from(count).ok()?,
        None => readings_of(row)?,
    };
    let mut stats = constant(time, last.mantissa(), Some(count));
    for (other, value) in &row.items {
        let end = other.strip_prefix(key).and_then(|rest| rest.strip_prefix('#'));
        if let (Some(end), FlatValue::Number(quantity)) = (end, value) {
            let number = quantity.value.mantissa();
            match end {
                "min" => stats.min = number,
                "max" => stats.max = number,
                "sum" => stats.sum = number,
                _ => {}
            }
        }
    }
    Some(stats)
}
