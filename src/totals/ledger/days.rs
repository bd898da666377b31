//! What each day came to: thirteen months of days, so that a month and a year are the sum of theirs.

use std::collections::VecDeque;

use super::account::sum;
use super::bill::Bill;
use super::calendar::{self, Span};
use crate::meter::Zone;
use crate::p1::Decimal;

/// How many days with positions are kept: more than a year and more than thirteen months.
const KEPT: usize = 400;

/// What was used and what it cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// By counter; what is beyond its end is zero.
    pub(super) usage: Vec<Decimal>,
    /// What that costs.
    pub(super) bill: Bill,
    /// How many quarter-hours had a reading.
    pub(super) quarters: i64,
}

impl Sums {
    /// Of a counter.
    pub(super) fn usage(&self, counter: usize) -> Decimal {
        self.usage.get(counter).copied().unwrap_or_default()
    }

    /// Adds to what a counter counted.
    pub(super) fn count(&mut self, counter: usize, delta: Decimal) {
        if self.usage.len() <= counter {
            self.usage.resize(counter + 1, Decimal::ZERO);
        }
        self.usage[counter] = sum(self.usage[counter], delta);
    }

    /// Adds all of another.
    pub(super) fn add(&mut self, other: &Self) {
        for (counter, delta) in other.usage.iter().enumerate() {
            self.count(counter, *delta);
        }
        self.bill.merge(&other.bill);
        self.quarters += other.quarters;
    }
}

/// The highest complete quarter-hour: kW taken, and its end.
pub(super) type Highest = (Decimal, i64);

/// The higher of two, the earlier of equals.
pub(super) fn higher(a: Option<Highest>, b: Option<Highest>) -> Option<Highest> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let b_counts = b.0.cmp_value(a.0).then(a.1.cmp(&b.1)).is_gt();
            Some(if b_counts { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

/// One local day.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    pub(super) span: Span,
    pub(super) sums: Sums,
    pub(super) peak: Option<Highest>,
}

/// Days by their time; those without a position are not among them.
#[derive(Debug, Default)]
pub(super) struct Days {
    days: VecDeque<Day>,
}

impl Days {
    /// The day that holds an instant, begun when it was not there.
    pub(super) fn of(&mut self, zone: &Zone, utc: i64) -> &mut Day {
        let place = self.days.partition_point(|day| day.span.end <= utc);
        if !self.days.get(place).is_some_and(|day| day.span.contains(utc)) {
            let day = Day { span: calendar::day(zone, utc), ..Day::default() };
            self.days.insert(place, day);
            if self.days.len() > KEPT && place > 0 {
                self.days.pop_front();
                return &mut self.days[place - 1];
            }
        }
        &mut self.days[place]
    }

    /// The days that end after an instant, and the one that ends with it.
    pub(super) fn since(&self, utc: i64) -> impl Iterator<Item = &Day> {
        self.days.range(self.days.partition_point(|day| day.span.end < utc)..)
    }

    /// The days that begin in a span.
    pub(super) fn within(&self, span: Span) -> impl Iterator<Item = &Day> {
        let first = self.days.partition_point(|day| day.span.start < span.start);
        self.days.range(first..).take_while(move |day| day.span.start < span.end)
    }
}
