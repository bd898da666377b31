//! Counters and their positions: beside the readings, over starts and kills, made anew.

mod bills;
mod history;
mod kill;
mod rebuild;
mod show;
mod told;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dsmrd::meter::{Field, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, Unit};
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::p1::{Decimal, Obis};
use dsmrd::store::Archive;
use dsmrd::totals::{CounterState, Entry, Settled, Tally};

use super::{START, meter, open, runtime};

/// Seconds between readings.
pub(in crate::store) const STEP: i64 = 97;

fn quantity(mantissa: i64, unit: Unit) -> Quantity {
    Quantity { value: Decimal::new(mantissa.into(), 3).unwrap(), unit }
}

fn at(utc: i64) -> MeterTime {
    let utc_time = jiff::Timestamp::from_second(utc).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let local = LocalTime {
        year: utc_time.year().try_into().unwrap(),
        month: utc_time.month().try_into().unwrap(),
        day: utc_time.day().try_into().unwrap(),
        hour: utc_time.hour().try_into().unwrap(),
        minute: utc_time.minute().try_into().unwrap(),
        second: utc_time.second().try_into().unwrap(),
        dst: Some(false),
    };
    MeterTime { local, utc: Some(utc) }
}

/// The reading of a household at the second `START + second`: four registers, and a gas meter that reports each full
/// hour.
pub(in crate::store) fn household(second: i64) -> Arc<Reading> {
    let time = START + second;
    let mut reading = Reading::new(time * 1_000 + 400, Proof::Verified);
    reading.time = Some(at(time));
    reading.set_text(Field::MeterId, b"4B384547303034");
    let registers = [
        (Field::EnergyImportT1, 1_000_000 + second / 7),
        (Field::EnergyImportT2, 2_000_000 + second / 11),
        (Field::EnergyExportT1, second / 13),
        (Field::EnergyExportT2, 7),
    ];
    for (field, wh) in registers {
        reading.set_number(field, quantity(wh, Unit::KiloWattHour));
    }
    let hour = time.div_euclid(3_600);
    reading.mbus.push(MbusDevice {
        channel: 1,
        device_type: Some(3),
        id: Some(b"474153303031".as_slice().into()),
        readings: vec![MbusReading {
            obis: Obis::new(0, 1, 24, 2, 1),
            time: Some(at(hour * 3_600)),
            value: Some(quantity(5_000_000 + (hour - START / 3_600) * 3, Unit::CubicMetre)),
        }],
        ..MbusDevice::default()
    });
    Arc::new(reading)
}

/// Counters and positions.
pub(in crate::store) type Totals = (Vec<CounterState>, Vec<Settled>);

/// What the record must tell of readings that all came in one go.
pub(in crate::store) fn told(readings: impl IntoIterator<Item = Arc<Reading>>) -> Totals {
    let (mut tally, mut entries) = (Tally::default(), Vec::new());
    let mut rows: BTreeMap<(i64, usize), Settled> = BTreeMap::new();
    for reading in readings {
        tally.take(&reading, &mut entries);
        for entry in entries.drain(..) {
            match entry {
                Entry::Settled(settled) => {
                    rows.insert((settled.boundary, settled.counter), settled);
                }
                Entry::Void { counter, after } => {
                    rows.retain(|(boundary, of), _| *of != counter || *boundary <= after);
                }
            }
        }
    }
    (tally.counters().to_vec(), rows.into_values().collect())
}

fn kept(path: &Path) -> Totals {
    let archive = Archive::open(path).unwrap();
    let mut rows = Vec::new();
    archive.settled("home", i64::MIN, |settled| rows.push(settled)).unwrap();
    (archive.counters("home").unwrap(), rows)
}

/// From any instant on there is the last row of each counter before it, and all that follow.
fn every_start_tells_the_same(path: &Path, rows: &[Settled]) {
    let archive = Archive::open(path).unwrap();
    let (first, last) = (rows.first().unwrap().boundary, rows.last().unwrap().boundary);
    for from in (first - 1_000..last + 1_000).step_by(431) {
        let mut expected: BTreeMap<usize, Settled> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.boundary <= from) {
            expected.insert(row.counter, *row);
        }
        let mut expected: Vec<Settled> = expected.into_values().collect();
        expected.sort_by_key(|row| (row.boundary, row.counter));
        expected.extend(rows.iter().filter(|row| row.boundary > from));
        let mut found = Vec::new();
        archive.settled("home", from, |settled| found.push(settled)).unwrap();
        assert_eq!(found, expected, "from {from}");
    }
}

#[test]
fn positions_are_told_in_the_journal_in_blocks_and_over_a_start() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let seconds = |count| (0..count).map(|n| household(n * STEP));
    runtime().block_on(async {
        let mut opened = open(&path);
        let mut stored = 0;
        for (part, until) in [150, 151, 400, 401, 402, 700].into_iter().enumerate() {
            for n in stored..until {
                assert!(opened.store.put(&meter("home"), household(n * STEP)).await);
            }
            // Some parts are in blocks, the last readings in the journal alone.
            if part % 2 == 1 {
                opened.store.flush().await.unwrap();
            } else {
                crate::support::until(std::time::Duration::from_secs(20), "all are journaled", || {
                    opened.counters.stored.get() == opened.counters.offered.get()
                })
                .await;
            }
            let expected = told(seconds(until));
            assert_eq!(kept(&path), expected, "after {until} readings");
            every_start_tells_the_same(&path, &expected.1);
            stored = until;
            if part == 3 {
                opened.store.close().await.unwrap();
                opened = open(&path);
            }
        }
        opened.store.close().await.unwrap();
    });
    let (counters, rows) = kept(&path);
    assert_eq!((counters.clone(), rows.clone()), told(seconds(700)));
    assert_eq!(counters.len(), 5, "four registers and gas");
    // 18 hours and 50 minutes from midnight on: 76 boundaries for four registers, and 18 for gas, whose last stamp waits.
    assert_eq!(rows.len(), 4 * 76 + 18);
}

#[test]
fn a_clock_that_is_set_back_takes_its_rows_along() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    // Two hours, then the meter's clock goes back by one: registers go on from where they stood.
    let readings = || {
        let before = (0..80).map(|n| household(n * STEP));
        let after = (80..160).map(|n| {
            let mut reading = Reading::clone(&household(n * STEP));
            reading.time = Some(at(START + n * STEP - 3_600));
            Arc::new(reading)
        });
        before.chain(after)
    };
    for flushed in [false, true] {
        runtime().block_on(async {
            let opened = open(&path);
            for (n, reading) in readings().enumerate() {
                if n == 80 && flushed {
                    opened.store.flush().await.unwrap();
                }
                opened.store.put(&meter("home"), reading).await;
            }
            crate::support::until(std::time::Duration::from_secs(20), "all are journaled", || {
                opened.counters.stored.get() == opened.counters.offered.get()
            })
            .await;
            let expected = told(readings());
            assert_eq!(kept(&path), expected, "in the journal");
            every_start_tells_the_same(&path, &expected.1);
            opened.store.close().await.unwrap();
            assert_eq!(kept(&path), expected, "in blocks");
        });
        for file in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
}
