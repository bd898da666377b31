//! Both switches, without a flag.

use proptest::prelude::*;

use super::*;

/// 2026-10-25 01:00 UTC, when summer time ends: 02:00 comes a second time.
const AUTUMN: i64 = 1_792_890_000;
/// 2026-03-29 01:00 UTC, when it begins: 02:00 to 03:00 never comes.
const SPRING: i64 = 1_774_746_000;

/// The meter's time of a telegram that says `wall` and arrives in this second.
fn clock(interpreter: &mut Interpreter, wall: LocalTime, arrived: i64) -> MeterTime {
    let line = format!("0-0:1.0.0({})", stamp(wall));
    feed(interpreter, arrived, &[&line]).reading.time.expect("a time")
}

fn wallonia() -> Interpreter {
    of(Country::Belgium)
}

#[test]
fn the_hours_around_both_switches_second_by_second() {
    for (switch, period) in [(AUTUMN, 1), (AUTUMN, 10), (SPRING, 1), (SPRING, 10)] {
        // With a clock of ours that is right, one that stands, and one that is hours off.
        for arrived in [|utc| utc + 1, |_| 1_000, |utc| utc - 20_000] {
            let mut interpreter = wallonia();
            for utc in (switch - 7_500..switch + 7_500).step_by(period) {
                let time = clock(&mut interpreter, wall(utc), arrived(utc));
                assert_eq!(time.utc, Some(utc), "{} at {utc}", stamp(time.local));
            }
        }
    }
}

#[test]
fn telegrams_missing_within_the_hour() {
    // From 02:10 to 02:20, and from 02:10 to 02:20 an hour later.
    for (from, to) in [(-3_000, -2_400), (-3_000, 1_200), (-600, 300), (-3_000, 600), (600, 1_200)] {
        let mut interpreter = wallonia();
        clock(&mut interpreter, wall(AUTUMN - 4_000), AUTUMN - 4_000);
        let mut last = None;
        for utc in [AUTUMN + from, AUTUMN + to, AUTUMN + to + 1] {
            last = clock(&mut interpreter, wall(utc), utc + 7).utc;
            assert_eq!(last, Some(utc), "{from} {to}");
        }
        assert_eq!(last, Some(AUTUMN + to + 1));
    }
    // Where arrival does not tell, only a jump back does.
    let mut interpreter = wallonia();
    clock(&mut interpreter, wall(AUTUMN - 3_000), 0);
    clock(&mut interpreter, wall(AUTUMN - 3_700), 0);
    assert_eq!(clock(&mut interpreter, wall(AUTUMN - 2_400), 0).utc, None);
    assert_eq!(clock(&mut interpreter, wall(AUTUMN - 2_390), 0).utc, None);
    assert_eq!(clock(&mut interpreter, wall(AUTUMN), 0).utc, Some(AUTUMN));
    assert_eq!(clock(&mut interpreter, wall(AUTUMN + 900), 0).utc, Some(AUTUMN + 900));
}

#[test]
fn a_clock_set_back_a_little_has_not_ended_the_summer() {
    let mut interpreter = wallonia();
    clock(&mut interpreter, wall(AUTUMN - 3_700), AUTUMN - 3_700);
    clock(&mut interpreter, wall(AUTUMN - 1_810), AUTUMN - 1_810);
    // Whether our clock goes on or not.
    for (ahead, arrived) in
        [(-1_800, -1_800), (-1_799, -1_799), (-1_805, -1_798), (-1_804, -AUTUMN), (-1_809, -AUTUMN)]
    {
        let utc = AUTUMN + ahead;
        assert_eq!(clock(&mut interpreter, wall(utc), AUTUMN + arrived).utc, Some(utc));
    }
}

#[test]
fn a_start_in_the_middle_of_the_hour() {
    // Our clock tells which hour it is, each time anew: it may have been wrong and set meanwhile.
    for utc in [AUTUMN - 1_800, AUTUMN + 1_800] {
        let mut interpreter = wallonia();
        assert_eq!(clock(&mut interpreter, wall(utc), utc + 2).utc, Some(utc));
        assert_eq!(clock(&mut interpreter, wall(utc + 1), utc + 3).utc, Some(utc + 1));
    }
    let mut interpreter = wallonia();
    let utc = AUTUMN + 1_000;
    assert_eq!(clock(&mut interpreter, wall(utc), utc - 3_600).utc, Some(utc - 3_600));
    assert_eq!(clock(&mut interpreter, wall(utc + 10), utc + 10).utc, Some(utc + 10));

    // Where it does not, the time is marked until the wall clock jumps back or the hour is over.
    let mut interpreter = wallonia();
    let marked = clock(&mut interpreter, wall(AUTUMN - 20), 77);
    assert_eq!((marked.utc, marked.local), (None, wall(AUTUMN - 20)));
    assert_eq!(clock(&mut interpreter, wall(AUTUMN - 10), 87).utc, None);
    assert_eq!(clock(&mut interpreter, wall(AUTUMN), 97).utc, Some(AUTUMN));
    let mut interpreter = wallonia();
    assert_eq!(clock(&mut interpreter, wall(AUTUMN + 3_590), 77).utc, None);
    assert_eq!(clock(&mut interpreter, wall(AUTUMN + 3_600), 87).utc, Some(AUTUMN + 3_600));
    let read = feed(&mut interpreter, 4_711, &["0-0:1.0.0(261025023000)"]).reading;
    assert_eq!((read.utc_seconds(), read.time.map(|time| time.local.minute)), (AUTUMN + 1_800, Some(30)));
}

#[test]
fn a_time_that_the_spring_leaves_out_is_marked() {
    let mut interpreter = wallonia();
    clock(&mut interpreter, wall(SPRING - 1), SPRING);
    let never = LocalTime { minute: 30, ..LocalTime { hour: 2, ..wall(SPRING) } };
    assert_eq!(clock(&mut interpreter, never, SPRING + 1).utc, None);
    assert_eq!(clock(&mut interpreter, wall(SPRING + 2), SPRING + 2).utc, Some(SPRING + 2));
}

#[test]
fn a_flag_is_believed_even_when_the_zone_says_otherwise() {
    // Sweden's meters may keep normal time all year.
    let mut interpreter = of(Country::Sweden);
    for utc in (AUTUMN - 7_500..AUTUMN + 7_500).step_by(50) {
        let normal = LocalTime::from_seconds_as_utc(utc + 3_600, Some(false)).expect("in range");
        let line = format!("0-0:1.0.0({}W)", stamp(normal));
        let read = feed(&mut interpreter, utc, &[&line]).reading;
        assert_eq!(read.time, Some(MeterTime { local: normal, utc: Some(utc) }));
    }
}

/// A telegram of DSMR 2 or 3: no clock, gas of the hour.
fn gas(interpreter: &mut Interpreter, captured: i64, value: &str, arrived: i64) -> Option<i64> {
    let profile = format!("0-1:24.3.0({})(00)(60)(1)(0-1:24.2.1)(m3)", stamp(wall(captured)));
    let value = format!("({value})");
    let read = feed(interpreter, arrived, &["0-1:24.1.0(3)", &profile, &value]).reading;
    read.mbus[0].readings[0].time.expect("a time").utc
}

#[test]
fn gas_of_the_hour_around_both_switches() {
    for switch in [AUTUMN, SPRING] {
        for late in [0, 5, 200] {
            let mut interpreter = of(Country::Netherlands);
            for utc in (switch - 10_000..switch + 10_000).step_by(10) {
                let captured = (utc - late).div_euclid(3_600) * 3_600;
                let value = format!("{:05}.000", captured / 3_600 % 100_000);
                assert_eq!(
                    gas(&mut interpreter, captured, &value, utc + 3),
                    Some(captured),
                    "{utc}, late by {late}"
                );
            }
        }
    }
}

#[test]
fn gas_of_one_hour_twice_without_our_clock() {
    let mut interpreter = of(Country::Netherlands);
    assert_eq!(gas(&mut interpreter, AUTUMN - 7_200, "00007.000", 0), Some(AUTUMN - 7_200));
    assert_eq!(gas(&mut interpreter, AUTUMN - 3_600, "00007.500", 0), Some(AUTUMN - 3_600));
    // The same position at the same time is the same reading.
    assert_eq!(gas(&mut interpreter, AUTUMN, "00007.500", 0), Some(AUTUMN - 3_600));
    assert_eq!(gas(&mut interpreter, AUTUMN, "00007.750", 0), Some(AUTUMN));
    assert_eq!(gas(&mut interpreter, AUTUMN, "00007.750", 0), Some(AUTUMN));
    assert_eq!(gas(&mut interpreter, AUTUMN + 3_600, "00007.800", 0), Some(AUTUMN + 3_600));

    // A start within the hour: the reading is not of the future, more is not known.
    let mut interpreter = of(Country::Netherlands);
    assert_eq!(gas(&mut interpreter, AUTUMN - 3_600, "00007.500", AUTUMN - 100), Some(AUTUMN - 3_600));
    let mut interpreter = of(Country::Netherlands);
    assert_eq!(gas(&mut interpreter, AUTUMN, "00007.500", AUTUMN + 1_800), None);
    assert_eq!(gas(&mut interpreter, AUTUMN + 3_600, "00007.800", AUTUMN + 3_600), Some(AUTUMN + 3_600));
}

#[test]
fn each_channel_has_its_own_history() {
    let mut interpreter = of(Country::Netherlands);
    let two = |interpreter: &mut Interpreter, gas: i64, heat: i64, value: &str| {
        let line = |channel, captured| {
            format!(
                "0-{channel}:24.3.0({})(00)(60)(1)(0-{channel}:24.2.1)(m3)({value})",
                stamp(wall(captured))
            )
        };
        let read = feed(interpreter, 0, &[&line(1, gas), &line(2, heat)]).reading;
        [0, 1].map(|device: usize| read.mbus[device].readings[0].time.expect("a time").utc)
    };
    two(&mut interpreter, AUTUMN - 7_200, AUTUMN - 7_200, "00001.000");
    assert_eq!(
        two(&mut interpreter, AUTUMN - 3_600, AUTUMN - 7_200, "00002.000"),
        [Some(AUTUMN - 3_600), Some(AUTUMN - 7_200)]
    );
    assert_eq!(
        two(&mut interpreter, AUTUMN, AUTUMN - 3_600, "00003.000"),
        [Some(AUTUMN), Some(AUTUMN - 3_600)]
    );
}

#[test]
fn gas_of_five_minutes_behind_a_clock_without_a_flag() {
    for (late, arrived) in [(0, 2), (100, 2), (1_000, 2), (0, -90_000), (100, -90_000)] {
        let mut interpreter = wallonia();
        for utc in (AUTUMN - 7_500..AUTUMN + 7_500).step_by(10) {
            let captured = (utc - late).div_euclid(300) * 300;
            let (clock, gas) = (stamp(wall(utc)), stamp(wall(captured)));
            let lines = [format!("0-0:1.0.0({clock})"), format!("0-1:24.2.3({gas})(00042.000*m3)")];
            let read = feed(&mut interpreter, utc + arrived, &lines.each_ref().map(String::as_str)).reading;
            assert_eq!(read.time.and_then(|time| time.utc), Some(utc));
            let time = read.mbus[0].readings[0].time.expect("a time");
            assert_eq!(time.utc, Some(captured), "{clock}, {gas}, late by {late}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is missing, and however far off our own clock is while it goes evenly.
    #[test]
    fn no_gap_makes_another_hour_of_it(
        steps in proptest::collection::vec(1i64..2_500, 1..40),
        off in -100_000i64..100_000,
        jitter in proptest::collection::vec(0i64..30, 40),
    ) {
        let mut interpreter = wallonia();
        let mut utc = AUTUMN - 4_000;
        clock(&mut interpreter, wall(utc), utc + off);
        for (step, jitter) in steps.into_iter().zip(jitter) {
            utc += step;
            prop_assert_eq!(clock(&mut interpreter, wall(utc), utc + off + jitter).utc, Some(utc));
        }
    }

    /// With a clock of ours that tells nothing there may be no answer, but never a wrong one as long as telegrams
    /// come within two minutes.
    #[test]
    fn no_clock_of_ours_makes_another_hour_of_it(
        start in -5_000i64..5_000,
        steps in proptest::collection::vec((1i64..120, 0i64..4_000_000), 1..80),
    ) {
        // A clock that by chance goes back by just an hour tells the wrong thing, which nobody can know.
        let ahead = steps.iter().scan(0, |at, (step, arrived)| {
            *at += step;
            Some(arrived - *at)
        });
        let ahead: Vec<i64> = std::iter::once(0).chain(ahead).collect();
        let is_an_hour = |other: i64, one: i64| ((one - other).abs() - 3_600).abs() < 200;
        prop_assume!(!(1..ahead.len()).any(|n| ahead[..n].iter().any(|other| is_an_hour(*other, ahead[n]))));
        let mut interpreter = wallonia();
        let mut utc = AUTUMN + start;
        clock(&mut interpreter, wall(utc), 0);
        for (step, arrived) in steps {
            utc += step;
            let found = clock(&mut interpreter, wall(utc), arrived).utc;
            prop_assert!(found.is_none() || found == Some(utc), "{found:?} for {utc}");
        }
    }
}
