//! Where bytes come from. Each source is a stream of bytes; one task a meter turns them into readings.

pub mod settings;

pub use settings::{Line, LineSettings, Parity, SourceSettings, SourceUrl};
