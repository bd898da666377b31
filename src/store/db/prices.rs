//! Dynamic prices in the database.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::p1::Decimal;
use crate::prices::{PriceKind, PriceTable, Slot};
use crate::store::prices::ImportSummary;

/// Puts prices into the table in one transaction: a slot takes the place of those that it overlaps.
pub(in crate::store) fn put(connection: &mut Connection, slots: &[Slot]) -> rusqlite::Result<ImportSummary> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut summary = ImportSummary::default();
    let kinds: BTreeSet<PriceKind> = slots.iter().map(|slot| slot.kind).collect();
    for kind in kinds {
        put_kind(&transaction, kind, slots, &mut summary)?;
    }
    if summary.added + summary.changed > 0 {
        transaction.execute("UPDATE progress SET prices = prices + 1", [])?;
    }
    transaction.commit()?;
    Ok(summary)
}

fn put_kind(
    transaction: &Transaction<'_>,
    kind: PriceKind,
    slots: &[Slot],
    summary: &mut ImportSummary,
) -> rusqlite::Result<()> {
    let new = || slots.iter().filter(|slot| slot.kind == kind && slot.start < slot.end);
    let (Some(start), Some(end)) = (new().map(|slot| slot.start).min(), new().map(|slot| slot.end).max())
    else {
        return Ok(());
    };
    // No two overlap, so that of those before the first new one only the last can reach into it.
    let mut statement = transaction.prepare_cached(
        "SELECT kind, start, length, mantissa, scale FROM price WHERE kind = ?1 AND start < ?3 AND start >=
             ifnull((SELECT max(start) FROM price WHERE kind = ?1 AND start <= ?2), ?2)",
    )?;
    let old: BTreeMap<i64, Slot> = statement
        .query_map(params![number_of(kind), start, end], slot)?
        .map(|slot| slot.map(|slot| (slot.start, slot)))
        .collect::<Result<_, _>>()?;
    for slot in new() {
        let last = old.range(..slot.end).next_back().map(|(_, old)| old);
        match last.filter(|old| old.end > slot.start) {
            None => summary.added += 1,
            Some(old) if old == slot => summary.unchanged += 1,
            Some(_) => summary.changed += 1,
        }
    }
    let table = PriceTable::from_slots(old.values().chain(new()).copied());
    let after: BTreeMap<i64, Slot> = table.slots().map(|slot| (slot.start, *slot)).collect();
    let mut delete = transaction.prepare_cached("DELETE FROM price WHERE kind = ?1 AND start = ?2")?;
    for start in old.keys().filter(|start| !after.contains_key(start)) {
        delete.execute(params![number_of(kind), start])?;
    }
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO price VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for slot in after.values().filter(|slot| old.get(&slot.start) != Some(*slot)) {
        let mantissa = i64::try_from(slot.price.mantissa())
            .map_err(|_| rusqlite::Error::ToSqlConversionFailure("a price has too many digits".into()))?;
        let length = slot.end.saturating_sub(slot.start);
        insert.execute(params![number_of(kind), slot.start, length, mantissa, slot.price.scale()])?;
    }
    Ok(())
}

/// The prices that hold at or after an instant.
pub(in crate::store) fn since(connection: &Connection, from: i64) -> rusqlite::Result<PriceTable> {
    let mut statement = connection
        .prepare_cached("SELECT kind, start, length, mantissa, scale FROM price WHERE start + length > ?1")?;
    let mut table = PriceTable::default();
    for slot in statement.query_map([from], slot)? {
        table.insert(slot?);
    }
    Ok(table)
}

/// Puts prices in where there are none: those in the table stay. How many slots there are then that were not before.
pub(in crate::store) fn add(connection: &mut Connection, slots: &[Slot]) -> rusqlite::Result<usize> {
    let before = since(connection, i64::MIN)?;
    let table = PriceTable::from_slots(slots.iter().chain(before.slots()).copied());
    let slots: Vec<Slot> = table.slots().copied().collect();
    put(connection, &slots).map(|summary| summary.added + summary.changed)
}

/// Rises with every change of a price.
pub(in crate::store) fn revision(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT prices FROM progress", [], |row| row.get(0))
}

/// The number of a kind in the table, which never changes.
fn number_of(kind: PriceKind) -> i64 {
    match kind {
        PriceKind::Electricity => 0,
        PriceKind::ElectricityExport => 1,
        PriceKind::Gas => 2,
    }
}

/// The kind with a number.
pub(in crate::store) fn kind_of(number: i64) -> Option<PriceKind> {
    PriceKind::ALL.into_iter().find(|kind| number_of(*kind) == number)
}

fn slot(row: &Row<'_>) -> rusqlite::Result<Slot> {
    let (number, start): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (length, mantissa, scale): (i64, i64, u8) = (row.get(2)?, row.get(3)?, row.get(4)?);
    match (kind_of(number), Decimal::new(mantissa.into(), scale)) {
        (Some(kind), Some(price)) => Ok(Slot { kind, start, end: start.saturating_add(length), price }),
        _ => Err(rusqlite::Error::IntegralValueOutOfRange(0, number)),
    }
}
