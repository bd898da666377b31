//! From a telegram's objects to a reading: what each of them means.

use super::country::{Country, PhaseCurrent, detect};
use super::mbus::{self, MbusObject};
use super::profile;
use super::reading::{Quantity, Reading, UnixMillis};
use super::register::{self, Field, Kind, Row};
use super::unit::Unit;
use super::zone::Zone;
use crate::p1::telegram::Object;
use crate::p1::value::{self, Measure, Value};
use crate::p1::{Frame, Obis, Telegram, timestamp};

/// A reading, and what did not become part of it.
#[derive(Clone, Debug)]
pub struct Interpreted {
    /// The reading.
    pub reading: Reading,
    /// Lines that no grammar covers.
    pub unrecognised: usize,
    /// Objects whose value cannot be read.
    pub unreadable: usize,
    /// Objects left out because there was one before them: of several values of a field the first that can be
    /// read counts, and of several devices on one M-Bus channel the first.
    pub duplicates: usize,
    /// Whether the telegram has a clock that shows no date, or one that says "never".
    pub undated: bool,
}

/// What a telegram means by itself, in a zone that is known. `received_at` is when its last byte arrived. Its
/// country is left open: an [`Interpreter`](super::Interpreter) tells it, and what the telegrams before this one
/// tell.
pub fn read(frame: &Frame<'_>, zone: &Zone, received_at: UnixMillis) -> Interpreted {
    let telegram = Telegram::read(frame);
    let mut read = objects(&telegram, zone, received_at);
    if has_phase_currents(&read.reading)
        && let Some(country) = detect(&telegram).country
    {
        name_phase_currents(&mut read.reading, country);
    }
    read
}

/// What the objects of a telegram say, as far as they say it in every country. Unknown objects are left out:
/// the telegram still has them.
pub(super) fn objects(telegram: &Telegram<'_>, zone: &Zone, received_at: UnixMillis) -> Interpreted {
    let mut reading = Reading::new(received_at, telegram.proof());
    let mut tally = Tally::default();
    // Objects under the channel of a sub-meter that are electricity all the same.
    let mut second_channel = false;
    let mut undated = false;
    // A bit for each M-Bus channel on which a second device was named.
    let mut second_device = 0u16;
    for object in telegram.objects() {
        // Most objects are fields: these go first.
        if let Some(row) = register::lookup(object.key()) {
            tally.add(take(&mut reading, row, &object, zone));
            continue;
        }
        match meaning(object.obis()) {
            Meaning::Mbus(kind) => {
                let channel = object.obis().b;
                let device = reading.mbus_device(channel);
                if kind == MbusObject::Id && device.id.is_some() && mbus::names_another(telegram, &object) {
                    second_device |= 1 << channel;
                }
                tally.add(if second_device >> channel & 1 == 1 {
                    Taken::DUPLICATE
                } else if mbus::take(device, kind, &object, zone) {
                    Taken::WELL
                } else {
                    Taken::UNREADABLE
                });
            }
            Meaning::Clock if reading.time.is_some() => tally.add(Taken::DUPLICATE),
            Meaning::Clock => {
                let stamp = timestamp::parse(object.first());
                reading.time = stamp.valid().map(|local| zone.meter_time(local));
                undated |= reading.time.is_none();
            }
            Meaning::SecondChannel => second_channel = true,
            Meaning::Field(_) | Meaning::Unknown => {}
        }
    }
    if second_channel {
        for object in telegram.objects() {
            let row = on_second_channel(object.obis())
                .and_then(|field| register::lookup(field.register().obis.key()));
            // Registers on channel 1 give way to those on channel 0: that is no duplicate.
            if let Some(row) = row
                && take(&mut reading, row, &object, zone) == Taken::UNREADABLE
            {
                tally.add(Taken::UNREADABLE);
            }
        }
    }
    if reading.time.is_none() {
        reading.time = split_clock(&reading).map(|local| zone.meter_time(local));
    }
    let Tally(tally) = tally;
    Interpreted {
        undated: undated && reading.time.is_none(),
        reading,
        unrecognised: telegram.unrecognised().len(),
        unreadable: (tally & 0xFFFF_FFFF) as usize,
        duplicates: (tally >> 32) as usize,
    }
}

/// What became of a value, as what it adds to a [`Tally`]: one addition and no branch where all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken(u64);

impl Taken {
    /// It is in the reading, or there is none.
    const WELL: Self = Self(0);
    /// It cannot be read.
    const UNREADABLE: Self = Self(1);
    /// Its field had one.
    const DUPLICATE: Self = Self(1 << 32);

    #[inline(always)]
    const fn set(set: bool) -> Self {
        if set { Self::WELL } else { Self::DUPLICATE }
    }
}

/// Unreadable values in the lower half, duplicates in the upper.
#[derive(Clone, Copy, Debug, Default)]
struct Tally(u64);

impl Tally {
    #[inline(always)]
    fn add(&mut self, taken: Taken) {
        self.0 += taken.0;
    }
}

/// What an object is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A field of the table.
    Field(Field),
    /// A sub-meter.
    Mbus(MbusObject),
    /// The meter's clock.
    Clock,
    /// Electricity on channel 1: the field of channel 0, where the telegram has none there.
    SecondChannel,
    /// None of these.
    Unknown,
}

/// What an object is about.
#[inline]
pub fn meaning(obis: Obis) -> Meaning {
    if let Some(field) = Field::from_obis(obis) {
        return Meaning::Field(field);
    }
    match (obis.a, obis.b, obis.c, obis.d, obis.e) {
        // 1.1.0: heat gateways. 0.0.0: seen in a test.
        (0, 0, 1, 0, 0) | (0, 0, 1, 1, 0) | (0, 0, 0, 0, 0) => Meaning::Clock,
        (1, 1, ..) if on_second_channel(obis).is_some() => Meaning::SecondChannel,
        _ => MbusObject::from_obis(obis).map_or(Meaning::Unknown, Meaning::Mbus),
    }
}

/// The field that an object on channel 1 stands for.
pub fn on_second_channel(obis: Obis) -> Option<Field> {
    let own = obis.a == 1 && obis.b == 1 && Field::from_obis(obis).is_none();
    own.then(|| Field::from_obis(Obis { b: 0, ..obis }))?
}

/// Takes an object's value into its field. The first valid value of a field stays.
#[inline(always)]
fn take(reading: &mut Reading, row: &Row, object: &Object<'_>, zone: &Zone) -> Taken {
    // Most fields are numbers as usual: one way that is nearly always gone.
    if matches!(row.kind, Kind::Number | Kind::Counter | Kind::Limit)
        && let Some(measure) = value::usual(object.first())
        && let Some(quantity) = canonical(measure, row.unit)
    {
        return Taken::set(reading.set_number(row.field, quantity));
    }
    take_other(reading, row, object, zone)
}

/// Takes the value of a field that is not a number as usual.
#[inline(never)]
fn take_other(reading: &mut Reading, row: &Row, object: &Object<'_>, zone: &Zone) -> Taken {
    let text = object.first();
    Taken::set(match row.kind {
        Kind::Number | Kind::Counter | Kind::Limit => {
            match number(text, row.unit).or_else(|| first_of_two(reading, row, text)) {
                Some(quantity) => reading.set_number(row.field, quantity),
                None => return absent(text),
            }
        }
        Kind::Peak => return peak(reading, row.field, object, zone),
        Kind::Profile => match object.joined() {
            Some(text) => reading.set_text(row.field, text),
            None => reading.set_text(row.field, &profile::join(object)),
        },
        _ => reading.set_text(row.field, text),
    })
}

/// A value that is no number: nothing between the brackets, or a unit alone, says that there is none.
#[cold]
fn absent(text: &[u8]) -> Taken {
    if value::parse(text) == Value::Absent { Taken::WELL } else { Taken::UNREADABLE }
}

/// A number in canonical units, as [`canonical`] makes it.
pub(super) fn number(text: &[u8], register: Unit) -> Option<Quantity> {
    match value::parse(text) {
        Value::Number(measure) => canonical(measure, register),
        Value::Absent | Value::Unreadable => None,
    }
}

/// A number in canonical units. One without a unit has the register's own when it is zero or the register
/// has none; else nothing tells which it is.
#[inline(always)]
fn canonical(measure: Measure<'_>, register: Unit) -> Option<Quantity> {
    if measure.unit.is_empty() {
        let unit = if measure.number.is_zero() { register } else { Unit::One };
        return Some(Quantity { value: measure.number, unit });
    }
    let (unit, exponent) = Unit::from_wire(measure.unit)?;
    let value = if exponent == 0 { measure.number } else { measure.number.shifted(exponent)? };
    Some(Quantity { value, unit })
}

/// Sibelga's meters put the limits of both directions into one pair of brackets: the first is the phase's, and
/// both are kept as [`Field::CurrentLimits`].
#[cold]
fn first_of_two(reading: &mut Reading, row: &Row, text: &[u8]) -> Option<Quantity> {
    let comma = text.iter().position(|&byte| byte == b',')?;
    let first = number(&text[..comma], row.unit)?;
    if row.field == Field::CurrentLimitL1 {
        reading.set_text(Field::CurrentLimits, text);
    }
    Some(first)
}

/// A highest demand: `(time)(value)`, and in Wallonia `(value)(time)`.
fn peak(reading: &mut Reading, field: Field, object: &Object<'_>, zone: &Zone) -> Taken {
    let mut groups = object.groups();
    let (first, second) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
    let (time, value) = peak_parts(first, second);
    let Some(quantity) = number(value, field.unit()) else { return absent(value) };
    let set = reading.set_number(field, quantity);
    if set && let Some(local) = timestamp::parse(time).valid() {
        reading.peak_times.push((field, zone.meter_time(local)));
    }
    Taken::set(set)
}

/// Time and value of a highest demand, whichever comes first: the value is the one with a unit.
pub fn peak_parts<'t>(first: &'t [u8], second: &'t [u8]) -> (&'t [u8], &'t [u8]) {
    let has_unit = |text: &[u8]| text.contains(&b'*');
    if has_unit(first) && !has_unit(second) { (second, first) } else { (first, second) }
}

/// The clock of meters that give time and date apart, `hhmmss` and `yymmdd`.
fn split_clock(reading: &Reading) -> Option<timestamp::LocalTime> {
    let (date, time) = (reading.text(Field::ClockDate)?, reading.text(Field::ClockTime)?);
    timestamp::parse(&[date, time].concat()).valid()
}

/// Whether 1-0:31.4.0 or one of the other phases' is there.
pub(super) fn has_phase_currents(reading: &Reading) -> bool {
    [Field::CurrentLimitL1, Field::CurrentLimitL2, Field::CurrentLimitL3]
        .into_iter()
        .any(|field| reading.get(field).is_some())
}

/// Puts 1-0:31.4.0 and the other phases' where the country has them.
pub(super) fn name_phase_currents(reading: &mut Reading, country: Country) {
    if country.phase_current() == PhaseCurrent::Average {
        for (limit, average) in [
            (Field::CurrentLimitL1, Field::CurrentAvgL1),
            (Field::CurrentLimitL2, Field::CurrentAvgL2),
            (Field::CurrentLimitL3, Field::CurrentAvgL3),
        ] {
            reading.rename(limit, average);
        }
    }
}
