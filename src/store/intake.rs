//! Readings of the past, put into the record: by meter and second, those that are there already left out.
//!
//! In reading order: [`judge`](self), what is new; [`Intake`], which takes readings in any order, packs them by hours
//! and writes many hours in a transaction, with how far it has come; [`past`], positions older than any reading, notes,
//! and what another program had worked out.
//!
//! The record is to be its own while it goes in: a running dsmrd keeps it out. A dry run reads beside one.

mod judge;
pub mod past;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use judge::Grain;
use judge::{Known, Verdict};
pub use past::{Inherited, PastCounter};

use super::codec::Row;
use super::db::{Database, blocks, intake as sql, totals};
use super::disk::{Disk, DiskFile, SystemDisk};
use super::error::{OpenError, ReadError};
use super::journal;
use super::pending::{Pending, Place};
use super::query::{Archive, Range};
use super::rebuild::{self, RebuildError, Rebuilt};
use super::settings::StoreSettings;
use super::writer::Writer;
use crate::clock::Clock;
use crate::meter::Reading;
use crate::p1::Decimal;

/// Readings that wait for a transaction: some twenty megabytes, and hours of them.
const BATCH: usize = 8_192;
/// Conflicts that are told one by one.
pub const TOLD: usize = 10;

/// Another reading of the same second says something else; ours stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// When, in seconds since 1970-01-01 00:00 UTC.
    pub time: i64,
    /// What: a field's name or a class of devices.
    pub what: String,
    /// What the record has.
    pub ours: Decimal,
    /// What came in.
    pub theirs: Decimal,
}

/// What became of readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Put in; in a dry run those that would be.
    pub new: u64,
    /// There already.
    pub there: u64,
    /// Means of minutes that have readings.
    pub covered: u64,
    /// Other readings of a second that has one.
    pub conflicts: u64,
    /// Of hours whose readings were given up for coarser ones.
    pub thinned: u64,
    /// Too large for a block.
    pub refused: u64,
    /// The first conflicts.
    pub first_conflicts: Vec<Conflict>,
    /// The times of the first and the last that is new.
    pub span: Option<(i64, i64)>,
}

/// How far the import of a file has come, told with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What tells the file from others.
    pub fingerprint: String,
    /// Bytes of it, unpacked, that are dealt with.
    pub position: u64,
    /// Whether that is all of it.
    pub done: bool,
}

enum Target {
    Record {
        database: Database,
        /// Held to the end.
        _lock: Box<dyn DiskFile>,
    },
    Dry(Option<Box<Archive>>),
}

/// The way in for readings of one meter.
pub struct Intake {
    path: PathBuf,
    meter: Arc<str>,
    target: Target,
    waiting: BTreeMap<i64, Vec<(Reading, Grain)>>,
    count: usize,
    verdicts: Verdicts,
}

impl Intake {
    /// Opens the record to put readings of a meter in; it is made where it is not there.
    ///
    /// # Errors
    /// Another process has it, or it cannot be opened.
    pub fn open(path: &Path, meter: &str, clock: &Clock) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(SystemDisk), path, meter, clock)
    }

    /// The same on a disk of one's own.
    ///
    /// # Errors
    /// As of [`Intake::open`].
    pub fn open_on(disk: Arc<dyn Disk>, path: &Path, meter: &str, clock: &Clock) -> Result<Self, OpenError> {
        // What an earlier process left in the journal goes into blocks, so that one place tells what is there.
        let settings = StoreSettings { path: path.to_owned(), sync_interval: std::time::Duration::ZERO };
        drop(Writer::open(settings, Arc::clone(&disk), Arc::default(), clock.clone())?);
        let journal = journal::path_of(path);
        let lock = journal::lock(disk.as_ref(), &journal)
            .map_err(|error| journal::open_error(error, &journal, path))?;
        let database = Database::open(path, disk.vfs(), clock.wall())?;
        Ok(Self::new(path, meter, Target::Record { database, _lock: lock }))
    }

    /// Looks at the record alone, beside whoever writes it; nothing is put in. There may be none yet.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn dry(path: &Path, meter: &str) -> Result<Self, OpenError> {
        let archive = match Archive::open(path) {
            Ok(archive) => Some(archive),
            Err(OpenError::Missing(_) | OpenError::Older { found: 0, .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Self::new(path, meter, Target::Dry(archive.map(Box::new))))
    }

    fn new(path: &Path, meter: &str, target: Target) -> Self {
        Self {
            path: path.to_owned(),
            meter: meter.into(),
            target,
            waiting: BTreeMap::new(),
            count: 0,
            verdicts: Verdicts::default(),
        }
    }

    /// Whether nothing is put in.
    pub fn is_dry(&self) -> bool {
        matches!(self.target, Target::Dry(_))
    }

    /// How far the import of a file came before, and whether to its end.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn came_to(&self, fingerprint: &str) -> Result<Option<(u64, bool)>, ReadError> {
        match &self.target {
            Target::Record { database, .. } => {
                Ok(sql::progress(database.connection(), fingerprint, &self.meter)?)
            }
            Target::Dry(_) => Ok(None),
        }
    }

    /// Takes a reading. [`Intake::is_full`] tells when to write.
    pub fn put(&mut self, reading: Reading, grain: Grain) {
        let hour = reading.utc_seconds().div_euclid(3_600);
        self.waiting.entry(hour).or_default().push((reading, grain));
        self.count += 1;
    }

    /// Whether as many readings wait as are written at once.
    pub fn is_full(&self) -> bool {
        self.count >= BATCH
    }

    /// Writes what waits, all or nothing, and how far that is. Until the totals are made anew they are marked as wanting.
    ///
    /// # Errors
    /// The record cannot be read or written; what waited is still not in it.
    pub fn write(&mut self, mark: Option<&Mark>) -> Result<(), ReadError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.count = 0;
        match &mut self.target {
            Target::Dry(archive) => {
                for (hour, arrivals) in waiting {
                    let range = Range {
                        meter: Some(self.meter.to_string()),
                        from: Some(hour * 3_600),
                        to: Some(hour * 3_600 + 3_600),
                        ..Range::default()
                    };
                    let mut known = Vec::new();
                    if let Some(archive) = archive {
                        known.extend(archive.readings(range)?.flatten().map(|stored| stored.reading));
                    }
                    self.verdicts.judge(Known::new(known), arrivals, |_| true);
                }
            }
            Target::Record { database, .. } => {
                let transaction = database.begin()?;
                let mut pending = Pending::default();
                let before = self.verdicts.new;
                for (hour, arrivals) in waiting {
                    let found = sql::hour(&transaction, &self.meter, hour)?;
                    if found.is_thinned {
                        self.verdicts.thinned += arrivals.len() as u64;
                        continue;
                    }
                    if found.damaged > 0 {
                        tracing::warn!(
                            hour_start = hour * 3_600,
                            "a damaged block: what it held is not compared"
                        );
                    }
                    self.verdicts.judge(Known::new(found.readings), arrivals, |reading| {
                        let place = Place::of(&self.meter, reading);
                        pending.roll(&place);
                        pending.push(&place, &Row::of(reading)).is_ok()
                    });
                }
                pending.finish_all();
                for block in pending.finished() {
                    blocks::store(&transaction, block)?;
                }
                if self.verdicts.new > before {
                    totals::mark(&transaction, false)?;
                }
                if let Some(Mark { fingerprint, position, done }) = mark {
                    sql::set_progress(&transaction, fingerprint, &self.meter, *position, *done)?;
                }
                transaction.commit()?;
            }
        }
        Ok(())
    }

    /// What became of the readings so far.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// Whether the positions of the totals are not those of every reading.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn wants_totals(&self) -> Result<bool, ReadError> {
        match &self.target {
            Target::Record { database, .. } => Ok(!database.totals_whole()?),
            Target::Dry(_) => Ok(false),
        }
    }

    /// Makes the totals anew of everything that is in the record now.
    ///
    /// # Errors
    /// The record fails; its totals are as they were.
    pub fn make_totals(&mut self, progress: impl FnMut(u64, u64)) -> Result<Rebuilt, RebuildError> {
        match &mut self.target {
            Target::Record { database, .. } => rebuild::rebuild(&self.path, database, progress),
            Target::Dry(_) => Ok(Rebuilt::default()),
        }
    }
}

impl Verdicts {
    fn judge(
        &mut self,
        mut known: Known,
        mut arrivals: Vec<(Reading, Grain)>,
        mut keep: impl FnMut(&Reading) -> bool,
    ) {
        arrivals.sort_by_key(|(reading, _)| reading.utc_seconds());
        for (reading, grain) in arrivals {
            let time = reading.utc_seconds();
            match known.judge(&reading, grain) {
                Verdict::New if keep(&reading) => {
                    self.new += 1;
                    let (first, last) = self.span.unwrap_or((time, time));
                    self.span = Some((first.min(time), last.max(time)));
                    known.add(reading);
                }
                Verdict::New => self.refused += 1,
                Verdict::There => self.there += 1,
                Verdict::Covered => self.covered += 1,
                Verdict::Conflict(what, ours, theirs) => {
                    self.conflicts += 1;
                    if self.first_conflicts.len() < TOLD {
                        self.first_conflicts.push(Conflict { time, what, ours, theirs });
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("path", &self.path).field("meter", &self.meter).finish_non_exhaustive()
    }
}
