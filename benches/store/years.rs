//! A record of years at a reading a second, in minutes: days that were simulated and stored as every reading is, again
//! and again, each with the clock of its date and registers that go on from the day before.
//!
//! `cargo run --release --example years OUTPUT YEARS DAY…`: each DAY is a record of one whole day of one meter, Dutch time.
//! For each date the day of the nearest season is taken whose clock changes as that of the date does. Blocks, summaries
//! and positions are moved and not made again, byte for byte as long; what they take and how they are answered from is
//! what it would be. `provisioning/bench-years` makes the days and measures on what comes out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use dsmrd::clock::Clock;
use dsmrd::meter::Zone;
use dsmrd::store::{Store, StoreSettings, probe};
use dsmrd::telemetry::StoreCounters;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params, params_from_iter};

const QUARTER: i64 = 900;

/// Packed readings of an hour.
struct Block {
    /// Columns of its row: hour, first, last, count, ordered, codec.
    about: [i64; 6],
    columns: String,
    data: Vec<u8>,
    summary: Vec<u8>,
}

/// A register with its positions in a day.
struct Counter {
    equipment: String,
    register: String,
    unit: String,
    scale: i64,
    first: (i64, i64),
    last: (i64, i64),
    /// Quarter, value, age.
    positions: Vec<[i64; 3]>,
}

/// A day that was stored.
struct Day {
    date: Date,
    start: i64,
    /// Seconds east of Greenwich when it begins and when it is over.
    offsets: [i32; 2],
    equipment: String,
    blocks: Vec<Block>,
    counters: Vec<Counter>,
    /// The first and the last number of each register, by the name of its column.
    ends: HashMap<String, [i64; 2]>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().context("into which file?")?;
    let years: i16 = arguments.next().context("how many years?")?.parse()?;
    let zone = Zone::new("Europe/Amsterdam")?.time_zone().clone();
    let days = arguments.map(|path| day(&path, &zone).with_context(|| path.clone()));
    let days: Vec<Day> = days.collect::<anyhow::Result<_>>()?;
    let newest = days.iter().map(|day| day.date).max().context("of which days?")?;
    // Before the year of the days: a daemon that goes on with it finds nothing of its own time.
    let end = newest.first_of_year();
    make(Path::new(&output), &days, &zone, end.checked_sub(years.years())?, end)
}

/// Mantissa of a decimal that has as many digits behind the point as all of its column.
fn mantissa(text: &str) -> anyhow::Result<i64> {
    Ok(text.replace('.', "").parse()?)
}

fn decimal(mantissa: i64, scale: i64) -> String {
    let scale = scale as usize;
    let digits = format!("{mantissa:0>width$}", width = scale + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale);
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}

fn is_register(key: &str) -> bool {
    key.starts_with("energy_") || (key.starts_with("mbus/") && key.ends_with("/value"))
}

/// When a date begins, in seconds since 1970-01-01 00:00 UTC, and the offsets of its two ends.
fn span(date: Date, zone: &TimeZone) -> anyhow::Result<(i64, [i32; 2])> {
    let start = date.to_zoned(zone.clone())?;
    let end = date.tomorrow()?.to_zoned(zone.clone())?;
    Ok((start.timestamp().as_second(), [start.offset().seconds(), end.offset().seconds()]))
}

fn day(path: &str, zone: &TimeZone) -> anyhow::Result<Day> {
    let source = Connection::open(path)?;
    let mut blocks = source.prepare(
        "SELECT b.hour, b.first, b.last, b.count, b.ordered, b.codec, l.columns, b.data, s.data FROM block b
         JOIN layout l ON l.id = b.layout JOIN summary s ON s.block = b.id ORDER BY b.hour",
    )?;
    let block = |row: &rusqlite::Row<'_>| {
        let mut about = [0; 6];
        for (place, number) in about.iter_mut().enumerate() {
            *number = row.get(place)?;
        }
        Ok(Block { about, columns: row.get(6)?, data: row.get(7)?, summary: row.get(8)? })
    };
    let blocks: Vec<Block> = blocks.query_map([], block)?.collect::<Result<_, _>>()?;
    let first = blocks.first().context("there is nothing in it")?.about[1];
    let date = jiff::Timestamp::from_second(first)?.to_zoned(zone.clone()).date();
    let (start, offsets) = span(date, zone)?;
    let seconds: i64 = blocks.iter().map(|block| block.about[3]).sum();
    ensure!(first == start && seconds == span(date.tomorrow()?, zone)?.0 - start, "it is no whole day");
    let mut ends: HashMap<String, [i64; 2]> = HashMap::new();
    for block in &blocks {
        for (key, [first, last]) in probe::ends(&block.summary).context("a summary is damaged")? {
            let (first, last) = (i64::try_from(first)?, i64::try_from(last)?);
            ends.entry(key).and_modify(|ends| ends[1] = last).or_insert([first, last]);
        }
    }
    ends.retain(|key, _| is_register(key));
    let mut positions =
        source.prepare("SELECT quarter, value, age FROM position WHERE counter = ?1 ORDER BY quarter")?;
    let mut all = source.prepare(
        "SELECT id, equipment, register, unit, scale, first_time, first_value, last_time, last_value FROM counter ORDER BY id",
    )?;
    let mut counters = Vec::new();
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let row_of = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        counters.push(Counter {
            equipment: row.get(1)?,
            register: row.get(2)?,
            unit: row.get(3)?,
            scale: row.get(4)?,
            first: (row.get(5)?, mantissa(&row.get::<_, String>(6)?)?),
            last: (row.get(7)?, mantissa(&row.get::<_, String>(8)?)?),
            positions: positions.query_map([row.get::<_, i64>(0)?], row_of)?.collect::<Result<_, _>>()?,
        });
    }
    let equipment = source.query_row("SELECT equipment_id FROM epoch", [], |row| row.get(0))?;
    Ok(Day { date, start, offsets, equipment, blocks, counters, ends })
}

/// The day of the nearest season whose clock changes in the same way.
fn like(days: &[Day], date: Date, offsets: [i32; 2]) -> anyhow::Result<&Day> {
    let apart = |day: &&Day| {
        let days = (day.date.day_of_year() - date.day_of_year()).abs();
        days.min(365 - days)
    };
    let same = days.iter().filter(|day| day.offsets == offsets);
    same.min_by_key(apart).with_context(|| format!("no day is like {date}"))
}

fn make(output: &Path, days: &[Day], zone: &TimeZone, from: Date, to: Date) -> anyhow::Result<()> {
    ensure!(!output.exists(), "{} is there already", output.display());
    empty(output)?;
    let mut target = Connection::open(output)?;
    // What a power cut takes is made again.
    target.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")?;
    let mut counters: HashMap<(String, String), (i64, i64)> = HashMap::new();
    let mut registers: HashMap<String, i64> = HashMap::new();
    let (mut date, mut readings) = (from, 0);
    while date < to {
        let transaction = target.transaction()?;
        let month = date.month();
        while date < to && date.month() == month {
            let (start, offsets) = span(date, zone)?;
            let day = like(days, date, offsets)?;
            readings += put_blocks(&transaction, day, start - day.start, &mut registers)?;
            put_positions(&transaction, day, start - day.start, &mut counters)?;
            date = date.tomorrow()?;
        }
        transaction.commit()?;
    }
    target.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let bytes = output.metadata()?.len();
    println!("readings {readings}");
    println!("kept_bytes {bytes}");
    println!("days {}", days.len());
    Ok(())
}

/// An empty record, as every start makes it.
fn empty(output: &Path) -> anyhow::Result<()> {
    let settings = StoreSettings { path: output.to_owned(), sync_interval: std::time::Duration::ZERO };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        Store::open(settings, Arc::new(StoreCounters::default()), Clock::system())?.close().await?;
        Ok(())
    })
}

fn id(transaction: &Transaction<'_>, find: &str, insert: &str, values: &[&str]) -> anyhow::Result<i64> {
    transaction.prepare_cached(insert)?.execute(params_from_iter(values))?;
    Ok(transaction.prepare_cached(find)?.query_row(params_from_iter(values), |row| row.get(0))?)
}

fn put_blocks(
    transaction: &Transaction<'_>,
    day: &Day,
    by: i64,
    registers: &mut HashMap<String, i64>,
) -> anyhow::Result<i64> {
    let epoch = id(
        transaction,
        "SELECT id FROM epoch WHERE meter = 'home' AND equipment_id = ?1",
        "INSERT OR IGNORE INTO epoch (meter, equipment_id) VALUES ('home', ?1)",
        &[&day.equipment],
    )?;
    let offsets: HashMap<&str, i64> = (day.ends.iter())
        .map(|(key, [first, _])| (key.as_str(), registers.get(key).map_or(0, |reached| reached - first)))
        .collect();
    let offset = |key: &str| offsets.get(key).copied().unwrap_or(0);
    let mut readings = 0;
    for block in &day.blocks {
        let layout = id(
            transaction,
            "SELECT id FROM layout WHERE columns = ?1",
            "INSERT OR IGNORE INTO layout (columns) VALUES (?1)",
            &[&block.columns],
        )?;
        let (data, summary) =
            probe::moved(&block.data, &block.summary, by, &offset).context("a block does not move")?;
        let [hour, first, last, count, ordered, codec] = block.about;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO block (epoch, hour, first, last, count, ordered, layout, codec, level, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)",
        )?;
        insert.execute(params![
            epoch,
            hour + by / 3_600,
            first + by,
            last + by,
            count,
            ordered,
            layout,
            codec,
            data
        ])?;
        let number = transaction.last_insert_rowid();
        transaction
            .prepare_cached("INSERT INTO summary (block, data) VALUES (?1, ?2)")?
            .execute(params![number, summary])?;
        readings += count;
    }
    for (key, [_, last]) in &day.ends {
        registers.insert(key.clone(), last + offset(key));
    }
    Ok(readings)
}

fn put_positions(
    transaction: &Transaction<'_>,
    day: &Day,
    by: i64,
    counters: &mut HashMap<(String, String), (i64, i64)>,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for counter in &day.counters {
        let key = (counter.equipment.clone(), counter.register.clone());
        let (number, reached) = match counters.get(&key) {
            Some(known) => *known,
            None => {
                let (time, value) = counter.first;
                transaction.execute(
                    "INSERT INTO counter (meter, equipment, register, generation, unit, scale,
                                          first_time, first_value, last_time, last_value)
                     VALUES ('home', ?1, ?2, 0, ?3, ?4, ?5, ?6, ?5, ?6)",
                    params![
                        counter.equipment,
                        counter.register,
                        counter.unit,
                        counter.scale,
                        time + by,
                        decimal(value, counter.scale)
                    ],
                )?;
                (transaction.last_insert_rowid(), value)
            }
        };
        let offset = reached - counter.first.1;
        let last = counter.last.1 + offset;
        counters.insert(key, (number, last));
        let mut update =
            transaction.prepare_cached("UPDATE counter SET last_time = ?1, last_value = ?2 WHERE id = ?3")?;
        update.execute(params![counter.last.0 + by, decimal(last, counter.scale), number])?;
        rows.extend(
            (counter.positions.iter())
                .map(|[quarter, value, age]| [quarter + by / QUARTER, number, value + offset, *age]),
        );
    }
    // In the order of their keys, as the hours bring them.
    rows.sort_unstable();
    let mut insert = transaction.prepare_cached("INSERT INTO position VALUES (?1, ?2, ?3, ?4)")?;
    for row in rows {
        insert.execute(params_from_iter(row.map(Value::Integer)))?;
    }
    Ok(())
}
