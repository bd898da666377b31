//! Parts of the ledger by themselves.

use jiff::civil::{Date, date};

use super::account::{Account, KEPT, Role, Row, roles};
use super::bill::{Standing, divided, product};
use super::days::{Days, higher};
use super::peaks;
use crate::meter::{Field, Proof, Quantity, Reading, Unit, Zone};
use crate::p1::Decimal;
use crate::prices::{Amount, Contract, PriceBook};
use crate::totals::counter::{CounterKey, CounterState, Position, Register};

fn d(mantissa: i128, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).expect("fits")
}

fn counter(equipment: &str, field: Field, first: i64) -> CounterState {
    let key = CounterKey { equipment: equipment.into(), register: Register::Energy(field), generation: 0 };
    let first = Position { time: first, value: d(0, 3) };
    CounterState { key, unit: Unit::KiloWattHour, first, last: first }
}

#[test]
fn the_total_is_the_meters_own_and_tariffs_are_what_is_priced() {
    let flags = |counters: &[CounterState]| -> Vec<(bool, bool)> {
        roles(counters).iter().map(|Role { in_total, priced, .. }| (*in_total, *priced)).collect()
    };
    let (t0, t1) = (Field::EnergyImportTotal, Field::EnergyImportT1);
    assert_eq!(flags(&[counter("a", t0, 5), counter("a", t1, 5)]), [(true, false), (false, true)]);
    assert_eq!(flags(&[counter("a", t0, 5)]), [(true, true)]);
    assert_eq!(flags(&[counter("a", t1, 5)]), [(true, true)]);
    // One that came in a later quarter-hour would leave out what was used before.
    assert_eq!(flags(&[counter("a", t0, 5), counter("a", t1, 950)]), [(true, true), (false, false)]);
    assert_eq!(flags(&[counter("a", t0, 950), counter("a", t1, 5)]), [(false, false), (true, true)]);
    // Another meter, and the other direction, are others.
    let export = Field::EnergyExportTotal;
    assert_eq!(
        flags(&[counter("a", t0, 5), counter("b", t1, 5), counter("a", export, 5)]),
        [(true, true), (true, true), (true, true)]
    );
}

#[test]
fn an_account_keeps_eight_days_and_counts_on_from_there() {
    let state = counter("a", Field::EnergyImportT1, 5);
    let row = |n: i64| Row { boundary: n * 900, position: Position { time: n * 900, value: d(n.into(), 3) } };
    let mut account = Account::default();
    assert_eq!(account.base(&state), state.first);
    (1..=3).for_each(|n| account.push(row(n)));
    assert_eq!(account.at(&state, 1_799).value, d(1, 3));
    assert_eq!(account.at(&state, 0), state.first);
    assert_eq!(account.pop_after(1_800).map(|row| row.boundary), Some(2_700));
    assert_eq!(account.pop_after(1_800).map(|row| row.boundary), None);
    let rows = KEPT as i64 + 10;
    (3..=rows).for_each(|n| account.push(row(n)));
    // The oldest is there to count from; it cannot be taken out.
    let mut popped = 0;
    while account.pop_after(0).is_some() {
        popped += 1;
    }
    assert_eq!(popped, KEPT - 1);
    assert_eq!(account.base(&state).value, d(11, 3));
    assert_eq!(account.since(&state, 0).count(), 0);
}

#[test]
fn days_are_bounded() {
    let zone = Zone::new("Europe/Amsterdam").expect("known");
    let mut days = Days::default();
    for day in 0..1_000 {
        days.of(&zone, 1_780_000_000 + day * 86_400).sums.quarters += 1;
    }
    assert_eq!(days.since(0).count(), 400);
    assert!(days.since(0).all(|day| day.sums.quarters == 1));
    // One of long ago, after a clock that was set back by years.
    days.of(&zone, 1_700_000_000).sums.quarters += 7;
    assert_eq!(days.since(0).next().map(|day| day.sums.quarters), Some(7));
    assert!(days.since(0).count() <= 401);
}

#[test]
fn the_earlier_of_equal_peaks_counts() {
    assert_eq!(higher(Some((d(1, 0), 9)), Some((d(1_000, 3), 8))), Some((d(1_000, 3), 8)));
    assert_eq!(higher(Some((d(1, 0), 8)), Some((d(1_000, 3), 9))), Some((d(1, 0), 8)));
    assert_eq!(higher(Some((d(1, 0), 9)), Some((d(1_001, 3), 10))), Some((d(1_001, 3), 10)));
    assert_eq!(higher(None, Some((d(1, 0), 9))), Some((d(1, 0), 9)));
}

#[test]
fn averages_are_rounded_half_away_from_zero() {
    assert_eq!(peaks::average(d(651, 3)), d(2_604, 3));
    assert_eq!(peaks::average(d(12_343_751, 7)), d(4_938, 3), "4.9375004");
    assert_eq!(peaks::average(d(1, 0)), d(4_000, 3));
    assert_eq!(divided(5, 2), 3);
    assert_eq!(divided(-5, 2), -3);
    assert_eq!(divided(7, 5), 1);
}

#[test]
fn the_power_of_now_may_be_a_difference() {
    let mut reading = Reading::new(0, Proof::Absent);
    assert_eq!(peaks::powers(&reading), None);
    reading.set_number(Field::PowerNet, Quantity { value: d(-1_500, 3), unit: Unit::KiloWatt });
    assert_eq!(peaks::powers(&reading), Some((Decimal::ZERO, d(1_500, 3))));
    reading.set_number(Field::PowerImport, Quantity { value: d(700, 3), unit: Unit::KiloWatt });
    assert_eq!(peaks::powers(&reading), Some((d(700, 3), Decimal::ZERO)));
}

#[test]
fn a_price_with_too_many_digits_is_rounded_and_no_cost_is_lost() {
    assert_eq!(product(d(2, 3), d(25, 2)), Amount::from_pico(500_000_000));
    assert_eq!(product(d(20_000_005, 7), d(123_456_789, 9)), Amount::from_pico(246_913_639_728));
}

fn contract(start: Date, end: Option<Date>) -> Contract {
    Contract {
        name: "test".to_owned(),
        meter: None,
        start,
        end,
        import: None,
        import_tariffs: [None; 4],
        export: None,
        export_tariffs: [None; 4],
        devices: Vec::new(),
        fixed: d(5, 1),
        feed_in: Decimal::ZERO,
        capacity: Some(d(40, 0)),
        capacity_minimum: d(25, 1),
        dynamic: None,
    }
}

#[test]
fn fixed_costs_are_of_whole_days_up_to_today() {
    let zone = Zone::new("Europe/Brussels").expect("known");
    let (march, april) = (date(2028, 3, 1), date(2028, 4, 1));
    let book = |contracts| PriceBook::new("EUR", contracts, Default::default(), zone.clone());
    let one = book(vec![contract(march, None)]);
    let fixed = |book: &PriceBook, first, today| Standing::of(book, first, today).fixed.rounded(1);
    assert_eq!(fixed(&one, march, march), Some(d(5, 1)));
    assert_eq!(fixed(&one, date(2028, 1, 1), date(2028, 3, 10)), Some(d(50, 1)));
    assert!(!Standing::of(&one, date(2028, 1, 1), date(2028, 2, 29)).contract);
    let two = book(vec![contract(march, Some(april)), contract(april, None)]);
    assert_eq!(fixed(&two, date(2028, 1, 1), date(2028, 4, 2)), Some(d(165, 1)));
}

#[test]
fn a_month_counts_the_least_of_the_contract_at_least() {
    let zone = Zone::new("Europe/Brussels").expect("known");
    let book = PriceBook::new("EUR", vec![contract(date(2028, 1, 1), None)], Default::default(), zone);
    let standing = Standing::of(&book, date(2028, 2, 1), date(2028, 2, 29));
    let euro = |peaks: &[Decimal]| {
        standing.capacity(peaks, 366).and_then(|amount| amount.rounded(6)).map(|amount| amount.to_string())
    };
    // 40 × 29 ÷ 366 times the mean.
    assert_eq!(euro(&[d(4_000, 3), d(1_000, 3)]).as_deref(), Some("10.300546"), "of 4 and 2.5");
    assert_eq!(euro(&[]).as_deref(), Some("7.923497"), "the least of the contract before any peak is known");
    let none = Standing::held(true);
    assert_eq!(none.capacity(&[d(4, 0)], 366), None);
}
