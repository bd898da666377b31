//! The resolved configuration: everything checked, every default filled in.

use std::path::PathBuf;
use std::time::Duration;

use super::backup::BackupSettings;
use crate::mqtt::BrokerSettings;
use crate::prices::Contract;
use crate::source::{ShareSettings, SourceSettings};
use crate::store::{Retention, StoreSettings};

/// One `[[meter]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterSettings {
    /// Its name: one topic level, unique.
    pub name: String,
    /// Where its telegrams come from.
    pub source: SourceSettings,
    /// Its telegrams for other readers.
    pub share: Option<ShareSettings>,
}

/// The `[prices]` table and the `[[contract]]` tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSettings {
    /// The currency's code in ISO 4217; `EUR` by default.
    pub currency: String,
    /// By their start.
    pub contracts: Vec<Contract>,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The `[log]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: tracing::Level,
    /// How a line looks.
    pub format: LogFormat,
}

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At least one.
    pub meters: Vec<MeterSettings>,
    /// The record.
    pub store: StoreSettings,
    /// The folder in memory for what a sync has not put onto the medium yet; none is one of the usual ones.
    pub tail: Option<PathBuf>,
    /// For how long its readings stay readings; for ever by default.
    pub retention: Retention,
    /// Backups of it.
    pub backup: BackupSettings,
    /// None means that nothing is published.
    pub mqtt: Vec<BrokerSettings>,
    /// What energy costs; contracts for one meter do not overlap.
    pub prices: PriceSettings,
    /// The log.
    pub log: LogSettings,
    /// How long a task may hang before the process ends itself.
    pub watchdog: Duration,
}
