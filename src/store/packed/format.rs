//! A table as bytes: names and kinds, shapes and which rows have which, when the rows arrived, the columns.

use super::bytes::{Bytes, fold, put, put_text};
use super::names::Names;
use super::numbers;
use super::relation::Relations;
use super::table::{MAX_CELLS, Shape, Table};
use crate::meter::{Proof, Unit};
use crate::p1::decimal::MAX_SCALE;
use crate::store::codec::Damaged;
use crate::store::codec::kind::Kind;

const PROOFS: [Proof; 4] = [Proof::Verified, Proof::Absent, Proof::Failed, Proof::Unauthenticated];
const FLAGS: [Option<bool>; 3] = [None, Some(false), Some(true)];

/// Kinds as numbers: a text, times by their flags, times that are no date, and from here on numbers.
const TIMES: u64 = 1;
const DIGITS: u64 = 4;
const NUMBERS: u64 = 8;
/// Units that the numbers of kinds have room for.
const UNITS: u64 = 16;

fn place<T: PartialEq>(all: &[T], one: &T) -> u64 {
    all.iter().position(|other| other == one).unwrap_or(0) as u64
}

/// A kind as a number.
pub(super) fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Text => 0,
        Kind::Time { dst } => TIMES + place(&FLAGS, &dst),
        Kind::Digits { dst } => DIGITS + place(&FLAGS, &dst),
        Kind::Number { unit, scale } => NUMBERS + u64::from(scale) * UNITS + unit as u64,
    }
}

/// The kind of [`kind_number`].
pub(super) fn kind_of(number: u64) -> Result<Kind, Damaged> {
    let flag = |first| FLAGS.get((number - first) as usize).copied().ok_or(Damaged);
    Ok(match number {
        0 => Kind::Text,
        TIMES..DIGITS => Kind::Time { dst: flag(TIMES)? },
        DIGITS..NUMBERS => Kind::Digits { dst: flag(DIGITS)? },
        _ => {
            let (scale, unit) = ((number - NUMBERS) / UNITS, (number - NUMBERS) % UNITS);
            let scale = u8::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE).ok_or(Damaged)?;
            Kind::Number { unit: *Unit::ALL.get(unit as usize).ok_or(Damaged)?, scale }
        }
    })
}

/// Writes a table.
pub(super) fn write(out: &mut Vec<u8>, table: &Table) {
    put(out, table.columns.len() as u64);
    let mut names = Names::default();
    for column in &table.columns {
        names.put(out, &column.key);
        put(out, kind_number(column.kind));
    }
    put(out, table.shapes.len() as u64);
    table.shapes.iter().for_each(|shape| write_shape(out, shape, table.columns.len()));
    put(out, table.runs.len() as u64);
    for (shape, length) in &table.runs {
        put(out, *shape as u64);
        put(out, *length as u64);
    }
    let relations = Relations::of(table);
    let mut section = Vec::new();
    let (plan, received) = relations.received();
    numbers::encode(&mut section, &table.received, &plan, Some(&received));
    put_text(out, &section);
    for (place, column) in table.columns.iter().enumerate() {
        section.clear();
        if column.kind == Kind::Text {
            put(&mut section, column.texts.len() as u64);
            column.texts.iter().for_each(|text| put_text(&mut section, text));
        }
        let plan = &relations.plans[place];
        numbers::encode(&mut section, &column.numbers, plan, relations.coded(place).as_deref());
        put_text(out, &section);
    }
}

/// The proof, and whether the columns are all there are, in order; else their places, by their steps.
fn write_shape(out: &mut Vec<u8>, shape: &Shape, columns: usize) {
    let all = shape.columns.iter().map(|column| usize::from(*column)).eq(0..columns);
    put(out, place(&PROOFS, &shape.proof) << 1 | u64::from(all));
    if !all {
        put(out, shape.columns.len() as u64);
        let mut next = 0i64;
        for column in &shape.columns {
            put(out, fold(i64::from(*column) - next));
            next = i64::from(*column) + 1;
        }
    }
}

/// Reads what [`write_shape`] wrote.
pub(super) fn read_shape(bytes: &mut Bytes<'_>, columns: usize) -> Result<Shape, Damaged> {
    let head = bytes.number()?;
    let proof = *PROOFS.get((head >> 1) as usize).ok_or(Damaged)?;
    if head & 1 == 1 {
        return Ok(Shape { proof, columns: (0..columns as u16).collect() });
    }
    let count = bytes.at_most(MAX_CELLS.min(bytes.0.len()))?;
    let mut next = 0i64;
    let mut column = || {
        let column = next.checked_add(bytes.signed()?).ok_or(Damaged)?;
        next = column + 1;
        u16::try_from(column).ok().filter(|column| usize::from(*column) < columns).ok_or(Damaged)
    };
    let columns = (0..count).map(|_| column()).collect::<Result<_, _>>()?;
    Ok(Shape { proof, columns })
}
