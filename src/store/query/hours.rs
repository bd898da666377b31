//! Going through the record hour by hour, for those who cannot hold on to a series.

use std::cell::Ref;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::blocks::Parts;
use super::{Archive, Range, Resolution};
use crate::p1::Decimal;
use crate::store::block;
use crate::store::error::ReadError;
use crate::store::pending::Finished;
use crate::store::tallies::Tallies;

/// Numbers of some registers in readings, without what else these say.
#[derive(Debug, Default)]
pub(in crate::store) struct Numbers {
    /// The time of each reading, in seconds since 1970-01-01 00:00 UTC, in the order of [`Archive::readings`]; its block
    /// among `blocks`, and its row there.
    pub(in crate::store) rows: Vec<(i64, usize, usize)>,
    /// The blocks.
    pub(in crate::store) blocks: Vec<NumberBlock>,
    /// Blocks that are damaged.
    pub(in crate::store) problems: Vec<ReadError>,
}

/// Whose a block is, and by register the numbers of its rows.
pub(in crate::store) type NumberBlock = (Arc<str>, Option<Arc<str>>, Vec<Vec<Option<Decimal>>>);

impl Archive {
    /// The nearest hour with readings in range, counted from 1970-01-01 00:00 UTC: from one on, or from one backwards.
    pub(in crate::store) fn hour_near(
        &self,
        range: &Range,
        hour: i64,
        backwards: bool,
    ) -> Result<Option<i64>, ReadError> {
        // The end of a range is not in it.
        let end = range.to.map_or(i64::MAX, |to| to.saturating_sub(1).div_euclid(3_600));
        let (first, last) = (range.hours().0, end);
        let (first, last) = if backwards { (first, last.min(hour)) } else { (first.max(hour), last) };
        // Blocks first: their index is by the hour, and one of them is enough.
        let text = if backwards {
            "SELECT b.hour FROM block b CROSS JOIN epoch e WHERE b.hour BETWEEN ?3 AND ?4 AND e.id = b.epoch
             AND (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2) ORDER BY b.hour DESC LIMIT 1"
        } else {
            "SELECT b.hour FROM block b CROSS JOIN epoch e WHERE b.hour BETWEEN ?3 AND ?4 AND e.id = b.epoch
             AND (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2) ORDER BY b.hour LIMIT 1"
        };
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(text)?;
        let arguments = params![range.meter, range.equipment_id, first, last];
        let stored: Option<i64> = statement.query_row(arguments, |row| row.get(0)).optional()?;
        let tail = snapshot.tail.iter().filter(|block| range.overlaps(block)).map(|block| block.hour);
        let hours = tail.filter(|hour| (first..=last).contains(hour)).chain(stored);
        Ok(if backwards { hours.max() } else { hours.min() })
    }

    /// The numbers of registers, by their keys, in the readings in range. All of it is held: for an hour at a time.
    pub(in crate::store) fn numbers(&self, range: &Range, keys: &[&str]) -> Result<Numbers, ReadError> {
        let mut found = Numbers::default();
        let mut parts = Parts::new(self, range.clone())?;
        while let Some(part) = parts.next(self)? {
            // Of coarser levels there are no readings.
            if part.level != 0 {
                continue;
            }
            let Ok(columns) = block::columns(part.codec, part.data(self)?, &|key| keys.contains(&key)) else {
                found.problems.push(part.damaged());
                continue;
            };
            let place = found.blocks.len();
            let times = columns.times.iter().enumerate().filter(|(_, time)| range.holds(**time));
            found.rows.extend(times.map(|(row, time)| (*time, place, row)));
            let mut numbers = vec![Vec::new(); keys.len()];
            for column in &columns.numbers {
                let Some(of) = keys.iter().position(|key| *key == column.key) else { continue };
                numbers[of].resize(columns.times.len(), None);
                for (row, value) in column.iter() {
                    numbers[of][row] = Decimal::new(value, column.scale);
                }
            }
            found.blocks.push((part.meter, part.equipment_id, numbers));
        }
        // Stable, and blocks stand in order of meter: rows of one time lie as those of a series do.
        found.rows.sort_by_key(|(time, block, _)| (*time, *block));
        Ok(found)
    }

    /// The last instant in range of which what was asked for is not there any more, because readings were given up for what
    /// they came to by the minute, or minutes for quarter-hours; in seconds since 1970-01-01 00:00 UTC.
    pub fn thinned(&self, range: &Range, resolution: Resolution) -> Result<Option<i64>, ReadError> {
        let finest = match resolution {
            Resolution::Raw => 0,
            Resolution::Minute => 1,
            _ => return Ok(None),
        };
        let (first, last) = range.hours();
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
               AND b.hour BETWEEN ?3 AND ?4 AND b.level > ?5",
        )?;
        let arguments = params![range.meter, range.equipment_id, first, last, finest];
        Ok(statement.query_row(arguments, |row| row.get(0))?)
    }

    /// The nearest quarter-hour at whose end, or in which, a position is known: from one hour on, or from one backwards.
    /// There may be positions where there are no readings, from the history of another program.
    pub(in crate::store) fn settled_near(
        &self,
        hour: i64,
        backwards: bool,
    ) -> Result<Option<i64>, ReadError> {
        let snapshot = self.snapshot();
        let (first, last) = (hour.saturating_mul(4), hour.saturating_add(1).saturating_mul(4));
        // A position at a boundary belongs to the quarter-hour before it.
        let (text, limit) = if backwards {
            ("SELECT max(quarter) FROM position WHERE quarter <= ?1", last)
        } else {
            ("SELECT min(quarter) FROM position WHERE quarter > ?1", first)
        };
        let mut statement = snapshot.connection.prepare_cached(text)?;
        let quarter: Option<i64> = statement.query_row([limit], |row| row.get(0))?;
        Ok(quarter.map(|quarter| (quarter - 1).div_euclid(4)))
    }

    /// The blocks of what is in the journal alone.
    pub(in crate::store) fn tail(&self) -> Ref<'_, [Finished]> {
        Ref::map(self.snapshot(), |snapshot| &snapshot.tail[..])
    }

    /// The totals with what the journal adds to them; none where the counters of the database cannot be read.
    pub(in crate::store) fn tallies(&self) -> Option<Ref<'_, Tallies>> {
        Ref::filter_map(self.snapshot(), |snapshot| snapshot.tallies.as_ref()).ok()
    }

    /// The sequence number of the last reading that is in a block.
    pub(in crate::store) fn sequence(&self) -> rusqlite::Result<u64> {
        crate::store::db::sequence(&self.snapshot().connection)
    }
}
