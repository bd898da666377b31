//! What columns say about each other: import and export are one flow, phases add up to the total, a voltage gives way
//! under load, readings arrive by the meter's clock.
//!
//! Nothing here must be true of a meter: what does not save bytes is not used.

use std::borrow::Cow;

use super::series;
use super::table::{Column, Table};
use crate::store::codec::kind::Kind;
use crate::store::columns::Numbers;

/// The factors of [`Plan::others`] are in parts of two to this power.
pub(super) const SHIFT: u32 = 10;
const ONE: i64 = 1 << SHIFT;
/// Milliseconds in a second.
const SECOND: i64 = 1_000;
/// Columns that one may follow.
pub(super) const MAX_OTHERS: usize = 8;

/// How the numbers of one column are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// They are one flow with those of this column, which run against it: what is coded is the difference.
    pub(super) against: Option<usize>,
    /// They follow from the flow of this column.
    pub(super) opposite: Option<usize>,
    /// What is coded is what these leave, each by its factor.
    pub(super) others: Vec<(usize, i64)>,
}

/// What others say of each number: their sum, each times its factor.
pub(super) fn expected(others: &[(&Numbers, i64)], count: usize) -> Vec<i64> {
    let mut sums = vec![0i64; count];
    for (numbers, factor) in others {
        match numbers {
            Numbers::Wide(_) => {}
            Numbers::Same(value, _) => {
                sums.iter_mut().for_each(|sum| *sum = sum.wrapping_add(value.wrapping_mul(*factor)));
            }
            Numbers::Each(values) => {
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum = sum.wrapping_add(value.wrapping_mul(*factor)));
            }
        }
    }
    sums.iter_mut().for_each(|sum| *sum >>= SHIFT);
    sums
}

/// A table whose columns are being related.
#[derive(Debug)]
pub(super) struct Relations<'a> {
    table: &'a Table,
    /// Whether every row has a column once.
    full: Vec<bool>,
    /// What is coded of each column; none of one that is told in another way.
    streams: Vec<Option<Cow<'a, Numbers>>>,
    pub(super) plans: Vec<Plan>,
}

const PHASES: [&str; 3] = ["_l1", "_l2", "_l3"];

impl<'a> Relations<'a> {
    /// Finds what saves bytes.
    pub(super) fn of(table: &'a Table) -> Self {
        let mut full = vec![true; table.columns.len()];
        for shape in &table.shapes {
            let mut times = vec![0; full.len()];
            shape.columns.iter().for_each(|column| times[usize::from(*column)] += 1);
            full.iter_mut().zip(times).for_each(|(full, times)| *full &= times == 1);
        }
        let streams = table.columns.iter().map(|column| Some(Cow::Borrowed(&column.numbers))).collect();
        let plans = vec![Plan::default(); table.columns.len()];
        let mut relations = Self { table, full, streams, plans };
        for phase in ["", PHASES[0], PHASES[1], PHASES[2]] {
            relations.join(&format!("power_import{phase}"), &format!("power_export{phase}"));
        }
        relations.add_up();
        for phase in PHASES {
            for what in ["voltage", "current"] {
                relations.follow(&format!("{what}{phase}"), &format!("power_import{phase}"));
            }
        }
        relations
    }

    /// A column of numbers that every row has once.
    fn find(&self, key: &str) -> Option<usize> {
        let fits = |(place, column): &(usize, &Column)| {
            self.full[*place] && column.key == key && matches!(column.kind, Kind::Number { .. })
        };
        self.table.columns.iter().enumerate().find(fits).map(|(place, _)| place)
    }

    /// The stream of a column that varies.
    fn varying(&self, column: usize) -> Option<&[i64]> {
        match self.streams[column].as_deref() {
            Some(Numbers::Each(values)) => Some(values),
            _ => None,
        }
    }

    /// Makes one flow of two columns, one of which is always zero.
    fn join(&mut self, with: &str, against: &str) -> Option<()> {
        let (with, against) = (self.find(with)?, self.find(against)?);
        if self.table.columns[with].kind != self.table.columns[against].kind {
            return None;
        }
        let flow: Option<Vec<i64>> = (self.varying(with)?.iter())
            .zip(self.varying(against)?)
            .map(|(with, against)| match (with, against) {
                (0.., 0) => Some(*with),
                (0, 0..) => Some(-*against),
                _ => None,
            })
            .collect();
        self.streams[with] = Some(Cow::Owned(Numbers::Each(flow?)));
        self.streams[against] = None;
        self.plans[with].against = Some(against);
        self.plans[against].opposite = Some(with);
        Some(())
    }

    /// The total of what the phases add up to.
    fn add_up(&mut self) -> Option<()> {
        let mut others = Vec::new();
        for phase in PHASES {
            for (direction, factor) in [("import", ONE), ("export", -ONE)] {
                let column = self.find(&format!("power_{direction}{phase}"));
                others.extend(column.filter(|column| self.varying(*column).is_some()).map(|c| (c, factor)));
            }
        }
        let import = self.find("power_import")?;
        if self.varying(import).is_some() {
            self.try_others(import, others)
        } else {
            let export = self.find("power_export")?;
            self.try_others(export, others.into_iter().map(|(column, factor)| (column, -factor)).collect())
        }
    }

    /// A column that follows another by some factor.
    fn follow(&mut self, column: &str, other: &str) -> Option<()> {
        let (column, other) = (self.find(column)?, self.find(other)?);
        let (follower, leader) = (self.varying(column)?, self.varying(other)?);
        let (mut both, mut square) = (0i128, 0i128);
        for (a, b) in follower.windows(2).zip(leader.windows(2)) {
            let (a, b) = (i128::from(a[1].wrapping_sub(a[0])), i128::from(b[1].wrapping_sub(b[0])));
            (both, square) = (both.saturating_add(a * b), square.saturating_add(b * b));
        }
        let factor = both.saturating_mul(ONE.into()).checked_div(square)?;
        let factor = i64::try_from(factor).ok().filter(|factor| *factor != 0)?;
        self.try_others(column, vec![(other, factor)])
    }

    fn try_others(&mut self, column: usize, others: Vec<(usize, i64)>) -> Option<()> {
        if self.worth(self.varying(column)?, &others)? {
            self.plans[column].others = others;
        }
        Some(())
    }

    fn worth(&self, values: &[i64], others: &[(usize, i64)]) -> Option<bool> {
        let left = self.left(values, others)?;
        Some(!others.is_empty() && series::estimate(&left) + BETTER < series::estimate(values))
    }

    /// What others leave of numbers.
    fn left(&self, values: &[i64], others: &[(usize, i64)]) -> Option<Vec<i64>> {
        let others: Option<Vec<_>> =
            others.iter().map(|(other, factor)| Some((self.streams[*other].as_deref()?, *factor))).collect();
        let expected = expected(&others?, values.len());
        Some(values.iter().zip(expected).map(|(value, expected)| value.wrapping_sub(expected)).collect())
    }

    /// What is to be coded of a column; none of one that follows from another.
    pub(super) fn coded(&self, column: usize) -> Option<Cow<'_, Numbers>> {
        let stream = self.streams[column].as_deref()?;
        let others = &self.plans[column].others;
        let left = self.varying(column).filter(|_| !others.is_empty());
        match left.and_then(|values| self.left(values, others)) {
            Some(left) => Some(Cow::Owned(Numbers::Each(left))),
            None => Some(Cow::Borrowed(stream)),
        }
    }

    /// How the arrival of the rows is told, and what is to be coded of it.
    pub(super) fn received(&self) -> (Plan, Cow<'a, Numbers>) {
        let is_clock = |(place, column): &(usize, &Column)| {
            self.full[*place] && column.key == "time" && matches!(column.kind, Kind::Time { .. })
        };
        let clock = self.table.columns.iter().enumerate().find(is_clock);
        let others: Vec<_> = clock.map(|(place, _)| (place, SECOND * ONE)).into_iter().collect();
        match &self.table.received {
            Numbers::Each(values) if self.worth(values, &others) == Some(true) => {
                let left = self.left(values, &others).unwrap_or_default();
                (Plan { others, ..Plan::default() }, Cow::Owned(Numbers::Each(left)))
            }
            same => (Plan::default(), Cow::Borrowed(same)),
        }
    }
}

/// A relation must save this much, in 1/256 bit, to be worth what it takes to tell.
const BETTER: u64 = 256 * 64;
