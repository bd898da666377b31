//! A reading as columns, and back: what the store keeps of it.
//!
//! Everything but [`Reading::raw`] comes back as it was. Keys:
//!
//! | key | value |
//! | --- | --- |
//! | a field's name | its number or text |
//! | `<field>/time` | when a highest demand was reached |
//! | `time` | the meter's clock |
//! | `country` | whose rules it was read by, by its code |
//! | `mbus/<channel>` | empty text: the device is there |
//! | `mbus/<channel>/type`, `/valve` | numbers |
//! | `mbus/<channel>/id`, `/ean` | texts as they stood |
//! | `mbus/<channel>/<C.D.E>/value`, `/time` | a reading; an empty text where the value is absent |
//! | `mbus/<channel>/<C.D.E>;2/…` | a second reading under the same code |
//! | `<time's key>/offset` | seconds between a time and UTC, where they are known |

use std::borrow::Cow;

use super::reading::{Cell, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, UnixMillis};
use super::register::Field;
use super::unit::Unit;
use crate::p1::timestamp::LocalTime;
use crate::p1::{Decimal, Obis};

/// A column's name.
pub type Key = Cow<'static, str>;

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlatValue {
    /// A number with its unit.
    Number(Quantity),
    /// Bytes.
    Text(Box<[u8]>),
    /// A wall clock, without what it is in UTC: that is a column of its own.
    Time(LocalTime),
}

/// Writes a reading's columns, in a fixed order for readings of the same kind.
pub fn flatten(reading: &Reading, out: &mut Vec<(Key, FlatValue)>) {
    if let Some(time) = reading.time {
        push_time("time".into(), time, out);
    }
    for (field, cell) in reading.cells() {
        let value = match cell {
            Cell::Number(quantity) => FlatValue::Number(quantity),
            Cell::Text(text) => FlatValue::Text(text.into()),
        };
        out.push((field.name().into(), value));
    }
    for &(field, time) in &reading.peak_times {
        push_time(format!("{}/time", field.name()).into(), time, out);
    }
    for device in &reading.mbus {
        flatten_device(device, out);
    }
    if let Some(country) = reading.country {
        out.push(("country".into(), FlatValue::Text(country.code().as_bytes().into())));
    }
}

fn flatten_device(device: &MbusDevice, out: &mut Vec<(Key, FlatValue)>) {
    let prefix = format!("mbus/{}", device.channel);
    let mut push = |name: &str, value: FlatValue| out.push((format!("{prefix}{name}").into(), value));
    push("", FlatValue::Text(Box::default()));
    if let Some(device_type) = device.device_type {
        push("/type", whole(device_type.into(), Unit::One));
    }
    for (name, text) in [("/id", &device.id), ("/ean", &device.ean)] {
        if let Some(text) = text {
            push(name, FlatValue::Text(text.clone()));
        }
    }
    if let Some(valve) = device.valve {
        push("/valve", whole(valve.into(), Unit::One));
    }
    for (place, reading) in device.readings.iter().enumerate() {
        let Obis { c, d, e, .. } = reading.obis;
        let again = device.readings[..place].iter().filter(|earlier| earlier.obis == reading.obis).count();
        let number = if again == 0 { String::new() } else { format!(";{}", again + 1) };
        let prefix = format!("{prefix}/{c}.{d}.{e}{number}");
        let value = reading.value.map_or_else(|| FlatValue::Text(Box::default()), FlatValue::Number);
        out.push((format!("{prefix}/value").into(), value));
        if let Some(time) = reading.time {
            push_time(format!("{prefix}/time").into(), time, out);
        }
    }
}

fn push_time(key: Key, time: MeterTime, out: &mut Vec<(Key, FlatValue)>) {
    let offset = time.utc.map(|utc| time.local.seconds_as_utc() - utc);
    let offset_key = offset.map(|_| format!("{key}/offset"));
    out.push((key, FlatValue::Time(time.local)));
    if let (Some(key), Some(offset)) = (offset_key, offset) {
        out.push((key.into(), whole(offset, Unit::Second)));
    }
}

fn whole(number: i64, unit: Unit) -> FlatValue {
    // An i64 always fits a decimal of scale zero.
    FlatValue::Number(Quantity { value: Decimal::new(number.into(), 0).unwrap_or_default(), unit })
}

/// The reading of columns that [`flatten`] wrote, in whatever order. Keys that say nothing to this version
/// are left out.
pub fn unflatten<'a>(
    received_at: UnixMillis,
    proof: Proof,
    items: impl IntoIterator<Item = (&'a str, FlatValue)>,
) -> Reading {
    let mut reading = Reading::new(received_at, proof);
    for (key, value) in items {
        let known = match key.strip_prefix("mbus/") {
            Some(rest) => mbus_column(&mut reading, rest, value),
            None => column(&mut reading, key, value),
        };
        // A column of a later version.
        let _: Option<()> = known;
    }
    reading
}

fn column(reading: &mut Reading, key: &str, value: FlatValue) -> Option<()> {
    let (name, part) = key.split_once('/').map_or((key, ""), |(name, part)| (name, part));
    if name == "time" {
        return set_time(reading.time.get_or_insert(NO_TIME), part, value);
    }
    if let ("country", FlatValue::Text(code)) = (key, &value) {
        reading.country = Some(std::str::from_utf8(code).ok()?.parse().ok()?);
        return Some(());
    }
    let field = Field::from_name(name)?;
    match (part, value) {
        ("", FlatValue::Number(quantity)) => {
            reading.set_number(field, quantity);
        }
        ("", FlatValue::Text(text)) => {
            reading.set_text(field, &text);
        }
        (_, value) => {
            let part = part.strip_prefix("time")?;
            let place =
                reading.peak_times.iter().position(|(other, _)| *other == field).unwrap_or_else(|| {
                    reading.peak_times.push((field, NO_TIME));
                    reading.peak_times.len() - 1
                });
            return set_time(&mut reading.peak_times[place].1, part.trim_start_matches('/'), value);
        }
    }
    Some(())
}

fn mbus_column(reading: &mut Reading, key: &str, value: FlatValue) -> Option<()> {
    let mut parts = key.split('/');
    let channel = parts.next()?.parse().ok()?;
    let device = reading.mbus_device(channel);
    let Some(name) = parts.next() else { return Some(()) };
    match (name, value) {
        ("type", value) => device.device_type = Some(u8::try_from(number(&value)?).ok()?),
        ("valve", value) => device.valve = Some(u8::try_from(number(&value)?).ok()?),
        ("id", FlatValue::Text(text)) => device.id = Some(text),
        ("ean", FlatValue::Text(text)) => device.ean = Some(text),
        (code, value) => {
            let (code, place) = code.split_once(';').map_or((code, "1"), |parts| parts);
            let mut numbers = code.split('.').map(|number| number.parse().ok());
            let (c, d, e) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let found = mbus_reading(device, Obis::new(0, channel, c, d, e), place.parse().ok()?);
            match (parts.next()?, value) {
                ("value", FlatValue::Number(quantity)) => found.value = Some(quantity),
                ("time", value) => {
                    return set_time(
                        found.time.get_or_insert(NO_TIME),
                        parts.next().unwrap_or_default(),
                        value,
                    );
                }
                _ => {}
            }
        }
    }
    Some(())
}

/// The `place`th reading under a code, added when it was not there.
fn mbus_reading(device: &mut MbusDevice, obis: Obis, place: usize) -> &mut MbusReading {
    let mut same = device.readings.iter().enumerate().filter(|(_, reading)| reading.obis == obis);
    let found = same.nth(place.saturating_sub(1)).map(|(index, _)| index);
    let index = found.unwrap_or_else(|| {
        device.readings.push(MbusReading { obis, time: None, value: None });
        device.readings.len() - 1
    });
    &mut device.readings[index]
}

/// A time of which nothing is known yet; its columns come one by one.
const NO_TIME: MeterTime = MeterTime {
    local: LocalTime { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, dst: None },
    utc: None,
};

fn set_time(time: &mut MeterTime, part: &str, value: FlatValue) -> Option<()> {
    match (part, value) {
        ("", FlatValue::Time(local)) => {
            // The offset may have come first.
            let offset = time.utc.map(|utc| time.local.seconds_as_utc().wrapping_sub(utc));
            *time =
                MeterTime { local, utc: offset.map(|offset| local.seconds_as_utc().wrapping_sub(offset)) };
        }
        ("offset", value) => time.utc = Some(time.local.seconds_as_utc().wrapping_sub(number(&value)?)),
        _ => return None,
    }
    Some(())
}

fn number(value: &FlatValue) -> Option<i64> {
    match value {
        FlatValue::Number(quantity) if quantity.value.scale() == 0 => {
            quantity.value.mantissa().try_into().ok()
        }
        _ => None,
    }
}
