//! CSV files, by a mapping that tells what their columns are.
//!
//! A mapping is a TOML file:
//!
//! ```toml
//! delimiter = ";"                     # a comma by default
//! decimal = ","                       # a point by default
//! skip = 0                            # lines before the header
//!
//! [time]
//! column = "Tijd"                     # a name in the header, or a number from 1
//! format = "%d-%m-%Y %H:%M"           # as strftime writes it; ISO 8601 by default
//! zone = "Europe/Amsterdam"           # the meter's by default; no matter where times have offsets
//!
//! [[value]]
//! column = "Verbruik laag (Wh)"
//! field = "energy_import_t1"          # a field's name, or gas
//! factor = "0.001"                    # what one of it is in the field's unit; 1 by default
//!
//! [[value]]
//! column = "Gas"
//! field = "gas"
//! usage = "hour"                      # used in the hour, quarter or day that begins then, and no position
//!
//! [[value]]
//! column = "Gasstand"
//! field = "gas"
//! time = "Gas gelezen"                # the column of when the gas meter was read; the row's time without it
//!
//! [[value]]
//! column = "state"                    # of tables that have one column for all
//! field = "energy_export_t1"
//! when = { column = "entity_id", equals = "sensor.energy_produced_tariff_1" }
//! ```
//!
//! Positions and momentary values become readings. What was used in intervals becomes positions before the first
//! reading.

mod mapping;

use std::collections::BTreeMap;
use std::path::Path;

pub use mapping::{BUILT_IN, Mapping, MappingError, Span};

use super::dsmr_reader::{ImportError, Statistics};
use super::dump::Problems;
use super::input::Input;
use super::readings::{Equipment, Maker};
use super::value::{self, WallClock};
use crate::meter::{Field, Quantity, Zone};
use crate::p1::Decimal;
use crate::store::intake::{Grain, Intake};
use mapping::{Column, Place, Value};

/// What a file had.
#[derive(Debug, Default)]
pub struct Rows {
    /// Rows with a time.
    pub rows: u64,
    /// The times of the first and the last, in seconds since 1970-01-01 00:00 UTC.
    pub span: Option<(i64, i64)>,
    /// Days and hours of usage.
    pub statistics: Statistics,
    /// Whether there is any.
    pub has_usage: bool,
    /// What could not be read.
    pub problems: Problems,
}

/// The names under which statistics know what was used.
fn name(column: &Column) -> Option<&'static str> {
    Some(match column {
        Column::Field(Field::EnergyImportT1 | Field::EnergyImportTotal) => "electricity1",
        Column::Field(Field::EnergyImportT2) => "electricity2",
        Column::Field(Field::EnergyExportT1 | Field::EnergyExportTotal) => "electricity1_returned",
        Column::Field(Field::EnergyExportT2) => "electricity2_returned",
        Column::Gas => "gas",
        Column::Field(_) => return None,
    })
}

/// Puts a file into the record, as far as it is readings; what was used in intervals is handed back.
///
/// # Errors
/// The file cannot be read or lacks a column of the mapping, or the record fails.
pub fn import(
    path: &Path,
    mapping: &Mapping,
    zone: &Zone,
    equipment: &Equipment,
    intake: &mut Intake,
) -> Result<Rows, ImportError> {
    let zone = mapping.zone().unwrap_or(zone).clone();
    let input = Input::bytes(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(mapping.delimiter())
        .from_reader(input);
    let mut done = Rows { statistics: Statistics::new(zone.clone()), ..Rows::default() };
    let mut maker = Maker::new(equipment, &zone);
    let (mut clock, mut stamps) = (WallClock::new(zone.clone()), WallClock::new(zone.clone()));
    let mut places: Option<(usize, Vec<Place>)> = None;
    let mut used: BTreeMap<(i64, Span), BTreeMap<&'static str, Decimal>> = BTreeMap::new();
    for (number, record) in reader.records().enumerate() {
        if (number as u64) < mapping.skip() {
            continue;
        }
        let of = |position: Option<&csv::Position>| position.map_or(number as u64 + 1, csv::Position::line);
        let line = match &record {
            Ok(record) => of(record.position()),
            Err(error) => of(error.position()),
        };
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_io_error() => return Err(std::io::Error::other(error).into()),
            Err(error) => {
                done.problems.add(line, || error.to_string());
                continue;
            }
        };
        let Some((time_place, values)) = &places else {
            let found = mapping.places(&record);
            let found =
                found.map_err(|error| ImportError::Foreign(format!("{}: {error}", path.display())))?;
            places = Some(found);
            continue;
        };
        let text = record.get(*time_place).unwrap_or_default().trim();
        let Some(time) = mapping.time(text, &mut clock) else {
            done.problems.add(line, || {
                format!(
                    "column {}: {text:?} is no time of the mapping's format, or is never shown",
                    time_place + 1
                )
            });
            continue;
        };
        let mut reading = maker.reading(time * 1_000);
        let mut any = false;
        for Place { value: Value { column, factor, usage }, at, shown, only, stamp, .. } in values {
            if only.as_ref().is_some_and(|(at, said)| record.get(*at).map(str::trim) != Some(said)) {
                continue;
            }
            let text = record.get(*at).unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let Some(number) = mapping.number(text, *factor) else {
                done.problems.add(line, || format!("column {} ({shown}): {text:?} is no number", at + 1));
                continue;
            };
            match (usage, column) {
                (Some(span), column) => {
                    if let Some(name) = name(column) {
                        let start = if *span == Span::Day { time } else { time.div_euclid(3_600) * 3_600 };
                        let sum =
                            used.entry((start, *span)).or_default().entry(name).or_insert(Decimal::ZERO);
                        *sum = sum.checked_add(number).unwrap_or(*sum);
                    }
                }
                (None, Column::Field(field)) => {
                    any |= reading.set_number(*field, Quantity { value: number, unit: field.unit() });
                }
                (None, Column::Gas) => {
                    let stamp = stamp.map(|at| record.get(at).unwrap_or_default().trim());
                    match stamp.map_or(Some(time), |text| mapping.time(text, &mut stamps)) {
                        Some(stamp) => {
                            maker.device(&mut reading, stamp, number);
                            any = true;
                        }
                        None => done
                            .problems
                            .add(line, || format!("column {} ({shown}): its time is none", at + 1)),
                    }
                }
            }
        }
        done.rows += 1;
        let (first, last) = done.span.unwrap_or((time, time));
        done.span = Some((first.min(time), last.max(time)));
        if any {
            intake.put(reading, Grain::Second);
            if intake.is_full() {
                intake.write(None)?;
            }
        }
    }
    done.has_usage = !used.is_empty();
    for ((start, span), sums) in used {
        let texts: BTreeMap<&str, String> = sums.iter().map(|(name, sum)| (*name, sum.to_string())).collect();
        if span == Span::Day {
            let instant = jiff::Timestamp::from_second(start).unwrap_or_default();
            let day = instant.to_zoned(zone.time_zone().clone()).date().to_string();
            done.statistics
                .day(&|name| if name == "day" { Some(&day) } else { texts.get(name).map(String::as_str) });
        } else {
            done.statistics.hour(start, &|name| texts.get(name).map(String::as_str));
        }
    }
    Ok(done)
}

impl Mapping {
    /// The instant of a text, in seconds since 1970-01-01 00:00 UTC.
    fn time(&self, text: &str, clock: &mut WallClock) -> Option<i64> {
        let Some(format) = self.format() else {
            let instant = value::instant(text).map(|millis| millis.div_euclid(1_000));
            let day = || Some((value::date(text)?.to_string() + " 00:00", 0));
            return instant.or_else(|| {
                let wall = value::wall(text).or_else(|| value::wall(&day()?.0));
                clock.instant(wall?.0)
            });
        };
        let parsed = jiff::fmt::strtime::parse(format, text).ok()?;
        if let Ok(instant) = parsed.to_timestamp() {
            return Some(instant.as_second());
        }
        let wall = parsed.to_datetime().or_else(|_| parsed.to_date().map(|day| day.at(0, 0, 0, 0))).ok()?;
        let seconds = wall.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        clock.instant(seconds)
    }

    fn number(&self, text: &str, factor: Option<Decimal>) -> Option<Decimal> {
        let number = match self.has_comma() {
            true => value::decimal(&text.replace('.', "").replace(',', ".")),
            false => value::decimal(text),
        }?;
        let Some(factor) = factor else { return Some(number) };
        let product = number.mantissa().checked_mul(factor.mantissa())?;
        Decimal::new(product, number.scale().checked_add(factor.scale())?)
    }
}
