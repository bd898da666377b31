//! One reading: everything a telegram said, typed, owned, in canonical units.

use super::country::Country;
use super::register::Field;
use super::unit::Unit;
pub use crate::p1::frame::Proof;
use crate::p1::timestamp::LocalTime;
use crate::p1::{Decimal, Obis};

/// An instant in milliseconds since 1970-01-01 00:00 UTC.
pub type UnixMillis = i64;

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The number, in the meter's own resolution.
    pub value: Decimal,
    /// Its canonical unit.
    pub unit: Unit,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A number.
    Number(Quantity),
    /// Bytes as they stood between the brackets. Of a structured object ([`Kind::Profile`](super::Kind::Profile)) all its groups,
    /// with `)(` between them.
    Text(&'a [u8]),
}

/// A time of the meter. It is data: the meter's clock may be wrong, and it may not say which offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MeterTime {
    /// What the meter's clock showed.
    pub local: LocalTime,
    /// The instant in seconds since 1970-01-01 00:00 UTC, where the telegram says which offset holds.
    pub utc: Option<i64>,
}

/// A value that a sub-meter on the M-Bus reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MbusReading {
    /// The object it stood under: `0-n:24.2.1`, `24.2.3` or `24.3.0`.
    pub obis: Obis,
    /// The end of the capture period; `None` when it is absent, no date, or "never".
    pub time: Option<MeterTime>,
    /// The position; `None` when the device has not reported one: there is no value, its time says "never" or is
    /// not set, or the value is zero and its time is no date.
    pub value: Option<Quantity>,
}

/// A device on one of the meter's M-Bus channels.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MbusDevice {
    /// The channel, 1 to 9.
    pub channel: u8,
    /// The device class of EN 13757-3, as far as it is told: 3 gas, 4 heat, 7 water …
    pub device_type: Option<u8>,
    /// The equipment identifier as it stood in the telegram, usually ASCII written as hex.
    pub id: Option<Box<[u8]>>,
    /// The EAN as it stood in the telegram.
    pub ean: Option<Box<[u8]>>,
    /// The valve or switch: 0 closed, 1 open, 2 released.
    pub valve: Option<u8>,
    /// What it reported, in the order of the telegram.
    pub readings: Vec<MbusReading>,
}

/// What an entry's word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The magnitude of a number.
    Positive,
    /// The magnitude of a number below zero.
    Negative,
    /// Where a text begins, in the upper half, and ends.
    Text,
}

/// A value. Flat, so that it is written as it is computed and takes sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    word: u64,
    field: Field,
    unit: Unit,
    scale: u8,
    form: Form,
}

/// One reading of one meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When its last byte arrived, by the wall clock.
    pub received_at: UnixMillis,
    /// The meter's clock; `None` for meters without one (DSMR 2 and 3) and for a clock that is no date.
    pub time: Option<MeterTime>,
    /// How it was proven.
    pub proof: Proof,
    /// The devices on the M-Bus, by channel.
    pub mbus: Vec<MbusDevice>,
    /// When the highest demands were reached, for the fields that have one.
    pub peak_times: Vec<(Field, MeterTime)>,
    /// Whose rules it was read by; `None` where nothing tells.
    pub country: Option<Country>,
    /// The telegram as received, decrypted where it was encrypted; where the source keeps it (it is not stored).
    pub raw: Option<Box<[u8]>>,
    /// The encrypted frame around the telegram as received; none where there was none (it is not stored).
    pub wire: Option<Box<[u8]>>,
    entries: Vec<Entry>,
    text: Vec<u8>,
    /// Of each field, its place in `entries` plus one; 0 where the telegram lacks it.
    index: [u8; Field::COUNT],
}

impl Reading {
    /// A reading without values.
    pub fn new(received_at: UnixMillis, proof: Proof) -> Self {
        Self {
            received_at,
            time: None,
            proof,
            mbus: Vec::new(),
            peak_times: Vec::new(),
            country: None,
            raw: None,
            wire: None,
            // What a three-phase telegram of DSMR 5 takes, in one allocation each.
            entries: Vec::with_capacity(40),
            text: Vec::with_capacity(256),
            index: [0; Field::COUNT],
        }
    }

    #[inline]
    fn push(&mut self, entry: Entry) -> bool {
        let index = &mut self.index[entry.field as usize];
        if *index != 0 {
            return false;
        }
        self.entries.push(entry);
        // The table has fewer than 255 rows and a field enters once.
        *index = self.entries.len() as u8;
        true
    }

    /// Sets a number; the first value of a field stays. False when the field had one.
    #[inline]
    pub fn set_number(&mut self, field: Field, quantity: Quantity) -> bool {
        let Quantity { value, unit } = quantity;
        let form = if value.is_negative() { Form::Negative } else { Form::Positive };
        self.push(Entry { word: value.magnitude(), field, unit, scale: value.scale(), form })
    }

    /// Sets a text; the first value of a field stays. False when the field had one.
    pub fn set_text(&mut self, field: Field, text: &[u8]) -> bool {
        if self.index[field as usize] != 0 {
            return false;
        }
        let start = self.text.len() as u64;
        self.text.extend_from_slice(text);
        let word = start << 32 | self.text.len() as u64;
        self.push(Entry { word, field, unit: Unit::One, scale: 0, form: Form::Text })
    }

    /// Moves a value to another field, if that is free.
    pub(super) fn rename(&mut self, from: Field, to: Field) {
        let place = self.index[from as usize];
        if place != 0 && self.index[to as usize] == 0 {
            self.entries[usize::from(place) - 1].field = to;
            self.index[from as usize] = 0;
            self.index[to as usize] = place;
        }
    }

    fn cell(&self, entry: &Entry) -> Cell<'_> {
        match entry.form {
            Form::Text => Cell::Text(&self.text[(entry.word >> 32) as usize..entry.word as u32 as usize]),
            form => {
                // The parts came from a decimal, so they make one.
                let value = Decimal::from_parts(form == Form::Negative, entry.word, entry.scale);
                Cell::Number(Quantity { value: value.unwrap_or_default(), unit: entry.unit })
            }
        }
    }

    /// The value of a field.
    pub fn get(&self, field: Field) -> Option<Cell<'_>> {
        let place = self.index[field as usize].checked_sub(1)?;
        Some(self.cell(&self.entries[usize::from(place)]))
    }

    /// The number in a field.
    pub fn number(&self, field: Field) -> Option<Decimal> {
        match self.get(field)? {
            Cell::Number(quantity) => Some(quantity.value),
            Cell::Text(_) => None,
        }
    }

    /// The bytes in a field.
    pub fn text(&self, field: Field) -> Option<&[u8]> {
        match self.get(field)? {
            Cell::Text(text) => Some(text),
            Cell::Number(_) => None,
        }
    }

    /// Every field with its value, in the order of the telegram.
    pub fn cells(&self) -> impl Iterator<Item = (Field, Cell<'_>)> {
        self.entries.iter().map(|entry| (entry.field, self.cell(entry)))
    }

    /// The number of the active tariff: `0002` is 2, `TARIFF 1` is 1, and so is `5431`, which is hex of `T1`.
    pub fn tariff(&self) -> Option<u32> {
        let text = self.text(Field::Tariff)?;
        let plain = hex_text(text);
        let text = plain.as_deref().map_or(text, str::as_bytes);
        let digits = text.iter().rposition(|b| !b.is_ascii_digit()).map_or(text, |i| &text[i + 1..]);
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// The instant the reading is of, in seconds since 1970-01-01 00:00 UTC: by the meter where it says so,
    /// else when it arrived.
    pub fn utc_seconds(&self) -> i64 {
        self.time.and_then(|time| time.utc).unwrap_or_else(|| self.received_at.div_euclid(1000))
    }

    /// The meter's equipment identifier as it stood in the telegram: the first there is of 0-0:96.1.1, 0-0:96.1.0
    /// and the logical device name. One of spaces is none.
    pub fn equipment_id_raw(&self) -> Option<&[u8]> {
        [Field::MeterId, Field::MeterIdAlt, Field::LogicalDeviceName]
            .into_iter()
            .find_map(|field| self.text(field).filter(|id| !is_blank(id)))
    }

    /// The same as [`readable`] text.
    pub fn equipment_id(&self) -> Option<String> {
        self.equipment_id_raw().map(readable)
    }
}

/// An identifier or message for people: hex of printable ASCII is decoded, anything else is shown as it is,
/// bytes beyond ASCII as Latin-1. Spaces around it, with which some meters fill it up, are left out.
pub fn readable(text: &[u8]) -> String {
    let shown = hex_text(text).unwrap_or_else(|| latin1(text));
    shown.trim_matches(' ').to_owned()
}

/// Bytes as text, one character a byte (Latin-1), as they are.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Whether there is nothing but spaces in a text, as they are or in hex.
fn is_blank(text: &[u8]) -> bool {
    let hex = text.chunks_exact(2);
    text.iter().all(|&byte| byte == b' ')
        || hex.remainder().is_empty() && hex.into_iter().all(|pair| pair == b"20")
}

/// The ASCII text that `text` writes in hex; `None` unless it is an even number of hex digits of printable ASCII.
pub fn hex_text(text: &[u8]) -> Option<String> {
    let digit = |b: u8| char::from(b).to_digit(16);
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| {
            let byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
            (byte.is_ascii_graphic() || byte == b' ').then_some(char::from(byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_of_spaces_is_none() {
        let mut reading = Reading::new(0, Proof::Absent);
        reading.set_text(Field::MeterId, b"  ");
        assert_eq!(reading.equipment_id(), None);
        reading.set_text(Field::MeterIdAlt, b" 4417 ");
        assert_eq!(reading.equipment_id_raw(), Some(&b" 4417 "[..]), "kept as it stood");
        assert_eq!(reading.equipment_id().as_deref(), Some("4417"));
    }

    #[test]
    fn the_first_value_of_a_field_stays() {
        let mut reading = Reading::new(0, Proof::Verified);
        let power = |n| Quantity { value: Decimal::new(n, 3).expect("fits"), unit: Unit::KiloWatt };
        assert!(reading.set_number(Field::PowerImport, power(1_193)));
        assert!(!reading.set_number(Field::PowerImport, power(7)));
        assert!(reading.set_text(Field::Tariff, b"0002"));
        assert!(!reading.set_text(Field::Tariff, b"0001"));
        assert_eq!(reading.get(Field::PowerImport), Some(Cell::Number(power(1_193))));
        assert_eq!(reading.tariff(), Some(2));
        assert_eq!(reading.number(Field::PowerExport), None);
        assert_eq!(reading.cells().count(), 2);
    }

    #[test]
    fn identifiers_are_decoded_only_when_they_are_hex_of_text() {
        assert_eq!(readable(b"4B384547303034"), "K8EG004");
        assert_eq!(readable(b"K50322"), "K50322");
        assert_eq!(readable(b"0001"), "0001");
        assert_eq!(readable(b" ZABF0417"), "ZABF0417");
        assert_eq!(readable(b"4B30312020"), "K01");
        assert_eq!(hex_text(b""), None);
    }
}
