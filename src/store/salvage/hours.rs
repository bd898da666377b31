//! Blocks of one hour and epoch brought back: what the live rows hold, and of older copies what they do not, so that
//! no reading is there twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rusqlite::{Transaction, params};

use super::cells::{self, Kind, Value};
use super::pages::Pages;
use super::report::Salvaged;
use super::scan::{FoundBlock, Trust};
use crate::meter::Reading;
use crate::meter::record::{FlatValue, Key};
use crate::store::block;
use crate::store::codec::Damaged;
use crate::store::db;
use crate::store::pending::{Finished, Pending, Place};
use crate::store::retention::thin;

/// A block whose checksum holds and whose readings unpack.
struct Whole {
    trust: Trust,
    codec: u8,
    level: i64,
    about: Finished,
}

/// What stands behind the number of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) meter: Arc<str>,
    pub(super) equipment: String,
}

/// Brings back the blocks of one hour and epoch. Those of one row number follow each other, the most trusted first.
pub(super) fn restore(
    transaction: &Transaction<'_>,
    pages: &Pages,
    group: &[FoundBlock],
    named: impl Fn(i64, Option<&str>) -> Named,
    done: &mut Salvaged,
) -> rusqlite::Result<()> {
    let mut whole: Vec<Whole> = Vec::new();
    let mut lost: HashMap<i64, FoundBlock> = HashMap::new();
    let mut read: HashSet<i64> = HashSet::new();
    for found in group {
        // An older copy of a block that is there.
        if found.trust != Trust::Live && read.contains(&found.rowid) {
            continue;
        }
        match load(pages, found, &named) {
            Some(block) => {
                read.insert(found.rowid);
                whole.push(block);
            }
            None if found.trust == Trust::Stale => {}
            None => {
                lost.entry(found.rowid).or_insert(*found);
            }
        }
    }
    for (rowid, found) in &lost {
        if !read.contains(rowid) {
            let plausible = (0..=i64::from(block::MAX_ROWS)).contains(&found.count);
            done.lost(found.hour, if plausible { found.count as u64 } else { 0 });
        }
    }
    // Readings that were given up for coarser ones may still lie on free pages.
    let level = whole.iter().filter(|block| block.trust == Trust::Live).map(|block| block.level).max();
    whole.retain(|block| level.is_none_or(|level| block.level == level));
    let Some(first) = whole.first() else { return Ok(()) };
    let (meter, equipment) = (Arc::clone(&first.about.meter), first.about.equipment.clone());
    // Of damaged rows the epoch may be another's: each goes where its readings belong.
    let (own, other): (Vec<Whole>, Vec<Whole>) = whole.into_iter().partition(|block| {
        block.about.meter == meter && block.about.equipment == equipment && block.about.hour == group[0].hour
    });
    store(transaction, own, done)?;
    for block in other {
        store(transaction, vec![block], done)?;
    }
    Ok(())
}

/// Puts blocks of one hour and equipment in, less what is there.
fn store(transaction: &Transaction<'_>, blocks: Vec<Whole>, done: &mut Salvaged) -> rusqlite::Result<()> {
    let Some(first) = blocks.first() else { return Ok(()) };
    let epoch = db::epoch::of(transaction, &first.about)?;
    let there = {
        let mut there = transaction
            .prepare_cached("SELECT codec, data, level FROM block WHERE epoch = ?1 AND hour = ?2")?;
        let rows = there.query_map(params![epoch, first.about.hour], |row| {
            Ok((row.get::<_, u8>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    for block in &blocks {
        done.found(block.about.first, block.about.last);
    }
    if there.is_empty() && blocks.iter().all(|block| block.trust == Trust::Live) {
        for block in &blocks {
            insert(transaction, epoch, block)?;
            done.readings += u64::from(block.about.count);
        }
        return Ok(());
    }
    // The new database gave these readings up already.
    let level = first.level;
    if there.iter().any(|(.., other)| *other != level) {
        done.known += blocks.iter().map(|block| u64::from(block.about.count)).sum::<u64>();
        return Ok(());
    }
    let mut present: HashMap<u128, u32> = HashMap::new();
    for (codec, data, _) in there {
        for row in block::rows(codec, data).into_iter().flatten().flatten() {
            *present.entry(fingerprint(&row.into_reading())).or_default() += 1;
        }
    }
    // Live blocks stand beside each other; an older copy adds what no other has.
    let mut quota = present.clone();
    for block in blocks {
        let mut own: HashMap<u128, u32> = HashMap::new();
        let mut pending = Pending::default();
        let (meter, equipment) = (Arc::clone(&block.about.meter), block.about.equipment.clone());
        let mut fresh = 0u64;
        for row in block::rows(block.codec, block.about.data.clone()).into_iter().flatten().flatten() {
            let reading = row.clone().into_reading();
            let mark = fingerprint(&reading);
            let own = own.entry(mark).or_default();
            *own += 1;
            let quota = quota.entry(mark).or_default();
            let is_known = if block.trust == Trust::Live {
                let is_known = *quota > 0;
                *quota = quota.saturating_sub(1);
                is_known
            } else {
                *own <= present.get(&mark).copied().unwrap_or(0)
            };
            if is_known {
                done.known += 1;
                continue;
            }
            let time = reading.utc_seconds();
            let place = Place { meter: Arc::clone(&meter), equipment: equipment.clone(), time };
            if pending.push(&place, &row).is_ok() {
                fresh += 1;
                *present.entry(mark).or_default() += 1;
            }
        }
        done.readings += fresh;
        if fresh == u64::from(block.about.count) {
            insert(transaction, epoch, &block)?;
        } else if fresh > 0 {
            pending.finish_all();
            for finished in pending.finished() {
                db::blocks::store(transaction, finished)?;
            }
        }
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, epoch: i64, block: &Whole) -> rusqlite::Result<()> {
    let about = &block.about;
    let layout = db::blocks::layout(transaction, &about.columns)?;
    transaction
        .prepare_cached(
            "INSERT INTO block (epoch, hour, first, last, count, ordered, layout, codec, data, level)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            epoch,
            about.hour,
            about.first,
            about.last,
            about.count,
            about.ordered,
            layout,
            block.codec,
            about.data,
            block.level
        ])?;
    let summary = thin::summary(block.level, block.codec, &about.data);
    db::blocks::put_summary(transaction, transaction.last_insert_rowid(), summary.as_deref())
}

/// How many readings a block has, where it is whole.
pub(super) fn readings(pages: &Pages, found: &FoundBlock) -> Option<u32> {
    let named = |_, _: Option<&str>| Named { meter: "".into(), equipment: String::new() };
    load(pages, found, &named).map(|block| block.about.count)
}

/// Reads a block along its chain, and where that is broken from the pages behind it.
fn load(pages: &Pages, found: &FoundBlock, named: &impl Fn(i64, Option<&str>) -> Named) -> Option<Whole> {
    let page = pages.get(found.page)?;
    let cell = cells::cell(&page, Kind::Leaf, found.at)?;
    let along = cell.record(&page, pages).and_then(|record| unpack(&record, found, named));
    along.or_else(|| cell.record_in_a_row(&page, pages).and_then(|record| unpack(&record, found, named)))
}

fn unpack(record: &[u8], found: &FoundBlock, named: &impl Fn(i64, Option<&str>) -> Named) -> Option<Whole> {
    let values = cells::values(record)?;
    let codec = u8::try_from(values.get(8)?.integer()?).ok()?;
    let data = values.get(9)?.blob()?.to_vec();
    let level = values.get(10).and_then(Value::integer).unwrap_or(0);
    let mut about = tell(codec, data).ok()?;
    let named = named(found.epoch, about.equipment.as_deref());
    about.meter = named.meter;
    about.equipment = (!named.equipment.is_empty()).then_some(named.equipment);
    if level != 0 {
        // Their first second is not in the rows any more.
        let first = values.get(3).and_then(Value::integer).unwrap_or(about.first);
        if first <= about.first && first.div_euclid(3_600) == about.hour {
            about.first = first;
        }
    }
    Some(Whole { trust: found.trust, codec, level, about })
}

/// What the row of a block says, of its readings; the equipment is what they tell, the meter is not known.
pub(in crate::store) fn tell(codec: u8, data: Vec<u8>) -> Result<Finished, Damaged> {
    let mut about = Finished {
        meter: "".into(),
        equipment: None,
        hour: 0,
        first: i64::MAX,
        last: i64::MIN,
        count: 0,
        ordered: true,
        columns: BTreeSet::new(),
        data: Vec::new(),
    };
    let mut shape: Vec<Key> = Vec::new();
    for row in block::rows(codec, data.clone())? {
        let row = row?;
        if !row.items.iter().map(|(key, _)| key).eq(&shape) {
            shape = row.items.iter().map(|(key, _)| key.clone()).collect();
            // What a minute came to is told by the column that it came of.
            let own = shape.iter().filter(|key| !key.contains('#'));
            about.columns.extend(own.map(|key| key.to_string()));
        }
        for (key, value) in row.items.iter().filter(|(key, _)| key.ends_with("/type")) {
            if let FlatValue::Number(quantity) = value {
                about.columns.insert(format!("{key}={}", quantity.value));
            }
        }
        let reading = row.into_reading();
        let time = reading.utc_seconds();
        about.ordered &= about.count == 0 || about.last <= time;
        about.first = about.first.min(time);
        about.last = about.last.max(time);
        about.count += 1;
        if about.equipment.is_none() {
            about.equipment = reading.equipment_id();
        }
    }
    if about.count == 0 {
        return Err(Damaged);
    }
    about.hour = about.first.div_euclid(3_600);
    about.data = data;
    Ok(about)
}

/// Tells readings apart, in 128 bits.
fn fingerprint(reading: &Reading) -> u128 {
    let text = format!("{reading:?}");
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        text.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
