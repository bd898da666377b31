//! Every country, version and meter tried.

/// What the meters of the standard's own map do otherwise than it says, row by row.
mod deviations;
/// The table of meters in METERS.rst.
mod meters;
/// The fixtures' points that people get wrong, held by hand.
mod points;
/// What a country decides: meanings, tariffs, zones, clocks.
mod profile;
/// Encrypted fixtures, made and opened.
mod sealed;

use std::collections::BTreeMap;
use std::path::Path;

use dsmrd::meter::interpreter::{Interpreter, InterpreterSettings};
use dsmrd::meter::reading::{Cell, MeterTime, Reading, readable};
use dsmrd::meter::{Kind, Zone};
use dsmrd::p1::frame::{Event, FramerSettings};
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::p1::{Framer, Telegram};

/// When every telegram of these tests arrives: 2026-02-12 07:15:02 UTC.
const ARRIVAL: i64 = 1_770_880_502_000;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What one telegram says, by name: a field's own name, `mbus1.value`, `time`, and so on.
type Facts = BTreeMap<String, String>;

/// What comes out of a stream.
#[derive(Debug, Default)]
struct Said {
    telegrams: Vec<Facts>,
    /// The reasons of what was refused.
    rejected: Vec<String>,
}

/// Reads a stream as a meter's, with what is known of it.
fn read(bytes: &[u8], framing: FramerSettings, settings: InterpreterSettings) -> Said {
    read_at(bytes, framing, settings, |_| ARRIVAL)
}

/// As [`read`], with the time at which each telegram arrives, in milliseconds.
fn read_at(
    bytes: &[u8],
    framing: FramerSettings,
    settings: InterpreterSettings,
    arrival: impl Fn(usize) -> i64,
) -> Said {
    let mut said = Said::default();
    let mut interpreter = Interpreter::new(settings);
    let mut framer = Framer::new(framing);
    let mut on = |event: Event<'_>| match event {
        Event::Frame(frame) => {
            let telegram = Telegram::read(&frame);
            let interpreted = interpreter.interpret(&telegram, arrival(said.telegrams.len()));
            let mut facts = facts(&interpreted.reading, interpreter.zone());
            let mut say = |name: &str, what: String| facts.insert(name.to_owned(), what);
            say("ident", frame.ident().escape_ascii().to_string());
            say("objects", telegram.objects().len().to_string());
            say("unrecognised", interpreted.unrecognised.to_string());
            say("unreadable", interpreted.unreadable.to_string());
            say("duplicates", interpreted.duplicates.to_string());
            say("country", interpreter.country().map_or("-".to_owned(), |country| country.to_string()));
            said.telegrams.push(facts);
        }
        Event::Rejected(rejected) => {
            let reason = format!("{:?}", rejected.reason);
            said.rejected.push(reason.split([' ', '{']).next().unwrap_or_default().to_owned());
        }
    };
    framer.push(bytes, &mut on);
    framer.finish(&mut on);
    said
}

/// As [`read`], with every setting at its default.
fn plainly(bytes: &[u8]) -> Said {
    read(bytes, FramerSettings::default(), InterpreterSettings::default())
}

fn facts(reading: &Reading, zone: &Zone) -> Facts {
    let mut facts = Facts::new();
    let mut say = |name: &str, what: String| facts.insert(name.to_owned(), what);
    say("proof", format!("{:?}", reading.proof).to_lowercase());
    if let Some(id) = reading.equipment_id() {
        say("equipment_id", id);
    }
    if let Some(time) = reading.time {
        say("time", instant(time));
    }
    say("utc_seconds", reading.utc_seconds().to_string());
    for (field, cell) in reading.cells() {
        let text = match cell {
            Cell::Number(number) => Some(format!("{} {}", number.value, number.unit)),
            Cell::Text(_) if field.register().kind == Kind::Message => reading.message(field),
            // Hex is undone where identifiers are: a version of `50` is no `P`.
            Cell::Text(text) if field.register().kind == Kind::Id => Some(readable(text)),
            Cell::Text(text) => Some(text.escape_ascii().to_string()),
        };
        if let Some(text) = text {
            say(field.name(), text.trim_end().to_owned());
        }
        let limit = reading.limit(field).filter(|_| field.register().kind == Kind::Limit);
        if limit.is_some_and(|limit| limit.is_off()) {
            say(&format!("{}.off", field.name()), "yes".to_owned());
        }
    }
    if let Some(number) = reading.tariff() {
        say("tariff.number", number.to_string());
    }
    for (name, entries) in [
        ("power_failure_log", reading.power_failure_log(zone).len()),
        ("demand_peak_history", reading.demand_peak_history(zone).len()),
        ("month_end_energies", reading.month_end_energies(zone).len()),
        ("load_profile", reading.load_profile(zone).len()),
        ("month_end", usize::from(reading.month_end(zone).is_some())),
    ] {
        if entries > 0 {
            say(&format!("{name}.entries"), entries.to_string());
        }
    }
    for (field, time) in &reading.peak_times {
        say(&format!("{}.time", field.name()), instant(*time));
    }
    for device in &reading.mbus {
        let mut say = |name: &str, what: String| say(&format!("mbus{}.{name}", device.channel), what);
        if let Some(device_type) = device.device_type {
            say("type", device_type.to_string());
        }
        if let Some(class) = device.class() {
            say("class", class.name().to_owned());
        }
        if let Some(id) = &device.id {
            say("id", readable(id));
        }
        if let Some(valve) = device.valve {
            say("valve", valve.to_string());
        }
        say("present", "yes".to_owned());
        if let Some(reading) = device.newest() {
            if let Some(time) = reading.time {
                say("time", instant(time));
            }
            if let Some(value) = reading.value {
                say("value", format!("{} {}", value.value, value.unit).trim_end().to_owned());
            }
        }
    }
    facts
}

/// An instant in UTC; what the clock showed, where nothing tells the offset.
fn instant(time: MeterTime) -> String {
    let shown = |LocalTime { year, month, day, hour, minute, second, .. }: LocalTime| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    };
    match time.utc.and_then(|utc| LocalTime::from_seconds_as_utc(utc, None)) {
        Some(utc) => shown(utc) + "Z",
        None => shown(time.local),
    }
}

/// Holds a telegram to claims such as `power_import=0.193 kW; time=-`: a `-` says that there is none.
#[track_caller]
fn hold(what: &str, facts: &Facts, claims: &str) {
    for claim in claims.split(';').map(str::trim).filter(|claim| !claim.is_empty()) {
        let (name, wanted) = claim.split_once('=').expect("name=value");
        let found = facts.get(name).map_or("-", String::as_str);
        assert_eq!(found, wanted, "{what}: {name}, of {facts:#?}");
    }
}
