//! Readings as rows of columns, each column coded by what it did before.
//!
//! A row has a shape: its proof and its columns in order, each of a kind (a number with unit and scale, a
//! text, a time with its flag). A shape is written once, then referred to. Codecs are fed rows in one order and
//! give them back in that order; what they learn they learn alike on both sides.

use super::column::{Column, Damaged, MAX_TEXT, Series, Shared, text_len};
use super::kind::Kind;
use super::range::{Bit, Coder, Decoder, Encoder};
use crate::meter::record::{FlatValue, Key, flatten, unflatten};
use crate::meter::{Proof, Reading, UnixMillis};

/// Columns that one codec knows; a row with more is refused.
const MAX_COLUMNS: usize = 4_096;
/// Shapes that one codec remembers; further ones are written out each time.
const MAX_SHAPES: usize = 256;
/// Bytes of a column's name.
const MAX_KEY: usize = 255;

/// A reading as columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) received_at: UnixMillis,
    pub(crate) proof: Proof,
    pub(crate) items: Vec<(Key, FlatValue)>,
}

impl Row {
    pub(crate) fn of(reading: &Reading) -> Self {
        let mut items = Vec::with_capacity(48);
        flatten(reading, &mut items);
        Self { received_at: reading.received_at, proof: reading.proof, items }
    }

    pub(crate) fn into_reading(self) -> Reading {
        let items = self.items.iter().map(|(key, value)| (key.as_ref(), value.clone()));
        unflatten(self.received_at, self.proof, items)
    }
}

/// A row that this codec cannot take: a new one may, unless the row itself is beyond all measure.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many columns or too much text")]
pub(crate) struct Refused;

const PROOFS: [Proof; 4] = [Proof::Verified, Proof::Absent, Proof::Failed, Proof::Unauthenticated];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    proof: Proof,
    columns: Vec<u16>,
}

/// The codec: one side of a series of rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowCodec {
    columns: Vec<Column>,
    shapes: Vec<Shape>,
    current: Option<Shape>,
    repeat: Bit,
    shared: Shared,
    received: Series,
    /// Between the meter's clock and ours, in ms, smoothed, times 8.
    lag: i128,
    clock: i128,
}

impl RowCodec {
    /// Writes a row. Nothing is written and nothing learnt of a row that is refused.
    pub(crate) fn encode(&mut self, coder: &mut Encoder, row: &Row) -> Result<(), Refused> {
        let text: usize = row.items.iter().map(|(key, value)| key.len() + text_len(value)).sum();
        let kinds: Vec<Kind> = row.items.iter().map(|(_, value)| Kind::of(value)).collect();
        let unknown =
            row.items.iter().zip(&kinds).filter(|((key, _), kind)| self.find(key, **kind).is_none());
        if text > MAX_TEXT
            || unknown.count() + self.columns.len() > MAX_COLUMNS
            || row.items.len() > MAX_COLUMNS
            || row.items.iter().any(|(key, _)| key.len() > MAX_KEY)
        {
            return Err(Refused);
        }
        let fits = |shape: &Shape| {
            shape.proof == row.proof
                && shape.columns.len() == row.items.len()
                && shape.columns.iter().zip(row.items.iter().zip(&kinds)).all(|(column, ((key, _), kind))| {
                    let column = &self.columns[usize::from(*column)];
                    column.kind == *kind && column.key == *key
                })
        };
        let repeats = self.current.as_ref().is_some_and(&fits);
        let known = self.shapes.iter().position(fits);
        if !coder.bit(&mut self.repeat, repeats) {
            let place = known.map_or(0, |place| place as u64 + 1);
            coder.raw(9, place);
            let shape = match known {
                Some(place) => self.shapes[place].clone(),
                None => self.encode_shape(coder, row, &kinds),
            };
            self.current = Some(shape);
        }
        // Coding an own value cannot find it damaged.
        let _ = self.code_values(coder, Some(row));
        Ok(())
    }

    /// The names of its columns.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.key.as_ref())
    }

    fn find(&self, key: &str, kind: Kind) -> Option<usize> {
        self.columns.iter().position(|column| column.kind == kind && column.key == key)
    }

    fn encode_shape(&mut self, coder: &mut Encoder, row: &Row, kinds: &[Kind]) -> Shape {
        coder.raw(2, PROOFS.iter().position(|proof| *proof == row.proof).unwrap_or(0) as u64);
        coder.raw(13, row.items.len() as u64);
        let mut columns = Vec::with_capacity(row.items.len());
        for ((key, _), kind) in row.items.iter().zip(kinds) {
            let place = self.find(key, *kind);
            coder.raw(1, u64::from(place.is_none()));
            let place = place.unwrap_or_else(|| {
                kind.code(coder);
                self.shared.bytes.code(coder, key.as_bytes(), MAX_KEY);
                self.columns.push(Column::new(key.clone(), *kind));
                self.columns.len() - 1
            });
            // Behind a definition this repeats what is known: it costs nothing to speak of.
            coder.raw(12, place as u64);
            columns.push(place as u16);
        }
        self.remember(Shape { proof: row.proof, columns })
    }

    fn remember(&mut self, shape: Shape) -> Shape {
        if self.shapes.len() < MAX_SHAPES {
            self.shapes.push(shape.clone());
        }
        shape
    }

    fn decode_shape<B: AsRef<[u8]>>(&mut self, coder: &mut Decoder<B>) -> Result<Shape, Damaged> {
        let proof = *PROOFS.get(coder.raw(2, 0) as usize).ok_or(Damaged)?;
        let count = coder.raw(13, 0);
        let mut columns = Vec::new();
        for _ in 0..count {
            if coder.overrun() {
                return Err(Damaged);
            }
            if coder.raw(1, 0) == 1 {
                let kind = Kind::Text.code(coder).ok_or(Damaged)?;
                let key = self.shared.bytes.code(coder, &[], MAX_KEY).ok_or(Damaged)?;
                let key = String::from_utf8(key).map_err(|_| Damaged)?;
                if self.columns.len() >= MAX_COLUMNS {
                    return Err(Damaged);
                }
                self.columns.push(Column::new(key.into(), kind));
            }
            let place = coder.raw(12, 0) as u16;
            if usize::from(place) >= self.columns.len() {
                return Err(Damaged);
            }
            columns.push(place);
        }
        Ok(self.remember(Shape { proof, columns }))
    }

    /// Reads the next row.
    pub(crate) fn decode<B: AsRef<[u8]>>(&mut self, coder: &mut Decoder<B>) -> Result<Row, Damaged> {
        if !coder.bit(&mut self.repeat, false) {
            let shape = match coder.raw(9, 0) as usize {
                0 => self.decode_shape(coder)?,
                place => self.shapes.get(place - 1).cloned().ok_or(Damaged)?,
            };
            self.current = Some(shape);
        }
        let row = self.code_values(coder, None)?;
        if coder.overrun() {
            return Err(Damaged);
        }
        Ok(row)
    }

    fn code_values(&mut self, coder: &mut impl Coder, row: Option<&Row>) -> Result<Row, Damaged> {
        let shape = self.current.take().ok_or(Damaged)?;
        let mut items = Vec::with_capacity(if row.is_some() { 0 } else { shape.columns.len() });
        let mut clock = None;
        let mut text = 0;
        for (place, column) in shape.columns.iter().enumerate() {
            let column = &mut self.columns[usize::from(*column)];
            let value = column.code(coder, &mut self.shared, row.map(|row| &row.items[place].1))?;
            if clock.is_none() && matches!(column.kind, Kind::Time { .. }) {
                clock = Some(column.series.last);
                self.shared.facts.elapsed = column.series.step.clamp(0, 3_600) as i64;
            }
            text += text_len(&value);
            if text > MAX_TEXT {
                return Err(Damaged);
            }
            if row.is_none() {
                items.push((column.key.clone(), value));
            }
        }
        let received_at = self.code_received(coder, clock, row.map_or(0, |row| row.received_at));
        let proof = shape.proof;
        self.current = Some(shape);
        Ok(Row { received_at, proof, items })
    }

    /// When the reading arrived: by the meter's clock where it has one, and how late it was of late.
    fn code_received(&mut self, coder: &mut impl Coder, clock: Option<i128>, value: i64) -> i64 {
        let by_clock = clock.map(|clock| {
            // Offsets of daylight saving and a clock put right are jumps: the smoothing starts anew.
            let passed = (clock - self.clock).unsigned_abs();
            if passed > 600 {
                self.lag = (self.received.last - self.clock * 1_000) * 8;
            }
            clock * 1_000 + self.lag / 8
        });
        let value = self.received.code(coder, 0, by_clock, i128::from(value));
        if let Some(clock) = clock {
            let late = value - clock * 1_000;
            let error = late * 8 - self.lag;
            self.lag += if error.unsigned_abs() > 16_000 { error } else { error / 8 };
            self.clock = clock;
        } else {
            self.shared.facts.elapsed = (self.received.step / 1_000).clamp(0, 3_600) as i64;
        }
        // An encoder is given an i64; of damaged bytes whatever comes out is caught by the checksum.
        value.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}
