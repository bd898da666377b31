//! `dsmrd backup`, `restore`, and backups by the clock.

/// Beside a writer that does not wait, and back again: the same readings, the same totals.
mod beside;

/// A share whose server is gone.
#[cfg(target_os = "linux")]
mod hung;

/// `dsmrd backup` and `dsmrd restore` killed at random moments.
mod kill;

/// Power cuts at every moment of a backup and of a restore, where the types of ptrace are those that are written down.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod power;

/// What is refused: damaged files, folders that are not there, a record that is in use, a disk that is full.
mod refused;

/// Backups by the clock, what is given up, the command that copies.
mod scheduled;

/// The `[backup]` table.
mod settings;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::backup::restore::prepare;
use dsmrd::store::backup::{Interrupt, Made, Series, clean, make};
use dsmrd::store::{Archive, Range};

use super::{START, meter, open, runtime};

fn dsmrd(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(arguments)
        .args(paths)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn back_up(record: &Path, file: &Path) -> Made {
    make(record, file, &Interrupt::default()).unwrap()
}

/// `dsmrd restore --yes`.
fn restore(file: &Path, record: &Path) -> Output {
    dsmrd(&["restore", "--yes", "--database"], &[record, file])
}

/// Names of a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // Whoever reads a database leaves these beside it.
    names.retain(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.sort();
    names
}

/// Everything that a record says.
fn everything(record: &Path) -> String {
    let archive = Archive::open(record).unwrap();
    let mut all = String::new();
    for stored in archive.readings(Range::default()).unwrap() {
        all += &format!("{:?}\n", stored.unwrap());
    }
    for meter in archive.meters().unwrap() {
        all += &format!("{meter} {:?}\n", archive.counters(&meter).unwrap());
        archive.settled(&meter, i64::MIN, |settled| all += &format!("{settled:?}\n")).unwrap();
    }
    all
}

/// Readings of the simulated meter, one in ten seconds, so that there are hours of them.
fn simulated(count: usize) -> Vec<Arc<Reading>> {
    let mut simulator = Simulator::new(3, START);
    let zone = Zone::new("Europe/Amsterdam").unwrap();
    let mut framer = Framer::new(FramerSettings::default());
    let mut readings = Vec::new();
    for second in 0..count as i64 * 10 {
        let telegram = simulator.next_telegram();
        if second % 10 == 0 {
            framer.push(&telegram, &mut |event| {
                if let Event::Frame(frame) = event {
                    let received_at = (START + second) * 1_000;
                    readings.push(Arc::new(dsmrd::meter::read(&frame, &zone, received_at).reading));
                }
            });
        }
    }
    readings
}

/// A record with some hours of the simulated meter, closed.
fn record(folder: &Path, count: usize) -> PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for reading in simulated(count) {
            assert!(opened.store.put(&meter("home"), reading).await);
        }
        opened.store.close().await.unwrap();
    });
    path
}
