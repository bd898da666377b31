//! The table `reading`: a row a reading, in order of time, one hour of them in memory.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::vtab::{
    Context, Filters, IndexInfo, VTab, VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Error, Result};

use super::plan::{self, Plan};
use super::schema;
use super::source::{self, Source, refused};
use crate::meter::shown::{Moment, Shown};
use crate::store::query::Stored;

/// Columns in front of those of [`Source::shown`].
pub(super) const FIRST: usize = 7;

#[repr(C)]
pub(super) struct ReadingTable {
    base: sqlite3_vtab,
    source: Arc<Source>,
}

#[repr(C)]
pub(super) struct ReadingCursor {
    base: sqlite3_vtab_cursor,
    source: Arc<Source>,
    plan: Plan,
    /// The hour to look for readings from.
    hour: Option<i64>,
    /// With how many of the same time and equipment come before.
    rows: std::vec::IntoIter<(i64, Stored)>,
    current: Option<(i64, Stored)>,
}

// SAFETY: the table is `repr(C)` and begins with what SQLite expects.
unsafe impl<'vtab> VTab<'vtab> for ReadingTable {
    type Aux = Arc<Source>;
    type Cursor = ReadingCursor;

    fn connect(
        _db: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _args: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let source = Arc::clone(aux.ok_or_else(|| Error::ModuleError("no record".to_owned()))?);
        let declared = declared(&schema::reading(&source).declaration())?;
        Ok((declared, Self { base: sqlite3_vtab::default(), source }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        plan::choose(info, true)?;
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<ReadingCursor> {
        Ok(ReadingCursor {
            base: sqlite3_vtab_cursor::default(),
            source: Arc::clone(&self.source),
            plan: Plan::default(),
            hour: None,
            rows: Vec::new().into_iter(),
            current: None,
        })
    }
}

pub(super) fn declared(text: &str) -> Result<Cow<'static, CStr>> {
    Ok(Cow::Owned(CString::new(text).map_err(|_| Error::ModuleError("a name has a zero byte".to_owned()))?))
}

impl ReadingCursor {
    /// Reads the next hour with readings.
    fn read_hour(&mut self) -> Result<bool> {
        let Some(from) = self.hour else { return Ok(false) };
        let archive = self.source.archive();
        let Plan { range, descending, .. } = &self.plan;
        let found = archive.hour_near(range, from, *descending).map_err(refused)?;
        let Some(hour) = found else {
            self.hour = None;
            return Ok(false);
        };
        let mut within = range.clone();
        within.from = Some(within.from.map_or(hour * 3_600, |from| from.max(hour * 3_600)));
        within.to = Some(within.to.map_or((hour + 1) * 3_600, |to| to.min((hour + 1) * 3_600)));
        self.source.count_hour();
        let mut rows: Vec<(i64, Stored)> = Vec::new();
        for stored in archive.readings(within).map_err(refused)? {
            match stored {
                Ok(stored) => {
                    let same = |(_, other): &&(i64, Stored)| {
                        other.meter == stored.meter && other.equipment_id == stored.equipment_id
                    };
                    let time = stored.reading.utc_seconds();
                    let mut now =
                        rows.iter().rev().take_while(|(_, other)| other.reading.utc_seconds() == time);
                    let order = now.find(same).map_or(0, |(order, _)| order + 1);
                    rows.push((order, stored));
                }
                Err(problem) => self.source.report(problem)?,
            }
        }
        if *descending {
            rows.reverse();
        }
        self.hour = if *descending { hour.checked_sub(1) } else { hour.checked_add(1) };
        self.rows = rows.into_iter();
        Ok(true)
    }
}

// SAFETY: the cursor is `repr(C)` and begins with what SQLite expects.
unsafe impl VTabCursor for ReadingCursor {
    fn filter(&mut self, idx_num: c_int, idx_str: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.plan = plan::read(idx_num, idx_str, args)?;
        self.rows = Vec::new().into_iter();
        let start = if self.plan.descending { i64::MAX } else { i64::MIN };
        self.hour = (!self.plan.nothing).then_some(start);
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        loop {
            self.current = self.rows.next();
            if self.current.is_some() || !self.read_hour()? {
                return Ok(());
            }
        }
    }

    fn eof(&self) -> bool {
        self.current.is_none()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some((_, stored)) = &self.current else { return Ok(()) };
        let reading = &stored.reading;
        let value = match usize::try_from(column).unwrap_or(usize::MAX) {
            0 => Value::Integer(reading.utc_seconds()),
            1 => source::utc(reading.utc_seconds()),
            2 => source::text(Moment::of_reading(reading, self.source.zone_of(&stored.meter).time_zone())),
            3 => Value::Text(stored.meter.to_string()),
            4 => stored.equipment_id.as_deref().map_or(Value::Null, |id| Value::Text(id.to_owned())),
            5 => Value::Integer(reading.received_at),
            6 => Value::Text(reading.proof.name().to_owned()),
            column => match self.source.shown.get(column - FIRST) {
                None => Value::Null,
                Some(shown) => match shown.cell(reading) {
                    Shown::Absent => Value::Null,
                    Shown::Number(quantity) => source::number(quantity.value, source::is_whole(shown)),
                    Shown::Text(text) => Value::Text(text),
                    Shown::Time(time) => source::text(Moment::of_meter(time)),
                },
            },
        };
        context.set_result(value)
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.current.as_ref().map_or(0, |(order, stored)| {
            let equipment = stored.equipment_id.as_deref();
            self.source.row_id(stored.reading.utc_seconds(), &stored.meter, equipment, *order)
        }))
    }
}
