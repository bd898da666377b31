//! A simulated day kept in five ways, for provisioning/bench-record: each prints what it cost.
//!
//! `cargo run --release --example rows WAY FOLDER [SECONDS]`; the ways:
//!
//! - `each`: a row a reading in SQLite, as anyone would: 30 columns, STRICT, WAL with `synchronous = FULL`, an index on the
//!   time, a commit a reading;
//! - `minute`: the same, a commit a minute;
//! - `dsmrd`: the record of dsmrd, its clock moved by hand, a sync a minute;
//! - `default`: the same, with a sync each four minutes;
//! - `log`: the least that can be written: deltas behind each other in a file that is there already, a sync a minute;
//! - `deltas`: column by column the deltas of the whole day, for a general compressor, as the bound of what can be kept;
//!   like the record it has every column, the time of arrival and all texts among them.
//!
//! Readings come one by one as fast as they are taken. What the file system does by itself every few seconds of real
//! time is not in what is written then.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::record::{FlatValue, flatten};
use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::{Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// 2026-11-20 00:00 in Amsterdam.
const START: i64 = 1_795_129_200;
const MINUTE: u64 = 60;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (way, folder) =
        (arguments.next().context("which way?")?, arguments.next().context("in which folder?")?);
    let seconds = arguments.next().map_or(Ok(86_400), |seconds| seconds.parse())?;
    let folder = Path::new(&folder);
    let (clock, before) = (Clock::system(), write_bytes());
    let started = clock.mono();
    let kept = match way.as_str() {
        "each" => rows(folder, seconds, 1)?,
        "minute" => rows(folder, seconds, MINUTE)?,
        "dsmrd" => record(folder, seconds, MINUTE)?,
        "default" => record(folder, seconds, 4 * MINUTE)?,
        "log" => log(folder, seconds)?,
        "deltas" => deltas(folder, seconds)?,
        other => bail!("{other} is no way"),
    };
    println!("readings {seconds}");
    println!("seconds {:.1}", (clock.mono() - started) as f64 / 1_000.0);
    println!("kept_bytes {kept}");
    println!("write_bytes {}", write_bytes() - before);
    println!("peak_kib {}", peak_kib());
    Ok(())
}

/// The readings of the day, one by one, so that memory is the way's own.
fn readings(
    seconds: u64,
    mut each: impl FnMut(u64, Arc<Reading>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut simulator = Simulator::new(1, START);
    let zone = Zone::new("Europe/Amsterdam")?;
    let mut framer = Framer::new(FramerSettings::default());
    let mut noise = 1u64;
    for second in 0..seconds {
        // A telegram's last byte comes some milliseconds after the second, never the same number of them.
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let received_at = (START + second as i64) * 1_000 + 130 + (noise >> 61) as i64;
        let mut outcome = Ok(());
        framer.push(&simulator.next_telegram(), &mut |event| {
            if let Event::Frame(frame) = event {
                let reading = dsmrd::meter::read(&frame, &zone, received_at).reading;
                outcome = each(second, Arc::new(reading));
            }
        });
        outcome?;
    }
    Ok(())
}

/// Those that people make columns of: the meter's time and its numbers, without what stays the same for years.
fn usual(reading: &Reading) -> Vec<(String, Value)> {
    let unusual = |name: &str, value: &Value| {
        let rare = ["received_at", "power_failures", "long_power_failures"].contains(&name);
        let text = matches!(value, Value::Text(_)) && name != "tariff";
        rare || text || name.ends_with("_offset") || name.ends_with("_type")
    };
    columns(reading).into_iter().filter(|(name, value)| !unusual(name, value)).collect()
}

/// All columns of a reading: names, and numbers in the meter's own resolution or texts.
fn columns(reading: &Reading) -> Vec<(String, Value)> {
    let mut items = Vec::new();
    flatten(reading, &mut items);
    let mut columns = vec![("received_at".to_owned(), Value::Integer(reading.received_at))];
    columns.extend(items.into_iter().map(|(key, value)| {
        let value = match value {
            FlatValue::Number(quantity) => Value::Integer(quantity.value.mantissa() as i64),
            FlatValue::Text(text) => Value::Text(String::from_utf8_lossy(&text).into_owned()),
            FlatValue::Time(time) => Value::Integer(time.seconds_as_utc()),
        };
        (key.replace(['/', '.', ';'], "_"), value)
    }));
    columns
}

fn rows(folder: &Path, seconds: u64, commit_every: u64) -> anyhow::Result<u64> {
    let path = folder.join("rows.sqlite");
    let connection = Connection::open(&path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mut insert = None;
    readings(seconds, |second, reading| {
        let columns = usual(&reading);
        if insert.is_none() {
            let kind = |value: &Value| if matches!(value, Value::Text(_)) { "TEXT" } else { "INTEGER" };
            let list: Vec<_> =
                columns.iter().map(|(name, value)| format!("\"{name}\" {}", kind(value))).collect();
            let marks = vec!["?"; columns.len()].join(", ");
            connection.execute_batch(&format!(
                "CREATE TABLE reading (id INTEGER PRIMARY KEY, {}) STRICT;
                 CREATE INDEX reading_by_time ON reading (\"time\");",
                list.join(", ")
            ))?;
            println!("columns {}", columns.len());
            insert = Some(connection.prepare(&format!("INSERT INTO reading VALUES (NULL, {marks})"))?);
        }
        if second % commit_every == 0 {
            connection.execute_batch("BEGIN")?;
        }
        let values = columns.into_iter().map(|(_, value)| value);
        insert.as_mut().context("it is prepared")?.execute(params_from_iter(values))?;
        if second % commit_every == commit_every - 1 {
            connection.execute_batch("COMMIT")?;
        }
        Ok(())
    })?;
    drop(insert);
    if !connection.is_autocommit() {
        connection.execute_batch("COMMIT")?;
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(path.metadata()?.len())
}

fn record(folder: &Path, seconds: u64, sync_s: u64) -> anyhow::Result<u64> {
    let path = folder.join("dsmrd.sqlite");
    let (hand, counters) = (Clock::manual(START * 1_000), Arc::new(StoreCounters::default()));
    let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(sync_s) };
    let store = Store::open(settings, Arc::clone(&counters), hand.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let meter = MeterId { name: "home".into() };
    readings(seconds, |second, reading| {
        runtime.block_on(store.put(&meter, reading));
        hand.advance(1_000);
        // As in real time a minute's readings reach the journal before the next minute's.
        while second % 10 == 9 && counters.stored.get() <= second {
            std::thread::yield_now();
        }
        Ok(())
    })?;
    runtime.block_on(store.close())?;
    println!("syncs {}", counters.syncs.get());
    Ok(path.metadata()?.len())
}

/// A number behind others: small ones are short, whatever their sign.
fn push(out: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// What changed in a column; texts are told when they are others.
fn push_change(out: &mut Vec<u8>, before: Option<&Value>, now: &Value) {
    match (before, now) {
        (Some(Value::Integer(before)), Value::Integer(now)) => push(out, now.wrapping_sub(*before)),
        (_, Value::Integer(now)) => push(out, *now),
        (Some(before), now) if before == now => push(out, 0),
        (_, Value::Text(text)) => {
            push(out, text.len() as i64);
            out.extend_from_slice(text.as_bytes());
        }
        _ => {}
    }
}

fn log(folder: &Path, seconds: u64) -> anyhow::Result<u64> {
    let file = OpenOptions::new().create_new(true).write(true).open(folder.join("log"))?;
    // There before the day begins, so that no sync writes where its blocks are.
    file.write_all_at(&vec![0; seconds as usize * 64], 0)?;
    file.sync_all()?;
    let prepared = write_bytes();
    let (mut before, mut end): (Vec<(String, Value)>, u64) = (Vec::new(), 0);
    readings(seconds, |second, reading| {
        let (now, mut bytes) = (usual(&reading), Vec::new());
        for (place, (_, value)) in now.iter().enumerate() {
            push_change(&mut bytes, before.get(place).map(|(_, value)| value), value);
        }
        before = now;
        file.write_all_at(&bytes, end)?;
        end += bytes.len() as u64;
        if second % MINUTE == MINUTE - 1 {
            file.sync_data()?;
        }
        Ok(())
    })?;
    file.sync_data()?;
    println!("prepared_bytes {prepared}");
    Ok(end)
}

fn deltas(folder: &Path, seconds: u64) -> anyhow::Result<u64> {
    let (mut before, mut streams): (Vec<(String, Value)>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    readings(seconds, |_, reading| {
        let now = columns(&reading);
        streams.resize(streams.len().max(now.len()), Vec::new());
        for (place, (_, value)) in now.iter().enumerate() {
            push_change(&mut streams[place], before.get(place).map(|(_, value)| value), value);
        }
        before = now;
        Ok(())
    })?;
    let mut file = File::create(folder.join("deltas"))?;
    for stream in &streams {
        file.write_all(stream)?;
    }
    Ok(streams.iter().map(|stream| stream.len() as u64).sum())
}

fn proc_figure(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
    found.unwrap_or(0)
}

/// Bytes this process has caused to be written to devices.
fn write_bytes() -> u64 {
    proc_figure("/proc/self/io", "write_bytes:")
}

/// The most memory that it had, in KiB.
fn peak_kib() -> u64 {
    proc_figure("/proc/self/status", "VmHWM:")
}
