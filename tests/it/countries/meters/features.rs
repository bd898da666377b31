//! What is read of a telegram, in the words of the table.

use dsmrd::meter::interpret::{Meaning, meaning};
use dsmrd::meter::{Field, Kind, Reading, Unit, Zone};
use dsmrd::p1::Telegram;

use super::super::instant;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Crc,
    Clock,
    Electricity,
    SubMeters,
    Also,
    /// Codes that nothing is made of: they stay among the objects.
    Unknown,
}

/// What is read of one telegram: a column and a word each, in the order of the table.
pub(super) fn features(
    telegram: &Telegram<'_>,
    reading: &Reading,
    zone: &Zone,
    proof: &str,
) -> Vec<(Column, String)> {
    let mut found: Vec<(Column, String)> = Vec::new();
    let mut say = |column: Column, word: &str| {
        if !found.iter().any(|(other, there)| (*other, there.as_str()) == (column, word)) {
            found.push((column, word.to_owned()));
        }
    };
    say(Column::Crc, proof);
    say(Column::Clock, clock(telegram, reading));
    let number = |name: &str| Field::from_name(name).is_some_and(|field| reading.number(field).is_some());
    for way in ["import", "export"] {
        let totals = number(&format!("energy_{way}_total")).then_some(0);
        let tariffs: Vec<u32> =
            totals.into_iter().chain((1..=13).filter(|t| number(&format!("energy_{way}_t{t}")))).collect();
        if !tariffs.is_empty() {
            say(Column::Electricity, &format!("kWh {way}"));
        }
        if tariffs.iter().any(|&tariff| tariff > 0) {
            say(Column::Electricity, "by tariff");
        }
    }
    for way in ["import", "export"] {
        if number(&format!("power_{way}")) {
            say(Column::Electricity, &format!("kW {way}"));
        }
    }
    let phase = |l: u32| {
        ["power_import_l", "power_export_l", "voltage_l", "current_l"]
            .iter()
            .any(|name| number(&format!("{name}{l}")))
    };
    let phases = if phase(2) || phase(3) { "3 phases" } else { "1 phase" };
    for (names, word) in
        [(&["power_import_l", "power_export_l"][..], "kW"), (&["voltage_l"], "V"), (&["current_l"], "A")]
    {
        if names.iter().any(|name| (1..=3).any(|l| number(&format!("{name}{l}")))) {
            say(Column::Electricity, phases);
            say(Column::Electricity, &format!("phase {word}"));
        }
    }
    for (field, cell) in reading.cells() {
        if let dsmrd::meter::Cell::Number(quantity) = cell {
            match quantity.unit {
                Unit::KiloVarHour => say(Column::Electricity, "kvarh"),
                Unit::KiloVar => say(Column::Electricity, "kvar"),
                Unit::KiloVoltAmpereHour => say(Column::Electricity, "kVAh"),
                Unit::KiloVoltAmpere if field.register().kind == Kind::Number => {
                    say(Column::Electricity, "kVA");
                }
                _ => {}
            }
        }
        if let Some(word) = also(field, cell).filter(|_| says_something(reading, zone, field)) {
            say(Column::Also, word);
        }
    }
    for device in &reading.mbus {
        let class = match device.class() {
            Some(class) => class.name().replace('_', " "),
            None => device
                .device_type
                .filter(|&code| code != 0)
                .map_or("unknown".into(), |code| format!("class {code}")),
        };
        if device.newest().is_some() {
            say(Column::SubMeters, &class);
        } else {
            say(Column::SubMeters, "without a reading");
        }
        if device.valve.is_some() {
            say(Column::SubMeters, "valve");
        }
    }
    for object in telegram.objects() {
        if meaning(object.obis()) == Meaning::Unknown {
            say(Column::Unknown, &object.obis().to_string());
        }
    }
    if telegram.unrecognised().len() > 0 {
        say(Column::Unknown, "crooked lines");
    }
    found
}

/// The words of the longer columns in the order in which they are shown; others follow.
const ORDER: [&str; 41] = [
    "kWh import",
    "kWh export",
    "by tariff",
    "kW import",
    "kW export",
    "1 phase",
    "3 phases",
    "phase kW",
    "phase V",
    "phase A",
    "kvarh",
    "kvar",
    "kVAh",
    "kVA",
    "gas",
    "water",
    "warm water",
    "heat",
    "cooling",
    "electricity",
    "unknown",
    "without a reading",
    "valve",
    "tariff",
    "quarter's demand",
    "monthly peak",
    "peak history",
    "month ends",
    "load profile",
    "power limit",
    "current limit",
    "average current",
    "breaker",
    "relays",
    "failures",
    "failure log",
    "sags, swells",
    "power factor",
    "frequency",
    "message",
    "crooked lines",
];

/// Where a word stands among those of its column.
pub(super) fn rank(word: &str) -> usize {
    ORDER.iter().position(|known| *known == word).unwrap_or(ORDER.len())
}

/// What the words come to in the overview, which names what there is and not each form of it.
pub(super) fn summary(words: &[&str]) -> Vec<&'static str> {
    const SUMMARY: [(&str, &[&str]); 22] = [
        ("energy", &["kWh import"]),
        ("tariffs", &["by tariff"]),
        ("power", &["kW import"]),
        ("phases", &["phase kW", "phase V", "phase A"]),
        ("reactive", &["kvarh", "kvar"]),
        ("gas", &["gas"]),
        ("water", &["water"]),
        ("warm water", &["warm water"]),
        ("heat", &["heat"]),
        ("cooling", &["cooling"]),
        ("sub-meters", &["electricity"]),
        ("valves", &["valve"]),
        ("demand", &["quarter's demand"]),
        ("monthly peaks", &["monthly peak", "peak history"]),
        ("month ends", &["month ends"]),
        ("load profile", &["load profile"]),
        ("limits", &["power limit", "current limit"]),
        ("breaker", &["breaker"]),
        ("relays", &["relays"]),
        ("failures", &["failures", "failure log", "sags, swells"]),
        ("power factor", &["power factor"]),
        ("messages", &["message"]),
    ];
    let there = SUMMARY.iter().filter(|(_, any)| any.iter().any(|word| words.contains(word)));
    there.map(|(name, _)| *name).collect()
}

fn clock(telegram: &Telegram<'_>, reading: &Reading) -> &'static str {
    let Some(time) = reading.time else {
        let clock = telegram.objects().any(|object| meaning(object.obis()) == Meaning::Clock);
        return if clock { "not set" } else { "none" };
    };
    match time.local.dst {
        Some(_) => "S/W",
        None if instant(time).ends_with('Z') => "no flag",
        None => "ambiguous",
    }
}

/// Whether there is more in a field than its name.
fn says_something(reading: &Reading, zone: &Zone, field: Field) -> bool {
    match field.register().kind {
        Kind::Message => reading.message(field).is_some(),
        Kind::Profile if field == Field::PowerFailureLog => !reading.power_failure_log(zone).is_empty(),
        Kind::Profile if field == Field::DemandPeakHistory => {
            !reading.demand_peak_history(zone).is_empty() || reading.month_end(zone).is_some()
        }
        _ => true,
    }
}

/// What else a field is good for.
fn also(field: Field, cell: dsmrd::meter::Cell<'_>) -> Option<&'static str> {
    let name = field.name();
    let empty = matches!(cell, dsmrd::meter::Cell::Text(text) if text.is_empty());
    let word = match field.register().kind {
        Kind::Tariff => "tariff",
        Kind::Limit => "power limit",
        Kind::Peak => "monthly peak",
        Kind::Switch if name.starts_with("relay") => "relays",
        Kind::Switch => "breaker",
        Kind::Message => "message",
        Kind::Profile if field == Field::PowerFailureLog => "failure log",
        Kind::Profile if field == Field::DemandPeakHistory => "peak history",
        Kind::Profile if field == Field::CurrentLimits => "current limit",
        Kind::Profile if field == Field::MonthEndEnergies => "month ends",
        Kind::Profile => "load profile",
        Kind::Counter if name.contains("failures") => "failures",
        Kind::Counter => "sags, swells",
        Kind::Number if name.starts_with("current_limit") => "current limit",
        Kind::Number if name.starts_with("current_avg") => "average current",
        Kind::Number if name.starts_with("demand") => "quarter's demand",
        Kind::Number if name.starts_with("power_factor") => "power factor",
        Kind::Number if name == "frequency" => "frequency",
        _ => return None,
    };
    (!empty).then_some(word)
}
