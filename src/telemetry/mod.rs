//! Counters and the log: how the process tells what it does.

mod backup;
mod counters;
mod health;
pub mod log;

pub use backup::{BackupHealth, BackupState};
pub use counters::{BrokerCounters, Counter, MeterCounters, ShareCounters, StoreCounters};
pub use health::{StoreFault, StoreHealth, StoreTrouble, StoreTroubles};
