//! The record: every reading, on an SD card, for years.

pub mod settings;

pub use settings::StoreSettings;
