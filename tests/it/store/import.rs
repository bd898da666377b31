//! `dsmrd import`: dumps, CSV, telegrams.

/// Dumps and exports of DSMR-reader: where each row goes, twice, in conflict, damaged.
mod dsmr_reader;

/// The real dump, against what its own day table says.
mod real;

/// Interrupted and resumed; a dump of hundreds of megabytes in bounded memory.
mod endure;

/// Dumps that are odd: broken off, wrapped up, of other databases.
mod odd;

/// Power cuts while a dump goes in.
mod power;

/// P1 Monitor: minutes, hours and days, in its database and as its export.
mod p1_monitor;

/// Recorded telegrams, CSV files with a mapping, logs.
mod others;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dsmrd::meter::{Reading, Zone};
use dsmrd::prices::{PriceBook, PriceTable};
use dsmrd::store::{Archive, Range};
use dsmrd::totals::{PastPeriods, Period, Step};

const METER: &str = "home";

fn fixture(name: &str) -> PathBuf {
    crate::support::fixtures().join("dsmr-reader").join(name)
}

fn dsmrd(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd")).args(arguments).args(paths).output().unwrap()
}

/// Runs an import into a database.
fn import(what: &str, database: &Path, more: &[&str], files: &[&Path]) -> Output {
    let database = database.to_str().unwrap();
    let arguments = [&["import", what, "--meter", METER, "--database", database], more].concat();
    dsmrd(&arguments, files)
}

/// What a command said that went well.
fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// The readings of a record.
fn readings(database: &Path) -> Vec<Reading> {
    let archive = Archive::open(database).unwrap();
    archive.readings(Range::default()).unwrap().map(|stored| stored.unwrap().reading).collect()
}

/// Periods of a record.
fn periods(database: &Path, step: Step) -> Vec<Period> {
    let archive = Archive::open(database).unwrap();
    let zone = Zone::new("Europe/Amsterdam").unwrap();
    let table = std::sync::Arc::new(PriceTable::default());
    let prices = PriceBook { currency: "".into(), contracts: Vec::new(), table, zone };
    let mut found = Vec::new();
    let mut periods =
        PastPeriods::new(&prices, archive.counters(METER).unwrap(), step, i64::MIN, i64::MAX, |period| {
            found.push(period)
        });
    archive.settled(METER, periods.needs_from(), |settled| periods.take(&settled)).unwrap();
    periods.finish();
    found
}

/// The totals of days as they are printed.
fn totals(database: &Path, by: &str) -> String {
    let database = database.to_str().unwrap();
    said(&dsmrd(&["totals", "--format", "csv", "--by", by, "--database", database], &[]))
}
