//! What the record holds and what it takes; and free space given back.

use std::path::Path;

use rusqlite::Connection;

use super::db::{self, Database, beside};
use super::disk::SystemDisk;
use super::error::OpenError;
use super::journal;
use super::retention::READINGS;
use crate::meter::UnixMillis;

/// A silence longer than this is a gap, in seconds.
const GAP_S: i64 = 3_600;

/// Rows and bytes of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its pages and those of its indices.
    pub bytes: u64,
}

/// A piece of equipment behind a meter's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochStats {
    /// The meter's name.
    pub meter: String,
    /// Its identifier; empty for one that never told it.
    pub equipment_id: String,
    /// Its readings: those that were not given up.
    pub readings: u64,
    /// The blocks they are in.
    pub blocks: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The time of the earliest, in seconds since 1970-01-01 00:00 UTC.
    pub first: i64,
    /// The time of the latest.
    pub last: i64,
    /// How often there was none for more than an hour.
    pub gaps: u64,
    /// Seconds of these silences.
    pub silent: u64,
}

/// How much of the record is of one fineness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelStats {
    /// 0 readings; 1 minutes and 2 quarter-hours, whose readings were given up.
    pub level: u8,
    /// Blocks.
    pub blocks: u64,
    /// Readings, minutes or quarter-hours.
    pub rows: u64,
    /// Bytes of the blocks.
    pub bytes: u64,
    /// The time of the earliest row, in seconds since 1970-01-01 00:00 UTC.
    pub first: i64,
    /// The time of the latest.
    pub last: i64,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of the database.
    pub database: u64,
    /// Bytes of its write-ahead log.
    pub log: u64,
    /// Bytes of the journal, those that are only reserved included.
    pub journal: u64,
    /// Pages of 4096 bytes that hold nothing.
    pub free_pages: u64,
    /// Tables, the largest first.
    pub tables: Vec<TableStats>,
    /// Equipment by meter and time.
    pub epochs: Vec<EpochStats>,
    /// What is there of each level, the finest first.
    pub levels: Vec<LevelStats>,
    /// Hours in which there are readings, of whatever meter.
    pub hours: u64,
}

impl Stats {
    /// Readings in blocks.
    pub fn readings(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.readings).sum()
    }

    /// Blocks.
    pub fn blocks(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.blocks).sum()
    }

    /// Bytes of blocks of readings.
    pub fn reading_bytes(&self) -> u64 {
        self.levels.iter().filter(|level| level.level == READINGS).map(|level| level.bytes).sum()
    }
}

/// Looks at a record, beside a process that writes to it or alone. What is in the journal alone is not counted.
///
/// # Errors
/// It cannot be opened or read.
pub fn of(path: &Path) -> Result<Stats, OpenError> {
    let connection = db::open_to_read(path)?;
    let size = |end: &str| beside(path, end).metadata().map_or(0, |metadata| metadata.len());
    let read = || -> rusqlite::Result<Stats> {
        let count =
            |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| n.max(0) as u64);
        Ok(Stats {
            database: size(""),
            log: size("-wal"),
            journal: size(".journal"),
            free_pages: count("PRAGMA freelist_count")?,
            tables: tables(&connection)?,
            epochs: epochs(&connection)?,
            levels: levels(&connection)?,
            hours: count("SELECT count(DISTINCT hour) FROM block")?,
        })
    };
    read().map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<TableStats>> {
    let mut statement = connection.prepare(
        "SELECT m.tbl_name, sum(s.pgsize) FROM sqlite_master m JOIN dbstat s ON s.name = m.name AND s.aggregate = TRUE
         WHERE m.rootpage > 0 GROUP BY m.tbl_name ORDER BY 2 DESC, 1",
    )?;
    let sizes: Vec<(String, i64)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let table = |(name, bytes): (String, i64)| {
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(TableStats { name, rows: rows.max(0) as u64, bytes: bytes.max(0) as u64 })
    };
    sizes.into_iter().map(table).collect()
}

fn levels(connection: &Connection) -> rusqlite::Result<Vec<LevelStats>> {
    let mut statement = connection.prepare(
        "SELECT level, count(*), sum(count), sum(length(data)), min(first), max(last) FROM block
         GROUP BY level ORDER BY level",
    )?;
    let level = |row: &rusqlite::Row<'_>| {
        let number = |place| row.get::<_, i64>(place).map(|n| n.max(0) as u64);
        let (blocks, rows, bytes) = (number(1)?, number(2)?, number(3)?);
        Ok(LevelStats { level: row.get(0)?, blocks, rows, bytes, first: row.get(4)?, last: row.get(5)? })
    };
    statement.query_map([], level)?.collect()
}

fn epochs(connection: &Connection) -> rusqlite::Result<Vec<EpochStats>> {
    let mut statement = connection.prepare(
        "SELECT e.meter, e.equipment_id, iif(b.level = 0, b.count, 0), length(b.data), b.first, b.last
         FROM block b JOIN epoch e ON e.id = b.epoch ORDER BY e.meter, e.id, b.first",
    )?;
    let mut rows = statement.query([])?;
    let mut epochs: Vec<EpochStats> = Vec::new();
    while let Some(row) = rows.next()? {
        let (meter, equipment_id): (String, String) = (row.get(0)?, row.get(1)?);
        let (count, bytes): (i64, i64) = (row.get(2)?, row.get(3)?);
        let (first, last): (i64, i64) = (row.get(4)?, row.get(5)?);
        let same = |epoch: &EpochStats| epoch.meter == meter && epoch.equipment_id == equipment_id;
        if !epochs.last().is_some_and(same) {
            let (readings, blocks, bytes, gaps, silent) = (0, 0, 0, 0, 0);
            epochs.push(EpochStats {
                meter,
                equipment_id,
                readings,
                blocks,
                bytes,
                first,
                last,
                gaps,
                silent,
            });
        }
        let Some(epoch) = epochs.last_mut() else { continue };
        let silence = first.saturating_sub(epoch.last);
        if silence > GAP_S {
            epoch.gaps += 1;
            epoch.silent += silence as u64;
        }
        epoch.readings += count.max(0) as u64;
        epoch.blocks += 1;
        epoch.bytes += bytes.max(0) as u64;
        epoch.last = epoch.last.max(last);
    }
    epochs.sort_by(|a, b| (&a.meter, a.first).cmp(&(&b.meter, b.first)));
    Ok(epochs)
}

/// Gives the file system back what a database no longer needs; the bytes before and after. It takes as much room again
/// while it works, and no other process may have the record.
///
/// # Errors
/// Another process has it, there is none, or there is no room; it is then as it was before.
pub fn vacuum(path: &Path, now: UnixMillis) -> Result<(u64, u64), OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let journal = journal::path_of(path);
    // Held to the end.
    let _lock =
        journal::lock(&SystemDisk, &journal).map_err(|error| journal::open_error(error, &journal, path))?;
    let database = Database::open(path, None, now)?;
    let before = database.bytes();
    database.vacuum().map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
    Ok((before, database.bytes()))
}
