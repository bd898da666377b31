//! `dsmrd db stats`.

use clap::ValueEnum;
use serde_json::json;

use dsmrd::exit;
use dsmrd::store::stats::{self, LevelStats, Stats};

use super::super::Outcome;
use crate::cli::record::RecordArgs;

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How figures are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    place: RecordArgs,
}

/// Shows what the record holds.
pub(super) fn run(args: &Args) -> Outcome {
    let path = args.place.path()?;
    let stats = stats::of(&path)?;
    match args.format {
        Format::Table => {
            say!("{}", path.display());
            table(&stats);
        }
        Format::Json => say!("{}", object(&stats)),
    }
    Ok(exit::OK)
}

/// A quotient with digits behind the point, none where nothing is divided by.
fn ratio(of: u64, by: u64, digits: usize) -> Option<f64> {
    let scale = 10f64.powi(digits as i32);
    (by > 0).then(|| (of as f64 / by as f64 * scale).round() / scale)
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string())
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn per_reading(stats: &Stats) -> Option<f64> {
    ratio(stats.reading_bytes(), stats.readings(), 2)
}

/// Days are counted by the hours that have readings: gaps take no room.
fn per_day(stats: &Stats) -> Option<f64> {
    ratio(stats.database * 24, stats.hours, 0)
}

fn kept_as(level: &LevelStats) -> &'static str {
    match level.level {
        0 => "readings",
        1 => "minutes",
        _ => "quarter-hours",
    }
}

fn table(stats: &Stats) {
    let (free, pages) = (stats.free_pages * 4_096, stats.free_pages);
    say!(
        "database         {:>12}  of which {} in {pages} free pages",
        megabytes(stats.database),
        megabytes(free)
    );
    say!("write-ahead log  {:>12}", megabytes(stats.log));
    say!("journal          {:>12}", megabytes(stats.journal));
    say!("readings         {:>12}  in {} blocks", stats.readings(), stats.blocks());
    say!("bytes a reading  {:>12}  packed, without what SQLite adds", shown(per_reading(stats)));
    say!("bytes a day      {:>12}  of the database", shown(per_day(stats)));
    // Where nothing was given up the lines above say it all.
    if stats.levels.iter().any(|level| level.level > 0) {
        say!("");
        say!("{:<20} {:>12} {:>12} {:<20} {:<20}", "kept as", "rows", "size", "oldest", "newest");
        for level in &stats.levels {
            let (first, last) = (time(level.first), time(level.last));
            say!(
                "{:<20} {:>12} {:>12} {first:<20} {last:<20}",
                kept_as(level),
                level.rows,
                megabytes(level.bytes)
            );
        }
    }
    say!("");
    say!("{:<20} {:>12} {:>12} {:>7}", "table", "rows", "size", "share");
    for table in &stats.tables {
        let share = ratio(table.bytes * 100, stats.database, 1);
        say!("{:<20} {:>12} {:>12} {:>5} %", table.name, table.rows, megabytes(table.bytes), shown(share));
    }
    say!("");
    say!(
        "{:<12} {:<20} {:>12} {:<20} {:<20} {:>5} {:>9}",
        "meter",
        "equipment",
        "readings",
        "oldest",
        "newest",
        "gaps",
        "silent"
    );
    for epoch in &stats.epochs {
        say!(
            "{:<12} {:<20} {:>12} {:<20} {:<20} {:>5} {:>7} h",
            epoch.meter,
            if epoch.equipment_id.is_empty() { "-" } else { &epoch.equipment_id },
            epoch.readings,
            time(epoch.first),
            time(epoch.last),
            epoch.gaps,
            shown(ratio(epoch.silent, 3_600, 1))
        );
    }
    say!("a gap is a silence of more than an hour");
}

fn object(stats: &Stats) -> serde_json::Value {
    let tables = stats.tables.iter().map(|table| {
        json!({
            "name": table.name,
            "rows": table.rows,
            "bytes": table.bytes,
            "share": ratio(table.bytes, stats.database, 4),
        })
    });
    let levels = stats.levels.iter().map(|level| {
        json!({
            "kept_as": kept_as(level),
            "blocks": level.blocks,
            "rows": level.rows,
            "bytes": level.bytes,
            "oldest": time(level.first),
            "newest": time(level.last),
        })
    });
    let epochs = stats.epochs.iter().map(|epoch| {
        json!({
            "meter": epoch.meter,
            "equipment_id": (!epoch.equipment_id.is_empty()).then_some(&epoch.equipment_id),
            "readings": epoch.readings,
            "blocks": epoch.blocks,
            "bytes": epoch.bytes,
            "oldest": time(epoch.first),
            "newest": time(epoch.last),
            "gaps": epoch.gaps,
            "silent_seconds": epoch.silent,
        })
    });
    json!({
        "database_bytes": stats.database,
        "log_bytes": stats.log,
        "journal_bytes": stats.journal,
        "free_bytes": stats.free_pages * 4_096,
        "readings": stats.readings(),
        "blocks": stats.blocks(),
        "bytes_per_reading": per_reading(stats),
        "bytes_per_day": per_day(stats),
        "hours": stats.hours,
        "tables": tables.collect::<Vec<_>>(),
        "levels": levels.collect::<Vec<_>>(),
        "equipment": epochs.collect::<Vec<_>>(),
    })
}
