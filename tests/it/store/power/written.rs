//! What reaches the card, as ext4 with blocks of 4096 bytes counts it, worked out from what was written and synced: what was
//! measured on real file systems must not creep up again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::super::disk::Event;
use super::super::packed::simulated;
use super::{Memory, Run};
use crate::store::{meter, runtime};

const BLOCK: u64 = 4_096;
/// What ext4 adds to a sync: a descriptor, an inode and a commit in its journal, and the inode in its place.
const SYNC: u64 = 4;
/// What it adds for names and room in a new file system's first seconds, and SQLite for its shared memory.
const START_BLOCKS: u64 = 28;
/// The same of each commit: shared memory, and room for the database's growth.
const COMMIT_BLOCKS: u64 = 10;

/// Blocks that syncs brought to the card, and how many syncs there were.
#[derive(Debug, Default)]
struct Written {
    dirty: BTreeMap<usize, BTreeSet<u64>>,
    blocks: u64,
}

impl Written {
    fn take(&mut self, events: &[Event]) -> u64 {
        let before = self.blocks;
        for event in events {
            match event {
                Event::Write { file, offset, bytes } => {
                    let end = offset + bytes.len() as u64;
                    // Room that is only set aside is written when something is in it.
                    if bytes.iter().any(|byte| *byte != 0) {
                        self.dirty.entry(*file).or_default().extend(offset / BLOCK..end.div_ceil(BLOCK));
                    }
                }
                Event::Sync { file } => {
                    let dirty = self.dirty.remove(file).unwrap_or_default().len() as u64;
                    self.blocks += if dirty > 0 { dirty + SYNC } else { 0 };
                }
                _ => {}
            }
        }
        self.blocks - before
    }
}

#[test]
fn no_hour_takes_more_than_its_share_of_fifteen_megabytes_a_day() {
    let share = 15_000_000 / 24 / BLOCK;
    let mut run = Run::start(Duration::from_secs(240), 1, Memory::Tail);
    let mut written = Written::default();
    let mut hours = vec![START_BLOCKS + written.take(&run.card.take_log())];
    let mut blocks = 0;
    runtime().block_on(async {
        for hour in 0..4 {
            for reading in simulated(hour * 3_600..(hour + 1) * 3_600) {
                run.clock.advance(1_000);
                assert!(run.store.as_ref().unwrap().put(&meter("home"), reading.into()).await);
                while run.counters.stored.get() < run.counters.offered.get() {
                    std::thread::yield_now();
                }
            }
            let commits = run.counters.blocks.get() - blocks;
            blocks = run.counters.blocks.get();
            let extra = if commits > 0 { COMMIT_BLOCKS } else { 0 };
            let took = extra + written.take(&run.card.take_log());
            if hour == 0 { hours[0] += took } else { hours.push(took) }
        }
        run.store.take().unwrap().close().await.unwrap();
    });
    assert!(blocks >= 2, "there was a commit, of {blocks} blocks");
    // A sync more or less.
    let most = share + 1 + SYNC;
    assert!(hours.iter().all(|hour| *hour <= most), "{hours:?} blocks an hour, of {most}");
    let steady: u64 = hours[1..].iter().sum::<u64>() * 24 / (hours.len() as u64 - 1) * BLOCK;
    assert!(steady <= 12_000_000, "{steady} bytes a day, {hours:?} blocks an hour");
}

#[test]
fn a_new_record_is_written_once() {
    let run = Run::start(Duration::from_secs(240), 1, Memory::Tail);
    let events = run.card.take_log();
    let syncs = events.iter().filter(|event| matches!(event, Event::Sync { .. })).count();
    assert_eq!(syncs, 1, "the database, whole");
    let names: Vec<&Path> = events
        .iter()
        .filter_map(|event| match event {
            Event::Rename { to, .. } => Some(to.as_path()),
            _ => None,
        })
        .collect();
    assert_eq!(names, [run.path.as_path()]);
    assert!(Written::default().take(&events) <= 20 + SYNC);
}
