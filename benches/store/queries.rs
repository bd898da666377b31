//! What questions cost, in milliseconds and memory, over a simulated record that is kept in `target/` for reruns.
//!
//! `cargo run --release --example queries [DAYS [SECONDS BETWEEN READINGS]]`; a year of readings each second takes some
//! minutes to make.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::Zone;
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::{Archive, Measure, Query, Range, Resolution, Selected, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

/// 2026-11-20 00:00 in Amsterdam.
const START: i64 = 1_795_129_200;
const DAY: i64 = 86_400;

fn main() -> anyhow::Result<()> {
    let number = |place: usize, default: i64| -> anyhow::Result<i64> {
        std::env::args().nth(place).map_or(Ok(default), |text| Ok(text.parse()?))
    };
    let (days, step) = (number(1, 365)?, number(2, 1)?);
    let path = PathBuf::from(format!("target/queries-{days}-{step}.sqlite"));
    if !path.exists() {
        let making = path.with_extension("making");
        make(&making, days, step)?;
        // Everything is in the database: the journal is empty.
        for end in [".journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", making.display()));
        }
        std::fs::rename(&making, &path)?;
    }
    println!("{days} days, a reading each {step} s: {:.1} MB", path.metadata()?.len() as f64 / 1e6);
    let end = START + days * DAY;
    let measured = |field: &str, measure| Selected { field: field.to_owned(), measure: Some(measure) };
    let mean = || vec![measured("power_import", Measure::Mean)];
    let both = || vec![measured("power_import", Measure::Mean), measured("energy_import_t1", Measure::Delta)];
    println!("{:<34} {:>8} {:>8} {:>10}", "", "rows", "ms", "peak MB");
    ask(&path, "hours of all of it, mean and usage", Resolution::Hour, both(), START, end)?;
    ask(&path, "days of the last month", Resolution::Day, both(), end - 30 * DAY, end)?;
    ask(&path, "minutes of the last day, mean", Resolution::Minute, mean(), end - DAY, end)?;
    ask(&path, "readings of the last day, all", Resolution::Raw, Vec::new(), end - DAY, end)?;
    ask(&path, "now: the last minute of readings", Resolution::Raw, Vec::new(), end - 60, end)
}

/// The most memory since the last call, in kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    // Writing a 5 starts the count over (proc_pid_clear_refs(5)); where that is refused it is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn ask(
    path: &Path,
    name: &str,
    resolution: Resolution,
    columns: Vec<Selected>,
    from: i64,
    to: i64,
) -> anyhow::Result<()> {
    let range = Range { from: Some(from), to: Some(to), ..Range::default() };
    let query = Query { range, resolution, columns, zone: Zone::new("Europe/Amsterdam")? };
    let clock = Clock::system();
    peak();
    let started = clock.mono();
    let archive = Archive::open(path)?;
    let mut rows = 0u64;
    for span in archive.query(&query)? {
        span?;
        rows += 1;
    }
    println!("{name:<34} {rows:>8} {:>8} {:>10.1}", clock.mono() - started, peak() as f64 / 1e3);
    Ok(())
}

fn make(path: &Path, days: i64, step: i64) -> anyhow::Result<()> {
    println!("making {}", path.display());
    let (mut simulator, zone) = (Simulator::new(1, START), Zone::new("Europe/Amsterdam")?);
    let mut framer = Framer::new(FramerSettings::default());
    let counters = Arc::new(StoreCounters::default());
    let hand = Clock::manual(START * 1_000);
    let settings = StoreSettings { path: path.to_owned(), sync_interval: Duration::from_secs(3_600) };
    let meter = MeterId { name: "home".into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(settings, counters, hand.clone())?;
        for second in 0..days * DAY {
            let telegram = simulator.next_telegram();
            hand.advance(1_000);
            if second % step != 0 {
                continue;
            }
            let mut found = None;
            framer.push(&telegram, &mut |event| {
                if let Event::Frame(frame) = event {
                    found = Some(dsmrd::meter::read(&frame, &zone, (START + second) * 1_000 + 130).reading);
                }
            });
            if let Some(reading) = found {
                store.put(&meter, Arc::new(reading)).await;
            }
        }
        store.close().await?;
        anyhow::Ok(())
    })
}
