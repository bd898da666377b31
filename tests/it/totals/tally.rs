//! From readings to positions at boundaries: sums that equal the registers, whatever clocks and meters do.

pub(super) mod history;

use std::collections::{BTreeMap, BTreeSet};

use dsmrd::meter::Reading;
use dsmrd::p1::Decimal;
use dsmrd::totals::{CounterState, Entry, Position, QUARTER, Tally};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use self::history::{History, Of, amsterdam, disorderly, orderly};

/// The years in which lives begin: they last a few years at most.
const STARTS: std::ops::Range<i64> = 946_684_800..2_082_758_400;

/// Positions at boundaries, as a record keeps them.
type Rows = BTreeMap<i64, Position>;

/// What a sequence of readings leaves; the program starts again where there is none.
fn run(readings: &[Option<Reading>], restarts: bool) -> (Vec<Entry>, Tally) {
    let (mut tally, mut entries) = (Tally::default(), Vec::new());
    for reading in readings {
        match reading {
            Some(reading) => tally.take(reading, &mut entries),
            None if restarts => tally = Tally::restore(tally.counters().to_vec()),
            None => {}
        }
    }
    (entries, tally)
}

/// The record of entries, applied in their order.
fn record(entries: &[Entry], counters: usize) -> Vec<Rows> {
    let mut record = vec![Rows::new(); counters];
    for entry in entries {
        match *entry {
            Entry::Settled(settled) => {
                record[settled.counter].insert(settled.boundary, settled.position);
            }
            Entry::Void { counter, after } => record[counter].retain(|boundary, _| *boundary <= after),
        }
    }
    record
}

/// In thousandths.
fn thousandths(value: Decimal) -> i64 {
    let value = value.rescaled(3).expect("three digits").mantissa();
    value.try_into().expect("fits")
}

fn of(counter: &CounterState) -> Of {
    (counter.key.equipment.to_string(), counter.key.register, counter.key.generation)
}

/// What rows and the last position say was used, by the start of the quarter-hour in which it counts.
fn usage(counter: &CounterState, rows: &Rows) -> Vec<(i64, i64)> {
    let mut before = thousandths(counter.first.value);
    let mut usage = Vec::new();
    let last = counter.last;
    let running = last.time + (-last.time).rem_euclid(QUARTER);
    for (boundary, position) in
        rows.iter().map(|(boundary, position)| (*boundary, *position)).chain([(running, last)])
    {
        let value = thousandths(position.value);
        usage.push((boundary - QUARTER, value - before));
        before = value;
    }
    usage
}

/// The day of Amsterdam that an instant lies in.
fn day(instant: i64) -> Date {
    Timestamp::from_second(instant).expect("a time").to_zoned(amsterdam()).date()
}

/// The start of a day, and the seconds it lasts.
fn span(day: Date) -> (i64, i64) {
    let start = |day: Date| day.to_zoned(amsterdam()).expect("a day").timestamp().as_second();
    let (from, to) = (start(day), start(day + 1.day()));
    (from, to - from)
}

/// The last of the true positions at or before an instant, else the first.
fn register_at(truth: &[(i64, i64)], instant: i64) -> i64 {
    truth.iter().rev().find(|(time, _)| *time <= instant).unwrap_or(&truth[0]).1
}

fn sums<K: Ord>(usage: &[(i64, i64)], key: impl Fn(i64) -> K) -> BTreeMap<K, i64> {
    let mut sums = BTreeMap::new();
    for (start, used) in usage {
        *sums.entry(key(*start)).or_default() += used;
    }
    sums
}

/// Rows of which each is later and none lower than the one before, and of its own quarter-hour.
fn check_rows(counter: &CounterState, rows: &Rows) -> Result<(), TestCaseError> {
    let mut before = thousandths(counter.first.value);
    for (boundary, position) in rows {
        prop_assert_eq!(boundary % QUARTER, 0);
        prop_assert!(
            (boundary - QUARTER + 1..=*boundary).contains(&position.time),
            "{} {:?}",
            boundary,
            position
        );
        prop_assert!(thousandths(position.value) >= before, "{counter:?}: lower at {boundary}");
        before = thousandths(position.value);
    }
    prop_assert!(thousandths(counter.last.value) >= before);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Quarters, days and years of every register add up to what it showed at their ends, to the last digit; a
    /// quarter-hour without a reading has no row; and a program that starts again in between leaves the same.
    #[test]
    fn what_counts_adds_up_to_the_registers(
        start in STARTS,
        period in prop::sample::select(vec![300, 3_600]),
        late in 0..20_000_i64,
        steps in prop::collection::vec(orderly(), 1..30),
    ) {
        let history = History::of(start, (period, late), &steps);
        let (entries, tally) = run(&history.readings, true);
        let (unbroken, one) = run(&history.readings, false);
        prop_assert_eq!(&entries, &unbroken, "a restart");
        prop_assert_eq!(tally.counters(), one.counters());

        let rows = record(&entries, tally.counters().len());
        let counting: Vec<_> = tally.counters().iter().zip(&rows).filter(|(counter, _)| counter.counts()).collect();
        let known: BTreeSet<_> = counting.iter().map(|(counter, _)| of(counter)).collect();
        prop_assert_eq!(&known, &history.truth.keys().cloned().collect::<BTreeSet<_>>());
        for (counter, rows) in counting {
            let truth = &history.truth[&of(counter)];
            prop_assert_eq!((counter.first.time, thousandths(counter.first.value)), truth[0]);
            prop_assert_eq!((counter.last.time, thousandths(counter.last.value)), truth[truth.len() - 1]);
            check_rows(counter, rows)?;

            // A row for each quarter-hour with a position, but for the running one.
            let boundaries = truth.iter().map(|(time, _)| time + (-time).rem_euclid(QUARTER));
            let past = boundaries.filter(|boundary| *boundary < counter.last.time);
            prop_assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), past.collect::<BTreeSet<_>>());
            for (boundary, position) in rows {
                prop_assert_eq!(thousandths(position.value), register_at(truth, *boundary));
            }

            let usage = usage(counter, rows);
            let years = sums(&usage, |start| day(start).year());
            for (day, used) in sums(&usage, day) {
                let (from, seconds) = span(day);
                prop_assert!([23, 24, 25].contains(&(seconds / 3_600)));
                let expected = register_at(truth, from + seconds) - register_at(truth, from);
                prop_assert_eq!(used, expected, "{} of {:?}", day, counter.key);
            }
            for (year, used) in &years {
                let start = |year: i16| span(Date::constant(year, 1, 1)).0;
                let expected = register_at(truth, start(year + 1)) - register_at(truth, start(*year));
                prop_assert_eq!(*used, expected, "{} of {:?}", year, counter.key);
            }
            prop_assert_eq!(years.values().sum::<i64>(), truth[truth.len() - 1].1 - truth[0].1);
        }
    }

    /// Whatever clocks do, no energy is lost, none counts twice, and nothing is used backwards.
    #[test]
    fn no_clock_costs_energy(
        start in STARTS,
        period in prop::sample::select(vec![300, 3_600]),
        late in 0..20_000_i64,
        steps in prop::collection::vec(disorderly(), 1..20),
        restarts: bool,
    ) {
        let history = History::of(start, (period, late), &steps);
        let (entries, tally) = run(&history.readings, restarts);
        let rows = record(&entries, tally.counters().len());
        let last = history.registers();
        let shown = [last[0], last[1], last[2], last[3], history.gas_told()];
        let first = [1_234_577, 20_020, 9_876_573, 40, 500_000];
        let total = |counter: &CounterState| thousandths(counter.last.value) - thousandths(counter.first.value);
        for (counter, rows) in tally.counters().iter().zip(&rows) {
            check_rows(counter, rows)?;
            let used = usage(counter, rows);
            prop_assert!(used.iter().all(|(_, used)| *used >= 0));
            prop_assert_eq!(sums(&used, |start| day(start).year()).values().sum::<i64>(), total(counter));
        }
        let counting: Vec<_> = tally.counters().iter().filter(|counter| counter.counts()).collect();
        prop_assert_eq!(counting.len(), 5, "{:?}", counting);
        let totals: BTreeSet<_> = counting.iter().map(|counter| total(counter)).collect();
        let expected: BTreeSet<_> = shown.iter().zip(first).map(|(last, first)| last - first).collect();
        prop_assert_eq!(totals, expected);
    }
}
