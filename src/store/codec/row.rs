//! Readings as rows of columns, each column coded by what it did before.
//!
//! A row has a shape: its proof and its columns in order, each of a kind (a number with unit and scale, a
//! text, a time with its flag). A shape is written once, then referred to. Codecs are fed rows in one order and
//! give them back in that order; what they learn they learn alike on both sides.

use super::number::{ByteModel, NumberModel};
use super::range::{Bit, Coder, Decoder, Encoder};
use super::relation::{Facts, Filling, Role};
use crate::meter::record::{FlatValue, Key, flatten, unflatten};
use crate::meter::{Proof, Quantity, Reading, Unit, UnixMillis};
use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;

/// Columns that one codec knows; a row with more is refused.
const MAX_COLUMNS: usize = 4_096;
/// Shapes that one codec remembers; further ones are written out each time.
const MAX_SHAPES: usize = 256;
/// Bytes of text in one row.
const MAX_TEXT: usize = 1 << 20;
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

/// Bytes that no encoder wrote.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stored bytes are damaged")]
pub(crate) struct Damaged;

/// A row that this codec cannot take: a new one may, unless the row itself is beyond all measure.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many columns or too much text")]
pub(crate) struct Refused;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number {
        unit: Unit,
        scale: u8,
    },
    Text,
    /// Seconds of a wall clock.
    Time {
        dst: Option<bool>,
    },
    /// A time that is no date, digit by digit.
    Digits {
        dst: Option<bool>,
    },
}

const PROOFS: [Proof; 3] = [Proof::Verified, Proof::Absent, Proof::Failed];
const FLAGS: [Option<bool>; 3] = [None, Some(false), Some(true)];

impl Kind {
    fn of(value: &FlatValue) -> Self {
        match value {
            FlatValue::Number(quantity) => {
                Self::Number { unit: quantity.unit, scale: quantity.value.scale() }
            }
            FlatValue::Text(_) => Self::Text,
            FlatValue::Time(time) if from_seconds(time.seconds_as_utc(), time.dst) == Some(*time) => {
                Self::Time { dst: time.dst }
            }
            FlatValue::Time(time) => Self::Digits { dst: time.dst },
        }
    }

    fn code(self, coder: &mut impl Coder) -> Option<Self> {
        let (kind, detail, scale) = match self {
            Self::Number { unit, scale } => (0, unit as u64, u64::from(scale)),
            Self::Text => (1, 0, 0),
            Self::Time { dst } => (2, flag(dst), 0),
            Self::Digits { dst } => (3, flag(dst), 0),
        };
        let kind = coder.raw(2, kind);
        if kind == 1 {
            return Some(Self::Text);
        }
        let detail = coder.raw(6, detail) as usize;
        Some(match kind {
            0 => Self::Number { unit: *Unit::ALL.get(detail)?, scale: coder.raw(5, scale) as u8 },
            2 => Self::Time { dst: *FLAGS.get(detail)? },
            _ => Self::Digits { dst: *FLAGS.get(detail)? },
        })
    }
}

fn flag(dst: Option<bool>) -> u64 {
    FLAGS.iter().position(|flag| *flag == dst).unwrap_or(0) as u64
}

/// The wall clock of [`LocalTime::seconds_as_utc`]; `None` outside the years that a [`LocalTime`] can hold.
fn from_seconds(seconds: i64, dst: Option<bool>) -> Option<LocalTime> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    let time = jiff::tz::Offset::UTC.to_datetime(time);
    let part = |value: i8| u8::try_from(value).ok();
    Some(LocalTime {
        year: u16::try_from(time.year()).ok()?,
        month: part(time.month())?,
        day: part(time.day())?,
        hour: part(time.hour())?,
        minute: part(time.minute())?,
        second: part(time.second())?,
        dst,
    })
}

fn digits(time: LocalTime) -> i128 {
    [time.month, time.day, time.hour, time.minute, time.second]
        .iter()
        .fold(i128::from(time.year), |all, part| all << 8 | i128::from(*part))
}

fn from_digits(value: i128, dst: Option<bool>) -> Option<LocalTime> {
    let value = u64::try_from(value).ok()?;
    let part = |shift: u32| (value >> shift) as u8;
    let year = u16::try_from(value >> 40).ok()?;
    Some(LocalTime {
        year,
        month: part(32),
        day: part(24),
        hour: part(16),
        minute: part(8),
        second: part(0),
        dst,
    })
}

/// Numbers wider than this are no decimal and no time: predictions stay inside.
const WIDEST: i128 = u64::MAX as i128;

/// One series of numbers with its predictors: the last value, the last step again, what others suggest.
#[derive(Clone, Debug, Default)]
struct Series {
    model: NumberModel,
    last: i128,
    step: i128,
    /// How wrong each predictor was of late.
    costs: [u32; 3],
}

impl Series {
    fn code(&mut self, coder: &mut impl Coder, hint: usize, other: Option<i128>, value: i128) -> i128 {
        let guesses = [self.last, self.last + self.step, other.unwrap_or(self.last)];
        let guesses = guesses.map(|guess| guess.clamp(-WIDEST, WIDEST));
        let best = (0..3).min_by_key(|place| self.costs[*place]).unwrap_or(0);
        let guess = guesses[best];
        let value = (guess + self.model.code(coder, hint, value - guess)).clamp(-WIDEST, WIDEST);
        for (cost, guess) in self.costs.iter_mut().zip(guesses) {
            let wrong = (value - guess).unsigned_abs().min(1 << 16) as u32;
            *cost = *cost - cost.div_ceil(16) + 16 * wrong;
        }
        self.step = value - self.last;
        self.last = value;
        value
    }
}

#[derive(Clone, Debug)]
struct Column {
    key: Key,
    kind: Kind,
    role: Role,
    series: Series,
    filling: Filling,
    text: Box<[u8]>,
    same: Bit,
}

impl Column {
    fn new(key: Key, kind: Kind) -> Self {
        let role = match kind {
            Kind::Number { unit, scale } => Role::of(&key, unit, scale),
            _ => Role::Plain,
        };
        Self {
            key,
            kind,
            role,
            series: Series::default(),
            filling: Filling::default(),
            text: Box::default(),
            same: Bit::default(),
        }
    }

    fn number(&mut self, coder: &mut impl Coder, facts: &mut Facts, value: i128) -> i128 {
        match self.role {
            Role::Plain => self.series.code(coder, 0, None, value),
            Role::Power(place) => {
                let value = self.series.code(coder, 0, facts.remainder(place), value);
                facts.note(place, value);
                value
            }
            Role::Register(place) => {
                let (rise, hint) = self.filling.expect(facts, place);
                let last = self.series.last;
                let value = self.series.code(coder, hint, Some(last + rise), value);
                self.filling.rose(value - last);
                value
            }
        }
    }

    fn code(
        &mut self,
        coder: &mut impl Coder,
        shared: &mut Shared,
        value: Option<&FlatValue>,
    ) -> Result<FlatValue, Damaged> {
        let wanted = match value {
            Some(FlatValue::Number(quantity)) => quantity.value.mantissa(),
            Some(FlatValue::Time(time)) if matches!(self.kind, Kind::Time { .. }) => {
                i128::from(time.seconds_as_utc())
            }
            Some(FlatValue::Time(time)) => digits(*time),
            Some(FlatValue::Text(text)) => {
                return self.code_text(coder, shared, text).map(FlatValue::Text);
            }
            None if self.kind == Kind::Text => {
                return self.code_text(coder, shared, &[]).map(FlatValue::Text);
            }
            None => 0,
        };
        let number = self.number(coder, &mut shared.facts, wanted);
        match self.kind {
            Kind::Number { unit, scale } => {
                Decimal::new(number, scale).map(|value| FlatValue::Number(Quantity { value, unit }))
            }
            Kind::Time { dst } => {
                i64::try_from(number).ok().and_then(|s| from_seconds(s, dst)).map(FlatValue::Time)
            }
            Kind::Digits { dst } => from_digits(number, dst).map(FlatValue::Time),
            Kind::Text => None,
        }
        .ok_or(Damaged)
    }

    fn code_text(
        &mut self,
        coder: &mut impl Coder,
        shared: &mut Shared,
        wanted: &[u8],
    ) -> Result<Box<[u8]>, Damaged> {
        if !coder.bit(&mut self.same, *wanted == *self.text) {
            let text = shared.bytes.code(coder, wanted, MAX_TEXT).ok_or(Damaged)?;
            self.text = text.into_boxed_slice();
        }
        Ok(self.text.clone())
    }
}

/// What all columns learn together.
#[derive(Clone, Debug, Default)]
struct Shared {
    facts: Facts,
    bytes: ByteModel,
}

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

fn text_len(value: &FlatValue) -> usize {
    match value {
        FlatValue::Text(text) => text.len(),
        _ => 0,
    }
}
