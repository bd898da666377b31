//! The price of something at an instant.
//!
//! Usage is known by the quarter-hour at the finest: the price of a quarter-hour is the one that holds at its start.
//! Tables by the hour and by the quarter-hour are exact that way; of one with shorter slots each quarter-hour has the
//! price of the slot at its start.

use std::sync::Arc;

use jiff::Timestamp;

use super::contract::{Contract, Dynamic};
use super::table::{PriceKind, PriceTable};
use crate::meter::{Field, MbusClass, Zone};
use crate::p1::Decimal;

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriceSource {
    /// A fixed price of the contract.
    Contract,
    /// The table of dynamic prices.
    Dynamic,
    /// The contract's fixed price, because the table has none for this time.
    Fallback,
}

/// A price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// In the currency a unit; at most [`Price::SCALE`] digits behind the point, half away from zero where there were
    /// more. May be below zero.
    pub price: Decimal,
    /// Where it comes from.
    pub source: PriceSource,
}

impl Price {
    /// The most digits behind the point of a price: with the three of a register they fill an [`super::Amount`].
    pub const SCALE: u8 = 9;

    fn new(price: Decimal, source: PriceSource) -> Option<Self> {
        let price = if price.scale() > Self::SCALE { price.rounded(Self::SCALE)? } else { price };
        Some(Self { price, source })
    }
}

/// Every price of one meter.
#[derive(Clone, Debug)]
pub struct PriceBook {
    /// The currency's code in ISO 4217: `EUR`.
    pub currency: Arc<str>,
    /// The contracts for this meter, by their start, without overlap.
    pub contracts: Vec<Contract>,
    /// Dynamic prices.
    pub table: Arc<PriceTable>,
    /// In which zone days begin.
    pub zone: Zone,
}

/// Which way energy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Taken,
    Given,
}

/// The direction of an energy register, and which of a contract's four tariffs it counts, if one.
fn register(field: Field) -> Option<(Direction, Option<usize>)> {
    use Direction::{Given, Taken};
    Some(match field {
        Field::EnergyImportT1 => (Taken, Some(0)),
        Field::EnergyImportT2 => (Taken, Some(1)),
        Field::EnergyImportT3 => (Taken, Some(2)),
        Field::EnergyImportT4 => (Taken, Some(3)),
        Field::EnergyImportTotal
        | Field::EnergyImportT5
        | Field::EnergyImportT11
        | Field::EnergyImportT12
        | Field::EnergyImportT13 => (Taken, None),
        Field::EnergyExportT1 => (Given, Some(0)),
        Field::EnergyExportT2 => (Given, Some(1)),
        Field::EnergyExportT3 => (Given, Some(2)),
        Field::EnergyExportT4 => (Given, Some(3)),
        Field::EnergyExportTotal
        | Field::EnergyExportT5
        | Field::EnergyExportT11
        | Field::EnergyExportT12
        | Field::EnergyExportT13 => (Given, None),
        _ => return None,
    })
}

impl PriceBook {
    /// The prices of one meter, whose contracts these are, in whatever order.
    pub fn new(
        currency: impl Into<Arc<str>>,
        mut contracts: Vec<Contract>,
        table: Arc<PriceTable>,
        zone: Zone,
    ) -> Self {
        contracts.sort_by_key(|contract| contract.start);
        Self { currency: currency.into(), contracts, table, zone }
    }

    /// The contract that holds at an instant, in seconds since 1970-01-01 00:00 UTC: that of the local day.
    pub fn contract(&self, utc: i64) -> Option<&Contract> {
        if self.contracts.is_empty() {
            return None;
        }
        let instant = Timestamp::from_second(utc).ok()?;
        let day = self.zone.time_zone().to_datetime(instant).date();
        self.contracts.iter().rev().find(|contract| contract.holds(day))
    }

    /// The price of a kWh at an instant, by its register: tariffs and totals, taken or given; for what is given it is
    /// what one earns.
    ///
    /// A tariff without a price of its own has the one of all tariffs, which is also that of a total and of tariffs
    /// that no contract names (5, 11 to 13). A contract with prices for tariffs alone has none for those.
    pub fn energy(&self, utc: i64, field: Field) -> Option<Price> {
        let (direction, tariff) = register(field)?;
        let contract = self.contract(utc)?;
        let (tariffs, whatever) = match direction {
            Direction::Taken => (&contract.import_tariffs, contract.import),
            Direction::Given => (&contract.export_tariffs, contract.export),
        };
        let fixed = tariff.and_then(|tariff| tariffs[tariff]).or(whatever);
        match (&contract.dynamic, direction) {
            (Some(dynamic), Direction::Taken) if dynamic.import => {
                self.market(utc, PriceKind::Electricity, dynamic.markup_import, dynamic.vat, fixed)
            }
            (Some(dynamic), Direction::Given) if dynamic.export => {
                match self.table.at(PriceKind::ElectricityExport, utc) {
                    Some(price) => Price::new(price, PriceSource::Dynamic),
                    None => {
                        let (markup, vat) = (dynamic.markup_export, dynamic.vat_export);
                        self.market(utc, PriceKind::Electricity, markup, vat, fixed)
                    }
                }
            }
            _ => Price::new(fixed?, PriceSource::Contract),
        }
    }

    /// The price of a unit of what a device on the M-Bus counts.
    pub fn device(&self, utc: i64, class: MbusClass) -> Option<Price> {
        let contract = self.contract(utc)?;
        let fixed = contract.devices.iter().find(|(of, _)| *of == class).map(|(_, price)| *price);
        match &contract.dynamic {
            Some(dynamic) if class == MbusClass::Gas && dynamic.gas => {
                self.market(utc, PriceKind::Gas, dynamic.markup_gas, dynamic.vat, fixed)
            }
            _ => Price::new(fixed?, PriceSource::Contract),
        }
    }

    /// The table's price with what the contract adds, else the fixed one in its place.
    fn market(
        &self,
        utc: i64,
        kind: PriceKind,
        markup: Decimal,
        vat: Decimal,
        fixed: Option<Decimal>,
    ) -> Option<Price> {
        match self.table.at(kind, utc).and_then(|market| Dynamic::price(market, markup, vat)) {
            Some(price) => Some(Price { price, source: PriceSource::Dynamic }),
            None => Price::new(fixed?, PriceSource::Fallback),
        }
    }
}

impl Dynamic {
    /// `(market + markup) × (1 + vat)`, exactly up to [`Price::SCALE`] digits behind the point; half away from zero where
    /// there are more. `None` when it does not fit.
    pub fn price(market: Decimal, markup: Decimal, vat: Decimal) -> Option<Decimal> {
        let power = |scale: u8| 10_i128.checked_pow(scale.into());
        let scale = market.scale().max(markup.scale());
        let at = |value: Decimal| value.mantissa().checked_mul(power(scale - value.scale())?);
        let sum = at(market)?.checked_add(at(markup)?)?;
        let product = sum.checked_mul(power(vat.scale())?.checked_add(vat.mantissa())?)?;
        let scale = scale + vat.scale();
        let Some(excess) = scale.checked_sub(Price::SCALE) else { return Decimal::new(product, scale) };
        let unit = power(excess)?;
        let (whole, rest) = (product / unit, product % unit);
        let half = rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2) && rest != 0;
        Decimal::new(whole + if half { product.signum() } else { 0 }, Price::SCALE.min(scale))
    }
}

#[cfg(test)]
mod tests;
