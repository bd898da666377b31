//! Counters and the log: how the process tells what it does.

mod counters;
pub mod log;

pub use counters::{BrokerCounters, Counter, MeterCounters, ShareCounters, StoreCounters};
