//! What the numbers and texts of a field come to over a span.

use std::cmp::Ordering;

use super::ask::{Cell, Measure};
use crate::meter::{Quantity, Unit};
use crate::p1::Decimal;
use crate::store::summary::Stats;

/// Of one field.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// By unit and scale: usually one.
    parts: Vec<Part>,
    /// The place of the part with the last number.
    latest: usize,
    text: Option<(i64, String)>,
}

#[derive(Clone, Debug)]
struct Part {
    unit: Unit,
    scale: u8,
    stats: Stats,
}

impl Gathered {
    /// Adds numbers that came after those before, or at any other time.
    pub(super) fn add(&mut self, unit: Unit, scale: u8, stats: &Stats) {
        let last = self.parts.get(self.latest).map(|part| part.stats.last.0);
        let place = match self.parts.iter().position(|part| part.unit == unit && part.scale == scale) {
            Some(place) => {
                self.parts[place].stats.add(stats);
                place
            }
            None => {
                self.parts.push(Part { unit, scale, stats: *stats });
                self.parts.len() - 1
            }
        };
        if last.is_none_or(|last| stats.last.0 >= last) {
            self.latest = place;
        }
    }

    /// Adds the value of one reading.
    pub(super) fn cell(&mut self, time: i64, cell: Cell) {
        match cell {
            Cell::Number(Quantity { value, unit }) => {
                self.add(unit, value.scale(), &Stats::of(time, value.mantissa()));
            }
            Cell::Text(text) => self.text(time, text),
        }
    }

    fn text(&mut self, time: i64, text: String) {
        if self.text.as_ref().is_none_or(|(last, _)| time >= *last) {
            self.text = Some((time, text));
        }
    }

    /// What there is of a measure. Of numbers in several units those in that of the last.
    pub(super) fn tell(&self, measure: Measure) -> Option<Cell> {
        let latest = self.parts.get(self.latest);
        if measure == Measure::Last
            && let Some((time, text)) = &self.text
            && latest.is_none_or(|part| part.stats.last.0 < *time)
        {
            return Some(Cell::Text(text.clone()));
        }
        let latest = latest?;
        let of_unit = || self.parts.iter().filter(|part| part.unit == latest.unit);
        let value = match measure {
            Measure::Last => Decimal::new(latest.stats.last.1, latest.scale),
            Measure::Min => of_unit()
                .filter_map(|part| part.number(part.stats.min))
                .reduce(|a, b| if b.cmp_value(a) == Ordering::Less { b } else { a }),
            Measure::Max => of_unit()
                .filter_map(|part| part.number(part.stats.max))
                .reduce(|a, b| if b.cmp_value(a) == Ordering::Greater { b } else { a }),
            Measure::Mean => mean(of_unit()),
            Measure::Delta => None,
        };
        value.map(|value| Cell::Number(Quantity { value, unit: latest.unit }))
    }
}

impl Part {
    fn number(&self, mantissa: i128) -> Option<Decimal> {
        Decimal::new(mantissa, self.scale)
    }
}

/// The mean, half away from zero, at the largest of the scales.
fn mean<'a>(parts: impl Iterator<Item = &'a Part> + Clone) -> Option<Decimal> {
    let scale = parts.clone().map(|part| part.scale).max()?;
    let (mut sum, mut count) = (0i128, 0i128);
    for part in parts {
        let ten = 10i128.checked_pow(u32::from(scale - part.scale))?;
        sum = sum.checked_add(part.stats.sum.checked_mul(ten)?)?;
        count += i128::from(part.stats.count);
    }
    let (whole, rest) = (sum / count, sum % count);
    let up = rest.unsigned_abs() * 2 >= count.unsigned_abs();
    Decimal::new(whole + if up { sum.signum() } else { 0 }, scale)
}
