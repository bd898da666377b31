//! Clocks that are lost, silence over midnight and new year, devices that are exchanged: nothing is lost or negative.

use dsmrd::meter::{Field, MbusClass, Reading};
use dsmrd::totals::{Period, Totals};
use jiff::civil::{DateTime, datetime};

use super::household::{House, Pair, local, settings, time};

const DAY: i64 = 86_400;
/// 2000-01-01 00:00 UTC, where a meter begins that lost its clock.
const RESET: i64 = 946_684_800;

fn import(period: &Period) -> i128 {
    period.usage.energy(Field::EnergyImportTotal).expect("told").mantissa()
}

/// A house whose readings may have another clock, and arrive at another time, than is right.
struct Life {
    pair: Pair,
    house: House,
}

impl Life {
    fn new() -> Self {
        Self { pair: Pair::new(settings(Vec::new())), house: House::new() }
    }

    fn reading(&mut self, own: i64, arrived: i64, wh: i128) -> Reading {
        self.house.taken[0] += wh;
        let mut reading = self.house.reading(own);
        reading.received_at = arrived * 1_000;
        reading
    }

    fn take(&mut self, own: i64, arrived: i64, wh: i128) -> Totals {
        let reading = self.reading(own, arrived, wh);
        self.pair.take(&reading)
    }

    /// An hour of readings each ten seconds, at 1 Wh each, with both clocks right.
    fn hour(&mut self, from: i64) -> Totals {
        (0..360).map(|n| self.take(from + n * 10, from + n * 10, 1)).last().expect("a reading")
    }

    /// What is told from now on, by this ledger and by one made anew, is the same.
    fn told_anew(&mut self, own: i64, wh: i128) -> Totals {
        let mut anew = self.pair.record.ledger(&self.pair.settings);
        let reading = self.reading(own, own, wh);
        let told = self.pair.take(&reading);
        assert_eq!(anew.take(&reading), told);
        told
    }
}

fn at(time: DateTime) -> i64 {
    local(time)
}

#[test]
fn a_meter_that_lost_its_clock_counts_by_ours() {
    let mut life = Life::new();
    let noon = at(datetime(2026, 6, 10, 12, 0, 0, 0));
    life.hour(noon);
    for n in 0..360 {
        let told = life.take(RESET + n * 10, noon + 3_600 + n * 10, 1);
        assert_eq!((told.time, import(&told.today)), (noon + 3_600 + n * 10, 360 + i128::from(n)));
    }
    let told = life.told_anew(noon + 2 * 3_600, 1);
    assert_eq!([&told.today, &told.month, &told.year].map(import), [720; 3]);
}

/// The meter was without power for two days and lost its clock: ours tells how long.
#[test]
fn a_meter_that_lost_its_clock_in_a_long_silence_counts_by_ours() {
    let mut life = Life::new();
    let noon = at(datetime(2026, 6, 10, 12, 0, 0, 0));
    life.hour(noon);
    let back = noon + 2 * DAY;
    let told = (0..360).map(|n| life.take(RESET + n * 10, back + n * 10, 1)).last().expect("a reading");
    assert_eq!(told.time, back + 3_590, "not two days ago for ever");
    let told = life.told_anew(back + 3_600, 1);
    assert_eq!(told.year.start, at(datetime(2026, 1, 1, 0, 0, 0, 0)));
    assert_eq!(import(&told.month), 720);
    assert!(import(&told.today) >= 360 - 10, "{told:?}");
}

/// And the computer started without a network, at its beginning of time or where it was switched off last.
#[test]
fn without_any_clock_time_stands_still_and_nothing_is_lost() {
    for ours in [0, RESET + 30 * DAY, at(datetime(2026, 6, 1, 3, 0, 0, 0))] {
        let mut life = Life::new();
        let noon = at(datetime(2026, 6, 10, 12, 0, 0, 0));
        life.hour(noon);
        for n in 0..360 {
            let told = life.take(RESET + n * 10, ours + n * 10, 1);
            assert_eq!((told.time, import(&told.today)), (noon + 3_590, 360 + i128::from(n)), "{ours}");
            if n == 180 {
                life.pair.restart();
            }
        }
        let told = life.told_anew(noon + 2 * 3_600, 1);
        assert_eq!([&told.today, &told.month, &told.year].map(import), [720; 3]);
    }
}

/// The clock had been twenty days ahead, longer than positions are kept.
#[test]
fn a_clock_that_was_weeks_ahead_loses_nothing() {
    let mut life = Life::new();
    let noon = at(datetime(2026, 6, 10, 12, 0, 0, 0));
    for hour in 0..20 * 24 {
        let ahead = noon + hour * 3_600;
        for n in 0..4 {
            life.take(ahead + n * 900 + 7, ahead + n * 900 + 7, 5);
        }
    }
    let told = (0..30).map(|n| life.take(noon + n * 10, noon + n * 10, 1)).last().expect("a reading");
    assert_eq!(told.time, noon + 290);
    for period in [&told.hour, &told.today, &told.month, &told.year] {
        assert!(import(period) >= 0);
    }
    // All but what the first reading had.
    assert_eq!(import(&told.year), 20 * 24 * 20 - 5 + 30);
    life.pair.restart();
    let told = life.take(noon + 300, noon + 300, 1);
    assert_eq!(import(&told.year), 20 * 24 * 20 - 5 + 31, "after a restart");
}

#[test]
fn silence_over_new_year_counts_in_the_new_one_and_is_marked() {
    let mut life = Life::new();
    let evening = at(datetime(2026, 12, 31, 20, 0, 0, 0));
    let old = life.hour(evening);
    let morning = at(datetime(2027, 1, 1, 2, 10, 0, 0));
    let told = life.told_anew(morning, 700);
    assert_eq!((import(&old.year), import(&told.year)), (359, 700));
    assert_eq!([&told.today, &told.month, &told.year].map(|period| period.missing_s), [2 * 3_600; 3]);
    assert_eq!((told.hour.missing_s, old.today.missing_s), (0, 0));
}

#[test]
fn devices_come_and_go_on_one_channel() {
    let mut life = Life::new();
    let noon = at(datetime(2026, 6, 10, 12, 0, 0, 0));
    let device = |told: &Totals, class| told.today.usage.device(class).map(|of| of.value.mantissa());
    let gas = |life: &mut Life, second: i64, id, stamp: i64, dm3| {
        life.house.gas = Some((id, noon + stamp, dm3));
        life.take(noon + second, noon + second, 0)
    };
    gas(&mut life, 10, "G0001", 0, 500_000);
    // The stamp stands still for hours while gas is used.
    for hour in 1..=5 {
        let told = gas(&mut life, hour * 3_600, "G0001", 0, 500_000 + i128::from(hour) * 100);
        assert_eq!(device(&told, MbusClass::Gas), Some(i128::from(hour) * 100));
        assert_eq!(told.hour.usage.device(MbusClass::Gas).map(|of| of.value.mantissa()), Some(0));
    }
    let told = gas(&mut life, 19_000, "G0002", 18_000, 40);
    assert_eq!(device(&told, MbusClass::Gas), Some(500), "another meter begins where it stands");
    let told = gas(&mut life, 22_000, "G0002", 21_600, 90);
    assert_eq!(device(&told, MbusClass::Gas), Some(550));
    // A water meter where the gas meter was.
    for (second, litres) in [(23_000, 7_000), (23_900, 7_025)] {
        life.house.gas = Some(("W0001", noon + second, litres));
        let mut reading = life.reading(noon + second, noon + second, 0);
        reading.mbus[0].device_type = Some(7);
        reading.mbus[0].readings[0].time = Some(time(noon + second));
        let told = life.pair.take(&reading);
        assert_eq!(device(&told, MbusClass::Water), Some(litres - 7_000));
        assert_eq!(device(&told, MbusClass::Gas), Some(550), "what it counted today stays told");
    }
}
