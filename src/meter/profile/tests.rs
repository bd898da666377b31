use super::*;
use crate::meter::reading::{MeterTime, Proof, Reading};
use crate::meter::register::Field;
use crate::meter::zone::Zone;

fn zone() -> Zone {
    Zone::new("Europe/Brussels").expect("known")
}

fn reading(field: Field, text: &str) -> Reading {
    let mut reading = Reading::new(0, Proof::Verified);
    reading.set_text(field, text.as_bytes());
    reading
}

fn utc(time: Option<MeterTime>) -> Option<String> {
    let time = time?.utc?;
    Some(jiff::Timestamp::from_second(time).expect("in range").to_string())
}

fn shown(value: Option<Quantity>) -> Option<String> {
    value.map(|value| format!("{} {}", value.value, value.unit).trim_end().to_owned())
}

/// Rows as `time status name=value@reached …`.
fn lines(rows: &[Row<'_>]) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    rows.iter()
        .map(|row| {
            let status = row.status.map(|status| String::from_utf8_lossy(status).into_owned());
            let mut line = format!("{} {}", or_none(utc(row.time)), or_none(status));
            for cell in &row.cells {
                line.push_str(&format!(" {}={}", or_none(cell.name()), or_none(shown(cell.value))));
                if cell.reached.is_some() {
                    line.push_str(&format!("@{}", or_none(utc(cell.reached))));
                }
            }
            line
        })
        .collect()
}

fn failures(text: &str) -> Vec<(Option<String>, Option<u64>)> {
    let log = reading(Field::PowerFailureLog, text).power_failure_log(&zone());
    log.into_iter().map(|failure| (utc(failure.end), failure.duration_s)).collect()
}

#[test]
fn failures_are_what_the_log_lists_and_not_what_it_counts() {
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(
        failures("5)(0-0:96.7.19)(190115011853W)(0000000389*s)(250410101230S)(9"),
        [(at("2019-01-15T00:18:53Z"), Some(389)), (at("2025-04-10T08:12:30Z"), Some(9))]
    );
    for empty in ["", "0)(", "0)(0-0:96.7.19", "1)()()("] {
        assert_eq!(failures(empty), [], "{empty}");
    }
    assert_eq!(
        failures("1)(1-0:96.7.19)(190115011853W)(00000000389"),
        [(at("2019-01-15T00:18:53Z"), Some(389))]
    );
}

#[test]
fn a_failure_of_unknown_length_has_no_start() {
    assert_eq!(failures("1)(0-0:96.7.19)(000101000001W)(2147483647*s"), [(None, None)]);
    let log =
        reading(Field::PowerFailureLog, "2)(0-0:96.7.19)(190115011853W)(389*s)(190115011853W)(4294967295*s");
    let starts: Vec<_> = log.power_failure_log(&zone()).iter().map(PowerFailure::start).collect();
    assert_eq!(starts, [Some(1_547_511_533 - 389), None]);
    // A length that no calendar holds is no start either, and no overflow.
    let endless = reading(Field::PowerFailureLog, "1)(0-0:96.7.19)(190115011853W)(9999999999999999999*s");
    assert!(endless.power_failure_log(&zone())[0].start().is_none());
}

#[test]
fn a_failure_with_a_missing_group_does_not_shift_the_others() {
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(
        failures("3)(0-0:96.7.19)(190115011853W)(190116011853W)(0000000009*s)(0000000007*s)(190117011853W"),
        [
            (at("2019-01-15T00:18:53Z"), None),
            (at("2019-01-16T00:18:53Z"), Some(9)),
            (None, Some(7)),
            (at("2019-01-17T00:18:53Z"), None),
        ]
    );
    assert_eq!(failures("1)(0-0:96.7.19)(xxx)(12"), [(None, Some(12))]);
    // A length of twelve digits is no date.
    assert_eq!(
        failures("1)(0-0:96.7.19)(190115011853W)(000000000389"),
        [(at("2019-01-15T00:18:53Z"), Some(389))]
    );
}

#[test]
fn peaks_in_the_form_of_e_mucs() {
    let history = reading(
        Field::DemandPeakHistory,
        "2)(1-0:1.6.0)(1-0:1.6.0)(230801000000S)(632525252525W)(00.000*kW)(230901000000S)(230814181500S)(04.329*kW",
    );
    let peaks: Vec<_> = history
        .demand_peak_history(&zone())
        .into_iter()
        .map(|peak| (utc(peak.period_end), utc(peak.occurred), shown(peak.demand)))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        peaks,
        [
            (some("2023-07-31T22:00:00Z"), None, some("0.000 kW")),
            (some("2023-08-31T22:00:00Z"), some("2023-08-14T16:15:00Z"), some("4.329 kW")),
        ]
    );
    assert_eq!(history.demand_export_peak_history(&zone()), []);
    assert!(history.month_end(&zone()).is_none());
    // Without flags, and the value in front, as Wallonia's meters write a peak.
    let walloon = reading(
        Field::DemandPeakHistory,
        "2)(1-0:1.6.0)(1-0:1.6.0)(230801000000)(04.329*kW)(230714181500)(230901000000)(632525252525)(00.000*kW",
    );
    let peaks = walloon.demand_peak_history(&zone());
    assert_eq!(utc(peaks[0].period_end).as_deref(), Some("2023-07-31T22:00:00Z"));
    assert_eq!(utc(peaks[0].occurred).as_deref(), Some("2023-07-14T16:15:00Z"));
    assert_eq!(shown(peaks[0].demand).as_deref(), Some("4.329 kW"));
    assert_eq!((peaks[1].occurred, shown(peaks[1].demand).as_deref()), (None, Some("0.000 kW")));
    // Empty, of a meter whose year has just begun.
    let empty = reading(Field::DemandPeakHistory, "0)(1-0:1.6.0)(1-0:1.6.0)(");
    assert_eq!(empty.demand_peak_history(&zone()), []);
}

#[test]
fn months_of_the_e660() {
    let history = reading(
        Field::DemandPeakHistory,
        "2)(0-0:0.1.0)(1-0:1.6.0)(1-0:1.6.0)(1-0:2.6.0)(1-0:2.6.0)\
         (240901000000S)(00)(240814181500S)(104.25*kW)(240802120000S)(0.00*kW)\
         (241001000000S)(08)(240914181500S)(98.50*kW)(632525252525W)(0.00*kW",
    );
    let table = history.profile(Field::DemandPeakHistory, &zone()).expect("there");
    assert_eq!(table.declared, Some(2));
    assert_eq!(
        lines(&table.rows),
        [
            "2024-08-31T22:00:00Z 00 demand_import_max=104.25 kW@2024-08-14T16:15:00Z \
             demand_export_max=0.00 kW@2024-08-02T10:00:00Z",
            "2024-09-30T22:00:00Z 08 demand_import_max=98.50 kW@2024-09-14T16:15:00Z demand_export_max=0.00 kW",
        ]
    );
    assert_eq!(history.demand_peak_history(&zone()).len(), 2);
    assert_eq!(utc(history.demand_export_peak_history(&zone())[1].occurred), None);

    let some_named = "1)(0-0:0.1.0)(1-0:1.8.0)(1-0:2.8.0)(240901000000S)(00)(1234.5*kWh)(67*kWh";
    let unnamed = "1)(1-0:1.8.0)(1-0:2.8.0)(240901000000S)(00)(1234.5*kWh)(67*kWh";
    let with_clock = "1)(0-0:1.0.0)(0-0:96.10.7)(1-0:1.8.0)(1-0:2.8.0)(240901000000S)(00)(1234.5*kWh)(67*kWh";
    for text in [some_named, unnamed, with_clock] {
        assert_eq!(
            lines(&reading(Field::MonthEndEnergies, text).month_end_energies(&zone())),
            ["2024-08-31T22:00:00Z 00 energy_import_total=1234.5 kWh energy_export_total=67 kWh"],
            "{text}"
        );
    }
}

#[test]
fn the_month_end_of_hungary() {
    let text = "230701000000S)(000050.000*kWh)(000020.000*kWh)(000030.000*kWh)(000140.250*kWh)(000110.250*kWh)\
                (000030.000*kWh)(000001.030*kvarh)(000073.900*kvarh)(000000.200*kvarh)(000000.040*kvarh)\
                (000039.100*kvarh)(000035.000*kvarh)(000190.250*kWh)(03.500*kW)(02.100*kW)(03.500*kW)(04.100*kW)\
                (04.100*kW)(03.400*kW";
    let snapshot = reading(Field::DemandPeakHistory, text);
    let month = snapshot.month_end(&zone()).expect("a snapshot");
    assert_eq!(utc(month.time).as_deref(), Some("2023-06-30T22:00:00Z"));
    assert_eq!(month.cells.len(), 19);
    let cell = |field| month.cell(field).and_then(|cell| shown(cell.value));
    assert_eq!(cell(Field::EnergyImportTotal).as_deref(), Some("50.000 kWh"));
    assert_eq!(cell(Field::ReactiveEnergyQ4Total).as_deref(), Some("35.000 kvarh"));
    assert_eq!(cell(Field::EnergyAbsoluteTotal).as_deref(), Some("190.250 kWh"));
    assert_eq!(cell(Field::DemandImportMax).as_deref(), Some("3.500 kW"));
    assert_eq!(month.cells[18].name().as_deref(), Some("1-0:2.6.2"));
    assert_eq!(snapshot.demand_peak_history(&zone()), []);

    // Of another number of values nobody knows which is which.
    let odd = reading(Field::DemandPeakHistory, "230701000000S)(1*kWh)(2*kWh");
    let month = odd.month_end(&zone()).expect("a snapshot");
    assert_eq!(lines(&[month]), ["2023-06-30T22:00:00Z - -=1 kWh -=2 kWh"]);
}

#[test]
fn a_swiss_history_is_a_number_alone() {
    let history = reading(Field::DemandPeakHistory, "12");
    let table = history.profile(Field::DemandPeakHistory, &zone()).expect("there");
    assert_eq!(table, Profile { declared: Some(12), rows: Vec::new() });
    assert_eq!(history.demand_peak_history(&zone()), []);
    assert!(history.month_end(&zone()).is_none());
}

#[test]
fn the_last_interval_of_israel() {
    let text = "1)(0-0:96.10.7)(1-0:1.29.0)(1-0:2.29.0)(260411233000S)(00)(000000.205*kWh)(000000.000*kWh";
    let profile = reading(Field::LoadProfile, text);
    let israel = Zone::new("Asia/Jerusalem").expect("known");
    assert_eq!(
        lines(&profile.load_profile(&israel)),
        ["2026-04-11T20:30:00Z 00 1-0:1.29.0=0.205 kWh 1-0:2.29.0=0.000 kWh"]
    );
}

#[test]
fn a_row_cut_short_is_left_out_and_a_table_has_an_end() {
    let cut = reading(Field::LoadProfile, "2)(1-0:1.29.0)(260411233000S)(1*kWh)(260411234500S");
    assert_eq!(lines(&cut.load_profile(&zone())), ["2026-04-11T21:30:00Z - 1-0:1.29.0=1 kWh"]);
    let endless = format!("1)(1-0:1.29.0{}", ")(260411233000S)(1*kWh".repeat(1_000));
    assert_eq!(reading(Field::LoadProfile, &endless).load_profile(&zone()).len(), MAX_ROWS);
    let wide = format!("1{})(260411233000S", ")(1-0:1.29.0".repeat(1_000));
    assert_eq!(reading(Field::LoadProfile, &wide).load_profile(&zone()), []);
    let failures = format!("1)(0-0:96.7.19{}", ")(260411233000S)(1*s".repeat(1_000));
    assert_eq!(reading(Field::PowerFailureLog, &failures).power_failure_log(&zone()).len(), MAX_ROWS);
}
