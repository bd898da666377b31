//! A database file as pages, the newest committed version of each, from the file and its write-ahead log.
//!
//! Nothing is written and SQLite is not asked: it would write the log into a file that is kept as it was found, and
//! refuses a file whose header does not please it. A frame of the log counts when its own checksum holds, which runs on
//! from what the frame before says of itself: one damaged frame does not cost those behind it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::db::beside;

/// Bytes of a page: that of every record.
pub(super) const PAGE: usize = 4_096;
const WAL_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// Pages of 16 GiB, far beyond every record: a number above is damage.
const MAX_PAGES: u64 = 1 << 22;

/// Bytes that can be read anywhere.
pub(super) trait Bytes: Debug + Send {
    /// Reads into `buffer` from `offset` on; tells how many bytes there were.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Bytes for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl Bytes for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The pages of a database.
#[derive(Debug)]
pub(super) struct Pages {
    file: Box<dyn Bytes>,
    log: Option<Box<dyn Bytes>>,
    /// Where the log has the newest version of a page.
    frames: HashMap<u32, u64>,
    count: u32,
    bytes: u64,
}

impl Pages {
    /// Those of a file and the log beside it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let log = match File::open(beside(path, "-wal")) {
            Ok(log) => {
                let bytes = log.metadata()?.len();
                Some((Box::new(log) as Box<dyn Bytes>, bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self::of(Box::new(file), bytes, log))
    }

    /// Those of a database and its log, each with its length.
    pub(super) fn of(file: Box<dyn Bytes>, bytes: u64, log: Option<(Box<dyn Bytes>, u64)>) -> Self {
        let frames = log.as_ref().map(|(log, bytes)| frames(log.as_ref(), *bytes)).unwrap_or_default();
        let last = frames.keys().copied().max().unwrap_or(0);
        let count = bytes.div_ceil(PAGE as u64).min(MAX_PAGES) as u32;
        let log_bytes = log.as_ref().map_or(0, |(_, bytes)| *bytes);
        Self { file, log: log.map(|(log, _)| log), frames, count: count.max(last), bytes: bytes + log_bytes }
    }

    /// How many there are; they count from 1.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of file and log.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A page; what lies behind the end of the file is zero. None where the card does not give it.
    pub(super) fn get(&self, number: u32) -> Option<Vec<u8>> {
        if number == 0 || number > self.count {
            return None;
        }
        let mut page = vec![0; PAGE];
        if let (Some(log), Some(at)) = (&self.log, self.frames.get(&number)) {
            if log.read_at(&mut page, *at).is_ok_and(|count| count == PAGE) {
                return Some(page);
            }
            page.fill(0);
        }
        self.file.read_at(&mut page, u64::from(number - 1) * PAGE as u64).is_ok().then_some(page)
    }
}

/// The places of the newest committed frames of a log.
fn frames(log: &dyn Bytes, bytes: u64) -> HashMap<u32, u64> {
    let mut head = [0u8; WAL_HEAD];
    if log.read_at(&mut head, 0).ok() != Some(WAL_HEAD) {
        return HashMap::new();
    }
    let big = match word(&head, 0) {
        0x377f_0682 => false,
        0x377f_0683 => true,
        // A damaged mark: on the machines there are it is this one.
        _ => false,
    };
    let mut salt: [u8; 8] = [0; 8];
    salt.copy_from_slice(&head[16..24]);
    let mut before = (word(&head, 24), word(&head, 28));
    let (mut found, mut committed) = (HashMap::new(), HashMap::new());
    let mut frame = vec![0u8; FRAME_HEAD + PAGE];
    let mut at = WAL_HEAD as u64;
    while at + frame.len() as u64 <= bytes {
        if log.read_at(&mut frame, at).ok() != Some(frame.len()) {
            frame.fill(0);
        }
        let told = (word(&frame, 16), word(&frame, 20));
        let sum = checksum(checksum(before, &frame[..8], big), &frame[FRAME_HEAD..], big);
        let (page, commit) = (word(&frame, 0), word(&frame, 4));
        if frame[8..16] == salt && sum == told && page > 0 && u64::from(page) <= MAX_PAGES {
            found.insert(page, at + FRAME_HEAD as u64);
            if commit > 0 {
                committed.extend(found.drain());
            }
        }
        before = told;
        at += frame.len() as u64;
    }
    committed
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// The checksum of the log, as its format tells: two sums that take turns over words.
fn checksum((mut one, mut two): (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let [a0, a1, a2, a3, b0, b1, b2, b3] = *pair else { continue };
        let of = |bytes| if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        one = one.wrapping_add(of([a0, a1, a2, a3])).wrapping_add(two);
        two = two.wrapping_add(of([b0, b1, b2, b3])).wrapping_add(one);
    }
    (one, two)
}
