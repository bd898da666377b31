//! A salvage that somebody asked for, and the carver on its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pages::{Bytes, Pages};
use super::scan::Scan;
use super::totals::Takeover;
use super::{STEP_PAGES, STEP_PIECES, Salvaged, hours, rest};
use crate::clock::Clock;
use crate::store::disk::SystemDisk;
use crate::store::error::{FlushError, OpenError};
use crate::store::rebuild::{self, RebuildError};
use crate::store::settings::StoreSettings;
use crate::store::writer::{SalvageFailure, Writer};

/// Why a file was not salvaged, or not to the end; what was brought back until then stays.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The record that is to take it cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file cannot be read at all.
    #[error("{path}: {error}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is the record itself.
    #[error("{path}: this is the record itself; name the file that was set aside, or a copy", path = .0.display())]
    Itself(PathBuf),
    /// The record could not be written.
    #[error(transparent)]
    Write(#[from] FlushError),
    /// The totals could not be made anew.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}

/// Brings what still reads of a file into a record that no other process has; one that is not there is made. Nothing is
/// there twice when it is done again. `progress` is told now and then how much is done, of how much.
///
/// # Errors
/// The file cannot be read, or the record cannot be opened or written.
pub fn run(
    file: &Path,
    into: StoreSettings,
    clock: Clock,
    mut progress: impl FnMut(u64, u64),
) -> Result<Salvaged, SalvageError> {
    let read = |error| SalvageError::Read { path: file.to_owned(), error };
    let same = std::fs::canonicalize(file).map_err(read)?;
    if std::fs::canonicalize(&into.path).is_ok_and(|into| into == same) {
        return Err(SalvageError::Itself(into.path));
    }
    let (path, now) = (into.path.clone(), clock.wall());
    let mut writer = Writer::open(into, Arc::new(SystemDisk), Arc::default(), clock)?;
    let salvaged = writer.salvage(file, &mut progress).map_err(|failure| match failure {
        SalvageFailure::Read(error) => read(error),
        SalvageFailure::Write(error) => SalvageError::Write(error),
    })?;
    let whole = writer.is_whole();
    // It has the record to itself.
    drop(writer);
    if !whole {
        rebuild::run(&path, now, &mut progress)?;
    }
    Ok(salvaged)
}

/// What can be found in bytes that may be anything: readings in blocks whose checksums hold, and prices. Copies count.
pub fn carve(database: Vec<u8>, log: Option<Vec<u8>>) -> (u64, u64) {
    let length = database.len() as u64;
    let log = log.map(|log| {
        let length = log.len() as u64;
        (Box::new(log) as Box<dyn Bytes>, length)
    });
    let pages = Pages::of(Box::new(database), length, log);
    let mut scan = Scan::default();
    while scan.step(&pages, STEP_PAGES) {}
    let readings = scan.blocks.iter().filter_map(|block| hours::readings(&pages, block)).map(u64::from).sum();
    if let Some(mut takeover) = Takeover::of(&scan, &pages) {
        while takeover.check(&pages, STEP_PIECES) == Some(true) {}
    }
    (readings, rest::prices(&scan, &pages).len() as u64)
}
