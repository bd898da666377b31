//! From a telegram's objects to a reading: what each of them means.

use super::mbus::{self, MbusObject};
use super::profile;
use super::reading::{Quantity, Reading, UnixMillis};
use super::register::{self, Field, Kind, Row};
use super::unit::Unit;
use super::zone::{Zone, is_lithuanian};
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
}

/// Reads a frame. `received_at` is when its last byte arrived.
pub fn read(frame: &Frame<'_>, zone: &Zone, received_at: UnixMillis) -> Interpreted {
    interpret(&Telegram::read(frame), zone, received_at)
}

/// What a telegram means. Unknown objects are left out: the telegram still has them.
pub fn interpret(telegram: &Telegram<'_>, zone: &Zone, received_at: UnixMillis) -> Interpreted {
    let mut reading = Reading::new(received_at, telegram.proof());
    let mut unreadable = 0;
    // Objects under the channel of a sub-meter that are electricity all the same.
    let mut second_channel = false;
    for object in telegram.objects() {
        // Most objects are fields: these go first.
        if let Some(row) = register::lookup(object.key()) {
            unreadable += usize::from(!take(&mut reading, row, &object, zone));
            continue;
        }
        let readable = match meaning(object.obis()) {
            Meaning::Field(_) => true,
            Meaning::Mbus(kind) => mbus::take(reading.mbus_device(object.obis().b), kind, &object, zone),
            Meaning::Clock => {
                if reading.time.is_none() {
                    let stamp = timestamp::parse(object.first());
                    reading.time = stamp.valid().map(|local| zone.meter_time(local));
                }
                true
            }
            Meaning::SecondChannel => {
                second_channel = true;
                true
            }
            Meaning::Unknown => true,
        };
        unreadable += usize::from(!readable);
    }
    if second_channel {
        for object in telegram.objects() {
            let row = on_second_channel(object.obis())
                .and_then(|field| register::lookup(field.register().obis.key()));
            if let Some(row) = row {
                unreadable += usize::from(!take(&mut reading, row, &object, zone));
            }
        }
    }
    if reading.time.is_none() {
        reading.time = split_clock(&reading).map(|local| zone.meter_time(local));
    }
    if [Field::CurrentLimitL1, Field::CurrentLimitL2, Field::CurrentLimitL3]
        .iter()
        .any(|&field| reading.get(field).is_some())
        && is_lithuanian(telegram)
    {
        averages_for_limits(&mut reading);
    }
    Interpreted { reading, unrecognised: telegram.unrecognised().len(), unreadable }
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

/// Takes an object's value into its field; false when there is one and it cannot be read. The first valid
/// value of a field stays.
#[inline(always)]
fn take(reading: &mut Reading, row: &Row, object: &Object<'_>, zone: &Zone) -> bool {
    // Most fields are numbers as usual: one way that is nearly always gone.
    if matches!(row.kind, Kind::Number | Kind::Counter | Kind::Limit)
        && let Some(measure) = value::usual(object.first())
        && let Some(quantity) = canonical(measure, row.unit)
    {
        reading.set_number(row.field, quantity);
        return true;
    }
    take_other(reading, row, object, zone)
}

/// Takes the value of a field that is not a number as usual.
#[inline(never)]
fn take_other(reading: &mut Reading, row: &Row, object: &Object<'_>, zone: &Zone) -> bool {
    let text = object.first();
    match row.kind {
        Kind::Number | Kind::Counter | Kind::Limit => {
            let Some(quantity) = number(text, row.unit).or_else(|| first_of_two(text, row.unit)) else {
                return text.is_empty();
            };
            reading.set_number(row.field, quantity)
        }
        Kind::Peak => return peak(reading, row.field, object, zone),
        Kind::Profile => match object.joined() {
            Some(text) => reading.set_text(row.field, text),
            None => reading.set_text(row.field, &profile::join(object)),
        },
        _ => reading.set_text(row.field, text),
    };
    true
}

/// A number in canonical units. One without a unit has the register's own when it is zero or the register
/// has none; else nothing tells which it is.
fn number(text: &[u8], canonical_unit: Unit) -> Option<Quantity> {
    match value::parse(text) {
        Value::Number(measure) => canonical(measure, canonical_unit),
        Value::Absent | Value::Unreadable => None,
    }
}

#[inline(always)]
fn canonical(measure: Measure<'_>, canonical: Unit) -> Option<Quantity> {
    if measure.unit.is_empty() {
        let unit = if measure.number.is_zero() { canonical } else { Unit::One };
        return Some(Quantity { value: measure.number, unit });
    }
    let (unit, exponent) = Unit::from_wire(measure.unit)?;
    let value = if exponent == 0 { measure.number } else { measure.number.shifted(exponent)? };
    Some(Quantity { value, unit })
}

/// Sibelga's meters put the limits of both directions into one pair of brackets.
#[cold]
fn first_of_two(text: &[u8], canonical: Unit) -> Option<Quantity> {
    let comma = text.iter().position(|&byte| byte == b',')?;
    number(&text[..comma], canonical)
}

/// A highest demand: `(time)(value)`, and in Wallonia `(value)(time)`.
fn peak(reading: &mut Reading, field: Field, object: &Object<'_>, zone: &Zone) -> bool {
    let mut groups = object.groups();
    let (first, second) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
    let (time, value) = peak_parts(first, second);
    let Some(quantity) = number(value, field.unit()) else { return value.is_empty() };
    if reading.set_number(field, quantity)
        && let Some(local) = timestamp::parse(time).valid()
    {
        reading.peak_times.push((field, zone.meter_time(local)));
    }
    true
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

/// Lithuania's meters send averages of the current where others send its limits.
fn averages_for_limits(reading: &mut Reading) {
    for (limit, average) in [
        (Field::CurrentLimitL1, Field::CurrentAvgL1),
        (Field::CurrentLimitL2, Field::CurrentAvgL2),
        (Field::CurrentLimitL3, Field::CurrentAvgL3),
    ] {
        reading.rename(limit, average);
    }
}
