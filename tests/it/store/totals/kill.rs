//! `kill -9` at random moments: counters and positions are those of a run that nothing ended.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use dsmrd::store::{Archive, Range};

use super::{STEP, household, kept, told};
use crate::store::{START, meter, open_with, runtime};

/// Where the child keeps its record, and the number it begins with.
const FOLDER: &str = "DSMRD_TEST_TOTALS_FOLDER";
const FIRST: &str = "DSMRD_TEST_TOTALS_FIRST";

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the child is told by its environment what it is")]
    std::env::var(name).ok()
}

/// The child: keeps readings until it is killed. Run as a test of its own it has nothing to do.
#[test]
fn child() {
    let (Some(folder), Some(first)) = (variable(FOLDER), variable(FIRST)) else { return };
    let path = std::path::Path::new(&folder).join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open_with(&path, Duration::from_secs(600)).unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "ready").unwrap();
        out.flush().unwrap();
        for n in first.parse::<i64>().unwrap().. {
            opened.clock.advance(STEP as u64 * 1_000);
            opened.store.put(&meter("home"), household(n * STEP)).await;
            if n % 61 == 0 {
                opened.store.flush().await.unwrap();
            }
        }
    });
}

#[test]
fn a_kill_changes_no_total() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let (mut count, mut random) = (0i64, 0x2545_f491_u64);
    for round in 0..40 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::totals::kill::child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(FIRST, count.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.ends_with("ready"));
        assert!(ready, "round {round}: the child did not open its store");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros(random >> 32 & 0xffff));
        child.kill().unwrap();
        child.wait().unwrap();
        let archive = Archive::open(&path).unwrap();
        let last = archive.readings(Range::default()).unwrap().last();
        let last = last.map(|stored| stored.unwrap().reading.utc_seconds());
        count = last.map_or(0, |last| (last - START) / STEP + 1);
        // As the killed process left it: blocks, and a journal that nobody has moved into them.
        assert_eq!(kept(&path), told((0..count).map(|n| household(n * STEP))), "round {round}");
    }
    assert!(count > 200, "only {count} readings: nothing was tried");
    runtime().block_on(async { open_with(&path, Duration::ZERO).unwrap().store.close().await.unwrap() });
    assert_eq!(kept(&path), told((0..count).map(|n| household(n * STEP))), "after a start");
}
