//! One telegram as a table for people.

use std::io::{self, Write};

use dsmrd::meter::reading::readable;
use dsmrd::meter::{Cell, Field, Kind, MbusClass, MbusDevice, MeterTime, Quantity, Reading};
use dsmrd::p1::Proof;
use dsmrd::p1::frame::Rejected;

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
    if let Some(country) = decoded.country {
        table.row("Country", country.code())?;
    }
    match reading.time {
        Some(time) => table.row("Meter's time", &show_time(time))?,
        None => table.row("Meter's time", "none")?,
    }
    for (field, cell) in reading.cells() {
        let value = show_cell(reading, field, cell, decoded);
        for (place, line) in value.lines().enumerate() {
            table.row(if place == 0 { field.register().label } else { "" }, line)?;
        }
    }
    for device in &reading.mbus {
        show_device(device, &mut table)?;
    }
    for warning in warnings(decoded, reading, interpreted.unreadable) {
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

fn show_cell(reading: &Reading, field: Field, cell: Cell<'_>, decoded: &Decoded<'_>) -> String {
    match (field.register().kind, cell) {
        (Kind::Peak, Cell::Number(quantity)) => {
            let time = reading.peak_times.iter().find(|(other, _)| *other == field);
            let time = time.map_or_else(String::new, |&(_, time)| format!(" at {}", show_time(time)));
            format!("{}{time}", show_quantity(quantity))
        }
        (_, Cell::Number(quantity)) => show_quantity(quantity),
        (Kind::Switch, Cell::Text(text)) => switch(text).to_owned(),
        (Kind::Tariff, Cell::Text(_)) => {
            reading.tariff().map_or_else(|| "unknown".to_owned(), |tariff| tariff.to_string())
        }
        (Kind::Message, Cell::Text(text)) if text.is_empty() || text.iter().all(|&byte| byte == 0xFF) => {
            "none".to_owned()
        }
        (Kind::Profile, Cell::Text(text)) => show_profile(reading, field, text, decoded),
        (_, Cell::Text(b"")) => "none".to_owned(),
        (Kind::Id | Kind::Message, Cell::Text(text)) => readable(text),
        // A version `50` is not hex of the letter P.
        (_, Cell::Text(text)) => text.iter().map(|&byte| char::from(byte)).collect(),
    }
}

fn show_profile(reading: &Reading, field: Field, text: &[u8], decoded: &Decoded<'_>) -> String {
    let at = |time: Option<MeterTime>| time.map_or_else(|| "unknown time".to_owned(), show_time);
    let lines: Vec<String> = match field {
        Field::PowerFailureLog => {
            let failures = reading.power_failure_log(decoded.zone);
            let seconds =
                |duration: Option<u64>| duration.map_or_else(|| "unknown".to_owned(), |s| format!("{s} s"));
            failures
                .iter()
                .map(|failure| format!("{}, until {}", seconds(failure.duration_s), at(failure.end)))
                .collect()
        }
        Field::DemandPeakHistory => reading
            .demand_peak_history(decoded.zone)
            .iter()
            .map(|peak| {
                let demand = peak.demand.map_or_else(|| "unknown".to_owned(), show_quantity);
                let month = peak.period_end.map_or_else(|| "unknown".to_owned(), date);
                format!("{demand} at {}, month until {month}", at(peak.occurred))
            })
            .collect(),
        _ => Vec::new(),
    };
    if lines.is_empty() && field == Field::PowerFailureLog {
        return "none".to_owned();
    }
    if lines.is_empty() { format!("({})", latin1(text)) } else { lines.join("\n") }
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
            table.row(label, readable(text).trim())?;
        }
    }
    match device.valve {
        Some(valve) => table.row("  Valve", switch(valve.to_string().as_bytes())),
        None => Ok(()),
    }
}

fn warnings(decoded: &Decoded<'_>, reading: &Reading, unreadable: usize) -> Vec<String> {
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
    if reading.time.is_some_and(|time| time.utc.is_none()) {
        warnings.push(
            "the time is ambiguous: it has no S or W, in an hour that comes twice or not at all".to_owned(),
        );
    }
    if unreadable > 0 {
        warnings.push(format!("{unreadable} value(s) cannot be read"));
    }
    warnings.extend(decoded.telegram.unrecognised().map(|line| format!("not understood: {}", latin1(line))));
    warnings
}

fn show_quantity(quantity: Quantity) -> String {
    format!("{} {}", quantity.value, quantity.unit).trim_end().to_owned()
}

fn date(time: MeterTime) -> String {
    format!("{:04}-{:02}-{:02}", time.local.year, time.local.month, time.local.day)
}

fn show_time(time: MeterTime) -> String {
    let local = time.local;
    let season = match local.dst {
        Some(true) => " (summer time)",
        Some(false) => " (winter time)",
        None => "",
    };
    format!("{} {:02}:{:02}:{:02}{season}", date(time), local.hour, local.minute, local.second)
}

fn switch(text: &[u8]) -> &str {
    match text {
        b"0" => "0, disconnected or closed",
        b"1" => "1, connected or open",
        b"2" => "2, ready for reconnection",
        b"" => "none",
        other => std::str::from_utf8(other).unwrap_or("not text"),
    }
}

/// Text that does nothing to a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { format!("\\x{:02x}", u32::from(c)) } else { c.to_string() })
        .collect()
}
