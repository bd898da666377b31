//! Rows the other way round: what each column holds, and which rows have which columns.

use crate::meter::record::{FlatValue, Key};
use crate::meter::{Proof, Quantity};
use crate::p1::Decimal;
use crate::store::block::MAX_ROWS;
use crate::store::codec::kind::{Kind, digits, from_digits, from_seconds};
use crate::store::codec::{Damaged, Refused, Row};

/// Columns of one block.
pub(super) const MAX_COLUMNS: usize = 4_096;
/// Shapes of one block.
pub(super) const MAX_SHAPES: usize = 256;
/// Values of one block. Rows that have more are packed one after the other.
pub(super) const MAX_CELLS: usize = 1 << 21;
/// Bytes of all texts of a block, each counted once.
pub(super) const MAX_TEXTS: usize = 1 << 22;
/// Texts among which one that comes again is looked for.
const MAX_SEARCH: usize = 64;
/// Bytes of a column's name.
pub(super) const MAX_KEY: usize = 255;

/// Numbers of a column, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// So many times the same.
    Same(i64, usize),
    /// One by one.
    Each(Vec<i64>),
    /// Those of which some fit in no `i64`.
    Wide(Vec<i128>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Same(0, 0)
    }
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Same(_, count) => *count,
            Self::Each(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// The number at a place, which must be below [`Numbers::len`].
    pub(super) fn at(&self, place: usize) -> i128 {
        match self {
            Self::Same(value, _) => (*value).into(),
            Self::Each(values) => values[place].into(),
            Self::Wide(values) => values[place],
        }
    }

    fn push(&mut self, value: i128, expected: usize) {
        match (&mut *self, i64::try_from(value)) {
            (Self::Same(same, count), Ok(value)) if *count == 0 || *same == value => {
                (*same, *count) = (value, *count + 1);
            }
            (Self::Same(same, count), Ok(value)) => {
                let mut values = Vec::with_capacity(expected.max(*count + 1));
                values.resize(*count, *same);
                values.push(value);
                *self = Self::Each(values);
            }
            (Self::Each(values), Ok(value)) => values.push(value),
            (Self::Wide(values), _) => values.push(value),
            (_, Err(_)) => {
                let values = (0..self.len()).map(|place| self.at(place)).chain([value]).collect();
                *self = Self::Wide(values);
            }
        }
    }
}

/// One column: a name whose kind changes has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) key: Key,
    pub(super) kind: Kind,
    /// Its values; of texts their places in `texts`.
    pub(super) numbers: Numbers,
    /// In the order in which they came; each once, unless there are many.
    pub(super) texts: Vec<Box<[u8]>>,
}

/// What a row has: its proof, and its columns in order. A column may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) proof: Proof,
    pub(super) columns: Vec<u16>,
}

/// Rows by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// When the rows arrived.
    pub(super) received: Numbers,
    pub(super) columns: Vec<Column>,
    pub(super) shapes: Vec<Shape>,
    /// Shapes by their places, and how many rows have each.
    pub(super) runs: Vec<(usize, usize)>,
    cells: usize,
    texts: usize,
    /// How many rows are to be expected.
    expected: usize,
}

impl Table {
    /// An empty one, for so many rows.
    pub(super) fn expecting(rows: usize) -> Self {
        Self { expected: rows, ..Self::default() }
    }

    /// The table of what was read; the columns have as many values as the shapes say.
    pub(super) fn whole(
        received: Numbers,
        columns: Vec<Column>,
        shapes: Vec<Shape>,
        runs: Vec<(usize, usize)>,
    ) -> Self {
        Self { received, columns, shapes, runs, ..Self::default() }
    }

    /// Adds a row. One that is refused may leave traces: the table is of no use any more.
    pub(super) fn push(&mut self, row: &Row) -> Result<(), Refused> {
        self.cells += row.items.len();
        if self.received.len() >= MAX_ROWS as usize || self.cells > MAX_CELLS {
            return Err(Refused);
        }
        let current = self.runs.last().map(|(shape, _)| *shape);
        let shape = match current.filter(|shape| self.fits(*shape, row)) {
            Some(shape) => shape,
            None => self.shape(row)?,
        };
        match self.runs.last_mut() {
            Some((last, length)) if *last == shape => *length += 1,
            _ => self.runs.push((shape, 1)),
        }
        self.received.push(row.received_at.into(), self.expected);
        for (place, (_, value)) in row.items.iter().enumerate() {
            let column = &mut self.columns[usize::from(self.shapes[shape].columns[place])];
            let number = match value {
                FlatValue::Number(quantity) => quantity.value.mantissa(),
                FlatValue::Time(time) if matches!(column.kind, Kind::Time { .. }) => {
                    time.seconds_as_utc().into()
                }
                FlatValue::Time(time) => digits(*time),
                FlatValue::Text(text) => {
                    let known = column.texts.iter().enumerate().rev().take(MAX_SEARCH);
                    let known = known.filter(|(_, known)| *known == text).map(|(place, _)| place).next();
                    let place = known.unwrap_or_else(|| {
                        self.texts += text.len();
                        column.texts.push(text.clone());
                        column.texts.len() - 1
                    });
                    place as i128
                }
            };
            column.numbers.push(number, self.expected);
        }
        if self.texts > MAX_TEXTS { Err(Refused) } else { Ok(()) }
    }

    fn fits(&self, shape: usize, row: &Row) -> bool {
        let shape = &self.shapes[shape];
        shape.proof == row.proof
            && shape.columns.len() == row.items.len()
            && shape.columns.iter().zip(&row.items).all(|(column, (key, value))| {
                let column = &self.columns[usize::from(*column)];
                column.key == *key && is_of(column.kind, value)
            })
    }

    fn shape(&mut self, row: &Row) -> Result<usize, Refused> {
        if let Some(known) = (0..self.shapes.len()).find(|shape| self.fits(*shape, row)) {
            return Ok(known);
        }
        let mut columns = Vec::with_capacity(row.items.len());
        for (key, value) in &row.items {
            let kind = Kind::of(value);
            let known = self.columns.iter().position(|column| column.kind == kind && column.key == *key);
            columns.push(known.unwrap_or(self.columns.len()) as u16);
            if known.is_none() {
                if self.columns.len() >= MAX_COLUMNS || key.len() > MAX_KEY {
                    return Err(Refused);
                }
                let (numbers, texts) = (Numbers::default(), Vec::new());
                self.columns.push(Column { key: key.clone(), kind, numbers, texts });
            }
        }
        if self.shapes.len() >= MAX_SHAPES {
            return Err(Refused);
        }
        self.shapes.push(Shape { proof: row.proof, columns });
        Ok(self.shapes.len() - 1)
    }
}

/// Whether a value is of a kind: [`Kind::of`], without the way to a date and back where that can be spared.
fn is_of(kind: Kind, value: &FlatValue) -> bool {
    match (kind, value) {
        (Kind::Number { unit, scale }, FlatValue::Number(quantity)) => {
            quantity.unit == unit && quantity.value.scale() == scale
        }
        (Kind::Text, FlatValue::Text(_)) => true,
        (Kind::Time { .. } | Kind::Digits { .. }, FlatValue::Time(_)) => Kind::of(value) == kind,
        _ => false,
    }
}

/// The value that a number of a column stands for; none of damaged bytes.
pub(super) fn value(kind: Kind, number: i128, texts: &[Box<[u8]>]) -> Option<FlatValue> {
    match kind {
        Kind::Number { unit, scale } => {
            Decimal::new(number, scale).map(|value| FlatValue::Number(Quantity { value, unit }))
        }
        Kind::Time { dst } => {
            i64::try_from(number).ok().and_then(|s| from_seconds(s, dst)).map(FlatValue::Time)
        }
        Kind::Digits { dst } => from_digits(number, dst).map(FlatValue::Time),
        Kind::Text => {
            let text = usize::try_from(number).ok().and_then(|place| texts.get(place));
            text.map(|text| FlatValue::Text(text.clone()))
        }
    }
}

/// Walks through the rows of a table.
#[derive(Debug)]
pub(in crate::store) struct Rows {
    table: Table,
    row: usize,
    run: usize,
    in_run: usize,
    /// How many values of each column are behind us.
    next: Vec<usize>,
}

impl Rows {
    /// All rows of a table whose columns have as many values as its shapes say.
    pub(super) fn new(table: Table) -> Self {
        let next = vec![0; table.columns.len()];
        Self { table, row: 0, run: 0, in_run: 0, next }
    }

    fn value(&mut self, column: usize) -> Result<(Key, FlatValue), Damaged> {
        let Column { key, kind, numbers, texts } = &self.table.columns[column];
        let number = numbers.at(self.next[column]);
        self.next[column] += 1;
        let value = value(*kind, number, texts);
        Ok((key.clone(), value.ok_or(Damaged)?))
    }

    fn row(&mut self, shape: usize) -> Result<Row, Damaged> {
        let columns = self.table.shapes[shape].columns.len();
        let mut items = Vec::with_capacity(columns);
        for place in 0..columns {
            let column = self.table.shapes[shape].columns[place];
            items.push(self.value(column.into())?);
        }
        let received_at = i64::try_from(self.table.received.at(self.row)).map_err(|_| Damaged)?;
        self.row += 1;
        Ok(Row { received_at, proof: self.table.shapes[shape].proof, items })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.in_run == self.table.runs.get(self.run)?.1 {
            (self.run, self.in_run) = (self.run + 1, 0);
        }
        self.in_run += 1;
        let row = self.row(self.table.runs[self.run].0);
        if row.is_err() {
            self.run = self.table.runs.len();
        }
        Some(row)
    }
}
