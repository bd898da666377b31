//! Whatever dies when: what was written is there, once, and nothing of another time.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Journal, lock, path_of};
use super::*;
use crate::meter::record::FlatValue;
use crate::meter::{Proof, Quantity, Unit};
use crate::p1::Decimal;
use crate::store::codec::Row;
use crate::store::disk::Machine;

fn row(number: i64) -> Row {
    let value = Decimal::new(i128::from(number), 3).expect("fits");
    let item = ("power_import".into(), FlatValue::Number(Quantity { value, unit: Unit::KiloWatt }));
    Row { received_at: number * 1_000, proof: Proof::Verified, items: vec![item] }
}

/// A journal, a folder in memory, and what ought to be in them.
struct Rig {
    folder: tempfile::TempDir,
    journal: Option<Journal>,
    /// Every row appended, in order; the row of number n is the one before place n.
    all: Vec<i64>,
    /// Rows handed to the kernel.
    written: usize,
    /// Rows that a sync put onto the card.
    synced: usize,
    /// Rows in blocks.
    stored: usize,
    fresh: i64,
    /// Files in memory as they once were.
    copies: Vec<Vec<u8>>,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::create_dir(folder.path().join("memory")).expect("makes it");
        let mut rig = Self {
            folder,
            journal: None,
            all: Vec::new(),
            written: 0,
            synced: 0,
            stored: 0,
            fresh: 0,
            copies: Vec::new(),
        };
        assert_eq!(rig.open(), [0i64; 0]);
        rig
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("dsmrd.sqlite")
    }

    fn memory(&self) -> PathBuf {
        self.folder.path().join("memory")
    }

    fn file(&self) -> PathBuf {
        file_in(&self.memory(), &self.database())
    }

    /// Opens the journal; the rows in it that are not in blocks.
    fn open(&mut self) -> Vec<i64> {
        let database = self.database();
        let disk = Arc::new(Machine::with_memory(self.memory()));
        let file = lock(disk.as_ref(), &path_of(&database)).expect("it is ours");
        let mut found = Vec::new();
        let mut on = |number: u64, _, row: Row| {
            if number > self.stored as u64 {
                assert_eq!(number as usize, self.stored + found.len() + 1, "numbers follow each other");
                found.push(row.received_at / 1_000);
            }
        };
        let aside = database.with_extension("aside");
        let folder = Some(self.folder.path().join("memory"));
        let (mut journal, _) =
            Journal::open(&database, disk, folder, file, &aside, &mut on).expect("it opens");
        // As the writer does where nothing is left to store.
        if found.is_empty() {
            journal.cut();
        }
        journal.raise(self.stored as u64 + 1);
        self.journal = Some(journal);
        found
    }

    fn journal(&mut self) -> &mut Journal {
        self.journal.as_mut().expect("it is open")
    }

    fn append(&mut self, count: usize) {
        for _ in 0..count {
            self.fresh += 1;
            let row = row(self.fresh);
            self.all.push(self.fresh);
            self.journal().append(&"home".into(), &row).expect("there is room");
        }
    }

    fn write(&mut self) {
        self.journal().write().expect("writes");
        self.written = self.all.len();
        if self.file().is_file() {
            self.copies.extend(std::fs::read(self.file()));
        }
    }

    /// The process dies; a reader finds the same as the next start.
    fn kill(&mut self) {
        self.journal = None;
        let bytes = super::super::read(&self.database()).expect("reads").expect("it is there");
        let seen: Vec<_> = Scanner::new(&bytes)
            .filter(|(number, ..)| *number > self.stored as u64)
            .map(|(.., row)| row.received_at / 1_000)
            .collect();
        let found = self.open();
        assert_eq!(seen, found, "a reader sees what a start finds");
        let expected = &self.all[self.stored..];
        assert_eq!(found, expected[..found.len().min(expected.len())], "nothing but what was appended, once");
        assert!(
            found.len() >= self.written - self.stored,
            "{} of {}",
            found.len(),
            self.written - self.stored
        );
        self.went_on(found.len());
    }

    fn went_on(&mut self, found: usize) {
        if self.stored + found < self.all.len() {
            self.all.truncate(self.stored + found);
        }
        self.written = self.all.len();
        assert_eq!(self.journal().next_sequence() as usize, self.all.len() + 1);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Write,
    Sync,
    /// SQLite has everything; the process may die before the cut.
    Commit(bool),
    Kill,
    /// The process dies while the card is written: so much of it is.
    TornCard(prop::sample::Index),
    /// The process dies while memory is written, over what was there.
    TornMemory(prop::sample::Index),
    /// Somebody tidies up the folder.
    Removed,
    /// The process dies, and what lies there at the next start is of some time before, when the rest is on the card.
    Stale(prop::sample::Index),
    /// The process dies, and what lies there is anything.
    Junk(Vec<u8>),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..6).prop_map(Step::Append),
        4 => Just(Step::Write),
        2 => Just(Step::Sync),
        2 => any::<bool>().prop_map(Step::Commit),
        1 => Just(Step::Kill),
        1 => any::<prop::sample::Index>().prop_map(Step::TornCard),
        1 => any::<prop::sample::Index>().prop_map(Step::TornMemory),
        1 => Just(Step::Removed),
        1 => any::<prop::sample::Index>().prop_map(Step::Stale),
        1 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Step::Junk),
    ]
}

impl Rig {
    fn take(&mut self, step: Step) {
        match step {
            Step::Append(count) => self.append(count),
            Step::Write => self.write(),
            Step::Sync => {
                self.journal().sync().expect("syncs");
                self.written = self.all.len();
                self.synced = self.all.len();
            }
            Step::Commit(cut) => {
                self.stored = self.all.len();
                (self.written, self.synced) = (self.stored, self.stored);
                if cut {
                    self.journal().cut();
                } else {
                    self.kill();
                }
            }
            Step::Kill => self.kill(),
            Step::TornCard(place) => {
                self.write();
                let journal = self.journal();
                let mut bytes = journal.tail[journal.written..].to_vec();
                bytes.push(0);
                let (count, at) = (place.index(bytes.len() + 1), journal.base + journal.written as u64);
                let card = OpenOptions::new().write(true).open(path_of(&self.database())).expect("opens");
                card.write_all_at(&bytes[..count], at).expect("writes");
                self.kill();
            }
            Step::TornMemory(place) => {
                let journal = self.journal();
                let head = Head { journal: journal.identity.inode, base: journal.base, under: journal.under };
                let bytes = [&head.write()[..], &journal.tail, &[0]].concat();
                let count = HEAD + place.index(bytes.len() - HEAD + 1);
                let memory = OpenOptions::new().write(true).create(true).truncate(false).open(self.file());
                memory.expect("opens").write_all_at(&bytes[..count], 0).expect("writes");
                self.kill();
            }
            Step::Removed => {
                let _ = std::fs::remove_file(self.file());
                // The process lives, and the next write finds out.
                self.write();
            }
            Step::Stale(place) => {
                self.journal().sync().expect("syncs");
                self.written = self.all.len();
                if !self.copies.is_empty() {
                    let copy = &self.copies[place.index(self.copies.len())];
                    std::fs::write(self.file(), copy).expect("writes");
                }
                self.kill();
            }
            Step::Junk(bytes) => {
                self.journal().sync().expect("syncs");
                self.written = self.all.len();
                std::fs::write(self.file(), bytes).expect("writes");
                self.kill();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whenever_it_dies_everything_written_is_there_once(steps in proptest::collection::vec(steps(), 1..40)) {
        let mut rig = Rig::new();
        for step in steps {
            rig.take(step);
        }
        rig.kill();
    }

    #[test]
    fn any_file_in_memory_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), base in 0u64..50) {
        let card = vec![7; 40];
        prop_assert_eq!(whole(card.clone(), 1, std::slice::from_ref(&bytes)), (card.clone(), None));
        let head = Head { journal: 1, base, under: beginning(&card) };
        prop_assert_eq!(whole(card.clone(), 1, &[[&head.write()[..], &bytes].concat()]), (card, None));
    }
}

/// What the file in memory holds while the card has nothing of it.
fn unsynced() -> Rig {
    let mut rig = Rig::new();
    rig.append(3);
    rig.journal().sync().expect("syncs");
    rig.append(4);
    rig.write();
    rig
}

#[test]
fn the_card_is_left_alone_between_two_syncs() {
    let mut rig = unsynced();
    let card = std::fs::read(path_of(&rig.database())).expect("reads");
    assert_eq!(Scanner::new(&card).count(), 3);
    rig.journal().sync().expect("syncs");
    let card = std::fs::read(path_of(&rig.database())).expect("reads");
    assert_eq!(Scanner::new(&card).count(), 7);
}

#[test]
fn the_journal_of_a_copied_database_takes_nothing_of_the_original() {
    let mut rig = unsynced();
    rig.journal = None;
    let mut copy = Rig::new();
    std::fs::copy(path_of(&rig.database()), path_of(&copy.database())).expect("copies");
    copy.journal = None;
    // The link comes along, and points to the original's.
    std::fs::remove_file(link_of(&copy.database())).expect("removes");
    std::os::unix::fs::symlink(rig.file(), link_of(&copy.database())).expect("links");
    assert_eq!(copy.open(), [1, 2, 3]);
}

#[test]
fn a_journal_copied_into_the_place_of_another_takes_nothing_of_it() {
    let mut rig = Rig::new();
    rig.append(3);
    rig.write();
    rig.journal = None;
    let mut other = Rig::new();
    other.fresh = 100;
    other.append(1);
    other.journal().sync().expect("syncs");
    // Into the same file: its inode stays.
    let bytes = std::fs::read(path_of(&other.database())).expect("reads");
    std::fs::write(path_of(&rig.database()), bytes).expect("writes");
    assert_eq!(rig.open(), [101]);
}

#[test]
fn a_process_with_another_folder_takes_what_the_one_before_left() {
    let mut rig = unsynced();
    let old = rig.file();
    rig.journal = None;
    std::fs::rename(rig.memory(), rig.folder.path().join("before")).expect("renames");
    std::fs::create_dir(rig.memory()).expect("makes it");
    let old = rig.folder.path().join("before").join(old.file_name().expect("it has one"));
    std::fs::remove_file(link_of(&rig.database())).expect("removes");
    std::os::unix::fs::symlink(&old, link_of(&rig.database())).expect("links");
    assert_eq!(rig.open(), [1, 2, 3, 4, 5, 6, 7]);
    assert!(old.exists(), "nothing else has them yet");
    rig.journal().sync().expect("syncs");
    assert!(!old.exists());
    rig.append(1);
    rig.kill();
}

#[test]
fn what_is_not_a_file_of_ours_is_left_alone() {
    for what in ["link", "folder", "pipe", "second name"] {
        let mut rig = Rig::new();
        rig.journal.take().expect("it is open").end();
        let (file, target) = (rig.file(), rig.folder.path().join("precious"));
        std::fs::write(&target, "mine").expect("writes");
        match what {
            "link" => std::os::unix::fs::symlink(&target, &file).expect("links"),
            "folder" => std::fs::create_dir(&file).expect("makes it"),
            "second name" => std::fs::hard_link(&target, &file).expect("links"),
            _ => {
                let path = std::ffi::CString::new(file.as_os_str().as_bytes()).expect("no zero");
                // SAFETY: the path ends with a zero.
                assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
            }
        }
        assert_eq!(rig.open(), [0i64; 0], "{what}");
        assert!(!rig.journal().in_memory(), "{what}");
        rig.append(5);
        rig.write();
        rig.kill();
        assert_eq!(rig.all.len(), 5, "{what}: the card has them");
        assert_eq!(std::fs::read(&target).expect("reads"), b"mine", "{what}");
    }
}

#[test]
fn nothing_is_left_behind_at_a_clean_end() {
    let mut rig = unsynced();
    let file = rig.file();
    rig.journal.take().expect("it is open").end();
    assert!(file.exists(), "what it holds is nowhere else");
    rig.kill();
    rig.journal().sync().expect("syncs");
    rig.journal.take().expect("it is open").end();
    assert!(!file.exists());
    assert!(std::fs::read_link(link_of(&rig.database())).is_err());
}
