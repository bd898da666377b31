//! Blocks put into their table, those of one hour together.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::epoch;
use crate::store::block::{self, MAX_ROWS};
use crate::store::codec;
use crate::store::packed;
use crate::store::pending::Finished;
use crate::store::summary::Summary;

/// A block whose rows are readings, and not what became of them.
const READINGS: u8 = 0;

/// Puts a block in, or joins it with the last of its hour.
pub(in crate::store) fn store(transaction: &Transaction<'_>, block: &Finished) -> rusqlite::Result<()> {
    let epoch = epoch::of(transaction, block)?;
    if merge(transaction, epoch, block)? {
        return Ok(());
    }
    let layout = layout(transaction, &block.columns)?;
    let (codec, data) = match packed::repack(&[(codec::VERSION, &block.data)]) {
        Some(data) => (packed::VERSION, data),
        // It was packed a moment ago: it stays as it is.
        None => (codec::VERSION, block.data.clone()),
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO block (epoch, hour, first, last, count, ordered, layout, codec, level, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        epoch,
        block.hour,
        block.first,
        block.last,
        block.count,
        block.ordered,
        layout,
        codec,
        READINGS,
        data
    ])?;
    put_summary(transaction, transaction.last_insert_rowid(), summary(codec, &data).as_deref())
}

/// What the rows of a block come to; none of one that cannot be read.
pub(in crate::store) fn summary(codec: u8, data: &[u8]) -> Option<Vec<u8>> {
    let columns = block::columns(codec, data.to_vec(), &|_| true).ok()?;
    Some(Summary::of(&columns).pack())
}

/// Puts the summary of a block in the place of the one that it had.
pub(in crate::store) fn put_summary(
    connection: &Connection,
    block: i64,
    summary: Option<&[u8]>,
) -> rusqlite::Result<()> {
    let sql = match summary {
        Some(_) => {
            "INSERT INTO summary (block, data) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET data = excluded.data"
        }
        None => "DELETE FROM summary WHERE block = ?1 AND ?2 IS NULL",
    };
    connection.prepare_cached(sql)?.execute(params![block, summary]).map(|_| ())
}

/// The summary of a block; none where it has none.
pub(in crate::store) fn summary_of(connection: &Connection, block: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT data FROM summary WHERE block = ?1")?;
    statement.query_row([block], |row| row.get(0)).optional()
}

/// The number of a set of columns.
pub(in crate::store) fn layout(
    transaction: &Transaction<'_>,
    columns: &BTreeSet<String>,
) -> rusqlite::Result<i64> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let columns = columns.join("\n");
    let known = transaction
        .query_row("SELECT id FROM layout WHERE columns = ?1", [&columns], |row| row.get(0))
        .optional()?;
    if let Some(layout) = known {
        return Ok(layout);
    }
    transaction.execute("INSERT INTO layout (columns) VALUES (?1)", [&columns])?;
    Ok(transaction.last_insert_rowid())
}

/// Adds a block to the last one of the same hour, so that restarts leave no crumbs. False when there is none, or
/// when it is full or damaged: then the new block stands beside it.
fn merge(transaction: &Transaction<'_>, epoch: i64, block: &Finished) -> rusqlite::Result<bool> {
    let found = transaction
        .query_row(
            "SELECT b.id, b.first, b.last, b.count, b.ordered, b.data, l.columns, b.codec
             FROM block b JOIN layout l ON l.id = b.layout
             WHERE b.epoch = ?1 AND b.hour = ?2 AND b.level = ?3 ORDER BY b.id DESC LIMIT 1",
            params![epoch, block.hour, READINGS],
            |row| {
                let columns: String = row.get(6)?;
                let old = Finished {
                    meter: block.meter.clone(),
                    equipment: None,
                    hour: block.hour,
                    first: row.get(1)?,
                    last: row.get(2)?,
                    // Of one that makes no sense nothing is joined.
                    count: u32::try_from(row.get::<_, i64>(3)?).unwrap_or(u32::MAX),
                    ordered: row.get(4)?,
                    columns: columns.lines().map(str::to_owned).collect(),
                    data: row.get(5)?,
                };
                Ok((row.get::<_, i64>(0)?, block::small(row, 7)?, old))
            },
        )
        .optional()?;
    let Some((id, codec, old)) = found else { return Ok(false) };
    if old.count.saturating_add(block.count) > MAX_ROWS {
        return Ok(false);
    }
    let blocks = [(codec, old.data.as_slice()), (codec::VERSION, block.data.as_slice())];
    let Some(data) = packed::repack(&blocks) else { return Ok(false) };
    let columns = old.columns.union(&block.columns).cloned().collect();
    transaction.execute(
        "UPDATE block SET first = ?1, last = ?2, count = ?3, ordered = ?4, layout = ?5, codec = ?6,
             data = ?7 WHERE id = ?8",
        params![
            old.first.min(block.first),
            old.last.max(block.last),
            old.count + block.count,
            old.ordered && block.ordered && old.last <= block.first,
            layout(transaction, &columns)?,
            packed::VERSION,
            data,
            id
        ],
    )?;
    put_summary(transaction, id, summary(packed::VERSION, &data).as_deref())?;
    Ok(true)
}
