//! What has positions: the registers of a meter and the devices on its M-Bus.

use std::sync::Arc;

use crate::meter::{Field, MbusClass, Unit};
use crate::p1::Decimal;

/// Which register of a piece of equipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// An energy register of the electricity meter: a tariff or the total, taken or given.
    Energy(Field),
    /// What a device on the M-Bus counts.
    Device {
        /// What it measures.
        class: MbusClass,
        /// Its channel, for a device that told no identifier; else none, since a device may change channels.
        channel: Option<u8>,
    },
}

/// What a position is a position of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey {
    /// The identifier of the electricity meter or of the device, readable; empty for one that told none.
    pub equipment: Arc<str>,
    /// Its register.
    pub register: Register,
    /// How often the register started anew without a new identifier.
    pub generation: u32,
}

/// A position and when it was known: the meter's time, or that of the device, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When.
    pub time: i64,
    /// In the counter's unit, in the meter's resolution.
    pub value: Decimal,
}

/// A counter and how far it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterState {
    /// Of what.
    pub key: CounterKey,
    /// The unit of its positions.
    pub unit: Unit,
    /// The first that was ever known: nothing before it is usage.
    pub first: Position,
    /// The last.
    pub last: Position,
}
