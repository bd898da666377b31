//! A contract with a supplier: what things cost, and from when to when.

use jiff::civil::Date;

use crate::meter::MbusClass;
use crate::p1::Decimal;

/// How a dynamic contract makes its price of the market's: `(market + markup) × (1 + vat)`. What does not follow the
/// market has the contract's fixed price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Added to the market's price for what is taken, a kWh, before `vat`; taxes and fees.
    pub markup_import: Decimal,
    /// Added to the market's price for what is given, a kWh, before `vat`; usually below zero.
    pub markup_export: Decimal,
    /// Added to the market's price of a m³ of gas before `vat`; taxes and fees.
    pub markup_gas: Decimal,
    /// Value-added tax on what is taken and on gas, as a fraction: 0.21.
    pub vat: Decimal,
    /// Value-added tax on what is given, as a fraction.
    pub vat_export: Decimal,
    /// Whether what is taken follows the market.
    pub import: bool,
    /// Whether what is given does.
    pub export: bool,
    /// Whether gas does.
    pub gas: bool,
}

/// A contract. Prices are in the currency a kWh, m³ or GJ; they may be below zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its name, for people; unique.
    pub name: String,
    /// The meter it is for; every meter by default.
    pub meter: Option<String>,
    /// The first local day on which it holds.
    pub start: Date,
    /// The first local day on which it no longer holds; open by default.
    pub end: Option<Date>,
    /// Taken, whatever the tariff.
    pub import: Option<Decimal>,
    /// Taken at tariffs 1 to 4, where they differ.
    pub import_tariffs: [Option<Decimal>; 4],
    /// Given, whatever the tariff; what one earns.
    pub export: Option<Decimal>,
    /// Given at tariffs 1 to 4, where they differ.
    pub export_tariffs: [Option<Decimal>; 4],
    /// Of what devices on the M-Bus count, a unit of theirs.
    pub devices: Vec<(MbusClass, Decimal)>,
    /// A day, whatever is used; may be below zero.
    pub fixed: Decimal,
    /// A kWh that is given, which one pays.
    pub feed_in: Decimal,
    /// A kW of the mean of twelve monthly peaks, a year (Belgium's capacity tariff).
    pub capacity: Option<Decimal>,
    /// The least that a month's peak counts, in kW; 2.5 in Belgium.
    pub capacity_minimum: Decimal,
    /// Prices by the hour or quarter-hour; the fixed ones count where the table has none.
    pub dynamic: Option<Dynamic>,
}

/// Two contracts that hold on one day for one meter: their places in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one that stands first.
    pub first: usize,
    /// The other.
    pub second: usize,
}

impl Contract {
    /// Whether it holds on a local day.
    pub fn holds(&self, day: Date) -> bool {
        self.start <= day && self.end.is_none_or(|end| day < end)
    }

    /// Whether it is for a meter.
    pub fn is_for(&self, meter: &str) -> bool {
        self.meter.as_deref().is_none_or(|name| name == meter)
    }

    /// Whether both hold on one day for one meter.
    fn overlaps(&self, other: &Self) -> bool {
        let start = self.start.max(other.start);
        let one_meter = match (&self.meter, &other.meter) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        // The last of the first days is a day of both, when it is one of each.
        one_meter && self.holds(start) && other.holds(start)
    }
}

/// Every pair of contracts that hold on one day for one meter. A contract for every meter is for each of them.
pub fn overlaps(contracts: &[Contract]) -> Vec<Overlap> {
    let pairs = |second: usize| (0..second).map(move |first| Overlap { first, second });
    (0..contracts.len())
        .flat_map(pairs)
        .filter(|pair| contracts[pair.first].overlaps(&contracts[pair.second]))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn contract(meter: Option<&str>, start: Date, end: Option<Date>) -> Contract {
        Contract {
            name: "test".to_owned(),
            meter: meter.map(str::to_owned),
            start,
            end,
            import: None,
            import_tariffs: [None; 4],
            export: None,
            export_tariffs: [None; 4],
            devices: Vec::new(),
            fixed: Decimal::ZERO,
            feed_in: Decimal::ZERO,
            capacity: None,
            capacity_minimum: Decimal::ZERO,
            dynamic: None,
        }
    }

    #[test]
    fn a_contract_holds_until_the_day_before_its_end() {
        let held = contract(None, date(2026, 1, 1), Some(date(2026, 2, 1)));
        assert!(held.holds(date(2026, 1, 1)) && held.holds(date(2026, 1, 31)));
        assert!(!held.holds(date(2025, 12, 31)) && !held.holds(date(2026, 2, 1)));
        assert!(contract(None, date(2026, 1, 1), None).holds(date(2040, 1, 1)));
    }

    #[test]
    fn contracts_overlap_on_a_day_and_for_a_meter() {
        let (january, february, march) = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1));
        let pairs = |list: &[Contract]| -> Vec<_> {
            overlaps(list).iter().map(|pair| (pair.first, pair.second)).collect()
        };
        // One begins on the day on which the other ends.
        let follows = [contract(None, february, None), contract(None, january, Some(february))];
        assert_eq!(pairs(&follows), []);
        let both = [contract(Some("house"), january, None), contract(Some("barn"), january, None)];
        assert_eq!(pairs(&both), []);
        let three = [
            contract(Some("house"), january, Some(march)),
            contract(Some("barn"), january, Some(february)),
            contract(None, february, None),
        ];
        assert_eq!(pairs(&three), [(0, 2)]);
        // One that ends before it starts holds on no day.
        let none = [contract(None, february, Some(january)), contract(None, january, None)];
        assert_eq!(pairs(&none), []);
        assert_eq!(pairs(&[contract(None, january, None), contract(None, march, Some(march))]), []);
        assert_eq!(pairs(&[contract(None, january, None), contract(None, january, None)]), [(0, 1)]);
    }
}
