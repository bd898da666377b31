//! Entities of totals, peaks, prices and costs.

use std::sync::Arc;

use dsmrd::meter::{Field, MbusClass, Quantity, Unit};
use dsmrd::p1::Decimal;
use dsmrd::prices::{Amount, Price, PriceSource};
use dsmrd::totals::{CostLine, Costs, Demand, MonthPeak, Peaks, Period, PeriodCost, Quarter, Usage};

use super::rules::Rules;
use super::*;

fn decimal(mantissa: i128, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).expect("fits")
}

fn period(start: i64) -> Period {
    let kwh = |field, mantissa| (field, decimal(mantissa, 3));
    let gas = Quantity { value: decimal(1_234, 3), unit: Unit::CubicMetre };
    let heat = Quantity { value: decimal(5, 1), unit: Unit::GigaJoule };
    let euro = |line, cents: i128| (line, Amount::from_pico(cents * 10_000_000_000));
    Period {
        start,
        end: start + 86_400,
        usage: Usage {
            energy: vec![
                kwh(Field::EnergyImportT1, 7_100),
                kwh(Field::EnergyImportTotal, 7_100),
                kwh(Field::EnergyExportTotal, 30),
            ],
            devices: vec![(MbusClass::Gas, gas), (MbusClass::Heat, heat)],
        },
        cost: Some(PeriodCost {
            lines: vec![
                euro(CostLine::Import(Field::EnergyImportT1), 105),
                euro(CostLine::Export(Field::EnergyExportT1), -5),
                euro(CostLine::Device(MbusClass::Gas), 150),
            ],
            ..PeriodCost::default()
        }),
        missing_s: 0,
    }
}

fn totals() -> Totals {
    let price =
        |mantissa, scale| Some(Price { price: decimal(mantissa, scale), source: PriceSource::Dynamic });
    let power = |watts| decimal(watts, 3);
    let devices = vec![
        (MbusClass::Gas, price(12_795, 4).expect("a price")),
        (MbusClass::Heat, price(4_379, 2).expect("a price")),
        // Of which there is no meter.
        (MbusClass::WarmWater, price(2_000, 2).expect("a price")),
    ];
    Totals {
        time: 1_795_256_405,
        quarter: period(1_795_256_100),
        today: period(1_795_215_600),
        month: period(1_793_487_600),
        year: period(1_767_222_000),
        last_quarter: Some(Quarter {
            start: 1_795_255_200,
            average_import: power(1_204),
            average_export: power(0),
        }),
        demand: Some(Demand { average: power(600), forecast: power(812) }),
        peaks: Peaks {
            month: Some(MonthPeak { value: power(4_329), time: Some(1_793_700_900) }),
            mean: Some(power(3_998)),
            months: 11,
        },
        costs: Some(Costs {
            per_hour: Some(Amount::from_pico(123_450_000_000)),
            import: price(2_345, 4),
            export: price(-1, 2),
            devices,
            ..Costs::default()
        }),
        currency: Arc::from("EUR"),
        ..Totals::default()
    }
}

fn document(payload: PayloadFormat) -> Value {
    let mut layout = layout(discovery(&["home"]), payload);
    let reading = lines(&["0-0:96.1.1(4530303033)", "1-0:1.8.1(000123.456*kWh)"], 0);
    let said = say(&mut layout, "home", &reading, Some(&totals()));
    let document = told(&said).remove("E0003").expect("a document");
    let mut rules = Rules::default();
    rules.document("E0003", &document);
    assert_eq!(rules.problems, [""; 0]);
    // Every topic of the totals that shows something is an entity, or the JSON behind some.
    let topics: Vec<&str> = document["components"]
        .as_object()
        .expect("components")
        .values()
        .filter_map(|part| part["state_topic"].as_str())
        .collect();
    for message in said.iter().filter(|message| message.topic.starts_with("dsmrd/home/")) {
        let field = message.topic.trim_start_matches("dsmrd/home/");
        let is_bill = payload != PayloadFormat::ValueTimestamp && field.starts_with("cost/");
        let is_total = field.contains('/') && !field.ends_with("json") && !is_bill;
        assert!(!is_total || topics.contains(&&*message.topic), "{field} is no entity");
    }
    document
}

#[test]
fn usage_grows_and_begins_anew() {
    let document = document(PayloadFormat::Value);
    let part = |key: &str| document["components"][key].clone();
    let today = part("today_energy_import");
    assert_eq!(
        today,
        serde_json::json!({
            "platform": "sensor",
            "unique_id": "dsmrd_E0003_today_energy_import",
            "default_entity_id": "sensor.home_today_energy_import",
            "name": "Energy imported, today",
            "state_topic": "dsmrd/home/today/energy_import",
            "device_class": "energy",
            "state_class": "total_increasing",
            "unit_of_measurement": "kWh",
            "suggested_display_precision": 3,
        })
    );
    for (key, class, unit) in [
        ("month_gas", "gas", "m³"),
        ("year_heat", "energy", "GJ"),
        ("today_energy_import_t1", "energy", "kWh"),
    ] {
        let part = part(key);
        assert_eq!(
            (&part["device_class"], &part["unit_of_measurement"]),
            (&class.into(), &unit.into()),
            "{key}"
        );
        assert_eq!(part["state_class"], "total_increasing", "{key}");
    }
    for key in ["quarter_average", "quarter_forecast", "peak_month", "peak_mean_12_months"] {
        assert_eq!(part(key)["device_class"], "power", "{key}");
        assert!(part(key).get("enabled_by_default").is_none(), "{key}");
    }
    assert_eq!(part("peak_month_time")["device_class"], "timestamp");
}

#[test]
fn money_is_a_total_since_its_period_began() {
    let document = document(PayloadFormat::Value);
    let part = |key: &str| document["components"][key].clone();
    assert_eq!(
        part("cost_today_import"),
        serde_json::json!({
            "platform": "sensor",
            "unique_id": "dsmrd_E0003_cost_today_import",
            "default_entity_id": "sensor.home_cost_today_import",
            "name": "Cost of energy imported, today",
            "last_reset_value_template": "{{ value_json.start }}",
            "state_topic": "dsmrd/home/today/json",
            "value_template": "{{ (value_json.cost | default({})).get('import') }}",
            "device_class": "monetary",
            "state_class": "total",
            "unit_of_measurement": "EUR",
            "suggested_display_precision": 2,
        })
    );
    for (key, topic, of) in [
        ("cost_today", "today", "total"),
        ("cost_month", "month", "total"),
        ("cost_year", "year", "total"),
        ("cost_today_export", "today", "export"),
        ("cost_today_gas", "today", "gas"),
        ("cost_today_import_t1", "today", "import_t1"),
    ] {
        let part = part(key);
        assert_eq!(part["state_topic"], format!("dsmrd/home/{topic}/json"), "{key}");
        let template = part["value_template"].as_str().expect("a template");
        assert!(template.contains(&format!(".get('{of}')")), "{key}: {template}");
    }
    // What the energy dashboard takes for a price.
    for (key, unit) in [
        ("cost_price_import", "EUR/kWh"),
        ("cost_price_export", "EUR/kWh"),
        ("cost_price_gas", "EUR/m³"),
        ("cost_price_heat", "EUR/GJ"),
        ("cost_price_warm_water", "EUR/m³"),
        ("cost_now", "EUR/h"),
    ] {
        assert_eq!(part(key)["unit_of_measurement"], unit, "{key}");
        assert!(part(key).get("device_class").is_none(), "{key}");
    }
    assert_eq!(part("cost_price_source")["options"], serde_json::json!(["contract", "dynamic", "fallback"]));
}

#[test]
fn the_json_of_a_period_has_what_its_templates_read() {
    for payload in [PayloadFormat::Value, PayloadFormat::Json] {
        let mut layout = layout(discovery(&["home"]), payload);
        let reading = lines(&["0-0:96.1.1(4530303033)", "1-0:1.8.1(000123.456*kWh)"], 0);
        let said = say(&mut layout, "home", &reading, Some(&totals()));
        let document = told(&said).remove("E0003").expect("a document");
        let mut bills = 0;
        for (key, part) in document["components"].as_object().expect("components") {
            let Some(template) =
                part["value_template"].as_str().filter(|text| text.contains("value_json.cost"))
            else {
                continue;
            };
            let topic = part["state_topic"].as_str().expect("a topic");
            let message = said.iter().find(|message| *message.topic == *topic).expect("it is said");
            let object: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let line = template.split('\'').nth(1).expect("a key");
            assert!(object["cost"][line].is_number(), "{key}: no {line} in {object}");
            assert!(object["start"].is_string());
            bills += 1;
        }
        assert!(bills >= 6, "{bills}");
    }
}

#[test]
fn without_json_money_has_no_start_and_is_no_total() {
    let document = document(PayloadFormat::ValueTimestamp);
    let part = &document["components"]["cost_today"];
    assert_eq!(part["state_topic"], "dsmrd/home/cost/today");
    assert_eq!(part["value_template"], "{{ value.split(' ')[0] }}");
    assert!(part.get("state_class").is_none() && part.get("last_reset_value_template").is_none());
}

#[test]
fn a_contract_that_ends_takes_its_entities_with_it() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let at = |second| lines(&["0-0:96.1.1(4530303033)", "1-0:1.8.1(000123.456*kWh)"], second);
    say(&mut layout, "home", &at(0), Some(&totals()));
    let mut after = totals();
    (after.time, after.costs) = (after.time + 86_400, None);
    for period in [&mut after.today, &mut after.month, &mut after.year] {
        (period.cost, period.start) = (None, period.start + 86_400);
    }
    say(&mut layout, "home", &at(86_400), Some(&after));
    let document =
        told(&say(&mut layout, "home", &at(86_430), Some(&after))).remove("E0003").expect("a document");
    let keys = keys(&document);
    for key in ["-cost_now", "-cost_price_import", "-cost_today", "-cost_year", "today_energy_import"] {
        assert!(keys.contains(&key.to_owned()), "no {key} in {keys:?}");
    }
}

#[test]
fn a_quarter_hour_that_ends_takes_no_entity_with_it() {
    let mut layout = layout(discovery(&["home"]), PayloadFormat::Value);
    let at = |second| lines(&["0-0:96.1.1(4530303033)", "1-0:1.8.1(000123.456*kWh)"], second);
    let before =
        told(&say(&mut layout, "home", &at(0), Some(&totals()))).remove("E0003").expect("a document");
    let mut next = totals();
    (next.time, next.demand, next.quarter.start) = (next.time + 900, None, next.quarter.start + 900);
    let said = say(&mut layout, "home", &at(900), Some(&next));
    assert!(
        said.iter().any(|message| message.topic.ends_with("quarter/average") && message.payload.is_empty())
    );
    let unchanged = |said: &[Message]| told(said).get("E0003").is_none_or(|document| *document == before);
    assert!(unchanged(&said));
    let back = Totals { time: next.time + 10, demand: totals().demand, ..next };
    for second in [910, 930, 960] {
        assert!(unchanged(&say(&mut layout, "home", &at(second), Some(&back))), "{second}");
    }
}
