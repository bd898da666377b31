//! The language of the P1 port, bytes in and objects out: no clock, no I/O, no sibling module.
//!
//! In reading order: [`decimal`] and [`obis`] are the words; [`crc`], [`scan`] and [`frame`] find a
//! telegram in a stream of bytes and prove it, [`cipher`] opens those that are encrypted, and [`foreign`] names
//! what is no P1 at all; [`telegram`] reads the lines of a proven frame into a list
//! of objects that loses nothing; [`value`] and [`timestamp`] read what stands between the brackets;
//! [`mod@write`] writes a telegram.

pub mod cipher;
pub mod crc;
pub mod decimal;
pub mod foreign;
pub mod frame;
pub mod obis;
mod scan;
pub mod telegram;
pub mod timestamp;
pub mod value;
pub mod write;

pub use decimal::Decimal;
pub use frame::{Frame, Framer, FramerSettings, Proof};
pub use obis::Obis;
pub use telegram::Telegram;
