//! What has positions: the registers of a meter and the devices on its M-Bus.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::meter::{Field, MbusClass, Unit};
use crate::p1::Decimal;

/// Which register of a piece of equipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// An energy register of the electricity meter: a tariff or the total, taken or given.
    Energy(Field),
    /// What a device on the M-Bus counts.
    Device {
        /// What it measures.
        class: MbusClass,
        /// Its channel, for a device that told no identifier; else none, since a device may change channels.
        channel: Option<u8>,
    },
}

/// What a position is a position of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey {
    /// The identifier of the electricity meter or of the device, readable; empty for one that told none.
    pub equipment: Arc<str>,
    /// Its register.
    pub register: Register,
    /// How often the register started anew without a new identifier.
    pub generation: u32,
}

/// A position and when it was known: the meter's time, or that of the device, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When.
    pub time: i64,
    /// In the counter's unit, in the meter's resolution.
    pub value: Decimal,
}

/// A counter and how far it is known.
///
/// A register of a later generation of which `first` and `last` are the same is on trial: it may be a stray value.
/// It has no settled positions, and its `first` moves should another stray value come; see [`CounterState::counts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterState {
    /// Of what.
    pub key: CounterKey,
    /// The unit of its positions.
    pub unit: Unit,
    /// The first that was ever known: nothing before it is usage.
    pub first: Position,
    /// The last.
    pub last: Position,
}

/// A rate counts for this much longer than the time between two positions, in seconds: registers are refreshed at
/// times of their own, Norway's once an hour. For a register of energy that is 100 kWh at once.
const SLACK_S: i128 = 360;

impl CounterState {
    /// A counter of which one position is known.
    pub(super) fn new(key: CounterKey, unit: Unit, first: Position) -> Self {
        Self { key, unit, first, last: first }
    }

    /// Whether it is a register's position: not one on trial, after a single value that fits no other.
    pub fn counts(&self) -> bool {
        self.key.generation == 0 || self.first != self.last
    }

    /// The value with which the counter goes on at a position; `None` when the position cannot be its next.
    ///
    /// It cannot be earlier, nor lower, save for the digits that a meter no longer sends, nor further on than any
    /// connection carries in the time between.
    pub(super) fn next(&self, at: Position, unit: Unit) -> Option<Decimal> {
        let last = self.last.value;
        if unit != self.unit || at.time < self.last.time {
            return None;
        }
        if at.value.cmp_value(last) != Ordering::Less {
            return self.carries(at).then_some(at.value);
        }
        // The meter sends fewer decimals than before, and cuts them off.
        let step = Decimal::new(1, at.value.scale())?;
        let cut = at.value.scale() < last.scale()
            && at.value.checked_add(step)?.cmp_value(last) == Ordering::Greater;
        cut.then_some(last)
    }

    /// Whether a connection carries what lies between the last position and a later one.
    fn carries(&self, at: Position) -> bool {
        let Some(usage) = at.value.checked_sub(self.last.value) else { return false };
        let seconds = i128::from(at.time) - i128::from(self.last.time) + SLACK_S;
        let limit = most_per_hour(self.unit) * seconds;
        // Both sides in the smallest step of the register, times 3600. A magnitude has 20 digits at most.
        let usage = usage.mantissa() * 3_600;
        10_i128
            .checked_pow(usage_scale(at.value, self.last.value))
            .and_then(|ten| limit.checked_mul(ten))
            .is_none_or(|limit| usage <= limit)
    }
}

/// The scale of the difference of two values.
fn usage_scale(a: Decimal, b: Decimal) -> u32 {
    u32::from(a.scale().max(b.scale()))
}

/// What no connection behind a P1 port exceeds in an hour, in the unit: 1 MW of electricity, 1000 m³ of gas or water
/// (the largest gas meters with an M-Bus take a few hundred), 10 GJ of heat (2.8 MW).
fn most_per_hour(unit: Unit) -> i128 {
    if unit == Unit::GigaJoule { 10 } else { 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Field;

    fn at(time: i64, mantissa: i128, scale: u8) -> Position {
        Position { time, value: Decimal::new(mantissa, scale).expect("fits") }
    }

    fn counter(last: Position) -> CounterState {
        let register = Register::Energy(Field::EnergyImportT1);
        CounterState::new(
            CounterKey { equipment: "E1".into(), register, generation: 0 },
            Unit::KiloWattHour,
            last,
        )
    }

    fn next(last: Position, then: Position) -> Option<String> {
        counter(last).next(then, Unit::KiloWattHour).map(|value| value.to_string())
    }

    #[test]
    fn goes_on_from_equal_and_higher_whatever_the_scale() {
        assert_eq!(next(at(0, 1_234_567, 3), at(1, 1_234_567, 3)).as_deref(), Some("1234.567"));
        assert_eq!(next(at(0, 1_234_567, 3), at(1, 12_345_671, 4)).as_deref(), Some("1234.5671"));
        assert_eq!(next(at(0, 1_234_567, 3), at(1, 1_235, 0)).as_deref(), Some("1235"));
        assert_eq!(next(at(0, 1_234_567, 3), at(1, 1_234_566, 3)), None, "lower");
        assert_eq!(next(at(5, 1_234_567, 3), at(4, 1_234_568, 3)), None, "earlier");
    }

    #[test]
    fn decimals_that_are_cut_off_are_no_step_back() {
        assert_eq!(next(at(0, 12_345_679, 4), at(1, 1_234_567, 3)).as_deref(), Some("1234.5679"));
        assert_eq!(next(at(0, 12_345_679, 4), at(1, 1_234_566, 3)), None);
        assert_eq!(next(at(0, 12_345_679, 4), at(1, 12_345_678, 4)), None);
    }

    #[test]
    fn goes_no_further_than_a_connection_carries() {
        let kwh = |n: i128| n * 1_000;
        assert!(next(at(0, 0, 3), at(0, kwh(100), 3)).is_some());
        assert!(next(at(0, 0, 3), at(0, kwh(100) + 1, 3)).is_none());
        assert!(next(at(0, 0, 3), at(3_600, kwh(1_100), 3)).is_some());
        assert!(next(at(0, 0, 3), at(3_600, kwh(1_100) + 1, 3)).is_none());
        assert!(next(at(i64::MIN, 0, 0), at(i64::MAX, 1_000_000_000_000_000, 0)).is_some(), "no overflow");
        assert!(next(at(0, 0, 0), at(0, i128::from(u64::MAX), 0)).is_none());
        assert!(next(at(0, 0, 0), at(i64::MAX, i128::from(u64::MAX), 19)).is_some());
    }

    #[test]
    fn another_unit_is_another_register() {
        assert_eq!(counter(at(0, 1, 0)).next(at(1, 2, 0), Unit::GigaJoule), None);
    }
}
