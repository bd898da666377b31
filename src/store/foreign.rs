//! Databases of other programs that are SQLite files too.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::ReadError;

/// The table of minutes of P1 Monitor.
const MINUTES: &str = "e_history_min";

/// Columns of numbers, in the order of [`P1Minute::numbers`], with the digits behind the point that meters tell.
const COLUMNS: [&str; 7] = [
    "VERBR_KWH_181",
    "VERBR_KWH_182",
    "GELVR_KWH_281",
    "GELVR_KWH_282",
    "ACT_VERBR_KW_170",
    "ACT_GELVR_KW_270",
    "VERBR_GAS_2421",
];

/// A minute of P1 Monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P1Minute {
    /// The wall clock: `2020-01-01 00:01:00`.
    pub time: String,
    /// Positions taken at tariffs 1 and 2 and given at both, in kWh; power taken and given, in kW; the position of gas,
    /// in m³: each with three digits behind the point.
    pub numbers: [Option<String>; 7],
}

/// P1 Monitor's database of minutes.
#[derive(Debug)]
pub struct P1Monitor {
    connection: Connection,
    select: String,
}

impl P1Monitor {
    /// Opens it to read; `None` when it has no table of minutes.
    ///
    /// # Errors
    /// It is no database, or cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let mut found: Vec<String> = Vec::new();
        connection.pragma(None, "table_info", MINUTES, |row| {
            found.push(row.get::<_, String>(1)?.to_ascii_uppercase());
            Ok(())
        })?;
        if !found.iter().any(|column| column == "TIMESTAMP") {
            return Ok(None);
        }
        // Numbers are doubles there: what the meter told has three digits.
        let columns = COLUMNS.map(|column| match found.iter().any(|known| known == column) {
            true => format!("CASE WHEN {column} IS NULL THEN NULL ELSE printf('%.3f', {column}) END"),
            false => "NULL".to_owned(),
        });
        let select = format!(
            "SELECT rowid, TIMESTAMP, {} FROM {MINUTES} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            columns.join(", ")
        );
        Ok(Some(Self { connection, select }))
    }

    /// How many minutes it has.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn count(&self) -> Result<u64, ReadError> {
        let count = format!("SELECT count(*) FROM {MINUTES}");
        Ok(self.connection.query_row(&count, [], |row| row.get::<_, i64>(0))?.max(0) as u64)
    }

    /// The next minutes behind a row, as many as `most`, and the row to go on behind.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn minutes(&self, behind: i64, most: u32) -> Result<(Vec<P1Minute>, i64), ReadError> {
        let mut statement = self.connection.prepare_cached(&self.select)?;
        let mut rows = statement.query([behind, most.into()])?;
        let (mut minutes, mut last) = (Vec::new(), behind);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            let mut numbers: [Option<String>; 7] = Default::default();
            for (place, number) in numbers.iter_mut().enumerate() {
                *number = row.get(place + 2)?;
            }
            minutes.push(P1Minute { time: row.get::<_, Option<String>>(1)?.unwrap_or_default(), numbers });
        }
        Ok((minutes, last))
    }
}
