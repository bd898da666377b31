//! The language of the P1 port, bytes in and objects out: no clock, no I/O, no sibling module.
//!
//! In reading order: [`decimal`] and [`obis`] are the words; [`crc`] and [`frame`] find a telegram in a
//! stream of bytes and prove it; [`telegram`] reads the lines of a proven frame into a list of objects
//! that loses nothing; [`timestamp`] reads the meter's clock; [`write`] writes a telegram.

pub mod decimal;
pub mod obis;
pub mod timestamp;

pub use decimal::Decimal;
pub use obis::Obis;
