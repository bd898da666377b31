//! DSMR-reader: its PostgreSQL backup (versions 4 to 6), and what it exports as CSV.
//!
//! In reading order: [`tables`], its tables and their columns; [`mod@survey`], the first pass over a dump, which tells what
//! is in it and keeps what is small; [`mod@import`], the second, which puts readings in; [`statistics`], what is older than
//! any reading; [`contracts`], for the configuration; [`exports`], its CSV files.
//!
//! | of the dump | becomes |
//! | --- | --- |
//! | readings | readings of their second |
//! | electricity by the minute | readings, where its minute has none of its own: DSMR-reader keeps two an hour of each for ever |
//! | gas | readings of the device alone, where no reading has its stamp; of DSMR 4 an hour later, which DSMR-reader takes off |
//! | days and hours | positions of the totals before the first reading; sums, costs and temperatures of days are kept as they are |
//! | notes | notes |
//! | quarter-hour peaks, temperatures | kept as they are |
//! | contracts | tables for the configuration, which is never changed |

pub mod contracts;
pub mod exports;
pub mod import;
mod minutes;
pub mod statistics;
pub mod survey;
pub mod tables;

pub use import::{Imported, import};
pub use statistics::Statistics;
pub use survey::{Survey, survey};

/// What notes and sums are marked with.
pub const ORIGIN: &str = "DSMR-reader";

/// Why a file could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be opened or read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("{0}")]
    Foreign(String),
    /// The record cannot be opened, or another process has it.
    #[error(transparent)]
    Open(#[from] crate::store::OpenError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Store(#[from] crate::store::ReadError),
    /// Its totals cannot be made.
    #[error(transparent)]
    Totals(#[from] crate::store::rebuild::RebuildError),
}
