//! `dsmrd query`: every resolution against the readings themselves.

mod beside;
mod command;
pub(super) mod life;
mod model;
mod renewal;
mod sums;

use std::path::Path;

use dsmrd::meter::Zone;
use dsmrd::store::{Archive, Cell, Measure, Query, Range, ReadError, Resolution, Selected, Span};

use super::START;
use life::{Life, Said};

fn amsterdam() -> Zone {
    Zone::new("Europe/Amsterdam").unwrap()
}

pub(super) fn select(columns: &str) -> Vec<Selected> {
    let measure = |name: &str| Measure::ALL.into_iter().find(|measure| measure.name() == name).unwrap();
    let column = |text: &str| match text.split_once('.') {
        Some((field, name)) => Selected { field: field.to_owned(), measure: Some(measure(name)) },
        None => Selected { field: text.to_owned(), measure: None },
    };
    columns.split(',').filter(|text| !text.is_empty()).map(column).collect()
}

pub(super) fn ask(resolution: Resolution, columns: &str, from: Option<i64>, to: Option<i64>) -> Query {
    let range = Range { from, to, ..Range::default() };
    Query { range, resolution, columns: select(columns), zone: amsterdam() }
}

pub(super) fn answer(path: &Path, query: &Query) -> Vec<Span> {
    let archive = Archive::open(path).unwrap();
    archive.query(query).unwrap().collect::<Result<_, ReadError>>().unwrap()
}

fn shown(cell: &Option<Cell>) -> String {
    match cell {
        Some(Cell::Number(quantity)) => quantity.value.to_string(),
        Some(Cell::Text(text)) => text.clone(),
        None => "-".to_owned(),
    }
}

/// Start relative to [`START`], meter and cells of each span.
fn table(spans: &[Span]) -> Vec<String> {
    let row = |span: &Span| {
        let cells: Vec<String> = span.cells.iter().map(shown).collect();
        format!("{} {} {}", span.start - START, span.meter, cells.join(" "))
    };
    spans.iter().map(row).collect()
}

fn said(second: i64, power: i64, t1: i64) -> Said {
    Said { power: Some(power), t1: Some(t1), ..Said::at(START + second) }
}

#[test]
fn a_mean_is_rounded_half_away_from_zero_in_the_resolution_of_the_meter() {
    let life = Life::of([said(1, 1, 0), said(2, 2, 1), said(70, -1, 1), said(71, -2, 2), said(3_599, 9, 5)]);
    let database = life.database();
    let minutes =
        answer(&database.path, &ask(Resolution::Minute, "power_import.mean,power_import.min", None, None));
    assert_eq!(table(&minutes), ["0 home 0.002 0.001", "60 home -0.002 -0.002", "3540 home 0.009 0.009"]);
    let columns =
        "power_import.max,power_import.last,energy_import_t1.delta,energy_import_total.delta,tariff.last";
    let hours = answer(&database.path, &ask(Resolution::Hour, columns, None, None));
    assert_eq!(table(&hours), ["0 home 0.009 0.009 0.005 0.005 -"]);
    let raw = answer(
        &database.path,
        &ask(Resolution::Raw, "power_import,energy_import_t1.delta", Some(START + 2), Some(START + 71)),
    );
    assert_eq!(table(&raw), ["2 home 0.002 0.001", "70 home -0.001 0.000"]);
}

#[test]
fn of_two_readings_of_a_second_the_later_one_is_the_last_with_however_many_decimals() {
    let of = |first: u8, second: u8| {
        let one = Said { decimals: first, ..said(10, -890, 0) };
        let other = Said { decimals: second, ..said(10, 570, 1) };
        Life::of([said(1, 1, 0), said(2, 20, 0), one, other])
    };
    for (first, second, last) in [(2, 3, "0.570"), (3, 2, "5.70")] {
        for range in [(None, None), (Some(START + 2), Some(START + 11))] {
            let database = of(first, second).database();
            let query = ask(Resolution::Minute, "power_import.last", range.0, range.1);
            assert_eq!(table(&answer(&database.path, &query)), [format!("0 home {last}")]);
        }
    }
}

#[test]
fn a_field_without_a_measure_tells_what_is_usual() {
    let life = Life::of([said(1, 1, 0), said(2, 2, 1)]);
    let database = life.database();
    let archive = Archive::open(&database.path).unwrap();
    let names = |query: &Query| -> Vec<String> {
        archive.query(query).unwrap().columns().iter().map(|column| column.name.clone()).collect()
    };
    let hour = |columns: &str| ask(Resolution::Hour, columns, None, None);
    assert_eq!(names(&hour("")), ["energy_import_t1.delta", "power_import.mean"]);
    assert_eq!(
        names(&hour("power_import,energy_import_t1,meter_id")),
        [
            "power_import.mean",
            "power_import.min",
            "power_import.max",
            "energy_import_t1.delta",
            "energy_import_t1.last",
            "meter_id.last"
        ]
    );
    assert_eq!(
        names(&ask(Resolution::Raw, "", None, None)),
        ["energy_import_t1", "power_import", "meter_id"]
    );
}

#[test]
fn a_wrong_field_or_measure_is_told_with_what_is_right() {
    let database = Life::of([said(1, 1, 0)]).database();
    let archive = Archive::open(&database.path).unwrap();
    let problem = |columns: &str| {
        archive.query(&ask(Resolution::Hour, columns, None, None)).err().map(|problem| problem.to_string())
    };
    assert_eq!(
        problem("power_inport.mean").as_deref(),
        Some("there is no field \"power_inport\"; do you mean power_import?")
    );
    assert_eq!(problem("gsa").as_deref(), Some("there is no field \"gsa\"; do you mean gas?"));
    assert_eq!(
        problem("nothing_like_it").as_deref(),
        Some("there is no field \"nothing_like_it\"; there are energy_import_t1, power_import, meter_id")
    );
    assert_eq!(
        problem("power_import.delta").as_deref(),
        Some("power_import has no delta: only registers of energy and devices on the M-Bus count up")
    );
    assert_eq!(problem("tariff.mean").as_deref(), Some("tariff has no mean: it is a text; ask for its last"));
    assert_eq!(problem("power_import.mean,gas,water_2,mbus_3"), None, "known, if not to this record");
}
