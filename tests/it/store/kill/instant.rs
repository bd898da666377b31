//! What counts is a reading that was handed over: the store's thread may be at the card, which takes its time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::disk::{Disk, DiskFile, Machine};
use dsmrd::store::{Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::super::disk::image::Random;
use super::super::{Opened, START, meter, reading, runtime};
use super::{LIVES, MEMORY, STEP, kills, record, say, told};

/// A sync of a card with something else to do.
const SYNC: Duration = Duration::from_millis(7);

/// The machine's disk; the card takes its time, the memory none.
#[derive(Debug)]
struct Worn(Machine);

#[derive(Debug)]
struct WornFile(Box<dyn DiskFile>);

impl Disk for Worn {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(WornFile(self.0.open(path)?)))
    }

    fn memory(&self) -> Option<&Path> {
        self.0.memory()
    }

    fn open_in_memory(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.0.open_in_memory(path)
    }
}

impl DiskFile for WornFile {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        self.0.read_all()
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        std::thread::sleep(SYNC);
        self.0.sync_data()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        std::thread::sleep(SYNC);
        self.0.sync_all()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.0.try_lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

/// The child: hands readings over and says the number of each at once. The card is synced with every third of them, or
/// with every one; blocks are stored every second hour, that is with every 74th.
#[test]
fn child() {
    let Some((path, first)) = told() else { return };
    runtime().block_on(async {
        let (counters, clock) = (Arc::<StoreCounters>::default(), Clock::manual(START * 1_000));
        let always = (first / 64) % 4 == 3;
        let sync_interval = if always { Duration::ZERO } else { Duration::from_secs(2 * STEP as u64) };
        let settings = StoreSettings { path: path.clone(), sync_interval };
        let disk = Arc::new(Worn(Machine::with_memory(path.with_file_name(MEMORY))));
        let store = Store::open_on(disk, settings, Arc::clone(&counters), clock.clone()).unwrap();
        let opened = Opened { store, counters, clock };
        say("ready");
        for n in first.. {
            opened.clock.advance(STEP as u64 * 1_000);
            assert!(opened.store.put(&meter("home"), reading(n * STEP, n)).await);
            say(&format!("ack {n}"));
            std::thread::sleep(Duration::from_micros(400));
        }
    });
}

fn records(kills: usize, seed: u64) {
    let mut random = Random(seed);
    let (mut left, mut handed, mut extra) = (kills, 0, 0);
    while left > 0 {
        let lives = left.min(LIVES);
        let folder = crate::support::scratch();
        std::fs::create_dir(folder.path().join(MEMORY)).unwrap();
        let longest = Duration::from_millis(40) * (1 << extra);
        handed += record("store::kill::instant::child", folder.path(), lives, &mut random, longest);
        left -= lives;
        // A slow machine needs longer lives for something to be in them.
        if left == 0 && handed <= 5 * kills {
            extra += 1;
            assert!(extra < 8, "only {handed} readings were handed over: nothing was tried");
            left = lives;
        }
    }
}

#[test]
fn every_reading_that_was_handed_over_is_there_once_after_a_kill() {
    std::thread::scope(|scope| {
        let half = kills(400) / 2;
        let other = scope.spawn(move || records(half, 11));
        records(kills(400) - half, 12);
        other.join().unwrap();
    });
}
