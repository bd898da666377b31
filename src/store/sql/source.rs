//! What stands behind the virtual tables: one archive that their cursors take turns with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::Value;

use crate::meter::shown::{Moment, ShownColumn};
use crate::meter::{Kind, Unit, Zone};
use crate::p1::Decimal;
use crate::store::error::ReadError;
use crate::store::query::Archive;

#[derive(Debug)]
pub(super) struct Source {
    archive: Mutex<Archive>,
    /// What a reading shows.
    pub(super) shown: Vec<ShownColumn>,
    /// The equipment there is: a place for each in the numbers of rows.
    epochs: Vec<(String, Option<String>)>,
    zones: BTreeMap<String, Zone>,
    /// Of meters that have none of their own, and where days begin.
    pub(super) zone: Zone,
    /// What could not be read, once each.
    problems: Mutex<BTreeSet<String>>,
    hours: AtomicU64,
}

impl Source {
    pub(super) fn new(
        archive: Archive,
        shown: Vec<ShownColumn>,
        epochs: Vec<(String, Option<String>)>,
        zones: BTreeMap<String, Zone>,
        zone: Zone,
    ) -> Arc<Self> {
        let (problems, hours) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { archive: Mutex::new(archive), shown, epochs, zones, zone, problems, hours })
    }

    pub(super) fn archive(&self) -> MutexGuard<'_, Archive> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a row, the same whatever else is asked for: `a OR b` is two searches, of which SQLite takes rows
    /// with one number for one row. Rows of one time and equipment are told apart by their order.
    pub(super) fn row_id(&self, time: i64, meter: &str, equipment: Option<&str>, order: i64) -> i64 {
        let same = |(other, id): &(String, Option<String>)| other == meter && id.as_deref() == equipment;
        let epoch = self.epochs.iter().position(same).unwrap_or(self.epochs.len());
        let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
        time.wrapping_shl(29) | (epoch & 0xfff) << 17 | order & 0x1_ffff
    }

    /// A number for a meter's name.
    pub(super) fn place_of(&self, meter: &str) -> i64 {
        let place = self.epochs.iter().position(|(other, _)| other == meter).unwrap_or(self.epochs.len());
        i64::try_from(place).unwrap_or(i64::MAX)
    }

    pub(super) fn zone_of(&self, meter: &str) -> &Zone {
        self.zones.get(meter).unwrap_or(&self.zone)
    }

    /// Remembers what is damaged; whatever else is wrong ends the query.
    pub(super) fn report(&self, problem: ReadError) -> rusqlite::Result<()> {
        match problem {
            damaged @ ReadError::Damaged { .. } => {
                self.problems.lock().unwrap_or_else(PoisonError::into_inner).insert(damaged.to_string());
                Ok(())
            }
            problem => Err(refused(problem)),
        }
    }

    pub(super) fn take_problems(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn count_hour(&self) {
        self.hours.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hours(&self) -> u64 {
        self.hours.load(Ordering::Relaxed)
    }
}

pub(super) fn refused(problem: ReadError) -> rusqlite::Error {
    match problem {
        ReadError::Sqlite(error) => error,
        problem => rusqlite::Error::ModuleError(problem.to_string()),
    }
}

/// Whether numbers of a column are whole by nature. All others are REAL, so that half of 5 A is 2.5.
pub(super) fn is_whole(column: &ShownColumn) -> bool {
    column.field().is_some_and(|field| field.register().kind == Kind::Counter)
}

pub(super) fn number(number: Decimal, whole: bool) -> Value {
    if whole && let Some(number) = number.rescaled(0).and_then(|number| i64::try_from(number.mantissa()).ok())
    {
        return Value::Integer(number);
    }
    // The digits of a decimal are always a number.
    number.to_string().parse().map_or(Value::Null, Value::Real)
}

pub(super) fn text(moment: Moment) -> Value {
    Value::Text(moment.to_string())
}

pub(super) fn utc(seconds: i64) -> Value {
    text(Moment::At(seconds, None))
}

pub(super) fn symbol(unit: Option<Unit>) -> String {
    unit.map_or("", Unit::symbol).to_owned()
}
