//! What the numbers of a telegram mean: pure, no I/O.
//!
//! In reading order: [`mod@unit`]; [`register`], the one table of fields; [`reading`], what a telegram said;
//! [`zone`], where the meter stands; [`interpret`], from objects to a reading, with [`mbus`] for sub-meters
//! and [`profile`] for objects with a structure; [`record`], a reading as columns for the store.

pub mod interpret;
pub mod mbus;
pub mod profile;
pub mod reading;
pub mod record;
pub mod register;
pub mod unit;
pub mod zone;

pub use interpret::{Interpreted, read};
pub use mbus::MbusClass;
pub use reading::{Cell, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, UnixMillis};
pub use register::{Field, Kind, REGISTERS, Register};
pub use unit::Unit;
pub use zone::Zone;
