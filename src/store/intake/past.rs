//! What is older than any reading, or no reading: positions of registers that another program had worked out, what
//! people wrote about days, sums and costs.

use std::cmp::Ordering;
use std::path::Path;

use super::{Intake, Target};
use crate::meter::Unit;
use crate::p1::Decimal;
use crate::store::db::{self, intake as sql};
use crate::store::error::{OpenError, ReadError};
use crate::totals::{QUARTER, Register};

/// A register whose positions are known at boundaries of quarter-hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCounter {
    /// The identifier of the meter or device, readable; empty for one that told none.
    pub equipment: String,
    /// Its register.
    pub register: Register,
    /// The unit of its positions.
    pub unit: Unit,
    /// Instants in seconds since 1970-01-01 00:00 UTC, multiples of a quarter-hour, and positions; both only rise.
    pub positions: Vec<(i64, Decimal)>,
}

/// What became of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    /// Put in.
    pub new: u64,
    /// There already.
    pub there: u64,
    /// Another is there.
    pub conflicts: u64,
    /// Not older than the first reading of their register, or beyond its first position.
    pub late: u64,
}

/// What someone wrote about a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The meter's name.
    pub meter: String,
    /// The local date, such as `2026-10-24`.
    pub day: String,
    /// What was written.
    pub text: String,
    /// The program it was written in.
    pub origin: String,
}

/// The notes of a record, by day.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn notes(path: &Path) -> Result<Vec<Note>, OpenError> {
    let connection = db::open_to_read(path)?;
    let notes =
        sql::notes(&connection).map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
    Ok(notes.into_iter().map(|[meter, day, text, origin]| Note { meter, day, text, origin }).collect())
}

impl Intake {
    /// The time of the first reading that is stored, in seconds since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn first_reading(&self) -> Result<Option<i64>, ReadError> {
        match &self.target {
            Target::Record { database, .. } => Ok(sql::first_reading(database.connection(), &self.meter)?),
            Target::Dry(Some(archive)) => {
                let range = crate::store::Range { meter: Some(self.meter.to_string()), ..Default::default() };
                Ok(archive.epochs(&range)?.iter().map(|epoch| epoch.first).min())
            }
            Target::Dry(None) => Ok(None),
        }
    }

    /// The first position of a register that the record knows; none in a dry run.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn first_position(
        &self,
        equipment: &str,
        register: Register,
    ) -> Result<Option<(i64, Decimal)>, ReadError> {
        match &self.target {
            Target::Record { database, .. } => {
                let counter = sql::counter(database.connection(), &self.meter, equipment, register)?;
                Ok(counter.map(|counter| counter.first))
            }
            Target::Dry(_) => Ok(None),
        }
    }

    /// Puts in positions that are older than what a register is known from; the totals begin with them then, and keep
    /// them when they are made anew. What is there stays.
    ///
    /// # Errors
    /// The record cannot be written; nothing is put in then.
    pub fn inherit(&mut self, counters: &[PastCounter]) -> Result<Inherited, ReadError> {
        let mut done = Inherited::default();
        let first_reading = self.first_reading()?;
        let Target::Record { database, .. } = &mut self.target else { return Ok(done) };
        let transaction = database.begin()?;
        for past in counters {
            let Some(&first) = past.positions.first() else { continue };
            let of = [&*self.meter, &past.equipment];
            let found = sql::counter(&transaction, of[0], of[1], past.register)?;
            let is_new = found.is_none();
            let counter = match found {
                Some(counter) => counter,
                None => sql::make_counter(&transaction, of, (past.register, past.unit), first)?,
            };
            let mut last = None;
            for &(boundary, at) in &past.positions {
                debug_assert_eq!(boundary.rem_euclid(QUARTER), 0, "a boundary");
                // Of a register that was inherited before, the first position is no reading's.
                let limit = first_reading.map_or(i64::MAX, |reading| reading.min(i64::MAX - 1));
                let late = boundary > limit
                    || !is_new
                        && counter.first.0 >= boundary
                        && at.cmp_value(counter.first.1) == Ordering::Greater;
                if late {
                    done.late += 1;
                    continue;
                }
                match sql::put_position(&transaction, &counter, (boundary, at))? {
                    sql::Put::New => done.new += 1,
                    sql::Put::There => done.there += 1,
                    sql::Put::Differs => done.conflicts += 1,
                }
                last = Some((boundary, at));
            }
            if let Some(last) = last {
                sql::begin_earlier(&transaction, &counter, first)?;
                if first_reading.is_none() || is_new {
                    sql::end_later(&transaction, &counter, last)?;
                }
            }
        }
        transaction.commit()?;
        Ok(done)
    }

    /// Puts in notes of days; how many are new.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn put_notes<'a>(
        &mut self,
        origin: &str,
        notes: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<u64, ReadError> {
        let Target::Record { database, .. } = &mut self.target else { return Ok(0) };
        let transaction = database.begin()?;
        let mut new = 0;
        for (day, text) in notes {
            new += u64::from(sql::put_note(&transaction, [&self.meter, day, text, origin])?);
        }
        transaction.commit()?;
        Ok(new)
    }

    /// Keeps what another program had worked out, each a start in seconds since 1970-01-01 00:00 UTC and a JSON
    /// object; how many are new.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn keep(
        &mut self,
        origin: &str,
        kind: &str,
        items: impl IntoIterator<Item = (i64, String)>,
    ) -> Result<u64, ReadError> {
        let Target::Record { database, .. } = &mut self.target else { return Ok(0) };
        let transaction = database.begin()?;
        let mut new = 0;
        for (start, data) in items {
            let item = [&*self.meter, kind, origin, &data];
            new += u64::from(sql::put_inherited(&transaction, item, start)?);
        }
        transaction.commit()?;
        Ok(new)
    }
}
