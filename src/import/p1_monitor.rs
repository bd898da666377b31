//! P1 Monitor: its table of minutes, each with the positions of the registers at its clock.
//!
//! Its clock is that of the wall: in the hour that the autumn doubles minutes come in the order of their rows. Sums of
//! hours and days are in other databases; what they say follows from the minutes, save for what is older than those.

use std::path::Path;

use super::dump::Problems;
use super::readings::{Equipment, Maker};
use super::value::{self, WallClock};
use crate::meter::{Field, Quantity, Zone};
use crate::store::ReadError;
use crate::store::foreign::{P1Minute, P1Monitor};
use crate::store::intake::{Grain, Intake};

/// What notes and messages call it.
pub const ORIGIN: &str = "P1 Monitor";
/// Rows that are read at once.
const STEP: u32 = 2_000;

/// What an import went through.
#[derive(Clone, Debug, Default)]
pub struct Minutes {
    /// Minutes.
    pub rows: u64,
    /// What could not be read.
    pub problems: Problems,
}

/// Puts the minutes of a database into the record; `None` when it is none of P1 Monitor's.
///
/// # Errors
/// It, or the record, cannot be read or written.
pub fn import(
    path: &Path,
    zone: &Zone,
    equipment: &Equipment,
    intake: &mut Intake,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<Minutes>, ReadError> {
    let Some(database) = P1Monitor::open(path)? else { return Ok(None) };
    let all = database.count()?;
    let (mut done, mut behind) = (Minutes::default(), i64::MIN);
    let mut maker = Maker::new(equipment, zone);
    let mut clock = WallClock::new(zone.clone());
    loop {
        let (minutes, last) = database.minutes(behind, STEP)?;
        if minutes.is_empty() {
            return Ok(Some(done));
        }
        behind = last;
        for minute in minutes {
            done.rows += 1;
            if !put(&minute, &mut maker, &mut clock, equipment, intake) {
                done.problems.add(done.rows, || format!("no time or number: {:?}", minute.time));
            }
        }
        if intake.is_full() {
            intake.write(None)?;
        }
        progress(done.rows, all);
    }
}

fn put(
    minute: &P1Minute,
    maker: &mut Maker,
    clock: &mut WallClock,
    equipment: &Equipment,
    intake: &mut Intake,
) -> bool {
    let wall = value::wall(&minute.time).and_then(|(seconds, _)| clock.instant(seconds));
    let Some(time) = wall else { return false };
    let mut reading = maker.reading(time * 1_000);
    let [t1, t2, r1, r2] = equipment.registers();
    let fields = [t1, t2, r1, r2, Some(Field::PowerImport), Some(Field::PowerExport)];
    let mut any = false;
    for (field, text) in fields.into_iter().zip(&minute.numbers) {
        let Some(value) = text.as_deref().and_then(value::decimal) else { continue };
        if let Some(field) = field {
            any |= reading.set_number(field, Quantity { value, unit: field.unit() });
        }
    }
    // A gas meter that is not there is a zero.
    let gas = minute.numbers[6].as_deref().and_then(value::decimal).filter(|value| !value.is_zero());
    if let Some(value) = gas {
        maker.device(&mut reading, time, value);
        any = true;
    }
    if any {
        intake.put(reading, Grain::Minute);
    }
    any
}
