//! Whatever is left behind: what waited is there, once, and nothing of another time.

use super::*;
use crate::meter::record::FlatValue;
use crate::meter::{Proof, Quantity, Unit};
use crate::p1::Decimal;
use crate::store::disk::Machine;

const OURS: Identity = Identity { inode: 7, owner: 0, born: [3; tail::UNDER] };

fn reading(number: i64) -> Reading {
    let value = Decimal::new(i128::from(number), 3).expect("fits");
    let item = ("power_import".into(), FlatValue::Number(Quantity { value, unit: Unit::KiloWatt }));
    Row { received_at: number * 1_000, proof: Proof::Verified, items: vec![item] }.into_reading()
}

/// A journal that begins with the row `first`, and the rows up to `end`, each of which tells its own number.
fn rows(first: u64, end: u64) -> Vec<u8> {
    let (mut state, mut bytes) = (State::new(first), Vec::new());
    for number in first..end {
        let meter = if number % 3 == 0 { "gas" } else { "home" };
        state.push(&mut bytes, &meter.into(), &Row::of(&reading(number as i64))).expect("fits");
    }
    bytes
}

fn wait(stored: u64, first: u64, end: u64) -> Vec<u8> {
    let head = Head { journal: OURS.inode, base: stored, under: OURS.born };
    [&head.write()[..], &rows(first, end), &[0]].concat()
}

/// The numbers of rows, after it was made sure that each tells its own.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let row = |(number, _, row): (u64, Arc<str>, Row)| {
        assert_eq!(row, Row::of(&reading(number as i64)), "row {number} is another one");
        number
    };
    Scanner::new(bytes).map(row).collect()
}

fn joined(journal: &[u8], waits: &[Vec<u8>]) -> (Vec<u64>, Option<u64>) {
    let (bytes, base) = join(journal.to_vec(), None, &OURS, waits);
    (numbers(&bytes), base)
}

#[test]
fn what_the_journal_has_not_come_to_is_behind_it_once() {
    let journal = [rows(11, 20), vec![0; 50]].concat();
    let base = Some(journal.len() as u64 - 50);
    assert_eq!(joined(&journal, &[wait(10, 15, 25)]), ((11..25).collect(), base));
    assert_eq!(joined(&journal, &[wait(10, 20, 21)]), ((11..21).collect(), base));
    assert_eq!(joined(&journal, &[wait(10, 11, 12), wait(0, 5, 30)]), ((11..30).collect(), base));
    // All of it is journaled, and nothing is to be written anew.
    assert_eq!(joined(&journal, &[wait(10, 12, 20)]), ((11..20).collect(), None));
}

#[test]
fn what_memory_has_is_still_to_be_written() {
    let (bytes, base) = join(rows(1, 20), Some(33), &OURS, &[wait(0, 1, 22)]);
    assert_eq!((numbers(&bytes), base), ((1..22).collect(), Some(33)));
}

#[test]
fn behind_blocks_it_is_the_journal() {
    // Of a cut journal the card has rows of before, or none.
    assert_eq!(joined(&rows(11, 20), &[wait(30, 31, 33)]), (vec![31, 32], Some(0)));
    assert_eq!(joined(&[0; 64], &[wait(30, 31, 33)]), (vec![31, 32], Some(0)));
    assert_eq!(joined(&[], &[wait(0, 1, 3)]), (vec![1, 2], Some(0)));
}

#[test]
fn a_hole_is_not_passed_over() {
    // Rows 20 to 30 were in a file that somebody removed: those of the journal may be nowhere else.
    assert_eq!(joined(&rows(11, 20), &[wait(10, 31, 33)]), ((11..20).collect(), None));
}

#[test]
fn what_is_not_ours_or_cannot_be_read_is_left_alone() {
    let journal = rows(1, 5);
    let other = [
        Head { journal: 8, base: 0, under: OURS.born },
        Head { journal: OURS.inode, base: 0, under: [4; tail::UNDER] },
    ];
    for head in other {
        let foreign = [&head.write()[..], &rows(1, 9)].concat();
        assert_eq!(joined(&journal, &[foreign]), ((1..5).collect(), None));
    }
    let ours = wait(0, 1, 9);
    for length in 0..ours.len() {
        let (seen, _) = joined(&journal, &[ours[..length].to_vec()]);
        assert!(
            seen.iter().copied().eq(1..seen.len() as u64 + 1) && (4..9).contains(&seen.len()),
            "{seen:?}"
        );
    }
    for place in 0..ours.len() {
        let mut damaged = ours.clone();
        damaged[place] ^= 0x10;
        let (seen, _) = joined(&journal, &[damaged]);
        assert!(
            seen.iter().copied().eq(1..seen.len() as u64 + 1) && (4..9).contains(&seen.len()),
            "{seen:?}"
        );
    }
    // A journal that cannot be read is set aside as it is.
    let unreadable = vec![0x55; 200];
    assert_eq!(join(unreadable.clone(), None, &OURS, &[wait(0, 1, 9)]), (unreadable, None));
}

/// A file in a folder of its own.
struct Rig {
    folder: tempfile::TempDir,
    waiting: Waiting,
    taken: u64,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let disk = Arc::new(Machine::with_memory(folder.path().to_owned()));
        let waiting = Waiting::open(disk, &folder.path().join("dsmrd.sqlite"));
        Self { folder, waiting, taken: 0 }
    }

    fn path(&self) -> PathBuf {
        beside_tail(&tail::file_in(self.folder.path(), &self.folder.path().join("dsmrd.sqlite")))
    }

    fn joins(&self, numbers: std::ops::Range<i64>) {
        numbers.for_each(|number| self.waiting.joins(&"home".into(), &reading(number)));
    }

    /// So many more were taken; the next row is `next`.
    fn settle(&mut self, taken: u64, next: u64) {
        self.taken += taken;
        let head = Head { journal: OURS.inode, base: 0, under: OURS.born };
        self.waiting.settle(self.taken, head, next);
    }

    fn seen(&self, journal: &[u8]) -> Vec<u64> {
        let file = std::fs::read(self.path()).unwrap_or_default();
        joined(journal, &[file]).0
    }
}

#[test]
fn rows_are_there_as_soon_as_they_joined() {
    let mut rig = Rig::new();
    rig.joins(1..2);
    assert_eq!(rig.seen(&[]), [0u64; 0], "nobody said yet what its number is");
    rig.settle(1, 2);
    for number in 2..40 {
        rig.joins(number..number + 1);
        assert_eq!(rig.seen(&rows(1, 2)), (1..number as u64 + 1).collect::<Vec<_>>());
    }
    // Some were taken, and more come: numbers go on.
    rig.settle(20, 22);
    rig.joins(40..45);
    assert_eq!(rig.seen(&rows(1, 22)), (1..45).collect::<Vec<_>>());
}

#[test]
fn after_a_reading_was_dropped_nothing_has_a_wrong_number() {
    let mut rig = Rig::new();
    rig.settle(0, 1);
    rig.joins(1..10);
    // The fifth is dropped: the sixth is the fifth row from now on.
    rig.waiting.spoil();
    rig.joins(10..12);
    assert_eq!(rig.seen(&rows(1, 5)), (1..5).collect::<Vec<_>>());
    rig.settle(8, 9);
    rig.joins(12..13);
    assert_eq!(rig.seen(&rows(1, 9)), (1..9).collect::<Vec<_>>(), "some still wait");
    // Ten rows of twelve, and none waits.
    rig.settle(4, 11);
    rig.joins(11..13);
    assert_eq!(rig.seen(&rows(1, 11)), (1..13).collect::<Vec<_>>());
}

#[test]
fn it_is_begun_anew_when_it_is_long() {
    let mut rig = Rig::new();
    rig.settle(0, 1);
    let mut next = 1;
    let (mut longest, mut last, mut begun) = (0, 0, 0);
    for _ in 0..100 {
        rig.joins(next..next + 400);
        next += 400;
        rig.settle(400, next as u64);
        let long = rig.waiting.lock().bytes.len();
        begun += usize::from(long < last);
        (longest, last) = (longest.max(long), long);
    }
    assert!(begun > 0 && longest < ENOUGH + 8_192, "{begun} times, after {longest} bytes at the latest");
    rig.joins(next..next + 2);
    let end = next as u64;
    assert_eq!(rig.seen(&rows(end - 3, end)), (end - 3..end + 2).collect::<Vec<_>>());
}

#[test]
fn a_file_that_was_taken_away_is_made_again() {
    let mut rig = Rig::new();
    rig.settle(0, 1);
    rig.joins(1..3);
    std::fs::remove_file(rig.path()).expect("it is there");
    rig.joins(3..4);
    rig.waiting.spoil();
    rig.settle(3, 4);
    rig.joins(4..5);
    assert_eq!(rig.seen(&rows(1, 4)), [1, 2, 3]);
    rig.waiting.mend();
    rig.settle(1, 5);
    rig.joins(5..7);
    assert_eq!(rig.seen(&rows(1, 5)), (1..7).collect::<Vec<_>>());
    rig.waiting.remove();
    assert!(!rig.path().exists());
}
