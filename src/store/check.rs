//! The record held against itself, beside a process that writes to it or alone: nothing is changed.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::block;
use super::db;
use super::error::{OpenError, ReadError};
use super::journal::{self, Scanner};
use super::salvage::tell;
use super::summary::Summary;

/// Problems that are told one by one; further ones are counted.
const MAX_TOLD: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blocks that were unpacked.
    pub blocks: u64,
    /// Readings in them; the minutes and quarter-hours of those that were given up are none.
    pub readings: u64,
    /// Positions of counters.
    pub positions: u64,
    /// Readings that can be read in the journal, those in blocks already included.
    pub journaled: u64,
    /// Bytes behind them that are no whole record: a write that was cut short, which costs what it wrote.
    pub torn: u64,
    /// What is wrong, for people; the first hundred.
    pub problems: Vec<String>,
    /// How much is wrong.
    pub count: u64,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.count == 0
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.count += 1;
        if self.problems.len() < MAX_TOLD {
            self.problems.push(text.into());
        }
    }
}

/// Checks a record. `is_quick` leaves out what takes long: indices, and unpacking every block. `progress` is told now and
/// then how many blocks are done, of how many.
///
/// # Errors
/// It cannot be opened; what is wrong with one that can is no error.
pub fn run(path: &Path, is_quick: bool, mut progress: impl FnMut(u64, u64)) -> Result<Checked, OpenError> {
    let connection = db::open_to_read(path)?;
    let mut checked = Checked::default();
    let told = check_sqlite(&connection, is_quick, &mut checked)
        .and_then(|()| check_schema(&connection, &mut checked))
        .and_then(|()| check_rows(&connection, &mut checked))
        .and_then(
            |()| if is_quick { Ok(()) } else { check_blocks(&connection, &mut checked, &mut progress) },
        );
    match told {
        Err(error) if db::is_damage(&error) || error.sqlite_error().is_none() => {
            checked.problem(format!("reading ended: {error}"));
        }
        told => told.map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?,
    }
    check_journal(path, &mut checked)?;
    Ok(checked)
}

fn check_sqlite(connection: &Connection, is_quick: bool, checked: &mut Checked) -> rusqlite::Result<()> {
    let sql = if is_quick { "PRAGMA quick_check(100)" } else { "PRAGMA integrity_check(100)" };
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            checked.problem(format!("SQLite: {line}"));
        }
    }
    drop(rows);
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, id): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
        checked.problem(format!("row {} of {table} refers to one that is not there", id.unwrap_or_default()));
    }
    Ok(())
}

fn check_schema(connection: &Connection, checked: &mut Checked) -> rusqlite::Result<()> {
    for (what, text) in db::schema::differences(connection)? {
        checked.problem(match text {
            None => format!("{what} is not there"),
            Some(text) => {
                format!("{what} is not the one that dsmrd makes, by damage or by someone's hand: {text}")
            }
        });
    }
    Ok(())
}

fn check_rows(connection: &Connection, checked: &mut Checked) -> rusqlite::Result<()> {
    let guarded = "SELECT guard = ~sequence FROM progress";
    if connection.query_row(guarded, [], |row| row.get::<_, bool>(0)).optional()? != Some(true) {
        checked.problem("the number of the last reading makes no sense");
    }
    if let Err(error) = db::totals::counters(connection) {
        checked.problem(format!("{}: {error}", ReadError::Totals));
    }
    let positions =
        "SELECT count(*), count(*) FILTER (WHERE counter NOT IN (SELECT id FROM counter)) FROM position";
    let (all, lone): (i64, i64) =
        connection.query_row(positions, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    checked.positions = all.max(0) as u64;
    if lone > 0 {
        checked.problem(format!(
            "{lone} positions are of no counter; stop dsmrd and run \"dsmrd totals rebuild\""
        ));
    }
    Ok(())
}

/// Every block on its own, so that a long check keeps no old state of a record that is being written to.
fn check_blocks(
    connection: &Connection,
    checked: &mut Checked,
    progress: &mut impl FnMut(u64, u64),
) -> rusqlite::Result<()> {
    let all =
        connection.query_row("SELECT count(*) FROM block", [], |row| row.get::<_, i64>(0))?.max(0) as u64;
    let mut next = connection.prepare(
        "SELECT b.id, b.hour, b.first, b.last, b.count, b.ordered, b.codec, b.data, e.meter, e.equipment_id, l.columns,
                (SELECT s.data FROM summary s WHERE s.block = b.id), b.level
         FROM block b LEFT JOIN epoch e ON e.id = b.epoch LEFT JOIN layout l ON l.id = b.layout
         WHERE b.id > ?1 ORDER BY b.id LIMIT 1",
    )?;
    let mut last = i64::MIN;
    loop {
        let found = next
            .query_row([last], |row| {
                let id: i64 = row.get(0)?;
                let meter: Option<String> = row.get(8)?;
                let hour: i64 = row.get(1)?;
                let start = jiff::Timestamp::from_second(hour.saturating_mul(3_600)).unwrap_or_default();
                let name = format!("block {id} (meter {}, {start})", meter.as_deref().unwrap_or("?"));
                Ok((id, block(row, hour)?.map_err(|what| format!("{name}: {what}"))))
            })
            .optional()?;
        let Some((id, outcome)) = found else { break };
        last = id;
        checked.blocks += 1;
        match outcome {
            Ok(readings) => checked.readings += readings,
            Err(what) => checked.problem(what),
        }
        progress(checked.blocks.min(all), all);
    }
    Ok(())
}

/// How many readings a block has; or what is wrong with it.
fn block(row: &rusqlite::Row<'_>, hour: i64) -> rusqlite::Result<Result<u64, String>> {
    let (first, last, count): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let (is_ordered, equipment): (bool, Option<String>) = (row.get(5)?, row.get(9)?);
    let columns: Option<String> = row.get(10)?;
    let (codec, data): (u8, Vec<u8>) = (block::small(row, 6)?, row.get(7)?);
    let summary: Option<Vec<u8>> = row.get(11)?;
    let level: i64 = row.get(12)?;
    let is_summary = summary.is_none_or(|summary| match level {
        0 => db::blocks::summary(codec, &data) == Some(summary),
        // What readings came to that are there no more: its checksum speaks for it.
        _ => Summary::unpack(&summary).is_ok(),
    });
    let Ok(about) = tell(codec, data) else {
        return Ok(Err("its readings cannot be unpacked: they are lost".to_owned()));
    };
    let mut wrong = Vec::new();
    // A minute has the time of its last reading, the row that of the first.
    let is_first = about.first == first || level > 0 && first <= about.first;
    if (about.hour, about.last, i64::from(about.count)) != (hour, last, count) || !is_first {
        wrong.push("time or number");
    }
    if is_ordered && !about.ordered {
        wrong.push("order");
    }
    if about.equipment.is_some() && about.equipment != equipment {
        wrong.push("equipment");
    }
    let listed =
        |column: &String| columns.iter().flat_map(|columns| columns.lines()).any(|known| known == column);
    if !about.columns.iter().all(listed) {
        wrong.push("columns");
    }
    if !is_summary {
        wrong.push("summary");
    }
    if wrong.is_empty() {
        return Ok(Ok(if level == 0 { u64::from(about.count) } else { 0 }));
    }
    Ok(Err(format!("its row is wrong about its readings ({}); the readings are whole", wrong.join(", "))))
}

fn check_journal(path: &Path, checked: &mut Checked) -> Result<(), OpenError> {
    let read = journal::read(path).map_err(|error| OpenError::Io { path: journal::path_of(path), error })?;
    let Some(bytes) = read else { return Ok(()) };
    let mut scanner = Scanner::new(&bytes);
    checked.journaled = (&mut scanner).count() as u64;
    checked.torn = scanner.torn() as u64;
    if scanner.is_unreadable() {
        checked.problem("nothing in the journal can be read; it is set aside at the next start");
    }
    Ok(())
}
