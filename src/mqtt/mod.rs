//! One driver a broker: its own queue, session and counters.

pub mod settings;

pub use settings::{BrokerSettings, Secret, TlsSettings};
