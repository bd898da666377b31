//! The journal on files that fail, and on bytes that were never written.

use std::fs::OpenOptions;

use proptest::prelude::*;

use super::record::{FIRST_ROW, START, push_record};
use super::*;
use crate::meter::record::FlatValue;
use crate::meter::{Proof, Quantity, Unit};
use crate::p1::Decimal;
use crate::store::codec::range::Encoder;
use crate::store::codec::{self, RowCodec};
use crate::store::disk::SystemDisk;

fn row(number: i64) -> Row {
    let value = Decimal::new(i128::from(number * 37 % 1_000), 3).expect("fits");
    let item = ("power_import".into(), FlatValue::Number(Quantity { value, unit: Unit::KiloWatt }));
    Row { received_at: number * 1_000, proof: Proof::Verified, items: vec![item] }
}

fn open(path: &Path) -> (Journal, Vec<(u64, Row)>, Found) {
    let mut rows = Vec::new();
    let file = lock(&SystemDisk, &path_of(path)).expect("it is ours");
    let aside = path.with_extension("aside");
    let (journal, found) =
        Journal::open(path, Arc::new(SystemDisk), None, file, &aside, &mut |number, _, row| {
            rows.push((number, row))
        })
        .expect("it opens");
    (journal, rows, found)
}

fn fill(journal: &mut Journal, numbers: std::ops::Range<i64>) {
    for number in numbers {
        journal.append(&"home".into(), &row(number)).expect("there is room");
    }
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("journal");
    (folder, path)
}

#[test]
fn rows_are_numbered_on_over_cuts_and_starts() {
    let (_folder, path) = scratch();
    let (mut journal, rows, _) = open(&path);
    assert!(rows.is_empty());
    journal.raise(1);
    fill(&mut journal, 0..500);
    assert_eq!(journal.write().expect("writes"), 500);
    let long = journal.used();
    journal.cut();
    fill(&mut journal, 500..503);
    journal.sync().expect("syncs");
    assert!(journal.used() < long, "old records lie behind the end");
    drop(journal);
    let (mut journal, rows, found) = open(&path);
    let expected: Vec<_> = (500..503).map(|n| (n as u64 + 1, row(n))).collect();
    assert_eq!(rows, expected, "nothing from before the cut comes back");
    assert_eq!((found.rows, found.torn), (3, 0));
    fill(&mut journal, 503..504);
    journal.write().expect("writes");
    drop(journal);
    assert_eq!(open(&path).1.last(), Some(&(504, row(503))));
}

#[test]
fn a_record_takes_few_bytes() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = open(&path);
    fill(&mut journal, 0..1);
    let one = journal.used();
    fill(&mut journal, 1..101);
    assert!((journal.used() - one) / 100 <= 10, "{} bytes for 100 rows", journal.used() - one);
}

#[test]
fn after_a_failed_sync_everything_unsynced_is_written_again() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = open(&path);
    fill(&mut journal, 0..3);
    journal.sync().expect("syncs");
    fill(&mut journal, 3..6);
    // This device takes every byte and keeps none, and a sync of it fails.
    let device = OpenOptions::new().write(true).open("/dev/null").expect("it is there");
    let real = std::mem::replace(&mut journal.file, Box::new(device));
    assert_eq!(journal.write().expect("the device takes it"), 3);
    fill(&mut journal, 6..7);
    journal.sync().expect_err("the device cannot sync");
    assert_eq!(journal.unwritten_rows(), 1);
    drop(real);
    assert_eq!(journal.sync().expect("the file is opened again"), 1);
    drop(journal);
    let rows: Vec<_> = open(&path).1.into_iter().map(|(_, row)| row).collect();
    assert_eq!(rows, (0..7).map(row).collect::<Vec<_>>());
}

#[test]
fn a_failed_write_is_made_up_for() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = open(&path);
    fill(&mut journal, 0..2);
    journal.write().expect("writes");
    let full = OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let real = std::mem::replace(&mut journal.file, Box::new(full));
    fill(&mut journal, 2..5);
    let error = journal.write().expect_err("it is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(journal.unwritten_rows(), 3);
    journal.file = real;
    assert_eq!(journal.write().expect("there is room again"), 3);
    drop(journal);
    assert_eq!(open(&path).1.len(), 5);
}

#[test]
fn a_file_of_something_else_is_kept_beside() {
    let (_folder, path) = scratch();
    std::fs::write(path_of(&path), "my notes").expect("writes");
    let (mut journal, rows, _) = open(&path);
    assert!(rows.is_empty());
    fill(&mut journal, 0..1);
    journal.write().expect("writes");
    assert_eq!(std::fs::read(path.with_extension("aside")).expect("it is there"), b"my notes");
}

proptest! {
    #[test]
    fn damage_ends_the_rows_and_changes_none(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut tail = Vec::new();
        let mut state = State::new(9);
        state.started = true;
        let mut content = vec![START, codec::VERSION];
        content.extend_from_slice(&9u64.to_le_bytes());
        push_record(&mut tail, &mut state.chain, &content);
        push_record(&mut tail, &mut state.chain, b"\x01home");
        let mut codec = RowCodec::default();
        for number in 0..20 {
            let mut encoder = Encoder::default();
            codec.encode(&mut encoder, &row(number)).expect("it fits");
            push_record(&mut tail, &mut state.chain, &[&[FIRST_ROW], &encoder.finish()[..]].concat());
        }
        tail.push(0);
        let all: Vec<_> = Scanner::new(&tail).collect();
        prop_assert_eq!(all.len(), 20);
        let place = place.index(tail.len());
        tail[place] = byte;
        let seen: Vec<_> = Scanner::new(&tail).collect();
        prop_assert_eq!(&seen[..], &all[..seen.len()]);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Scanner::new(&bytes).count(), 0);
    }
}

#[test]
fn what_cannot_be_synced_is_bounded_and_goes_on_after_a_sync() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = open(&path);
    let refused = (0..1_000_000).find(|number| journal.append(&"home".into(), &row(*number)).is_err());
    assert!(refused.is_some_and(|number| number > 50_000), "{refused:?} rows were taken");
    assert!((MAX_WAITING..MAX_WAITING + 1_000).contains(&journal.unsynced()), "{} bytes", journal.unsynced());
    journal.sync().expect("syncs");
    fill(&mut journal, 0..1);
}

#[test]
fn a_sync_writes_one_block_and_what_lies_behind_it_is_no_torn_record() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = open(&path);
    journal.raise(1);
    // Bytes from before a cut lie everywhere behind the end.
    fill(&mut journal, 0..3_000);
    journal.sync().expect("syncs");
    journal.cut();
    let (mut filled, mut crossed) = (0, 0);
    for sync in 0..40 {
        let from = journal.used();
        fill(&mut journal, 3_000 + sync * 150..3_150 + sync * 150);
        let sound = journal.used();
        journal.sync().expect("syncs");
        filled += u32::from(journal.used() > sound);
        crossed += u32::from(from / BLOCK != (journal.used() - 1) / BLOCK);
        assert!(
            journal.used() == sound || journal.used().is_multiple_of(BLOCK),
            "filled up to {}",
            journal.used()
        );
        drop(journal);
        let (again, rows, found) = open(&path);
        let expected: Vec<_> = (3_000..3_150 + sync * 150).map(|n| (n as u64 + 1, row(n))).collect();
        assert!(rows == expected, "sync {sync}: {} rows", rows.len());
        assert_eq!((found.torn, again.used()), (0, sound.max(again.used())), "sync {sync}");
        journal = again;
    }
    assert!(filled > 5 && crossed <= 1, "{filled} filled, {crossed} crossed");
}

#[test]
fn every_length_of_a_fill_is_one_record() {
    for room in 0..=BLOCK as usize {
        let (mut bytes, mut chain) = (Vec::new(), State::new(0).chain);
        let mut content = vec![START, codec::VERSION];
        content.extend_from_slice(&7u64.to_le_bytes());
        push_record(&mut bytes, &mut chain, &content);
        let before = bytes.len();
        assert_eq!(push_fill(&mut bytes, &mut chain, room), room >= 7);
        assert_eq!(bytes.len() - before, if room >= 7 { room } else { 0 });
        let end = bytes.len();
        // Older bytes behind it.
        bytes.extend_from_slice(&[0x33; 64]);
        let mut scanner = Scanner::new(&bytes);
        assert!(scanner.next().is_none());
        assert_eq!((scanner.position, scanner.state.next), (end, 7));
        assert_eq!(scanner.torn == 0, room >= 7);
    }
}
