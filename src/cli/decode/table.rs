//! One telegram as a table for people.

use std::io::{self, Write};

use dsmrd::meter::reading::readable;
use dsmrd::meter::{Certainty, Field, Interpreted, MbusClass, MbusDevice};
use dsmrd::p1::Proof;
use dsmrd::p1::frame::Rejected;

use super::cell::{show_cell, show_quantity, show_time};
use super::{Decoded, cipher, latin1};

/// Where values begin.
const COLUMN: usize = 42;

/// A table being written.
struct Table<'w, W> {
    out: &'w mut W,
}

impl<W: Write> Table<'_, W> {
    fn row(&mut self, label: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "  {label:<COLUMN$} {}", printable(value))
    }
}

pub(super) fn write(decoded: &Decoded<'_>, out: &mut impl Write) -> io::Result<()> {
    let frame = decoded.frame;
    let interpreted = decoded.interpreted;
    let reading = &interpreted.reading;
    let file = decoded.file.map_or_else(String::new, |file| format!("{file}, "));
    let ident = printable(&latin1(frame.ident()));
    writeln!(out, "{ident}  ({file}byte {}, {} bytes)", frame.offset(), frame.bytes().len())?;

    let mut table = Table { out };
    if let Some(seal) = frame.seal() {
        for (label, value) in cipher::rows(seal) {
            table.row(label, &value)?;
        }
    }
    let crc = frame.crc_in_file().map(latin1).unwrap_or_default();
    table.row("CRC", format!("{crc} {}", decoded.crc()).trim_start())?;
    match decoded.country.filter(|_| decoded.told) {
        Some(country) => table.row("Country", &format!("{}, as you said", country.name()))?,
        None => table.row("Country", &decoded.detection.to_string())?,
    }
    match reading.time {
        Some(time) => table.row("Meter's time", &show_time(time))?,
        None => table.row("Meter's time", "none")?,
    }
    for (field, cell) in reading.cells() {
        let value = show_cell(reading, field, cell, decoded.zone);
        for (place, line) in value.lines().enumerate() {
            table.row(if place == 0 { field.register().label } else { "" }, line)?;
        }
    }
    for device in &reading.mbus {
        show_device(device, &mut table)?;
    }
    for warning in warnings(decoded, interpreted) {
        table.row("Warning", &warning)?;
    }
    writeln!(table.out)
}

/// A telegram that is not delivered, as far as it is known.
pub(super) fn rejected(file: Option<&str>, rejected: &Rejected, out: &mut impl Write) -> io::Result<()> {
    let file = file.map_or_else(String::new, |file| format!("{file}, "));
    writeln!(out, "Rejected telegram  ({file}byte {}, {} bytes)", rejected.offset, rejected.bytes)?;
    let mut table = Table { out };
    table.row("Reason", &rejected.reason.to_string())?;
    for (label, value) in rejected.seal.iter().flat_map(cipher::rows) {
        table.row(label, &value)?;
    }
    writeln!(table.out)
}

fn show_device(device: &MbusDevice, table: &mut Table<'_, impl Write>) -> io::Result<()> {
    let kind = match (device.class(), device.device_type) {
        (Some(MbusClass::Electricity), _) => "Electricity meter".to_owned(),
        (Some(MbusClass::Gas), _) => "Gas meter".to_owned(),
        (Some(MbusClass::Heat), _) => "Heat meter".to_owned(),
        (Some(MbusClass::Cooling), _) => "Cooling meter".to_owned(),
        (Some(MbusClass::Water), _) => "Water meter".to_owned(),
        (Some(MbusClass::WarmWater), _) => "Warm-water meter".to_owned(),
        (Some(MbusClass::HeatCostAllocator), _) => "Heat cost allocator".to_owned(),
        (None, Some(device_type)) if device_type > 0 => format!("Device of type {device_type}"),
        (None, _) => "Device".to_owned(),
    };
    let kind = format!("{kind}, M-Bus channel {}", device.channel);
    let newest = device.newest();
    let value =
        newest.and_then(|reading| reading.value).map_or_else(|| "no reading".to_owned(), show_quantity);
    let time = newest
        .and_then(|reading| reading.time)
        .map_or_else(String::new, |time| format!(" at {}", show_time(time)));
    table.row(&kind, &format!("{value}{time}"))?;
    for (label, text) in [("  Identifier", &device.id), ("  EAN", &device.ean)] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            table.row(label, &readable(text))?;
        }
    }
    match (device.valve, device.valve_state()) {
        (Some(valve), Some(state)) => table.row("  Valve", &format!("{valve}, {}", state.valve_name())),
        (Some(valve), None) => table.row("  Valve", &valve.to_string()),
        (None, _) => Ok(()),
    }
}

fn warnings(decoded: &Decoded<'_>, interpreted: &Interpreted) -> Vec<String> {
    let Interpreted { reading, unreadable, duplicates, .. } = interpreted;
    let mut warnings = Vec::new();
    match decoded.frame.proof() {
        Proof::Verified => {}
        Proof::Unauthenticated => {
            let what = "its authentication tag was not verified: nothing proves that the meter sent this";
            warnings.push(what.to_owned());
        }
        Proof::Failed => warnings.push("the CRC is wrong: none of this can be trusted".to_owned()),
        Proof::Absent if reading.get(Field::P1Version).is_some() => {
            warnings.push("no CRC, though this version of the standard has one".to_owned());
        }
        Proof::Absent => warnings.push("no CRC: damage cannot be noticed".to_owned()),
    }
    warnings.extend(decoded.frame.seal().and_then(cipher::warnings));
    let detection = decoded.detection;
    if decoded.told && detection.certainty == Certainty::Sure && detection.country != decoded.country {
        warnings.push(format!("its objects say otherwise, {detection}"));
    }
    if reading.time.is_some_and(|time| time.utc.is_none()) {
        warnings.push(
            "the time is ambiguous: it has no S or W, in an hour that comes twice or not at all".to_owned(),
        );
    }
    if *unreadable > 0 {
        warnings.push(format!("{unreadable} value(s) cannot be read"));
    }
    if *duplicates > 0 {
        warnings.push(format!("{duplicates} value(s) came once more: the first of each counts"));
    }
    warnings.extend(decoded.telegram.unrecognised().map(|line| format!("not understood: {}", latin1(line))));
    warnings
}

/// Text that does nothing to a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { format!("\\x{:02x}", u32::from(c)) } else { c.to_string() })
        .collect()
}
