//! Long answers beside a store that writes: neither waits for the other, and nothing grows without end.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dsmrd::store::{Archive, ReadError, Resolution, Span};

use super::{START, ask};
use crate::store::{Opened, meter, open, reading, runtime};

/// Seconds between two readings.
const STEP: i64 = 20;

/// Feeds hours, each of which becomes a block.
async fn hours(opened: &Opened, hours: std::ops::Range<i64>) {
    for hour in hours {
        for second in (hour * 3_600..(hour + 1) * 3_600).step_by(STEP as usize) {
            opened.clock.advance(STEP as u64 * 1_000);
            assert!(opened.store.put(&meter("home"), reading(second, second * 7_919 % 5_003)).await);
        }
        tokio::time::timeout(Duration::from_secs(120), opened.store.flush()).await.unwrap().unwrap();
    }
}

fn length(path: &Path, end: &str) -> u64 {
    std::fs::metadata(format!("{}{end}", path.display())).map_or(0, |metadata| metadata.len())
}

#[test]
fn an_answer_keeps_its_moment_and_the_log_returns_to_its_size() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        hours(&opened, 0..10).await;
        let archive = Archive::open(&path).unwrap();
        let query = ask(Resolution::Quarter, "power_import.mean", None, None);
        let mut answer = archive.query(&query).unwrap();
        let first: Vec<Span> = answer.by_ref().take(4).map(Result::unwrap).collect();
        // Each flush is a transaction that succeeds beside it.
        hours(&opened, 10..110).await;
        let beside = length(&path, "-wal");
        assert!(beside <= 1 << 20, "the answer does not keep the log: {beside} bytes");
        let rest: Vec<Span> = answer.collect::<Result<_, ReadError>>().unwrap();
        assert_eq!(first.len() + rest.len(), 40);
        assert!(rest.iter().all(|span| span.start < START + 10 * 3_600));
        drop(archive);
        hours(&opened, 110..113).await;
        let after = length(&path, "-wal");
        assert!(after <= 1 << 20, "{after} bytes, {beside} while it was read");
        opened.store.close().await.unwrap();
    });
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.count().unwrap(), 113 * 180);
}

/// The most memory of a command that prints, in kB. Its pipe holds a page: while there is more to come, it is there to be
/// asked, however slow we are.
fn peak(arguments: &[&str], path: &Path) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    let (mut out, pipe) = std::io::pipe().unwrap();
    // SAFETY: the descriptor is open, and the call takes numbers.
    assert!(unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4_096) } > 0);
    command.args(arguments).arg("--database").arg(path).stdout(pipe);
    let mut child = command.spawn().unwrap();
    // Its end of the pipe is for the child alone.
    drop(command);
    let (mut chunk, mut peak) = (vec![0; 4_096], 0);
    // One that prints nothing any more is about to end: what it took is known by then.
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(peak);
        if out.read(&mut chunk).unwrap() == 0 {
            break;
        }
    }
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    peak
}

#[test]
fn memory_does_not_grow_with_the_range() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        hours(&opened, 0..200).await;
        opened.store.close().await.unwrap();
    });
    // 20 hours of readings, and ten times as much: held at once that would be tens of megabytes.
    let ends = ["2026-11-21T20:00Z", "2026-11-29T08:00Z"];
    for arguments in [
        &["query", "--resolution", "raw", "--format", "csv", "--from", "2026-11-21T00:00Z", "--to"][..],
        &["query", "--resolution", "minute", "--format", "csv", "--from", "2026-11-21T00:00Z", "--to"],
        &["export", "--format", "json", "--to"],
        &["export", "--format", "influx", "--to"],
    ] {
        let [short, long] = ends.map(|end| peak(&[arguments, &[end]].concat(), &path));
        assert!(short > 0 && long < short + 2_000, "{arguments:?}: {short} and {long} kB");
    }
    let statement = |end: i64| format!("SELECT * FROM reading WHERE time < {}", START + end * 3_600);
    let [short, long] = [20, 200].map(|end| peak(&["sql", "--format", "csv", &statement(end)], &path));
    assert!(short > 0 && long < short + 2_000, "sql: {short} and {long} kB");
}
