//! The table `reading`: a row a reading, in order of time, one hour of them in memory.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::sync::Arc;

use jiff::tz::Offset;
use rusqlite::types::Value;
use rusqlite::vtab::{
    Context, Filters, IndexInfo, VTab, VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Error, Result};

use super::plan::{self, Plan};
use super::schema;
use super::source::{self, Source, refused};
use crate::meter::shown::{Moment, Shown, ShownKind};
use crate::p1::Decimal;
use crate::store::query::{Numbers, Stored};

/// Columns in front of those of [`Source::shown`].
pub(super) const FIRST: usize = 7;
const RECEIVED: usize = 5;
const PROOF: usize = 6;
/// The key of the offset that a meter tells with its time.
const OFFSET: &str = "time/offset";

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
    /// The registers that are asked for, by their places in [`Source::shown`], where nothing else is but times.
    registers: Option<Vec<usize>>,
    /// The hour to look for readings from.
    hour: Option<i64>,
    rows: Rows,
    /// The place of the current row.
    place: usize,
}

/// The rows of an hour.
enum Rows {
    Readings(Vec<Stored>),
    /// Backwards where the plan says so.
    Numbers(Numbers),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Readings(rows) => rows.len(),
            Self::Numbers(numbers) => numbers.rows.len(),
        }
    }

    /// Time, meter and equipment of a row.
    fn who(&self, place: usize) -> Option<(i64, &Arc<str>, Option<&str>)> {
        match self {
            Self::Readings(rows) => {
                let stored = rows.get(place)?;
                Some((stored.reading.utc_seconds(), &stored.meter, stored.equipment_id.as_deref()))
            }
            Self::Numbers(numbers) => {
                let (time, block, _) = numbers.rows.get(place)?;
                let (meter, equipment, _) = &numbers.blocks[*block];
                Some((*time, meter, equipment.as_deref()))
            }
        }
    }

    fn reverse(&mut self) {
        match self {
            Self::Readings(rows) => rows.reverse(),
            Self::Numbers(numbers) => numbers.rows.reverse(),
        }
    }

    /// How many rows of the same time and equipment come before one, in order of time.
    fn order(&self, place: usize, backwards: bool) -> i64 {
        let Some(this) = self.who(place) else { return 0 };
        let mut order = 0;
        let mut other = place;
        loop {
            let next = if backwards { other.checked_add(1) } else { other.checked_sub(1) };
            match next.and_then(|next| Some((next, self.who(next)?))) {
                Some((next, who)) if who.0 == this.0 => {
                    order += i64::from(who == this);
                    other = next;
                }
                _ => return order,
            }
        }
    }
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
        plan::choose(info)?;
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<ReadingCursor> {
        Ok(ReadingCursor {
            base: sqlite3_vtab_cursor::default(),
            source: Arc::clone(&self.source),
            plan: Plan::default(),
            registers: None,
            hour: None,
            rows: Rows::Readings(Vec::new()),
            place: 0,
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
        self.rows = match &self.registers {
            Some(registers) => {
                let mut keys: Vec<&str> =
                    registers.iter().map(|place| &*self.source.shown[*place].name).collect();
                keys.extend(self.plan.uses(plan::TIME_LOCAL as usize).then_some(OFFSET));
                let mut numbers = archive.numbers(&within, &keys).map_err(refused)?;
                numbers.problems.drain(..).try_for_each(|problem| self.source.report(problem))?;
                Rows::Numbers(numbers)
            }
            None => {
                let mut rows = Vec::new();
                for stored in archive.readings(within).map_err(refused)? {
                    match stored {
                        Ok(stored) => rows.push(stored),
                        Err(problem) => self.source.report(problem)?,
                    }
                }
                Rows::Readings(rows)
            }
        };
        if *descending {
            self.rows.reverse();
        }
        self.hour = if *descending { hour.checked_sub(1) } else { hour.checked_add(1) };
        Ok(true)
    }

    /// The registers that a plan looks at; none where it looks at anything that takes whole readings.
    fn registers(plan: &Plan, source: &Source) -> Option<Vec<usize>> {
        let whole = [RECEIVED, PROOF];
        if whole.into_iter().any(|column| plan.uses(column)) {
            return None;
        }
        let used = source.shown.iter().enumerate().filter(|(place, _)| plan.uses(FIRST + place));
        used.map(|(place, column)| {
            (column.field()?.register().name == column.name && column.kind == ShownKind::Number)
                .then_some(place)
        })
        .collect()
    }
}

// SAFETY: the cursor is `repr(C)` and begins with what SQLite expects.
unsafe impl VTabCursor for ReadingCursor {
    fn filter(&mut self, idx_num: c_int, idx_str: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.plan = plan::read(idx_num, idx_str, args)?;
        self.registers = Self::registers(&self.plan, &self.source);
        self.rows = Rows::Readings(Vec::new());
        let start = if self.plan.descending { i64::MAX } else { i64::MIN };
        self.hour = (!self.plan.nothing).then_some(start);
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        self.place += 1;
        while self.place >= self.rows.len() {
            self.place = 0;
            if !self.read_hour()? {
                self.rows = Rows::Readings(Vec::new());
                return Ok(());
            }
            if self.rows.len() > 0 {
                break;
            }
        }
        Ok(())
    }

    fn eof(&self) -> bool {
        self.place >= self.rows.len()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some((time, meter, equipment)) = self.rows.who(self.place) else { return Ok(()) };
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        let value = match (column, &self.rows) {
            (0, _) => Value::Integer(time),
            (1, _) => source::utc(time),
            (3, _) => Value::Text(meter.to_string()),
            (4, _) => equipment.map_or(Value::Null, |id| Value::Text(id.to_owned())),
            (column, Rows::Readings(rows)) => self.cell(column, &rows[self.place]),
            (2, Rows::Numbers(numbers)) => {
                let (_, block, row) = numbers.rows[self.place];
                let offset = numbers.blocks[block].2.last().and_then(|offsets| *offsets.get(row)?);
                source::text(self.local(time, meter, offset))
            }
            (column, Rows::Numbers(numbers)) => {
                let place = column.checked_sub(FIRST);
                let of = self.registers.iter().flatten().position(|register| Some(*register) == place);
                let (_, block, row) = numbers.rows[self.place];
                let cell = of.and_then(|of| numbers.blocks[block].2[of].get(row).copied().flatten());
                match (cell, place) {
                    (Some(number), Some(place)) => {
                        source::number(number, source::is_whole(&self.source.shown[place]))
                    }
                    _ => Value::Null,
                }
            }
        };
        context.set_result(value)
    }

    fn rowid(&self) -> Result<i64> {
        let order = self.rows.order(self.place, self.plan.descending);
        Ok(self
            .rows
            .who(self.place)
            .map_or(0, |(time, meter, equipment)| self.source.row_id(time, meter, equipment, order)))
    }
}

impl ReadingCursor {
    /// The time of a reading as [`Moment::of_reading`] has it, of the offset that the meter told.
    fn local(&self, time: i64, meter: &str, offset: Option<Decimal>) -> Moment {
        let seconds = offset.and_then(|offset| i32::try_from(offset.mantissa()).ok());
        match offset {
            Some(_) => Moment::At(time, seconds.and_then(|seconds| Offset::from_seconds(seconds).ok())),
            None => Moment::in_zone(time, self.source.zone_of(meter).time_zone()),
        }
    }

    /// What takes a whole reading.
    fn cell(&self, column: usize, stored: &Stored) -> Value {
        let reading = &stored.reading;
        match column {
            2 => source::text(Moment::of_reading(reading, self.source.zone_of(&stored.meter).time_zone())),
            RECEIVED => Value::Integer(reading.received_at),
            PROOF => Value::Text(reading.proof.name().to_owned()),
            column => match column.checked_sub(FIRST).and_then(|place| self.source.shown.get(place)) {
                None => Value::Null,
                Some(shown) => match shown.cell(reading) {
                    Shown::Absent => Value::Null,
                    Shown::Number(quantity) => source::number(quantity.value, source::is_whole(shown)),
                    Shown::Text(text) => Value::Text(text),
                    Shown::Time(time) => source::text(Moment::of_meter(time)),
                },
            },
        }
    }
}
