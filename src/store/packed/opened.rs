//! A block being read: its columns are decoded as they are asked for, with those that they follow from.

use std::borrow::Cow;

use super::bytes::Bytes;
use super::format::{kind_of, read_shape};
use super::names::Names;
use super::numbers::{self, Told};
use super::table::{Column, MAX_CELLS, MAX_COLUMNS, MAX_SHAPES, MAX_TEXTS, Shape, Table};
use crate::meter::record::Key;
use crate::store::block::MAX_ROWS;
use crate::store::codec::Damaged;
use crate::store::codec::kind::Kind;
use crate::store::columns::Numbers;

/// Columns that follow from each other, one behind the other.
const MAX_DEPTH: usize = 4;

/// A block of which everything is known but the values.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) heads: Vec<Head<'a>>,
    pub(super) shapes: Vec<Shape>,
    pub(super) runs: Vec<(usize, usize)>,
    pub(super) rows: usize,
    received: &'a [u8],
}

/// A column.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) key: Key,
    pub(super) kind: Kind,
    /// How many values it has.
    pub(super) count: usize,
    section: &'a [u8],
    stream: Stream,
}

/// What is known of the numbers of a column.
#[derive(Debug)]
enum Stream {
    /// Nothing yet.
    Packed,
    /// These are they.
    Numbers(Numbers),
    /// They are what is not negative of these.
    Flow(Numbers),
    /// They are what is negative of the flow of this column.
    Opposite(usize),
}

impl<'a> Opened<'a> {
    /// Reads what [`super::format::write`] wrote of `rows` rows.
    pub(super) fn new(bytes: &'a [u8], rows: usize) -> Result<Self, Damaged> {
        let mut bytes = Bytes(bytes);
        let columns = bytes.at_most(MAX_COLUMNS)?;
        let mut names = Names::default();
        let mut heads = Vec::new();
        for _ in 0..columns {
            let key = names.get(&mut bytes)?;
            let kind = kind_of(bytes.number()?)?;
            if heads.iter().any(|other: &Head<'_>| other.kind == kind && other.key == key) {
                return Err(Damaged);
            }
            heads.push(Head { key, kind, count: 0, section: &[], stream: Stream::Packed });
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
        let (mut rows, mut cells, mut met) = (0usize, 0usize, 0usize);
        for _ in 0..bytes.at_most(MAX_ROWS as usize)? {
            let (shape, length) = (bytes.at_most(MAX_SHAPES)?, bytes.at_most(MAX_ROWS as usize)?);
            let columns = &self.shapes.get(shape).ok_or(Damaged)?.columns;
            (rows, cells) = (rows + length, cells + length * columns.len());
            if length == 0 || rows > self.rows || cells > MAX_CELLS {
                return Err(Damaged);
            }
            for column in columns.iter().map(|column| usize::from(*column)) {
                // Columns stand in the order in which the rows met them.
                if column > met {
                    return Err(Damaged);
                }
                met = met.max(column + 1);
                self.heads[column].count += length;
            }
            self.runs.push((shape, length));
        }
        if rows == self.rows && met == self.heads.len() { Ok(()) } else { Err(Damaged) }
    }

    /// The bytes of arrivals, and those of each column.
    pub(super) fn sections(&self) -> (&'a [u8], Vec<&'a [u8]>) {
        (self.received, self.heads.iter().map(|head| head.section).collect())
    }

    /// When the rows arrived.
    pub(super) fn received(&mut self) -> Result<Numbers, Damaged> {
        match numbers::told(self.received, self.rows)? {
            Told::Coded { against: false, others, series } => self.stream(&others, series, self.rows, 0),
            _ => Err(Damaged),
        }
    }

    /// Decodes a column, unless it is already.
    pub(super) fn load(&mut self, column: usize) -> Result<(), Damaged> {
        self.load_at(column, 0)
    }

    fn load_at(&mut self, column: usize, depth: usize) -> Result<(), Damaged> {
        let head = self.heads.get(column).ok_or(Damaged)?;
        if !matches!(head.stream, Stream::Packed) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(Damaged);
        }
        let (section, count) = (head.numbers()?, head.count);
        let stream = match numbers::told(section, count)? {
            Told::Wide(values) => Stream::Numbers(Numbers::Wide(values)),
            Told::Opposite(other) => {
                self.load_at(other, depth + 1)?;
                match &self.heads[other].stream {
                    Stream::Flow(flow) if flow.len() == count => Stream::Opposite(other),
                    _ => return Err(Damaged),
                }
            }
            Told::Coded { against, others, series } => {
                let numbers = self.stream(&others, series, count, depth)?;
                if against { Stream::Flow(numbers) } else { Stream::Numbers(numbers) }
            }
        };
        self.heads[column].stream = stream;
        Ok(())
    }

    fn stream(
        &mut self,
        others: &[(usize, i64)],
        series: &[u8],
        count: usize,
        depth: usize,
    ) -> Result<Numbers, Damaged> {
        for (other, _) in others {
            self.load_at(*other, depth + 1)?;
        }
        let series_of = |(other, factor): &(usize, i64)| match &self.heads[*other].stream {
            Stream::Numbers(numbers) | Stream::Flow(numbers) => Ok((numbers, *factor)),
            _ => Err(Damaged),
        };
        let others: Vec<_> = others.iter().map(series_of).collect::<Result<_, _>>()?;
        numbers::stream(series, count, &others)
    }

    /// Whether a column that is loaded has numbers beyond an `i64`.
    pub(super) fn is_wide(&self, column: usize) -> bool {
        matches!(self.heads[column].stream, Stream::Numbers(Numbers::Wide(_)))
    }

    /// The numbers of a column that is loaded.
    pub(super) fn numbers(&self, column: usize) -> Cow<'_, Numbers> {
        match &self.heads[column].stream {
            Stream::Numbers(numbers) => Cow::Borrowed(numbers),
            Stream::Flow(flow) => Cow::Owned(over(flow, |value| value.max(0))),
            Stream::Opposite(other) => match &self.heads[*other].stream {
                Stream::Flow(flow) => Cow::Owned(over(flow, |value| value.wrapping_neg().max(0))),
                _ => Cow::Owned(Numbers::default()),
            },
            Stream::Packed => Cow::Owned(Numbers::default()),
        }
    }

    /// The same, for the last time: no column that follows from it can be loaded any more.
    pub(super) fn take(&mut self, column: usize) -> Numbers {
        match &mut self.heads[column].stream {
            Stream::Numbers(numbers) => std::mem::take(numbers),
            _ => self.numbers(column).into_owned(),
        }
    }

    /// The bytes of arrivals and columns by name.
    pub(super) fn parts(&self) -> Vec<(String, usize)> {
        let columns = self.heads.iter().map(|head| (head.key.to_string(), head.section.len()));
        [("received_at".to_owned(), self.received.len())].into_iter().chain(columns).collect()
    }

    /// Everything.
    pub(super) fn table(mut self) -> Result<Table, Damaged> {
        let received = self.received()?;
        for column in 0..self.heads.len() {
            self.load(column)?;
        }
        let mut columns = Vec::with_capacity(self.heads.len());
        let mut texts = 0;
        for place in 0..self.heads.len() {
            let numbers = self.take(place);
            let head = &self.heads[place];
            let column = Column { key: head.key.clone(), kind: head.kind, numbers, texts: head.texts()? };
            texts += column.texts.iter().map(|text| text.len()).sum::<usize>();
            columns.push(column);
        }
        if texts > MAX_TEXTS {
            return Err(Damaged);
        }
        Ok(Table::whole(received, columns, self.shapes, self.runs))
    }
}

fn over(flow: &Numbers, make: impl Fn(i64) -> i64) -> Numbers {
    match flow {
        Numbers::Same(value, count) => Numbers::Same(make(*value), *count),
        Numbers::Each(values) => Numbers::Each(values.iter().map(|value| make(*value)).collect()),
        Numbers::Wide(_) => Numbers::default(),
    }
}

impl<'a> Head<'a> {
    /// What tells its numbers, behind its texts.
    fn numbers(&self) -> Result<&'a [u8], Damaged> {
        let mut bytes = Bytes(self.section);
        if self.kind == Kind::Text {
            for _ in 0..bytes.number()? {
                bytes.text()?;
            }
        }
        Ok(bytes.0)
    }

    fn texts(&self) -> Result<Vec<Box<[u8]>>, Damaged> {
        if self.kind != Kind::Text {
            return Ok(Vec::new());
        }
        let mut bytes = Bytes(self.section);
        let count = bytes.at_most(MAX_ROWS as usize)?;
        (0..count).map(|_| bytes.text().map(Box::from)).collect()
    }
}
