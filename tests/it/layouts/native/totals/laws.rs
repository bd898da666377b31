//! What a broker holds of totals, whatever comes and goes: never what is over.

use proptest::prelude::*;

use super::*;

/// What may be there or not.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Until this reading, in seconds.
    after: i64,
    day: bool,
    month: bool,
    quarter: bool,
    gas: bool,
    cost: bool,
    contract: bool,
    demand: bool,
    peak: bool,
    /// What was used meanwhile, in Wh.
    used: u32,
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![Just(1), Just(9), Just(10), Just(60), Just(3_600)];
    let rolls = (prop::bool::weighted(0.2), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (after, rolls, any::<[bool; 5]>(), 0u32..5_000).prop_map(
        |(after, (day, month, quarter), [gas, cost, contract, demand, peak], used)| Step {
            after,
            day,
            month,
            quarter,
            gas,
            cost,
            contract,
            demand,
            peak,
            used,
        },
    )
}

/// The totals of a step, from the whole ones.
fn totals_of(step: Step, before: &Totals) -> Totals {
    let mut totals = Totals { time: before.time + step.after, ..whole() };
    let mut keep = |now: fn(&mut Totals) -> &mut Period, start: i64, rolls: bool| {
        let time = totals.time;
        let period = now(&mut totals);
        period.start = if rolls { time } else { start };
        if !step.gas {
            period.usage.devices.clear();
        }
        for (_, energy) in &mut period.usage.energy {
            *energy = Decimal::new(step.used.into(), 3).expect("fits");
        }
        if !step.cost {
            period.cost = None;
        }
    };
    keep(|totals| &mut totals.today, before.today.start, step.day);
    keep(|totals| &mut totals.month, before.month.start, step.month);
    keep(|totals| &mut totals.quarter, before.quarter.start, step.quarter);
    if !step.contract {
        totals.costs = None;
    }
    if !step.demand {
        totals.demand = None;
    }
    if !step.peak {
        totals.peaks = Peaks::default();
    }
    totals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_broker_never_holds_what_is_over(steps in prop::collection::vec(step(), 1..25)) {
        let mut layout = super::super::super::native("dsmrd", PayloadFormat::Value);
        let fresh = |totals: &Totals, reading: &Reading| {
            tell(&mut super::super::super::native("dsmrd", PayloadFormat::Value), reading, Some(totals))
        };
        let mut reading = reading(ONE_PHASE);
        let mut held: BTreeMap<String, String> = BTreeMap::new();
        let mut totals = whole();
        held.extend(tell(&mut layout, &reading, Some(&totals)));
        for step in steps {
            totals = totals_of(step, &totals);
            reading.received_at += step.after * 1_000;
            held.extend(tell(&mut layout, &reading, Some(&totals)));
            held.retain(|_, payload| !payload.is_empty());
            let now = fresh(&totals, &reading);
            let mut over = Vec::new();
            if step.day {
                over.extend(["today/", "cost/today"]);
            }
            if step.month {
                over.extend(["month/", "cost/month", "peak/"]);
            }
            if step.quarter {
                over.push("quarter/");
            }
            if !step.contract {
                over.extend(["cost/now", "cost/price", "cost/currency"]);
            }
            for (topic, payload) in held.iter().filter(|(topic, _)| is_of(&over)(topic)) {
                prop_assert_eq!(now.get(topic), Some(payload), "{}", topic);
            }
        }
        // Everything that is, is told within a minute, as it is.
        totals.time += 60;
        held.extend(tell(&mut layout, &reading, Some(&totals)));
        for (topic, payload) in fresh(&totals, &reading) {
            prop_assert_eq!(held.get(&topic), Some(&payload), "{}", topic);
        }
    }
}
