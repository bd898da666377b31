//! `kill -9` at random moments: every reading that was acknowledged is there once, none twice.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use dsmrd::store::{Archive, Range};

use super::{START, meter, number, numbers, open_with, reading, runtime};

/// Where the child keeps its record, and the number it begins with.
const FOLDER: &str = "DSMRD_TEST_STORE_FOLDER";
const FIRST: &str = "DSMRD_TEST_STORE_FIRST";
/// Seconds between readings: an hour has 37 of them, so that blocks are stored and the journal is cut often.
const STEP: i64 = 97;

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the child is told by its environment what it is")]
    std::env::var(name).ok()
}

/// The child: keeps readings and says the number of each as soon as the journal has it. Run as a test of its own
/// it has nothing to do.
#[test]
fn child() {
    let (Some(folder), Some(first)) = (variable(FOLDER), variable(FIRST)) else { return };
    let path = std::path::Path::new(&folder).join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open_with(&path, Duration::from_secs(600)).unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "ready").unwrap();
        for n in first.parse::<i64>().unwrap().. {
            opened.clock.advance(STEP as u64 * 1_000);
            opened.store.put(&meter("home"), reading(n * STEP, n)).await;
            while opened.counters.stored.get() == 0
                || opened.counters.offered.get() > opened.counters.stored.get()
            {
                std::thread::yield_now();
            }
            writeln!(out, "ack {n}").unwrap();
            out.flush().unwrap();
            if n % 101 == 0 {
                opened.store.flush().await.unwrap();
            }
        }
    });
}

#[test]
fn every_acknowledged_reading_is_there_once_after_a_kill() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let (mut first, mut random, mut acknowledged) = (0i64, 0x9e37_79b9_u64, 0usize);
    let mut all = Vec::new();
    for round in 0..100 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::kill::child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map(Result::unwrap).find(|line| line.ends_with("ready"));
        assert!(ready.is_some(), "round {round}: the child did not open its store");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Some die before their first reading, most in the middle of an hour, some between hours.
        std::thread::sleep(Duration::from_micros(random >> 32 & 0x7fff));
        child.kill().unwrap();
        child.wait().unwrap();
        let acks: Vec<i64> =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).collect();
        let range = Range { from: Some(START + first * STEP), ..Range::default() };
        let stored = numbers(&path, range);
        let mut times = HashMap::new();
        for n in &stored {
            *times.entry(*n).or_insert(0) += 1;
        }
        assert!(times.values().all(|times| *times == 1), "round {round}: a reading is there twice");
        for ack in &acks {
            assert!(times.contains_key(ack), "round {round}: reading {ack} was acknowledged and is gone");
        }
        acknowledged += acks.len();
        first = stored.last().map_or(first, |last| last + 1);
        all.extend(stored);
    }
    // Once more through a start, which moves the rest into blocks.
    runtime().block_on(async { open_with(&path, Duration::ZERO).unwrap().store.close().await.unwrap() });
    let stored = numbers(&path, Range::default());
    let differs = stored.iter().zip(&all).position(|(stored, seen)| stored != seen);
    assert_eq!((differs, stored.len()), (None, all.len()), "a start changed what is stored");
    assert!(acknowledged > 500, "only {acknowledged} readings were acknowledged: nothing was tried");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("corrupt")), "{names:?}");
    let archive = Archive::open(&path).unwrap();
    let last = archive.readings(Range::default()).unwrap().last().unwrap().unwrap();
    assert_eq!(number(&last.reading), *all.last().unwrap());
}
