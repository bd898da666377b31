//! What an import reads and writes beside blocks: what an hour holds, how far it has come, positions, notes.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::totals::{decimal_of, name_of, value};
use crate::meter::{Reading, Unit};
use crate::p1::Decimal;
use crate::store::block;
use crate::totals::{QUARTER, Register};

/// What the record has of a meter in an hour.
#[derive(Debug, Default)]
pub(in crate::store) struct Hour {
    /// Its readings.
    pub(in crate::store) readings: Vec<Reading>,
    /// Its readings were given up for minutes or quarter-hours.
    pub(in crate::store) is_thinned: bool,
    /// Blocks that cannot be read.
    pub(in crate::store) damaged: u64,
}

/// Reads an hour.
pub(in crate::store) fn hour(connection: &Connection, meter: &str, hour: i64) -> rusqlite::Result<Hour> {
    let mut statement = connection.prepare_cached(
        "SELECT b.codec, b.data, b.level FROM block b JOIN epoch e ON e.id = b.epoch
         WHERE b.hour = ?1 AND e.meter = ?2 ORDER BY b.id",
    )?;
    let mut rows = statement.query(params![hour, meter])?;
    let mut found = Hour::default();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? != 0 {
            found.is_thinned = true;
            continue;
        }
        match block::rows(block::small(row, 0)?, row.get(1)?) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(row) => found.readings.push(row.into_reading()),
                        Err(_) => found.damaged += 1,
                    }
                }
            }
            Err(_) => found.damaged += 1,
        }
    }
    Ok(found)
}

/// The time of the first reading of a meter.
pub(in crate::store) fn first_reading(connection: &Connection, meter: &str) -> rusqlite::Result<Option<i64>> {
    let first = "SELECT min(b.first) FROM block b JOIN epoch e ON e.id = b.epoch WHERE e.meter = ?1";
    connection.query_row(first, [meter], |row| row.get(0))
}

/// How far the import of a file has come, and whether it came to the end.
pub(in crate::store) fn progress(
    connection: &Connection,
    fingerprint: &str,
    meter: &str,
) -> rusqlite::Result<Option<(u64, bool)>> {
    let found = "SELECT position, done FROM import WHERE fingerprint = ?1 AND meter = ?2";
    let progress = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.max(0) as u64, row.get(1)?));
    connection.query_row(found, [fingerprint, meter], progress).optional()
}

/// Notes how far it has come.
pub(in crate::store) fn set_progress(
    transaction: &Transaction<'_>,
    fingerprint: &str,
    meter: &str,
    position: u64,
    done: bool,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO import (fingerprint, meter, position, done) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET position = ?3, done = ?4",
    )?;
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    put.execute(params![fingerprint, meter, position, done]).map(|_| ())
}

/// A note for a day; false when it was there.
pub(in crate::store) fn put_note(
    transaction: &Transaction<'_>,
    [meter, day, text, origin]: [&str; 4],
) -> rusqlite::Result<bool> {
    let insert = "INSERT OR IGNORE INTO note (meter, day, text, origin) VALUES (?1, ?2, ?3, ?4)";
    Ok(transaction.prepare_cached(insert)?.execute([meter, day, text, origin])? > 0)
}

/// The notes of all meters, by day.
pub(in crate::store) fn notes(connection: &Connection) -> rusqlite::Result<Vec<[String; 4]>> {
    let mut statement =
        connection.prepare("SELECT meter, day, text, origin FROM note ORDER BY day, meter, text")?;
    let note = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    statement.query_map([], note)?.collect()
}

/// What another program had worked out; true when there was nothing of that time.
pub(in crate::store) fn put_inherited(
    transaction: &Transaction<'_>,
    [meter, kind, origin, data]: [&str; 4],
    start: i64,
) -> rusqlite::Result<bool> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO inherited (meter, kind, start, origin, data) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    Ok(insert.execute(params![meter, kind, start, origin, data])? > 0)
}

/// A counter's row, as far as positions are put before it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Before {
    pub(in crate::store) id: i64,
    pub(in crate::store) scale: u8,
    pub(in crate::store) first: (i64, Decimal),
}

/// The first generation of a register.
pub(in crate::store) fn counter(
    connection: &Connection,
    meter: &str,
    equipment: &str,
    register: Register,
) -> rusqlite::Result<Option<Before>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, scale, first_time, first_value FROM counter
         WHERE meter = ?1 AND equipment = ?2 AND register = ?3 AND generation = 0",
    )?;
    let before = |row: &rusqlite::Row<'_>| {
        let value = super::totals::text(row, 3, decimal_of)?;
        Ok(Before { id: row.get(0)?, scale: row.get(1)?, first: (row.get(2)?, value) })
    };
    statement.query_row(params![meter, equipment, name_of(register)], before).optional()
}

/// Makes a counter of which one position is known.
pub(in crate::store) fn make_counter(
    transaction: &Transaction<'_>,
    [meter, equipment]: [&str; 2],
    (register, unit): (Register, Unit),
    (time, at): (i64, Decimal),
) -> rusqlite::Result<Before> {
    let scale = at.scale();
    let id = transaction.query_row(
        "INSERT INTO counter (meter, equipment, register, generation, unit, scale,
                              first_time, first_value, last_time, last_value)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?6, ?7) RETURNING id",
        params![meter, equipment, name_of(register), unit.symbol(), scale, time, at.to_string()],
        |row| row.get(0),
    )?;
    Ok(Before { id, scale, first: (time, at) })
}

/// What happened to a position that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Put {
    New,
    There,
    Differs,
}

/// Puts a position at a boundary; one that is there stays.
pub(in crate::store) fn put_position(
    transaction: &Transaction<'_>,
    counter: &Before,
    (boundary, at): (i64, Decimal),
) -> rusqlite::Result<Put> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO position VALUES (?1, ?2, ?3, 0)")?;
    let quarter = boundary.div_euclid(QUARTER);
    let stored = value(at, counter.scale);
    if insert.execute(params![quarter, counter.id, stored])? > 0 {
        return Ok(Put::New);
    }
    let mut same =
        transaction.prepare_cached("SELECT value = ?3 FROM position WHERE quarter = ?1 AND counter = ?2")?;
    let same: bool = same.query_row(params![quarter, counter.id, stored], |row| row.get(0))?;
    Ok(if same { Put::There } else { Put::Differs })
}

/// A counter is known from an earlier position on.
pub(in crate::store) fn begin_earlier(
    transaction: &Transaction<'_>,
    counter: &Before,
    (time, at): (i64, Decimal),
) -> rusqlite::Result<()> {
    let update = "UPDATE counter SET first_time = ?1, first_value = ?2 WHERE id = ?3 AND first_time > ?1";
    transaction.execute(update, params![time, at.to_string(), counter.id]).map(|_| ())
}

/// A counter without readings is known up to a later position.
pub(in crate::store) fn end_later(
    transaction: &Transaction<'_>,
    counter: &Before,
    (time, at): (i64, Decimal),
) -> rusqlite::Result<()> {
    let update = "UPDATE counter SET last_time = ?1, last_value = ?2 WHERE id = ?3 AND last_time < ?1";
    transaction.execute(update, params![time, at.to_string(), counter.id]).map(|_| ())
}
