//! The kinds of columns, and times as numbers.

use super::range::Coder;
use crate::meter::Unit;
use crate::meter::record::FlatValue;
use crate::p1::timestamp::LocalTime;

/// Of what kind a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Decimals of one unit and scale.
    Number { unit: Unit, scale: u8 },
    /// Bytes.
    Text,
    /// Seconds of a wall clock.
    Time { dst: Option<bool> },
    /// A time that is no date, digit by digit.
    Digits { dst: Option<bool> },
}

const FLAGS: [Option<bool>; 3] = [None, Some(false), Some(true)];

impl Kind {
    pub(crate) fn of(value: &FlatValue) -> Self {
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

    /// Codes a kind; `None` of damaged bytes.
    pub(crate) fn code(self, coder: &mut impl Coder) -> Option<Self> {
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
pub(crate) fn from_seconds(seconds: i64, dst: Option<bool>) -> Option<LocalTime> {
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

/// A time digit by digit.
pub(crate) fn digits(time: LocalTime) -> i128 {
    [time.month, time.day, time.hour, time.minute, time.second]
        .iter()
        .fold(i128::from(time.year), |all, part| all << 8 | i128::from(*part))
}

/// The time of [`digits`].
pub(crate) fn from_digits(value: i128, dst: Option<bool>) -> Option<LocalTime> {
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
