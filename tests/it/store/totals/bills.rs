//! What `dsmrd totals` says that past days and months cost is what was told when they ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use dsmrd::meter::{Field, Proof, Reading, Unit, Zone};
use dsmrd::p1::Decimal;
use dsmrd::prices::{Amount, Contract, PriceBook, PriceTable};
use dsmrd::store::Archive;
use dsmrd::totals::{CostLine, Ledger, LedgerSettings, PastPeriods, Period, Step};
use jiff::civil::{Date, date};

use super::{at, quantity};
use crate::store::{START, meter, open, runtime};

/// Ten seconds before each fifth minute, so that quarter-hours have both ends.
const EVERY: i64 = 300;
const DAYS: i64 = 61;

fn zone() -> Zone {
    Zone::new("Europe/Brussels").unwrap()
}

fn day(utc: i64) -> Date {
    jiff::Timestamp::from_second(utc).unwrap().to_zoned(zone().time_zone().clone()).date()
}

/// Two months from 2026-11-21 12:00 UTC on, over a turn of the year, with three days without a reading. A meter that has
/// `own` peaks tells the highest of the month, each day a new one from noon on; in the new month it tells the old one till
/// then.
fn readings(own: bool) -> Vec<Arc<Reading>> {
    let (mut wh, mut peak) = (5_000_000, (2_000, START));
    let mut readings = Vec::new();
    for n in 144..DAYS * 288 {
        let time = START + n * EVERY - 10;
        // The last quarter-hour of a local day is known only in the next: nothing is used in it.
        let in_last = (time + 3_600).rem_euclid(86_400) >= 86_400 - 900;
        wh += if in_last { 0 } else { n * 7_919 % 600 };
        if (time + 3_600).rem_euclid(86_400) / EVERY == 144 {
            peak = (3_000 + 100 * i64::from(day(time).day()), time - time.rem_euclid(900));
        }
        if (20 * 288..23 * 288).contains(&n) {
            continue;
        }
        let mut reading = Reading::new(time * 1_000 + 400, Proof::Verified);
        reading.time = Some(at(time));
        reading.set_text(Field::MeterId, b"4B384547303034");
        reading.set_number(Field::EnergyImportT1, quantity(wh, Unit::KiloWattHour));
        reading.set_number(Field::EnergyExportT1, quantity(wh / 3, Unit::KiloWattHour));
        if own {
            reading.set_number(Field::DemandImportMax, quantity(peak.0, Unit::KiloWatt));
            reading.peak_times.push((Field::DemandImportMax, at(peak.1)));
        }
        readings.push(Arc::new(reading));
    }
    readings
}

/// In force since long before the record begins; another one from new year on.
fn contracts() -> Vec<Contract> {
    let decimal = |mantissa, scale| Decimal::new(mantissa, scale).unwrap();
    let first = Contract {
        name: "first".into(),
        meter: None,
        start: date(2020, 1, 1),
        end: Some(date(2027, 1, 1)),
        import: Some(decimal(25, 2)),
        import_tariffs: [None; 4],
        export: Some(decimal(4, 2)),
        export_tariffs: [None; 4],
        devices: Vec::new(),
        fixed: decimal(75, 2),
        feed_in: Decimal::ZERO,
        capacity: Some(decimal(52, 0)),
        capacity_minimum: decimal(25, 1),
        dynamic: None,
    };
    let second = Contract {
        name: "second".into(),
        start: date(2027, 1, 1),
        end: None,
        fixed: decimal(5, 1),
        capacity: Some(decimal(61, 0)),
        ..first.clone()
    };
    vec![first, second]
}

const CONFIGURED: &str = "import = 0.25\nexport = 0.04\ncapacity_minimum = 2.5\n";

type Lines = BTreeMap<CostLine, Amount>;

fn lines(period: &Period) -> Lines {
    let lines = period.cost.iter().flat_map(|cost| &cost.lines);
    lines.filter(|(_, amount)| *amount != Amount::ZERO).copied().collect()
}

/// The costs that `dsmrd totals` writes, in cents, by the start of the period.
fn shown(folder: &Path, path: &Path, by: &str, more: &[&str]) -> Vec<String> {
    let config = folder.join("dsmrd.toml");
    let toml = format!(
        "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\ntimezone = \"Europe/Brussels\"\n[store]\npath = \"{}\"\n\
         [[contract]]\nname = \"first\"\nstart = 2020-01-01\nend = 2027-01-01\nfixed = 0.75\ncapacity = 52\n{CONFIGURED}\
         [[contract]]\nname = \"second\"\nstart = 2027-01-01\nfixed = 0.5\ncapacity = 61\n{CONFIGURED}",
        path.display()
    );
    std::fs::write(&config, toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(["totals", "--format", "csv", "--by", by, "--config"]).arg(&config).args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let csv = String::from_utf8(output.stdout).unwrap();
    let mut rows = csv.split("\r\n").filter(|row| !row.is_empty());
    let place = rows.next().unwrap().split(',').position(|name| name == "cost").unwrap();
    rows.map(|row| row.split(',').nth(place).unwrap().to_owned()).collect()
}

fn check(own: bool) {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let prices = Arc::new(PriceBook::new("EUR", contracts(), Arc::new(PriceTable::default()), zone()));
    let mut ledger = Ledger::new(LedgerSettings { zone: zone(), prices: Arc::clone(&prices) }, Vec::new());
    let mut told: BTreeMap<(Step, i64), Period> = BTreeMap::new();
    runtime().block_on(async {
        let opened = open(&path);
        for reading in readings(own) {
            let totals = ledger.take(&reading);
            told.insert((Step::Day, totals.today.start), totals.today);
            told.insert((Step::Month, totals.month.start), totals.month);
            told.insert((Step::Year, totals.year.start), totals.year);
            assert!(opened.store.put(&meter("home"), reading).await);
        }
        opened.store.close().await.unwrap();
    });
    let archive = Archive::open(&path).unwrap();
    for (step, by) in [(Step::Day, "day"), (Step::Month, "month"), (Step::Year, "year")] {
        let mut past = Vec::new();
        let counters = archive.counters("home").unwrap();
        let periods =
            PastPeriods::new(&prices, counters, step, i64::MIN, i64::MAX, |period| past.push(period));
        let last = |from, to| archive.last_reading("home", from, to).unwrap();
        let mut periods = periods.with_readings(last);
        archive.settled("home", periods.needs_from(), |row| periods.take(&row)).unwrap();
        periods.finish();
        let mut compared = 0;
        for period in &past {
            // Of days without a reading nothing was told.
            let Some(told) = told.get(&(step, period.start)) else { continue };
            assert_eq!(lines(period), lines(told), "{step:?} of {}", day(period.start));
            assert!(lines(period).contains_key(&CostLine::Capacity));
            compared += 1;
        }
        let of_step = told.keys().filter(|(of, _)| *of == step).count();
        assert_eq!(compared, of_step, "{step:?}");
        let cents = |period: &Period| period.cost.as_ref().unwrap().total().rounded(2).unwrap().to_string();
        let expected: Vec<String> = past.iter().map(cents).collect();
        assert_eq!(shown(folder.path(), &path, by, &[]), expected);
        if step == Step::Day {
            // A part of them knows the peaks of the months before all the same.
            let part = shown(folder.path(), &path, by, &["--from", "2027-01-05", "--to", "2027-01-09"]);
            let first = past.iter().position(|period| day(period.start) == date(2027, 1, 5)).unwrap();
            assert_eq!(part, expected[first..first + 4]);
        }
    }
    // The first day of the record is the first that costs something.
    let november = told.values().find(|period| day(period.start) == date(2026, 11, 1)).unwrap();
    assert_eq!(lines(november)[&CostLine::Fixed], Amount::from_pico(7_500_000_000_000));
}

#[test]
fn past_days_cost_what_was_told_at_their_ends() {
    check(false);
}

#[test]
fn the_meters_own_peaks_count_for_the_past_too() {
    check(true);
}
