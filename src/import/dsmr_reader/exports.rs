//! DSMR-reader's CSV exports: days, hours, quarter-hour peaks, temperatures.
//!
//! Their headers are in the language of whoever exported; the order of columns is fixed. So a file is told by the
//! number of its columns.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::{ImportError, Statistics};
use crate::import::dump::Problems;
use crate::import::input::{Input, Kind};
use crate::import::value::{self, WallClock};
use crate::meter::Zone;

/// What an export is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Days.
    Days,
    /// Hours.
    Hours,
    /// Quarter-hour peaks (since 6.2).
    Peaks,
    /// Temperatures.
    Temperatures,
}

const SUMS: [&str; 11] = [
    "day",
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
];
const POSITIONS: [&str; 7] = [
    "electricity_reading_timestamp",
    "electricity1_reading",
    "electricity2_reading",
    "electricity1_returned_reading",
    "electricity2_returned_reading",
    "gas_reading_timestamp",
    "gas_reading",
];

/// The columns of an export with this many.
fn columns(count: usize) -> Option<(Export, Vec<&'static str>)> {
    // Fixed costs, positions and their times came one after the other.
    let days = |skip: &[&str]| {
        let names = SUMS.iter().chain(&POSITIONS).copied();
        (Export::Days, names.filter(|name| !skip.contains(name)).collect())
    };
    let stamps = ["electricity_reading_timestamp", "gas_reading_timestamp"];
    Some(match count {
        18 => days(&[]),
        16 => days(&stamps),
        15 => days(&[stamps[0], stamps[1], "fixed_cost"]),
        11 => (Export::Days, SUMS.to_vec()),
        10 => (Export::Days, SUMS.iter().copied().filter(|name| *name != "fixed_cost").collect()),
        6 => (Export::Hours, [&["hour_start"], &SUMS[1..6]].concat()),
        3 => (Export::Peaks, vec!["read_at_start", "read_at_end", "average_delivered"]),
        2 => (Export::Temperatures, vec!["read_at", "degrees_celcius"]),
        _ => return None,
    })
}

/// What was in an export.
#[derive(Debug)]
pub struct Exported {
    /// What it is of.
    pub export: Export,
    /// Rows that were read.
    pub rows: u64,
    /// The times of the first and the last, in seconds since 1970-01-01 00:00 UTC.
    pub span: Option<(i64, i64)>,
    /// Of peaks and temperatures what is kept: a time and a JSON object.
    pub kept: Vec<(i64, String)>,
    /// What could not be read.
    pub problems: Problems,
}

/// Whether a first field is the beginning of a dump, which may have as many commas as an export.
fn is_statement(field: Option<&str>) -> bool {
    field.is_some_and(|field| ["COPY ", "INSERT INTO ", "--"].iter().any(|word| field.starts_with(word)))
}

/// Reads an export into statistics; `None` when the file is none.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path, zone: &Zone, statistics: &mut Statistics) -> Result<Option<Exported>, ImportError> {
    if path.is_dir() {
        return Ok(None);
    }
    let (input, kind) = Input::open(path)?;
    if kind != Kind::Text {
        return Ok(None);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(
        // A dump has other lines than these; a few megabytes tell whether this is one.
        input.into_reader().take(1 << 30),
    );
    let mut found: Option<(Exported, Vec<&'static str>)> = None;
    let mut clock = WallClock::new(zone.clone());
    for (number, record) in reader.records().enumerate() {
        let line = number as u64 + 1;
        let record = match (record, &mut found) {
            (Ok(record), None) if is_statement(record.get(0)) => return Ok(None),
            (Ok(record), _) => record,
            (Err(_), None) => return Ok(None),
            (Err(error), Some((exported, _))) => {
                exported.problems.add(line, || error.to_string());
                if error.is_io_error() {
                    break;
                }
                continue;
            }
        };
        let time = |text: &str, clock: &mut WallClock| {
            let text = text.trim();
            value::instant(text)
                .map(|millis| millis.div_euclid(1_000))
                .or_else(|| value::wall(text).and_then(|(seconds, _)| clock.instant(seconds)))
        };
        let first = record.get(0).unwrap_or_default().trim_start_matches('\u{feff}').trim();
        let Some((exported, names)) = &mut found else {
            // The header: any words, and no time.
            let header = value::date(first).is_none() && time(first, &mut clock).is_none();
            match columns(record.len()).filter(|_| header && !first.starts_with("--")) {
                Some((export, names)) => {
                    let problems = Problems::default();
                    found =
                        Some((Exported { export, rows: 0, span: None, kept: Vec::new(), problems }, names));
                }
                None => return Ok(None),
            }
            continue;
        };
        if record.len() != names.len() {
            let (found, wanted) = (record.len(), names.len());
            exported.problems.add(line, || format!("{found} columns in place of {wanted}; it is left out"));
            continue;
        }
        let column = |name: &str| {
            let place = names.iter().position(|known| *known == name)?;
            record.get(place).map(str::trim).filter(|text| !text.is_empty() && *text != "None")
        };
        let start = match exported.export {
            Export::Days => column("day").and_then(value::date).and_then(|day| value::midnight(day, zone)),
            _ => time(first, &mut clock),
        };
        let taken = start.is_some_and(|start| match exported.export {
            Export::Days => statistics.day(&column),
            Export::Hours => statistics.hour(start, &column),
            Export::Peaks | Export::Temperatures => {
                let pairs = names
                    .iter()
                    .map(|name| ((*name).to_owned(), column(name).map_or(Value::Null, Value::from)));
                exported.kept.push((start, Value::from(pairs.collect::<Map<_, _>>()).to_string()));
                true
            }
        });
        match start.filter(|_| taken) {
            Some(start) => {
                exported.rows += 1;
                let (first, last) = exported.span.unwrap_or((start, start));
                exported.span = Some((first.min(start), last.max(start)));
            }
            None => exported.problems.add(line, || format!("no time or number in it: {first:?}")),
        }
    }
    Ok(found.map(|(exported, _)| exported))
}
