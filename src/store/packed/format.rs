//! A table as bytes, and back, column by column as they are asked for.

use super::bytes::{Bytes, fold, put, put_text};
use super::names::Names;
use super::numbers;
use super::table::{Column, MAX_CELLS, MAX_COLUMNS, MAX_SHAPES, MAX_TEXTS, Numbers, Shape, Table};
use crate::meter::record::Key;
use crate::meter::{Proof, Unit};
use crate::p1::decimal::MAX_SCALE;
use crate::store::block::MAX_ROWS;
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
    let mut section = Vec::new();
    numbers::encode(&mut section, &table.received);
    put_text(out, &section);
    for column in &table.columns {
        section.clear();
        if column.kind == Kind::Text {
            put(&mut section, column.texts.len() as u64);
            column.texts.iter().for_each(|text| put_text(&mut section, text));
        }
        numbers::encode(&mut section, &column.numbers);
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

fn read_shape(bytes: &mut Bytes<'_>, columns: usize) -> Result<Shape, Damaged> {
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

/// A block of which everything is known but the values.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) heads: Vec<Head<'a>>,
    pub(super) shapes: Vec<Shape>,
    pub(super) runs: Vec<(usize, usize)>,
    pub(super) rows: usize,
    received: &'a [u8],
}

/// A column whose values are still packed.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) key: Key,
    pub(super) kind: Kind,
    /// How many values it has.
    pub(super) count: usize,
    section: &'a [u8],
}

impl<'a> Opened<'a> {
    /// Reads what [`write()`] wrote of `rows` rows.
    pub(super) fn new(bytes: &'a [u8], rows: usize) -> Result<Self, Damaged> {
        let mut bytes = Bytes(bytes);
        let columns = bytes.at_most(MAX_COLUMNS)?;
        let mut names = Names::default();
        let mut heads = Vec::new();
        for _ in 0..columns {
            let key = names.get(&mut bytes)?;
            let kind = kind_of(bytes.number()?)?;
            heads.push(Head { key, kind, count: 0, section: &[] });
        }
        let shapes = bytes.at_most(MAX_SHAPES)?;
        let shapes: Vec<Shape> =
            (0..shapes).map(|_| read_shape(&mut bytes, columns)).collect::<Result<_, _>>()?;
        let mut opened = Self { heads, shapes, runs: Vec::new(), rows, received: &[] };
        opened.read_runs(&mut bytes)?;
        opened.received = bytes.text()?;
        for head in &mut opened.heads {
            head.section = bytes.text()?;
        }
        if bytes.0.is_empty() { Ok(opened) } else { Err(Damaged) }
    }

    fn read_runs(&mut self, bytes: &mut Bytes<'_>) -> Result<(), Damaged> {
        let (mut rows, mut cells) = (0usize, 0usize);
        for _ in 0..bytes.at_most(MAX_ROWS as usize)? {
            let (shape, length) = (bytes.at_most(MAX_SHAPES)?, bytes.at_most(MAX_ROWS as usize)?);
            let columns = &self.shapes.get(shape).ok_or(Damaged)?.columns;
            (rows, cells) = (rows + length, cells + length * columns.len());
            if length == 0 || rows > self.rows || cells > MAX_CELLS {
                return Err(Damaged);
            }
            for column in columns {
                self.heads[usize::from(*column)].count += length;
            }
            self.runs.push((shape, length));
        }
        if rows == self.rows { Ok(()) } else { Err(Damaged) }
    }

    /// When the rows arrived.
    pub(super) fn received(&self) -> Result<Numbers, Damaged> {
        numbers::decode(&mut Bytes(self.received), self.rows)
    }

    /// The numbers of a column; of texts the places in their list.
    pub(super) fn numbers(&self, column: usize) -> Result<Numbers, Damaged> {
        let head = &self.heads[column];
        let mut bytes = Bytes(head.section);
        if head.kind == Kind::Text {
            for _ in 0..bytes.number()? {
                bytes.text()?;
            }
        }
        numbers::decode(&mut bytes, head.count)
    }

    /// The texts of a column.
    pub(super) fn texts(&self, column: usize) -> Result<Vec<Box<[u8]>>, Damaged> {
        let head = &self.heads[column];
        let mut bytes = Bytes(head.section);
        if head.kind != Kind::Text {
            return Ok(Vec::new());
        }
        let count = bytes.at_most(MAX_ROWS as usize)?;
        (0..count).map(|_| bytes.text().map(Box::from)).collect()
    }

    /// Everything.
    pub(super) fn table(self) -> Result<Table, Damaged> {
        let received = self.received()?;
        let mut columns = Vec::with_capacity(self.heads.len());
        let mut texts = 0;
        for (place, head) in self.heads.iter().enumerate() {
            let column = Column {
                key: head.key.clone(),
                kind: head.kind,
                numbers: self.numbers(place)?,
                texts: self.texts(place)?,
            };
            texts += column.texts.iter().map(|text| text.len()).sum::<usize>();
            columns.push(column);
        }
        if texts > MAX_TEXTS {
            return Err(Damaged);
        }
        Ok(Table::whole(received, columns, self.shapes, self.runs))
    }
}
