//! Where the record lies and how often it is synced.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The SQLite file; the journal lies beside it under the same name with `.journal` behind it.
    pub path: PathBuf,
    /// What a power cut can cost: the journal is synced this often. Zero syncs every reading.
    pub sync_interval: Duration,
}
