//! One walk over all pages: where blocks and other rows lie, and which pages belong to which table still.
//!
//! The trees tell which rows are live; they are not needed to find one. A row on a page that no tree leads to is the
//! live one whose way is damaged, or one that was replaced or deleted and still lies on a free page.

use std::collections::{HashMap, HashSet};

use super::cells::{self, Cell, Kind, Value};
use super::pages::{PAGE, Pages};

/// How far a row is to be trusted to be the newest of its number: the order is that of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// The tree of its table leads to it.
    Live,
    /// Nothing leads to its page.
    Orphan,
    /// It lies on a free page, or between the rows of a page.
    Stale,
}

/// A row that looks like one of `block`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundBlock {
    pub(super) page: u32,
    pub(super) at: u16,
    pub(super) rowid: i64,
    pub(super) epoch: i64,
    pub(super) hour: i64,
    pub(super) count: i64,
    pub(super) trust: Trust,
}

/// Values of a row in the index of the blocks.
const INDEXED: usize = 10;

/// A small row with the page it lies on.
pub(super) type Loose<T> = (u32, T);

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    next: u32,
    kinds: Vec<Option<Kind>>,
    children: HashMap<u32, Vec<u32>>,
    /// Pages whose cells do not all make sense.
    defective: HashSet<u32>,
    owners: HashMap<u32, usize>,
    free: HashSet<u32>,
    schema: Vec<Loose<(String, u32)>>,
    /// Tables and indices by name, with their first page.
    pub(super) roots: Vec<(String, u32)>,
    pub(super) blocks: Vec<FoundBlock>,
    pub(super) epochs: Vec<Loose<(i64, String, String)>>,
    pub(super) counters: Vec<Loose<(i64, Vec<Value>)>>,
    /// Their keys in the index: meter, equipment, register, generation, number.
    pub(super) counter_keys: Vec<Vec<Value>>,
    /// Row numbers of blocks in the index of their hours.
    pub(super) hours: Vec<Loose<(i64, i64)>>,
    pub(super) price_pages: Vec<u32>,
    /// Pages that the card did not give.
    pub(super) unreadable: u64,
}

impl Scan {
    /// Looks at up to `count` more pages; whether there are more.
    pub(super) fn step(&mut self, pages: &Pages, count: u32) -> bool {
        self.next = self.next.max(1);
        let end = self.next.saturating_add(count).min(pages.count() + 1);
        for number in self.next..end {
            match pages.get(number) {
                Some(page) => self.page(pages, number, &page),
                None => {
                    self.unreadable += 1;
                    self.kinds.push(None);
                }
            }
        }
        self.next = end;
        let more = end <= pages.count();
        if !more {
            self.resolve(pages);
        }
        more
    }

    /// How many pages were looked at.
    pub(super) fn done(&self) -> u32 {
        self.next.saturating_sub(1)
    }

    fn page(&mut self, pages: &Pages, number: u32, page: &[u8]) {
        let kind = Kind::of(page, number);
        self.kinds.push(kind);
        let Some(kind) = kind else { return };
        let (places, whole) = cells::places(page, number, kind);
        if !whole {
            self.defective.insert(number);
        }
        let mut children = Vec::new();
        for place in places {
            let Some(cell) = cells::cell(page, kind, place) else {
                self.defective.insert(number);
                continue;
            };
            children.extend(cell.child);
            if kind != Kind::Inner && !self.row(pages, number, page, kind, &cell) {
                self.defective.insert(number);
            }
        }
        if matches!(kind, Kind::Inner | Kind::KeyInner) {
            children.push(cells::last_child(page, number));
            self.children.insert(number, children);
        }
    }

    /// Keeps what a row tells, by its shape; whether it is a record at all.
    fn row(&mut self, pages: &Pages, number: u32, page: &[u8], kind: Kind, cell: &Cell) -> bool {
        let Some(values) = cells::values(cell.head(page)) else { return false };
        if kind == Kind::Leaf
            && let Some(block) = block(number, cell, &values)
        {
            self.blocks.push(block);
            return true;
        }
        let values = if values.iter().any(|value| matches!(value, Value::Beyond { .. })) {
            // Longer than a page: the text of a schema, the names of columns.
            match cell.record(page, pages).as_deref().and_then(cells::values) {
                Some(values) => values,
                None => return false,
            }
        } else {
            values
        };
        match (kind, values.as_slice()) {
            (Kind::Leaf, [Value::Text(_), name, Value::Text(_), Value::Integer(root), _]) => {
                if let (Some(name), Ok(root)) = (name.text(), u32::try_from(*root)) {
                    self.schema.push((number, (name.to_owned(), root)));
                }
            }
            (Kind::Leaf, [Value::Null, meter @ Value::Text(_), equipment @ Value::Text(_)]) => {
                self.epoch(number, cell.rowid, meter, equipment);
            }
            (
                Kind::Leaf,
                [Value::Null, Value::Text(_), Value::Text(_), Value::Text(_), Value::Integer(_), ..],
            ) if values.len() >= 11 => {
                self.counters.push((number, (cell.rowid, values)));
            }
            (_, [meter @ Value::Text(_), equipment @ Value::Text(_), Value::Integer(id)]) => {
                self.epoch(number, *id, meter, equipment);
            }
            (_, [Value::Text(_), Value::Text(_), Value::Text(_), Value::Integer(_), Value::Integer(_)]) => {
                self.counter_keys.push(values);
            }
            (_, [Value::Integer(hour), Value::Integer(_), Value::Integer(rowid)]) => {
                self.hours.push((number, (*rowid, *hour)));
            }
            // Since the index has all of the row but its data.
            (Kind::KeyLeaf | Kind::KeyInner, [Value::Integer(hour), .., Value::Integer(rowid)])
                if values.len() == INDEXED =>
            {
                self.hours.push((number, (*rowid, *hour)));
            }
            (
                _,
                [
                    Value::Integer(_),
                    Value::Integer(_),
                    Value::Integer(_),
                    Value::Integer(_),
                    Value::Integer(_),
                ],
            ) if self.price_pages.last() != Some(&number) => {
                self.price_pages.push(number);
            }
            _ => {}
        }
        true
    }

    fn epoch(&mut self, number: u32, id: i64, meter: &Value, equipment: &Value) {
        if let (Some(meter), Some(equipment)) = (meter.text(), equipment.text()) {
            self.epochs.push((number, (id, meter.to_owned(), equipment.to_owned())));
        }
    }

    /// Follows the trees and the list of free pages.
    fn resolve(&mut self, pages: &Pages) {
        // Those that the schema's own tree leads to come first.
        self.claim(1, 0);
        let mut schema = std::mem::take(&mut self.schema);
        schema.sort_by_key(|(page, _)| self.owners.get(page) != Some(&0));
        for (_, (name, root)) in schema {
            if self.roots.iter().all(|(known, _)| *known != name) {
                self.roots.push((name, root));
            }
        }
        for place in 0..self.roots.len() {
            self.claim(self.roots[place].1, place + 1);
        }
        self.free(pages);
        self.look_closer(pages);
        for place in 0..self.blocks.len() {
            let block = self.blocks[place];
            if block.trust == Trust::Live {
                self.blocks[place].trust = self.trust(block.page, "block");
            }
        }
    }

    fn claim(&mut self, root: u32, owner: usize) {
        let mut waiting = vec![root];
        while let Some(page) = waiting.pop() {
            if page == 0 || page as usize > self.kinds.len() || self.owners.contains_key(&page) {
                continue;
            }
            self.owners.insert(page, owner);
            waiting.extend(self.children.get(&page).into_iter().flatten());
        }
    }

    fn free(&mut self, pages: &Pages) {
        let head = pages.get(1).unwrap_or_default();
        let word = |page: &[u8], at: usize| {
            page.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
        };
        let mut trunk = word(&head, 32);
        while trunk != 0 && !self.owners.contains_key(&trunk) && self.free.insert(trunk) {
            let Some(page) = pages.get(trunk) else { return };
            let count = (word(&page, 4) as usize).min(PAGE / 4 - 2);
            let leaves = (0..count).map(|n| word(&page, 8 + 4 * n));
            self.free.extend(leaves.filter(|leaf| !self.owners.contains_key(leaf)));
            trunk = word(&page, 0);
        }
    }

    /// Blocks on pages that a tree leads to and whose own head or places are damaged: every place is tried. What lies
    /// between the rows may be older than they are.
    fn look_closer(&mut self, pages: &Pages) {
        let table = self.roots.iter().position(|(name, _)| name == "block").map(|place| place + 1);
        let mut closer: Vec<u32> = self.blocks.iter().map(|block| block.page).collect();
        closer.retain(|page| self.defective.contains(page));
        let headless = self.owners.iter().filter(|(page, owner)| {
            Some(**owner) == table
                && !matches!(self.kinds[**page as usize - 1], Some(Kind::Leaf | Kind::Inner))
        });
        closer.extend(headless.map(|(page, _)| *page));
        // A page with nothing but damaged places.
        closer.extend(
            self.defective.iter().filter(|page| self.owners.get(page).copied() == table && table.is_some()),
        );
        closer.sort_unstable();
        closer.dedup();
        let known: HashSet<(u32, u16)> = self.blocks.iter().map(|block| (block.page, block.at)).collect();
        for number in closer {
            let Some(page) = pages.get(number) else { continue };
            for at in 8..PAGE as u16 - 16 {
                if known.contains(&(number, at)) {
                    continue;
                }
                let found = cells::cell(&page, Kind::Leaf, at)
                    .and_then(|cell| Some((cells::values(cell.head(&page))?, cell)))
                    .and_then(|(values, cell)| block(number, &cell, &values));
                self.blocks.extend(found.map(|found| FoundBlock { trust: Trust::Stale, ..found }));
            }
        }
    }

    /// How far the rows of a page are to be trusted to be those of a table.
    pub(super) fn trust(&self, page: u32, table: &str) -> Trust {
        match self.owners.get(&page) {
            Some(0) => Trust::Stale,
            Some(owner) if self.roots[*owner - 1].0 == table => Trust::Live,
            Some(_) => Trust::Stale,
            None if self.free.contains(&page) => Trust::Stale,
            None => Trust::Orphan,
        }
    }

    /// Whether every page of a tree is there and makes sense.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        let Some(place) = self.roots.iter().position(|(known, _)| known == name) else { return false };
        let root = self.roots[place].1;
        let mut waiting = vec![root];
        let mut seen = HashSet::new();
        while let Some(page) = waiting.pop() {
            let kind =
                (page as usize).checked_sub(1).and_then(|page| self.kinds.get(page)).copied().flatten();
            let tables = [Kind::Inner, Kind::Leaf];
            let fits = kind.is_some_and(|kind| {
                let of_root = self.kinds[root as usize - 1].is_some_and(|root| tables.contains(&root));
                tables.contains(&kind) == of_root
            });
            if !fits
                || self.defective.contains(&page)
                || self.owners.get(&page) != Some(&(place + 1))
                || !seen.insert(page)
            {
                return false;
            }
            waiting.extend(self.children.get(&page).into_iter().flatten());
        }
        true
    }

    /// The pages of a tree.
    pub(super) fn pages_of(&self, name: &str) -> Vec<u32> {
        let Some(place) = self.roots.iter().position(|(known, _)| known == name) else { return Vec::new() };
        let mut pages: Vec<u32> =
            self.owners.iter().filter(|(_, owner)| **owner == place + 1).map(|(page, _)| *page).collect();
        pages.sort_unstable();
        pages
    }
}

/// A row of `block`, as every schema has had it.
fn block(page: u32, cell: &Cell, values: &[Value]) -> Option<FoundBlock> {
    let (head, rest) = values.split_first_chunk::<10>()?;
    let [Value::Null, epoch, hour, first, last, count, ordered, layout, codec, data] = head else {
        return None;
    };
    ordered.integer().filter(|ordered| (0..=1).contains(ordered))?;
    first.integer().and(last.integer())?;
    layout.integer().and(codec.integer())?;
    if rest.len() > 4 || !matches!(data, Value::Blob(_) | Value::Beyond { text: false }) {
        return None;
    }
    Some(FoundBlock {
        page,
        at: cell.at,
        rowid: cell.rowid,
        epoch: epoch.integer()?,
        hour: hour.integer()?,
        count: count.integer()?,
        trust: Trust::Live,
    })
}
