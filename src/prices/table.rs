//! Prices that change by the hour or quarter-hour.

use std::collections::BTreeMap;

use crate::p1::Decimal;

/// What a dynamic price is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PriceKind {
    /// A kWh of electricity, taken or given: the market's price.
    Electricity,
    /// A kWh that is given, where it has a price of its own.
    ElectricityExport,
    /// A m³ of gas.
    Gas,
}

/// A price and when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Of what.
    pub kind: PriceKind,
    /// From when, in seconds since 1970-01-01 00:00 UTC.
    pub start: i64,
    /// Until when; after `start`.
    pub end: i64,
    /// In the currency a unit; may be below zero.
    pub price: Decimal,
}

/// Slots by their time. A later slot takes the place of those that it overlaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable {
    slots: BTreeMap<(PriceKind, i64), Slot>,
}

impl PriceTable {
    /// Every slot, by kind and then by time.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.values()
    }
}
