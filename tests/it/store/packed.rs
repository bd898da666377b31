//! The codec of blocks: what goes in comes out, its size, the telegrams of real meters.

use std::path::Path;
use std::sync::Arc;

use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::{Archive, Range, probe};
use rusqlite::Connection;

use super::{START, meter, open, runtime};
use crate::support::{corpus, files, stem};

/// The readings of a stream of telegrams, one a second.
fn readings(stream: &[u8]) -> Vec<Reading> {
    let zone = Zone::new("Europe/Amsterdam").unwrap();
    let mut readings = Vec::new();
    Framer::new(FramerSettings::default()).push(stream, &mut |event| {
        if let Event::Frame(frame) = event {
            let received_at = (START + readings.len() as i64) * 1_000 + 130;
            let mut reading = dsmrd::meter::read(&frame, &zone, received_at).reading;
            (reading.raw, reading.wire) = (None, None);
            readings.push(reading);
        }
    });
    readings
}

pub(super) fn simulated(seconds: std::ops::Range<i64>) -> Vec<Reading> {
    let mut simulator = Simulator::new(1, START + seconds.start);
    let stream: Vec<u8> = seconds.flat_map(|_| simulator.next_telegram()).collect();
    readings(&stream)
}

/// Codec, level, rows, bytes, and bytes of the summary of each block.
fn blocks(path: &Path) -> Vec<(i64, i64, i64, i64, i64)> {
    let connection = Connection::open(path).unwrap();
    let blocks = "SELECT codec, level, count, length(b.data), length(s.data)
         FROM block b JOIN summary s ON s.block = b.id ORDER BY hour, id";
    let mut statement = connection.prepare(blocks).unwrap();
    let block =
        |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    statement.query_map([], block).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_hour_of_a_three_phase_meter_takes_few_bytes() {
    let hour = simulated(0..3_600);
    let (block, summary) = probe::repack(&probe::write(&hour).unwrap()).unwrap();
    let each = (block.len() + summary.len()) * 1_000 / hour.len();
    assert!(each < 2_600, "{each} thousandths of a byte a reading");
    assert!(summary.len() < 300, "a summary of {} bytes", summary.len());
    assert_eq!(probe::readings(block).unwrap(), hour);
}

#[test]
fn hours_come_to_the_database_by_column_and_back() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let all = simulated(3_000..4_200);
    runtime().block_on(async {
        // A start in the midst of each hour: the parts of an hour become one block.
        for part in all.chunks(400) {
            let opened = open(&path);
            for reading in part {
                assert!(opened.store.put(&meter("home"), Arc::new(reading.clone())).await);
            }
            opened.store.close().await.unwrap();
        }
    });
    let blocks = blocks(&path);
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    assert_eq!(blocks.iter().map(|block| block.2).collect::<Vec<_>>(), [600, 600]);
    for (codec, level, count, bytes, summary) in blocks {
        assert_eq!((codec, level), (2, 0));
        assert!(bytes < 4 * count && (1..400).contains(&summary), "{bytes} and {summary} bytes of {count}");
    }
    let archive = Archive::open(&path).unwrap();
    let back: Vec<Reading> =
        archive.readings(Range::default()).unwrap().map(|stored| stored.unwrap().reading).collect();
    assert_eq!(back, all);
}

#[test]
fn every_public_telegram_comes_back() {
    let Some(corpus) = corpus() else { return };
    let mut told = 0;
    for folder in ["telegram", "stream", "bad"] {
        for file in files(&corpus.join(folder), "txt") {
            let sent = readings(&std::fs::read(&file).unwrap());
            if sent.is_empty() {
                continue;
            }
            // Some are of several meters, whose columns come and go.
            let (block, _) = probe::repack(&probe::write(&sent).unwrap()).unwrap();
            assert_eq!(probe::readings(block).unwrap(), sent, "{}", stem(&file));
            told += sent.len();
        }
    }
    assert!(told > 0, "no telegram could be read");
}
