//! `today/…`, `month/…`, `year/…`, `quarter/…`, `peak/…` and `cost/…`, from totals made by hand.

use std::sync::Arc;

use dsmrd::meter::{Field, MbusClass, Quantity, Unit};
use dsmrd::p1::Decimal;
use dsmrd::prices::{Amount, Price, PriceSource};
use dsmrd::totals::{CostLine, Costs, Demand, MonthPeak, Peaks, Period, PeriodCost, Quarter, Totals, Usage};

use super::*;

/// Whatever comes and goes.
mod laws;

/// 2026-11-21 10:20:05 UTC.
const NOW: i64 = 1_795_256_405;

fn decimal(text: &str) -> Decimal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mantissa = format!("{whole}{fraction}").parse().expect("digits");
    Decimal::new(mantissa, fraction.len() as u8).expect("fits")
}

/// So much money, with up to twelve decimals.
fn amount(text: &str) -> Amount {
    Amount::of(decimal(text), Decimal::new(1, 0).expect("fits")).expect("fits")
}

fn usage(energy: &[(Field, &str)], devices: &[(MbusClass, &str, Unit)]) -> Usage {
    Usage {
        energy: energy.iter().map(|(field, value)| (*field, decimal(value))).collect(),
        devices: devices
            .iter()
            .map(|(class, value, unit)| (*class, Quantity { value: decimal(value), unit: *unit }))
            .collect(),
    }
}

fn period(start: i64, end: i64, factor: &str) -> Period {
    let number = |behind: &str| format!("{factor}.{behind}");
    let energy = [
        (Field::EnergyImportT1, number("100")),
        (Field::EnergyImportT2, number("200")),
        (Field::EnergyExportT1, number("010")),
        (Field::EnergyExportT2, number("020")),
        (Field::EnergyImportTotal, number("300")),
        (Field::EnergyExportTotal, number("030")),
    ];
    let energy: Vec<_> = energy.iter().map(|(field, value)| (*field, value.as_str())).collect();
    let devices = [(MbusClass::Gas, "1.234", Unit::CubicMetre), (MbusClass::Heat, "0.5", Unit::GigaJoule)];
    let lines = [
        (CostLine::Import(Field::EnergyImportT1), "1.005"),
        (CostLine::Import(Field::EnergyImportT2), "2.004999999999"),
        (CostLine::Export(Field::EnergyExportT1), "-0.125"),
        (CostLine::Export(Field::EnergyExportT2), "0.02"),
        (CostLine::FeedIn, "0.01"),
        (CostLine::Device(MbusClass::Gas), "1.5"),
        (CostLine::Fixed, "0.82"),
    ];
    Period {
        start,
        end,
        usage: usage(&energy, &devices),
        cost: Some(PeriodCost {
            lines: lines.iter().map(|(line, value)| (*line, amount(value))).collect(),
            fallback: true,
            unpriced: false,
        }),
        missing_s: 900,
    }
}

/// Totals with everything that there can be.
pub(crate) fn whole() -> Totals {
    let price = |price: &str, source| Some(Price { price: decimal(price), source });
    let gas = Price { price: decimal("1.123456789"), source: PriceSource::Contract };
    Totals {
        time: NOW,
        quarter: Period {
            start: 1_795_256_100,
            end: 1_795_257_000,
            usage: usage(&[(Field::EnergyImportTotal, "0.051"), (Field::EnergyExportTotal, "0.000")], &[]),
            ..Period::default()
        },
        today: period(1_795_215_600, 1_795_302_000, "7"),
        month: period(1_793_487_600, 1_796_079_600, "70"),
        year: period(1_767_222_000, 1_798_758_000, "700"),
        last_quarter: Some(Quarter {
            start: 1_795_255_200,
            average_import: decimal("1.204"),
            average_export: decimal("0.000"),
        }),
        demand: Some(Demand { average: decimal("0.60"), forecast: decimal("0.8125") }),
        peaks: Peaks {
            month: Some(MonthPeak { value: decimal("4.329"), time: Some(1_793_700_900) }),
            mean: Some(decimal("3.998")),
            months: 11,
        },
        costs: Some(Costs {
            per_hour: Some(amount("0.12345")),
            import: price("0.2345", PriceSource::Dynamic),
            export: price("-0.01", PriceSource::Fallback),
            devices: vec![(MbusClass::Gas, gas)],
            ..Costs::default()
        }),
        currency: Arc::from("EUR"),
        ..Totals::default()
    }
}

/// What a reading with these totals says below `dsmrd/home/` of them.
fn tell(layout: &mut Layout, reading: &Reading, totals: Option<&Totals>) -> BTreeMap<String, String> {
    let mut out: Vec<Message> = Vec::new();
    layout.messages(Context { meter: "home", rejected: 0, totals }, reading, &mut out);
    let groups = ["today/", "month/", "year/", "quarter/", "peak/", "cost/"];
    out.into_iter()
        .filter_map(|message| {
            let topic = message.topic.strip_prefix("dsmrd/home/").expect("the meter's").to_owned();
            let payload = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
            groups.iter().any(|group| topic.starts_with(group)).then_some((topic, payload))
        })
        .collect()
}

fn is_of(groups: &[&str]) -> impl Fn(&String) -> bool {
    move |topic| groups.iter().any(|group| topic.starts_with(group))
}

#[test]
fn everything_there_is_to_say() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let said = tell(&mut layout, &reading(ONE_PHASE), Some(&whole()));
    let plain: BTreeMap<&str, &str> =
        said.iter().filter(|(topic, _)| !topic.ends_with("/json")).map(|(t, p)| (&**t, &**p)).collect();
    let mut expected: BTreeMap<&str, &str> = [
        ("quarter/start", "2026-11-21T10:15:00Z"),
        ("quarter/energy_import", "0.051"),
        ("quarter/energy_export", "0.000"),
        ("quarter/average", "0.600"),
        ("quarter/forecast", "0.813"),
        ("quarter/last_average", "1.204"),
        ("quarter/last_start", "2026-11-21T10:00:00Z"),
        ("peak/month", "4.329"),
        ("peak/month_time", "2026-11-03T10:15:00Z"),
        ("peak/mean_12_months", "3.998"),
        ("peak/months", "11"),
        ("cost/now", "0.1235"),
        // 1.005 + 2.004999999999 − 0.125 + 0.02 + 0.01 + 1.5 + 0.82, rounded at the end.
        ("cost/today", "5.23"),
        ("cost/month", "5.23"),
        ("cost/year", "5.23"),
        ("cost/today_import", "3.01"),
        ("cost/today_import_t1", "1.01"),
        ("cost/today_import_t2", "2.00"),
        ("cost/today_export", "0.11"),
        ("cost/today_export_t1", "0.13"),
        ("cost/today_export_t2", "-0.02"),
        ("cost/today_gas", "1.50"),
        ("cost/price_import", "0.2345"),
        ("cost/price_export", "-0.01"),
        ("cost/price_gas", "1.123457"),
        ("cost/price_source", "fallback"),
        ("cost/currency", "EUR"),
    ]
    .into();
    let spans = [
        ("today", "2026-11-20T23:00:00Z", "7"),
        ("month", "2026-10-31T23:00:00Z", "70"),
        ("year", "2025-12-31T23:00:00Z", "700"),
    ];
    let mut of_spans = Vec::new();
    for (span, start, whole) in spans {
        let mut tell = |name: &str, value: &str| of_spans.push((format!("{span}/{name}"), value.to_owned()));
        tell("start", start);
        for (name, behind) in [
            ("energy_import", "300"),
            ("energy_import_t1", "100"),
            ("energy_import_t2", "200"),
            ("energy_export", "030"),
            ("energy_export_t1", "010"),
            ("energy_export_t2", "020"),
        ] {
            tell(name, &format!("{whole}.{behind}"));
        }
        tell("gas", "1.234");
        tell("heat", "0.5");
    }
    expected.extend(of_spans.iter().map(|(topic, value)| (topic.as_str(), value.as_str())));
    assert_eq!(plain, expected);
    assert_eq!(
        said["today/json"],
        "{\"start\":\"2026-11-20T23:00:00Z\",\"end\":\"2026-11-21T23:00:00Z\",\"missing_s\":900,\
         \"usage\":{\"energy_import_t1\":7.100,\"energy_import_t2\":7.200,\"energy_export_t1\":7.010,\
         \"energy_export_t2\":7.020,\"energy_import\":7.300,\"energy_export\":7.030,\"gas\":1.234,\
         \"heat\":0.5},\"cost\":{\"total\":5.23,\"import\":3.01,\"export\":0.11,\"import_t1\":1.01,\
         \"import_t2\":2.00,\"export_t1\":0.13,\"export_t2\":-0.02,\"feed_in\":0.01,\"gas\":1.50,\
         \"fixed\":0.82,\"currency\":\"EUR\",\"fallback\":true,\"unpriced\":false}}"
    );
    for span in ["today", "month", "year"] {
        serde_json::from_str::<serde_json::Value>(&said[&format!("{span}/json")]).expect("valid JSON");
    }
}

#[test]
fn each_group_speaks_at_its_pace() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let (reading, mut totals) = (reading(ONE_PHASE), whole());
    let first = tell(&mut layout, &reading, Some(&totals));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..120 {
        totals.time += 1;
        for topic in tell(&mut layout, &reading, Some(&totals)).into_keys() {
            *counts.entry(topic).or_default() += 1;
        }
    }
    for topic in first.keys() {
        let fast = is_of(&["today/", "quarter/", "cost/today", "cost/now"])(topic);
        assert_eq!(counts.get(topic), Some(&if fast { 12 } else { 2 }), "{topic}");
    }
}

#[test]
fn a_price_and_a_peak_are_told_as_they_change() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let (reading, mut totals) = (reading(ONE_PHASE), whole());
    tell(&mut layout, &reading, Some(&totals));
    totals.time += 1;
    let costs = totals.costs.as_mut().expect("costs");
    costs.import = Some(Price { price: decimal("0.31"), source: PriceSource::Dynamic });
    costs.export = None;
    // The power of now is no price.
    costs.per_hour = Some(amount("0.2"));
    let said = tell(&mut layout, &reading, Some(&totals));
    let prices: Vec<(&str, &str)> = said.iter().map(|(topic, payload)| (&**topic, &**payload)).collect();
    assert_eq!(
        prices,
        [
            ("cost/currency", "EUR"),
            ("cost/price_export", ""),
            ("cost/price_gas", "1.123457"),
            ("cost/price_import", "0.31"),
            ("cost/price_source", "dynamic"),
        ]
    );
    totals.time += 1;
    totals.peaks.month = Some(MonthPeak { value: decimal("5.000"), time: None });
    let said = tell(&mut layout, &reading, Some(&totals));
    assert_eq!(said["peak/month"], "5.000");
    assert!(said.keys().all(is_of(&["peak/"])), "{said:?}");
}

#[test]
fn a_new_day_takes_the_place_of_the_old_at_once() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let (reading, mut totals) = (reading(ONE_PHASE), whole());
    tell(&mut layout, &reading, Some(&totals));
    totals.time += 1;
    totals.today.start = totals.time;
    totals.today.end += 86_400;
    totals.today.usage = usage(&[(Field::EnergyImportTotal, "0.000")], &[]);
    totals.today.cost = None;
    let said = tell(&mut layout, &reading, Some(&totals));
    assert_eq!(said["today/energy_import"], "0.000");
    assert_eq!(said["today/start"], "2026-11-21T10:20:06Z");
    for gone in ["today/gas", "today/energy_import_t1", "cost/today", "cost/today_gas"] {
        assert_eq!(said[gone], "", "{gone}");
    }
    assert!(!said.keys().any(is_of(&["month/", "year/", "cost/month", "peak/"])), "{said:?}");
    assert!(!said["today/json"].contains("cost"), "{}", said["today/json"]);
}

#[test]
fn what_vanishes_within_a_period_is_cleared_after_an_hour() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let (mut reading, mut totals) = (reading(ONE_PHASE), whole());
    tell(&mut layout, &reading, Some(&totals));
    totals.month.usage.devices.clear();
    let mut cleared = Vec::new();
    for minute in 1..=70 {
        totals.time += 60;
        reading.received_at += 60_000;
        let said = tell(&mut layout, &reading, Some(&totals));
        cleared.extend(said.into_iter().filter(|(_, payload)| payload.is_empty()).map(|(t, _)| (minute, t)));
    }
    assert_eq!(cleared, [(60, "month/gas".to_owned()), (60, "month/heat".to_owned())]);
}

#[test]
fn without_a_contract_nothing_costs() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let (reading, mut totals) = (reading(ONE_PHASE), whole());
    let with = tell(&mut layout, &reading, Some(&totals));
    totals.time += 1;
    totals.costs = None;
    let said = tell(&mut layout, &reading, Some(&totals));
    let now = |topic: &&String| is_of(&["cost/now", "cost/price", "cost/currency"])(topic);
    for topic in with.keys().filter(now) {
        assert_eq!(said.get(topic).map(String::as_str), Some(""), "{topic}");
    }
    for period in [&mut totals.today, &mut totals.month, &mut totals.year] {
        period.cost = None;
    }
    let mut fresh = super::super::native("dsmrd", PayloadFormat::Value);
    let said = tell(&mut fresh, &reading, Some(&totals));
    assert!(!said.is_empty() && !said.keys().any(is_of(&["cost/"])), "{said:?}");
}

#[test]
fn what_has_no_price_does_not_cost_zero() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let mut totals = whole();
    let only = |lines: &[(CostLine, &str)]| {
        let lines = lines.iter().map(|(line, value)| (*line, amount(value))).collect();
        Some(PeriodCost { lines, fallback: false, unpriced: true })
    };
    totals.today.cost = only(&[]);
    totals.month.cost = only(&[(CostLine::Fixed, "0")]);
    totals.year.cost = only(&[(CostLine::Fixed, "0"), (CostLine::Device(MbusClass::Gas), "0")]);
    let said = tell(&mut layout, &reading(ONE_PHASE), Some(&totals));
    assert!(!said.contains_key("cost/today") && !said.contains_key("cost/month"), "{said:?}");
    assert_eq!(said["cost/year"], "0.00", "gas has a price, and none was used");
    assert!(said["year/json"].contains("\"unpriced\":true"), "{}", said["year/json"]);
}

#[test]
fn totals_that_know_nothing_say_nothing() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let reading = reading(ONE_PHASE);
    assert_eq!(tell(&mut layout, &reading, None), BTreeMap::new());
    assert_eq!(tell(&mut layout, &reading, Some(&Totals::default())), BTreeMap::new());
}

#[test]
fn another_meter_tells_its_totals_at_once() {
    let mut layout = super::super::native("dsmrd", PayloadFormat::Value);
    let mut totals = whole();
    let before = tell(&mut layout, &reading(ONE_PHASE), Some(&totals));
    let new = reading(&["0-0:1.0.0(160716120005S)", "0-0:96.1.1(4E4557)", "1-0:1.7.0(00.100*kW)"]);
    totals.time += 1;
    totals.today.usage.devices.clear();
    let said = tell(&mut layout, &new, Some(&totals));
    assert_eq!(said.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let cleared: Vec<&str> =
        said.iter().filter(|(_, payload)| payload.is_empty()).map(|(topic, _)| &**topic).collect();
    assert_eq!(cleared, ["today/gas", "today/heat"]);
}

#[test]
fn every_format_of_payloads() {
    let (reading, totals) = (reading(ONE_PHASE), whole());
    let mut layout = super::super::native("dsmrd", PayloadFormat::Json);
    let said = tell(&mut layout, &reading, Some(&totals));
    let time = "\"time\": \"2016-07-15T10:00:05Z\"}";
    for (topic, value) in [
        ("today/gas", "{\"value\": 1.234, \"unit\": \"m3\", "),
        ("cost/today", "{\"value\": 5.23, \"unit\": \"EUR\", "),
        ("cost/now", "{\"value\": 0.1235, \"unit\": \"EUR/h\", "),
        ("cost/price_import", "{\"value\": 0.2345, \"unit\": \"EUR/kWh\", "),
        ("cost/price_gas", "{\"value\": 1.123457, \"unit\": \"EUR/m3\", "),
        ("cost/price_source", "{\"value\": \"fallback\", "),
        ("peak/months", "{\"value\": 11, "),
        ("quarter/start", "{\"value\": \"2026-11-21T10:15:00Z\", "),
    ] {
        assert_eq!(said[topic], format!("{value}{time}"), "{topic}");
    }
    assert!(said["year/json"].starts_with("{\"start\":"), "an object is one already");
    let mut layout = super::super::native("dsmrd", PayloadFormat::ValueTimestamp);
    let said = tell(&mut layout, &reading, Some(&totals));
    assert_eq!(said["cost/today"], "5.23 1468576805");
    assert_eq!(said["today/energy_import"], "7.300 1468576805");
    for (topic, payload) in &said {
        let (value, _) = payload.split_once(' ').expect("value and time");
        assert!(value.parse::<f64>().is_ok(), "{topic}: {payload}");
    }
}
