//! Databases of other programs that are SQLite files too.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::ReadError;

/// The tables of P1 Monitor that are read: minutes, which it keeps a month, hours (three years) and days (for ever).
pub const P1_TABLES: [&str; 3] = ["e_history_min", "e_history_uur", "e_history_dag"];

/// Columns of numbers, in the order of [`P1Row::numbers`], with the digits behind the point that meters tell.
pub const P1_COLUMNS: [&str; 7] = [
    "VERBR_KWH_181",
    "VERBR_KWH_182",
    "GELVR_KWH_281",
    "GELVR_KWH_282",
    "ACT_VERBR_KW_170",
    "ACT_GELVR_KW_270",
    "VERBR_GAS_2421",
];

/// A row of P1 Monitor: of a minute, or what an hour or day ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct P1Row {
    /// The wall clock, at which a minute was read or an hour or day began: `2020-01-01 00:01:00`.
    pub time: String,
    /// Positions taken at tariffs 1 and 2 and given at both, in kWh; power taken and given, in kW; the position of gas,
    /// in m³: each with three digits behind the point.
    pub numbers: [Option<String>; 7],
}

/// P1 Monitor's database of minutes, hours and days.
#[derive(Debug)]
pub struct P1Monitor {
    connection: Connection,
    /// Of the tables that are there.
    selects: [Option<String>; 3],
}

impl P1Monitor {
    /// Opens it to read; `None` when it has none of the tables.
    ///
    /// # Errors
    /// It is no database, or cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let mut selects: [Option<String>; 3] = Default::default();
        for (table, select) in P1_TABLES.iter().zip(&mut selects) {
            *select = Self::select(&connection, table)?;
        }
        Ok(selects.iter().any(Option::is_some).then_some(Self { connection, selects }))
    }

    fn select(connection: &Connection, table: &str) -> Result<Option<String>, ReadError> {
        let mut found: Vec<String> = Vec::new();
        connection.pragma(None, "table_info", table, |row| {
            found.push(row.get::<_, String>(1)?.to_ascii_uppercase());
            Ok(())
        })?;
        if !found.iter().any(|column| column == "TIMESTAMP") {
            return Ok(None);
        }
        // Numbers are doubles there: what the meter told has three digits.
        let columns = P1_COLUMNS.map(|column| match found.iter().any(|known| known == column) {
            true => format!("CASE WHEN {column} IS NULL THEN NULL ELSE printf('%.3f', {column}) END"),
            false => "NULL".to_owned(),
        });
        Ok(Some(format!(
            "SELECT rowid, TIMESTAMP, {} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            columns.join(", ")
        )))
    }

    /// How many rows a table has, by its place in [`P1_TABLES`].
    ///
    /// # Errors
    /// It cannot be read.
    pub fn count(&self, table: usize) -> Result<u64, ReadError> {
        let Some(name) = P1_TABLES.get(table).filter(|_| self.selects[table].is_some()) else { return Ok(0) };
        let count = format!("SELECT count(*) FROM {name}");
        Ok(self.connection.query_row(&count, [], |row| row.get::<_, i64>(0))?.max(0) as u64)
    }

    /// The next rows of a table behind a row, as many as `most`, and the row to go on behind.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn rows(&self, table: usize, behind: i64, most: u32) -> Result<(Vec<P1Row>, i64), ReadError> {
        let Some(select) = self.selects.get(table).and_then(Option::as_ref) else {
            return Ok((Vec::new(), behind));
        };
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query([behind, most.into()])?;
        let (mut found, mut last) = (Vec::new(), behind);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            let mut numbers: [Option<String>; 7] = Default::default();
            for (place, number) in numbers.iter_mut().enumerate() {
                *number = row.get(place + 2)?;
            }
            found.push(P1Row { time: row.get::<_, Option<String>>(1)?.unwrap_or_default(), numbers });
        }
        Ok((found, last))
    }
}
