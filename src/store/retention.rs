//! Readings given up after a while: blocks of readings fall to minutes, those of minutes to quarter-hours. What hours and
//! longer came to stays as it was, and so do the positions of the totals.
//!
//! It goes in small steps, one transaction each: a few blocks are packed anew, then as much of the file as they left
//! free is given back. Killed in between, a block is what it was or what it becomes.

pub(in crate::store) mod thin;

use rusqlite::{Connection, OptionalExtension, params};

use super::block;
use super::codec::{Damaged, Row};
use super::db::{Database, blocks};
use super::packed;
use super::summary::Summary;
use crate::meter::UnixMillis;

/// The level of blocks of readings.
pub(in crate::store) const READINGS: u8 = 0;
/// Hours in a day.
const DAY: i64 = 24;
/// Pages that are given back at a time: a megabyte.
const PAGES: u32 = 256;

/// For how long readings stay readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Readings older than so many days fall to minutes; none keeps them for ever.
    pub raw_days: Option<u32>,
    /// Minutes older than so many days fall to quarter-hours; none keeps them for ever.
    pub minute_days: Option<u32>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Thinned {
    /// Blocks that were packed anew.
    pub(in crate::store) blocks: u64,
    /// Bytes of rows before and after.
    pub(in crate::store) before: u64,
    pub(in crate::store) after: u64,
    /// Blocks that stay as they are: damaged, or not to be told by the minute.
    pub(in crate::store) left: u64,
}

/// How far the record was gone through, by level: the hour and the number of the last block that was looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Progress {
    retention: Retention,
    reached: [(i64, i64); 2],
}

impl Progress {
    pub(in crate::store) fn new(retention: Retention) -> Self {
        Self { retention, reached: [(i64::MIN, i64::MIN); 2] }
    }

    /// Packs up to so many blocks anew that are old enough, in one transaction, and gives back what they leave.
    pub(in crate::store) fn step(
        &mut self,
        database: &mut Database,
        now: UnixMillis,
        blocks: u64,
    ) -> rusqlite::Result<Thinned> {
        let hour = now.div_euclid(3_600_000);
        let limits = [self.retention.raw_days, self.retention.minute_days];
        let mut done = Thinned::default();
        let mut reached = self.reached;
        let transaction = database.begin()?;
        for (level, days) in (READINGS..).zip(limits) {
            let Some(days) = days else { continue };
            // The last hour of which all readings are old enough.
            let limit = hour - i64::from(days) * DAY - 1;
            while done.blocks + done.left < blocks {
                let at = &mut reached[usize::from(level)];
                let Some((hour, id)) = next(&transaction, level, *at, limit)? else { break };
                *at = (hour, id);
                match thin(&transaction, id, level)? {
                    Some((before, after)) => {
                        done.blocks += 1;
                        done.before += before;
                        done.after += after;
                    }
                    None => done.left += 1,
                }
            }
        }
        if done.blocks == 0 {
            self.reached = reached;
            return Ok(done);
        }
        transaction.commit()?;
        self.reached = reached;
        database.give_back(PAGES)?;
        Ok(done)
    }
}

/// The next block of a level behind one and up to an hour.
fn next(
    connection: &Connection,
    level: u8,
    (hour, id): (i64, i64),
    limit: i64,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT hour, id FROM block WHERE hour BETWEEN ?1 AND ?2 AND level = ?3 AND (hour > ?1 OR id > ?4)
         ORDER BY hour, id LIMIT 1",
    )?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    statement.query_row(params![hour, limit, level, id], row).optional()
}

/// Packs a block anew, one level up; the bytes of its rows before and after. None when it stays as it is.
fn thin(connection: &Connection, id: i64, level: u8) -> rusqlite::Result<Option<(u64, u64)>> {
    let mut statement = connection.prepare_cached("SELECT codec, data FROM block WHERE id = ?1")?;
    let (codec, data): (u8, Vec<u8>) =
        statement.query_row([id], |row| Ok((block::small(row, 0)?, row.get(1)?)))?;
    let summary = blocks::summary_of(connection, id)?;
    let before = data.len() as u64;
    let Some((rows, summary)) = packed_anew(codec, data, summary, level) else {
        tracing::debug!(block = id, "a block cannot be thinned and stays as it is");
        return Ok(None);
    };
    let Ok(data) = packed::pack(&rows) else { return Ok(None) };
    let mut update = connection.prepare_cached(
        "UPDATE block SET level = ?1, codec = ?2, count = ?3, ordered = 1, data = ?4 WHERE id = ?5",
    )?;
    update.execute(params![level + 1, packed::VERSION, rows.len() as i64, data, id])?;
    blocks::put_summary(connection, id, Some(&summary))?;
    Ok(Some((before, data.len() as u64)))
}

/// The rows of a block one level up, and what its readings came to. Nothing of a block that does not read, or whose
/// readings did not, so that there is no summary of them any more.
fn packed_anew(codec: u8, data: Vec<u8>, summary: Option<Vec<u8>>, level: u8) -> Option<(Vec<Row>, Vec<u8>)> {
    let summary = match summary.filter(|bytes| Summary::unpack(bytes).is_ok()) {
        Some(summary) => summary,
        None if level == READINGS => {
            Summary::of(&block::columns(codec, data.clone(), &|_| true).ok()?).pack()
        }
        None => return None,
    };
    let rows = block::rows(codec, data).ok()?.collect::<Result<Vec<Row>, Damaged>>().ok()?;
    let seconds = if level == READINGS { 60 } else { 900 };
    Some((thin::thinned(&rows, level, seconds)?, summary))
}
