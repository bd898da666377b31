//! P1 Monitor: its minutes, each with the positions of the registers at its clock, and what hours and days ended with.
//!
//! They lie in one database (`e_historie.db`), or in its export as SQL: a `replace into` for each row. Minutes it keeps
//! for a month, hours for three years, days for ever; what is older than the first minute becomes positions of the
//! totals. Its clock is that of the wall: in the hour that the autumn doubles minutes come in the order of their rows,
//! and of hours there is one row for both.

use std::collections::BTreeMap;
use std::path::Path;

use super::dsmr_reader::{ImportError, Statistics};
use super::dump::{Dump, Event, Problems};
use super::input::{Input, Kind};
use super::readings::{Equipment, Maker};
use super::value::{self, WallClock};
use crate::meter::zone::Instants;
use crate::meter::{Field, Quantity, Zone};
use crate::p1::timestamp::LocalTime;
use crate::store::foreign::{P1_COLUMNS, P1_TABLES, P1Monitor, P1Row};
use crate::store::intake::{Grain, Intake};

/// What notes and messages call it.
pub const ORIGIN: &str = "P1 Monitor";
/// Rows that are read at once.
const STEP: u32 = 2_000;
/// The places in [`P1Row::numbers`] of positions, in the order of [`Statistics`].
const POSITIONS: [usize; 5] = [0, 1, 2, 3, 6];
/// Digits behind the point of what meters tell; the export has doubles.
const SCALE: u8 = 3;

/// What an import went through.
#[derive(Debug, Default)]
pub struct Imported {
    /// Minutes, hours and days.
    pub rows: [u64; 3],
    /// What could not be read; lines of an export, and of a database numbers of rows.
    pub problems: Problems,
    /// What hours and days tell, to be put in when the minutes are.
    pub statistics: Statistics,
}

/// Puts the minutes of a database or an export into the record; `None` when there is no table of P1 Monitor in it.
///
/// # Errors
/// It, or the record, cannot be read or written.
pub fn import(
    path: &Path,
    zone: &Zone,
    equipment: &Equipment,
    intake: &mut Intake,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<Imported>, ImportError> {
    let (input, kind) = Input::open(path)?;
    let mut pass = Pass {
        done: Imported { statistics: Statistics::new(zone.clone()), ..Imported::default() },
        maker: Maker::new(equipment, zone),
        clock: WallClock::new(zone.clone()),
        ends: Default::default(),
        last_minute: i64::MIN,
        zone,
        equipment,
    };
    let found = match kind {
        Kind::Sqlite => pass.database(path, intake, &mut progress)?,
        Kind::Text => pass.export(input, intake, &mut progress)?,
        _ => false,
    };
    pass.past();
    Ok(found.then_some(pass.done))
}

/// When an hour or day ended, and the positions then, in thousandths.
type End = (i64, [Option<i64>; 5]);

struct Pass<'a> {
    done: Imported,
    maker: Maker,
    clock: WallClock,
    /// What hours (0) and days (1) ended with, by their starts.
    ends: [BTreeMap<i64, End>; 2],
    last_minute: i64,
    zone: &'a Zone,
    equipment: &'a Equipment,
}

impl Pass<'_> {
    fn database(
        &mut self,
        path: &Path,
        intake: &mut Intake,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<bool, ImportError> {
        let Some(database) = P1Monitor::open(path)? else { return Ok(false) };
        for table in 0..P1_TABLES.len() {
            let (all, mut behind) = (database.count(table)?, i64::MIN);
            loop {
                let (rows, last) = database.rows(table, behind, STEP)?;
                if rows.is_empty() {
                    break;
                }
                behind = last;
                for row in rows {
                    let number = self.done.rows[table] + 1;
                    self.take(table, number, &row, intake);
                }
                if intake.is_full() {
                    intake.write(None)?;
                }
                progress(self.done.rows[table], all);
            }
        }
        Ok(true)
    }

    fn export(
        &mut self,
        input: Input,
        intake: &mut Intake,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<bool, ImportError> {
        let mut dump = Dump::new(input, |name| P1_TABLES.contains(&name));
        let mut table = None;
        loop {
            match dump.next() {
                Event::End => break,
                Event::Table(found) => {
                    let known = P1_TABLES.iter().position(|known| *known == found.name);
                    let of = |name: &str| {
                        found.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
                    };
                    table = known.map(|known| (known, of("TIMESTAMP"), P1_COLUMNS.map(of)));
                }
                Event::Row => {
                    let Some((table, time, places)) = &table else { continue };
                    let row = dump.row();
                    let number = |place: &Option<usize>| {
                        let value = value::decimal(row.get(*place)?)?.rounded(SCALE)?;
                        Some(value.to_string())
                    };
                    let row = P1Row {
                        time: row.get(*time).unwrap_or_default().to_owned(),
                        numbers: std::array::from_fn(|at| number(&places[at])),
                    };
                    self.take(*table, dump.line_number(), &row, intake);
                    if intake.is_full() {
                        intake.write(None)?;
                        let (read, all) = dump.input().progress();
                        progress(read, all);
                    }
                }
            }
        }
        if let Some(error) = dump.input().failed() {
            return Err(std::io::Error::new(error.kind(), error.to_string()).into());
        }
        let told = dump.problems().clone();
        self.done.problems.count += told.count;
        self.done.problems.first.extend(told.first);
        Ok(self.done.rows.iter().any(|rows| *rows > 0))
    }

    fn take(&mut self, table: usize, line: u64, row: &P1Row, intake: &mut Intake) {
        self.done.rows[table] += 1;
        let taken = match table {
            0 => self.minute(row, intake),
            _ => self.end(table, row),
        };
        if !taken {
            self.done
                .problems
                .add(line, || format!("{}: no time or number: {:?}", P1_TABLES[table], row.time));
        }
    }

    fn minute(&mut self, row: &P1Row, intake: &mut Intake) -> bool {
        let wall = value::wall(&row.time).and_then(|(seconds, _)| self.clock.instant(seconds));
        let Some(time) = wall else { return false };
        self.last_minute = self.last_minute.max(time);
        let mut reading = self.maker.reading(time * 1_000);
        let [t1, t2, r1, r2] = self.equipment.registers();
        let fields = [t1, t2, r1, r2, Some(Field::PowerImport), Some(Field::PowerExport)];
        let mut any = false;
        for (field, text) in fields.into_iter().zip(&row.numbers) {
            let Some(value) = text.as_deref().and_then(value::decimal) else { continue };
            if let Some(field) = field {
                any |= reading.set_number(field, Quantity { value, unit: field.unit() });
            }
        }
        // A gas meter that is not there is a zero.
        let gas = row.numbers[6].as_deref().and_then(value::decimal).filter(|value| !value.is_zero());
        if let Some(value) = gas {
            self.maker.device(&mut reading, time, value);
            any = true;
        }
        if any {
            intake.put(reading, Grain::Minute);
        }
        any
    }

    /// What an hour or day ended with.
    fn end(&mut self, table: usize, row: &P1Row) -> bool {
        let positions = POSITIONS.map(|place| {
            let value = value::decimal(row.numbers[place].as_deref()?)?;
            super::past::thousandths(value).filter(|value| place != 6 || *value != 0)
        });
        let Some((start, end)) = self.span(table, &row.time) else { return false };
        self.ends[table - 1].insert(start, (end, positions));
        positions.iter().any(Option::is_some)
    }

    fn span(&self, table: usize, time: &str) -> Option<(i64, i64)> {
        if table == 2 {
            let day = value::date(time.get(..10)?)?;
            return Some((
                value::midnight(day, self.zone)?,
                value::midnight(day.tomorrow().ok()?, self.zone)?,
            ));
        }
        let (seconds, _) = value::wall(time)?;
        match self.zone.instants(LocalTime::from_seconds_as_utc(seconds, None)?) {
            Instants::One(start) => Some((start, start + 3_600)),
            // What the first of the two began with is what the hour before ended with.
            Instants::Two { second, .. } => Some((second, second + 3_600)),
            Instants::None => None,
        }
    }

    /// Makes of what hours and days ended with what they used, and what days began with.
    fn past(&mut self) {
        let [hours, days] = &mut self.ends;
        // The day that goes on has not ended with what its row tells.
        let newest = self.last_minute.max(hours.values().next_back().map_or(i64::MIN, |(end, _)| *end));
        days.retain(|_, (end, _)| newest == i64::MIN || *end <= newest + 60);
        for place in 0..POSITIONS.len() {
            let mut began: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
            let mut before: Option<(i64, i64)> = None;
            for (start, (end, positions)) in &*days {
                let Some(position) = positions[place] else { continue };
                let told = before.filter(|(at, began)| at == start && *began <= position);
                let used = told.map(|(_, began)| position - began);
                began.extend(told.map(|(_, began)| (*start, (*end, began))));
                self.done.statistics.put_day(place, (*start, *end), told, used);
                before = Some((*end, position));
            }
            let mut before: Option<i64> = None;
            for (start, (_, positions)) in &*hours {
                let Some(position) = positions[place] else { continue };
                // What the first of them used is told by what its day began with, if anything tells it.
                let of_day = || began.range(..=*start).next_back().filter(|(_, (end, _))| start < end);
                let from = before.or_else(|| of_day().map(|(_, (_, began))| *began));
                if let Some(used) = from.map(|from| position - from).filter(|used| *used >= 0) {
                    self.done.statistics.put_hour(place, *start, used);
                }
                before = Some(position);
            }
        }
    }
}
