//! The blocks of a range hour by hour, with what each comes to; those of the journal's tail among them.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::{Archive, Range};
use crate::store::db::blocks;
use crate::store::error::ReadError;
use crate::store::summary::Summary;
use crate::store::{block, codec};

/// Hours that are looked up together.
const WINDOW: i64 = 24;

/// Where a block's rows are.
#[derive(Debug)]
pub(super) enum Place {
    Database(i64),
    /// Among the blocks of the journal's tail.
    Tail(usize),
}

/// A block and what its row says.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) hour: i64,
    pub(super) meter: Arc<str>,
    pub(super) equipment_id: Option<Arc<str>>,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) codec: u8,
    pub(super) level: u8,
    pub(super) ordered: bool,
    /// The names of its columns.
    pub(super) columns: Rc<Vec<String>>,
    pub(super) place: Place,
}

/// The blocks of a range by hour and meter.
#[derive(Debug)]
pub(super) struct Parts {
    range: Range,
    /// The snapshot that it was looked up in.
    generation: u64,
    epochs: Epochs,
    layouts: HashMap<i64, Rc<Vec<String>>>,
    /// The next hour to look up; none after the last.
    next: Option<i64>,
    ready: VecDeque<Part>,
}

/// By the number of an epoch: the meter and its equipment, where they are in range.
type Epochs = HashMap<i64, (Arc<str>, Option<Arc<str>>)>;

impl Parts {
    pub(super) fn new(archive: &Archive, mut range: Range) -> Result<Self, ReadError> {
        archive.as_opened(&mut range);
        let next = Some(range.hours().0);
        let (epochs, generation) = (epochs(archive, &range)?, archive.generation());
        let (layouts, ready) = (HashMap::new(), VecDeque::new());
        Ok(Self { range, generation, epochs, layouts, next, ready })
    }

    /// The next block; those of an hour stand in order of meter and then as they came. The snapshot is another one at most
    /// between two hours.
    pub(super) fn next(&mut self, archive: &Archive) -> Result<Option<Part>, ReadError> {
        if self.generation != archive.generation() {
            self.go_on(archive)?;
        }
        while self.ready.is_empty() {
            let Some(from) = self.next else { return Ok(None) };
            self.look_up(archive, from)?;
        }
        Ok(self.ready.pop_front())
    }

    /// Tells no more.
    pub(super) fn end(&mut self) {
        self.next = None;
        self.ready.clear();
    }

    /// Looks up anew, in another snapshot, what was not told yet: whole hours.
    fn go_on(&mut self, archive: &Archive) -> Result<(), ReadError> {
        self.generation = archive.generation();
        if let Some(first) = self.ready.front() {
            self.next = Some(first.hour);
        }
        self.ready.clear();
        archive.as_opened(&mut self.range);
        self.epochs = epochs(archive, &self.range)?;
        Ok(())
    }

    /// The hour of the next block.
    pub(super) fn hour(&self) -> Option<i64> {
        self.ready.front().map(|part| part.hour)
    }

    /// Looks up the blocks of the first hours from one on that have any.
    fn look_up(&mut self, archive: &Archive, from: i64) -> Result<(), ReadError> {
        let last = self.range.hours().1;
        let snapshot = archive.snapshot();
        let mut earliest =
            snapshot.connection.prepare_cached("SELECT min(hour) FROM block WHERE hour BETWEEN ?1 AND ?2")?;
        let stored: Option<i64> = earliest.query_row([from, last], |row| row.get(0))?;
        let tail = snapshot.tail.iter().map(|block| block.hour).filter(|hour| (from..=last).contains(hour));
        let Some(first) = tail.chain(stored).min() else {
            self.next = None;
            return Ok(());
        };
        let end = last.min(first.saturating_add(WINDOW - 1));
        self.next = (end < last).then(|| end + 1);
        let mut statement = snapshot.connection.prepare_cached(
            "SELECT id, hour, epoch, first, last, layout, codec, level, ordered
             FROM block WHERE hour BETWEEN ?1 AND ?2 ORDER BY hour, id",
        )?;
        let mut rows = statement.query(params![first, end])?;
        while let Some(row) = rows.next()? {
            let Some((meter, equipment_id)) = self.epochs.get(&row.get(2)?).cloned() else { continue };
            let (first, last) = (row.get(3)?, row.get(4)?);
            if !self.overlaps(first, last) {
                continue;
            }
            self.ready.push_back(Part {
                hour: row.get(1)?,
                meter,
                equipment_id,
                first,
                last,
                codec: block::small(row, 6)?,
                level: block::small(row, 7)?,
                ordered: row.get(8)?,
                columns: layout(&mut self.layouts, archive, row.get(5)?)?,
                place: Place::Database(row.get(0)?),
            });
        }
        let tail = snapshot.tail.iter().enumerate();
        let tail =
            tail.filter(|(_, block)| (first..=end).contains(&block.hour) && self.range.overlaps(block));
        self.ready.extend(tail.map(|(place, block)| Part {
            hour: block.hour,
            meter: Arc::clone(&block.meter),
            equipment_id: block.equipment.as_deref().map(Arc::from),
            first: block.first,
            last: block.last,
            codec: codec::VERSION,
            level: 0,
            ordered: block.ordered,
            columns: Rc::new(block.columns.iter().cloned().collect()),
            place: Place::Tail(place),
        }));
        // Stable: the journal's blocks stay behind those of the database.
        self.ready.make_contiguous().sort_by(|a, b| (a.hour, &a.meter).cmp(&(b.hour, &b.meter)));
        Ok(())
    }

    fn overlaps(&self, first: i64, last: i64) -> bool {
        self.range.from.is_none_or(|from| last >= from) && self.range.to.is_none_or(|to| first < to)
    }
}

fn epochs(archive: &Archive, range: &Range) -> Result<Epochs, ReadError> {
    let snapshot = archive.snapshot();
    let mut statement = snapshot.connection.prepare_cached("SELECT id, meter, equipment_id FROM epoch")?;
    let mut epochs = HashMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (meter, id): (String, String) = (row.get(1)?, row.get(2)?);
        let id = (!id.is_empty()).then_some(id);
        let wanted = range.meter.as_ref().is_none_or(|wanted| *wanted == meter)
            && range.equipment_id.as_ref().is_none_or(|wanted| id.as_ref() == Some(wanted));
        if wanted {
            epochs.insert(row.get(0)?, (meter.into(), id.map(Arc::from)));
        }
    }
    Ok(epochs)
}

fn layout(
    layouts: &mut HashMap<i64, Rc<Vec<String>>>,
    archive: &Archive,
    id: i64,
) -> Result<Rc<Vec<String>>, ReadError> {
    if let Some(known) = layouts.get(&id) {
        return Ok(Rc::clone(known));
    }
    let snapshot = archive.snapshot();
    let mut statement = snapshot.connection.prepare_cached("SELECT columns FROM layout WHERE id = ?1")?;
    let columns: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    let columns = Rc::new(columns.unwrap_or_default().lines().map(str::to_owned).collect());
    layouts.insert(id, Rc::clone(&columns));
    Ok(columns)
}

impl Part {
    /// Its packed rows.
    pub(super) fn data(&self, archive: &Archive) -> Result<Vec<u8>, ReadError> {
        match self.place {
            Place::Database(id) => {
                let snapshot = archive.snapshot();
                let mut statement =
                    snapshot.connection.prepare_cached("SELECT data FROM block WHERE id = ?1")?;
                Ok(statement.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default())
            }
            Place::Tail(place) => Ok(archive.snapshot().tail[place].data.clone()),
        }
    }

    /// What its rows come to. One that is not there or does not read costs time, and nothing else.
    pub(super) fn summary(&self, archive: &Archive) -> Option<Summary> {
        let Place::Database(id) = self.place else { return None };
        Summary::unpack(&blocks::summary_of(&archive.snapshot().connection, id).ok()??).ok()
    }

    /// Its number; 0 of one from the journal.
    pub(super) fn number(&self) -> i64 {
        if let Place::Database(id) = self.place { id } else { 0 }
    }

    /// That it cannot be read.
    pub(super) fn damaged(&self) -> ReadError {
        ReadError::Damaged {
            block: self.number(),
            meter: self.meter.to_string(),
            hour_start: self.hour * 3_600,
        }
    }
}
