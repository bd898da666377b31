//! The unsynced end of the journal in a RAM file system.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::disk::{Disk, DiskFile, Machine};
use dsmrd::store::{Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::{Opened, START, meter, numbers, reading, runtime};

/// Where the child keeps its record, and the number it begins with.
const FOLDER: &str = "DSMRD_TEST_TAIL_FOLDER";
const FIRST: &str = "DSMRD_TEST_TAIL_FIRST";
/// How often it is killed.
const ROUNDS: &str = "DSMRD_TEST_KILLS";
const HOUR: Duration = Duration::from_secs(3_600);

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the child is told by its environment what it is")]
    std::env::var(name).ok()
}

/// A store of `folder` that syncs once an hour, with `folder/memory` for what waits.
fn open_on(disk: Arc<dyn Disk>, folder: &Path) -> Opened {
    let counters = Arc::new(StoreCounters::default());
    let clock = Clock::manual(START * 1_000);
    let settings = StoreSettings { path: folder.join("dsmrd.sqlite"), sync_interval: HOUR };
    let store = Store::open_on(disk, settings, Arc::clone(&counters), clock.clone()).unwrap();
    Opened { store, counters, clock }
}

fn open(folder: &Path) -> Opened {
    let memory = folder.join("memory");
    std::fs::create_dir_all(&memory).unwrap();
    open_on(Arc::new(Machine::with_memory(memory)), folder)
}

/// The one file with the journal's end in the folder in memory; there is one for what is on its way to it, if there is any.
fn waiting(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder.join("memory")).unwrap().map(|entry| entry.unwrap().path());
    let (mut tails, others): (Vec<_>, Vec<_>) =
        files.partition(|path| path.extension().is_some_and(|extension| extension == "tail"));
    let tail = tails.pop();
    assert!(tails.is_empty(), "one is enough: {tails:?}");
    let is_wait = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wait");
    assert!(others.len() <= 1 && others.iter().all(is_wait), "and one on the way to it: {others:?}");
    tail
}

/// What the card has of the journal.
fn card(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("dsmrd.sqlite.journal")).unwrap()
}

/// The child: keeps readings and says the number of each as soon as it is counted as stored. Run as a test of its own
/// it has nothing to do.
#[test]
fn child() {
    let (Some(folder), Some(first)) = (variable(FOLDER), variable(FIRST)) else { return };
    runtime().block_on(async {
        let opened = open(Path::new(&folder));
        let mut out = std::io::stdout();
        writeln!(out, "ready").unwrap();
        for (count, n) in (first.parse::<i64>().unwrap()..).enumerate() {
            opened.clock.advance(1_000);
            opened.store.put(&meter("home"), reading(n, n)).await;
            while opened.counters.stored.get() <= count as u64 {
                std::thread::yield_now();
            }
            writeln!(out, "ack {n}").unwrap();
            out.flush().unwrap();
            if n % 397 == 0 {
                opened.clock.advance(3_600_000);
            }
        }
    });
}

#[test]
fn what_waits_for_a_sync_outlives_a_kill_and_is_seen_by_readers() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let (mut first, mut random) = (0i64, 0x9e37_79b9_u64);
    let mut all = Vec::new();
    let rounds = variable(ROUNDS).map_or(30, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tail::child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let beside = first + (random >> 40 & 0x3f) as i64;
        let acked = lines.by_ref().map(Result::unwrap).find(|line| *line == format!("ack {beside}"));
        assert!(acked.is_some(), "round {round}: the child ended by itself");
        let seen = numbers(&path, Range::default());
        assert!(seen.iter().copied().eq(0..seen.len() as i64), "round {round}: not each once: {seen:?}");
        assert!(seen.len() as i64 > beside, "round {round}: {beside} is not seen beside the child");
        std::thread::sleep(Duration::from_micros(random >> 32 & 0x3fff));
        child.kill().unwrap();
        child.wait().unwrap();
        let last =
            lines.map(Result::unwrap).filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).last();
        let last: i64 = last.unwrap_or(beside);
        all = numbers(&path, Range::default());
        assert!(all.iter().copied().eq(0..all.len() as i64), "round {round}: not each once: {all:?}");
        assert!(all.len() as i64 > last, "round {round}: {last} was acknowledged and is gone");
        first = all.len() as i64;
    }
    assert!(waiting(folder.path()).is_some(), "a process that is killed takes nothing away");
    runtime().block_on(async { open(folder.path()).store.close().await.unwrap() });
    assert_eq!(numbers(&path, Range::default()), all);
    let left = std::fs::read_dir(folder.path().join("memory")).unwrap().count();
    assert_eq!(left, 0, "a clean end leaves nothing in memory");
    assert!(std::fs::read_link(folder.path().join("dsmrd.sqlite.tail")).is_err());
}

#[test]
fn the_card_gets_nothing_between_two_syncs() {
    let folder = crate::support::scratch();
    runtime().block_on(async {
        let opened = open(folder.path());
        opened.feed(0..100).await;
        opened.clock.advance(3_599_000);
        opened.feed(100..110).await;
        assert!(card(folder.path()).iter().all(|byte| *byte == 0), "there is room, and nothing in it");
        assert_eq!(opened.counters.syncs.get(), 0);
        opened.clock.advance(2_000);
        crate::support::until(Duration::from_secs(10), "a sync", || opened.counters.syncs.get() == 1).await;
        let synced = card(folder.path());
        assert!(synced.len() > 1_000);
        opened.feed(110..120).await;
        assert!(card(folder.path()) == synced, "the card was written to before its time");
        assert_eq!(numbers(&folder.path().join("dsmrd.sqlite"), Range::default()).len(), 120);
        opened.store.close().await.unwrap();
    });
}

#[test]
fn somebody_who_tidies_memory_up_costs_nothing() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(folder.path());
        opened.feed(0..10).await;
        std::fs::remove_file(waiting(folder.path()).unwrap()).unwrap();
        opened.feed(10..20).await;
        assert_eq!(numbers(&path, Range::default()), (0..20).collect::<Vec<_>>());
        assert!(card(folder.path()).iter().any(|byte| *byte != 0), "the card has them meanwhile");
        // After the next sync memory is used again.
        opened.clock.advance(3_601_000);
        crate::support::until(Duration::from_secs(10), "a new file", || waiting(folder.path()).is_some())
            .await;
        let synced = card(folder.path());
        opened.feed(20..30).await;
        assert!(card(folder.path()) == synced);
        assert_eq!(numbers(&path, Range::default()), (0..30).collect::<Vec<_>>());
        opened.store.close().await.unwrap();
    });
    assert_eq!(numbers(&path, Range::default()), (0..30).collect::<Vec<_>>());
}

#[test]
fn only_what_is_in_memory_is_taken_for_memory() {
    assert_eq!(Machine::new(Some(Path::new("/proc"))).memory(), None);
    assert_eq!(Machine::new(Some(Path::new("/no/such/folder"))).memory(), None);
    if std::fs::read_to_string("/proc/mounts").unwrap().contains(" /dev/shm tmpfs ") {
        let shm = Path::new("/dev/shm");
        assert_eq!(Machine::new(Some(shm)).memory(), Some(shm));
    }
}

/// The machine's disk, with a card and a memory that fail when they are told to.
#[derive(Clone, Debug)]
struct Moody {
    machine: Machine,
    card_fails: Arc<AtomicBool>,
    memory_fails: Arc<AtomicBool>,
}

#[derive(Debug)]
struct MoodyFile(Box<dyn DiskFile>, Arc<AtomicBool>);

impl MoodyFile {
    fn mood(&self) -> std::io::Result<()> {
        if self.1.load(Ordering::Relaxed) { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Moody {
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(MoodyFile(self.machine.open(path)?, Arc::clone(&self.card_fails))))
    }

    fn memory(&self) -> Option<&Path> {
        self.machine.memory()
    }

    fn open_in_memory(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(MoodyFile(self.machine.open_in_memory(path)?, Arc::clone(&self.memory_fails))))
    }
}

impl DiskFile for MoodyFile {
    fn read_all(&mut self) -> std::io::Result<Vec<u8>> {
        self.0.read_all()
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        // A disk that fills up takes the first half.
        if let Err(error) = self.mood() {
            self.0.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&mut self, length: u64) -> std::io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&mut self) -> std::io::Result<()> {
        self.mood().and_then(|()| self.0.sync_data())
    }

    fn sync_all(&mut self) -> std::io::Result<()> {
        self.mood().and_then(|()| self.0.sync_all())
    }

    fn try_lock(&self) -> std::io::Result<bool> {
        self.0.try_lock()
    }

    fn unlock(&self) -> std::io::Result<()> {
        self.0.unlock()
    }

    fn is_linked(&self) -> bool {
        self.0.is_linked()
    }
}

fn moody(folder: &Path) -> Moody {
    let memory = folder.join("memory");
    std::fs::create_dir_all(&memory).unwrap();
    Moody { machine: Machine::with_memory(memory), card_fails: Arc::default(), memory_fails: Arc::default() }
}

#[test]
fn full_memory_costs_the_card_and_no_reading() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let disk = moody(folder.path());
    runtime().block_on(async {
        let opened = open_on(Arc::new(disk.clone()), folder.path());
        opened.feed(0..10).await;
        disk.memory_fails.store(true, Ordering::Relaxed);
        opened.feed(10..20).await;
        assert_eq!(numbers(&path, Range::default()), (0..20).collect::<Vec<_>>());
        opened.clock.advance(3_601_000);
        crate::support::until(Duration::from_secs(10), "a sync", || opened.counters.syncs.get() > 0).await;
        opened.feed(20..30).await;
        assert_eq!(numbers(&path, Range::default()), (0..30).collect::<Vec<_>>());
        disk.memory_fails.store(false, Ordering::Relaxed);
        opened.clock.advance(3_601_000);
        crate::support::until(Duration::from_secs(10), "another", || opened.counters.syncs.get() > 1).await;
        let synced = card(folder.path());
        opened.feed(30..40).await;
        assert!(card(folder.path()) == synced, "memory is used again");
        assert_eq!(numbers(&path, Range::default()), (0..40).collect::<Vec<_>>());
        opened.store.close().await.unwrap();
    });
    assert_eq!(numbers(&path, Range::default()), (0..40).collect::<Vec<_>>());
}

#[test]
fn while_the_card_fails_memory_takes_everything() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let disk = moody(folder.path());
    runtime().block_on(async {
        let opened = open_on(Arc::new(disk.clone()), folder.path());
        disk.card_fails.store(true, Ordering::Relaxed);
        opened.feed(0..10).await;
        for second in 10..30 {
            // Every few seconds the card is tried again.
            opened.clock.advance(3_601_000);
            opened.feed(second..second + 1).await;
        }
        assert_eq!(opened.counters.syncs.get(), 0);
        assert_eq!(opened.counters.dropped_write_error.get(), 0);
        assert_eq!(numbers(&path, Range::default()), (0..30).collect::<Vec<_>>());
        disk.card_fails.store(false, Ordering::Relaxed);
        opened.clock.advance(3_601_000);
        opened.feed(30..31).await;
        opened.store.close().await.unwrap();
    });
    assert_eq!(numbers(&path, Range::default()), (0..31).collect::<Vec<_>>());
}

#[test]
fn a_check_counts_what_is_in_memory() {
    let folder = crate::support::scratch();
    runtime().block_on(async {
        let opened = open(folder.path());
        opened.feed(0..25).await;
        let checked =
            dsmrd::store::check::run(&folder.path().join("dsmrd.sqlite"), false, |_, _| ()).unwrap();
        assert!(checked.is_sound(), "{:?}", checked.problems);
        assert_eq!(checked.journaled, 25);
        opened.store.close().await.unwrap();
    });
}
