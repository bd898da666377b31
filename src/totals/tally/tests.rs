use super::*;
use crate::meter::{MbusDevice, MbusReading, MeterTime, Proof, Quantity, Unit};
use crate::p1::Obis;
use crate::p1::timestamp::LocalTime;

/// A boundary at midnight, 2026-11-21.
const T: i64 = 1_795_219_200;
const DAY: i64 = 86_400;

fn decimal(mantissa: i64) -> Decimal {
    Decimal::new(mantissa.into(), 3).expect("fits")
}

fn meter_time(utc: i64) -> MeterTime {
    let local = LocalTime::from_seconds_as_utc(utc, Some(false)).expect("a year of four digits");
    MeterTime { local, utc: Some(utc) }
}

/// A reading that arrives when its clock says; `wh` of tariff 1.
fn reading(time: i64, wh: i64) -> Reading {
    let mut reading = Reading::new(time * 1_000, Proof::Verified);
    reading.time = Some(meter_time(time));
    reading.set_text(Field::MeterId, b"E1");
    energy(&mut reading, wh);
    reading
}

fn energy(reading: &mut Reading, wh: i64) {
    reading.set_number(Field::EnergyImportT1, Quantity { value: decimal(wh), unit: Unit::KiloWattHour });
}

/// One that arrived at another time than its clock says.
fn arrived(arrived: i64, mut reading: Reading) -> Reading {
    reading.received_at = arrived * 1_000;
    reading
}

fn gas(mut reading: Reading, stamp: Option<i64>, litres: i64) -> Reading {
    let value = Some(Quantity { value: decimal(litres), unit: Unit::CubicMetre });
    let newest = MbusReading { obis: Obis::new(0, 1, 24, 2, 1), time: stamp.map(meter_time), value };
    let id = Some(b"G1".to_vec().into());
    reading.mbus.push(MbusDevice {
        channel: 1,
        device_type: Some(3),
        id,
        readings: vec![newest],
        ..Default::default()
    });
    reading
}

/// What a sequence of readings makes: entries as `counter boundary/after value`, and the tally.
fn run(readings: impl IntoIterator<Item = Reading>) -> (Vec<String>, Tally) {
    let (mut tally, mut out) = (Tally::default(), Vec::new());
    for reading in readings {
        tally.take(&reading, &mut out);
    }
    (out.iter().map(show).collect(), tally)
}

fn show(entry: &Entry) -> String {
    match entry {
        Entry::Settled(Settled { counter, boundary, position }) => {
            format!("{counter} {} {}", boundary - T, position.value)
        }
        Entry::Void { counter, after } => format!("{counter} void {}", after - T),
    }
}

/// Counters as `generation first last`.
fn counters(tally: &Tally) -> Vec<String> {
    let show = |counter: &CounterState| {
        let at = |position: Position| format!("{}@{}", position.value, position.time - T);
        format!("{} {} {}", counter.key.generation, at(counter.first), at(counter.last))
    };
    tally.counters().iter().map(show).collect()
}

#[test]
fn a_position_at_the_boundary_closes_the_interval_before_it() {
    let (entries, _) = run([reading(T - 1, 100), reading(T, 101), reading(T + 1, 102)]);
    assert_eq!(entries, ["0 0 0.101"], "the row of the boundary waits for what comes after it");
    let (entries, _) = run([reading(T - 1, 100), reading(T + 1, 102)]);
    assert_eq!(entries, ["0 0 0.100"], "the last known before it");
}

#[test]
fn quarters_without_a_reading_have_no_row() {
    let (entries, _) = run([reading(T + 1, 100), reading(T + 5_000, 200), reading(T + 5_401, 300)]);
    assert_eq!(entries, ["0 900 0.100", "0 5400 0.200"]);
}

#[test]
fn a_stamp_of_gas_closes_its_hour_however_late_it_arrives() {
    let telegram = |time, stamp, litres| gas(reading(T + time, 0), Some(T + stamp), litres);
    let (entries, tally) = run([
        telegram(10, 0, 1_000),
        telegram(20, 0, 1_000),
        // Two hours late.
        telegram(10_900, 3_600, 1_500),
        telegram(10_910, 10_800, 2_000),
    ]);
    let of_gas: Vec<_> = entries.iter().filter(|entry| entry.starts_with('1')).collect();
    assert_eq!(of_gas, ["1 0 1.000", "1 3600 1.500"]);
    assert_eq!(counters(&tally)[1], "0 1.000@0 2.000@10800");
}

#[test]
fn stamps_that_are_stuck_absent_or_of_the_future_give_way_to_the_reading() {
    let (_, tally) = run([
        gas(reading(T, 0), Some(T), 1_000),
        gas(reading(T + 300, 0), Some(T), 1_010),
        gas(reading(T + 600, 0), Some(T), 1_020),
    ]);
    assert_eq!(counters(&tally)[1], "0 1.000@0 1.020@600", "stuck");
    let (_, tally) = run([gas(reading(T, 0), None, 1_000), gas(reading(T + 300, 0), None, 1_010)]);
    assert_eq!(counters(&tally)[1], "0 1.000@0 1.010@300", "absent");
    let far = T + 2 * DAY;
    let (_, tally) = run([gas(reading(T, 0), Some(far), 1_000), gas(reading(T + 300, 0), Some(far), 1_010)]);
    assert_eq!(counters(&tally)[1], "0 1.000@0 1.010@300", "of the future");
    let (_, tally) =
        run([gas(reading(T + 60, 0), Some(T), 1_000), gas(reading(T + 70, 0), Some(T - 3_600), 990)]);
    assert_eq!(counters(&tally)[1], "0 1.000@0 1.000@0", "an old one");
}

#[test]
fn a_single_wrong_value_changes_nothing() {
    for wrong in [0, 999, 700_000_000] {
        let wrong_one = |n: i64| if n == 50 { wrong } else { 1_000 + n };
        let (entries, tally) = run((0..200).map(|n| reading(T + 10 * n, wrong_one(n))));
        assert_eq!(entries.len(), 3, "{entries:?}");
        assert_eq!(counters(&tally)[0], "0 1.000@0 1.199@1990");
        assert!(!tally.counters()[1].counts(), "on trial, for ever");
    }
    // Another one much later does not confirm it.
    let wrong = |n: i64| if n % 50 == 49 { 5 } else { 1_000 + n };
    let (_, tally) = run((0..200).map(|n| reading(T + 10 * n, wrong(n))));
    assert_eq!(counters(&tally), ["0 1.000@0 1.198@1980", "1 0.005@1990 0.005@1990"]);
}

#[test]
fn a_register_that_starts_anew_is_a_new_generation() {
    let value = |n: i64| if n < 50 { 1_000 + n } else { n - 50 };
    let (entries, tally) = run((0..300).map(|n| reading(T + 10 * n, value(n))));
    assert_eq!(counters(&tally), ["0 1.000@0 1.049@490", "1 0.000@500 0.249@2990"]);
    assert_eq!(entries, ["0 0 1.000", "1 900 0.040", "1 1800 0.130", "1 2700 0.220"]);
}

#[test]
fn zeros_at_the_start_of_a_meter_are_passed_over() {
    let value = |n: i64| if (50..70).contains(&n) { 0 } else { 40_000 + n };
    let (_, tally) = run((0..300).map(|n| reading(T + 10 * n, value(n))));
    assert_eq!(counters(&tally), ["0 40.000@0 40.299@2990", "1 0.000@500 0.000@690"]);
}

#[test]
fn another_identifier_is_another_counter_and_the_first_goes_on_when_it_comes_back() {
    let other = |time, wh| {
        let mut other = Reading::new(time * 1_000, Proof::Verified);
        other.time = Some(meter_time(time));
        other.set_text(Field::MeterId, b"4532");
        energy(&mut other, wh);
        other
    };
    let turns = |n: i64| if n % 2 == 0 { reading(T + n, 5_000 + n) } else { other(T + n, 70_000 + n) };
    let (_, tally) = run((0..100).map(turns));
    assert_eq!(counters(&tally), ["0 5.000@0 5.098@98", "0 70.001@1 70.099@99"]);
    assert_eq!(&*tally.counters()[1].key.equipment, "E2");
}

#[test]
fn a_reading_without_an_identifier_is_of_the_last() {
    let mut anonymous = Reading::new((T + 1) * 1_000, Proof::Absent);
    energy(&mut anonymous, 1_001);
    let (_, tally) = run([reading(T, 1_000), anonymous.clone()]);
    assert_eq!(counters(&tally), ["0 1.000@0 1.001@1"]);
    let mut restored = Tally::restore(run([reading(T, 1_000)]).1.counters().to_vec());
    restored.take(&anonymous, &mut Vec::new());
    assert_eq!(counters(&restored), ["0 1.000@0 1.001@1"], "after a restart too");
}

#[test]
fn a_clock_that_leaps_in_one_telegram_changes_nothing() {
    for leap in [-9_000 * DAY, -2 * DAY, -7_200, 2 * DAY, 20_000 * DAY] {
        let clock = |n: i64| if n == 50 { T + 500 + leap } else { T + 10 * n };
        let telegrams = (0..200).map(|n| arrived(T + 10 * n, reading(clock(n), 1_000 + n)));
        let (entries, tally) = run(telegrams);
        assert_eq!(entries, ["0 0 1.000", "0 900 1.090", "0 1800 1.180"], "{leap}");
        assert_eq!(counters(&tally), ["0 1.000@0 1.199@1990"], "{leap}");
    }
}

#[test]
fn a_clock_that_is_wrong_for_hours_is_replaced_by_ours() {
    for leap in [-9_000 * DAY, 20_000 * DAY] {
        let clock = |n: i64| T + 60 * n + if (50..350).contains(&n) { leap } else { 0 };
        let (entries, tally) = run((0..400).map(|n| arrived(T + 60 * n, reading(clock(n), 1_000 + n))));
        let expected = (0..=26).map(|n| format!("0 {} 1.{:03}", 900 * n, 15 * n));
        assert_eq!(entries, expected.collect::<Vec<_>>(), "{leap}");
        assert_eq!(counters(&tally), ["0 1.000@0 1.399@23940"], "{leap}");
    }
}

#[test]
fn without_a_clock_of_ours_a_leap_that_goes_on_is_believed() {
    let clock = |n: i64| T + 10 * n + if n >= 50 { 3 * DAY } else { 0 };
    let (entries, tally) = run((0..100).map(|n| arrived(5, reading(clock(n), 1_000 + n))));
    assert_eq!(entries, ["0 0 1.000", "0 900 1.049", "0 260100 1.090"]);
    assert_eq!(counters(&tally), [format!("0 1.000@0 1.099@{}", 990 + 3 * DAY)]);
}

#[test]
fn without_a_clock_of_ours_a_leap_in_one_telegram_changes_nothing() {
    let clock = |n: i64| T + 10 * n + if n == 50 { 3 * DAY } else { 0 };
    let (entries, tally) = run((0..100).map(|n| arrived(5, reading(clock(n), 1_000 + n))));
    assert_eq!(entries, ["0 0 1.000", "0 900 1.090"]);
    assert_eq!(counters(&tally), ["0 1.000@0 1.099@990"]);
}

#[test]
fn without_any_clock_time_stands_still_and_energy_does_not() {
    let clock = |n: i64| T + 60 * n - if (50..90).contains(&n) { 9_000 * DAY } else { 0 };
    let readings = |to| (0..to).map(move |n| arrived(5, reading(clock(n), 1_000 + n)));
    assert_eq!(counters(&run(readings(90)).1), ["0 1.000@0 1.089@2940"]);
    let (entries, tally) = run(readings(100));
    let expected = ["0 1.000", "900 1.015", "1800 1.030", "2700 1.045", "3600 1.089", "5400 1.090"];
    assert_eq!(entries, expected.map(|entry| format!("0 {entry}")));
    assert_eq!(counters(&tally), ["0 1.000@0 1.099@5940"]);
}

#[test]
fn a_clock_set_back_within_a_day_takes_up_there() {
    // Borne out by the time of arrival: the clock was an hour ahead.
    let clock = |n: i64| T + 60 * n + if n < 60 { 3_600 } else { 0 };
    let (entries, tally) = run((0..100).map(|n| arrived(T + 60 * n, reading(clock(n), 1_000 + n))));
    let expected =
        ["3600 1.000", "4500 1.015", "5400 1.030", "6300 1.045", "void 3600", "3600 1.060", "4500 1.075"];
    let expected: Vec<_> = expected.iter().map(|entry| format!("0 {entry}")).collect();
    assert_eq!(entries, [&expected[..], &["0 5400 1.090".to_owned()]].concat());
    assert_eq!(counters(&tally), ["0 1.000@3600 1.099@5940"]);
    // Alone, once it has gone on for a minute; none of its energy is lost.
    let (entries, tally) = run((0..100).map(|n| arrived(5, reading(clock(n), 1_000 + n))));
    assert!(entries.contains(&"0 void 3720".to_owned()), "{entries:?}");
    assert_eq!(counters(&tally), ["0 1.000@3600 1.099@5940"]);
}

#[test]
fn a_clock_corrected_by_seconds_stands_still() {
    let clock = |n: i64| T + n - if n >= 902 { 5 } else { 0 };
    let (entries, tally) = run((890..1_000).map(|n| arrived(T + n, reading(clock(n), n))));
    assert_eq!(entries, ["0 900 0.900"]);
    assert_eq!(counters(&tally), ["0 0.890@890 0.999@994"]);
}

#[test]
fn a_first_reading_of_the_far_future_is_taken_back() {
    let far = T + 20_000 * DAY;
    let (entries, tally) = run([
        arrived(T, gas(reading(far, 1_000), Some(far), 10)),
        gas(reading(T + 10, 1_001), Some(T), 10),
        gas(reading(T + 901, 1_002), Some(T + 900), 12),
    ]);
    assert_eq!(entries, ["0 void 10", "1 void 10", "0 900 1.001"]);
    assert_eq!(counters(&tally), ["0 1.000@10 1.002@901", "0 0.010@10 0.012@900"]);
}

#[test]
fn old_readings_told_late_are_left_out() {
    let now = (100..200).map(|n| reading(T + 60 * n, 1_000 + n));
    for late in [2 * DAY, 3_600] {
        let old = (0..99).map(|n| reading(T + 60 * n - late, 900 + n));
        let (entries, tally) =
            run(now.clone().chain(old).chain((200..300).map(|n| reading(T + 60 * n, 1_000 + n))));
        assert!(entries.iter().all(|entry| !entry.contains("void")), "{entries:?}");
        assert_eq!(counters(&tally), ["0 1.100@6000 1.299@17940"]);
    }
}

#[test]
fn a_meter_without_a_clock_never_steps_back() {
    let at = |arrived: i64, wh| {
        let mut reading = Reading::new(arrived * 1_000, Proof::Absent);
        energy(&mut reading, wh);
        reading
    };
    // The computer starts with a time of long ago, and learns it after a while.
    let before = (0..100).map(|n| at(T + 10 * n, 1_000 + n));
    let lost = (100..150).map(|n| at(10 * n, 1_000 + n));
    let after = (150..300).map(|n| at(T + 10 * n, 1_000 + n));
    let (entries, tally) = run(before.chain(lost).chain(after));
    assert_eq!(entries, ["0 0 1.000", "0 900 1.090", "0 1800 1.180", "0 2700 1.270"]);
    assert_eq!(counters(&tally), ["0 1.000@0 1.299@2990"]);
}

#[test]
fn identifiers_that_are_noise_do_not_grow_it_for_ever() {
    let noise = |n: i64| {
        let mut reading = Reading::new((T + n) * 1_000, Proof::Absent);
        reading.set_text(Field::MeterId, format!("X{n}").as_bytes());
        energy(&mut reading, 1_000);
        reading
    };
    let (_, tally) = run((0..1_000).map(noise));
    assert_eq!(tally.counters().len(), MAX_COUNTERS);
    assert_eq!(tally.ignored(), 1_000 - MAX_COUNTERS as u64);
}

#[test]
fn two_devices_of_one_identifier_are_told_apart() {
    let telegram = |n: i64| {
        let mut reading = gas(gas(reading(T + n, 0), Some(T + n), 950_000), Some(T + n), 5 + n);
        reading.mbus[1].channel = 2;
        reading
    };
    let (_, tally) = run((0..100).map(telegram));
    assert_eq!(counters(&tally)[1..], ["0 950.000@0 950.000@99", "0 0.005@0 0.104@99"]);
}
