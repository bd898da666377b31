//! Peaks and demands of Belgium's meters, which have registers of their own for them.

use dsmrd::meter::{Interpreter, InterpreterSettings, Proof, Reading, Zone};
use dsmrd::p1::frame::{CrcPolicy, Event};
use dsmrd::p1::{Framer, FramerSettings, Telegram};
use dsmrd::totals::{CostLine, Demand, LedgerSettings, MonthPeak, Totals};
use jiff::civil::{date, datetime};

use super::household::{House, Pair, contract, decimal, local, settings};
use crate::support::fixtures;

/// The first telegram of a fixture.
fn fixture(name: &str) -> Reading {
    let bytes = std::fs::read(fixtures().join(name)).expect("readable");
    let mut framer = Framer::new(FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() });
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    let mut first = None;
    let mut each = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            let reading = interpreter.interpret(&Telegram::read(&frame), 0).reading;
            first.get_or_insert(reading);
        }
    };
    framer.push(&bytes, &mut each);
    framer.finish(&mut each);
    first.expect("a telegram")
}

fn brussels() -> LedgerSettings {
    let zone = Zone::new("Europe/Brussels").expect("known");
    LedgerSettings { zone, ..settings(Vec::new()) }
}

fn told(name: &str) -> Totals {
    Pair::new(brussels()).take(&fixture(name))
}

fn peak(value: &str, time: jiff::civil::DateTime) -> Option<MonthPeak> {
    Some(MonthPeak { value: decimal(value), time: Some(local(time)) })
}

#[test]
fn the_meters_own_history_makes_the_mean() {
    let told = told("be-50217-sagemcom-thirteen-months.txt");
    assert_eq!(told.peaks.month, peak("4.417", datetime(2025, 10, 4, 18, 15, 0, 0)));
    // Of thirteen months listed the eleven before October: 3.374, each next 0.137 higher, and 4.417.
    assert_eq!((told.peaks.mean, told.peaks.months), (Some(decimal("4.089")), 12));
    // At 18:33:15: 1.204 so far, and 0.417 kW for the 705 seconds left.
    assert_eq!(told.demand, Some(Demand { average: decimal("1.204"), forecast: decimal("1.531") }));
}

#[test]
fn a_short_history_is_the_mean_of_what_there_is() {
    let told = told("be-50217-fluvius-3phase-peaks-gas-water.txt");
    assert_eq!(told.peaks.month, peak("4.330", datetime(2025, 11, 3, 18, 15, 0, 0)));
    assert_eq!((told.peaks.mean, told.peaks.months), (Some(decimal("4.397")), 5));
    assert_eq!(told.demand, Some(Demand { average: decimal("0.874"), forecast: decimal("1.956") }));
}

#[test]
fn a_meter_that_has_no_peak_yet_has_none() {
    let told = told("be-50215-sagemcom-no-peaks-yet.txt");
    assert_eq!((told.peaks.month, told.peaks.mean, told.peaks.months), (None, None, 0));
    assert_eq!(told.demand, Some(Demand { average: decimal("0.000"), forecast: decimal("0.327") }));
}

#[test]
fn a_meter_without_a_history_has_the_running_month() {
    let told = told("be-wallonia-iskra-no-flag.txt");
    assert_eq!(told.peaks.month, peak("7.120", datetime(2025, 4, 2, 19, 30, 0, 0)));
    assert_eq!((told.peaks.mean, told.peaks.months), (Some(decimal("7.120")), 1));
    assert_eq!(told.demand, Some(Demand { average: decimal("0.284"), forecast: decimal("0.284") }));
}

#[test]
fn the_capacity_tariff_is_a_share_of_the_mean_a_day() {
    let mut belgian = contract(date(2025, 11, 1), None);
    belgian.capacity = Some(decimal("50"));
    belgian.capacity_minimum = decimal("4.2");
    let mut settings = settings(vec![belgian]);
    settings.zone = brussels().zone;
    let mut pair = Pair::new(settings);
    let at = |day: i8| {
        let mut reading = fixture("be-50217-fluvius-3phase-peaks-gas-water.txt");
        let time = local(datetime(2025, 11, day, 12, 0, 0, 0));
        (reading.time, reading.received_at) = (Some(super::household::time(time)), time * 1_000);
        reading
    };
    // The record begins on the third.
    pair.take(&at(3));
    let told = pair.take(&at(12));
    // 4.102 and 3.877 count as 4.2: 22.406 in five months, 50 a kW, of 365 days one, ten, and ten.
    let capacity = |period: &dsmrd::totals::Period| {
        period.cost.as_ref().and_then(|cost| cost.line(CostLine::Capacity)).map(|amount| amount.pico())
    };
    assert_eq!(capacity(&told.today), Some(613_863_013_699));
    assert_eq!(capacity(&told.month), Some(6_138_630_136_986));
    assert_eq!(capacity(&told.year), Some(6_138_630_136_986), "nothing before the record began");
    assert_eq!(capacity(&told.hour), None);
}

#[test]
fn after_the_turn_of_the_month_the_old_peak_is_not_this_months() {
    let mut settings = brussels();
    settings.zone = Zone::new("Europe/Brussels").expect("known");
    let mut reading = fixture("be-50217-sagemcom-thirteen-months.txt");
    reading.time = Some(super::household::time(local(datetime(2025, 11, 1, 0, 0, 5, 0))));
    let told = Pair::new(settings).take(&reading);
    assert_eq!(told.peaks.month, None);
    // The list lacks October as yet: ten months of it count.
    assert_eq!((told.peaks.mean, told.peaks.months), (Some(decimal("4.128")), 10));
}

#[test]
fn without_registers_of_its_own_a_meter_has_what_its_positions_tell() {
    let (mut pair, mut house) = (Pair::new(settings(Vec::new())), House::new());
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    let mut at = |second, wh| {
        house.taken[0] += wh;
        house.power_w = 3_000;
        pair.take(&house.reading(noon + second))
    };
    // 40 s after the boundary its position is not known, 50 s before the next it is.
    assert_eq!(at(40, 0).demand, None);
    assert_eq!(at(850, 500).demand, None);
    let told = at(1_000, 100);
    // 0.100 kWh are 0.4 kW of a quarter-hour; 3 kW for 800 of 900 seconds are 2.667 more.
    assert_eq!(told.demand, Some(Demand { average: decimal("0.400"), forecast: decimal("3.067") }));
    assert_eq!(told.peaks.month, None, "the quarter before has no start");
    let told = at(1_800, 650);
    assert_eq!(told.demand, Some(Demand { average: decimal("0.000"), forecast: decimal("3.000") }));
    let told = at(1_801, 1);
    assert_eq!(told.peaks.month, peak("3.000", datetime(2026, 6, 10, 12, 30, 0, 0)));
    assert_eq!(told.last_quarter.map(|quarter| quarter.average_import), Some(decimal("3.000")));
    // Nothing for 61 s before a boundary: neither quarter beside it is complete.
    at(2_639, 2_000);
    at(2_701, 2_000);
    at(3_600, 1);
    let told = at(3_601, 1);
    assert_eq!(told.peaks.month, peak("3.000", datetime(2026, 6, 10, 12, 30, 0, 0)));
}

#[test]
fn a_reading_without_anything_tells_of_nothing() {
    let told = Pair::new(settings(Vec::new())).take(&Reading::new(1_781_085_600_000, Proof::Absent));
    assert_eq!(told.time, 1_781_085_600);
    assert!(told.today.usage.energy.is_empty() && told.today.usage.devices.is_empty());
    assert_eq!((told.demand, told.last_quarter, told.peaks.months), (None, None, 0));
}
