//! Usage of quarters, hours, days, months and years.

use dsmrd::meter::{Field, MbusClass};
use dsmrd::totals::{Period, Totals};
use jiff::civil::datetime;

use super::household::{House, Pair, decimal, local, settings};

fn import(period: &Period) -> Option<String> {
    period.usage.energy(Field::EnergyImportTotal).map(|value| value.to_string())
}

fn gas(period: &Period) -> Option<String> {
    period.usage.device(MbusClass::Gas).map(|quantity| quantity.value.to_string())
}

/// Wh taken at an instant of a run that takes 10 Wh a step.
fn run(pair: &mut Pair, house: &mut House, from: i64, to: i64, step: i64) -> Totals {
    let mut told = None;
    for utc in (from..=to).step_by(step as usize) {
        house.taken[house.tariff - 1] += 10;
        told = Some(pair.take(&house.reading(utc)));
    }
    told.expect("a step")
}

#[test]
fn periods_count_from_the_position_at_their_start() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    // The first reading is of a minute past noon; a step a minute until 13:20:00.
    let told = run(&mut pair, &mut house, noon + 60, noon + 80 * 60, 60);
    assert_eq!(import(&told.quarter).as_deref(), Some("0.050"), "from 13:15 to 13:20");
    assert_eq!(import(&told.hour).as_deref(), Some("0.200"), "from 13:00");
    assert_eq!(import(&told.today).as_deref(), Some("0.790"), "from the first reading");
    assert_eq!(told.today.usage.energy(Field::EnergyImportT1), Some(decimal("0.790")));
    assert_eq!(told.today.usage.energy(Field::EnergyImportT2), Some(decimal("0.000")));
    assert_eq!(told.year.usage.energy(Field::EnergyExportTotal), Some(decimal("0.000")));
    assert_eq!((told.year.missing_s, told.month.missing_s, told.today.missing_s), (0, 0, 0));
    let fields: Vec<Field> = told.month.usage.energy.iter().map(|(field, _)| *field).collect();
    let mut sorted = fields.clone();
    sorted.sort();
    assert_eq!(fields, sorted, "in the order of the table");
    assert_eq!(fields.len(), 6);
    assert!(told.today.cost.is_none() && told.costs.is_none(), "no contract");
}

#[test]
fn a_reading_at_the_boundary_closes_the_quarter() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    let told = run(&mut pair, &mut house, noon, noon + 900, 10);
    assert_eq!(told.quarter.start, noon + 900);
    assert_eq!(import(&told.quarter).as_deref(), Some("0.000"));
    assert_eq!(told.last_quarter, None, "not settled while nothing came after it");
    house.taken[0] += 5;
    let told = pair.take(&house.reading(noon + 901));
    assert_eq!(import(&told.quarter).as_deref(), Some("0.005"));
    let quarter = told.last_quarter.expect("complete");
    assert_eq!((quarter.start, quarter.average_import), (noon, decimal("3.600")), "900 Wh in 15 minutes");
}

#[test]
fn a_gap_is_marked_and_its_energy_counts_where_the_next_reading_lies() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    run(&mut pair, &mut house, noon, noon + 20 * 60, 60);
    house.taken[0] += 5_000;
    // Silent from 12:20 to 14:50.
    let told = pair.take(&house.reading(noon + 170 * 60));
    assert_eq!(told.today.missing_s, 9 * 900, "the quarters from 12:30 to 14:45");
    assert_eq!(told.hour.missing_s, 3 * 900);
    assert_eq!(import(&told.quarter).as_deref(), Some("5.000"));
    assert_eq!(told.demand, None, "its start is not known");
    let told = run(&mut pair, &mut house, noon + 171 * 60, noon + 182 * 60, 60);
    assert_eq!(told.today.missing_s, 9 * 900);
    assert_eq!(told.hour.missing_s, 0);
    assert!(told.demand.is_some(), "a quarter that began with readings");
    assert_eq!(told.last_quarter.map(|quarter| quarter.start), Some(noon), "the one after the gap is none");
    assert_eq!(told.peaks.month.and_then(|peak| peak.time), Some(noon + 900));
}

#[test]
fn gas_lands_by_its_own_stamps() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let midnight = local(datetime(2026, 6, 11, 0, 0, 0, 0));
    // Hourly stamps that arrive ten minutes late.
    let mut at = |utc, stamp, dm3| {
        house.gas = Some(("G0001", stamp, dm3));
        pair.take(&house.reading(utc))
    };
    at(midnight - 7_200, midnight - 10_800, 100_000);
    let told = at(midnight - 600, midnight - 3_600, 100_500);
    assert_eq!(gas(&told.today).as_deref(), Some("0.500"));
    let told = at(midnight + 30, midnight - 3_600, 100_500);
    assert_eq!(gas(&told.today).as_deref(), Some("0.000"), "nothing of today yet");
    assert_eq!(gas(&told.month).as_deref(), Some("0.500"));
    // Midnight's stamp closes yesterday.
    let told = at(midnight + 600, midnight, 100_700);
    assert_eq!(gas(&told.today).as_deref(), Some("0.000"));
    assert_eq!(gas(&told.month).as_deref(), Some("0.700"));
    let told = at(midnight + 4_200, midnight + 3_600, 100_900);
    assert_eq!(gas(&told.today).as_deref(), Some("0.200"));
    assert_eq!(gas(&told.hour).as_deref(), Some("0.000"), "used in the hour before");
    assert_eq!(gas(&told.year).as_deref(), Some("0.900"));
}

#[test]
fn a_swap_adds_what_both_meters_counted() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    house.gas = Some(("G0001", noon - 300, 100_000));
    run(&mut pair, &mut house, noon, noon + 600, 60);
    house.meter = "E0002";
    house.taken = [7, 9];
    house.gas = Some(("G0002", noon + 300, 5));
    run(&mut pair, &mut house, noon + 660, noon + 1_200, 60);
    house.gas = Some(("G0002", noon + 1_200, 25));
    let told = pair.take(&house.reading(noon + 1_230));
    // Ten steps after the first reading of the one, nine after that of the other.
    assert_eq!(import(&told.today).as_deref(), Some("0.190"));
    assert_eq!(gas(&told.today).as_deref(), Some("0.020"));
    assert_eq!(told.last_quarter, None, "no quarter with two meters is complete");
}

#[test]
fn what_the_meter_lacks_is_not_told() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    house.gas = Some(("G0001", noon - 300, 100_000));
    let told = run(&mut pair, &mut house, noon, noon + 600, 60);
    assert!(gas(&told.year).is_some());
    assert_eq!(told.today.usage.device(MbusClass::Water), None);
    assert_eq!(told.today.usage.energy(Field::EnergyImportT3), None);
    // The gas meter goes: this year it counted, today it is gone.
    house.gas = None;
    let told = run(&mut pair, &mut house, noon + 86_400, noon + 86_400 + 600, 60);
    assert_eq!(gas(&told.today), None);
    assert!(gas(&told.year).is_some());
}

#[test]
fn a_clock_set_back_voids_what_came_after() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    run(&mut pair, &mut house, noon, noon + 3 * 3_600, 60);
    // An hour back, and on from there.
    let told = run(&mut pair, &mut house, noon + 2 * 3_600, noon + 2 * 3_600 + 1_800, 60);
    assert_eq!(told.hour.start, noon + 2 * 3_600);
    // 181 steps there and 31 again, less the first.
    assert_eq!(import(&told.today).as_deref(), Some("2.110"));
    let restarted = pair.record.ledger(&pair.settings).take(&house.reading(noon + 2 * 3_600 + 1_860));
    assert_eq!(pair.take(&house.reading(noon + 2 * 3_600 + 1_860)), restarted);
}
