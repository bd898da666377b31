//! Against the plainest way to answer: all readings, one after the other.

use std::collections::BTreeMap;

use dsmrd::meter::Zone;
use dsmrd::store::{Query, Range, Resolution};
use proptest::prelude::*;

use super::life::{Life, Said, lives};
use super::{answer, select};
use dsmrd::store::Span;

/// The start of a span by the calendar of the zone.
fn start(resolution: Resolution, zone: &Zone, utc: i64) -> i64 {
    let zoned = jiff::Timestamp::from_second(utc).unwrap().to_zoned(zone.time_zone().clone());
    let offset = i64::from(zoned.offset().seconds());
    let floor = |length: i64| (utc + offset).div_euclid(length) * length - offset;
    let midnight =
        |date: jiff::civil::Date| date.to_zoned(zone.time_zone().clone()).unwrap().timestamp().as_second();
    match resolution {
        Resolution::Raw => utc,
        Resolution::Minute => floor(60),
        Resolution::Quarter => floor(900),
        Resolution::Hour => floor(3_600),
        Resolution::Day => midnight(zoned.date()),
        Resolution::Month => midnight(zoned.date().first_of_month()),
        Resolution::Year => midnight(zoned.date().first_of_year()),
    }
}

/// In thousandths, half away from zero; the shown scale is the largest there is.
fn tell(numbers: &[(i64, u8)], measure: usize) -> String {
    if numbers.is_empty() {
        return "-".to_owned();
    }
    let scale = numbers.iter().map(|(_, scale)| *scale).max().unwrap();
    let at = |(number, of): (i64, u8)| number * 10i64.pow(u32::from(scale - of));
    let show = |number: i64, scale: u8| {
        let ten = 10u64.pow(scale.into());
        let sign = if number < 0 { "-" } else { "" };
        let (whole, rest) = (number.unsigned_abs() / ten, number.unsigned_abs() % ten);
        format!("{sign}{whole}.{rest:0width$}", width = usize::from(scale))
    };
    let of_value = |number: i64| {
        // Of equal numbers with more or fewer digits the first to come.
        let (number, scale) = *numbers.iter().find(|other| at(**other) == number).unwrap();
        show(number, scale)
    };
    match measure {
        0 => {
            let (sum, count) = (numbers.iter().map(|n| at(*n)).sum::<i64>(), numbers.len() as i64);
            let magnitude = (sum.abs() * 2 + count) / (2 * count);
            show(magnitude * sum.signum(), scale)
        }
        1 => of_value(numbers.iter().map(|n| at(*n)).min().unwrap()),
        2 => of_value(numbers.iter().map(|n| at(*n)).max().unwrap()),
        _ => {
            let (number, scale) = *numbers.last().unwrap();
            show(number, scale)
        }
    }
}

fn model(life: &Life, query: &Query) -> Vec<(i64, String, Vec<String>)> {
    let Range { from, to, meter, .. } = &query.range;
    let mut spans: BTreeMap<(i64, &str), Vec<&Said>> = BTreeMap::new();
    for said in life.by_time() {
        let within = from.is_none_or(|from| said.time >= from)
            && to.is_none_or(|to| said.time < to)
            && meter.as_deref().is_none_or(|name| name == said.meter);
        if within {
            spans
                .entry((start(query.resolution, &query.zone, said.time), said.meter))
                .or_default()
                .push(said);
        }
    }
    let row = |((start, meter), all): ((i64, &str), Vec<&Said>)| {
        let powers: Vec<(i64, u8)> =
            all.iter().filter_map(|said| Some((said.power?, said.decimals))).collect();
        let mut cells: Vec<String> = (0..4).map(|measure| tell(&powers, measure)).collect();
        let last = |of: &dyn Fn(&Said) -> Option<String>| {
            all.iter().rev().find_map(|said| of(said)).unwrap_or_else(|| "-".to_owned())
        };
        cells.push(last(&|said| Some(tell(&[(said.t1?, 3)], 3))));
        cells.push(last(&|said| Some(format!("000{}", said.tariff?))));
        cells.push(last(&|said| Some(tell(&[(said.gas.first()?.3, 3)], 3))));
        (start, meter.to_owned(), cells)
    };
    spans.into_iter().map(row).collect()
}

const COLUMNS: &str = "power_import.mean,power_import.min,power_import.max,power_import.last,\
    energy_import_t1.last,tariff.last,gas.last";

fn told(spans: &[Span]) -> Vec<(i64, String, Vec<String>)> {
    let row =
        |span: &Span| (span.start, span.meter.to_string(), span.cells.iter().map(super::shown).collect());
    spans.iter().map(row).collect()
}

fn equal(life: &Life, zone: &str, cut: (prop::sample::Index, prop::sample::Index)) {
    let database = life.database();
    let zone = Zone::new(zone).unwrap();
    let by_time = life.by_time();
    let (from, to) = (by_time[cut.0.index(by_time.len())].time, by_time[cut.1.index(by_time.len())].time);
    let ranges = [
        Range::default(),
        Range { from: Some(from.min(to) + 1), to: Some(from.max(to)), ..Range::default() },
        Range { from: Some(from), meter: Some("home".to_owned()), ..Range::default() },
    ];
    for range in ranges {
        for resolution in Resolution::ALL.into_iter().skip(1) {
            let query =
                Query { range: range.clone(), resolution, columns: select(COLUMNS), zone: zone.clone() };
            let told = told(&answer(&database.path, &query));
            assert_eq!(told, model(life, &query), "{resolution:?} {range:?} {:?}", life.flushes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_span_says_what_its_readings_say(
        life in lives(true),
        zone in prop_oneof![Just("Europe/Amsterdam"), Just("Asia/Kolkata"), Just("UTC")],
        cut: (prop::sample::Index, prop::sample::Index),
    ) {
        equal(&life, zone, cut);
    }
}
