//! Prices that change by the hour or quarter-hour.

use std::cmp::Ordering;
use std::fmt;

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

impl PriceKind {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 3] = [Self::Electricity, Self::ElectricityExport, Self::Gas];

    /// Its name on the command line and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::ElectricityExport => "electricity-export",
            Self::Gas => "gas",
        }
    }

    /// The kind of a name, whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for PriceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
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

/// Slots by their time, without overlap: a later slot takes the place of those that it overlaps. A slot costs 40 bytes;
/// thirteen months of quarter-hours are 38,000.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// By kind and then by start.
    slots: Vec<Slot>,
}

impl PriceTable {
    /// The table of slots, each inserted after those before it.
    pub fn from_slots(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut table = Self::default();
        table.extend(slots);
        table.slots.shrink_to_fit();
        table
    }

    /// Every slot, by kind and then by time.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Puts a slot in the place of those it overlaps; what sticks out of one of them stays. A slot that ends before it
    /// starts holds at no time and changes nothing. It is quick at the end of the table, where slots usually come.
    pub fn insert(&mut self, slot: Slot) {
        if slot.end <= slot.start {
            return;
        }
        let (from, to) = (self.place(slot.kind, slot.start), self.place(slot.kind, slot.end));
        let before = from.checked_sub(1).filter(|place| self.slots[*place].kind == slot.kind);
        let reaching = before.filter(|place| self.slots[*place].end > slot.start);
        let first = reaching.unwrap_or(from);
        let head = reaching.map(|place| Slot { end: slot.start, ..self.slots[place] });
        let last = self.slots[first..to].last().filter(|last| last.end > slot.end);
        let tail = last.map(|last| Slot { start: slot.end, ..*last });
        self.slots.splice(first..to, [head, Some(slot), tail].into_iter().flatten());
    }

    /// The place of the first slot of a kind that starts at an instant or after it, or of a later kind.
    fn place(&self, kind: PriceKind, utc: i64) -> usize {
        self.slots.partition_point(|slot| (slot.kind, slot.start) < (kind, utc))
    }

    /// The slots of a kind.
    fn of(&self, kind: PriceKind) -> &[Slot] {
        let from = self.slots.partition_point(|slot| slot.kind < kind);
        let to = self.slots.partition_point(|slot| slot.kind <= kind);
        &self.slots[from..to]
    }

    /// The last slot of a kind that starts at an instant or before it.
    fn last_from(&self, kind: PriceKind, utc: i64) -> Option<&Slot> {
        let slots = self.of(kind);
        slots[..slots.partition_point(|slot| slot.start <= utc)].last()
    }

    /// The price that holds at an instant, in seconds since 1970-01-01 00:00 UTC.
    pub fn at(&self, kind: PriceKind, utc: i64) -> Option<Decimal> {
        self.last_from(kind, utc).filter(|slot| utc < slot.end).map(|slot| slot.price)
    }

    /// The first instant at which two tables tell different prices, or only one tells any; `None` when they never do.
    /// How the time is cut into slots is no difference, nor are zeros at the end of a price.
    pub fn differs_from(&self, other: &Self) -> Option<i64> {
        PriceKind::ALL.into_iter().filter_map(|kind| first_difference(self, other, kind)).min()
    }

    /// The changes of price of a kind, in order of time: from when, and which price, if any.
    fn steps(&self, kind: PriceKind) -> impl Iterator<Item = (i64, Option<Decimal>)> {
        let slots = self.of(kind);
        let following = slots.iter().skip(1).map(|slot| Some(slot.start)).chain([None]);
        slots.iter().zip(following).flat_map(|(slot, next)| {
            let gap = (next != Some(slot.end)).then_some((slot.end, None));
            [Some((slot.start, Some(slot.price))), gap].into_iter().flatten()
        })
    }
}

fn first_difference(one: &PriceTable, other: &PriceTable, kind: PriceKind) -> Option<i64> {
    let (mut ones, mut others) = (one.steps(kind).peekable(), other.steps(kind).peekable());
    let (mut a, mut b) = (None, None);
    loop {
        let next = [ones.peek(), others.peek()].into_iter().flatten().map(|(time, _)| *time).min()?;
        while let Some((_, price)) = ones.next_if(|(time, _)| *time == next) {
            a = price;
        }
        while let Some((_, price)) = others.next_if(|(time, _)| *time == next) {
            b = price;
        }
        if !same(a, b) {
            return Some(next);
        }
    }
}

fn same(a: Option<Decimal>, b: Option<Decimal>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp_value(b) == Ordering::Equal,
        (a, b) => a.is_none() && b.is_none(),
    }
}

impl Extend<Slot> for PriceTable {
    fn extend<T: IntoIterator<Item = Slot>>(&mut self, slots: T) {
        for slot in slots {
            self.insert(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(start: i64, end: i64, cents: i128) -> Slot {
        Slot { kind: PriceKind::Electricity, start, end, price: Decimal::new(cents, 2).expect("fits") }
    }

    fn told(table: &PriceTable) -> Vec<(i64, i64, i128)> {
        table.slots().map(|slot| (slot.start, slot.end, slot.price.mantissa())).collect()
    }

    #[test]
    fn a_later_slot_takes_the_place_of_what_it_overlaps() {
        let mut table = PriceTable::from_slots([slot(0, 100, 1), slot(100, 200, 2), slot(300, 400, 3)]);
        table.insert(slot(50, 350, -9));
        assert_eq!(told(&table), [(0, 50, 1), (50, 350, -9), (350, 400, 3)]);
        table.insert(slot(100, 200, 7));
        assert_eq!(told(&table), [(0, 50, 1), (50, 100, -9), (100, 200, 7), (200, 350, -9), (350, 400, 3)]);
        table.insert(slot(200, 200, 5));
        table.insert(slot(0, 1_000, 4));
        assert_eq!(told(&table), [(0, 1_000, 4)]);
    }

    #[test]
    fn a_price_holds_from_its_start_until_before_its_end() {
        let table = PriceTable::from_slots([slot(0, 100, 1), slot(200, 300, -2)]);
        let at = |utc| table.at(PriceKind::Electricity, utc).map(Decimal::mantissa);
        assert_eq!(
            [-1, 0, 99, 100, 199, 200, 300].map(at),
            [None, Some(1), Some(1), None, None, Some(-2), None]
        );
        assert_eq!(table.at(PriceKind::Gas, 0), None);
    }

    #[test]
    fn tables_differ_where_their_prices_do() {
        let table = PriceTable::from_slots([slot(0, 100, 10), slot(100, 200, 10)]);
        let whole = Slot { price: Decimal::new(1, 1).expect("fits"), ..slot(0, 200, 0) };
        assert_eq!(table.differs_from(&PriceTable::from_slots([whole])), None);
        assert_eq!(table.differs_from(&PriceTable::default()), Some(0));
        let longer = PriceTable::from_slots([slot(0, 250, 10)]);
        assert_eq!((table.differs_from(&longer), longer.differs_from(&table)), (Some(200), Some(200)));
        let gas = Slot { kind: PriceKind::Gas, ..slot(-50, 50, 1) };
        assert_eq!(table.differs_from(&PriceTable::from_slots([slot(0, 200, 10), gas])), Some(-50));
    }

    #[test]
    fn kinds_go_by_their_names() {
        for kind in PriceKind::ALL {
            assert_eq!(PriceKind::from_name(&kind.name().to_uppercase()), Some(kind));
        }
        assert_eq!(PriceKind::from_name("steam"), None);
    }
}
