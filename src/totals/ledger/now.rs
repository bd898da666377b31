//! Prices and costs of now.

use super::account::difference;
use super::bill::product;
use super::peaks::powers;
use crate::meter::{Field, MbusClass, Reading};
use crate::p1::Decimal;
use crate::prices::{Price, PriceBook};
use crate::totals::view::Costs;

/// The registers of tariffs 1 to 4, behind that of the total.
const IMPORT: [Field; 5] = [
    Field::EnergyImportTotal,
    Field::EnergyImportT1,
    Field::EnergyImportT2,
    Field::EnergyImportT3,
    Field::EnergyImportT4,
];
const EXPORT: [Field; 5] = [
    Field::EnergyExportTotal,
    Field::EnergyExportT1,
    Field::EnergyExportT2,
    Field::EnergyExportT3,
    Field::EnergyExportT4,
];

/// The prices of a quarter-hour.
#[derive(Clone, Debug, Default)]
pub(super) struct PricesOfNow {
    import: [Option<Price>; 5],
    export: [Option<Price>; 5],
    feed_in: Decimal,
    devices: Vec<(MbusClass, Price)>,
}

impl PricesOfNow {
    /// Of the quarter-hour that begins at an instant; `None` when no contract holds.
    pub(super) fn at(prices: &PriceBook, quarter: i64) -> Option<Self> {
        let contract = prices.contract(quarter)?;
        let device = |class: MbusClass| Some((class, prices.device(quarter, class)?));
        Some(Self {
            import: IMPORT.map(|field| prices.energy(quarter, field)),
            export: EXPORT.map(|field| prices.energy(quarter, field)),
            feed_in: contract.feed_in,
            devices: MbusClass::ALL.into_iter().filter_map(device).collect(),
        })
    }

    /// With a reading.
    pub(super) fn told(&self, reading: &Reading) -> Costs {
        let active = reading.tariff().and_then(|tariff| usize::try_from(tariff).ok());
        // A meter may name a tariff that it counts nothing for: then the total's price holds.
        let price = |prices: &[Option<Price>; 5], fields: &[Field; 5]| {
            let tariff =
                active.filter(|tariff| fields.get(*tariff).is_some_and(|f| reading.number(*f).is_some()));
            prices[tariff.unwrap_or(0)]
        };
        let (import, export) = (price(&self.import, &IMPORT), price(&self.export, &EXPORT));
        let per_hour = powers(reading).and_then(|(taken, given)| {
            let cost = match import {
                Some(import) => product(taken, import.price),
                None if taken.is_zero() => Default::default(),
                None => return None,
            };
            let earned = export.map_or(Decimal::ZERO, |export| export.price);
            Some(cost - product(given, difference(earned, self.feed_in)))
        });
        Costs {
            per_hour,
            import,
            export,
            tariffs: [[self.import[1], self.import[2]], [self.export[1], self.export[2]]],
            devices: self.devices.clone(),
        }
    }
}
