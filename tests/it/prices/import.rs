//! Tables as people and markets write them. Their shapes are those of public price services; the numbers are made up.

use dsmrd::prices::import::{read, sniff};
use dsmrd::prices::{ImportFormat, PriceKind, PriceUnit, Slot};

use super::{amsterdam, electricity, told, utc};

fn csv(text: &str) -> Vec<String> {
    told(&electricity(text, ImportFormat::Csv).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn json(text: &str) -> Vec<String> {
    assert_eq!(sniff(text.as_bytes()), ImportFormat::Json);
    told(&electricity(text, ImportFormat::Json).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// Two hours, as every table below tells them.
const TWO: [&str; 2] = ["01-31T11:00 01-31T12:00 0.09213", "01-31T12:00 01-31T13:00 -0.00500"];

#[test]
fn the_plainest_table() {
    assert_eq!(csv("start,price\n2026-01-31T11:00Z,0.09213\n2026-01-31T12:00Z,-0.00500\n"), TWO);
}

#[test]
fn columns_in_any_order_with_others_between() {
    let text = "price;area;end;start\r\n\
                0,09213;NL;2026-01-31 13:00;2026-01-31 12:00\r\n\
                \r\n\
                -0,00500;NL;2026-01-31 14:00;2026-01-31 13:00";
    assert_eq!(csv(text), TWO);
    assert_eq!(csv(&text.replace(';', "\t")), TWO);
    assert_eq!(csv(&format!("\u{feff}sep=;\r\n{text}")), TWO);
}

#[test]
fn quotes_as_rfc_4180_has_them() {
    let text = "\"note, if any\",\"Start\",\"Price\"\n\
                \"one \"\"quoted\"\"\nand a second line\",\"2026-01-31T12:00+01:00\",\"0.09213\"\n\
                ,\"2026-01-31T13:00+01:00\",-0.00500\n";
    assert_eq!(csv(text), TWO);
}

#[test]
fn an_interval_in_one_column_with_the_unit_in_the_header() {
    let text = "\"MTU (CET/CEST)\",\"Area\",\"Sequence\",\"Day-ahead Price (EUR/MWh)\",\"Intraday Price (EUR/MWh)\"\n\
                \"31/01/2026 12:00:00 - 31/01/2026 13:00:00\",\"BZN|NL\",\"Without Sequence\",\"92.13\",\"\"\n\
                \"31/01/2026 13:00:00 - 31/01/2026 14:00:00\",\"BZN|NL\",\"Without Sequence\",\"-5.00\",\"\"\n\
                \"31/01/2026 14:00:00 - 31/01/2026 15:00:00\",\"BZN|NL\",\"Without Sequence\",\"n/e\",\"\"\n";
    assert_eq!(csv(text), TWO);
    let marked = text.replace(":00:00 -", ":00:00 (CET) -").replace(":00:00\"", ":00:00 (CET)\"");
    assert_eq!(csv(&marked), TWO);
}

#[test]
fn columns_of_other_languages() {
    let text = "Datum von;Datum bis;Deutschland/Luxemburg [€/MWh]\n\
                31.01.2026 12:00;31.01.2026 13:00;92,13\n31.01.2026 13:00;31.01.2026 14:00;-5,00\n";
    assert_eq!(csv(text), TWO);
    let text = "datum_nl;datum_utc;prijs_excl_belastingen\n\
                2026-01-31 12:00;2026-01-31 11:00;0,09213\n2026-01-31 13:00;2026-01-31 12:00;-0,00500\n";
    assert_eq!(csv(text), TWO);
    let text = "start;price;unit\n2026-01-31 12:00;92,13;EUR/MWh\n2026-01-31 13:00;-0,00500;EUR\n";
    assert_eq!(csv(text), TWO);
    let text = "Datum;Uhrzeit;Preis (ct/kWh)\n31.01.2026;12:00;9,213\n31.01.2026;13:00;-0,500\n";
    assert_eq!(csv(text), TWO);
}

#[test]
fn json_of_market_services() {
    // A list with milliseconds and a unit beside each price.
    assert_eq!(
        json(
            r#"{"object":"list","data":[
            {"start_timestamp":1769857200000,"end_timestamp":1769860800000,"marketprice":92.13,"unit":"Eur/MWh"},
            {"start_timestamp":1769860800000,"end_timestamp":1769864400000,"marketprice":-5.00,"unit":"Eur/MWh"}],
            "url":"/v1/marketdata"}"#
        ),
        TWO
    );
    // Days of their own, deep below, with the parts of a price and the price of now.
    assert_eq!(
        json(
            r#"{"data":{"viewer":{"homes":[{"currentSubscription":{"priceInfo":{
            "current":{"total":0.09213,"startsAt":"2026-01-31T12:00:00.000+01:00"},
            "today":[{"total":0.09213,"energy":0.07,"tax":0.02,"startsAt":"2026-01-31T12:00:00.000+01:00"}],
            "tomorrow":[{"total":-0.00500,"energy":0.01,"tax":0,"startsAt":"2026-01-31T13:00:00.000+01:00"}]}}}]}}}"#
        ),
        TWO
    );
    // A range and a mean beside the list.
    assert_eq!(
        json(
            r#"{"Prices":[{"price":0.09213,"readingDate":"2026-01-31T11:00:00Z"},
            {"price":-0.00500,"readingDate":"2026-01-31T12:00:00Z"}],"intervalType":4,"average":0.04,
            "fromDate":"2026-01-31T11:00:00Z","tillDate":"2026-01-31T12:59:59.999Z"}"#
        ),
        TWO
    );
    // A price for each area.
    let areas = r#"{"deliveryDateCET":"2026-01-31","multiAreaEntries":[
        {"deliveryStart":"2026-01-31T11:00:00Z","deliveryEnd":"2026-01-31T12:00:00Z","entryPerArea":{"NL":0.09213}},
        {"deliveryStart":"2026-01-31T12:00:00Z","deliveryEnd":"2026-01-31T13:00:00Z","entryPerArea":{"NL":-0.00500}}],
        "blockPriceAggregates":[{"deliveryStart":"2026-01-31T11:00:00Z","deliveryEnd":"2026-01-31T13:00:00Z",
        "averagePricePerArea":{"NL":{"average":0.04}}}],"areaAverages":[{"areaCode":"NL","price":0.04}]}"#;
    assert_eq!(json(areas), TWO);
    // Columns.
    assert_eq!(
        json(r#"{"unix_seconds":[1769857200,1769860800],"price":[92.13,-5.00],"unit":"EUR / MWh"}"#),
        TWO
    );
    // The unit of a whole list.
    assert_eq!(
        json(
            r#"{"meta":{"unit":"ct/kWh"},"unit":"EUR/MWh","data":{"NL":[{"start":1769857200,"price":92.13}]}}"#
        ),
        TWO[..1]
    );
    // Times as names, and prices as text.
    assert_eq!(json(r#"{"2026-01-31T11:00:00Z":0.09213,"2026-01-31T12:00:00Z":"-0.00500"}"#), TWO);
    assert_eq!(json(r#"{"NL":{"1769857200":9.213e-2,"1769860800":-500e-5}}"#), TWO);
    // One slot.
    assert_eq!(json(r#"{"start":"2026-01-31T11:00Z","price":0.09213}"#), TWO[..1]);
}

#[test]
fn gas_beside_electricity_is_told_by_its_name() {
    let text = r#"{"data":{
        "marketPricesElectricity":[{"from":"2026-01-31T11:00:00Z","till":"2026-01-31T12:00:00Z","marketPrice":0.09213}],
        "marketPricesGas":[{"from":"2026-01-31T05:00:00Z","till":"2026-02-01T05:00:00Z","marketPrice":0.31}]}}"#;
    assert_eq!(json(text), TWO[..1]);
    let gas = read(text.as_bytes(), ImportFormat::Json, PriceKind::Gas, PriceUnit::Unit, None).expect("gas");
    assert_eq!(told(&gas), ["01-31T05:00 02-01T05:00 0.31"]);
    assert!(gas.iter().all(|slot| slot.kind == PriceKind::Gas));
}

#[test]
fn a_row_may_tell_its_kind() {
    let text = "kind,start,price\ngas,2026-01-31T11:00Z,1.1\nElectricity,2026-01-31T11:00Z,0.2\n";
    let slots = electricity(text, ImportFormat::Csv).expect("a table");
    let kinds: Vec<_> = slots.iter().map(|slot| slot.kind).collect();
    assert_eq!(kinds, [PriceKind::Electricity, PriceKind::Gas]);
}

#[test]
fn an_end_that_is_not_told_is_the_next_start() {
    // The last lasts as long as the one before it; a row without a price ends one, and is none.
    let quarters = "start,price\n2026-01-31T11:00Z,1\n2026-01-31T11:15Z,2\n";
    assert_eq!(csv(quarters), ["01-31T11:00 01-31T11:15 1", "01-31T11:15 01-31T11:30 2"]);
    assert_eq!(
        csv(&format!("{quarters}2026-01-31T11:25Z,\n")),
        ["01-31T11:00 01-31T11:15 1", "01-31T11:15 01-31T11:25 2"]
    );
    assert_eq!(csv("start,price\n2026-01-31T11:00Z,1\n"), ["01-31T11:00 01-31T12:00 1"]);
    let backwards = "start,price\n2026-01-31T11:15Z,2\n2026-01-31T11:00Z,1\n2026-01-31T11:15Z,2.0\n";
    assert_eq!(csv(backwards), csv(quarters));
}

#[test]
fn a_mwh_is_a_thousand_kwh() {
    let text = "start,price\n2026-01-31T11:00Z,92.13\n";
    let read = |unit| read(text.as_bytes(), ImportFormat::Csv, PriceKind::Electricity, unit, None);
    assert_eq!(told(&read(PriceUnit::MegaWattHour).expect("a table")), TWO[..1]);
    assert_eq!(told(&read(PriceUnit::Unit).expect("a table")), ["01-31T11:00 01-31T12:00 92.13"]);
}

/// A local day by the hour, as a table without offsets tells it.
fn local_day(date: &str, hours: &[&str]) -> String {
    let rows = hours.iter().enumerate().map(|(price, hour)| format!("{date} {hour},0.{price:02}\n"));
    format!("start,price\n{}", rows.collect::<String>())
}

#[test]
fn days_of_23_and_25_hours() {
    let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}:00")).collect();
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    let contiguous = |slots: &[Slot]| {
        slots.windows(2).all(|pair| pair[0].end == pair[1].start)
            && slots.iter().all(|slot| slot.end - slot.start == 3_600)
    };
    // In spring 02:00 is left out.
    let spring: Vec<&str> = hours.iter().copied().filter(|hour| *hour != "02:00").collect();
    let slots = electricity(&local_day("2026-03-29", &spring), ImportFormat::Csv).expect("23 hours");
    assert_eq!(slots.len(), 23);
    assert!(contiguous(&slots));
    assert_eq!(slots[0].start, utc("2026-03-28T23:00:00Z"));
    assert_eq!(slots[22].end, utc("2026-03-29T22:00:00Z"));
    // In autumn 02:00 is there twice, told apart by the letters.
    let autumn: Vec<&str> = hours[..2]
        .iter()
        .copied()
        .chain(["02:00 (CEST)", "02:00 (CET)"])
        .chain(hours[3..].iter().copied())
        .collect();
    let slots = electricity(&local_day("2026-10-25", &autumn), ImportFormat::Csv).expect("25 hours");
    assert_eq!(slots.len(), 25);
    assert!(contiguous(&slots));
    assert_eq!(slots[24].end, utc("2026-10-25T23:00:00Z"));
    // Without them nobody knows which is which.
    let error = electricity(&local_day("2026-10-25", &hours), ImportFormat::Csv).expect_err("doubtful");
    assert_eq!(error.place, "line 4");
    assert!(error.problem.contains("was there twice"), "{error}");
    let error = electricity(&local_day("2026-03-29", &hours), ImportFormat::Csv).expect_err("never was");
    assert!(error.to_string().starts_with("line 4: the time \"2026-03-29 02:00\" never was"), "{error}");
}

#[test]
fn formats_are_told_by_their_first_bracket() {
    assert_eq!(sniff(b"\xef\xbb\xbf \n[{}]"), ImportFormat::Json);
    assert_eq!(sniff(b"{}"), ImportFormat::Json);
    assert_eq!(sniff(b"start,price"), ImportFormat::Csv);
    assert_eq!(sniff(b""), ImportFormat::Csv);
    let marked = "\u{feff}[{\"start\":1769857200,\"price\":1}]";
    assert_eq!(
        told(
            &read(marked.as_bytes(), ImportFormat::Json, PriceKind::Gas, None, Some(&amsterdam()))
                .expect("gas")
        )
        .len(),
        1
    );
}
