//! The record: journal, blocks, damage, `kill -9`.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// Damaged and foreign files, two processes.
mod faults;

/// A process killed at random moments, a thousand times.
mod kill;

/// What goes in comes back, in order of time, beside a writer too.
mod series;

/// A meter swapped behind the same name, and a device replaced on its M-Bus channel.
mod epochs;

/// `dsmrd export`.
mod export;

/// Counters and their positions: beside the readings, over starts and kills, made anew.
mod totals;

/// Dynamic prices, put in beside a running store.
mod prices;

/// The codec of blocks: what goes in comes out, its size, the telegrams of real meters.
mod packed;

/// The unsynced end of the journal in a RAM file system.
mod tail;

/// A disk that loses power, tears writes, fails, fills up or takes its time.
mod disk;

/// Power cuts at every moment.
mod power;

/// Full, read-only, failing and slow disks: metering goes on.
mod trouble;

/// Damaged databases: set aside, and what reads is saved.
mod salvage;

/// Records of years: what grows with them and what must not.
mod years;

/// `dsmrd query`: every resolution against the readings themselves.
mod query;

/// Readings given up for minutes, minutes for quarter-hours; space that returns.
mod retention;

/// `dsmrd sql`.
mod sql;

/// `dsmrd import`: dumps, CSV, telegrams.
mod import;

/// `dsmrd backup`, `restore`, and backups by the clock.
mod backup;

/// What the fuzz targets of blocks and of salvage ask, of their seeds and what is near them.
mod seeds;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::{Field, Proof, Quantity, Reading, Unit};
use dsmrd::p1::Decimal;
use dsmrd::store::{Archive, OpenError, Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

/// 2026-11-21 00:00 UTC.
const START: i64 = 1_795_219_200;

/// A store with its counters and its clock.
struct Opened {
    store: Store,
    counters: Arc<StoreCounters>,
    clock: Clock,
}

fn open_with(path: &Path, sync_interval: Duration) -> Result<Opened, OpenError> {
    let counters = Arc::new(StoreCounters::default());
    let clock = Clock::manual(START * 1_000);
    let settings = StoreSettings { path: path.to_owned(), sync_interval };
    let store = Store::open(settings, Arc::clone(&counters), clock.clone())?;
    Ok(Opened { store, counters, clock })
}

fn open(path: &Path) -> Opened {
    open_with(path, Duration::from_secs(60)).unwrap()
}

fn meter(name: &str) -> MeterId {
    MeterId { name: name.into() }
}

/// A reading of the second `START + second` that says `number` W.
fn reading(second: i64, number: i64) -> Arc<Reading> {
    let mut reading = Reading::new((START + second) * 1_000 + 7, Proof::Verified);
    let value = Decimal::new(number.into(), 3).unwrap();
    reading.set_number(Field::PowerImport, Quantity { value, unit: Unit::KiloWatt });
    reading.set_text(Field::MeterId, b"4B384547303034");
    Arc::new(reading)
}

fn number(reading: &Reading) -> i64 {
    i64::try_from(reading.number(Field::PowerImport).unwrap().mantissa()).unwrap()
}

/// The numbers of all stored readings.
fn numbers(path: &Path, range: Range) -> Vec<i64> {
    let archive = Archive::open(path).unwrap();
    archive.readings(range).unwrap().map(|stored| number(&stored.unwrap().reading)).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Opened {
    /// Hands over readings of `home`, one a second, and waits until the journal has them.
    async fn feed(&self, seconds: std::ops::Range<i64>) {
        let target = self.counters.stored.get() + seconds.end.abs_diff(seconds.start);
        for second in seconds {
            assert!(self.store.put(&meter("home"), reading(second, second)).await);
        }
        self.journaled(target).await;
    }

    async fn journaled(&self, target: u64) {
        crate::support::until(Duration::from_secs(20), "the journal has them", || {
            self.counters.stored.get() >= target
        })
        .await;
    }
}
