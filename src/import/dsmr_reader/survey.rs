//! The first pass over a dump: what is in it, and what is small enough to be kept. Tables stand in the order of the
//! alphabet, so that what tells of the readings comes after them.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::contracts::Price;
use super::minutes::Minutes;
use super::statistics::Statistics;
use super::tables::{self, Values};
use super::{ImportError, ORIGIN};
use crate::import::dump::{Dump, Event, Problems, Table};
use crate::import::input::{Input, Kind};
use crate::import::value;
use crate::meter::Zone;

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSurvey {
    /// Rows that can be read.
    pub rows: u64,
    /// The times of the first and the last, in seconds since 1970-01-01 00:00 UTC, where rows have times.
    pub span: Option<(i64, i64)>,
    /// Columns that this program does not know; they are left out.
    pub unknown: Vec<String>,
    /// Columns that it knows and the dump lacks.
    pub missing: Vec<String>,
}

/// What a dump holds.
#[derive(Debug, Default)]
pub struct Survey {
    /// Its tables, by name.
    pub tables: BTreeMap<String, TableSurvey>,
    /// What could not be read.
    pub problems: Problems,
    /// Why it ends before its end: the table in which it breaks off, or what the file says.
    pub cut: Option<String>,
    /// What is wrong with the file behind the end of the dump; nothing of it is missing.
    pub behind: Option<String>,
    /// The last telegram that DSMR-reader kept.
    pub telegram: Option<String>,
    /// The version of the meter's telegrams: `42`, `50`.
    pub dsmr_version: Option<String>,
    /// Electricity is by the reading and not by the minute.
    pub by_reading: bool,
    /// Days and hours.
    pub statistics: Statistics,
    /// Contracts.
    pub prices: Vec<Price>,
    /// Notes: day and text.
    pub notes: Vec<(String, String)>,
    /// Minutes with readings.
    pub(super) minutes: Minutes,
    /// Minutes that are stamps of the device in readings.
    pub(super) stamps: Minutes,
}

impl Survey {
    /// The hours to put on the times of the table of gas: DSMR-reader takes one off those of DSMR 4.
    pub(super) fn gas_shift(&self) -> i64 {
        if self.dsmr_version.as_deref().is_some_and(|version| version.starts_with('4')) { 3_600 } else { 0 }
    }

    /// Rows of a table.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.get(table).map_or(0, |table| table.rows)
    }

    /// Rows that go in as readings.
    pub fn readings(&self) -> u64 {
        [tables::READINGS, tables::ELECTRICITY, tables::GAS].iter().map(|table| self.rows(table)).sum()
    }
}

/// Opens a dump.
pub(super) fn open(path: &Path) -> Result<Dump, ImportError> {
    if path.join("toc.dat").exists() {
        return Err(ImportError::Foreign(format!(
            "{0}: this is a dump in PostgreSQL's directory format; make a plain dump of it with: pg_restore --no-owner \
             -f dump.sql {0}",
            path.display()
        )));
    }
    let (input, kind) = Input::open(path)?;
    let make = "make a plain dump of it with: pg_restore --no-owner -f dump.sql";
    let wrong = match kind {
        Kind::Text => None,
        Kind::PostgresCustom => {
            Some(format!("a dump in PostgreSQL's custom format; {make} {}", path.display()))
        }
        Kind::Tar => Some(format!(
            "a tar archive; where it is a dump of pg_dump -F t, {make} {}; else unpack it first",
            path.display()
        )),
        Kind::Sqlite => Some(format!(
            "an SQLite database; {ORIGIN} keeps its data in PostgreSQL: give its backup, dsmrreader-postgresql-….sql.gz"
        )),
        Kind::Zip => Some("a ZIP archive; unpack it first".to_owned()),
        Kind::Utf16 => Some(format!(
            "text in UTF-16; make UTF-8 of it with: iconv -f UTF-16 -t UTF-8 {} > dump.sql",
            path.display()
        )),
        Kind::Packed(unpack) => Some(format!(
            "packed by another program than gzip; unpack it first: {unpack} {} > dump.sql",
            path.display()
        )),
        Kind::Empty => Some("an empty file".to_owned()),
    };
    match wrong {
        Some(wrong) => Err(ImportError::Foreign(format!("{}: this is {wrong}", path.display()))),
        None => Ok(Dump::new(input, tables::is_wanted)),
    }
}

/// Goes through a dump and tells what is in it. `progress` is told now and then how many bytes of the file are read, of
/// how many.
///
/// # Errors
/// The file cannot be read or is no plain dump. One that breaks off is none.
pub fn survey(path: &Path, zone: &Zone, mut progress: impl FnMut(u64, u64)) -> Result<Survey, ImportError> {
    let mut dump = open(path)?;
    let mut survey = Survey { statistics: Statistics::new(zone.clone()), ..Survey::default() };
    let mut open = Open::default();
    let mut rows = 0_u64;
    loop {
        match dump.next() {
            Event::End => break,
            Event::Table(table) => open = survey.begin(&table),
            Event::Row => {
                rows += 1;
                if rows.is_multiple_of(20_000) {
                    let (done, all) = dump.input().progress();
                    progress(done, all);
                }
                if !survey.take(&open, &dump) {
                    let table = open.table.clone();
                    dump.problem(|| {
                        let name = table.map_or_else(String::new, |table| table.name.clone());
                        format!("{name}: this row has no time that can be, or no value; it is left out")
                    });
                }
            }
        }
    }
    if !dump.is_dump() {
        let failed = dump.input().failed().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(ImportError::Foreign(format!(
            "{}: no dump of a database{failed}; give {ORIGIN}'s own backup, or one made with pg_dump or mysqldump",
            path.display()
        )));
    }
    if survey.tables.is_empty() && dump.cut().is_none() && dump.input().failed().is_none() {
        return Err(ImportError::Foreign(format!(
            "{}: a dump of a database without any table of {ORIGIN}; is it of another database?",
            path.display()
        )));
    }
    let failed = dump.input().failed();
    if dump.is_complete() {
        survey.behind = failed.map(ToString::to_string);
    } else {
        let failed = failed.map(|error| format!("the file cannot be read to its end: {error}"));
        let broken = || dump.cut().map(|table| format!("the file breaks off in {table}"));
        let early = || dump.is_begun().then(|| "the file breaks off before the end of the dump".to_owned());
        survey.cut = failed.or_else(broken).or_else(early);
    }
    survey.problems = dump.problems().clone();
    Ok(survey)
}

/// The table whose rows come.
#[derive(Default)]
struct Open {
    table: Option<Rc<Table>>,
    values: Values,
    time: Option<usize>,
}

impl Survey {
    fn begin(&mut self, table: &Rc<Table>) -> Open {
        let Some((.., needed)) = tables::TABLES.iter().find(|(name, ..)| *name == table.name) else {
            return Open::default();
        };
        let mut values = Values::default();
        let found = self.tables.entry(table.name.clone()).or_default();
        if matches!(&*table.name, tables::READINGS | tables::ELECTRICITY) {
            values = Values::of(table, [Some(crate::meter::Field::EnergyImportT1); 4]);
            found.missing.clone_from(&values.missing);
            found.unknown.clone_from(&values.unknown);
        }
        let lacks = needed.iter().filter(|name| table.place(name).is_none()).map(|name| (*name).to_owned());
        found.missing.extend(lacks);
        found.missing.sort();
        found.missing.dedup();
        let time = tables::time_column(&table.name).and_then(|column| table.place(column));
        Open { table: Some(Rc::clone(table)), values, time }
    }

    /// Takes a row; false when it makes no sense.
    fn take(&mut self, open: &Open, dump: &Dump) -> bool {
        let Some(table) = &open.table else { return true };
        let row = dump.row();
        let column = |name: &str| row.get(table.place(name));
        let time = match open.time {
            Some(place) => match row.get(Some(place)).and_then(tables::time) {
                Some(millis) => Some(millis.div_euclid(1_000)),
                None => return false,
            },
            None => None,
        };
        let taken = match &*table.name {
            tables::READINGS => {
                if let Some(time) = time {
                    self.minutes.add(time);
                }
                if let Some(stamp) = open.values.stamp(&row) {
                    self.stamps.add(stamp);
                }
                time.is_some()
            }
            tables::DAYS => self.statistics.day(&column),
            tables::HOURS => time.is_some_and(|time| self.statistics.hour(time, &column)),
            tables::PRICES => Price::of(&column).map(|price| self.prices.push(price)).is_some(),
            tables::NOTES => match (column("day").and_then(value::date), column("description")) {
                (Some(day), Some(text)) => {
                    self.notes.push((day.to_string(), text.to_owned()));
                    true
                }
                _ => false,
            },
            tables::METER => {
                self.telegram = column("latest_telegram").map(str::to_owned);
                self.dsmr_version = column("dsmr_version").map(str::to_owned);
                true
            }
            tables::GROUPING => {
                self.by_reading = column("electricity_grouping_type") == Some("1");
                true
            }
            _ => time.is_some(),
        };
        if taken {
            let found = self.tables.entry(table.name.clone()).or_default();
            found.rows += 1;
            if let Some(time) = time {
                let (first, last) = found.span.unwrap_or((time, time));
                found.span = Some((first.min(time), last.max(time)));
            }
        }
        taken
    }
}
