//! The second pass over a dump: its readings, then what needs them.

use std::path::Path;
use std::rc::Rc;

use serde_json::json;

use super::survey::{self, Survey};
use super::tables::{self, Values};
use super::{ImportError, ORIGIN};
use crate::import::dump::{Event, Row, Table};
use crate::import::input;
use crate::import::readings::{Equipment, Maker};
use crate::import::value;
use crate::meter::{Reading, Zone};
use crate::store::intake::{Grain, Inherited, Intake, Mark, Verdicts};

/// What is kept of peaks and temperatures is written this many at once.
const KEPT: usize = 4_096;

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Readings.
    pub verdicts: Verdicts,
    /// Rows of electricity by the minute and of gas whose minute or stamp is in a reading of the dump.
    pub covered: u64,
    /// It went on where an earlier one was interrupted.
    pub resumed: bool,
    /// Readings in the record whose totals were made; none where nothing had changed.
    pub totals: Option<u64>,
    /// Positions older than any reading.
    pub inherited: Inherited,
    /// Days whose sums and costs are kept.
    pub days: u64,
    /// Notes.
    pub notes: u64,
    /// Peaks and temperatures.
    pub kept: u64,
    /// Values of readings that are no numbers.
    pub wrong: u64,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Bytes of the file are read.
    Reading,
    /// Totals are made of readings.
    Totals,
}

/// Where an import goes.
#[derive(Clone, Copy, Debug)]
pub struct Into<'a> {
    /// The database.
    pub record: &'a Path,
    /// The meter.
    pub meter: &'a str,
    /// The zone it stands in.
    pub zone: &'a Zone,
    /// Whose readings they are.
    pub equipment: &'a Equipment,
}

/// Puts a dump that was surveyed into the record, or in a dry run looks what that would do.
///
/// # Errors
/// The file or the record fails. What was written stays; another run goes on from there.
pub fn import(
    path: &Path,
    survey: &mut Survey,
    into: Into<'_>,
    intake: &mut Intake,
    mut progress: impl FnMut(Stage, u64, u64),
) -> Result<Imported, ImportError> {
    let mut done = Imported::default();
    let fingerprint = input::fingerprint(path)?;
    let came_to = intake.came_to(&fingerprint)?;
    let (before, finished) = came_to.unwrap_or((0, false));
    // One that came to its end is gone through again: it is cheap, and tells what is there.
    let before = if finished { 0 } else { before };
    done.resumed = before > 0;
    let mut pass = Pass::new(survey, into);
    let mut dump = survey::open(path)?;
    let mut rows = 0_u64;
    let mut kept: [Vec<(i64, String)>; 2] = Default::default();
    loop {
        match dump.next() {
            Event::End => break,
            Event::Table(table) => pass.begin(&table),
            Event::Row => {
                rows += 1;
                if rows.is_multiple_of(5_000) {
                    let (bytes, all) = dump.input().progress();
                    progress(Stage::Reading, bytes, all);
                }
                if dump.position() < before {
                    continue;
                }
                match pass.take(&dump.row()) {
                    Taken::Reading(reading, grain) => intake.put(*reading, grain),
                    Taken::Covered => done.covered += 1,
                    Taken::Kept(place, start, data) => kept[place].push((start, data)),
                    Taken::Nothing => {}
                }
                if intake.is_full() || kept.iter().any(|kept| kept.len() >= KEPT) {
                    done.kept += keep(intake, &mut kept)?;
                    // A line may have more rows: this one comes again.
                    let position = dump.position();
                    intake.write(Some(&Mark { fingerprint: fingerprint.clone(), position, done: false }))?;
                }
            }
        }
    }
    done.kept += keep(intake, &mut kept)?;
    done.wrong = pass.wrong;
    let position = dump.input().position();
    intake.write(Some(&Mark { fingerprint: fingerprint.clone(), position, done: false }))?;
    done.verdicts = intake.verdicts().clone();
    if intake.is_dry() {
        return Ok(done);
    }
    if intake.wants_totals()? {
        let made = intake.make_totals(|readings, all| progress(Stage::Totals, readings, all))?;
        done.totals = Some(made.readings);
    }
    let Into { record, meter, equipment, .. } = into;
    (done.inherited, done.days) = survey.statistics.put(record, meter, equipment, intake, ORIGIN)?;
    let notes = survey.notes.iter().map(|(day, text)| (day.as_str(), text.as_str()));
    done.notes = intake.put_notes(ORIGIN, notes)?;
    intake.write(Some(&Mark { fingerprint, position, done: true }))?;
    Ok(done)
}

fn keep(intake: &mut Intake, kept: &mut [Vec<(i64, String)>; 2]) -> Result<u64, ImportError> {
    let [peaks, temperatures] = kept;
    let peaks = intake.keep(ORIGIN, "quarter_peak", peaks.drain(..))?;
    Ok(peaks + intake.keep(ORIGIN, "temperature", temperatures.drain(..))?)
}

/// What becomes of a row.
enum Taken {
    Reading(Box<Reading>, Grain),
    Covered,
    /// Of peaks (0) or temperatures (1): a time and what is kept.
    Kept(usize, i64, String),
    Nothing,
}

struct Pass<'a> {
    survey: &'a Survey,
    equipment: &'a Equipment,
    maker: Maker,
    table: Option<Rc<Table>>,
    values: Values,
    wrong: u64,
}

impl<'a> Pass<'a> {
    fn new(survey: &'a Survey, into: Into<'a>) -> Self {
        let maker = Maker::new(into.equipment, into.zone);
        Self { survey, equipment: into.equipment, maker, table: None, values: Values::default(), wrong: 0 }
    }

    fn begin(&mut self, table: &Rc<Table>) {
        self.table = tables::is_wanted(&table.name).then(|| Rc::clone(table));
        self.values = match &*table.name {
            tables::READINGS | tables::ELECTRICITY => Values::of(table, self.equipment.registers()),
            _ => Values::default(),
        };
    }

    /// A row that makes no sense was told of in the survey.
    fn take(&mut self, row: &Row<'_>) -> Taken {
        let Some(table) = self.table.clone() else { return Taken::Nothing };
        let column = |name: &str| row.get(table.place(name));
        let taken = match &*table.name {
            tables::READINGS => self.reading(row),
            tables::ELECTRICITY => self.minute(row),
            tables::GAS => self.gas(&column),
            tables::PEAKS => peak(&column),
            tables::TEMPERATURES => temperature(&column),
            _ => None,
        };
        taken.unwrap_or(Taken::Nothing)
    }

    fn reading(&mut self, row: &Row<'_>) -> Option<Taken> {
        let mut reading = self.maker.reading(self.values.time(row)?);
        self.wrong += u64::from(self.values.fill(row, &mut reading));
        if let (Some(stamp), Some(value)) = (self.values.stamp(row), self.values.device(row)) {
            self.maker.device(&mut reading, stamp, value);
        }
        Some(Taken::Reading(Box::new(reading), Grain::Second))
    }

    fn minute(&mut self, row: &Row<'_>) -> Option<Taken> {
        let millis = self.values.time(row)?;
        let time = millis.div_euclid(1_000);
        // A minute is told by its end.
        let minutes = &self.survey.minutes;
        if minutes.has(time - 1) || minutes.has(time) {
            return Some(Taken::Covered);
        }
        let mut reading = self.maker.reading(millis);
        self.wrong += u64::from(self.values.fill(row, &mut reading));
        let grain = if self.survey.by_reading { Grain::Second } else { Grain::Minute };
        Some(Taken::Reading(Box::new(reading), grain))
    }

    fn gas<'r>(&mut self, column: &dyn Fn(&str) -> Option<&'r str>) -> Option<Taken> {
        let time = tables::time(column("read_at")?)?.div_euclid(1_000) + self.survey.gas_shift();
        let value = value::decimal(column("delivered")?)?;
        if self.survey.stamps.has(time) {
            return Some(Taken::Covered);
        }
        let mut reading = self.maker.reading(time * 1_000);
        self.maker.device(&mut reading, time, value);
        Some(Taken::Reading(Box::new(reading), Grain::Second))
    }
}

fn peak<'r>(column: &dyn Fn(&str) -> Option<&'r str>) -> Option<Taken> {
    let start = tables::time(column("read_at_start")?)?.div_euclid(1_000);
    let data = json!({
        "read_at_start": column("read_at_start"),
        "read_at_end": column("read_at_end"),
        "average_delivered": column("average_delivered"),
    });
    Some(Taken::Kept(0, start, data.to_string()))
}

fn temperature<'r>(column: &dyn Fn(&str) -> Option<&'r str>) -> Option<Taken> {
    let start = tables::time(column("read_at")?)?.div_euclid(1_000);
    let data = json!({ "degrees_celcius": column("degrees_celcius") });
    Some(Taken::Kept(1, start, data.to_string()))
}
