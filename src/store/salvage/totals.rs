//! Counters and positions of a damaged database taken over, where nothing about them is in doubt.
//!
//! They have no checksum. What must hold does: the trees are whole, table and index of the counters say the same, no
//! position of a counter is below one before it or outside what the counter says, and the counters that the new database
//! has meanwhile go on from them. Otherwise totals are made anew of the readings.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Transaction, params};

use super::cells::{self, Kind, Value};
use super::pages::Pages;
use super::scan::{Scan, Trust};
use crate::p1::Decimal;
use crate::store::db::{Database, totals as rows};
use crate::store::tallies::StoredCounter;
use crate::totals::{CounterKey, CounterState, Position, QUARTER};

/// One or all cells of a page, so that rows come in the order of their keys.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Leaf(u32),
    Cell(u32, u16),
}

/// A counter of the damaged database.
#[derive(Debug)]
struct Old {
    meter: Arc<str>,
    scale: u8,
    state: CounterState,
    /// The last position seen of it.
    seen: Option<Decimal>,
    /// Its number in the new database, and the scale of its row there.
    new: Option<(i64, u8)>,
}

/// Counters and positions on their way.
#[derive(Debug)]
pub(super) struct Takeover {
    counters: Vec<(i64, Old)>,
    places: HashMap<i64, usize>,
    pieces: Vec<Piece>,
    next: usize,
}

impl Takeover {
    /// Those of a scan; none where they are in doubt, or were before the damage.
    pub(super) fn of(scan: &Scan, pages: &Pages) -> Option<Self> {
        if !scan.is_whole("counter") || !scan.is_whole("position") {
            return None;
        }
        let mut counters = Vec::new();
        for (page, (id, values)) in &scan.counters {
            if scan.trust(*page, "counter") == Trust::Live {
                let key = [&values[1], &values[2], &values[3], &values[4], &Value::Integer(*id)];
                scan.counter_keys.iter().find(|known| known.iter().eq(key))?;
                counters.push((*id, counter(values)?));
            }
        }
        counters.sort_by_key(|(id, _)| *id);
        if !was_whole(scan, pages)? || counters.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let places = counters.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        let mut pieces = Vec::new();
        let root = scan.roots.iter().find(|(name, _)| name == "position")?.1;
        order(pages, root, 0, &mut pieces)?;
        Some(Self { counters, places, pieces, next: 0 })
    }

    /// Whether there is anything.
    pub(super) fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// Looks at some more positions. None: they are in doubt; otherwise whether there are more.
    pub(super) fn check(&mut self, pages: &Pages, count: usize) -> Option<bool> {
        let end = self.pieces.len().min(self.next + count);
        for piece in &self.pieces[self.next..end] {
            for values in read(pages, *piece) {
                let (_, place, position) = self.position(&values)?;
                let (_, old) = &mut self.counters[place];
                let state = &old.state;
                let least = old.seen.unwrap_or(state.first.value);
                let below = position.value.cmp_value(least).is_lt();
                let above = position.value.cmp_value(state.last.value).is_gt();
                if below || above || position.time > state.last.time {
                    return None;
                }
                old.seen = Some(position.value);
            }
        }
        self.next = if end == self.pieces.len() { 0 } else { end };
        Some(self.next > 0)
    }

    /// Puts the counters in; false where those of the new database do not go on from them.
    pub(super) fn begin(
        &mut self,
        transaction: &Transaction<'_>,
        new: &[(Arc<str>, StoredCounter)],
    ) -> rusqlite::Result<bool> {
        let generations: Vec<(Arc<str>, CounterKey)> =
            self.counters.iter().map(|(_, old)| (Arc::clone(&old.meter), old.state.key.clone())).collect();
        let same = |(meter, key): &(Arc<str>, CounterKey), (of, counter): &(Arc<str>, StoredCounter)| {
            let other = &counter.state.key;
            meter == of && key.equipment == other.equipment && key.register == other.register
        };
        for counter in new {
            // The register started anew in the damaged database: the new one counts its generations from another.
            let mine: Vec<_> = generations.iter().filter(|key| same(key, counter)).collect();
            if mine.iter().any(|(_, key)| key.generation > counter.1.state.key.generation) {
                return Ok(false);
            }
        }
        let known = |old: &Old| {
            new.iter().find(|(meter, counter)| *meter == old.meter && counter.state.key == old.state.key)
        };
        for (_, old) in &self.counters {
            if let Some((_, counter)) = known(old) {
                let (old, new) = (&old.state, &counter.state);
                let reaches = |new: Decimal, old: Decimal| new.cmp_value(old).is_ge();
                let goes_on = reaches(new.first.value, old.first.value)
                    && reaches(new.last.value, old.last.value)
                    && new.last.time >= old.last.time
                    && (new.first.time <= old.last.time || reaches(new.first.value, old.last.value))
                    && new.unit == old.unit;
                if !goes_on {
                    return Ok(false);
                }
            }
        }
        for (_, old) in &mut self.counters {
            old.new = Some(match known(old) {
                Some((_, counter)) => {
                    if old.state.first.time < counter.state.first.time {
                        let first = old.state.first;
                        transaction.execute(
                            "UPDATE counter SET first_time = ?1, first_value = ?2 WHERE id = ?3",
                            params![first.time, first.value.to_string(), counter.id],
                        )?;
                    }
                    (counter.id, counter.scale)
                }
                None => (insert(transaction, old)?, old.scale),
            });
        }
        Ok(true)
    }

    /// Puts some more positions in, where the new database has none; whether there are more.
    pub(super) fn step(
        &mut self,
        database: &mut Database,
        pages: &Pages,
        count: usize,
    ) -> rusqlite::Result<bool> {
        let transaction = database.begin()?;
        let end = self.put(&transaction, pages, count)?;
        let more = end < self.pieces.len();
        if !more {
            rows::mark(&transaction, true)?;
        }
        transaction.commit()?;
        self.next = end;
        Ok(more)
    }

    fn put(&self, transaction: &Transaction<'_>, pages: &Pages, count: usize) -> rusqlite::Result<usize> {
        let mut insert =
            transaction.prepare_cached("INSERT OR IGNORE INTO position VALUES (?1, ?2, ?3, ?4)")?;
        let end = self.pieces.len().min(self.next + count);
        for piece in &self.pieces[self.next..end] {
            for values in read(pages, *piece) {
                let Some((boundary, place, position)) = self.position(&values) else { continue };
                let Some((id, scale)) = self.counters[place].1.new else { continue };
                let value = rows::value(position.value, scale);
                insert.execute(params![boundary.div_euclid(QUARTER), id, value, boundary - position.time])?;
            }
        }
        Ok(end)
    }

    /// Boundary, counter and position of a row.
    fn position(&self, values: &[Value]) -> Option<(i64, usize, Position)> {
        let [quarter, counter, value, age] = values else { return None };
        let place = *self.places.get(&counter.integer()?)?;
        let boundary = quarter.integer()?.checked_mul(QUARTER)?;
        let age = age.integer().filter(|age| *age >= 0)?;
        let value = match value {
            Value::Integer(mantissa) => Decimal::new((*mantissa).into(), self.counters[place].1.scale)?,
            other => rows::decimal_of(other.text()?)?,
        };
        Some((boundary, place, Position { time: boundary.checked_sub(age)?, value }))
    }
}

/// Whether the damaged database said that its positions were those of every block.
fn was_whole(scan: &Scan, pages: &Pages) -> Option<bool> {
    let page = scan.pages_of("progress").into_iter().next()?;
    let (_, values) = super::rest::records(pages, page).into_iter().next()?;
    Some(values.get(2)?.integer()? == 1)
}

fn counter(values: &[Value]) -> Option<Old> {
    let position = |time: usize, value: usize| {
        Some(Position { time: values[time].integer()?, value: rows::decimal_of(values[value].text()?)? })
    };
    let key = CounterKey {
        equipment: values[2].text()?.into(),
        register: rows::register_of(values[3].text()?)?,
        generation: u32::try_from(values[4].integer()?).ok()?,
    };
    let state = CounterState {
        key,
        unit: rows::unit_of(values[5].text()?)?,
        first: position(7, 8)?,
        last: position(9, 10)?,
    };
    let scale = u8::try_from(values[6].integer()?).ok().filter(|scale| *scale <= 18)?;
    let fits = state.first.time <= state.last.time && state.first.value.cmp_value(state.last.value).is_le();
    fits.then_some(Old { meter: values[1].text()?.into(), scale, state, seen: None, new: None })
}

fn insert(transaction: &Transaction<'_>, old: &Old) -> rusqlite::Result<i64> {
    let CounterState { key, unit, first, last } = &old.state;
    transaction.execute(
        "INSERT INTO counter (meter, equipment, register, generation, unit, scale,
                              first_time, first_value, last_time, last_value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            old.meter,
            &*key.equipment,
            rows::name_of(key.register),
            key.generation,
            unit.symbol(),
            old.scale,
            first.time,
            first.value.to_string(),
            last.time,
            last.value.to_string()
        ],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// The pieces of a tree in the order of their keys.
fn order(pages: &Pages, number: u32, depth: usize, pieces: &mut Vec<Piece>) -> Option<()> {
    // The tree is known to be whole; a deep one is none of ours.
    let page = pages.get(number).filter(|_| depth < 20)?;
    let kind = Kind::of(&page, number)?;
    if kind == Kind::KeyLeaf {
        pieces.push(Piece::Leaf(number));
        return Some(());
    }
    let (places, _) = cells::places(&page, number, kind);
    for place in places {
        order(pages, cells::cell(&page, kind, place)?.child?, depth + 1, pieces)?;
        pieces.push(Piece::Cell(number, place));
    }
    order(pages, cells::last_child(&page, number), depth + 1, pieces)
}

fn read(pages: &Pages, piece: Piece) -> Vec<Vec<Value>> {
    match piece {
        Piece::Leaf(page) => {
            super::rest::records(pages, page).into_iter().map(|(_, values)| values).collect()
        }
        Piece::Cell(page, at) => {
            let values = pages.get(page).and_then(|bytes| {
                let cell = cells::cell(&bytes, Kind::of(&bytes, page)?, at)?;
                cells::values(&cell.record(&bytes, pages)?)
            });
            values.into_iter().collect()
        }
    }
}
