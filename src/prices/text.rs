//! A price table as text, which [`super::import`] reads again to the digit.

use std::io::{self, Write};

use jiff::Timestamp;

use super::table::Slot;
use crate::meter::Zone;

/// The names of what a slot has, in CSV and JSON.
pub const COLUMNS: [&str; 4] = ["kind", "start", "end", "price"];

/// An instant in seconds since 1970-01-01 00:00 UTC as ISO 8601, with the offset of a zone.
pub fn time(utc: i64, zone: &Zone) -> String {
    let Ok(instant) = Timestamp::from_second(utc) else { return utc.to_string() };
    instant.display_with_offset(zone.time_zone().to_offset(instant)).to_string()
}

/// Writes slots as CSV (RFC 4180) with a header; times have the offset of the zone.
pub fn csv<'a>(
    slots: impl IntoIterator<Item = &'a Slot>,
    zone: &Zone,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.join(","))?;
    for Slot { kind, start, end, price } in slots {
        write!(out, "{kind},{},{},{price}\r\n", time(*start, zone), time(*end, zone))?;
    }
    Ok(())
}

/// Writes slots as a JSON list of objects, one a line. Prices are numbers, digit by digit.
pub fn json<'a>(
    slots: impl IntoIterator<Item = &'a Slot>,
    zone: &Zone,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut separator = "[";
    for Slot { kind, start, end, price } in slots {
        let (start, end) = (time(*start, zone), time(*end, zone));
        write!(
            out,
            "{separator}\n{{\"kind\":\"{kind}\",\"start\":\"{start}\",\"end\":\"{end}\",\"price\":{price}}}"
        )?;
        separator = ",";
    }
    writeln!(out, "{}", if separator == "[" { "[]" } else { "\n]" })
}
