//! Interrupted and resumed; a dump of hundreds of megabytes in bounded memory.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dsmrd::meter::Field;
use dsmrd::totals::Step;

use super::{METER, periods, readings, said};
use crate::support::wait_for;

/// 2024-02-29 23:00 UTC: midnight in Amsterdam.
const START: i64 = 1_709_247_600;
/// A reading each ten seconds, in the order in which an updated table lies: not that of time.
const READINGS: i64 = 30_000;
/// What else a backup holds: messages that were not sent, 300 MB of them.
const MESSAGES: usize = 300_000;

fn at(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().strftime("%Y-%m-%d %H:%M:%S+00").to_string()
}

/// Writes a dump, packed; it is never whole in memory, here neither.
fn write(path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    let packed = flate2::write::GzEncoder::new(BufWriter::new(file), flate2::Compression::fast());
    let mut out = BufWriter::new(packed);
    writeln!(out, "--\n-- PostgreSQL database dump\n--\n").unwrap();
    writeln!(out, "COPY public.dsmr_consumption_electricityconsumption (id, read_at, delivered_1, returned_1, delivered_2, returned_2, currently_delivered, currently_returned) FROM stdin;").unwrap();
    for minute in 0..READINGS / 6 {
        writeln!(out, "{minute}\t{}\t1.000\t0.000\t2.000\t0.000\t0.100\t0.000", at(START + minute * 60))
            .unwrap();
    }
    writeln!(out, "\\.\n").unwrap();
    writeln!(out, "COPY public.dsmr_datalogger_dsmrreading (id, \"timestamp\", electricity_delivered_1, electricity_returned_1, electricity_delivered_2, electricity_returned_2, electricity_currently_delivered, electricity_currently_returned) FROM stdin;").unwrap();
    for place in 0..READINGS {
        // Pages of thirty rows, every second one behind the next.
        let page = (place / 30) ^ 1;
        let reading = page * 30 + place % 30;
        writeln!(
            out,
            "{reading}\t{}\t{}.{:03}\t0.000\t2000.000\t0.000\t0.{:03}\t0.000",
            at(START + reading * 10),
            reading / 1_000,
            reading % 1_000,
            reading % 1_000
        )
        .unwrap();
    }
    writeln!(out, "\\.\n").unwrap();
    writeln!(out, "COPY public.dsmr_mqtt_message (id, topic, payload) FROM stdin;").unwrap();
    let payload = "x".repeat(1_000);
    for message in 0..MESSAGES {
        writeln!(out, "{message}\tdsmr/raw\t{payload}").unwrap();
    }
    writeln!(out, "\\.\n\n--\n-- PostgreSQL database dump complete\n--").unwrap();
    out.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

fn start(database: &Path, dump: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(["import", "dsmr-reader", "--meter", METER, "--database"]).arg(database).arg(dump);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How far the import came, as the record has it.
fn position(database: &Path) -> Option<i64> {
    let connection = rusqlite::Connection::open(database).ok()?;
    connection.query_row("SELECT position FROM import WHERE position > 0", [], |row| row.get(0)).ok()
}

/// The most memory that a process had, in KB.
fn most_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn an_import_that_is_killed_goes_on_and_takes_no_more_memory_for_more() {
    let folder = crate::support::scratch();
    let (dump, database) = (folder.path().join("dump.sql.gz"), folder.path().join("dsmrd.sqlite"));
    write(&dump);
    let mut killed = start(&database, &dump);
    let reached = wait_for(Duration::from_secs(600), || position(&database)).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(reached > 0);
    let mut child = start(&database, &dump);
    let mut most = 0;
    let ended = wait_for(Duration::from_secs(1_800), || {
        most = most_memory(child.id()).unwrap_or_default().max(most);
        child.try_wait().unwrap()
    });
    assert!(ended.is_some());
    let text = said(&child.wait_with_output().unwrap());
    assert!(text.contains("went on where an earlier import was interrupted"), "{text}");
    assert!(!text.contains("something else"), "{text}");
    // The dump is 300 MB, unpacked; debug builds are large by themselves.
    eprintln!("at most {most} KB");
    assert!(most < 90_000, "{most} KB");
    let found = readings(&database);
    assert_eq!(found.len() as i64, READINGS);
    for (place, reading) in found.iter().enumerate() {
        assert_eq!(reading.utc_seconds(), START + place as i64 * 10);
        assert_eq!(reading.number(Field::EnergyImportT1).unwrap().mantissa(), place as i128);
    }
    let days = periods(&database, Step::Day);
    let sum: i128 = days
        .iter()
        .filter_map(|day| Some(day.usage.energy(Field::EnergyImportT1)?.rescaled(3)?.mantissa()))
        .sum();
    assert_eq!(sum, i128::from(READINGS) - 1);
}
