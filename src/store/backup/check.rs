//! Whether a database is a whole record: looked at from its pages up to the last reading.

use std::path::Path;

use rusqlite::Connection;

use super::{BackupError, Interrupt};
use crate::store::block;
use crate::store::codec::Damaged;
use crate::store::db;

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Readings, every one of which was unpacked.
    pub readings: u64,
    /// The meters that they are of, and of each the time of its latest, in seconds since 1970-01-01 00:00 UTC.
    pub latest: Vec<(String, i64)>,
    /// The time of the earliest.
    pub first: Option<i64>,
    /// Its schema, which a start brings up to date.
    pub schema: i64,
}

impl Contents {
    /// The time of the latest reading of all.
    pub fn last(&self) -> Option<i64> {
        self.latest.iter().map(|(_, last)| *last).max()
    }
}

/// Goes through all of a database that nobody writes to. `named` is what it is called in messages.
pub(super) fn check(database: &Path, named: &Path, interrupt: &Interrupt) -> Result<Contents, BackupError> {
    let mut connection = db::open_still(database)?;
    let bad = |why: String| BackupError::bad(named, why);
    let sql = |error: rusqlite::Error| match interrupt.check() {
        Ok(()) => bad(format!("it is damaged, or no database: {error}")),
        Err(interrupted) => interrupted,
    };
    interrupt.watch(&mut connection).map_err(sql)?;
    let schema: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sql)?;
    let known = db::newest_schema();
    if schema > known {
        return Err(bad(format!(
            "written by a later dsmrd (schema {schema}, this one knows {known}); install that version first"
        )));
    }
    let tables =
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('block', 'epoch', 'progress')";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(sql)?;
    if schema < 1 || tables != 3 {
        return Err(bad("this is a database, but no record of dsmrd".to_owned()));
    }
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sql)?;
    if verdict != "ok" {
        return Err(bad(format!("it is damaged: {verdict}")));
    }
    let contents = Contents { schema, ..Contents::default() };
    go_through(&connection, contents, interrupt, &bad).map_err(|error| match error {
        Problem::Sql(error) => sql(error),
        Problem::Other(error) => error,
    })
}

enum Problem {
    Sql(rusqlite::Error),
    Other(BackupError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Unpacks every block.
fn go_through(
    connection: &Connection,
    mut contents: Contents,
    interrupt: &Interrupt,
    bad: &dyn Fn(String) -> BackupError,
) -> Result<Contents, Problem> {
    let mut statement = connection.prepare("SELECT id, count, codec, data FROM block ORDER BY id")?;
    let mut blocks = statement.query([])?;
    while let Some(row) = blocks.next()? {
        interrupt.check().map_err(Problem::Other)?;
        let (id, count): (i64, u64) = (row.get(0)?, row.get::<_, i64>(1)?.max(0) as u64);
        let rows = block::rows(block::small(row, 2)?, row.get(3)?)
            .and_then(|rows| rows.map(|row| row.map(|_| 1)).sum::<Result<u64, Damaged>>());
        match rows {
            Ok(rows) if rows == count => contents.readings += rows,
            Ok(rows) => {
                let why = format!("block {id} has {rows} readings and should have {count}");
                return Err(Problem::Other(bad(why)));
            }
            Err(Damaged) => return Err(Problem::Other(bad(format!("block {id} is damaged")))),
        }
    }
    contents.first = connection.query_row("SELECT min(first) FROM block", [], |row| row.get(0))?;
    let mut meters = connection.prepare(
        "SELECT e.meter, max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch GROUP BY e.meter ORDER BY 1",
    )?;
    contents.latest =
        meters.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(contents)
}
