//! What makes the household believable, and the meter a meter.

use super::calendar::Day;
use super::meter::{Meter, Sample};
use super::*;
use crate::p1::frame::{Event, Framer, FramerSettings, Proof};

/// 2024-06-10 00:00 UTC, a Monday.
const JUNE: i64 = 1_717_977_600;
/// 2024-01-15 00:00 UTC, a Monday.
const JANUARY: i64 = 1_705_276_800;

fn total(sample: &Sample) -> i64 {
    sample.power.iter().map(|&watts| i64::from(watts)).sum()
}

fn energy(sample: &Sample, direction: usize) -> i64 {
    sample.energy[direction].iter().sum::<u64>() as i64
}

#[test]
fn equal_seeds_give_equal_telegrams_and_others_do_not() {
    let of = |seed| {
        let mut simulator = Simulator::new(seed, JUNE);
        (0..30).flat_map(|_| simulator.next_telegram()).collect::<Vec<u8>>()
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn telegrams_are_of_real_size_and_proven() {
    let mut simulator = Simulator::new(5, JUNE);
    let mut framer = Framer::new(FramerSettings::default());
    for _ in 0..200 {
        let telegram = simulator.next_telegram();
        assert!((800..1_100).contains(&telegram.len()), "{}", telegram.len());
        let mut proofs = Vec::new();
        framer.push(&telegram, &mut |event| match event {
            Event::Frame(frame) => proofs.push(frame.proof()),
            Event::Rejected(rejected) => panic!("{}", rejected.reason),
        });
        assert_eq!(proofs, [Proof::Verified]);
    }
}

#[test]
fn a_meter_started_later_shows_what_the_first_has_come_to() {
    let mut running = Simulator::new(9, JANUARY + 70_000);
    let mut last = Vec::new();
    // An odd number of seconds, over a midnight.
    for _ in 0..30_001 {
        last = running.next_telegram();
    }
    assert_eq!(
        String::from_utf8(Simulator::new(9, running.utc() - 1).next_telegram()),
        String::from_utf8(last)
    );
}

#[test]
fn registers_are_the_integral_of_power_and_never_fall() {
    for (seed, start) in [(1, JUNE + 43_200), (2, JANUARY + 43_200)] {
        let mut meter = Meter::new(seed, start);
        let first = meter.tick();
        let (mut imported, mut exported) = (total(&first).max(0), (-total(&first)).max(0));
        let mut before = first.clone();
        for _ in 0..100_000 {
            let sample = meter.tick();
            for direction in 0..2 {
                for tariff in 0..2 {
                    let (old, new) = (before.energy[direction][tariff], sample.energy[direction][tariff]);
                    assert!(new >= old, "a register fell");
                    assert!(new == old || before.tariff == tariff + 1, "the other tariff counts");
                }
            }
            assert!(sample.gas >= before.gas && sample.water >= before.water);
            let counted = (energy(&sample, 0) - energy(&first, 0), energy(&sample, 1) - energy(&first, 1));
            // Each of the two tariffs is rounded down for itself, at both ends.
            assert!((counted.0 - imported / 3_600).abs() <= 2, "{counted:?} of {imported} Ws");
            assert!((counted.1 - exported / 3_600).abs() <= 2, "{counted:?} of {exported} Ws");
            imported += total(&sample).max(0);
            exported += (-total(&sample)).max(0);
            before = sample;
        }
    }
}

#[test]
fn currents_and_voltages_fit_the_power() {
    let mut meter = Meter::new(4, JUNE);
    for _ in 0..86_400 {
        let sample = meter.tick();
        for phase in 0..3 {
            let (volts, amperes) = (sample.voltage[phase], sample.current[phase]);
            assert!((2_070..=2_530).contains(&volts), "{volts}");
            let exact = sample.power[phase].abs() * 10;
            assert!((amperes * volts - exact).abs() <= volts / 2 + 1, "{sample:?}");
        }
    }
}

#[test]
fn days_look_like_days() {
    let mut any_export = 0;
    for seed in 1..3 {
        let house = |start: i64| {
            let mut meter = Meter::new(seed, start);
            let samples: Vec<Sample> = (0..86_400).map(|_| meter.tick()).collect();
            let first = &samples[0];
            let last = &samples[86_399];
            let night =
                samples.iter().filter(|sample| (1..4).contains(&sample.time.hour)).collect::<Vec<_>>();
            assert!(night.iter().all(|sample| total(sample) > 0), "the sun shines at night");
            let base = night.iter().map(|sample| total(sample)).sum::<i64>() / night.len() as i64;
            assert!((80..500).contains(&base), "{base} W at night");
            let most = samples.iter().map(total).max().unwrap();
            assert!((1_500..12_000).contains(&most), "{most} W at most");
            assert!(samples.iter().any(|sample| sample.tariff == 2));
            assert!(night.iter().all(|sample| sample.tariff == 1));
            let water = last.water - first.water;
            assert!((40..500).contains(&water), "{water} dm³ of water");
            (energy(last, 0) - energy(first, 0), energy(last, 1) - energy(first, 1), last.gas - first.gas)
        };
        let (summer, winter) = (house(JUNE), house(JANUARY));
        assert!(
            (1_500..20_000).contains(&summer.0) && (3_000..25_000).contains(&winter.0),
            "{summer:?} {winter:?}"
        );
        assert!((2_000..18_000).contains(&winter.2) && summer.2 < winter.2, "{summer:?} {winter:?}");
        any_export += summer.1;
    }
    assert!(any_export > 2_000, "two houses export {any_export} Wh on a day in June");
}

#[test]
fn tariff_two_is_for_working_days_from_seven_to_eleven() {
    let tariff = |utc| Meter::new(1, utc).tick().tariff;
    // 2024-01-15 is a Monday; local time is an hour ahead of UTC.
    assert_eq!(tariff(JANUARY + 6 * 3_600 - 1), 1);
    assert_eq!(tariff(JANUARY + 6 * 3_600), 2);
    assert_eq!(tariff(JANUARY + 22 * 3_600 - 1), 2);
    assert_eq!(tariff(JANUARY + 22 * 3_600), 1);
    assert_eq!(tariff(JANUARY - 12 * 3_600), 1, "a Sunday");
}

#[test]
fn days_with_a_change_of_the_clock_have_23_and_25_hours() {
    // 2024-03-31 and 2024-10-27.
    for (number, hours) in [(19_813, 23), (20_023, 25)] {
        let day = Day::new(number);
        let mut meter = Meter::new(1, day.start);
        let date = meter.tick().time.day;
        let mut seconds = 1;
        loop {
            let sample = meter.tick();
            if sample.time.day != date {
                break;
            }
            assert_eq!(sample.time.utc_seconds(3_600), Some(day.start + seconds));
            seconds += 1;
        }
        assert_eq!(seconds, hours * 3_600);
    }
}

#[test]
fn the_log_of_failures_holds_the_last_ten() {
    let mut simulator = Simulator::new(1, *Simulator::life().end());
    let text = String::from_utf8(simulator.next_telegram()).unwrap();
    assert!(text.contains("0-0:1.0.0(991231235959W)"), "{text}");
    let log = text.lines().find(|line| line.starts_with("1-0:99.97.0(10)")).unwrap();
    assert_eq!(log.matches("*s)").count(), 10);
    let mut before_life = Simulator::new(1, 0);
    assert_eq!(before_life.utc(), *Simulator::life().start());
    let text = String::from_utf8(before_life.next_telegram()).unwrap();
    assert!(
        text.contains("1-0:1.8.1(000000.000*kWh)") && text.contains("1-0:99.97.0(0)(0-0:96.7.19)\r\n"),
        "{text}"
    );
}
