//! A folder of which a power cut leaves what was synced, and of the rest some.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::super::disk::image::{self, Content, Cut, Image, Random};
use super::trace::Change;

type FileId = usize;

/// What happened to the names since they were synced. A file system with a journal keeps a beginning of it, in its order.
#[derive(Clone, Debug)]
enum Naming {
    Create(PathBuf, FileId),
    Rename(PathBuf, PathBuf),
    Delete(PathBuf),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                let file = names.remove(from).expect("what gets another name is there");
                names.insert(to.clone(), file);
            }
            Self::Delete(name) => {
                names.remove(name);
            }
        }
    }
}

/// The files of a folder.
pub(super) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder.canonicalize().unwrap();
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Goes through a log once, and tells what would be left.
#[derive(Debug)]
pub(super) struct Replay {
    at: usize,
    files: Vec<Content>,
    /// Names as the program sees them.
    names: BTreeMap<PathBuf, FileId>,
    /// Names as the device surely has them.
    durable: BTreeMap<PathBuf, FileId>,
    pending: Vec<Naming>,
}

impl Replay {
    /// Of a folder as it was before.
    pub(super) fn new(start: Vec<(PathBuf, Vec<u8>)>) -> Self {
        let (mut files, mut names) = (Vec::new(), BTreeMap::new());
        for (name, bytes) in start {
            names.insert(name, files.len());
            files.push(Content::durable(bytes));
        }
        Self { at: 0, files, durable: names.clone(), names, pending: Vec::new() }
    }

    /// Goes on to the moment before the change of this number.
    pub(super) fn until(&mut self, log: &[Change], end: usize) {
        while self.at < end {
            self.step(&log[self.at]);
            self.at += 1;
        }
    }

    fn content(&mut self, name: &Path) -> &mut Content {
        &mut self.files[self.names[name]]
    }

    fn naming(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending.push(naming);
    }

    fn step(&mut self, change: &Change) {
        match change {
            Change::Create { name } => {
                self.files.push(Content::default());
                self.naming(Naming::Create(name.clone(), self.files.len() - 1));
            }
            Change::Write { name, offset, bytes } => {
                let change = image::Change::Write { offset: *offset, bytes: bytes.clone() };
                self.content(name).change(change);
            }
            Change::SetLen { name, length } => self.content(name).change(image::Change::SetLen(*length)),
            Change::Sync { name } => self.content(name).sync(),
            Change::Rename { from, to } => self.naming(Naming::Rename(from.clone(), to.clone())),
            Change::Delete { name } => self.naming(Naming::Delete(name.clone())),
            Change::SyncFolder => {
                self.durable.clone_from(&self.names);
                self.pending.clear();
            }
        }
    }

    /// The folder after a power cut. That a file was synced tells nothing about its name, which is more than ext4 may take.
    pub(super) fn cut(&self, cut: Cut, random: &mut Random) -> Image {
        let mut names = self.durable.clone();
        let kept = match cut.kept {
            0 => 0,
            100 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        self.pending[..kept].iter().for_each(|naming| naming.apply(&mut names));
        Image::of(names.into_iter().map(|(name, file)| (name, self.files[file].left(cut, random))).collect())
    }
}
