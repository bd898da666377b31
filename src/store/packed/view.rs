//! The columns of a block that somebody asks for, and the times of its rows.

use super::opened::Opened;
use super::table::{Shape, value};
use crate::store::codec::kind::Kind;
use crate::store::codec::{Damaged, Row};
use crate::store::columns::{Columns, NumberColumn};

/// How the rows of one shape tell their time.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// By when they arrived.
    Ours,
    /// By the columns of the meter's clock and its offset.
    Meter(usize, usize),
    /// In an odd way, to be read like any row.
    Odd,
}

fn tells_time(key: &str) -> bool {
    key == "time" || key.starts_with("time/")
}

/// The columns that are wanted, in the order in which the block met them.
pub(super) fn columns(opened: &mut Opened<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<Columns, Damaged> {
    let times = times(opened)?;
    let mut numbers = Vec::new();
    for place in 0..opened.heads.len() {
        let head = &opened.heads[place];
        if let Kind::Number { unit, scale } = head.kind
            && head.count > 0
            && wanted(&head.key)
        {
            let key = head.key.clone();
            opened.load(place)?;
            let (rows, values) = (places(opened, place), opened.each(place, |value| value));
            numbers.push(NumberColumn { key, unit, scale, rows, values });
        }
    }
    Ok(Columns { times, numbers })
}

/// The rows that have a column; empty when each has it once.
fn places(opened: &Opened<'_>, column: usize) -> Vec<u32> {
    let times = |shape: &Shape| shape.columns.iter().filter(|other| usize::from(**other) == column).count();
    let times: Vec<usize> = opened.shapes.iter().map(times).collect();
    if opened.runs.iter().all(|(shape, _)| times[*shape] == 1) {
        return Vec::new();
    }
    let mut rows = Vec::with_capacity(opened.heads[column].count);
    let mut row = 0u32;
    for (shape, length) in &opened.runs {
        for _ in 0..*length {
            rows.extend(std::iter::repeat_n(row, times[*shape]));
            row += 1;
        }
    }
    rows
}

/// The times of all rows, as [`crate::meter::Reading::utc_seconds`] tells them.
fn times(opened: &mut Opened<'_>) -> Result<Vec<i64>, Damaged> {
    let clocks: Vec<Clock> = opened.shapes.iter().map(|shape| clock(opened, shape)).collect();
    let received = opened.received()?;
    let mut columns = Vec::new();
    for place in 0..opened.heads.len() {
        let tells = tells_time(&opened.heads[place].key);
        if tells {
            opened.load(place)?;
        }
        columns.push((if tells { opened.each(place, |value| value) } else { Vec::new() }, 0));
    }
    let mut times = Vec::with_capacity(opened.rows);
    for (shape, length) in &opened.runs {
        for _ in 0..*length {
            let arrived = i64::try_from(received.at(times.len())).map_err(|_| Damaged)?;
            times.push(match clocks[*shape] {
                Clock::Ours => arrived.div_euclid(1_000),
                Clock::Meter(time, offset) => {
                    let seconds = columns[time].0[columns[time].1] - columns[offset].0[columns[offset].1];
                    i64::try_from(seconds).map_err(|_| Damaged)?
                }
                Clock::Odd => odd(opened, &opened.shapes[*shape], &columns, arrived)?,
            });
            for column in &opened.shapes[*shape].columns {
                columns[usize::from(*column)].1 += 1;
            }
        }
    }
    Ok(times)
}

fn clock(opened: &Opened<'_>, shape: &Shape) -> Clock {
    let telling: Vec<usize> = shape
        .columns
        .iter()
        .map(|column| usize::from(*column))
        .filter(|column| tells_time(&opened.heads[*column].key))
        .collect();
    let is = |column: usize, key: &str, whole: bool| {
        let head = &opened.heads[column];
        let kind = match head.kind {
            Kind::Time { .. } => !whole,
            Kind::Number { scale, .. } => whole && scale == 0,
            _ => false,
        };
        kind && head.key == key
    };
    match telling[..] {
        [] => Clock::Ours,
        [time, offset] if is(time, "time", false) && is(offset, "time/offset", true) => {
            Clock::Meter(time, offset)
        }
        _ => Clock::Odd,
    }
}

/// The time of a row, from its columns that tell it.
fn odd(
    opened: &Opened<'_>,
    shape: &Shape,
    columns: &[(Vec<i128>, usize)],
    received_at: i64,
) -> Result<i64, Damaged> {
    let mut seen: Vec<usize> = Vec::new();
    let mut items = Vec::new();
    for column in shape.columns.iter().map(|column| usize::from(*column)) {
        let head = &opened.heads[column];
        if !tells_time(&head.key) {
            continue;
        }
        let (numbers, next) = &columns[column];
        let again = seen.iter().filter(|other| **other == column).count();
        seen.push(column);
        // A text tells no time.
        if head.kind != Kind::Text {
            let value = value(head.kind, numbers[next + again], &[]).ok_or(Damaged)?;
            items.push((head.key.clone(), value));
        }
    }
    Ok(Row { received_at, proof: shape.proof, items }.into_reading().utc_seconds())
}
