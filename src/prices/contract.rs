//! A contract with a supplier: what things cost, and from when to when.

use jiff::civil::Date;

use crate::meter::MbusClass;
use crate::p1::Decimal;

/// How a dynamic contract makes its price of the market's: `(market + markup) × (1 + vat)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Added to the market's price for what is taken, a kWh, before `vat`; taxes and fees.
    pub markup_import: Decimal,
    /// Added to the market's price for what is given, a kWh, before `vat`; usually below zero.
    pub markup_export: Decimal,
    /// Of value-added tax, as a fraction: 0.21.
    pub vat: Decimal,
    /// Whether what is given is paid by the market as well.
    pub export: bool,
    /// Whether gas is priced by a table as well.
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
}
