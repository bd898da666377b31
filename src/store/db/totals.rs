//! Counters and their positions in the database.

use std::sync::Arc;

use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, Row, Transaction, params};

use crate::meter::{Field, MbusClass, Unit};
use crate::p1::Decimal;
use crate::store::tallies::{StoredCounter, Tallied, Tallies};
use crate::totals::{CounterKey, CounterState, Position, QUARTER, Register};

/// The counters of meters in the order in which they came.
pub(in crate::store) fn counters(
    connection: &Connection,
) -> rusqlite::Result<Vec<(Arc<str>, StoredCounter)>> {
    let mut statement = connection.prepare(
        "SELECT meter, id, equipment, register, generation, unit, scale,
                first_time, first_value, last_time, last_value FROM counter ORDER BY id",
    )?;
    let counter = |row: &Row<'_>| {
        let key = CounterKey {
            equipment: row.get::<_, String>(2)?.into(),
            register: text(row, 3, register_of)?,
            generation: row.get(4)?,
        };
        let state = CounterState {
            key,
            unit: text(row, 5, unit_of)?,
            first: Position { time: row.get(7)?, value: text(row, 8, decimal_of)? },
            last: Position { time: row.get(9)?, value: text(row, 10, decimal_of)? },
        };
        let meter: String = row.get(0)?;
        Ok((meter.into(), StoredCounter { id: row.get(1)?, scale: row.get(6)?, state }))
    };
    statement.query_map([], counter)?.collect()
}

/// Writes what tallies have to tell; the answer is for [`Tallies::committed`].
pub(in crate::store) fn write(
    transaction: &Transaction<'_>,
    tallies: &Tallies,
) -> rusqlite::Result<Vec<(Arc<str>, Vec<StoredCounter>)>> {
    let mut written = Vec::new();
    for (meter, tallied) in tallies.iter() {
        let stored = write_counters(transaction, meter, tallied)?;
        let mut void =
            transaction.prepare_cached("DELETE FROM position WHERE quarter > ?1 AND counter = ?2")?;
        for (counter, after) in tallied.changes().void() {
            void.execute(params![after.div_euclid(QUARTER), stored[counter].id])?;
        }
        let mut insert =
            transaction.prepare_cached("INSERT OR REPLACE INTO position VALUES (?1, ?2, ?3, ?4)")?;
        for (boundary, counter, position) in tallied.changes().rows() {
            let counter = &stored[counter];
            insert.execute(params![
                boundary.div_euclid(QUARTER),
                counter.id,
                value(position.value, counter.scale),
                boundary - position.time
            ])?;
        }
        written.push((Arc::clone(meter), stored));
    }
    Ok(written)
}

fn write_counters(
    transaction: &Transaction<'_>,
    meter: &str,
    tallied: &Tallied,
) -> rusqlite::Result<Vec<StoredCounter>> {
    let mut update = transaction.prepare_cached(
        "UPDATE counter SET first_time = ?1, first_value = ?2, last_time = ?3, last_value = ?4, unit = ?5
         WHERE id = ?6",
    )?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO counter (first_time, first_value, last_time, last_value, meter, equipment, register,
                              generation, unit, scale)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET first_time = ?1, first_value = ?2, last_time = ?3, last_value = ?4,
                                   unit = ?9, scale = ?10 RETURNING id",
    )?;
    let mut stored = tallied.stored().to_vec();
    for (place, state) in tallied.counters().iter().enumerate() {
        let (first, last) = (state.first.value.to_string(), state.last.value.to_string());
        match stored.get_mut(place) {
            Some(known) if known.state == *state => {}
            Some(known) => {
                let unit = state.unit.symbol();
                update.execute(params![state.first.time, first, state.last.time, last, unit, known.id])?;
                known.state = state.clone();
            }
            None => {
                let scale = state.last.value.scale();
                let CounterKey { equipment, register, generation } = &state.key;
                let row = params![
                    state.first.time,
                    first,
                    state.last.time,
                    last,
                    meter,
                    &**equipment,
                    name_of(*register),
                    generation,
                    state.unit.symbol(),
                    scale
                ];
                let id = insert.query_row(row, |row| row.get(0))?;
                stored.push(StoredCounter { id, scale, state: state.clone() });
            }
        }
    }
    Ok(stored)
}

/// Takes away every counter and position.
pub(in crate::store) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM position; DELETE FROM counter;")
}

/// Whether the positions are those of every block.
pub(in crate::store) fn whole(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT totals FROM progress", [], |row| row.get(0))
}

/// Notes whether they are.
pub(in crate::store) fn mark(connection: &Connection, whole: bool) -> rusqlite::Result<()> {
    connection.execute("UPDATE progress SET totals = ?1", [whole]).map(|_| ())
}

/// Boundary and position of a row of `quarter`, `counter`, `value` and `age`, of a counter with this scale.
pub(in crate::store) fn position(row: &Row<'_>, scale: u8) -> rusqlite::Result<(i64, Position)> {
    let (quarter, age): (i64, i64) = (row.get(0)?, row.get(3)?);
    let value = match row.get_ref(2)? {
        ValueRef::Integer(mantissa) => Decimal::new(mantissa.into(), scale),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(decimal_of),
        _ => None,
    };
    let boundary = quarter.checked_mul(QUARTER);
    let time = boundary.and_then(|boundary| boundary.checked_sub(age));
    match (boundary, time, value) {
        (Some(boundary), Some(time), Some(value)) => Ok((boundary, Position { time, value })),
        _ => Err(rusqlite::Error::FromSqlConversionFailure(2, Type::Null, "no position".into())),
    }
}

pub(in crate::store) fn value(value: Decimal, scale: u8) -> Value {
    match i64::try_from(value.mantissa()) {
        Ok(mantissa) if value.scale() == scale => Value::Integer(mantissa),
        _ => Value::Text(value.to_string()),
    }
}

pub(super) fn text<T>(row: &Row<'_>, column: usize, of: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let unknown = || format!("{text:?} in the table of counters");
    of(&text).ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown().into()))
}

/// The name of a register, which stays the same for as long as there are databases.
pub(in crate::store) fn name_of(register: Register) -> String {
    match register {
        Register::Energy(field) => field.name().to_owned(),
        Register::Device { class, channel: None } => class.name().to_owned(),
        Register::Device { class, channel: Some(channel) } => format!("{}@{channel}", class.name()),
    }
}

pub(in crate::store) fn register_of(name: &str) -> Option<Register> {
    if let Some(field) = Field::from_name(name) {
        return Some(Register::Energy(field));
    }
    let (class, channel) = match name.split_once('@') {
        Some((class, channel)) => (class, Some(channel.parse().ok()?)),
        None => (name, None),
    };
    let class = MbusClass::ALL.into_iter().find(|known| known.name() == class)?;
    Some(Register::Device { class, channel })
}

pub(in crate::store) fn unit_of(symbol: &str) -> Option<Unit> {
    Unit::ALL.into_iter().find(|unit| unit.symbol() == symbol)
}

/// A decimal as it is shown.
pub(in crate::store) fn decimal_of(text: &str) -> Option<Decimal> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let scale = u8::try_from(rest.len()).ok()?;
    Decimal::new([whole, rest].concat().parse().ok()?, scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_come_back_with_their_scale(negative: bool, magnitude: u64, scale in 0..=19u8) {
            let decimal = Decimal::from_parts(negative, magnitude, scale).expect("a scale in range");
            prop_assert_eq!(decimal_of(&decimal.to_string()), Some(decimal));
        }
    }

    #[test]
    fn names_of_registers_are_read_back() {
        for register in [
            Register::Energy(Field::EnergyImportT1),
            Register::Device { class: MbusClass::WarmWater, channel: None },
            Register::Device { class: MbusClass::Gas, channel: Some(2) },
        ] {
            assert_eq!(register_of(&name_of(register)), Some(register));
        }
        assert_eq!(name_of(Register::Device { class: MbusClass::Gas, channel: Some(2) }), "gas@2");
        assert_eq!((register_of("steam"), register_of("gas@x")), (None, None));
    }
}
