//! Profiles as JSON: `power_failure_log`, `demand_peak_history` and so on, arrays of objects with times in UTC
//! and numbers in canonical units.
//!
//! A meter repeats its lists in every telegram and they change once a month, so that their JSON is made anew
//! only when their text is another.

use super::super::text;
use crate::meter::profile::{RawProfile, Row, split};
use crate::meter::{Country, Field, MeterTime, Reading, Zone};

/// The profiles of one meter as JSON.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    zone: Option<(ZoneKey, Zone)>,
    made: Vec<Made>,
}

/// What tells a meter's zone.
type ZoneKey = (Option<Country>, Option<i32>);

/// A profile's JSON and the text it was made of.
#[derive(Debug)]
struct Made {
    field: Field,
    text: Vec<u8>,
    /// Whether it is a list without columns: Hungary's month's end.
    headless: bool,
    json: Vec<u8>,
}

/// A profile to publish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    /// Whether it is the snapshot of a month's end under the code of the peaks.
    pub(super) is_month_end: bool,
    pub(super) json: &'a [u8],
}

impl Profiles {
    /// The JSON of a profile, whose text is `text`.
    pub(super) fn json(&mut self, field: Field, text: &[u8], reading: &Reading) -> Json<'_> {
        let key = (reading.country, standard_offset(reading));
        if self.zone.as_ref().is_none_or(|(known, _)| *known != key) {
            self.zone = zone_of(key).map(|zone| (key, zone));
            self.made.clear();
        }
        let place = match self.made.iter().position(|made| made.field == field) {
            Some(place) if self.made[place].text == text => place,
            found => {
                let mut made = Made { field, text: text.to_vec(), headless: false, json: Vec::new() };
                if let Some((_, zone)) = &self.zone {
                    made.write(reading, zone);
                }
                match found {
                    Some(place) => {
                        self.made[place] = made;
                        place
                    }
                    None => {
                        self.made.push(made);
                        self.made.len() - 1
                    }
                }
            }
        };
        let made = &self.made[place];
        Json { is_month_end: field == Field::DemandPeakHistory && made.headless, json: &made.json }
    }
}

impl Made {
    fn write(&mut self, reading: &Reading, zone: &Zone) {
        let out = &mut self.json;
        out.push(b'[');
        if self.field == Field::PowerFailureLog {
            for failure in reading.power_failure_log(zone) {
                open(out);
                key(out, "start");
                instant(out, failure.start());
                key(out, "end");
                time(out, failure.end);
                key(out, "duration_s");
                match failure.duration_s {
                    Some(seconds) => text::whole(out, seconds),
                    None => out.extend_from_slice(b"null"),
                }
                out.push(b'}');
            }
        } else if let Some(profile) = reading.profile(self.field, zone) {
            let columns = RawProfile::new(split(&self.text)).columns;
            self.headless = columns.is_empty() && !profile.rows.is_empty();
            for row in &profile.rows {
                write_row(out, row);
            }
        }
        out.push(b']');
    }
}

fn write_row(out: &mut Vec<u8>, row: &Row<'_>) {
    open(out);
    key(out, "time");
    time(out, row.time);
    if let Some(status) = row.status {
        key(out, "status");
        text::json_string(out, &String::from_utf8_lossy(status));
    }
    for (place, cell) in row.cells.iter().enumerate() {
        // A column that nobody names, or that is there again, is told by its place.
        let again = row.cells[..place].iter().any(|earlier| earlier.column == cell.column);
        let name = match cell.name() {
            Some(name) if !again => name,
            Some(name) => format!("{name}_{}", place + 1),
            None => format!("value_{}", place + 1),
        };
        key(out, &name);
        match cell.value {
            Some(quantity) => text::decimal(out, quantity.value),
            None => out.extend_from_slice(b"null"),
        }
        if let Some(reached) = cell.reached {
            key(out, &format!("{name}_time"));
            time(out, Some(reached));
        }
    }
    out.push(b'}');
}

fn open(out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    out.push(b'{');
}

fn key(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    text::json_string(out, name);
    out.push(b':');
}

fn instant(out: &mut Vec<u8>, seconds: Option<i64>) {
    match seconds {
        Some(seconds) => {
            out.push(b'"');
            text::utc(out, seconds);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

/// A time of the meter: in UTC where it tells which instant it is, else local.
fn time(out: &mut Vec<u8>, time: Option<MeterTime>) {
    match time {
        Some(MeterTime { utc: None, local }) => {
            out.push(b'"');
            text::local(out, local);
            out.push(b'"');
        }
        time => instant(out, time.and_then(|time| time.utc)),
    }
}

/// The zone's offset in winter, which a clock with a flag tells.
fn standard_offset(reading: &Reading) -> Option<i32> {
    let time = reading.time?;
    let summer = if time.local.dst? { 3_600 } else { 0 };
    i32::try_from(time.local.seconds_as_utc() - time.utc? - summer).ok()
}

/// The zone of a meter's lists: that of its clock, or of its country where the clock does not tell; else
/// Central European Time.
fn zone_of((country, offset): ZoneKey) -> Option<Zone> {
    let names =
        [country.map_or("Europe/Amsterdam", Country::zone_name), "Europe/Amsterdam", "Europe/Vilnius"];
    let known = names.into_iter().filter_map(|name| Zone::new(name).ok());
    let mut fitting = known.filter(|zone| offset.is_none_or(|offset| zone.standard_offset() == offset));
    // Somewhere else: its offset is all that is known, and all that times with a flag need. The names of
    // these zones count westwards.
    fitting.next().or_else(|| {
        let hours = offset? / 3_600;
        Zone::new(&format!("Etc/GMT{:+}", -hours)).or_else(|_| Zone::new("UTC")).ok()
    })
}
