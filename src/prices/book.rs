//! The price of something at an instant.

use std::sync::Arc;

use super::contract::Contract;
use super::table::PriceTable;
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
    /// In the currency a unit.
    pub price: Decimal,
    /// Where it comes from.
    pub source: PriceSource,
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

impl PriceBook {
    /// The contract that holds at an instant.
    pub fn contract(&self, _utc: i64) -> Option<&Contract> {
        None
    }

    /// The price of a kWh at an instant, by its register: tariffs and totals, taken or given.
    pub fn energy(&self, _utc: i64, _field: Field) -> Option<Price> {
        None
    }

    /// The price of a unit of what a device on the M-Bus counts.
    pub fn device(&self, _utc: i64, _class: MbusClass) -> Option<Price> {
        None
    }
}
