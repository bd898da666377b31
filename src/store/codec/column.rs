//! One column: its predictors, and how a value is coded from them.

use super::kind::{Kind, digits, from_digits, from_seconds};
use super::number::{ByteModel, NumberModel};
use super::range::{Bit, Coder};
use super::relation::{Facts, Filling, Role};
use crate::meter::Quantity;
use crate::meter::record::{FlatValue, Key};
use crate::p1::Decimal;

/// Bytes of text in one row.
pub(super) const MAX_TEXT: usize = 1 << 20;

/// Bytes that no encoder wrote.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stored bytes are damaged")]
pub(crate) struct Damaged;

/// Numbers wider than this are no decimal and no time: predictions stay inside.
const WIDEST: i128 = u64::MAX as i128;

/// One series of numbers with its predictors: the last value, the last step again, what others suggest.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    model: NumberModel,
    /// The last value.
    pub(super) last: i128,
    /// By how much it differed from the one before.
    pub(super) step: i128,
    /// How wrong each predictor was of late.
    costs: [u32; 3],
}

impl Series {
    /// Codes the next value; `other` is what other columns suggest.
    pub(super) fn code(
        &mut self,
        coder: &mut impl Coder,
        hint: usize,
        other: Option<i128>,
        value: i128,
    ) -> i128 {
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

/// A column and what it has learnt.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) key: Key,
    pub(super) kind: Kind,
    role: Role,
    pub(super) series: Series,
    filling: Filling,
    text: Box<[u8]>,
    same: Bit,
}

impl Column {
    pub(super) fn new(key: Key, kind: Kind) -> Self {
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

    /// Codes the column's next value: that given, or of a decoder whatever comes.
    pub(super) fn code(
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
pub(super) struct Shared {
    pub(super) facts: Facts,
    pub(super) bytes: ByteModel,
}

/// Bytes of text in a value.
pub(super) fn text_len(value: &FlatValue) -> usize {
    match value {
        FlatValue::Text(text) => text.len(),
        _ => 0,
    }
}
