//! Laws over random households: what is told is what the registers say, whenever the process was started.

use std::collections::BTreeMap;

use dsmrd::meter::{Field, MbusClass};
use dsmrd::p1::Decimal;
use dsmrd::totals::{Period, QUARTER, Totals};
use jiff::civil::{Date, date, datetime};
use proptest::prelude::*;

use super::household::{House, Pair, contract, decimal, local, local_date, settings};

/// What happens before a reading.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    /// Another electricity meter, with its registers elsewhere.
    Swap,
    /// The gas meter reports what it counted at the last full hour.
    Gas,
    /// The clock is set back by so many seconds.
    Back(i64),
}

#[derive(Clone, Debug)]
struct Step {
    seconds: i64,
    taken: [i128; 2],
    given: i128,
    gas: i128,
    event: Event,
}

fn steps(back: bool) -> impl Strategy<Value = Vec<Step>> {
    let seconds = prop_oneof![
        8 => 1_i64..60,
        6 => 60_i64..900,
        4 => 900_i64..7_200,
        2 => prop::sample::select(vec![900_i64, 1_800, 3_600, 86_400]),
        1 => 7_200_i64..40 * 86_400,
    ];
    let back_weight = u32::from(back);
    let event = prop_oneof![
        20 => Just(Event::Nothing),
        4 => Just(Event::Gas),
        1 => Just(Event::Swap),
        back_weight => (130_i64..20_000).prop_map(Event::Back),
    ];
    let step = (seconds, 0_i128..200, 0_i128..200, 0_i128..100, 0_i128..90, event);
    let step = step.prop_map(|(seconds, t1, t2, given, gas, event)| Step {
        seconds,
        taken: [t1, t2],
        given,
        gas,
        event,
    });
    prop::collection::vec(step, 1..120)
}

/// Where clocks and calendars turn: both changes of the clocks, a leap day, the turn of a year.
fn starts() -> impl Strategy<Value = i64> {
    let turns = [
        datetime(2026, 3, 29, 2, 0, 0, 0),
        datetime(2026, 10, 25, 2, 0, 0, 0),
        datetime(2028, 2, 29, 0, 0, 0, 0),
        datetime(2027, 1, 1, 0, 0, 0, 0),
        datetime(2040, 12, 31, 23, 0, 0, 0),
    ];
    (prop::sample::select(turns.map(local).to_vec()), 0_i64..90_000).prop_map(|(turn, before)| turn - before)
}

/// The house through its steps.
struct Run {
    house: House,
    utc: i64,
    meters: u8,
    gas: i128,
}

impl Run {
    fn new(start: i64) -> Self {
        Self { house: House::new(), utc: start, meters: 1, gas: 50_000 }
    }

    fn hour(&self) -> i64 {
        self.utc.div_euclid(3_600) * 3_600
    }

    fn step(&mut self, step: &Step) {
        const METERS: [&str; 4] = ["E0001", "E0002", "E0003", "E0004"];
        self.utc += step.seconds;
        // No more than a connection carries in the time.
        let room = i128::from(step.seconds) * 100;
        self.house.taken[0] += step.taken[0].min(room);
        self.house.taken[1] += step.taken[1].min(room);
        self.house.given[0] += step.given.min(room);
        self.house.power_w = step.taken[0] * 10 - step.given * 3;
        self.gas += step.gas;
        match step.event {
            Event::Swap if usize::from(self.meters) < METERS.len() => {
                self.house.meter = METERS[usize::from(self.meters)];
                self.meters += 1;
                self.house.taken = [step.taken[1], 17];
                self.house.given = [0, 5];
            }
            // Once an hour: a stamp that stands while the position rises is another matter.
            Event::Gas if self.house.gas.is_none_or(|(_, stamp, _)| stamp < self.hour()) => {
                self.house.gas = Some(("G0001", self.hour(), self.gas));
            }
            Event::Back(seconds) => self.utc -= seconds,
            Event::Swap | Event::Gas | Event::Nothing => {}
        }
    }
}

fn periods(totals: &Totals) -> [&Period; 5] {
    [&totals.quarter, &totals.hour, &totals.today, &totals.month, &totals.year]
}

/// Everything that was known of one register of one piece of equipment: times and positions.
type Known = BTreeMap<&'static str, Vec<(i64, i128)>>;

/// What came of all pieces of equipment after an instant, by what was known of them.
fn expected(known: &Known, start: i64) -> i128 {
    let usage = |positions: &Vec<(i64, i128)>| {
        let base = positions.iter().rev().find(|(time, _)| *time <= start).or(positions.first());
        positions.last().zip(base).map_or(0, |(last, base)| last.1 - base.1)
    };
    known.values().map(usage).sum()
}

/// For how many seconds before the running quarter-hour there was no reading.
fn missing(times: &[i64], start: i64, now: i64) -> i64 {
    let first = (times[0] - 1).div_euclid(QUARTER) * QUARTER;
    let (from, until) = (start.max(first), now.div_euclid(QUARTER) * QUARTER);
    let quarters = (from..until).step_by(QUARTER as usize);
    let read: std::collections::BTreeSet<i64> =
        times.iter().map(|time| (time - 1).div_euclid(QUARTER) * QUARTER).collect();
    QUARTER * quarters.filter(|quarter| !read.contains(quarter)).count() as i64
}

/// The highest complete quarter-hour of each month, in thousandths of a kW, and its end.
fn peaks(electricity: &Known, times: &[(i64, &'static str)]) -> BTreeMap<(i16, i8), (i128, i64)> {
    let mut peaks = BTreeMap::new();
    let last_before =
        |end: i64| times.iter().rev().find(|(time, _)| *time <= end).filter(|(time, _)| *time >= end - 60);
    let newest = times.last().map_or(0, |(time, _)| *time);
    let mut ends: Vec<i64> =
        times.iter().map(|(time, _)| (time + 899).div_euclid(QUARTER) * QUARTER).collect();
    ends.dedup();
    for end in ends.into_iter().filter(|end| *end < newest) {
        let start = end - QUARTER;
        let (Some((_, meter)), Some((_, before))) = (last_before(end), last_before(start)) else { continue };
        let positions = &electricity[meter];
        // What a meter told last before it was exchanged is never closed.
        if positions.last().is_some_and(|last| last.0 <= end)
            || meter != before
            || electricity.values().any(|of| start < of[0].0 && of[0].0 <= end)
        {
            continue;
        }
        let at = |end: i64| positions.iter().rev().find(|(time, _)| *time <= end).expect("known").1;
        let day = local_date(start);
        let peak = (4 * (at(end) - at(start)), end);
        let highest = peaks.entry((day.year(), day.month())).or_insert(peak);
        if peak.0 > highest.0 {
            *highest = peak;
        }
    }
    peaks
}

fn watts(value: Decimal) -> i128 {
    value.rescaled(3).expect("three decimals").mantissa()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_is_what_the_registers_say(start in starts(), steps in steps(false)) {
        let mut pair = Pair::new(settings(Vec::new()));
        let mut run = Run::new(start);
        let (mut taken, mut gas) = (Known::new(), Known::new());
        let (mut times, mut seconds) = (Vec::new(), Vec::new());
        for step in &steps {
            run.step(step);
            let house = &run.house;
            taken.entry(house.meter).or_default().push((run.utc, house.taken[0] + house.taken[1]));
            if let Some((id, stamp, position)) = house.gas {
                gas.entry(id).or_default().push((stamp, position));
            }
            times.push((run.utc, house.meter));
            seconds.push(run.utc);
            let told = pair.take(&house.reading(run.utc));
            prop_assert_eq!(told.time, run.utc);
            for period in periods(&told) {
                let usage = period.usage.energy(Field::EnergyImportTotal).expect("told");
                prop_assert_eq!(usage.mantissa(), expected(&taken, period.start), "since {}", period.start);
                let volume = period.usage.device(MbusClass::Gas).map_or(0, |gas| gas.value.mantissa());
                prop_assert_eq!(volume, expected(&gas, period.start), "gas since {}", period.start);
                prop_assert_eq!(period.missing_s, missing(&seconds, period.start, run.utc));
            }
        }
        // Peaks once, at the end: they take the longest to find.
        let told = pair.take(&run.house.reading(run.utc));
        let months = peaks(&taken, &times);
        let today = local_date(run.utc);
        let running = months.get(&(today.year(), today.month()));
        prop_assert_eq!(
            told.peaks.month.map(|peak| (watts(peak.value), peak.time)),
            running.map(|(peak, end)| (*peak, Some(*end)))
        );
        let place = |(year, month): (i16, i8)| i32::from(year) * 12 + i32::from(month);
        let now = place((today.year(), today.month()));
        let counted: Vec<i128> =
            months.iter().filter(|(month, _)| now - place(**month) < 12).map(|(_, (peak, _))| *peak).collect();
        prop_assert_eq!(usize::from(told.peaks.months), counted.len());
        if !counted.is_empty() {
            let (sum, count) = (counted.iter().sum::<i128>(), counted.len() as i128);
            prop_assert_eq!(told.peaks.mean.map(watts), Some((sum * 2 + count) / (count * 2)));
        }
    }

    #[test]
    fn a_restart_changes_nothing(start in starts(), steps in steps(true), at in any::<prop::sample::Index>()) {
        let mut contract = contract(date(2026, 1, 1), None);
        contract.import_tariffs = [Some(decimal("0.31337")), Some(decimal("0.27111")), None, None];
        contract.export = Some(decimal("0.08"));
        contract.feed_in = decimal("0.0115");
        contract.devices.push((MbusClass::Gas, decimal("1.4142")));
        contract.fixed = decimal("0.345");
        contract.capacity = Some(decimal("52.37"));
        contract.capacity_minimum = decimal("2.5");
        let mut pair = Pair::new(settings(vec![contract]));
        let mut run = Run::new(start);
        let restart = at.index(steps.len());
        let mut seeded = None;
        for (place, step) in steps.iter().enumerate() {
            run.step(step);
            if place == restart {
                seeded = Some(pair.record.ledger(&pair.settings));
            }
            let reading = run.house.reading(run.utc);
            let told = pair.take(&reading);
            if let Some(seeded) = &mut seeded {
                prop_assert_eq!(seeded.take(&reading), told);
            }
        }
    }
}

#[test]
fn days_add_up_to_months_and_months_to_years() {
    let mut pair = Pair::new(settings(vec![{
        let mut contract = contract(date(2027, 6, 1), None);
        contract.import = Some(decimal("0.25"));
        contract.fixed = decimal("-0.9");
        contract
    }]));
    let mut house = House::new();
    let (mut days, mut months, mut years) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let start = local(datetime(2027, 11, 20, 7, 13, 7, 0));
    let mut registers: BTreeMap<i16, i128> = BTreeMap::new();
    let mut utc = start;
    // Over a turn of the year, a leap day and both changes of the clocks, in steps of 95 minutes; a week is silent.
    for step in 0..8_000_i64 {
        utc += if step == 1_730 { 7 * 86_400 } else { 95 * 60 };
        let tariff = usize::from(step % 3 == 0);
        house.taken[tariff] += i128::from(step * 7_919 % 1_000);
        house.given[0] += i128::from(step % 2);
        let told = pair.take(&house.reading(utc));
        let of = |period: &Period| {
            let cost = period.cost.as_ref().expect("a contract").total();
            let usage = |field| period.usage.energy(field).map_or(0, Decimal::mantissa);
            (usage(Field::EnergyImportTotal), usage(Field::EnergyExportTotal), cost.pico())
        };
        let day = local_date(utc);
        days.insert(day, of(&told.today));
        months.insert(day.first_of_month(), of(&told.month));
        years.insert(day.first_of_year(), of(&told.year));
        registers.insert(day.year(), house.taken.iter().sum());
    }
    let sum = |parts: &BTreeMap<Date, (i128, i128, i128)>, from: Date, to: Date| {
        parts
            .range(from..to)
            .fold((0, 0, 0), |sum, (_, part)| (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2))
    };
    let fixed = |days: i128| -900_000_000_000 * days;
    for (month, told) in &months {
        let next = month.saturating_add(jiff::Span::new().months(1));
        let mut added = sum(&days, *month, next);
        // Days without a reading were not told of, and cost what every day costs, save those before the first.
        let counted = days.range(*month..next);
        let (first, last) =
            (counted.clone().next().expect("a day").0, counted.clone().next_back().expect("a day").0);
        let known = (*month).max(date(2027, 11, 20));
        let silent = i128::from((*last - known).get_days() + 1) - counted.count() as i128;
        assert!(first >= month);
        added.2 += fixed(silent);
        assert_eq!(added, *told, "{month}");
    }
    assert!(months.len() > 16 && years.len() == 3);
    let year = date(2028, 1, 1);
    assert_eq!(sum(&months, year, date(2029, 1, 1)), years[&year]);
    assert_eq!(years[&year].0, registers[&2028] - registers[&2027], "the difference of the registers");
}
