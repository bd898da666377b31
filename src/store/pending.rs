//! Readings that are in the journal and on their way into blocks.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::block::BlockWriter;
use super::codec::{Refused, Row};
use crate::meter::Reading;
use crate::meter::record::FlatValue;

/// Blocks open at a time; more meters than this make smaller blocks, which are merged later.
const MAX_OPEN: usize = 12;

/// A packed block with what its row in the database says.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) meter: Arc<str>,
    pub(super) equipment: Option<String>,
    pub(super) hour: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u32,
    pub(super) ordered: bool,
    pub(super) columns: BTreeSet<String>,
    pub(super) data: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    /// Everything but count and data.
    about: Finished,
    writer: BlockWriter,
    /// Columns when their names were last looked at.
    width: usize,
}

/// What a row says about its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) meter: Arc<str>,
    pub(super) equipment: Option<String>,
    /// Seconds since 1970-01-01 00:00 UTC, of the meter where it tells them.
    pub(super) time: i64,
}

impl Place {
    pub(super) fn of(meter: &Arc<str>, reading: &Reading) -> Self {
        Self { meter: Arc::clone(meter), equipment: reading.equipment_id(), time: reading.utc_seconds() }
    }

    pub(super) fn hour(&self) -> i64 {
        self.time.div_euclid(3_600)
    }
}

/// Open and finished blocks.
#[derive(Debug, Default)]
pub(super) struct Pending {
    open: Vec<Open>,
    finished: Vec<Finished>,
    /// The equipment heard last behind each meter: of it is a reading that does not tell.
    heard: HashMap<Arc<str>, String>,
}

impl Pending {
    /// Nothing yet, after the equipment heard so far.
    pub(super) fn after(heard: HashMap<Arc<str>, String>) -> Self {
        Self { heard, ..Self::default() }
    }

    /// The equipment that a reading shows to have been replaced by another.
    pub(super) fn replaced(&self, place: &Place) -> Option<&str> {
        let (told, heard) = (place.equipment.as_ref()?, self.heard.get(&place.meter)?);
        (told != heard).then_some(heard)
    }

    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.finished.is_empty()
    }

    /// Finished blocks.
    pub(super) fn finished(&self) -> &[Finished] {
        &self.finished
    }

    /// Ends the blocks of earlier hours that a reading leaves behind.
    pub(super) fn roll(&mut self, place: &Place) {
        while let Some(old) = self
            .open
            .iter()
            .position(|open| open.about.meter == place.meter && open.about.hour < place.hour())
        {
            self.finish(old);
        }
    }

    /// Adds a row to the block of its hour and equipment.
    pub(super) fn push(&mut self, place: &Place, row: &Row) -> Result<(), Refused> {
        match (&place.equipment, self.heard.get(&place.meter)) {
            (Some(told), Some(heard)) if told == heard => self.add(place, row),
            (Some(told), _) => {
                self.heard.insert(Arc::clone(&place.meter), told.clone());
                self.add(place, row)
            }
            (None, Some(heard)) => {
                let equipment = Some(heard.clone());
                self.add(&Place { equipment, ..place.clone() }, row)
            }
            (None, None) => self.add(place, row),
        }
    }

    fn add(&mut self, place: &Place, row: &Row) -> Result<(), Refused> {
        let find = |equipment: &Option<String>| {
            self.open.iter().position(|Open { about, .. }| {
                about.meter == place.meter && about.hour == place.hour() && about.equipment == *equipment
            })
        };
        // A block whose equipment is not known yet takes the first that is told.
        if let Some(found) = find(&place.equipment).or_else(|| find(&None)) {
            if self.open[found].push(place, row).is_ok() {
                return Ok(());
            }
            self.finish(found);
        } else if self.open.len() >= MAX_OPEN {
            self.finish(0);
        }
        let mut open = Open::new(place);
        open.push(place, row)?;
        self.open.push(open);
        Ok(())
    }

    fn finish(&mut self, place: usize) {
        let open = self.open.remove(place);
        self.finished.push(open.finish());
    }

    /// Ends every block.
    pub(super) fn finish_all(&mut self) {
        self.finished.extend(self.open.drain(..).map(Open::finish));
    }

    /// Forgets the finished blocks: they are stored.
    pub(super) fn clear_finished(&mut self) {
        self.finished.clear();
    }

    /// Roughly the bytes of all blocks.
    pub(super) fn bytes(&self) -> usize {
        let open: usize = self.open.iter().map(|open| open.writer.size()).sum();
        open + self.finished.iter().map(|block| block.data.len()).sum::<usize>()
    }
}

impl Open {
    fn new(place: &Place) -> Self {
        let about = Finished {
            meter: Arc::clone(&place.meter),
            equipment: place.equipment.clone(),
            hour: place.hour(),
            first: place.time,
            last: place.time,
            count: 0,
            ordered: true,
            columns: BTreeSet::new(),
            data: Vec::new(),
        };
        Self { about, writer: BlockWriter::default(), width: 0 }
    }

    fn push(&mut self, place: &Place, row: &Row) -> Result<(), Refused> {
        self.writer.push(row)?;
        let about = &mut self.about;
        about.ordered &= about.count == 0 || about.last <= place.time;
        about.first = about.first.min(place.time);
        about.last = about.last.max(place.time);
        about.count += 1;
        if about.equipment.is_none() {
            about.equipment.clone_from(&place.equipment);
        }
        let types = row.items.iter().filter(|(key, _)| key.ends_with("/type"));
        for (key, value) in types {
            if let FlatValue::Number(quantity) = value {
                about.columns.insert(format!("{key}={}", quantity.value));
            }
        }
        if self.writer.width() != self.width {
            self.width = self.writer.width();
            about.columns.extend(self.writer.keys().map(str::to_owned));
        }
        Ok(())
    }

    fn finish(self) -> Finished {
        Finished { data: self.writer.finish(), ..self.about }
    }
}
