//! What the record costs: bytes kept a reading, bytes written, and the speed of both ways, over a simulated day.
//!
//! `cargo run --release --example record [DIRECTORY]`; with `--codec` in the directory's place of the blocks alone, and
//! of real telegrams, where `DSMRD_CORPUS` has a folder `stream` of them.

mod codec;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::{Archive, Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

/// 2026-11-20 00:00 in Amsterdam.
const START: i64 = 1_795_129_200;
const DAY: usize = 86_400;

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--codec") {
        let readings = day()?;
        codec::day(&readings.iter().map(|reading| Reading::clone(reading)).collect::<Vec<_>>())?;
        let streams = corpus().join("stream");
        return if streams.is_dir() { codec::captures(&streams) } else { Ok(()) };
    }
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("dsmrd-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[expect(clippy::disallowed_methods, reason = "a program of its own is told where things are")]
fn corpus() -> PathBuf {
    std::env::var_os("DSMRD_CORPUS").map_or("../shared/telegrams".into(), PathBuf::from)
}

fn day() -> anyhow::Result<Vec<Arc<Reading>>> {
    let mut simulator = Simulator::new(1, START);
    let zone = Zone::new("Europe/Amsterdam")?;
    let mut framer = Framer::new(FramerSettings::default());
    let mut readings = Vec::with_capacity(DAY);
    let mut noise = 1u64;
    for second in 0..DAY as i64 {
        // A telegram's last byte comes some milliseconds after the second, never the same number of them.
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let received_at = (START + second) * 1_000 + 130 + (noise >> 61) as i64;
        framer.push(&simulator.next_telegram(), &mut |event| {
            if let Event::Frame(frame) = event {
                readings.push(Arc::new(dsmrd::meter::read(&frame, &zone, received_at).reading));
            }
        });
    }
    Ok(readings)
}

/// Bytes this process has caused to be written to devices.
fn write_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0)
}

fn measure(folder: &std::path::Path) -> anyhow::Result<()> {
    let readings = day()?;
    let count = readings.len() as u64;
    println!("readings of a simulated day   {count}");
    let clock = Clock::system();
    // The store's own clock stands at our hand: every reading is a second.
    let hand = Clock::manual(START * 1_000);
    let path = folder.join("dsmrd.sqlite");
    let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(60) };
    let counters = Arc::new(StoreCounters::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let meter = MeterId { name: "home".into() };
    let journal = folder.join("dsmrd.sqlite.journal");
    let (before, started) = (write_bytes(), clock.mono());
    runtime.block_on(async {
        let store = Store::open(settings, Arc::clone(&counters), hand.clone())?;
        for (place, reading) in readings.iter().enumerate() {
            store.put(&meter, Arc::clone(reading)).await;
            hand.advance(1_000);
            if place == 3_599 {
                while counters.stored.get() < 3_600 {
                    tokio::task::yield_now().await;
                }
                let bytes = std::fs::read(&journal)?;
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                println!("journal, bytes a reading      {:.2}", used as f64 / 3_600.0);
            }
            // A minute's readings reach the journal before the next minute's: as in real time.
            if place % 10 == 9 {
                while counters.stored.get() <= place as u64 {
                    tokio::task::yield_now().await;
                }
            }
        }
        store.close().await?;
        anyhow::Ok(())
    })?;
    let (written, took) = (write_bytes() - before, clock.mono() - started);
    println!("written in a day, MB          {:.2}   ({} syncs)", written as f64 / 1e6, counters.syncs.get());
    println!("journal and blocks, µs each   {:.1}", took as f64 * 1_000.0 / count as f64);
    println!("database, bytes a reading     {:.3}", path.metadata()?.len() as f64 / count as f64);
    println!("blocks                        {}", counters.blocks.get());
    let started = clock.mono();
    let archive = Archive::open(&path)?;
    let mut place = 0;
    for stored in archive.readings(Range::default())? {
        let stored = stored?;
        let mut sent = Reading::clone(&readings[place]);
        sent.raw = None;
        anyhow::ensure!(stored.reading == sent, "reading {place} changed");
        place += 1;
    }
    anyhow::ensure!(place as u64 == count, "{place} of {count} came back");
    println!("reading back, µs each         {:.1}", (clock.mono() - started) as f64 * 1_000.0 / count as f64);
    Ok(())
}
