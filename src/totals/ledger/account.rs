//! The positions of one counter, the last eight days of them, and what counters are to each other.

use std::collections::VecDeque;

use super::calendar::boundary;
use crate::meter::Field;
use crate::p1::Decimal;
use crate::totals::counter::{CounterState, Position, Register};

/// How many positions of a counter are kept: those of eight days. A clock that is set back by more than that leaves
/// what was used since in the days to which it was counted.
pub(super) const KEPT: usize = 768;

/// A position at a boundary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) boundary: i64,
    pub(super) position: Position,
}

/// The last positions of a counter.
#[derive(Debug, Default)]
pub(super) struct Account {
    rows: VecDeque<Row>,
    /// Whether the oldest row is there to count from alone: what came before it is not known here.
    pinned: bool,
}

impl Account {
    /// The position from which usage counts now.
    pub(super) fn base(&self, counter: &CounterState) -> Position {
        self.rows.back().map_or(counter.first, |row| row.position)
    }

    /// The last position known at a boundary, as far back as positions are kept.
    pub(super) fn at(&self, counter: &CounterState, boundary: i64) -> Position {
        let place = self.rows.partition_point(|row| row.boundary <= boundary);
        let row = place.checked_sub(1).or(self.pinned.then_some(0)).and_then(|place| self.rows.get(place));
        row.map_or(counter.first, |row| row.position)
    }

    /// The row of a boundary.
    pub(super) fn row(&self, boundary: i64) -> Option<&Row> {
        let place = self.rows.binary_search_by_key(&boundary, |row| row.boundary).ok()?;
        // The row that is pinned may stand for what was counted elsewhere, but it was known at its boundary.
        self.rows.get(place)
    }

    /// The boundary of the newest row.
    pub(super) fn newest(&self) -> Option<i64> {
        self.rows.back().map(|row| row.boundary)
    }

    /// Takes a row to count from, whatever came before it.
    pub(super) fn pin(&mut self, row: Row) {
        self.rows.clear();
        self.rows.push_back(row);
        self.pinned = true;
    }

    /// Takes a row.
    pub(super) fn push(&mut self, row: Row) {
        if self.rows.len() == KEPT {
            self.rows.pop_front();
            self.pinned = true;
        }
        self.rows.push_back(row);
    }

    /// Takes the newest row away, if it is of a boundary after an instant.
    pub(super) fn pop_after(&mut self, after: i64) -> Option<Row> {
        let pinned = usize::from(self.pinned);
        (self.rows.len() > pinned && self.newest()? > after).then(|| self.rows.pop_back())?
    }

    /// The rows that closed quarter-hours from an instant on, with the position before each; newest first.
    pub(super) fn since<'a>(
        &'a self,
        counter: &'a CounterState,
        start: i64,
    ) -> impl Iterator<Item = (&'a Row, Position)> {
        let pinned = usize::from(self.pinned);
        let places = (pinned..self.rows.len()).rev();
        let rows = places.map(move |place| {
            let before = place.checked_sub(1).map_or(counter.first, |place| self.rows[place].position);
            (&self.rows[place], before)
        });
        rows.take_while(move |(row, _)| row.boundary > start)
    }
}

/// Which way energy went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Import,
    Export,
}

impl Direction {
    /// The register of the total.
    pub(super) const fn total(self) -> Field {
        match self {
            Self::Import => Field::EnergyImportTotal,
            Self::Export => Field::EnergyExportTotal,
        }
    }

    /// The direction of an energy register.
    pub(super) fn of(register: Register) -> Option<Self> {
        match register {
            Register::Energy(field) if import(field) => Some(Self::Import),
            Register::Energy(field) if export(field) => Some(Self::Export),
            _ => None,
        }
    }
}

fn import(field: Field) -> bool {
    (Field::EnergyImportTotal..=Field::EnergyImportT13).contains(&field)
}

fn export(field: Field) -> bool {
    (Field::EnergyExportTotal..=Field::EnergyExportT13).contains(&field)
}

/// What a counter is to the others of its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// Of energy: which way it goes.
    pub(super) direction: Option<Direction>,
    /// Whether the total is made of it: the meter's own total register, else the tariffs.
    pub(super) in_total: bool,
    /// Whether a price is put on it: the tariffs, else the total.
    pub(super) priced: bool,
}

/// The roles of counters. A register counts for its equipment when it was there from the same quarter-hour on as
/// the others; one that came later would leave out what was used before.
pub(super) fn roles(counters: &[CounterState]) -> Vec<Role> {
    counters
        .iter()
        .map(|counter| {
            let Some(direction) = Direction::of(counter.key.register) else {
                return Role { direction: None, in_total: false, priced: true };
            };
            let since = |total: bool| {
                let of_kind = |other: &&CounterState| {
                    other.key.equipment == counter.key.equipment
                        && Direction::of(other.key.register) == Some(direction)
                        && (other.key.register == Register::Energy(direction.total())) == total
                };
                let firsts = counters.iter().filter(of_kind).map(|other| boundary(other.first.time));
                firsts.min().unwrap_or(i64::MAX)
            };
            let (total, tariffs) = (since(true), since(false));
            let is_total = counter.key.register == Register::Energy(direction.total());
            let in_total = if is_total { total <= tariffs } else { tariffs < total };
            let priced = if is_total { total < tariffs } else { tariffs <= total };
            Role { direction: Some(direction), in_total, priced }
        })
        .collect()
}

/// Of counters those of which the total of what was taken or given is made.
pub fn in_total(counters: &[CounterState]) -> Vec<bool> {
    roles(counters).into_iter().map(|role| role.in_total).collect()
}

/// The difference of two positions of one counter.
pub(super) fn difference(later: Decimal, earlier: Decimal) -> Decimal {
    // Neither has more digits than a telegram can hold: it fits.
    later.checked_sub(earlier).unwrap_or_default()
}

/// The sum, where it fits.
pub(super) fn sum(a: Decimal, b: Decimal) -> Decimal {
    a.checked_add(b).unwrap_or(a)
}
