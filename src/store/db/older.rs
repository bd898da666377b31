//! Positions older than the readings, which no reading can make again: they come from the history of another
//! program, and stay when the totals are made anew.

use rusqlite::types::Value;
use rusqlite::{Transaction, params};

use super::totals::{position, value};

/// Lays aside what is older than the first reading of its meter, before the counters are cleared.
pub(in crate::store) fn keep(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DROP TABLE IF EXISTS temp.older_counter;
         DROP TABLE IF EXISTS temp.older_position;
         CREATE TEMP TABLE older_counter AS
             SELECT c.*, f.first AS reading FROM counter c LEFT JOIN (
                 SELECT e.meter AS meter, min(b.first) AS first
                 FROM block b JOIN epoch e ON e.id = b.epoch WHERE b.level = 0 GROUP BY e.meter
             ) f ON f.meter = c.meter
             WHERE f.first IS NULL OR c.first_time < f.first;
         CREATE TEMP TABLE older_position AS
             SELECT p.* FROM position p JOIN older_counter o ON o.id = p.counter
             WHERE o.reading IS NULL OR p.quarter * 900 - p.age < o.reading;",
    )
}

/// Puts it back beside what the readings made: a counter goes on from it, and one that no reading knows is there again.
pub(in crate::store) fn restore(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // A counter without readings ends with its last position that was kept.
    transaction.execute_batch(
        "INSERT OR IGNORE INTO counter (meter, equipment, register, generation, unit, scale,
                                        first_time, first_value, last_time, last_value)
             SELECT meter, equipment, register, generation, unit, scale,
                    first_time, first_value, last_time, last_value
             FROM older_counter o
             WHERE reading IS NULL OR last_time < reading
                 AND EXISTS (SELECT 1 FROM older_position p WHERE p.counter = o.id)
             ORDER BY id;
         UPDATE counter SET first_time = o.first_time, first_value = o.first_value FROM older_counter o
             WHERE o.meter = counter.meter AND o.equipment = counter.equipment AND o.register = counter.register
                 AND o.generation = counter.generation AND o.unit = counter.unit
                 AND o.generation = 0 AND o.first_time < counter.first_time;",
    )?;
    let mut rows = transaction.prepare(
        "SELECT p.quarter, c.id, p.value, p.age, o.scale, c.scale FROM older_position p
         JOIN older_counter o ON o.id = p.counter
         JOIN counter c ON c.meter = o.meter AND c.equipment = o.equipment AND c.register = o.register
             AND c.generation = o.generation AND c.unit = o.unit",
    )?;
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO position VALUES (?1, ?2, ?3, ?4)")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let (quarter, counter, age): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let (old, new): (u8, u8) = (row.get(4)?, row.get(5)?);
        let kept = if old == new {
            row.get::<_, Value>(2)?
        } else {
            let (_, position) = position(row, old)?;
            value(position.value, new)
        };
        insert.execute(params![quarter, counter, kept, age])?;
    }
    Ok(())
}
