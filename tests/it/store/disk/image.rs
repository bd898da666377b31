//! What is left of a card: everything that was synced, and of the rest some of it, in any order, torn anywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Event, FileId};

/// A small generator, so that a failing case can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// True in so many of 100 cases.
    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// How a power cut goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// What is written as a whole or not at all.
    pub(crate) sector: u64,
    /// How many sectors of 100 that were not synced are there all the same.
    pub(crate) kept: u64,
}

impl Cut {
    /// Any of them.
    pub(crate) fn any(random: &mut Random) -> Self {
        let sector = [512, 4_096][random.below(2)];
        // One that keeps nothing, or everything but the last write, finds what a mixture hides.
        let kept = [0, 3, 50, 50, 97, 100][random.below(6)];
        Self { sector, kept }
    }
}

/// A change of a file's bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
}

/// The bytes of a file: those that are seen, and those that are on the device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// As the process sees it.
    seen: Vec<u8>,
    /// As the device surely has it.
    durable: Vec<u8>,
    /// What happened since the two were the same.
    changes: Vec<Change>,
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// The parts of a write, by sector: its number, where the part begins, and its bytes.
fn pieces(offset: u64, bytes: &[u8], size: u64) -> impl Iterator<Item = (u64, u64, &[u8])> {
    let end = offset + bytes.len() as u64;
    (offset / size..end.div_ceil(size)).map(move |sector| {
        let (from, to) = ((sector * size).max(offset), ((sector + 1) * size).min(end));
        (sector, from, &bytes[(from - offset) as usize..(to - offset) as usize])
    })
}

impl Content {
    /// Of a file that was there from the beginning.
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self { seen: bytes.clone(), durable: bytes, changes: Vec::new() }
    }

    /// From now on the device has all of it.
    pub(crate) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write { offset, bytes } => write(&mut self.durable, offset as usize, &bytes),
                Change::SetLen(length) => self.durable.resize(length as usize, 0),
            }
        }
    }

    pub(crate) fn change(&mut self, change: Change) {
        match &change {
            Change::Write { offset, bytes } => write(&mut self.seen, *offset as usize, bytes),
            Change::SetLen(length) => self.seen.resize(*length as usize, 0),
        }
        self.changes.push(change);
    }

    /// Which of its versions the device has of each sector: how many writes to it had been done when it was
    /// last written out. A later one holds the earlier ones.
    fn versions(&self, cut: Cut, random: &mut Random) -> BTreeMap<u64, usize> {
        let mut versions: BTreeMap<u64, usize> = BTreeMap::new();
        for change in &self.changes {
            if let Change::Write { offset, bytes } = change {
                for (sector, _, _) in pieces(*offset, bytes, cut.sector) {
                    *versions.entry(sector).or_default() += 1;
                }
            }
        }
        for version in versions.values_mut() {
            let any = random.below(*version + 1);
            *version = match cut.kept {
                0 => 0,
                100 => *version,
                50 if random.percent(50) => any,
                kept if random.percent(kept) => *version,
                _ => 0,
            };
        }
        versions
    }

    /// What the device may have.
    pub(crate) fn left(&self, cut: Cut, random: &mut Random) -> Vec<u8> {
        let mut left = self.durable.clone();
        let mut lengths = vec![left.len()];
        let mut length = left.len();
        let versions = self.versions(cut, random);
        let mut written: BTreeMap<u64, usize> = BTreeMap::new();
        for change in &self.changes {
            match change {
                Change::Write { offset, bytes } => {
                    for (sector, at, piece) in pieces(*offset, bytes, cut.sector) {
                        let version = written.entry(sector).or_default();
                        *version += 1;
                        if *version <= versions[&sector] {
                            write(&mut left, at as usize, piece);
                        }
                    }
                    length = length.max(*offset as usize + bytes.len());
                }
                Change::SetLen(to) => {
                    if random.percent(cut.kept) {
                        left.resize(*to as usize, 0);
                    }
                    length = *to as usize;
                }
            }
            lengths.push(length);
        }
        // Where nothing or everything is kept, the length is too.
        let length = match cut.kept {
            0 => self.durable.len(),
            100 => length,
            _ => lengths[random.below(lengths.len())],
        };
        left.resize(length, 0);
        left
    }
}

/// The files of a card.
#[derive(Clone, Debug)]
pub(crate) struct Image(Vec<(PathBuf, Vec<u8>)>);

impl Image {
    /// Of these files.
    pub(crate) fn of(files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        Self(files)
    }

    /// Puts them into a folder that is empty.
    pub(crate) fn lay(&self, folder: &Path) {
        for (name, bytes) in &self.0 {
            std::fs::write(folder.join(name.file_name().unwrap()), bytes).unwrap();
        }
    }
}

/// Goes through a log once, and tells what would be left.
#[derive(Debug)]
pub(crate) struct Replay<'l> {
    events: &'l [Event],
    at: usize,
    files: BTreeMap<FileId, Content>,
    /// Names as the process sees them.
    names: BTreeMap<PathBuf, FileId>,
    /// Names as the device surely has them.
    durable: BTreeMap<PathBuf, FileId>,
    /// The last [`Event::Mark`].
    pub(crate) mark: usize,
}

impl<'l> Replay<'l> {
    /// At the beginning of a log.
    pub(crate) fn new(events: &'l [Event]) -> Self {
        let (files, names, durable) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { events, at: 0, files, names, durable, mark: 0 }
    }

    /// Goes on to the moment before the event of this number.
    pub(crate) fn until(&mut self, end: usize) {
        while self.at < end {
            self.step();
        }
    }

    fn step(&mut self) {
        match &self.events[self.at] {
            Event::Create { file, name, bytes, durable } => {
                let mut content = Content { seen: bytes.clone(), ..Content::default() };
                if *durable {
                    content.durable.clone_from(bytes);
                    self.durable.insert(name.clone(), *file);
                }
                self.files.insert(*file, content);
                self.names.insert(name.clone(), *file);
            }
            Event::Write { file, offset, bytes } => {
                let change = Change::Write { offset: *offset, bytes: bytes.clone() };
                self.files.get_mut(file).unwrap().change(change);
            }
            Event::SetLen { file, length } => {
                self.files.get_mut(file).unwrap().change(Change::SetLen(*length));
            }
            Event::Sync { file } => {
                let content = self.files.get_mut(file).unwrap();
                content.sync();
                // A file that is new is found after it was synced.
                for (name, of) in &self.names {
                    if of == file {
                        self.durable.insert(name.clone(), *file);
                    }
                }
            }
            // What was written stays visible; that it reaches the device is never made up for by a later sync.
            Event::SyncFailed { file } => self.files.get_mut(file).unwrap().changes.clear(),
            Event::Delete { name, synced } => {
                self.names.remove(name);
                if *synced {
                    self.durable.clone_from(&self.names);
                }
            }
            Event::Rename { from, to } => {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), file);
            }
            Event::SyncFolder => self.durable.clone_from(&self.names),
            Event::Mark(mark) => self.mark = *mark,
        }
        self.at += 1;
    }

    /// The card after the death of the process: the kernel has every write.
    pub(crate) fn killed(&self) -> Image {
        Image(self.names.iter().map(|(name, file)| (name.clone(), self.files[file].seen.clone())).collect())
    }

    /// The card after a power cut.
    pub(crate) fn cut(&self, cut: Cut, random: &mut Random) -> Image {
        let mut names = self.durable.clone();
        for (name, file) in &self.names {
            // New, or in the place of another: the folder itself was not synced.
            if names.get(name) != Some(file) && random.percent(cut.kept) {
                names.insert(name.clone(), *file);
            }
        }
        names.retain(|name, _| self.names.contains_key(name) || !random.percent(cut.kept));
        let left = |(name, file): (PathBuf, FileId)| (name, self.files[&file].left(cut, random));
        Image(names.into_iter().map(left).collect())
    }
}

#[test]
fn what_was_synced_is_left_and_the_rest_may_be_torn() {
    let name = PathBuf::from("/card/file");
    let sector = |byte: u8| vec![byte; 1_024];
    let log = [
        Event::Create { file: 0, name, bytes: Vec::new(), durable: false },
        Event::Write { file: 0, offset: 0, bytes: sector(1) },
        Event::Sync { file: 0 },
        Event::Write { file: 0, offset: 0, bytes: sector(2) },
        Event::Write { file: 0, offset: 1_024, bytes: sector(3) },
    ];
    let mut replay = Replay::new(&log);
    let mut random = Random(1);
    replay.until(1);
    assert_eq!(replay.cut(Cut { sector: 512, kept: 0 }, &mut random).0, [], "nobody synced it");
    replay.until(log.len());
    assert_eq!(replay.killed().0[0].1, [sector(2), sector(3)].concat());
    assert_eq!(replay.cut(Cut { sector: 512, kept: 0 }, &mut random).0[0].1, sector(1));
    assert_eq!(replay.cut(Cut { sector: 512, kept: 100 }, &mut random).0, replay.killed().0);
    let mut torn = [0; 4];
    for _ in 0..400 {
        let left = replay.cut(Cut { sector: 512, kept: 50 }, &mut random).0.remove(0).1;
        assert!(left.len() == 1_024 || left.len() == 2_048, "{}", left.len());
        torn[usize::from(left[0] - 1) + 2 * usize::from(left[512] - 1)] += 1;
    }
    assert!(torn.iter().all(|times| *times > 20), "{torn:?}");
}
