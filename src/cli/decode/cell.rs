//! Values as words for people.

use dsmrd::meter::profile::Row;
use dsmrd::meter::reading::readable;
use dsmrd::meter::{Cell, Field, Kind, MeterTime, Peak, Quantity, Reading, Zone};

use super::latin1;

/// The value of a field, on several lines where it has several parts.
pub(super) fn show_cell(reading: &Reading, field: Field, cell: Cell<'_>, zone: &Zone) -> String {
    match (field.register().kind, cell) {
        (Kind::Peak, Cell::Number(quantity)) => {
            let time = reading.peak_times.iter().find(|(other, _)| *other == field);
            let time = time.map_or_else(String::new, |&(_, time)| format!(" at {}", show_time(time)));
            format!("{}{time}", show_quantity(quantity))
        }
        (Kind::Limit, Cell::Number(quantity)) => {
            let off = reading.limit(field).is_some_and(|limit| limit.is_off());
            format!("{}{}", show_quantity(quantity), if off { ", which is none" } else { "" })
        }
        (_, Cell::Number(quantity)) => show_quantity(quantity),
        (Kind::Switch, Cell::Text(text)) => match reading.switch(field) {
            Some(state) => format!("{}, {}", latin1(text), state.name()),
            None if text.is_empty() => "none".to_owned(),
            None => latin1(text),
        },
        (Kind::Tariff, Cell::Text(_)) => {
            let Some(tariff) = reading.tariff() else { return "unknown".to_owned() };
            let name = reading.country.and_then(|country| country.tariff_name(tariff));
            name.map_or_else(|| tariff.to_string(), |name| format!("{tariff}, {}", name.name()))
        }
        (Kind::Message, Cell::Text(_)) => reading.message(field).unwrap_or_else(|| "none".to_owned()),
        (Kind::Profile, Cell::Text(text)) => show_profile(reading, field, text, zone),
        (_, Cell::Text(b"")) => "none".to_owned(),
        (Kind::Id, Cell::Text(text)) => readable(text),
        // Wallonia's is hex of the number that others write as it is, of five digits.
        (_, Cell::Text(text)) if field == Field::P1VersionBe => readable(text),
        // A version `50` is not hex of the letter P.
        (_, Cell::Text(text)) => latin1(text),
    }
}

fn show_profile(reading: &Reading, field: Field, text: &[u8], zone: &Zone) -> String {
    let lines: Vec<String> = match field {
        Field::PowerFailureLog => {
            let seconds = |duration: Option<u64>| {
                duration.map_or_else(|| "unknown time".to_owned(), |s| format!("{s} s"))
            };
            let failures = reading.power_failure_log(zone);
            let line = |failure: &dsmrd::meter::PowerFailure| {
                format!("{} until {}", seconds(failure.duration_s), at(failure.end))
            };
            failures.iter().map(line).collect()
        }
        Field::DemandPeakHistory => match reading.month_end(zone) {
            Some(row) => show_row(&row),
            None => [reading.demand_peak_history(zone), reading.demand_export_peak_history(zone)]
                .iter()
                .zip(["", "exported "])
                .flat_map(|(peaks, what)| peaks.iter().map(move |peak| show_peak(peak, what)))
                .collect(),
        },
        Field::CurrentLimits => reading.current_limits().map_or_else(Vec::new, |limits| {
            [("import", limits.import), ("export", limits.export)]
                .into_iter()
                .filter_map(|(what, limit)| Some(format!("{} {what}", show_quantity(limit?))))
                .collect()
        }),
        Field::MonthEndEnergies => reading.month_end_energies(zone).iter().flat_map(show_row).collect(),
        Field::LoadProfile => reading.load_profile(zone).iter().flat_map(show_row).collect(),
        _ => Vec::new(),
    };
    if lines.is_empty() && field == Field::PowerFailureLog {
        return "none".to_owned();
    }
    if lines.is_empty() { format!("({})", latin1(text)) } else { lines.join("\n") }
}

fn show_peak(peak: &Peak, what: &str) -> String {
    let demand = peak.demand.map_or_else(|| "unknown".to_owned(), show_quantity);
    let month = peak.period_end.map_or_else(|| "unknown".to_owned(), date);
    format!("{demand} {what}at {}, month until {month}", at(peak.occurred))
}

/// A row of a profile: its time, and a line for each value.
fn show_row(row: &Row<'_>) -> Vec<String> {
    let mut lines = vec![at(row.time)];
    for (place, cell) in row.cells.iter().enumerate() {
        let label = match cell.field() {
            Some(field) => field.register().label.to_owned(),
            None => cell.name().unwrap_or_else(|| format!("column {}", place + 1)),
        };
        let value = cell.value.map_or_else(|| "unknown".to_owned(), show_quantity);
        let reached = cell.reached.map_or_else(String::new, |time| format!(" at {}", show_time(time)));
        lines.push(format!("  {value}{reached}, {label}"));
    }
    lines
}

fn at(time: Option<MeterTime>) -> String {
    time.map_or_else(|| "unknown time".to_owned(), show_time)
}

pub(super) fn show_quantity(quantity: Quantity) -> String {
    format!("{} {}", quantity.value, quantity.unit).trim_end().to_owned()
}

fn date(time: MeterTime) -> String {
    format!("{:04}-{:02}-{:02}", time.local.year, time.local.month, time.local.day)
}

pub(super) fn show_time(time: MeterTime) -> String {
    let local = time.local;
    let season = match local.dst {
        Some(true) => " (summer time)",
        Some(false) => " (winter time)",
        None if time.utc.is_none() => " (ambiguous)",
        None => "",
    };
    format!("{} {:02}:{:02}:{:02}{season}", date(time), local.hour, local.minute, local.second)
}
