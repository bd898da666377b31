//! The columns of a block that somebody asks for, and the times of its rows.

use std::borrow::Cow;

use super::opened::{Head, Opened};
use super::table::{Shape, value};
use crate::store::codec::kind::Kind;
use crate::store::codec::{Damaged, Row};
use crate::store::columns::{Columns, NumberColumn, Numbers};

/// How the rows of one shape tell their time.
#[derive(Debug)]
enum Clock {
    /// By when they arrived.
    Ours,
    /// By the columns of the meter's clock and its offset.
    Meter(usize, usize),
    /// In an odd way, to be read like any row, by these columns.
    Odd(Vec<Telling>),
}

/// A column that tells a time, as one shape has it.
#[derive(Debug)]
struct Telling {
    column: usize,
    /// How often a row has it, and how often before this one.
    in_row: usize,
    before: usize,
}

fn tells_time(key: &str) -> bool {
    key == "time" || key.starts_with("time/")
}

/// The columns that are wanted, in the order in which the block met them.
pub(super) fn columns(opened: &mut Opened<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<Columns, Damaged> {
    let times = times(opened)?;
    let number = |head: &Head<'_>| matches!(head.kind, Kind::Number { .. }) && wanted(&head.key);
    let places: Vec<usize> = (0..opened.heads.len()).filter(|place| number(&opened.heads[*place])).collect();
    for place in &places {
        opened.load(*place)?;
    }
    let mut numbers = Vec::with_capacity(places.len());
    for place in places {
        let head = &opened.heads[place];
        if let Kind::Number { unit, scale } = head.kind {
            let (key, rows) = (head.key.clone(), rows_with(opened, place));
            numbers.push(NumberColumn { key, unit, scale, rows, values: opened.take(place) });
        }
    }
    Ok(Columns { times, numbers })
}

/// The rows that have a column; empty when each has it once.
fn rows_with(opened: &Opened<'_>, column: usize) -> Vec<u32> {
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
    let received = opened.received()?;
    for place in 0..opened.heads.len() {
        if tells_time(&opened.heads[place].key) {
            opened.load(place)?;
        }
    }
    let opened = &*opened;
    let clocks: Vec<Clock> = opened.shapes.iter().map(|shape| clock(opened, shape)).collect();
    // How many values of each column are behind us.
    let mut next = vec![0; opened.heads.len()];
    let mut times = Vec::with_capacity(opened.rows);
    for (shape, length) in &opened.runs {
        let rows = times.len()..times.len() + length;
        let arrived = |row: usize| i64::try_from(received.at(row)).map_err(|_| Damaged);
        let columns = &opened.shapes[*shape].columns;
        match &clocks[*shape] {
            Clock::Ours => {
                for row in rows {
                    times.push(arrived(row)?.div_euclid(1_000));
                }
            }
            Clock::Meter(time, offset) => {
                let (first, first_offset) = (next[*time], next[*offset]);
                let (time, offset) = (opened.numbers(*time), opened.numbers(*offset));
                let seconds = |place| time.at(first + place) - offset.at(first_offset + place);
                times.extend((0..*length).map(|place| seconds(place) as i64));
            }
            Clock::Odd(columns) => {
                let proof = opened.shapes[*shape].proof;
                let telling: Vec<_> = columns.iter().map(|of| (of, opened.numbers(of.column))).collect();
                for (place, row) in rows.enumerate() {
                    let item = |(of, numbers): &(&Telling, Cow<'_, Numbers>)| {
                        let head = &opened.heads[of.column];
                        let number = numbers.at(next[of.column] + place * of.in_row + of.before);
                        Ok((head.key.clone(), value(head.kind, number, &[]).ok_or(Damaged)?))
                    };
                    let items = telling.iter().map(item).collect::<Result<_, _>>()?;
                    let row = Row { received_at: arrived(row)?, proof, items };
                    times.push(row.into_reading().utc_seconds());
                }
            }
        }
        columns.iter().for_each(|column| next[usize::from(*column)] += length);
    }
    Ok(times)
}

fn clock(opened: &Opened<'_>, shape: &Shape) -> Clock {
    let mut times = vec![0; opened.heads.len()];
    let mut telling = Vec::new();
    for column in shape.columns.iter().map(|column| usize::from(*column)) {
        let head = &opened.heads[column];
        // A text tells no time.
        if tells_time(&head.key) && head.kind != Kind::Text {
            telling.push(Telling { column, in_row: 0, before: times[column] });
        }
        times[column] += 1;
    }
    telling.iter_mut().for_each(|telling| telling.in_row = times[telling.column]);
    let is = |column: usize, key: &str, whole: bool| {
        let head = &opened.heads[column];
        let kind = match head.kind {
            Kind::Time { .. } => !whole,
            Kind::Number { scale, .. } => whole && scale == 0,
            _ => false,
        };
        kind && head.key == key && !opened.is_wide(column)
    };
    match &telling[..] {
        [] => Clock::Ours,
        [time, offset] if is(time.column, "time", false) && is(offset.column, "time/offset", true) => {
            Clock::Meter(time.column, offset.column)
        }
        _ => Clock::Odd(telling),
    }
}
