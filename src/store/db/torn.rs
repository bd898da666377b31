//! A write-ahead log that is damaged in its midst. SQLite takes the first frame that does not verify for the end of the
//! log, without a word: whatever was committed behind it would be gone, and the log overwritten. So it is looked at
//! before, told and kept.
//!
//! The format is that of SQLite's file format description, sections 4.1 and 4.2.

use std::io;
use std::path::Path;

use super::{beside, stamp};
use crate::meter::UnixMillis;

const HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// A log that is longer than this is not looked at: a start must not wait for it. SQLite moves it into the database at
/// some four megabytes.
const MOST: u64 = 64 << 20;

/// Copies a log that is damaged in its midst, and tells of it; what it has up to there is taken as ever.
pub(super) fn tell(path: &Path, now: UnixMillis) {
    let log = beside(path, "-wal");
    let copy = beside(path, &format!(".damaged-{}-wal", stamp(now)));
    let commits = match read(&log).map(|bytes| commits_behind_damage(&bytes)) {
        Ok(0) => return,
        Ok(commits) => commits,
        // What cannot be read is told by SQLite.
        Err(_) => return,
    };
    if let Err(error) = std::fs::copy(&log, &copy) {
        tracing::warn!(error = %error, copy = %copy.display(), "could not copy the damaged write-ahead log");
    }
    tracing::error!(
        log = %log.display(),
        copy = %copy.display(),
        commits,
        "the write-ahead log is damaged: what was committed behind that place is not in the database; what the journal \
         still has is put in again, a backup may have the rest"
    );
}

fn read(log: &Path) -> io::Result<Vec<u8>> {
    if log.metadata()?.len() > MOST {
        return Ok(Vec::new());
    }
    std::fs::read(log)
}

/// How many commits lie at or behind the first frame that does not verify.
fn commits_behind_damage(log: &[u8]) -> usize {
    let Some(head) = log.get(..HEAD) else { return 0 };
    let big = match word(head, 0, true) {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return 0,
    };
    let page = word(head, 8, true) as usize;
    if !(512..=65_536).contains(&page) || !page.is_power_of_two() {
        return 0;
    }
    let mut sum = sum((0, 0), &head[..24], big);
    let mut is_sound = sum == (word(head, 24, true), word(head, 28, true));
    let mut commits = 0;
    for frame in log[HEAD..].chunks_exact(FRAME_HEAD + page) {
        // Behind this lie frames of an earlier round.
        if frame[8..16] != head[16..24] {
            // One wrong salt amid frames of this round is damage as well: whether more of them come, the rest tells.
            is_sound = false;
            continue;
        }
        if is_sound {
            sum = self::sum(self::sum(sum, &frame[..8], big), &frame[FRAME_HEAD..], big);
            is_sound = sum == (word(frame, 16, true), word(frame, 20, true));
        }
        commits += usize::from(!is_sound && word(frame, 4, true) > 0);
    }
    commits
}

/// The checksum of a log, continued over an even number of words.
fn sum(from: (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    bytes.chunks_exact(8).fold(from, |(first, second), pair| {
        let first = first.wrapping_add(word(pair, 0, big)).wrapping_add(second);
        (first, second.wrapping_add(word(pair, 4, big)).wrapping_add(first))
    })
}

fn word(bytes: &[u8], at: usize, big: bool) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).unwrap_or_default();
    if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A log with three commits of a page or two each.
    fn log() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        let connection = Connection::open(&path).expect("a database");
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE a (b);").expect("a table");
        connection.execute_batch("INSERT INTO a VALUES (1)").expect("a row");
        connection.execute_batch("INSERT INTO a VALUES (2)").expect("a row");
        let bytes = std::fs::read(beside(&path, "-wal")).expect("a log");
        (folder, path, bytes)
    }

    #[test]
    fn a_whole_log_and_one_that_is_cut_off_are_no_damage() {
        let (_folder, _, bytes) = log();
        for length in 0..=bytes.len() {
            assert_eq!(commits_behind_damage(&bytes[..length]), 0, "{length}");
        }
    }

    #[test]
    fn a_wrong_bit_is_told_wherever_it_is_in_a_frame() {
        let (_folder, _, mut bytes) = log();
        for at in (HEAD..bytes.len()).step_by(7) {
            bytes[at] ^= 16;
            let last = bytes.len() - (FRAME_HEAD + 4096);
            // The salt of the last frame is what tells that it is of this round.
            let untold = (last + 8..last + 16).contains(&at);
            assert_eq!(commits_behind_damage(&bytes) > 0, !untold, "{at}");
            bytes[at] ^= 16;
        }
    }

    #[test]
    fn a_damaged_log_is_kept() {
        let (_folder, path, mut bytes) = log();
        bytes[HEAD + FRAME_HEAD + 100] ^= 1;
        std::fs::write(beside(&path, "-wal"), &bytes).expect("a log");
        tell(&path, 0);
        let copy = beside(&path, &format!(".damaged-{}-wal", stamp(0)));
        assert_eq!(std::fs::read(copy).expect("a copy"), bytes);
    }
}
