//! What totals and prices cost: a year of the simulated household at 1 Hz, every telegram read as the appliance reads
//! it, through the ledger under a contract with quarter-hourly prices.
//!
//! `cargo bench --bench totals [-- DAYS]` prints for each month the microseconds a reading takes in the ledger and
//! the memory of the process. The tally alone, which the record runs besides, is timed on the same readings. The
//! household's own telegrams and their parsing are not in the times: they take longer than what is measured.

use std::sync::Arc;
use std::time::Duration;

use dsmrd::meter::{Interpreter, InterpreterSettings, MbusClass, Reading, Zone};
use dsmrd::p1::Decimal;
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::prices::{Contract, Dynamic, PriceBook, PriceKind, PriceTable, Slot};
use dsmrd::source::simulate::Simulator;
use dsmrd::totals::{Ledger, LedgerSettings, QUARTER, Tally};
use jiff::Timestamp;

/// Readings at a time, in seconds: what is timed must outlast reading a clock.
const BATCH: i64 = 3_600;
const DAY: i64 = 86_400;

fn decimal(mantissa: i128, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).expect("fits")
}

/// Prices of every quarter-hour, some of them below zero.
fn table(from: i64, to: i64) -> PriceTable {
    let mut table = PriceTable::default();
    for start in (from - from.rem_euclid(QUARTER)..to).step_by(QUARTER as usize) {
        let price = decimal(i128::from(start / QUARTER * 7_919 % 40_000) - 4_000, 5);
        table.insert(Slot { kind: PriceKind::Electricity, start, end: start + QUARTER, price });
    }
    table
}

fn contract(zone: &Zone, start: i64) -> Contract {
    let day = Timestamp::from_second(start).expect("a time").to_zoned(zone.time_zone().clone()).date();
    Contract {
        name: "dynamic".into(),
        meter: None,
        start: day.first_of_year(),
        end: None,
        import: Some(decimal(30, 2)),
        import_tariffs: [None; 4],
        export: Some(decimal(7, 2)),
        export_tariffs: [None; 4],
        devices: vec![(MbusClass::Gas, decimal(123_456, 5)), (MbusClass::Water, decimal(1_1, 1))],
        fixed: decimal(25, 2),
        feed_in: decimal(11, 2),
        capacity: Some(decimal(50, 0)),
        capacity_minimum: decimal(25, 1),
        dynamic: Some(Dynamic {
            markup_import: decimal(12_286, 5),
            markup_export: decimal(-2, 2),
            markup_gas: decimal(0, 0),
            vat: decimal(21, 2),
            vat_export: decimal(21, 2),
            import: true,
            export: true,
            gas: false,
        }),
    }
}

/// A line of the kernel's account of this process, in kB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The household's telegrams, read.
struct Household {
    simulator: Simulator,
    framer: Framer,
    interpreter: Interpreter,
}

impl Household {
    fn read(&mut self, readings: &mut Vec<Reading>) {
        readings.clear();
        for _ in 0..BATCH {
            let received_at = self.simulator.utc() * 1_000 + 137;
            let telegram = self.simulator.next_telegram();
            self.framer.push(&telegram, &mut |event| {
                if let Event::Frame(frame) = event {
                    readings.push(self.interpreter.read(&frame, received_at).reading);
                }
            });
        }
    }
}

/// The processor time of this thread so far: other work on the machine does not count.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place is ours, and every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn timed(spent: &mut Duration, work: impl FnOnce()) {
    let start = cpu();
    work();
    *spent += cpu() - start;
}

fn main() {
    let days = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(365_i64);
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    // 2026-01-01 00:00 in Amsterdam, so that the year has ended when it is over.
    let start = 1_767_222_000;
    let table = Arc::new(table(start, start + days * DAY));
    let prices = PriceBook::new("EUR", vec![contract(&zone, start)], table, zone.clone());
    let mut ledger = Ledger::new(LedgerSettings { zone, prices: Arc::new(prices) }, Vec::new());
    let mut tally = Tally::default();
    let mut household = Household {
        simulator: Simulator::new(1, start),
        framer: Framer::new(FramerSettings::default()),
        interpreter: Interpreter::new(InterpreterSettings::default()),
    };
    let (mut readings, mut entries) = (Vec::with_capacity(BATCH as usize), Vec::new());
    let (mut count, mut in_ledger, mut in_tally) = (0_u64, Duration::ZERO, Duration::ZERO);
    let mut all = (0_u64, Duration::ZERO);
    println!(
        "{:<8} {:>11} {:>11} {:>11} {:>9} {:>9}",
        "days", "readings", "ledger, µs", "tally, µs", "RSS, kB", "peak, kB"
    );
    for hour in 1..=days * 24 {
        household.read(&mut readings);
        count += readings.len() as u64;
        timed(&mut in_ledger, || {
            for reading in &readings {
                std::hint::black_box(ledger.take(reading));
            }
        });
        timed(&mut in_tally, || {
            for reading in &readings {
                tally.take(reading, &mut entries);
            }
            entries.clear();
        });
        if hour % (24 * 30) == 0 || hour == days * 24 {
            let each = |spent: Duration| spent.as_secs_f64() * 1e6 / count as f64;
            let (ledger, tally) = (each(in_ledger), each(in_tally));
            let (now, peak) = (memory("VmRSS"), memory("VmHWM"));
            println!("{:<8} {count:>11} {ledger:>11.2} {tally:>11.2} {now:>9} {peak:>9}", hour / 24);
            all = (all.0 + count, all.1 + in_ledger);
            (count, in_ledger, in_tally) = (0, Duration::ZERO, Duration::ZERO);
        }
    }
    println!("readings a second through the ledger: {:.0}", all.0 as f64 / all.1.as_secs_f64());
}
