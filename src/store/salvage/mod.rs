//! What still reads of a damaged database, brought into the one that took its place.
//!
//! In reading order: [`tables`], what is saved; `pages`, a file and its log as pages; `cells`, rows in them; `scan`, one
//! walk over all; `hours`, blocks brought back; `rest` and `totals`, everything else; `report`, what came of it.
//!
//! SQLite is not asked to read the file: a b-tree with a hole ends its reading, where a walk over all pages finds what
//! lies behind. A block is believed for its checksum alone. It is work in steps, so that a large file on a slow card
//! keeps nobody waiting: the new database goes on at once, and fills up from the latest hour to the earliest. Whatever is
//! repeated after a kill finds its readings there and adds none.

mod by_hand;
mod cells;
mod hours;
mod pages;
mod report;
mod rest;
mod scan;
pub(super) mod tables;
#[cfg(test)]
mod tests;
mod totals;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use by_hand::{SalvageError, carve, run};
pub(super) use hours::tell;
pub(super) use report::Note;
pub use report::{Salvaged, SavedTotals};

use super::db::{self, Database};
use hours::Named;
use pages::Pages;
use scan::{FoundBlock, Scan, Trust};
use totals::Takeover;

/// Pages looked at in one step: 2 MB.
const STEP_PAGES: u32 = 512;
/// Hours of one epoch in one step, and one transaction: about 350 kB.
const STEP_GROUPS: usize = 24;
/// Pages of positions in one step: some 20,000 rows.
const STEP_PIECES: usize = 64;
/// The name of a meter whose name is lost.
const NAMELESS: &str = "salvaged";

#[derive(Debug)]
enum Stage {
    Scan,
    Hours(usize),
    Rest,
    Check(Takeover),
    /// Everything so far must be in the database before counters are taken over.
    Counters(Takeover),
    Positions(Takeover),
    /// Totals are to be made anew.
    Doubt,
    Done,
}

/// What the caller does after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Goes on at leisure.
    Step,
    /// Puts what is pending into the database, then calls [`Salvage::counters`].
    Counters,
    /// Nothing more: it is told and done.
    Done,
}

/// A salvage on its way.
#[derive(Debug)]
pub(super) struct Salvage {
    file: PathBuf,
    note: Option<Note>,
    pages: Pages,
    scan: Scan,
    groups: Vec<FoundBlock>,
    names: HashMap<i64, (Arc<str>, String)>,
    /// Hours from this on are done.
    from: Option<i64>,
    stage: Stage,
    done: Salvaged,
}

impl Salvage {
    /// Of a file, to be noted as done where it was noted.
    pub(super) fn open(file: &Path, note: Option<Note>) -> io::Result<Self> {
        let (mut from, mut done) = (None, Salvaged::default());
        if let Some((hour, so_far)) = note.as_ref().and_then(Note::read) {
            (from, done) = (Some(hour), so_far);
        }
        Ok(Self {
            file: file.to_owned(),
            note,
            pages: Pages::open(file)?,
            scan: Scan::default(),
            groups: Vec::new(),
            names: HashMap::new(),
            from,
            stage: Stage::Scan,
            done,
        })
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Bytes of the file and its log.
    pub(super) fn bytes(&self) -> u64 {
        self.pages.bytes()
    }

    /// How much of the work is done, of how much: pages, then blocks.
    pub(super) fn progress(&self) -> (u64, u64) {
        let pages = u64::from(self.pages.count());
        // A block has about five pages and takes as long as ten.
        match &self.stage {
            Stage::Scan => (u64::from(self.scan.done()), pages * 3),
            Stage::Hours(next) => (pages + *next as u64 * 10, pages + self.groups.len() as u64 * 10),
            _ => (1, 1),
        }
    }

    /// Bytes that the new database may still grow by.
    pub(super) fn needs(&self) -> u64 {
        let (done, all) = match &self.stage {
            Stage::Scan => (0, 1),
            Stage::Hours(next) => (*next as u64, self.groups.len() as u64),
            _ => return 0,
        };
        (self.bytes() as u128 * u128::from(all - done.min(all)) / u128::from(all.max(1))) as u64
    }

    /// Does some more of it; less than it would once `enough` says so.
    pub(super) fn step(
        &mut self,
        database: &mut Database,
        enough: &dyn Fn() -> bool,
    ) -> rusqlite::Result<Next> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Scan => {
                self.stage = Stage::Scan;
                if !self.scan.step(&self.pages, STEP_PAGES) {
                    self.arrange(database)?;
                    self.stage = Stage::Hours(0);
                }
            }
            Stage::Hours(next) => {
                let outcome = self.hours(database, next, enough);
                // What failed is tried again.
                self.stage = Stage::Hours(*outcome.as_ref().unwrap_or(&next));
                if outcome? == self.groups.len() {
                    self.stage = Stage::Rest;
                }
            }
            Stage::Rest => {
                self.stage = Stage::Rest;
                self.rest(database)?;
                self.stage = match Takeover::of(&self.scan, &self.pages) {
                    Some(takeover) => Stage::Check(takeover),
                    None => Stage::Doubt,
                };
            }
            Stage::Check(mut takeover) => {
                self.stage = match takeover.check(&self.pages, STEP_PIECES) {
                    Some(true) => Stage::Check(takeover),
                    Some(false) if takeover.is_empty() => Stage::Done,
                    Some(false) => Stage::Counters(takeover),
                    None => Stage::Doubt,
                };
            }
            Stage::Counters(takeover) => self.stage = Stage::Counters(takeover),
            Stage::Positions(mut takeover) => {
                let outcome = takeover.step(database, &self.pages, STEP_PIECES);
                if outcome == Ok(false) {
                    self.done.totals = SavedTotals::Kept;
                } else {
                    self.stage = Stage::Positions(takeover);
                }
                outcome?;
            }
            Stage::Doubt => {
                self.stage = Stage::Doubt;
                self.doubt(database)?;
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        Ok(match &self.stage {
            Stage::Counters(_) => Next::Counters,
            Stage::Done => Next::Done,
            _ => Next::Step,
        })
    }

    /// Puts the counters in. Nothing may be pending, and the tallies are to be restored after it.
    pub(super) fn counters(&mut self, database: &mut Database) -> rusqlite::Result<()> {
        let Stage::Counters(takeover) = &mut self.stage else { return Ok(()) };
        let transaction = database.begin()?;
        let new = db::totals::counters(&transaction)?;
        let goes_on = takeover.begin(&transaction, &new)?;
        if goes_on {
            // Until the last position is there.
            db::totals::mark(&transaction, false)?;
            transaction.commit()?;
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Doubt) {
            Stage::Counters(takeover) if goes_on => Stage::Positions(takeover),
            _ => Stage::Doubt,
        };
        Ok(())
    }

    /// It is done: tells the log, and takes the note away.
    pub(super) fn finish(self) -> Salvaged {
        self.done.tell(&self.file);
        if let Some(note) = &self.note
            && let Err(error) = note.remove()
        {
            tracing::warn!(error = %error, "could not take away the note of a finished salvage");
        }
        self.done
    }

    /// The positions cannot be relied on.
    fn doubt(&mut self, database: &mut Database) -> rusqlite::Result<()> {
        if database.readings()? > 0 {
            let transaction = database.begin()?;
            db::totals::mark(&transaction, false)?;
            transaction.commit()?;
            self.done.totals = SavedTotals::MadeAnew;
        }
        Ok(())
    }

    /// Puts what was found in order: hours from the latest to the earliest, in each the most trusted rows first.
    fn arrange(&mut self, database: &Database) -> rusqlite::Result<()> {
        self.names = self.vote(database)?;
        self.done.unreadable_pages = self.scan.unreadable;
        let mut groups = std::mem::take(&mut self.scan.blocks);
        let found: HashSet<i64> = groups.iter().map(|block| block.rowid).collect();
        let mut lost: Vec<(i64, i64)> = self
            .scan
            .hours
            .iter()
            .filter(|(page, (rowid, _))| {
                self.scan.trust(*page, "block_by_hour") == Trust::Live && !found.contains(rowid)
            })
            .map(|(_, row)| *row)
            .collect();
        lost.sort_unstable();
        lost.dedup();
        for (_, hour) in lost {
            if self.from.is_none() {
                self.done.lost(hour, 0);
            }
        }
        groups.retain(|block| self.from.is_none_or(|from| block.hour < from));
        groups.sort_by(|a, b| {
            let key = |block: &FoundBlock| {
                (-i128::from(block.hour), block.epoch, block.rowid, block.trust, -i128::from(block.count))
            };
            key(a).cmp(&key(b))
        });
        self.groups = groups;
        Ok(())
    }

    /// Brings back some hours; tells which comes next.
    fn hours(
        &mut self,
        database: &mut Database,
        next: usize,
        enough: &dyn Fn() -> bool,
    ) -> rusqlite::Result<usize> {
        let Self { groups, pages, names, done, .. } = self;
        let key = |place: usize| groups.get(place).map(|block| (block.hour, block.epoch));
        let mut so_far = done.clone();
        let transaction = database.begin()?;
        let mut end = next;
        for _ in 0..STEP_GROUPS {
            let start = end;
            if start >= groups.len() || (start > next && enough()) {
                break;
            }
            while end < groups.len() && key(end) == key(start) {
                end += 1;
            }
            let named = |id: i64, told: Option<&str>| name(names, id, told);
            hours::restore(&transaction, pages, &groups[start..end], named, &mut so_far)?;
        }
        transaction.commit()?;
        *done = so_far;
        // Only whole hours are done.
        let last = groups.get(end.saturating_sub(1)).map(|block| block.hour);
        let hour = last
            .map(|hour| if groups.get(end).is_some_and(|next| next.hour == hour) { hour + 1 } else { hour });
        if let (Some(note), Some(hour)) = (&self.note, hour)
            && let Err(error) = note.write(hour, &self.done)
        {
            tracing::debug!(error = %error, "could not note how far a salvage is");
        }
        Ok(end)
    }

    fn rest(&mut self, database: &mut Database) -> rusqlite::Result<()> {
        let slots = rest::prices(&self.scan, &self.pages);
        if !slots.is_empty() {
            self.done.prices = database.add_prices(&slots)? as u64;
        }
        let transaction = database.begin()?;
        self.done.rows = rest::rows(&transaction, &self.scan, &self.pages)?;
        transaction.commit()
    }

    /// Which meter and equipment the number of an epoch stands for: what most of table, index and counters say.
    fn vote(&self, database: &Database) -> rusqlite::Result<HashMap<i64, (Arc<str>, String)>> {
        let mut votes: HashMap<i64, HashMap<(String, String), u32>> = HashMap::new();
        for (page, (id, meter, equipment)) in &self.scan.epochs {
            let table = self.scan.trust(*page, "epoch");
            let trust = table.min(self.scan.trust(*page, "sqlite_autoindex_epoch_1"));
            let weight = match trust {
                Trust::Live if table == Trust::Live => 4,
                Trust::Live => 3,
                Trust::Orphan => 2,
                Trust::Stale => 1,
            };
            *votes.entry(*id).or_default().entry((meter.clone(), equipment.clone())).or_default() += weight;
        }
        let mut known: HashSet<(String, String)> = HashSet::new();
        for (_, (_, values)) in &self.scan.counters {
            if let (Some(meter), Some(equipment)) = (values[1].text(), values[2].text()) {
                known.insert((meter.to_owned(), equipment.to_owned()));
            }
        }
        let meters = database.meters()?;
        let mut names = HashMap::new();
        for (id, votes) in votes {
            let weigh = |(pair, votes): (&(String, String), &u32)| {
                votes + 2 * u32::from(known.contains(pair)) + 2 * u32::from(meters.contains(&pair.0))
            };
            let best = votes.iter().max_by_key(|vote| (weigh(*vote), vote.0.clone()));
            names
                .extend(best.map(|((meter, equipment), _)| (id, (meter.as_str().into(), equipment.clone()))));
        }
        Ok(names)
    }
}

/// What readings are of, by the number of their epoch and the identifier that they tell.
fn name(names: &HashMap<i64, (Arc<str>, String)>, id: i64, told: Option<&str>) -> Named {
    let by_number = names.get(&id);
    if let Some((meter, equipment)) = by_number
        && told.is_none_or(|told| told == equipment)
    {
        return Named { meter: Arc::clone(meter), equipment: equipment.clone() };
    }
    let told_by = told.and_then(|told| names.values().find(|(_, equipment)| equipment == told));
    let mut all: Vec<&Arc<str>> = names.values().map(|(meter, _)| meter).collect();
    all.sort();
    all.dedup();
    let only = if let [only] = all[..] { Some(only) } else { None };
    let meter = told_by.or(by_number).map(|(meter, _)| meter).or(only);
    let meter = meter.map_or_else(|| NAMELESS.into(), Arc::clone);
    Named { meter, equipment: told.unwrap_or_default().to_owned() }
}
