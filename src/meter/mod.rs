//! What the numbers of a telegram mean: pure, no I/O.
//!
//! In reading order: [`mod@unit`]; [`register`], the one table of fields, with [`energy`], those that are added up;
//! [`reading`], what a telegram said; [`country`], whose rules it follows; [`zone`], where it stands; [`interpret`],
//! from objects to a reading, with [`mbus`] for sub-meters, [`profile`] for objects with a structure, [`limit`],
//! [`mod@switch`] and [`message`]; [`interpreter`], the telegrams of one meter in their order; [`record`], a reading as
//! columns for the store; [`shown`], as a row of a table for people.

pub mod country;
pub mod energy;
pub mod interpret;
pub mod interpreter;
pub mod limit;
pub mod mbus;
pub mod message;
pub mod profile;
pub mod reading;
pub mod record;
pub mod register;
pub mod shown;
pub mod switch;
pub mod unit;
pub mod zone;

pub use country::{Certainty, Country, Detection, TariffName};
pub use interpret::{Interpreted, read};
pub use interpreter::{ClockDoubt, Interpreter, InterpreterSettings};
pub use limit::{CurrentLimits, Limit};
pub use mbus::MbusClass;
pub use profile::{Peak, PowerFailure, Profile, ProfileCell};
pub use reading::{Cell, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, UnixMillis};
pub use register::{Field, Kind, REGISTERS, Register};
pub use switch::SwitchState;
pub use unit::Unit;
pub use zone::Zone;
