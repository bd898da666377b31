//! `kill -9` at random moments: every reading that was acknowledged is there once, none twice, none changed.

/// Readings that were handed over, wherever they are.
mod instant;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::disk::{Disk, Machine, SystemDisk};
use dsmrd::store::{Archive, Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use super::disk::image::Random;
use super::{Opened, START, meter, number, numbers, open_with, reading, runtime};

/// Where a child keeps its record, and the number it begins with.
const FOLDER: &str = "DSMRD_TEST_STORE_FOLDER";
const FIRST: &str = "DSMRD_TEST_STORE_FIRST";
/// Seconds between readings: an hour has 37 of them, so that blocks are stored and the journal is cut often.
const STEP: i64 = 97;
/// Lives that one record sees: later ones have more to read, and kill no better.
const LIVES: usize = 25;

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a child is told by its environment what it is")]
    std::env::var(name).ok()
}

/// How often a process is killed; `DSMRD_KILLS` changes it.
pub(super) fn kills(usual: usize) -> usize {
    variable("DSMRD_KILLS").and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// What a child is told: its record, and the number of its first reading. A test that is none has nothing to do.
pub(super) fn told() -> Option<(PathBuf, i64)> {
    let folder = variable(FOLDER)?;
    Some((Path::new(&folder).join("dsmrd.sqlite"), variable(FIRST)?.parse().unwrap()))
}

/// Says a word to the parent, who hears it even if this is the last one.
pub(super) fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").unwrap();
    out.flush().unwrap();
}

/// When a child dies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// So long after its process was started.
    AfterSpawn(Duration),
    /// So long after it said that it is ready.
    AfterReady(Duration),
}

impl Moment {
    /// What a machine in good health needs to keep some readings.
    pub(super) const USUAL: Duration = Duration::from_millis(25);

    /// Some die before they have opened the record, some while they do; most in the middle of an hour, at the latest
    /// after `longest`.
    pub(super) fn any(random: &mut Random, longest: Duration) -> Self {
        let micros = Duration::from_micros(random.next() % longest.as_micros() as u64);
        if random.below(5) == 0 { Self::AfterSpawn(micros) } else { Self::AfterReady(micros) }
    }
}

/// Runs `test` as a child and kills it; what it said.
pub(super) fn live_and_die(test: &str, folder: &Path, first: i64, moment: Moment) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    match moment {
        Moment::AfterSpawn(delay) => std::thread::sleep(delay),
        Moment::AfterReady(delay) => {
            assert!(lines.any(|line| line.ends_with("ready")), "the child did not open its store");
            std::thread::sleep(delay);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines.collect()
}

/// The folder beside a record for what no sync has put onto the medium yet; some records have none.
pub(super) const MEMORY: &str = "memory";

/// The record as a child opens it.
pub(super) fn opened(path: &Path) -> Opened {
    let memory = path.with_file_name(MEMORY);
    let disk: Arc<dyn Disk> = match memory.is_dir() {
        true => Arc::new(Machine::with_memory(memory)),
        false => Arc::new(SystemDisk),
    };
    let (counters, clock) = (Arc::<StoreCounters>::default(), Clock::manual(START * 1_000));
    let settings = StoreSettings { path: path.to_owned(), sync_interval: Duration::from_secs(600) };
    let store = Store::open_on(disk, settings, Arc::clone(&counters), clock.clone()).unwrap();
    Opened { store, counters, clock }
}

/// The child: keeps readings and says the number of each as soon as the journal has it.
#[test]
fn child() {
    let Some((path, first)) = told() else { return };
    runtime().block_on(async {
        let opened = opened(&path);
        say("ready");
        for n in first.. {
            opened.clock.advance(STEP as u64 * 1_000);
            opened.store.put(&meter("home"), reading(n * STEP, n)).await;
            while opened.counters.stored.get() == 0
                || opened.counters.offered.get() > opened.counters.stored.get()
            {
                std::thread::yield_now();
            }
            say(&format!("ack {n}"));
            if n % 101 == 0 {
                opened.store.flush().await.unwrap();
            }
        }
    });
}

/// A record that sees `lives` ends, each after `longest` at the latest; how many readings were acknowledged in them.
fn record(test: &str, folder: &Path, lives: usize, random: &mut Random, longest: Duration) -> usize {
    let path = folder.join("dsmrd.sqlite");
    let (mut all, mut acknowledged) = (Vec::new(), 0);
    for life in 0..lives {
        let first = all.last().map_or(0, |last| last + 1);
        let moment = Moment::any(random, longest);
        let said = live_and_die(test, folder, first, moment);
        let acks: Vec<i64> = said.iter().filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).collect();
        let what = format!("life {life}, {moment:?}, from {first}");
        acknowledged += acks.len();
        match Archive::open(&path) {
            // It died before it had made a record, or while it did.
            Err(error) => assert!(all.is_empty() && acks.is_empty(), "{what}: {error}"),
            Ok(archive) => {
                let range = Range { from: Some(START + first * STEP), ..Range::default() };
                for stored in archive.readings(range).unwrap() {
                    let stored = stored.unwrap().reading;
                    let n = number(&stored);
                    assert_eq!(n, all.last().map_or(0, |last| last + 1), "{what}: a hole, or twice");
                    assert_eq!(stored, *reading(n * STEP, n), "{what}: a reading changed");
                    all.push(n);
                }
            }
        }
        let last = acks.last().copied().unwrap_or(-1);
        assert!(all.last().copied().unwrap_or(-1) >= last, "{what}: reading {last} is gone");
    }
    // Once more through a start, which moves the rest into blocks.
    runtime().block_on(async { open_with(&path, Duration::ZERO).unwrap().store.close().await.unwrap() });
    assert_eq!(numbers(&path, Range::default()), all, "a start changed what is stored");
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("corrupt")), "{names:?}");
    acknowledged
}

/// As many records as it takes; every other one lies in memory, where nothing waits for a device.
fn records(kills: usize, seed: u64) {
    let mut random = Random(seed);
    let (mut left, mut acknowledged, mut longest) = (kills, 0, Moment::USUAL);
    let mut extra = 0;
    while left > 0 {
        let lives = left.min(LIVES);
        let memory = tempfile::Builder::new().prefix("dsmrd-test-").tempdir_in("/dev/shm");
        let folder =
            memory.ok().filter(|_| (left / LIVES).is_multiple_of(2)).unwrap_or_else(crate::support::scratch);
        // Two in three keep in memory what waits for a sync, as is usual.
        if !(left / LIVES).is_multiple_of(3) {
            std::fs::create_dir(folder.path().join(MEMORY)).unwrap();
        }
        acknowledged += record("store::kill::child", folder.path(), lives, &mut random, longest);
        left -= lives;
        // A slow machine needs longer lives for something to be in them, and more of them.
        if acknowledged <= 8 * (kills - left) && longest < Duration::from_secs(5) {
            longest *= 2;
        }
        if left == 0 && acknowledged <= 5 * kills {
            extra += 1;
            assert!(extra < 50, "only {acknowledged} readings were acknowledged: nothing was tried");
            left = lives;
        }
    }
}

#[test]
fn every_acknowledged_reading_is_there_once_after_a_kill() {
    // Two at a time, as a child waits for its device now and then.
    std::thread::scope(|scope| {
        let half = kills(1_000) / 2;
        let other = scope.spawn(move || records(half, 7));
        records(kills(1_000) - half, 8);
        other.join().unwrap();
    });
}
