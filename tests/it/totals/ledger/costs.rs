//! Costs against a plain computation from the rows of the record.

use std::collections::BTreeMap;

use dsmrd::meter::{Field, MbusClass};
use dsmrd::p1::Decimal;
use dsmrd::prices::{Amount, Contract, Dynamic, PriceKind, PriceSource, PriceTable, Slot};
use dsmrd::totals::{CostLine, Period, QUARTER, Register, Totals};
use jiff::civil::{Date, date, datetime};

use super::household::{House, Pair, contract, decimal, local, local_date, settings, settings_with};

/// Two contracts: tariffs and gas until June, then prices by the hour with a fallback.
fn contracts() -> Vec<Contract> {
    let mut first = contract(date(2026, 1, 1), Some(date(2026, 6, 1)));
    first.import_tariffs = [Some(decimal("0.25117")), Some(decimal("0.29009")), None, None];
    first.export = Some(decimal("0.07"));
    first.feed_in = decimal("0.0115");
    first.devices = vec![(MbusClass::Gas, decimal("1.23456"))];
    first.fixed = decimal("0.51234");
    let mut second = contract(date(2026, 6, 1), None);
    second.import = Some(decimal("0.3"));
    second.export = Some(decimal("0.01"));
    second.devices = vec![(MbusClass::Gas, decimal("1.4"))];
    second.fixed = decimal("-0.25");
    second.dynamic = Some(Dynamic {
        markup_import: decimal("0.11"),
        markup_export: decimal("0.00"),
        markup_gas: Decimal::ZERO,
        vat: decimal("0.21"),
        vat_export: decimal("0.21"),
        import: true,
        export: true,
        gas: false,
    });
    vec![first, second]
}

/// The market's price in thousandths of a cent: another each hour, sometimes below zero; each seventh is missing.
fn market(hour: i64) -> Option<i128> {
    (hour % 7 != 0).then(|| i128::from(hour * 7_919 % 30_000) - 5_000)
}

fn table(from: i64, hours: i64) -> PriceTable {
    let first = from.div_euclid(3_600);
    PriceTable::from_slots((first..first + hours).filter_map(|hour| {
        let price = Decimal::new(market(hour)?, 5).expect("fits");
        Some(Slot { kind: PriceKind::Electricity, start: hour * 3_600, end: hour * 3_600 + 3_600, price })
    }))
}

/// The price of a thousandth of a unit in 10^−12 of the currency, by a plain reading of the two contracts, and whether it
/// is a fallback.
fn price(register: Register, quarter: i64) -> (i128, bool) {
    const MICRO: i128 = 10_000;
    let first = local_date(quarter) < date(2026, 6, 1);
    let dynamic = |markup: i128, fallback: i128| match market(quarter.div_euclid(3_600)) {
        // Of five decimals, and two of the tax.
        Some(market) => ((market + markup) * 121 * 100, false),
        None => (fallback * MICRO, true),
    };
    match register {
        Register::Device { .. } => (if first { 123_456 } else { 140_000 } * MICRO, false),
        Register::Energy(Field::EnergyImportT1) if first => (25_117 * MICRO, false),
        Register::Energy(Field::EnergyImportT2) if first => (29_009 * MICRO, false),
        Register::Energy(Field::EnergyExportT1 | Field::EnergyExportT2) if first => (-7_000 * MICRO, false),
        Register::Energy(Field::EnergyExportT1 | Field::EnergyExportT2) => {
            let (price, fallback) = dynamic(0, 1_000);
            (-price, fallback)
        }
        Register::Energy(_) => dynamic(11_000, 30_000),
    }
}

/// The lines of a period from the record: every row and what is open, each at the price of its quarter-hour.
fn plainly(pair: &Pair, start: i64, end: i64) -> (BTreeMap<String, i128>, bool) {
    let mut lines = BTreeMap::new();
    let mut missing = false;
    for (place, state) in pair.record.tally.counters().iter().enumerate() {
        let rows = pair.record.rows.values().filter(|row| row.counter == place);
        let rows = rows.map(|row| (row.boundary, row.position.value));
        let open = (state.last.time + 899).div_euclid(QUARTER) * QUARTER;
        let mut before = state.first.value;
        for (boundary, position) in rows.chain([(open, state.last.value)]) {
            let used = position.mantissa() - before.mantissa();
            before = position;
            let quarter = boundary - QUARTER;
            if used == 0 || !(start..end).contains(&quarter) {
                continue;
            }
            let (price, fallback) = price(state.key.register, quarter);
            missing |= fallback;
            let line = match state.key.register {
                Register::Device { class, .. } => CostLine::Device(class),
                Register::Energy(field) if field < Field::EnergyExportTotal => CostLine::Import(field),
                Register::Energy(field) => CostLine::Export(field),
            };
            *lines.entry(format!("{line:?}")).or_insert(0) += used * price;
            if matches!(line, CostLine::Export(_)) && local_date(quarter) < date(2026, 6, 1) {
                *lines.entry(format!("{:?}", CostLine::FeedIn)).or_insert(0) += used * 1_150 * 10_000;
            }
        }
    }
    (lines, missing)
}

/// The fixed cost of the days from the first to the second, in 10^−12.
fn fixed(first: Date, last: Date) -> i128 {
    let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
    days.map(|day| if day < date(2026, 6, 1) { 512_340_000_000 } else { -250_000_000_000 }).sum()
}

fn check(pair: &Pair, told: &Totals, period: &Period, first: Option<Date>) {
    let cost = period.cost.as_ref().expect("a contract");
    let (mut plain, fallback) = plainly(pair, period.start, period.end);
    if let Some(first) = first {
        plain.insert(format!("{:?}", CostLine::Fixed), fixed(first, local_date(told.time)));
    }
    let lines =
        cost.lines.iter().filter(|(line, amount)| *amount != Amount::ZERO || *line == CostLine::Fixed);
    let lines: BTreeMap<String, i128> = lines.map(|(line, sum)| (format!("{line:?}"), sum.pico())).collect();
    plain.retain(|line, sum| *sum != 0 || line == "Fixed");
    assert_eq!(lines, plain, "at {} since {}", told.time, period.start);
    assert_eq!((cost.fallback, cost.unpriced), (fallback, false));
    assert_eq!(cost.total().pico(), plain.values().sum::<i128>());
}

#[test]
fn every_quarter_has_its_price() {
    let start = local(datetime(2026, 5, 28, 9, 4, 11, 0));
    let mut pair = Pair::new(settings_with(contracts(), table(start - 86_400, 24 * 40)));
    let mut house = House::new();
    let (mut utc, mut gas) = (start, 10_000);
    for step in 0..900_i64 {
        // A gap of a night now and then, over the change of contracts as well.
        utc += if step % 97 == 96 { 9 * 3_600 } else { 300 + step * 31 % 700 };
        house.tariff = if step % 5 < 3 { 1 } else { 2 };
        house.taken[house.tariff - 1] += i128::from(step * 57 % 211);
        house.given[house.tariff - 1] += i128::from(step * 13 % 83);
        gas += i128::from(step % 29);
        let hour = utc.div_euclid(3_600) * 3_600;
        if house.gas.is_none_or(|(_, stamp, _)| stamp < hour) {
            house.gas = Some(("G0001", hour, gas));
        }
        let told = pair.take(&house.reading(utc));
        if step % 40 == 0 || local_date(utc) == date(2026, 6, 1) {
            let today = local_date(utc);
            check(&pair, &told, &told.quarter, None);
            check(&pair, &told, &told.hour, None);
            check(&pair, &told, &told.today, Some(today));
            // The days before the record began cost nothing.
            let known = date(2026, 5, 28);
            check(&pair, &told, &told.month, Some(today.first_of_month().max(known)));
            check(&pair, &told, &told.year, Some(known));
        }
        if step % 250 == 249 {
            pair.restart();
        }
    }
    assert!(local_date(utc) > date(2026, 6, 4), "the second contract was in force");
}

#[test]
fn costs_of_now_follow_tariff_and_direction() {
    let mut only = contract(date(2026, 1, 1), None);
    only.import_tariffs = [Some(decimal("0.20")), Some(decimal("0.30")), None, None];
    only.export = Some(decimal("0.10"));
    only.feed_in = decimal("0.02");
    only.devices = vec![(MbusClass::Gas, decimal("1.25"))];
    let mut pair = Pair::new(settings(vec![only]));
    let mut house = House::new();
    let noon = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    let mut per_hour = |tariff, power_w| {
        (house.tariff, house.power_w) = (tariff, power_w);
        let costs = pair.take(&house.reading(noon)).costs.expect("a contract");
        (costs.per_hour.and_then(|cost| cost.rounded(5)).map(|cost| cost.to_string()), costs)
    };
    assert_eq!(per_hour(1, 1_500).0.as_deref(), Some("0.30000"));
    assert_eq!(per_hour(2, 1_500).0.as_deref(), Some("0.45000"));
    let (earned, costs) = per_hour(2, -2_000);
    assert_eq!(earned.as_deref(), Some("-0.16000"), "0.10 less 0.02 for feeding in");
    assert_eq!(costs.import.map(|price| price.price), Some(decimal("0.30")));
    assert_eq!(
        costs.export.map(|price| (price.price, price.source)),
        Some((decimal("0.10"), PriceSource::Contract))
    );
    let tariffs = costs.tariffs.map(|of| of.map(|price| price.map(|price| price.price.to_string())));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(tariffs, [[text("0.20"), text("0.30")], [text("0.10"), text("0.10")]]);
    assert_eq!(costs.devices.len(), 1);
}

#[test]
fn what_has_no_price_is_said() {
    // Nothing before June; in June a contract for electricity alone.
    let mut june = contract(date(2026, 6, 1), Some(date(2026, 7, 1)));
    june.import = Some(decimal("0.25"));
    june.fixed = decimal("1");
    let mut pair = Pair::new(settings(vec![june]));
    let mut house = House::new();
    let mut at = |day, month, wh| {
        house.taken[0] += wh;
        house.given[0] += wh;
        house.gas =
            Some(("G0001", local(datetime(2026, month, day, 11, 0, 0, 0)), 1_000 + house.taken[0] / 100));
        pair.take(&house.reading(local(datetime(2026, month, day, 12, 0, 0, 0))))
    };
    at(30, 5, 0);
    let may = at(31, 5, 1_000);
    assert!(may.today.cost.is_none() && may.year.cost.is_none() && may.costs.is_none());
    let first = at(1, 6, 400);
    let today = first.today.cost.expect("a contract");
    assert_eq!(
        today.lines,
        [
            (CostLine::Import(Field::EnergyImportT1), Amount::from_pico(100_000_000_000)),
            (CostLine::Import(Field::EnergyImportT2), Amount::ZERO),
            (CostLine::Fixed, Amount::from_pico(1_000_000_000_000)),
        ]
    );
    assert!(
        !today.unpriced,
        "what is given and gas have a price in no contract: they are not part of the bill"
    );
    let year = first.year.cost.expect("a contract");
    assert!(year.unpriced, "what was used in May");
    assert_eq!(year.line(CostLine::Fixed), Some(Amount::from_pico(1_000_000_000_000)));
    let july = at(2, 7, 100);
    assert!(july.today.cost.is_none() && july.month.cost.is_none());
    let year = july.year.cost.expect("June");
    assert_eq!(year.line(CostLine::Fixed), Some(Amount::from_pico(30_000_000_000_000)));
}

#[test]
fn prices_that_say_the_same_of_the_past_can_be_swapped_in() {
    let start = local(datetime(2026, 6, 10, 12, 0, 0, 0));
    let (short, long) = (table(start - 86_400, 25), table(start - 86_400, 72));
    let run = |swapped: bool| {
        let mut pair =
            Pair::new(settings_with(contracts(), if swapped { short.clone() } else { long.clone() }));
        let mut house = House::new();
        let mut told = None;
        for minute in 0..300_i64 {
            house.taken[0] += i128::from(minute % 7);
            if minute == 30 && swapped {
                pair.ledger.set_prices(settings_with(contracts(), long.clone()).prices);
            }
            told = Some(pair.take(&house.reading(start + minute * 60)));
        }
        told.expect("a reading")
    };
    assert_eq!(run(true), run(false));
}
