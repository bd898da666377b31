//! Days and hours as DSMR-reader worked them out, and the positions they give where nothing else does.
//!
//! A day tells what its first record and its last are apart, and (since version 4.8 or so) the meter's positions at
//! its first reading. What was used between the last record of a day or hour and the first of the next is in none of
//! them; between two positions that were told it is found again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::import::past::{self, Day, Of, thousandths};
use crate::import::readings::Equipment;
use crate::import::value;
use crate::meter::{Field, Reading, Unit, Zone};
use crate::p1::Decimal;
use crate::store::intake::{Inherited, Intake, PastCounter};
use crate::store::{Archive, OpenError, Range, ReadError};
use crate::totals::Register;

/// What is used at tariffs 1 and 2, given at both, and counted by the device: in a day or an hour.
const USED: [&str; 5] =
    ["electricity1", "electricity2", "electricity1_returned", "electricity2_returned", "gas"];
/// The positions at the start of a day.
const TOLD: [&str; 5] = [
    "electricity1_reading",
    "electricity2_reading",
    "electricity1_returned_reading",
    "electricity2_returned_reading",
    "gas_reading",
];
/// Everything that is kept of a day as it is.
const KEPT: [&str; 19] = [
    "electricity1",
    "electricity2",
    "electricity1_returned",
    "electricity2_returned",
    "gas",
    "electricity1_cost",
    "electricity2_cost",
    "gas_cost",
    "fixed_cost",
    "total_cost",
    "electricity_reading_timestamp",
    "electricity1_reading",
    "electricity2_reading",
    "electricity1_returned_reading",
    "electricity2_returned_reading",
    "gas_reading_timestamp",
    "gas_reading",
    "lowest_temperature",
    "highest_temperature",
];

/// Days and hours.
#[derive(Debug, Default)]
pub struct Statistics {
    zone: Option<Zone>,
    /// By midnight, of each register.
    days: [BTreeMap<i64, Day>; 5],
    /// By their starts, of each register.
    hours: [BTreeMap<i64, i64>; 5],
    /// By midnight, as JSON.
    kept: BTreeMap<i64, String>,
}

impl Statistics {
    /// None yet, of days of a zone.
    pub fn new(zone: Zone) -> Self {
        Self { zone: Some(zone), ..Self::default() }
    }

    /// How many days there are.
    pub fn days(&self) -> usize {
        self.kept.len()
    }

    /// Takes a day by its columns; false when it has no date.
    pub fn day<'a>(&mut self, column: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let Some(zone) = &self.zone else { return false };
        let Some(day) = column("day").and_then(value::date) else { return false };
        let end = day.tomorrow().ok().and_then(|next| value::midnight(next, zone));
        let (Some(start), Some(end)) = (value::midnight(day, zone), end) else { return false };
        let number = |name: &str| column(name).and_then(value::decimal).and_then(thousandths);
        let time = |name: &str| column(name).and_then(value::utc).map(|time| time.div_euclid(1_000));
        for (place, days) in self.days.iter_mut().enumerate() {
            let stamp = if place == 4 { "gas_reading_timestamp" } else { "electricity_reading_timestamp" };
            let told = number(TOLD[place]).map(|told| (time(stamp).unwrap_or(start), told));
            // The first reading of a day is not that of another one.
            let told = told.filter(|(time, _)| (start - 7_200..end).contains(time));
            let used = number(USED[place]);
            if told.is_some() || used.is_some() {
                days.insert(start, Day { span: (start, end), told, used });
            }
        }
        let mut kept = Map::new();
        kept.insert("day".to_owned(), Value::from(day.to_string()));
        for name in KEPT.iter().chain(&["average_temperature"]) {
            if let Some(text) = column(name) {
                kept.insert((*name).to_owned(), Value::from(text));
            }
        }
        self.kept.insert(start, Value::from(kept).to_string());
        true
    }

    /// Takes an hour by its columns; false when it has no numbers.
    pub fn hour<'a>(&mut self, start: i64, column: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let mut any = false;
        for (name, hours) in USED.iter().zip(&mut self.hours) {
            if let Some(used) = column(name).and_then(value::decimal).and_then(thousandths) {
                hours.insert(start, used);
                any = true;
            }
        }
        any
    }

    /// Puts in a day of a register, by its midnights, with the position at its start and what was used, in thousandths.
    pub(in crate::import) fn put_day(
        &mut self,
        place: usize,
        span: (i64, i64),
        told: Option<(i64, i64)>,
        used: Option<i64>,
    ) {
        self.days[place].insert(span.0, Day { span, told, used });
    }

    /// Puts in what an hour used of a register, in thousandths.
    pub(in crate::import) fn put_hour(&mut self, place: usize, start: i64, used: i64) {
        self.hours[place].insert(start, used);
    }

    /// The days of hours that have no day: of them the hours tell.
    fn fill_days(&mut self) {
        let Some(zone) = &self.zone else { return };
        for (days, hours) in self.days.iter_mut().zip(&self.hours) {
            for hour in hours.keys() {
                let covered = days.range(..=*hour).next_back().is_some_and(|(_, day)| *hour < day.span.1);
                if covered {
                    continue;
                }
                let Ok(instant) = jiff::Timestamp::from_second(*hour) else { continue };
                let date = instant.to_zoned(zone.time_zone().clone()).date();
                let end = date.tomorrow().ok().and_then(|next| value::midnight(next, zone));
                if let (Some(start), Some(end)) = (value::midnight(date, zone), end) {
                    days.insert(start, Day { span: (start, end), told: None, used: None });
                }
            }
        }
    }

    /// The positions that they give before the first reading of a meter.
    fn positions(&self, equipment: &Equipment, first: Option<&First>) -> Vec<PastCounter> {
        let id = first.map_or(equipment.id.clone(), |first| first.equipment.clone()).unwrap_or_default();
        let mut counters = Vec::new();
        for (place, field) in equipment.registers().into_iter().enumerate() {
            let Some(field) = field else { continue };
            let (register, unit) = (Register::Energy(field), Unit::KiloWattHour);
            let anchor = first.and_then(|first| first.energy[place]);
            let of = Of { equipment: id.clone(), register, unit };
            counters.extend(self.of(place, &of, first, anchor));
        }
        let device = &equipment.device;
        let id = device.id.as_deref().map(crate::meter::reading::readable).unwrap_or_default();
        let channel = id.is_empty().then_some(device.channel);
        let register = Register::Device { class: device.class(), channel };
        let of = Of { equipment: id, register, unit: device.unit };
        counters.extend(self.of(4, &of, first, first.and_then(|first| first.device)));
        counters
    }

    fn of(
        &self,
        place: usize,
        of: &Of,
        first: Option<&First>,
        anchor: Option<(i64, i64)>,
    ) -> Vec<PastCounter> {
        let mut counters = past::counters(of, &self.days[place], &self.hours[place], anchor);
        // Readings without this register: nothing after them is taken from here.
        if let (Some(first), None) = (first, anchor) {
            for counter in &mut counters {
                counter.positions.retain(|(time, _)| *time <= first.time);
            }
        }
        let counts = |counter: &PastCounter| counter.positions.iter().any(|(_, value)| !value.is_zero());
        counters.retain(|counter| !counter.positions.is_empty() && (place != 4 || counts(counter)));
        counters
    }

    /// Puts in what is older than any reading, and keeps the sums and costs of days.
    ///
    /// # Errors
    /// The record cannot be read or written.
    pub fn put(
        &mut self,
        path: &Path,
        meter: &str,
        equipment: &Equipment,
        intake: &mut Intake,
        origin: &str,
    ) -> Result<(Inherited, u64), PutError> {
        self.fill_days();
        let first = First::of(path, meter, equipment, intake)?;
        let inherited = intake.inherit(&self.positions(equipment, first.as_ref()))?;
        let kept = std::mem::take(&mut self.kept);
        let days = intake.keep(origin, "day", kept)?;
        Ok((inherited, days))
    }
}

/// Why they could not be put in.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The record cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] ReadError),
}

impl From<PutError> for super::ImportError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Open(error) => Self::Open(error),
            PutError::Store(error) => Self::Store(error),
        }
    }
}

/// The first reading of a meter.
struct First {
    time: i64,
    equipment: Option<String>,
    energy: [Option<(i64, i64)>; 4],
    device: Option<(i64, i64)>,
}

impl First {
    fn of(
        path: &Path,
        meter: &str,
        equipment: &Equipment,
        intake: &Intake,
    ) -> Result<Option<Self>, PutError> {
        let Some(time) = intake.first_reading()? else { return Ok(None) };
        let archive = Archive::open(path)?;
        // Values that are told seldom come within an hour.
        let range = Range {
            meter: Some(meter.to_owned()),
            from: Some(time),
            to: Some(time + 7_200),
            ..Range::default()
        };
        let mut first = Self { time, equipment: None, energy: [None; 4], device: None };
        for stored in archive.readings(range)?.flatten() {
            if first.equipment.is_none() {
                first.equipment = stored.equipment_id.as_deref().map(str::to_owned);
            }
            first.take(&stored.reading, equipment);
            if first.device.is_some() && first.energy.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(Some(first))
    }

    fn take(&mut self, reading: &Reading, equipment: &Equipment) {
        let time = reading.utc_seconds();
        let cut = |value: Decimal| thousandths(value.rounded(past::SCALE)?);
        let known = |field: Option<Field>| Some((time, cut(reading.number(field?)?)?));
        for (place, field) in equipment.registers().into_iter().enumerate() {
            self.energy[place] = self.energy[place].or_else(|| known(field));
        }
        if self.device.is_none()
            && let Some((_, newest)) = reading.mbus_of(equipment.device.class())
        {
            let stamp = newest.time.and_then(|time| time.utc).unwrap_or(time);
            self.device = newest.value.and_then(|value| Some((stamp, cut(value.value)?)));
        }
    }
}
