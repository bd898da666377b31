//! The limits that a grid operator sets: how much power, and how much current either way.

use super::profile::{self, split};
use super::reading::{Cell, Quantity, Reading};
use super::register::Field;
use super::unit::Unit;

/// A threshold above which the meter cuts off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The number the meter gives, in kW, kVA or A; in [`Unit::One`] when it does not say.
    pub threshold: Quantity,
}

impl Limit {
    /// Whether nothing is limited: meters write the largest number that fits, `999.9` or `99.999`, or zero.
    pub fn is_off(self) -> bool {
        let mut digits = self.threshold.value.magnitude();
        if digits == 0 {
            return true;
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
        }
        digits >= 999 && digits.to_string().bytes().all(|digit| digit == b'9')
    }
}

/// The limits of current in both directions, with the sign the meter gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLimits {
    /// From the grid.
    pub import: Option<Quantity>,
    /// Into the grid; meters write it below zero.
    pub export: Option<Quantity>,
}

impl Reading {
    /// The limit in a field: [`Field::LimiterThreshold`] or a phase's [`Field::CurrentLimitL1`].
    pub fn limit(&self, field: Field) -> Option<Limit> {
        match self.get(field)? {
            Cell::Number(threshold) => Some(Limit { threshold }),
            Cell::Text(_) => None,
        }
    }

    /// The limits of current of both directions, as Luxembourg's meters give them in two pairs of brackets and
    /// Sibelga's in one.
    pub fn current_limits(&self) -> Option<CurrentLimits> {
        let text = self.text(Field::CurrentLimits)?;
        let mut limits = split(text).flat_map(|group| group.split(|&byte| byte == b','));
        let mut next = || profile::quantity(limits.next()?).filter(|limit| limit.unit == Unit::Ampere);
        let limits = CurrentLimits { import: next(), export: next() };
        (limits.import.is_some() || limits.export.is_some()).then_some(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Proof;

    #[test]
    fn nines_and_zero_are_off() {
        for (text, off) in [
            ("999.9*kW", true),
            ("999.9*kVA", true),
            ("99.999*kW", true),
            ("0999.00*kW", true),
            ("999*A", true),
            ("00000", true),
            ("99*A", false),
            ("069.0*kVA", false),
            ("016*A", false),
            ("24000*W", false),
            ("9.9*kW", false),
            ("989.9*kW", false),
            ("16500", false),
        ] {
            let threshold = profile::quantity(text.as_bytes()).expect("a number");
            assert_eq!(Limit { threshold }.is_off(), off, "{text}");
        }
    }

    #[test]
    fn both_directions_in_either_form() {
        let limits = |text: &[u8]| {
            let mut reading = Reading::new(0, Proof::Absent);
            reading.set_text(Field::CurrentLimits, text);
            let shown = |limit: Option<Quantity>| limit.map(|limit| limit.value.to_string());
            reading.current_limits().map(|limits| (shown(limits.import), shown(limits.export)))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(limits(b"100*A)(-063*A"), Some((some("100"), some("-63"))));
        assert_eq!(limits(b"65.0*A,-65.0*A"), Some((some("65.0"), some("-65.0"))));
        assert_eq!(limits(b"65.0*A"), Some((some("65.0"), None)));
        assert_eq!(limits(b")(-1*A"), Some((None, some("-1"))));
        assert_eq!(limits(b"1*kW"), None);
        assert_eq!(limits(b""), None);
    }
}
