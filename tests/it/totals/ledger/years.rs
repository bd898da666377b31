//! Whole lives of meters through the ledger: what is told at their end, and what each year comes to.

use std::collections::BTreeMap;

use dsmrd::meter::{Field, MbusClass, Reading};
use dsmrd::p1::Decimal;
use dsmrd::totals::{PastPeriods, Period, Register, Step as Length, Tally, Totals};
use proptest::prelude::*;

use super::household::{Pair, local_date, settings};
use crate::totals::tally::history::{History, Of, Step, disorderly, orderly};

/// From 2000 to 2037, when lives of some years begin.
const STARTS: std::ops::Range<i64> = 946_684_800..2_114_380_800;

const FIELDS: [Field; 4] =
    [Field::EnergyImportT1, Field::EnergyImportT2, Field::EnergyImportTotal, Field::EnergyExportT1];

/// A life through a ledger, made anew from the record wherever the program starts again, and what was told last.
fn live(readings: &[Option<Reading>]) -> (Pair, Totals) {
    let mut pair = Pair::new(settings(Vec::new()));
    let mut told = Totals::default();
    for reading in readings {
        match reading {
            Some(reading) => told = pair.take(reading),
            None => {
                pair.record.tally = Tally::restore(pair.record.tally.counters().to_vec());
                pair.restart();
            }
        }
    }
    (pair, told)
}

/// The periods of a length that the record of a life tells, from the start of one on.
fn past(pair: &Pair, length: Length, from: i64) -> Vec<Period> {
    let mut periods = Vec::new();
    let counters = pair.record.tally.counters().to_vec();
    let each = |period| periods.push(period);
    let mut past = PastPeriods::new(&pair.settings.prices, counters, length, from, i64::MAX, each);
    pair.record.rows.values().for_each(|row| past.take(row));
    past.finish();
    periods
}

fn thousandths(value: Decimal) -> i64 {
    value.rescaled(3).and_then(|value| value.mantissa().try_into().ok()).expect("three digits")
}

fn energy(period: &Period, field: Field) -> i64 {
    period.usage.energy(field).map_or(0, thousandths)
}

fn gas(period: &Period) -> i64 {
    period.usage.device(MbusClass::Gas).map_or(0, |gas| thousandths(gas.value))
}

/// What all registers of a kind counted after an instant and up to another, by their true positions.
fn rise(
    truth: &BTreeMap<Of, Vec<(i64, i64)>>,
    is: impl Fn(Register) -> bool,
    span: std::ops::Range<i64>,
) -> i64 {
    let at = |positions: &[(i64, i64)], instant: i64| {
        positions.iter().rev().find(|(time, _)| *time <= instant).unwrap_or(&positions[0]).1
    };
    let of_kind = truth.iter().filter(|((_, register, _), _)| is(*register));
    of_kind.map(|(_, positions)| at(positions, span.end) - at(positions, span.start)).sum()
}

fn is_gas(register: Register) -> bool {
    matches!(register, Register::Device { .. })
}

/// What is told last is what the record tells of the last hour, day, month and year.
fn told_is_recorded(pair: &Pair, told: &Totals) -> Result<(), TestCaseError> {
    let lengths = [Length::Quarter, Length::Hour, Length::Day, Length::Month, Length::Year];
    let periods = [&told.quarter, &told.hour, &told.today, &told.month, &told.year];
    for (length, period) in lengths.into_iter().zip(periods) {
        let recorded = past(pair, length, period.start);
        // A position at the very start of a period belongs to the one before.
        let recorded = recorded.iter().find(|recorded| recorded.start == period.start);
        for field in FIELDS {
            let recorded = recorded.map_or(0, |recorded| energy(recorded, field));
            prop_assert_eq!(energy(period, field), recorded, "{:?} {:?}", length, field);
        }
        prop_assert_eq!(gas(period), recorded.map_or(0, gas), "gas, {:?}", length);
    }
    Ok(())
}

/// Whatever happens to clocks and meters, in one life. A meter is taken away only after it was heard for ten minutes.
fn anything() -> impl Strategy<Value = Vec<Step>> {
    let steady = move || Step::Readings { count: 10, every: 60, use_wh: 10, mask: 255 };
    let step = prop_oneof![
        4 => disorderly().prop_map(|step| vec![step]),
        1 => Just(vec![steady(), Step::Swap]),
        1 => Just(vec![steady(), Step::SwapGas]),
        1 => (0..20_000_i64).prop_map(|late| vec![Step::GasLate(late)]),
        1 => (1..4_u8).prop_map(move |count| vec![steady(), Step::Anonymous { count }]),
    ];
    prop::collection::vec(step, 1..25).prop_map(|steps| steps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Gaps, restarts, both changes of the clocks, exchanged meters, stray values, late gas: each period that is told, and
    /// every year, is the difference of the registers at its ends.
    #[test]
    fn every_year_is_the_difference_of_its_registers(
        start in STARTS,
        period in prop::sample::select(vec![300, 3_600]),
        late in 0..20_000_i64,
        steps in prop::collection::vec(orderly(), 1..30),
    ) {
        let History { readings, truth, .. } = History::of(start, (period, late), &steps);
        let (pair, told) = live(&readings);
        for period in [&told.quarter, &told.hour, &told.today, &told.month, &told.year] {
            let span = || period.start..i64::MAX;
            for field in FIELDS {
                let expected = rise(&truth, |register| register == Register::Energy(field), span());
                prop_assert_eq!(energy(period, field), expected, "{:?} since {}", field, period.start);
            }
            prop_assert_eq!(gas(period), rise(&truth, is_gas, span()), "gas since {}", period.start);
        }
        let years = past(&pair, Length::Year, i64::MIN);
        for year in &years {
            let span = || year.start..year.end;
            for field in FIELDS {
                let expected = rise(&truth, |register| register == Register::Energy(field), span());
                prop_assert_eq!(energy(year, field), expected, "{:?} of {}", field, local_date(year.start));
            }
            prop_assert_eq!(gas(year), rise(&truth, is_gas, span()), "gas of {}", local_date(year.start));
        }
        told_is_recorded(&pair, &told)?;
    }

    /// Clocks that jump as well: nothing is lost, nothing counts twice, and nothing is used backwards.
    #[test]
    fn whatever_happens_the_years_add_up_to_the_registers(
        start in STARTS,
        period in prop::sample::select(vec![300, 3_600]),
        late in 0..20_000_i64,
        steps in anything(),
    ) {
        let history = History::of(start, (period, late), &steps);
        let (pair, told) = live(&history.readings);
        let mut shown: BTreeMap<(Vec<u8>, Field), (i64, i64)> = BTreeMap::new();
        let mut meter = Vec::new();
        for reading in history.readings.iter().flatten() {
            meter = reading.equipment_id_raw().map_or(meter, <[u8]>::to_vec);
            for field in FIELDS {
                let Some(value) = reading.number(field).map(thousandths) else { continue };
                shown.entry((meter.clone(), field)).or_insert((value, value)).1 = value;
            }
        }
        for length in [Length::Day, Length::Year] {
            let periods = past(&pair, length, i64::MIN);
            for field in FIELDS {
                prop_assert!(periods.iter().all(|period| energy(period, field) >= 0));
                let of_field = shown.iter().filter(|((_, of), _)| *of == field);
                let rise = of_field.map(|(_, (first, last))| last - first).sum::<i64>();
                let sum = periods.iter().map(|period| energy(period, field)).sum::<i64>();
                prop_assert_eq!(sum, rise, "{:?} by {:?}", field, length);
            }
            prop_assert!(periods.iter().all(|period| gas(period) >= 0));
        }
        // After a clock that was far off a start places anew what was told of the running periods.
        let is_far = |step: &Step| matches!(step, Step::WrongClock { off, .. } if off.abs() > 8 * 86_400);
        if !steps.iter().any(is_far) {
            told_is_recorded(&pair, &told)?;
        }
    }
}
