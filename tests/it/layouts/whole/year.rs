//! A feed over the turn of the year, through the ledger and the layout: what is told is reckoned by hand from the
//! registers.

use dsmrd::meter::Zone;
use dsmrd::prices::{Contract, PriceBook};
use dsmrd::totals::{Ledger, LedgerSettings};

use super::*;

fn micro(value: i128) -> Decimal {
    Decimal::new(value, 6).expect("in range")
}

/// A contract with a price for everything that DSMR-reader has one for.
pub(in crate::layouts) fn ledger() -> Ledger {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let contract = Contract {
        name: "all in".into(),
        meter: None,
        start: jiff::civil::date(2026, 1, 1),
        end: Some(jiff::civil::date(2028, 1, 1)),
        import: None,
        import_tariffs: [Some(micro(211_230)), Some(micro(254_560)), None, None],
        export: None,
        export_tariffs: [Some(micro(70_000)), Some(micro(80_000)), None, None],
        devices: vec![(MbusClass::Gas, micro(1_123_450))],
        fixed: micro(1_234_500),
        feed_in: Decimal::ZERO,
        capacity: None,
        capacity_minimum: Decimal::ZERO,
        dynamic: None,
    };
    let prices = PriceBook {
        currency: "EUR".into(),
        contracts: vec![contract],
        table: Arc::default(),
        zone: zone.clone(),
    };
    Ledger::new(LedgerSettings { zone, prices: Arc::new(prices) }, Vec::new())
}

/// The telegram `seconds` after 23:40:00 on the last day of 2026: 5 Wh are taken and 1 Wh is given in each 20 s, until
/// midnight in tariff 2, then in tariff 1. Gas is read every five minutes, 10 dm³ each time, and told 20 s later.
fn telegram(seconds: i64) -> Reading {
    const MIDNIGHT: i64 = 1_200;
    let clock = |seconds: i64| {
        let minute = 23 * 60 + 40 + seconds / 60;
        let date = if minute < 24 * 60 { "261231" } else { "270101" };
        format!("{date}{:02}{:02}{:02}W", minute / 60 % 24, minute % 60, seconds % 60)
    };
    let (old, new) = (seconds.min(MIDNIGHT) / 20, (seconds - MIDNIGHT).max(0) / 20);
    let gas = (seconds - 20).max(0) / 300;
    let kwh = |position: i64| format!("{:06}.{:03}*kWh", position / 1_000, position % 1_000);
    reading(&[
        "1-3:0.2.8(50)",
        &format!("0-0:1.0.0({})", clock(seconds)),
        "0-0:96.1.1(4530303632303030303030303030303030)",
        &format!("1-0:1.8.1({})", kwh(1_234_567 + 5 * new)),
        &format!("1-0:1.8.2({})", kwh(2_000_100 + 5 * old)),
        &format!("1-0:2.8.1({})", kwh(300_000 + new)),
        &format!("1-0:2.8.2({})", kwh(700_044 + old)),
        &format!("0-0:96.14.0({})", if seconds < MIDNIGHT { "0002" } else { "0001" }),
        "1-0:1.7.0(00.900*kW)",
        "1-0:2.7.0(00.180*kW)",
        "0-1:24.1.0(003)",
        "0-1:96.1.0(4730303233)",
        &format!("0-1:24.2.1({})({:05}.{:03}*m3)", clock(gas * 300), 2_345, 600 + 10 * gas),
    ])
}

/// What is told with each telegram, by its time.
fn told() -> BTreeMap<i64, BTreeMap<String, String>> {
    let (mut layout, mut ledger) = (dsmr_reader(), ledger());
    let each = (0..=2_400).step_by(20).map(|seconds| {
        let reading = telegram(seconds);
        let totals = ledger.take(&reading);
        (seconds, said(&mut layout, &reading, Some(&totals)))
    });
    each.collect()
}

#[test]
fn the_last_minutes_of_the_year() {
    let told = told();
    let first = &told[&0];
    check(first, "day-consumption", &[("electricity2", "0.000"), ("gas", "0.000"), ("fixed_cost", "1.23")]);
    check(first, "current-year", &[("electricity_merged", "0.000")]);
    assert!(!first.contains_key("dsmr/consumption/quarter-hour-peak-electricity/json"));

    // 19 minutes: 57 × 5 Wh at 0.25456 − 57 × 1 Wh at 0.08, and three times 10 dm³ of gas, stamped 23:45 to 23:55.
    let last = &told[&1_140];
    let usage = [
        ("electricity1", "0.000"),
        ("electricity2", "0.285"),
        ("electricity2_returned", "0.057"),
        ("electricity_merged", "0.285"),
        ("electricity_returned_merged", "0.057"),
        ("electricity1_cost", "0.00"),
        ("electricity2_cost", "0.07"),
        ("electricity_cost_merged", "0.07"),
        ("gas", "0.030"),
        ("gas_cost", "0.03"),
    ];
    for folder in ["day-consumption", "current-month", "current-year"] {
        check(last, folder, &usage);
    }
    // 0.0679896 + 0.0337035 + 1.2345.
    check(last, "day-consumption", &[("fixed_cost", "1.23"), ("total_cost", "1.34")]);
}

#[test]
fn all_begins_at_zero_with_the_year_and_nothing_is_silent() {
    let told = told();
    // The first telegram of the year ends the old one: everything starts again at once, gas too.
    for (second, energy) in [(1_200, "0.000"), (1_260, "0.015")] {
        let now = &told[&second];
        for folder in ["day-consumption", "current-month", "current-year"] {
            check(
                now,
                folder,
                &[("electricity1", energy), ("electricity2", "0.000"), ("fixed_cost", "1.23")],
            );
        }
        assert!(now.contains_key("dsmr/current-period"));
    }
    check(&told[&1_200], "current-year", &[("total_cost", "1.23"), ("gas_cost", "0.00")]);
    check(&told[&1_200], "day-consumption", &[("electricity1_cost", "0.00"), ("gas", "0.000")]);

    // Ten minutes: 30 × 5 Wh at 0.21123 − 30 × 1 Wh at 0.07. The gas of 23:55 to 00:00 is the old year's, though it
    // was told in the new one; that of 00:05 is the new one's, and that of 00:10 is not told yet.
    let later = &told[&1_800];
    for folder in ["day-consumption", "current-month", "current-year"] {
        check(
            later,
            folder,
            &[
                ("electricity1", "0.150"),
                ("electricity1_returned", "0.030"),
                ("electricity1_cost", "0.03"),
                ("gas", "0.010"),
                ("gas_cost", "0.01"),
                // 0.0295845 + 0.0112345 + 1.2345.
                ("total_cost", "1.28"),
            ],
        );
    }
}

#[test]
fn quarters_are_told_when_they_end() {
    let topic = "dsmr/consumption/quarter-hour-peak-electricity/json";
    let quarters: Vec<(i64, String)> =
        told().into_iter().filter_map(|(second, mut said)| Some((second, said.remove(topic)?))).collect();
    let quarter = |start: &str, end: &str| {
        format!(
            "{{\"read_at_start\": \"{start}:00+01:00\", \"read_at_end\": \"{end}:00+01:00\", \
             \"average_delivered\": \"0.900\"}}"
        )
    };
    // A quarter is closed by the first telegram behind it, and that of 23:30 had begun before the first one. 45 × 5 Wh in a quarter of an hour are 0.9 kW.
    let expected = [
        (1_220, quarter("2026-12-31T23:45", "2027-01-01T00:00")),
        (2_120, quarter("2027-01-01T00:00", "2027-01-01T00:15")),
    ];
    assert_eq!(quarters, expected);
}

#[test]
fn gas_is_told_with_each_of_its_readings() {
    let topic = "dsmr/consumption/gas/read_at";
    let read: Vec<(i64, String)> =
        told().into_iter().filter_map(|(second, mut said)| Some((second, said.remove(topic)?))).collect();
    assert_eq!(read.len(), 8);
    assert_eq!(read[4], (1_220, "2027-01-01T00:00:00+01:00".to_owned()));
}
