//! The record: every reading, on an SD card, for years.

mod block;
mod codec;
mod crc;
pub mod settings;

pub use settings::StoreSettings;
