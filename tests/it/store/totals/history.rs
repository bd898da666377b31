//! Periods of the past: they add up to the registers, and a part of them is the same as all of them.

use std::sync::Arc;

use dsmrd::meter::{Field, MbusClass, Zone};
use dsmrd::p1::Decimal;
use dsmrd::prices::{PriceBook, PriceTable};
use dsmrd::totals::{PastPeriods, Period, Step};
use proptest::prelude::*;

use super::{Totals, household, told};
use crate::store::START;

const STEPS: [Step; 5] = [Step::Quarter, Step::Hour, Step::Day, Step::Month, Step::Year];

fn book(zone: &str) -> PriceBook {
    let zone = Zone::new(zone).unwrap();
    PriceBook { currency: "EUR".into(), contracts: Vec::new(), table: Arc::new(PriceTable::default()), zone }
}

/// The periods that positions tell, given from `from` on as a record gives them.
fn periods(totals: &Totals, book: &PriceBook, step: Step, from: i64, to: i64) -> Vec<Period> {
    let (counters, rows) = totals;
    let mut periods = Vec::new();
    let mut history = PastPeriods::new(book, counters.clone(), step, from, to, |period| periods.push(period));
    for counter in 0..counters.len() {
        let before = rows.iter().rfind(|row| row.counter == counter && row.boundary <= from);
        if let Some(row) = before {
            history.take(row);
        }
    }
    for row in rows.iter().filter(|row| row.boundary > from) {
        history.take(row);
    }
    history.finish();
    periods
}

fn sum(periods: &[Period], of: impl Fn(&Period) -> Option<Decimal>) -> Decimal {
    periods.iter().filter_map(of).fold(Decimal::ZERO, |sum, value| sum.checked_add(value).unwrap())
}

/// Seconds of readings: some regular, some after a night without any, over a change of the clocks or two.
fn seconds() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![8 => 30..900i64, 2 => 900..4_000i64, 1 => 40_000..300_000i64];
    // From November on: a start before the autumn, at new year, and before the spring.
    let start = prop::sample::select(vec![-27 * 86_400, 39 * 86_400, 125 * 86_400]);
    (start, prop::collection::vec(step, 1..150)).prop_map(|(start, steps)| {
        let time = |time: &mut i64, step: i64| {
            *time += step;
            Some(*time)
        };
        steps.into_iter().scan(start + 40 * 86_400, time).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn periods_add_up_to_the_registers(
        seconds in seconds(),
        zone in prop::sample::select(vec!["Europe/Amsterdam", "UTC", "Asia/Kolkata"]),
    ) {
        let totals = told(seconds.iter().map(|second| household(*second)));
        let book = book(zone);
        let rise = |field: Field| {
            let at = |second: i64| household(second).number(field).unwrap();
            at(seconds[seconds.len() - 1]).checked_sub(at(seconds[0])).unwrap()
        };
        for step in STEPS {
            let all = periods(&totals, &book, step, i64::MIN, i64::MAX);
            for field in [Field::EnergyImportT1, Field::EnergyImportT2, Field::EnergyExportT1] {
                prop_assert_eq!(sum(&all, |period| period.usage.energy(field)), rise(field), "{:?}", step);
            }
            let both = rise(Field::EnergyImportT1).checked_add(rise(Field::EnergyImportT2)).unwrap();
            prop_assert_eq!(sum(&all, |period| period.usage.energy(Field::EnergyImportTotal)), both);
            let gas = &totals.0.last().unwrap();
            let burnt = sum(&all, |period| period.usage.device(MbusClass::Gas).map(|gas| gas.value));
            prop_assert_eq!(burnt.cmp_value(gas.last.value.checked_sub(gas.first.value).unwrap()), std::cmp::Ordering::Equal);
            // One after the other, without a hole.
            prop_assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            // However long the periods, as many quarter-hours are without a reading.
            let quarters = periods(&totals, &book, Step::Quarter, i64::MIN, i64::MAX);
            let missing = |periods: &[Period]| periods.iter().map(|period| period.missing_s).sum::<i64>();
            prop_assert_eq!(missing(&all), missing(&quarters));
            // A part is the same as the whole.
            if all.len() > 3 {
                // Gas may be older than the first reading: what lies between them is told where both are asked for.
                let begun = household(seconds[0]).utc_seconds();
                let is_between = |period: &&Period| period.end <= begun && period.usage.energy.is_empty();
                let part = all[all.len() / 3..all.len() * 2 / 3].iter().skip_while(is_between);
                let part: Vec<Period> = part.cloned().collect();
                if let (Some(first), Some(last)) = (part.first(), part.last()) {
                    let told = periods(&totals, &book, step, first.start, last.end);
                    // What follows without a reading is told only where a reading comes after it.
                    prop_assert!(told.len() <= part.len() && told[..] == part[..told.len()], "{:?}", step);
                    let rest = &part[told.len()..];
                    prop_assert!(rest.iter().all(|period| period.missing_s == period.end - period.start));
                }
            }
        }
    }
}

#[test]
fn a_night_without_readings_is_marked_and_its_usage_counts_in_the_morning() {
    let readings = (0..=36_000).step_by(60).filter(|second| !(7_200..21_700).contains(second));
    let totals = told(readings.map(household));
    let hours = periods(&totals, &book("UTC"), Step::Hour, i64::MIN, i64::MAX);
    // A position at midnight closes the hour before it, in which nothing was used.
    assert_eq!(hours[0].start, START - 3_600);
    let missing: Vec<i64> = hours.iter().map(|hour| hour.missing_s).collect();
    assert_eq!(missing, [0, 0, 0, 3_600, 3_600, 3_600, 3_600, 0, 0, 0, 0]);
    let wh = |hour: usize| hours[hour].usage.energy(Field::EnergyImportT1).unwrap().mantissa();
    assert_eq!([wh(3), wh(4), wh(5), wh(6)], [0; 4]);
    // From 01:59 to 07:00, at a Wh in seven seconds.
    assert_eq!(wh(7), 25_200 / 7 - 7_140 / 7);
}
