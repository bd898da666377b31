//! DSMR-reader's layout whole: all of its default topics, payloads to the byte.

use std::sync::Arc;

use dsmrd::meter::{Field, MbusClass, Quantity, Unit};
use dsmrd::p1::Decimal;
use dsmrd::prices::{Amount, Price, PriceSource};
use dsmrd::totals::{CostLine, Costs, Period, PeriodCost, Quarter, Totals, Usage};

use super::*;

/// Fields under other names.
mod mapping;
/// The page about the topics and the differences.
pub(super) mod page;
/// From telegrams to topics, over the turn of the year.
pub(super) mod year;

/// Three phases, solar panels and gas.
pub(super) const THREE_PHASES: &[&str] = &[
    "1-3:0.2.8(50)",
    "0-0:1.0.0(261121114530W)",
    "0-0:96.1.1(4530303632303030303030303030303030)",
    "1-0:1.8.1(001234.567*kWh)",
    "1-0:1.8.2(002000.100*kWh)",
    "1-0:2.8.1(000300.000*kWh)",
    "1-0:2.8.2(000700.044*kWh)",
    "0-0:96.14.0(0002)",
    "1-0:1.7.0(00.000*kW)",
    "1-0:2.7.0(01.193*kW)",
    "1-0:32.7.0(229.8*V)",
    "1-0:52.7.0(230.1*V)",
    "1-0:72.7.0(231.0*V)",
    "1-0:31.7.0(002*A)",
    "1-0:51.7.0(001*A)",
    "1-0:71.7.0(002*A)",
    "0-1:24.1.0(003)",
    "0-1:96.1.0(4730303233)",
    "0-1:24.2.1(261121114500W)(02345.717*m3)",
];

/// 2026-11-21 11:45:30 in Amsterdam.
pub(super) const NOW: i64 = 1_795_257_930;

/// A meter without tariffs and without gas.
const TOTAL_ONLY: &[&str] = &[
    "0-0:1.0.0(261121114530W)",
    "1-0:1.8.0(001234.567*kWh)",
    "1-0:2.8.0(000007.000*kWh)",
    "1-0:1.7.0(00.300*kW)",
];

pub(super) fn thousandths(value: i128) -> Decimal {
    Decimal::new(value, 3).expect("in range")
}

fn cubic_metres(value: i128) -> Quantity {
    Quantity { value: thousandths(value), unit: Unit::CubicMetre }
}

fn euro(pico: i128) -> Amount {
    Amount::from_pico(pico)
}

fn price(micro: i128) -> Price {
    Price { price: Decimal::new(micro, 6).expect("in range"), source: PriceSource::Contract }
}

/// A period in which `wh` were taken in tariff 1, twice that in tariff 2, and half of it given in each.
fn period(start: i64, wh: i128) -> Period {
    let energy = [
        (Field::EnergyImportT1, wh),
        (Field::EnergyImportT2, 2 * wh),
        (Field::EnergyImportTotal, 3 * wh),
        (Field::EnergyExportT1, wh / 2),
        (Field::EnergyExportT2, wh / 2),
        (Field::EnergyExportTotal, wh / 2 * 2),
    ];
    Period {
        start,
        end: start + 86_400,
        usage: Usage {
            energy: energy.map(|(field, wh)| (field, thousandths(wh))).to_vec(),
            devices: vec![(MbusClass::Gas, cubic_metres(wh / 10))],
        },
        cost: Some(PeriodCost {
            lines: vec![
                (CostLine::Import(Field::EnergyImportT1), euro(wh * 1_004_500_000)),
                (CostLine::Import(Field::EnergyImportT2), euro(wh * 400_000_000)),
                (CostLine::Export(Field::EnergyExportT1), euro(-wh * 500_000_000)),
                (CostLine::Export(Field::EnergyExportT2), euro(-wh * 600_000_000)),
                (CostLine::FeedIn, euro(wh * 10_000_000)),
                (CostLine::Device(MbusClass::Gas), euro(wh * 100_000_000)),
                (CostLine::Fixed, euro(1_234_500_000_000)),
                (CostLine::Capacity, euro(100_000_000_000)),
            ],
            fallback: false,
            unpriced: false,
        }),
        missing_s: 0,
    }
}

/// Totals of a meter with everything.
pub(super) fn totals(time: i64) -> Totals {
    let day = NOW - 42_330;
    Totals {
        time,
        today: period(day, 1_000),
        month: period(day - 20 * 86_400, 20_000),
        year: period(day - 324 * 86_400, 300_000),
        last_quarter: Some(Quarter {
            start: time.div_euclid(900) * 900 - 900,
            average_import: thousandths(1_234),
            average_export: thousandths(0),
        }),
        costs: Some(Costs {
            tariffs: [
                [Some(price(211_230)), Some(price(254_560))],
                [Some(price(70_000)), Some(price(-80_000))],
            ],
            devices: vec![(MbusClass::Gas, price(1_123_450))],
            ..Costs::default()
        }),
        currency: Arc::from("EUR"),
        ..Totals::default()
    }
}

/// The same where the record begins with them.
pub(super) fn first_totals(time: i64) -> Totals {
    let mut totals = totals(time);
    totals.year.usage = Usage { devices: vec![(MbusClass::Gas, cubic_metres(0))], ..totals.year.usage };
    totals
}

/// What the layout says, by topic; a topic that is said twice is a fault.
pub(super) fn said(
    layout: &mut Layout,
    reading: &Reading,
    totals: Option<&Totals>,
) -> BTreeMap<String, String> {
    let mut out = Vec::new();
    layout.messages(Context { meter: "home", rejected: 3, totals }, reading, &mut out);
    let count = out.len();
    let text = |message: Message| {
        (message.topic.to_string(), String::from_utf8(message.payload.to_vec()).expect("UTF-8"))
    };
    let said: BTreeMap<String, String> = out.into_iter().map(text).collect();
    assert_eq!(said.len(), count, "a topic was said twice");
    said
}

fn check(said: &BTreeMap<String, String>, folder: &str, expected: &[(&str, &str)]) {
    for (name, payload) in expected {
        let topic = format!("dsmr/{folder}/{name}");
        assert_eq!(said.get(&topic).map(String::as_str), Some(*payload), "{topic}");
    }
}

#[test]
fn the_day_is_told_to_the_byte() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&totals(NOW)));
    let day = [
        ("electricity1", "1.000"),
        ("electricity2", "2.000"),
        ("electricity1_returned", "0.500"),
        ("electricity2_returned", "0.500"),
        ("electricity_merged", "3.000"),
        ("electricity_returned_merged", "1.000"),
        // 1.0045 − 0.5, half up; and what tariff 2 gives back is worth more than it takes.
        ("electricity1_cost", "0.50"),
        ("electricity2_cost", "-0.20"),
        // 0.5045 − 0.2 + 0.01 for giving.
        ("electricity_cost_merged", "0.31"),
        // With gas, the fixed cost and the capacity.
        ("total_cost", "1.75"),
        ("gas", "0.100"),
        ("gas_cost", "0.10"),
        ("fixed_cost", "1.23"),
        ("energy_supplier_price_electricity_delivered_1", "0.211230"),
        ("energy_supplier_price_electricity_delivered_2", "0.254560"),
        ("energy_supplier_price_electricity_returned_1", "0.070000"),
        ("energy_supplier_price_electricity_returned_2", "-0.080000"),
        ("energy_supplier_price_gas", "1.123450"),
    ];
    check(&said, "day-consumption", &day);
    let keys: Vec<String> = day.iter().map(|(key, payload)| format!("\"{key}\": \"{payload}\"")).collect();
    assert_eq!(said["dsmr/day-consumption"], format!("{{{}}}", keys.join(", ")));
}

#[test]
fn month_and_year_are_told_to_the_byte() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&totals(NOW)));
    let month = [
        ("electricity1", "20.000"),
        ("electricity1_cost", "10.09"),
        ("electricity1_returned", "10.000"),
        ("electricity2", "40.000"),
        ("electricity2_cost", "-4.00"),
        ("electricity2_returned", "10.000"),
        ("electricity_merged", "60.000"),
        ("electricity_cost_merged", "6.29"),
        ("electricity_returned_merged", "20.000"),
        ("gas", "2.000"),
        ("gas_cost", "2.00"),
        ("fixed_cost", "1.23"),
        ("total_cost", "9.62"),
    ];
    let year = [("electricity1", "300.000"), ("electricity2_cost", "-60.00"), ("gas", "30.000")];
    check(&said, "current-month", &month);
    check(&said, "current-year", &year);
    let keys: Vec<String> =
        month.iter().map(|(key, payload)| format!("\"current_month_{key}\": \"{payload}\"")).collect();
    let json = &said["dsmr/current-period"];
    assert!(
        json.starts_with(&format!("{{{}, \"current_year_electricity1\": \"300.000\", ", keys.join(", ")))
    );
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(26));
}

#[test]
fn the_last_quarter_is_told_in_local_time() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&totals(NOW)));
    let json = "{\"read_at_start\": \"2026-11-21T11:30:00+01:00\", \
                \"read_at_end\": \"2026-11-21T11:45:00+01:00\", \"average_delivered\": \"1.234\"}";
    assert_eq!(said["dsmr/consumption/quarter-hour-peak-electricity/json"], json);
    let expected = [
        ("read_at_start", "2026-11-21T11:30:00+01:00"),
        ("read_at_end", "2026-11-21T11:45:00+01:00"),
        ("average_delivered", "1.234"),
    ];
    check(&said, "consumption/quarter-hour-peak-electricity", &expected);
}

#[test]
fn each_speaks_at_its_own_pace() {
    let (mut layout, reading) = (dsmr_reader(), reading(THREE_PHASES));
    let mut heard = |time: i64| {
        let said = said(&mut layout, &reading, Some(&first_totals(time)));
        let has = |topic: &str| said.contains_key(topic);
        let day =
            [has("dsmr/day-consumption"), has("dsmr/day-consumption/gas"), has("dsmr/current-year/gas")];
        assert!(day.iter().all(|heard| *heard == day[0]));
        assert!(has("dsmr/json") && has("dsmr/meter-stats/rejected_telegrams"));
        (day[0], has("dsmr/consumption/quarter-hour-peak-electricity/json"), has("dsmr/consumption/gas/json"))
    };
    assert_eq!(heard(NOW), (true, true, true), "what there is, at the start");
    assert_eq!(heard(NOW + 29), (false, false, false));
    assert_eq!(heard(NOW + 30), (true, false, false), "the minute has passed");
    assert_eq!(heard(NOW + 89), (false, false, false));
    assert_eq!(heard(NOW + 870), (true, true, false), "the quarter has passed");
    assert_eq!(heard(NOW + 800), (true, true, false), "the clock was set back");
}

#[test]
fn a_restart_does_not_take_back_what_was_told_of_gas() {
    let mut layout = dsmr_reader();
    let first = said(&mut layout, &reading(THREE_PHASES), Some(&totals(NOW)));
    check(&first, "consumption/gas", &[("read_at", "2026-11-21T11:45:00+01:00"), ("delivered", "2345.717")]);
    for name in ["currently_delivered", "json"] {
        assert!(!first.contains_key(&format!("dsmr/consumption/gas/{name}")), "{name}");
    }
    let mut later = THREE_PHASES.to_vec();
    later.pop();
    later.push("0-1:24.2.1(261121115000W)(02345.730*m3)");
    let next = said(&mut layout, &reading(&later), Some(&totals(NOW + 300)));
    check(&next, "consumption/gas", &[("currently_delivered", "0.013")]);
    assert!(next["dsmr/consumption/gas/json"].ends_with("\"currently_delivered\": \"0.013\"}"));
}

#[test]
fn json_and_topics_say_the_same() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&first_totals(NOW)));
    let mut compared = 0;
    for (json, folders) in [
        ("json", &[("", "reading")][..]),
        ("day-consumption", &[("", "day-consumption")]),
        ("current-period", &[("current_month_", "current-month"), ("current_year_", "current-year")]),
        ("consumption/gas/json", &[("", "consumption/gas")]),
        (
            "consumption/quarter-hour-peak-electricity/json",
            &[("", "consumption/quarter-hour-peak-electricity")],
        ),
    ] {
        let json: serde_json::Value = serde_json::from_str(&said[&format!("dsmr/{json}")]).expect("JSON");
        for (key, value) in json.as_object().expect("an object") {
            let topic = folders
                .iter()
                .find_map(|(start, folder)| Some(format!("dsmr/{folder}/{}", key.strip_prefix(start)?)));
            let text = value.as_str().map_or_else(|| value.to_string().replace("null", ""), str::to_owned);
            assert_eq!(said[&topic.expect("a topic")], text, "{key}");
            compared += 1;
        }
    }
    assert_eq!(compared, 22 + 18 + 26 + 3 + 3);
}

#[test]
fn without_a_contract_costs_and_prices_are_zero_as_they_are_in_dsmr_reader() {
    let mut totals = totals(NOW);
    totals.costs = None;
    for period in [&mut totals.today, &mut totals.month, &mut totals.year] {
        period.cost = None;
    }
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&totals));
    check(
        &said,
        "day-consumption",
        &[
            ("electricity1_cost", "0.00"),
            ("electricity_cost_merged", "0.00"),
            ("gas_cost", "0.00"),
            ("fixed_cost", "0.00"),
            ("total_cost", "0.00"),
            ("energy_supplier_price_electricity_delivered_1", "0"),
            ("energy_supplier_price_gas", "0"),
        ],
    );
    check(&said, "current-year", &[("total_cost", "0.00")]);
    assert!(said["dsmr/day-consumption"].ends_with("\"energy_supplier_price_gas\": 0}"));
}

#[test]
fn a_price_that_a_contract_lacks_is_zero() {
    let mut totals = totals(NOW);
    totals.costs = Some(Costs::default());
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&totals));
    let zero = "0.000000";
    check(&said, "day-consumption", &[("energy_supplier_price_electricity_returned_2", zero)]);
    check(&said, "day-consumption", &[("energy_supplier_price_gas", zero)]);
}

#[test]
fn a_meter_without_tariffs_counts_in_the_first_and_one_without_gas_clears_it() {
    let mut totals = totals(NOW);
    for period in [&mut totals.today, &mut totals.month, &mut totals.year] {
        period
            .usage
            .energy
            .retain(|(field, _)| matches!(field, Field::EnergyImportTotal | Field::EnergyExportTotal));
        period.usage.devices.clear();
        let cost = period.cost.as_mut().expect("a cost");
        cost.lines = vec![
            (CostLine::Import(Field::EnergyImportTotal), euro(750_000_000_000)),
            (CostLine::Export(Field::EnergyExportTotal), euro(-250_000_000_000)),
        ];
    }
    let said = said(&mut dsmr_reader(), &reading(TOTAL_ONLY), Some(&totals));
    check(
        &said,
        "day-consumption",
        &[
            ("electricity1", "3.000"),
            ("electricity2", "0.000"),
            ("electricity1_returned", "1.000"),
            ("electricity2_returned", "0.000"),
            ("electricity_merged", "3.000"),
            ("electricity1_cost", "0.50"),
            ("electricity2_cost", "0.00"),
            ("total_cost", "0.50"),
            ("gas", ""),
            ("gas_cost", ""),
        ],
    );
    check(&said, "current-month", &[("gas", ""), ("gas_cost", "")]);
    assert!(!said["dsmr/day-consumption"].contains("\"gas\""));
    assert!(!said["dsmr/current-period"].contains("gas"));
    assert!(!said.contains_key("dsmr/consumption/gas/json"));
}

#[test]
fn nothing_is_told_of_periods_where_nobody_adds_up() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), None);
    assert!(!said.keys().any(|topic| topic.contains("current-") || topic.contains("day-")));
    assert_eq!(said.len(), 1 + 1 + 22 + 11 + 4);
}
