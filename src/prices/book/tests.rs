use jiff::civil::{Date, date};

use super::super::table::Slot;
use super::*;

fn d(text: &str) -> Decimal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mantissa = format!("{whole}{fraction}").parse().expect("digits");
    Decimal::new(mantissa, u8::try_from(fraction.len()).expect("short")).expect("fits")
}

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_second()
}

fn contract(start: Date, end: Option<Date>) -> Contract {
    Contract {
        name: "test".to_owned(),
        meter: None,
        start,
        end,
        import: Some(d("0.25")),
        import_tariffs: [None, Some(d("0.30")), None, None],
        export: Some(d("0.05")),
        export_tariffs: [None; 4],
        devices: vec![(MbusClass::Gas, d("1.20")), (MbusClass::Water, d("0.90"))],
        fixed: Decimal::ZERO,
        feed_in: Decimal::ZERO,
        capacity: None,
        capacity_minimum: Decimal::ZERO,
        dynamic: None,
    }
}

fn dynamic() -> Dynamic {
    Dynamic {
        markup_import: d("0.0250"),
        markup_export: d("-0.01"),
        markup_gas: d("0.6"),
        vat: d("0.21"),
        vat_export: d("0.06"),
        import: true,
        export: true,
        gas: true,
    }
}

fn book(contracts: Vec<Contract>, slots: impl IntoIterator<Item = Slot>) -> PriceBook {
    let zone = Zone::new("Europe/Amsterdam").expect("known");
    PriceBook::new("EUR", contracts, Arc::new(PriceTable::from_slots(slots)), zone)
}

fn slot(kind: PriceKind, start: i64, price: &str) -> Slot {
    Slot { kind, start, end: start + 3_600, price: d(price) }
}

/// A price as text, with where it comes from.
fn told(price: Option<Price>) -> Option<(String, PriceSource)> {
    price.map(|price| (price.price.to_string(), price.source))
}

fn is(price: &str, source: PriceSource) -> Option<(String, PriceSource)> {
    Some((price.to_owned(), source))
}

const NOON: i64 = 1_767_268_800;

#[test]
fn a_tariff_has_its_own_price_or_that_of_all() {
    let book = book(vec![contract(date(2026, 1, 1), None)], []);
    let energy = |field| told(book.energy(NOON, field));
    assert_eq!(energy(Field::EnergyImportT1), is("0.25", PriceSource::Contract));
    assert_eq!(energy(Field::EnergyImportT2), is("0.30", PriceSource::Contract));
    assert_eq!(energy(Field::EnergyImportTotal), is("0.25", PriceSource::Contract));
    assert_eq!(energy(Field::EnergyImportT11), is("0.25", PriceSource::Contract));
    assert_eq!(energy(Field::EnergyExportT4), is("0.05", PriceSource::Contract));
    assert_eq!(energy(Field::PowerImport), None);
    assert_eq!(told(book.device(NOON, MbusClass::Gas)), is("1.20", PriceSource::Contract));
    assert_eq!(told(book.device(NOON, MbusClass::Heat)), None);
    assert_eq!(&*book.currency, "EUR");
}

#[test]
fn a_contract_with_prices_for_tariffs_alone_has_none_for_the_total() {
    let tariffs = Contract { import: None, ..contract(date(2026, 1, 1), None) };
    let book = book(vec![tariffs], []);
    assert_eq!(book.energy(NOON, Field::EnergyImportTotal), None);
    assert_eq!(book.energy(NOON, Field::EnergyImportT1), None);
    assert_eq!(told(book.energy(NOON, Field::EnergyImportT2)), is("0.30", PriceSource::Contract));
}

#[test]
fn contracts_change_at_local_midnight() {
    let summer =
        Contract { name: "summer".to_owned(), ..contract(date(2026, 3, 29), Some(date(2026, 10, 25))) };
    let autumn = Contract { name: "autumn".to_owned(), ..contract(date(2026, 10, 25), None) };
    let book = book(vec![autumn, summer], []);
    let name = |text: &str| book.contract(utc(text)).map(|contract| contract.name.as_str());
    assert_eq!(name("2026-03-28T22:59:59Z"), None);
    assert_eq!(name("2026-03-28T23:00:00Z"), Some("summer"));
    assert_eq!(name("2026-10-24T21:59:59Z"), Some("summer"));
    assert_eq!(name("2026-10-24T22:00:00Z"), Some("autumn"));
    assert_eq!(book.contract(i64::MAX).map(|contract| &contract.name), None);
}

#[test]
fn a_dynamic_price_has_markup_and_tax_to_the_last_digit() {
    let dynamic = Contract { dynamic: Some(dynamic()), ..contract(date(2026, 1, 1), None) };
    let slots = [slot(PriceKind::Electricity, NOON, "0.09213"), slot(PriceKind::Gas, NOON, "0.31")];
    let book = book(vec![dynamic], slots);
    // (0.09213 + 0.0250) × 1.21, (0.09213 − 0.01) × 1.06, (0.31 + 0.6) × 1.21.
    assert_eq!(told(book.energy(NOON, Field::EnergyImportT2)), is("0.1417273", PriceSource::Dynamic));
    assert_eq!(told(book.energy(NOON, Field::EnergyExportTotal)), is("0.0870578", PriceSource::Dynamic));
    assert_eq!(told(book.device(NOON, MbusClass::Gas)), is("1.1011", PriceSource::Dynamic));
    assert_eq!(told(book.device(NOON, MbusClass::Water)), is("0.90", PriceSource::Contract));
    // The hour after has none.
    let later = NOON + 3_600;
    assert_eq!(told(book.energy(later, Field::EnergyImportT2)), is("0.30", PriceSource::Fallback));
    assert_eq!(told(book.energy(later, Field::EnergyExportT1)), is("0.05", PriceSource::Fallback));
    assert_eq!(told(book.device(later, MbusClass::Gas)), is("1.20", PriceSource::Fallback));
}

#[test]
fn a_missing_price_without_a_fixed_one_is_none() {
    let bare = Contract {
        import: None,
        import_tariffs: [None; 4],
        dynamic: Some(dynamic()),
        ..contract(date(2026, 1, 1), None)
    };
    let book = book(vec![bare], [slot(PriceKind::Electricity, NOON, "-0.05")]);
    // (−0.05 + 0.0250) × 1.21.
    assert_eq!(told(book.energy(NOON, Field::EnergyImportTotal)), is("-0.030250", PriceSource::Dynamic));
    assert_eq!(book.energy(NOON - 1, Field::EnergyImportTotal), None);
}

#[test]
fn the_tables_own_price_of_what_is_given_is_taken_as_it_is() {
    let whole = Contract { dynamic: Some(dynamic()), ..contract(date(2026, 1, 1), None) };
    let slots = [
        slot(PriceKind::Electricity, NOON, "0.10"),
        slot(PriceKind::ElectricityExport, NOON, "-0.02"),
        slot(PriceKind::Electricity, NOON + 3_600, "0.10"),
    ];
    let book = book(vec![whole], slots);
    assert_eq!(told(book.energy(NOON, Field::EnergyExportT1)), is("-0.02", PriceSource::Dynamic));
    // Without one it is the market's: (0.10 − 0.01) × 1.06.
    assert_eq!(told(book.energy(NOON + 3_600, Field::EnergyExportT1)), is("0.0954", PriceSource::Dynamic));
}

#[test]
fn what_does_not_follow_the_market_has_its_fixed_price() {
    let none = Dynamic { import: false, export: false, gas: false, ..dynamic() };
    let slots = PriceKind::ALL.map(|kind| slot(kind, NOON, "0.10"));
    let (export, gas) = (is("0.10", PriceSource::Dynamic), is("0.8470", PriceSource::Dynamic));
    let fixed = [
        is("0.30", PriceSource::Contract),
        is("0.05", PriceSource::Contract),
        is("1.20", PriceSource::Contract),
    ];
    let [a, b, c] = fixed;
    for (dynamic, expected) in [
        (
            Dynamic { import: true, ..none.clone() },
            [is("0.151250", PriceSource::Dynamic), b.clone(), c.clone()],
        ),
        (Dynamic { export: true, ..none.clone() }, [a.clone(), export, c.clone()]),
        (Dynamic { gas: true, ..none.clone() }, [a.clone(), b.clone(), gas]),
        (none, [a, b, c]),
    ] {
        let contract = Contract { dynamic: Some(dynamic), ..contract(date(2026, 1, 1), None) };
        let book = book(vec![contract], slots);
        let of = |field| told(book.energy(NOON, field));
        let prices =
            [of(Field::EnergyImportT2), of(Field::EnergyExportT1), told(book.device(NOON, MbusClass::Gas))];
        assert_eq!(prices, expected);
    }
}

#[test]
fn a_price_has_nine_digits_at_most_half_away_from_zero() {
    let price = |market, vat| Dynamic::price(d(market), Decimal::ZERO, d(vat)).map(|price| price.to_string());
    assert_eq!(price("0.0000000050", "0.1").as_deref(), Some("0.000000006"));
    assert_eq!(price("-0.0000000050", "0.1").as_deref(), Some("-0.000000006"));
    assert_eq!(price("0.0000000049", "0.0").as_deref(), Some("0.000000005"));
    assert_eq!(price("0.0000000044", "0.0").as_deref(), Some("0.000000004"));
    assert_eq!(price("0.123456789", "0").as_deref(), Some("0.123456789"));
    assert_eq!(price("10", "-1").as_deref(), Some("0"));
    let most = Decimal::new(i128::from(u64::MAX), 0).expect("fits");
    assert_eq!(Dynamic::price(most, most, d("0.21")), None);
    let long = Contract { import: Some(d("0.1234567895")), ..contract(date(2026, 1, 1), None) };
    let book = book(vec![long], []);
    assert_eq!(told(book.energy(NOON, Field::EnergyImportTotal)), is("0.123456790", PriceSource::Contract));
}
