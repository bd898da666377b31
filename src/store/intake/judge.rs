//! Whether a reading that comes in is new, already there, or says something else than the record.
//!
//! Compared is what both have. Another program may have kept fewer digits, cut off or rounded; that is the same.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::meter::{Cell, Field, Reading};
use crate::p1::Decimal;

/// How fine the readings of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Each is what the meter told at its second.
    Second,
    /// Each stands for the minute around it, and adds nothing where that has readings of its own.
    Minute,
}

/// What a reading is beside what the record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    New,
    There,
    /// The minute has readings.
    Covered,
    /// A reading of the same second says something else: what, what it says, what this one says.
    Conflict(String, Decimal, Decimal),
}

/// The readings of an hour by their seconds.
#[derive(Debug, Default)]
pub(super) struct Known {
    readings: Vec<Reading>,
    seconds: HashMap<i64, Vec<usize>>,
    /// Of those that were there before.
    before: Vec<i64>,
}

impl Known {
    pub(super) fn new(readings: Vec<Reading>) -> Self {
        let mut known = Self::default();
        for reading in readings {
            if reading.number(Field::PowerImport).is_some() || energy(&reading) {
                known.before.push(reading.utc_seconds());
            }
            known.add(reading);
        }
        known.before.sort_unstable();
        known
    }

    /// Takes in one that is new.
    pub(super) fn add(&mut self, reading: Reading) {
        self.seconds.entry(reading.utc_seconds()).or_default().push(self.readings.len());
        self.readings.push(reading);
    }

    pub(super) fn judge(&self, reading: &Reading, grain: Grain) -> Verdict {
        let time = reading.utc_seconds();
        let same = self.seconds.get(&time).into_iter().flatten().map(|place| &self.readings[*place]);
        let mut shared = false;
        for known in same {
            match compare(known, reading) {
                Some(Verdict::There) => shared = true,
                Some(conflict) => return conflict,
                None => {}
            }
        }
        if shared {
            return Verdict::There;
        }
        if grain == Grain::Minute && energy(reading) {
            let after = self.before.partition_point(|known| *known <= time - 60);
            if self.before.get(after).is_some_and(|known| *known < time + 60) {
                return Verdict::Covered;
            }
        }
        Verdict::New
    }
}

fn energy(reading: &Reading) -> bool {
    crate::meter::energy::registers().any(|field| reading.number(field).is_some())
}

/// What two readings of one second have to do with each other; nothing when they share no value.
fn compare(known: &Reading, new: &Reading) -> Option<Verdict> {
    let mut shared = None;
    for (field, cell) in new.cells() {
        let (Cell::Number(value), Some(own)) = (cell, known.number(field)) else { continue };
        if !agrees(own, value.value) {
            return Some(Verdict::Conflict(field.name().to_owned(), own, value.value));
        }
        shared = Some(Verdict::There);
    }
    for device in &new.mbus {
        let (Some(class), Some(newest)) = (device.class(), device.newest()) else { continue };
        let Some((_, own)) = known.mbus_of(class) else { continue };
        let stamp = |time: Option<crate::meter::MeterTime>| time.and_then(|time| time.utc);
        let (Some(own_value), Some(value)) = (own.value, newest.value) else { continue };
        if stamp(own.time) != stamp(newest.time) || own_value.unit != value.unit {
            continue;
        }
        if !agrees(own_value.value, value.value) {
            return Some(Verdict::Conflict(class.name().to_owned(), own_value.value, value.value));
        }
        shared = Some(Verdict::There);
    }
    shared
}

/// Whether a value is ours, with as many digits as it has or fewer.
fn agrees(own: Decimal, other: Decimal) -> bool {
    if own.cmp_value(other) == Ordering::Equal {
        return true;
    }
    if other.scale() >= own.scale() {
        return false;
    }
    let cut = own.mantissa() / 10_i128.pow(u32::from(own.scale() - other.scale()));
    cut == other.mantissa() || own.rounded(other.scale()) == Some(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{Proof, Quantity, Unit};

    fn reading(second: i64, power: i128, scale: u8) -> Reading {
        let mut reading = Reading::new(second * 1_000, Proof::Absent);
        let value = Decimal::new(power, scale).expect("fits");
        reading.set_number(Field::PowerImport, Quantity { value, unit: Unit::KiloWatt });
        reading
    }

    #[test]
    fn fewer_digits_are_the_same_and_another_value_is_a_conflict() {
        let known = Known::new(vec![reading(10, 1_669, 3)]);
        assert_eq!(known.judge(&reading(10, 1_669, 3), Grain::Second), Verdict::There);
        assert_eq!(known.judge(&reading(10, 1, 0), Grain::Second), Verdict::There, "cut off");
        assert_eq!(known.judge(&reading(10, 167, 2), Grain::Second), Verdict::There, "rounded");
        let other = known.judge(&reading(10, 1_670, 3), Grain::Second);
        assert!(matches!(other, Verdict::Conflict(field, ..) if field == "power_import"));
        assert_eq!(known.judge(&reading(11, 1_670, 3), Grain::Second), Verdict::New);
    }

    #[test]
    fn a_minute_with_readings_needs_no_mean_and_neighbours_cover_nothing() {
        let mean = |second| {
            let mut reading = reading(second, 5, 3);
            let value = Decimal::new(1_000, 3).expect("fits");
            reading.set_number(Field::EnergyImportT1, Quantity { value, unit: Unit::KiloWattHour });
            reading
        };
        let known = Known::new(vec![reading(590, 1, 3)]);
        assert_eq!(known.judge(&mean(600), Grain::Minute), Verdict::Covered);
        assert_eq!(known.judge(&mean(660), Grain::Minute), Verdict::New);
        let mut means = Known::new(vec![mean(600)]);
        assert_eq!(means.judge(&mean(660), Grain::Minute), Verdict::New);
        means.add(mean(660));
        assert_eq!(means.judge(&mean(720), Grain::Minute), Verdict::New);
    }
}
