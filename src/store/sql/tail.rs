//! What the journal holds and the database does not: told to SQLite by temporary tables, in memory, that the views of
//! the plain tables take in.

use rusqlite::{Connection, params};

use crate::store::codec;
use crate::store::db::totals::{name_of, value};
use crate::store::query::Archive;
use crate::totals::{CounterKey, QUARTER};

const TABLES: &str = "
    CREATE TEMP TABLE tail_block (
        meter TEXT, equipment_id TEXT, hour INTEGER, first INTEGER, last INTEGER, count INTEGER, ordered INTEGER,
        codec INTEGER, bytes INTEGER
    );
    CREATE TEMP TABLE tail_counter (
        id INTEGER, place INTEGER, meter TEXT, equipment TEXT, register TEXT, generation INTEGER, unit TEXT, scale INTEGER,
        first_time INTEGER, first_value TEXT, last_time INTEGER, last_value TEXT,
        PRIMARY KEY (meter, place)
    );
    CREATE TEMP TABLE tail_void (counter INTEGER PRIMARY KEY, quarter INTEGER);
    CREATE TEMP TABLE tail_position (
        quarter INTEGER, meter TEXT, place INTEGER, counter INTEGER, value ANY, age INTEGER,
        PRIMARY KEY (quarter, meter, place)
    );
    CREATE INDEX temp.tail_position_stored ON tail_position (counter, quarter);
";

/// Fills the tables that [`super::schema::VIEWS`] look at. Without counters that can be read the views show those of the
/// database.
pub(super) fn fill(connection: &Connection, archive: &Archive) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    let mut block =
        connection.prepare("INSERT INTO tail_block VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for of in archive.tail().iter() {
        let bytes = of.data.len() as i64;
        let version = codec::VERSION;
        block.execute(params![
            &*of.meter,
            of.equipment,
            of.hour,
            of.first,
            of.last,
            of.count,
            of.ordered,
            version,
            bytes
        ])?;
    }
    let Some(tallies) = archive.tallies() else {
        return connection.execute_batch(
            "INSERT INTO tail_counter SELECT id, id, meter, equipment, register, generation, unit, scale, first_time,
                 first_value, last_time, last_value FROM main.counter",
        );
    };
    let mut counter = connection
        .prepare("INSERT INTO tail_counter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?;
    let mut void = connection.prepare("INSERT INTO tail_void VALUES (?1, ?2)")?;
    let mut position = connection.prepare("INSERT INTO tail_position VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (meter, tallied) in tallies.iter() {
        let stored = tallied.stored();
        let id = |place: usize| stored.get(place).map(|row| row.id);
        let scale = |place: usize| {
            let own = tallied.counters().get(place).map_or(0, |state| state.last.value.scale());
            stored.get(place).map_or(own, |row| row.scale)
        };
        for (place, state) in tallied.counters().iter().enumerate() {
            let CounterKey { equipment, register, generation } = &state.key;
            counter.execute(params![
                id(place),
                place as i64,
                &**meter,
                &**equipment,
                name_of(*register),
                generation,
                state.unit.symbol(),
                scale(place),
                state.first.time,
                state.first.value.to_string(),
                state.last.time,
                state.last.value.to_string()
            ])?;
        }
        for (place, after) in tallied.changes().void() {
            if let Some(id) = id(place) {
                void.execute(params![id, after.div_euclid(QUARTER)])?;
            }
        }
        for (boundary, place, of) in tallied.changes().rows() {
            position.execute(params![
                boundary.div_euclid(QUARTER),
                &**meter,
                place as i64,
                id(place),
                value(of.value, scale(place)),
                boundary - of.time
            ])?;
        }
    }
    Ok(())
}
