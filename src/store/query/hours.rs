//! Going through the record hour by hour, for those who cannot hold on to a series.

use rusqlite::{OptionalExtension, params};

use super::{Archive, Range, Resolution};
use crate::store::error::ReadError;

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
        let mut statement = self.connection.prepare_cached(text)?;
        let arguments = params![range.meter, range.equipment_id, first, last];
        let stored: Option<i64> = statement.query_row(arguments, |row| row.get(0)).optional()?;
        let tail = self.tail.iter().filter(|block| range.overlaps(block)).map(|block| block.hour);
        let hours = tail.filter(|hour| (first..=last).contains(hour)).chain(stored);
        Ok(if backwards { hours.max() } else { hours.min() })
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
        let mut statement = self.connection.prepare_cached(
            "SELECT max(b.last) FROM block b JOIN epoch e ON e.id = b.epoch
             WHERE (?1 IS NULL OR e.meter = ?1) AND (?2 IS NULL OR e.equipment_id = ?2)
               AND b.hour BETWEEN ?3 AND ?4 AND b.level > ?5",
        )?;
        let arguments = params![range.meter, range.equipment_id, first, last, finest];
        Ok(statement.query_row(arguments, |row| row.get(0))?)
    }

    /// The sequence number of the last reading that is in a block.
    pub(in crate::store) fn sequence(&self) -> rusqlite::Result<u64> {
        crate::store::db::sequence(&self.connection)
    }
}
