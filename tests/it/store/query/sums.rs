//! What registers rose: the sums of totals, to the digit.

use std::collections::BTreeMap;
use std::path::Path;

use dsmrd::meter::{Field, MbusClass, Zone};
use dsmrd::p1::Decimal;
use dsmrd::prices::PriceBook;
use dsmrd::store::{Archive, Cell, Query, Range, ReadError, Resolution};
use dsmrd::totals::{PastPeriods, Step};
use proptest::prelude::*;

use super::life::{Life, Said, lives};
use super::{START, amsterdam, answer, ask, select, table};

/// Start and sums of the totals' periods that have something.
fn totals(path: &Path, step: Step, zone: &Zone) -> BTreeMap<(i64, String), [String; 3]> {
    let archive = Archive::open(path).unwrap();
    let mut told = BTreeMap::new();
    for meter in archive.meters().unwrap() {
        let prices = PriceBook {
            currency: "".into(),
            contracts: vec![],
            table: Default::default(),
            zone: zone.clone(),
        };
        let counters = archive.counters(&meter).unwrap();
        let mut periods = PastPeriods::new(&prices, counters, step, i64::MIN, i64::MAX, |period| {
            let energy = |field| period.usage.energy(field);
            let cells = [
                energy(Field::EnergyImportT1),
                energy(Field::EnergyImportTotal),
                period.usage.device(MbusClass::Gas).map(|quantity| quantity.value),
            ];
            told.insert((period.start, meter.clone()), cells.map(show));
        });
        archive.settled(&meter, periods.needs_from(), |settled| periods.take(&settled)).unwrap();
        periods.finish();
    }
    told
}

fn show(value: Option<Decimal>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

const DELTAS: &str = "energy_import_t1.delta,energy_import_total.delta,gas.delta";

/// Where no span tells of a column: with as many digits as what others tell.
fn nothing() -> Decimal {
    Decimal::new(0, 3).unwrap()
}

/// The sum of each column and meter.
fn sums(path: &Path, query: &Query) -> BTreeMap<String, Vec<Decimal>> {
    let mut sums: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
    for span in answer(path, query) {
        let sums = sums.entry(span.meter.to_string()).or_insert_with(|| vec![nothing(); span.cells.len()]);
        for (sum, cell) in sums.iter_mut().zip(&span.cells) {
            if let Some(Cell::Number(quantity)) = cell {
                *sum = sum.checked_add(quantity.value).unwrap();
            }
        }
    }
    sums.retain(|_, sums| sums.iter().any(|sum| !sum.is_zero()));
    sums
}

fn is_something(cells: &[String]) -> bool {
    cells.iter().any(|cell| cell.bytes().any(|byte| (b'1'..=b'9').contains(&byte)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn deltas_are_those_of_the_totals(
        life in lives(false),
        zone in prop_oneof![Just("Europe/Amsterdam"), Just("Asia/Kolkata")],
    ) {
        let database = life.database();
        let zone = Zone::new(zone).unwrap();
        let steps = [
            (Resolution::Quarter, Step::Quarter),
            (Resolution::Hour, Step::Hour),
            (Resolution::Day, Step::Day),
            (Resolution::Month, Step::Month),
            (Resolution::Year, Step::Year),
        ];
        for (resolution, step) in steps {
            let query = Query { range: Range::default(), resolution, columns: select(DELTAS), zone: zone.clone() };
            let told: BTreeMap<(i64, String), Vec<String>> = answer(&database.path, &query)
                .into_iter()
                .map(|span| ((span.start, span.meter.to_string()), span.cells.iter().map(super::shown).collect()))
                .collect();
            let expected = totals(&database.path, step, &zone);
            for (key, cells) in &expected {
                match told.get(key) {
                    Some(told) => prop_assert_eq!(told, cells, "{:?} {:?}", resolution, key),
                    None => prop_assert!(!is_something(cells), "{:?} {:?}", resolution, key),
                }
            }
            for (key, cells) in &told {
                prop_assert!(expected.contains_key(key) || !is_something(cells), "{:?} {:?}", resolution, key);
            }
        }
    }

    #[test]
    fn the_parts_of_a_range_add_up_wherever_it_is_cut(
        life in lives(false), cut: prop::sample::Index, resolution in 1..Resolution::ALL.len(),
    ) {
        let database = life.database();
        let (first, last) = (life.said.first().unwrap().time, life.said.last().unwrap().time);
        let cut = first + cut.index((last - first + 1) as usize) as i64;
        let resolution = Resolution::ALL[resolution];
        // Stamps come late: to the end of the range and an hour behind it.
        let whole = sums(&database.path, &ask(Resolution::Year, DELTAS, None, None));
        let mut parts = sums(&database.path, &ask(resolution, DELTAS, None, Some(cut)));
        for (meter, more) in sums(&database.path, &ask(resolution, DELTAS, Some(cut), None)) {
            let sums = parts.entry(meter).or_insert_with(|| vec![nothing(); more.len()]);
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum = sum.checked_add(more).unwrap();
            }
        }
        prop_assert_eq!(parts, whole, "{:?} at {}", resolution, cut - first);
    }
}

#[test]
fn minutes_add_up_to_quarter_hours() {
    // Gas stamped each five minutes, told a minute and a half later.
    let said = (0..1_200).map(|n| {
        let time = START + n * 9;
        let stamp = (time - 90).div_euclid(300) * 300;
        let gas = vec![(1, "4741", stamp, 1_000 + (stamp - START) / 20)];
        Said { t1: Some(5_000 + n * 3), gas, ..Said::at(time) }
    });
    let database = Life::of(said).database();
    let columns = "energy_import_t1.delta,gas.delta";
    let mut by_quarter: BTreeMap<i64, [Decimal; 2]> = BTreeMap::new();
    for span in answer(&database.path, &ask(Resolution::Minute, columns, Some(START + 901), None)) {
        let quarter = by_quarter.entry(span.start.div_euclid(900) * 900).or_default();
        for (sum, cell) in quarter.iter_mut().zip(&span.cells) {
            if let Some(Cell::Number(quantity)) = cell {
                *sum = sum.checked_add(quantity.value).unwrap();
            }
        }
    }
    let quarters = answer(&database.path, &ask(Resolution::Quarter, columns, Some(START + 901), None));
    assert_eq!(quarters.len(), 11);
    for span in &quarters {
        let minutes = by_quarter[&span.start].map(|sum| sum.to_string());
        let cells: Vec<String> = span.cells.iter().map(super::shown).collect();
        assert_eq!(minutes[..], cells[..], "{}", span.start - START);
    }
}

#[test]
fn a_swapped_meter_counts_from_its_own_start() {
    let old = (0..40).map(|n| Said { t1: Some(9_000_000 + n), id: "4F4C44", ..Said::at(START + n * 60) });
    let new = (40..80).map(|n| Said { t1: Some(n), id: "4E4557", ..Said::at(START + n * 60) });
    let database = Life::of(old.chain(new)).database();
    let hours = ask(Resolution::Hour, "energy_import_t1.delta,energy_import_t1.last", None, None);
    assert_eq!(table(&answer(&database.path, &hours)), ["0 home 0.059 0.059", "3600 home 0.019 0.079"]);
    // One of them alone.
    let mut old = hours.clone();
    old.range.equipment_id = Some("OLD".to_owned());
    assert_eq!(table(&answer(&database.path, &old)), ["0 home 0.039 9000.039"]);
    let minutes =
        ask(Resolution::Minute, "energy_import_t1.delta", Some(START + 38 * 60), Some(START + 43 * 60));
    let told = table(&answer(&database.path, &minutes));
    assert_eq!(
        told,
        ["2280 home 0.001", "2340 home 0.000", "2400 home 0.001", "2460 home 0.001", "2520 home 0.001"]
    );
}

#[test]
fn two_devices_of_a_class_have_columns_of_their_own() {
    let said = (0..240).map(|n| {
        let time = START + n * 60;
        let stamp = time.div_euclid(3_600) * 3_600;
        let hours = (stamp - START) / 3_600;
        Said {
            t1: Some(1),
            gas: vec![(1, "4741", stamp, hours * 10), (2, "4742", stamp, hours * 3)],
            ..Said::at(time)
        }
    });
    let database = Life::of(said).database();
    let day = ask(Resolution::Day, "gas.delta,gas_1.delta,gas_2.delta,gas_2.last", None, None);
    let zoned = Query { zone: Zone::new("UTC").unwrap(), ..day };
    assert_eq!(table(&answer(&database.path, &zoned)), ["0 home 0.039 0.030 0.009 0.009"]);
    let minutes = ask(Resolution::Minute, "gas_2.delta", Some(START + 7_000), Some(START + 7_201));
    let told = table(&answer(&database.path, &minutes));
    assert_eq!(
        told,
        ["6960 home -", "7020 home 0.000", "7080 home 0.000", "7140 home 0.003", "7200 home 0.000"][1..]
    );
}

#[test]
fn a_day_has_23_24_or_25_hours() {
    // 2026-10-24 22:00 UTC is midnight of the long day in Amsterdam.
    let midnight = 1_792_879_200;
    let said = (0..50 * 4).map(|n| Said { t1: Some(n), ..Said::at(midnight + n * 900) });
    let database = Life::of(said).database();
    let days = Query { zone: amsterdam(), ..ask(Resolution::Day, "energy_import_t1.delta", None, None) };
    let archive = Archive::open(&database.path).unwrap();
    let days: Vec<_> = archive.query(&days).unwrap().collect::<Result<_, ReadError>>().unwrap();
    let told: Vec<(i64, String)> =
        days.iter().map(|day| ((day.end - day.start) / 3_600, super::shown(&day.cells[0]))).collect();
    assert_eq!(told, [(25, "0.100".to_owned()), (24, "0.096".to_owned()), (24, "0.003".to_owned())]);
}
