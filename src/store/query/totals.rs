//! Counters, positions and prices read back: those of the database, and what the journal's tail adds to them.

use std::cell::Ref;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::Archive;
use crate::prices::PriceTable;
use crate::store::db;
use crate::store::error::ReadError;
use crate::store::tallies::{StoredCounter, Tallied};
use crate::totals::{CounterState, QUARTER, Settled};

impl Archive {
    /// The counters of a meter, in the order in which they came, and how far they are known.
    pub fn counters(&self, meter: &str) -> Result<Vec<CounterState>, ReadError> {
        Ok(self.tallied(meter)?.map(|tallied| tallied.counters().to_vec()).unwrap_or_default())
    }

    /// The positions of a meter's counters at boundaries: of each counter the last at or before `from`, then every
    /// later one, by boundary. The counters are those of [`Archive::counters`], by their places.
    pub fn settled(&self, meter: &str, from: i64, each: impl FnMut(Settled)) -> Result<(), ReadError> {
        self.settled_until(meter, from, i64::MAX, each)
    }

    /// The same, of boundaries up to and with an instant.
    pub(super) fn settled_until(
        &self,
        meter: &str,
        from: i64,
        until: i64,
        mut each: impl FnMut(Settled),
    ) -> Result<(), ReadError> {
        let Some(tallied) = self.tallied(meter)? else { return Ok(()) };
        let changes = tallied.changes();
        let mut before = Vec::new();
        for (place, counter) in tallied.counters().iter().enumerate() {
            let waiting = changes.rows().filter(|(boundary, of, _)| *of == place && *boundary <= from).last();
            let waiting =
                waiting.map(|(boundary, counter, position)| Settled { counter, boundary, position });
            // What waits comes after what is stored.
            before.extend(match (waiting, tallied.stored().get(place)) {
                (Some(waiting), _) => Some(waiting),
                (None, Some(stored)) => {
                    self.last_before(&tallied, place, stored, from.min(counter.last.time))?
                }
                (None, None) => None,
            });
        }
        before.sort_by_key(|settled| (settled.boundary, settled.counter));
        before.into_iter().for_each(&mut each);
        let mut waiting =
            changes.rows().filter(|(boundary, ..)| *boundary > from && *boundary <= until).peekable();
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT quarter, counter, value, age FROM position WHERE quarter > ?1 AND quarter <= ?2
             ORDER BY quarter, counter",
        )?;
        let places: HashMap<i64, (usize, u8)> =
            tallied.stored().iter().enumerate().map(|(place, row)| (row.id, (place, row.scale))).collect();
        let mut rows = statement.query([from.div_euclid(QUARTER), until.div_euclid(QUARTER)])?;
        while let Some(row) = rows.next()? {
            // Of another meter.
            let Some((counter, scale)) = places.get(&row.get(1)?) else { continue };
            let (boundary, position) = db::totals::position(row, *scale)?;
            while let Some((boundary, counter, position)) =
                waiting.next_if(|(other, of, _)| (*other, *of) < (boundary, *counter))
            {
                each(Settled { counter, boundary, position });
            }
            if !changes.hides(boundary, *counter) {
                each(Settled { counter: *counter, boundary, position });
            }
        }
        waiting.for_each(|(boundary, counter, position)| each(Settled { counter, boundary, position }));
        Ok(())
    }

    /// The last stored position of a counter at or before an instant. Its rows lie close together up to its last
    /// position, so that not many of other counters are passed over.
    fn last_before(
        &self,
        tallied: &Tallied,
        place: usize,
        stored: &StoredCounter,
        instant: i64,
    ) -> Result<Option<Settled>, ReadError> {
        let void = tallied.changes().void().find(|(counter, _)| *counter == place).map(|(_, after)| after);
        let to = instant.min(void.unwrap_or(i64::MAX)).div_euclid(QUARTER);
        let from = stored.state.first.time.div_euclid(QUARTER);
        let snapshot = self.snapshot();
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT quarter, counter, value, age FROM position
             WHERE quarter BETWEEN ?1 AND ?2 AND counter = ?3 ORDER BY quarter DESC LIMIT 1",
        )?;
        let row = |row: &rusqlite::Row<'_>| db::totals::position(row, stored.scale);
        let found = statement.query_row(params![from, to, stored.id], row).optional()?;
        Ok(found.map(|(boundary, position)| Settled { counter: place, boundary, position }))
    }

    /// The dynamic prices that hold at or after an instant, in seconds since 1970-01-01 00:00 UTC.
    pub fn prices(&self, from: i64) -> Result<PriceTable, ReadError> {
        Ok(db::prices::since(&self.snapshot().connection, from)?)
    }

    /// Whether the positions are those of every reading; otherwise the record is older than they are, and
    /// `dsmrd totals rebuild` makes them.
    pub fn totals_whole(&self) -> Result<bool, ReadError> {
        Ok(db::totals::whole(&self.snapshot().connection)?)
    }

    fn tallied(&self, meter: &str) -> Result<Option<Ref<'_, Tallied>>, ReadError> {
        let snapshot = self.snapshot();
        if snapshot.tallies.is_none() {
            return Err(ReadError::Totals);
        }
        Ok(Ref::filter_map(snapshot, |snapshot| snapshot.tallies.as_ref()?.of(meter)).ok())
    }
}
