//! What the numbers of a telegram mean: pure, no I/O.
//!
//! In reading order: [`unit`]; [`register`], the one table of fields; [`reading`], what a telegram said.

pub mod reading;
pub mod register;
pub mod unit;

pub use reading::{Cell, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, UnixMillis};
pub use register::{Field, Kind, REGISTERS, Register};
pub use unit::Unit;
