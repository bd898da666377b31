//! A file as a stream of lines: plain or gzip, told by its first bytes and not by its name, with what tells it from
//! others and how much of it is read.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::Crc;
use flate2::read::MultiGzDecoder;

/// A longer line is no line of a dump: it is passed over and counted.
pub const MAX_LINE: usize = 16 * 1024 * 1024;
/// Bytes at each end of a file that its fingerprint is of.
const FINGERPRINT: u64 = 64 * 1024;

/// What files begin with that other programs packed, and the commands that unpack them to standard output.
const PACKED: [(&[u8], &str); 5] = [
    (b"BZh", "bzip2 -dc"),
    (b"\xfd7zXZ\0", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd -dc"),
    (b"\x04\x22\x4d\x18", "lz4 -dc"),
    (b"7z\xbc\xaf\x27\x1c", "7z e -so"),
];

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or at least nothing else.
    Text,
    /// PostgreSQL's custom format, which only its own tools read.
    PostgresCustom,
    /// An SQLite database.
    Sqlite,
    /// A ZIP archive.
    Zip,
    /// A tar archive.
    Tar,
    /// Text in UTF-16, as PowerShell writes what it is told to put into a file.
    Utf16,
    /// Packed by another program than gzip; the command that unpacks it.
    Packed(&'static str),
    /// Nothing at all.
    Empty,
}

/// A file that is being read.
pub struct Input {
    reader: Box<dyn BufRead>,
    /// Bytes of the file that were read, packed as they are.
    packed: Rc<Cell<u64>>,
    length: u64,
    position: u64,
    line: u64,
    failed: Option<io::Error>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is there, without its end.
    Whole,
    /// There is something after the last line end, or the file broke off in it.
    Cut,
    /// It was longer than [`MAX_LINE`].
    TooLong,
    /// There is no more.
    End,
}

struct Counting {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

impl Input {
    /// Opens a file and tells what it begins with, unpacked where it is gzip.
    ///
    /// # Errors
    /// It cannot be opened or read, or is a folder.
    pub fn open(path: &Path) -> io::Result<(Self, Kind)> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let mut magic = [0; 2];
        let found = read_up_to(&mut file, &mut magic)?;
        let is_gzip = magic[..found] == [0x1f, 0x8b];
        file.seek(SeekFrom::Start(0))?;
        let packed = Rc::new(Cell::new(0));
        let counting = Counting { file, read: Rc::clone(&packed) };
        let mut reader: Box<dyn BufRead> = if is_gzip {
            Box::new(BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(BufReader::new(counting))))
        } else {
            Box::new(BufReader::with_capacity(256 * 1024, counting))
        };
        // One that cannot be unpacked from the start tells so with its first line.
        let kind = reader.fill_buf().map_or(Kind::Text, kind);
        let input = Self { reader, packed, length: metadata.len(), position: 0, line: 0, failed: None };
        Ok((input, kind))
    }

    /// The bytes of a file, unpacked where it is gzip.
    ///
    /// # Errors
    /// It cannot be opened or read.
    pub fn bytes(path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
        let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        Ok(if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
    }

    /// A stream that is no file.
    pub fn of(reader: impl BufRead + 'static) -> Self {
        Self {
            reader: Box::new(reader),
            packed: Rc::default(),
            length: 0,
            position: 0,
            line: 0,
            failed: None,
        }
    }

    /// Reads the next line to the end of `line`; an error ends the file, and [`Input::failed`] tells it.
    pub fn line(&mut self, line: &mut Vec<u8>) -> Line {
        let (start, mut too_long) = (line.len(), false);
        self.line += 1;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.failed = Some(error);
                    &[]
                }
            };
            if available.is_empty() {
                let nothing = line.len() == start && !too_long;
                return if nothing { Line::End } else { Line::Cut };
            }
            let (taken, ended) = match memchr::memchr(b'\n', available) {
                Some(end) => (end, true),
                None => (available.len(), false),
            };
            if line.len() + taken > start + MAX_LINE {
                too_long = true;
                line.truncate(start);
            }
            if !too_long {
                line.extend_from_slice(&available[..taken]);
            }
            let consumed = taken + usize::from(ended);
            self.position += consumed as u64;
            self.reader.consume(consumed);
            if ended {
                if line.len() > start && line.ends_with(b"\r") {
                    line.pop();
                }
                return if too_long { Line::TooLong } else { Line::Whole };
            }
        }
    }

    /// Bytes of the unpacked file up to the end of the last line.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The number of the last line, from 1.
    pub fn line_number(&self) -> u64 {
        self.line
    }

    /// Bytes of the file that were read, packed as they are, of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.packed.get(), self.length)
    }

    /// Why the file ended before its end.
    pub fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// The rest as bytes, for readers that know nothing of lines.
    pub fn into_reader(self) -> Box<dyn BufRead> {
        self.reader
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("position", &self.position).finish_non_exhaustive()
    }
}

fn kind(bytes: &[u8]) -> Kind {
    if bytes.starts_with(b"PGDMP") {
        Kind::PostgresCustom
    } else if bytes.starts_with(b"SQLite format 3\0") {
        Kind::Sqlite
    } else if bytes.starts_with(b"PK\x03\x04") {
        Kind::Zip
    } else if bytes.get(257..262) == Some(b"ustar") {
        Kind::Tar
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        Kind::Utf16
    } else if let Some((_, unpack)) = PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Kind::Packed(unpack)
    } else if bytes.is_empty() {
        Kind::Empty
    } else {
        Kind::Text
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < buffer.len() {
        match file.read(&mut buffer[found..])? {
            0 => break,
            count => found += count,
        }
    }
    Ok(found)
}

/// What tells a file from others: its size and checksums of its beginning and end.
///
/// # Errors
/// It cannot be read.
pub fn fingerprint(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut sums = Vec::new();
    for start in [0, length.saturating_sub(FINGERPRINT)] {
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(FINGERPRINT).read_to_end(&mut bytes)?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        sums.push(crc.sum());
    }
    Ok(format!("{length}-{:08x}-{:08x}", sums[0], sums[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_and_the_last_one_is_told_cut() {
        let mut input = Input::of(&b"one\ntwo\r\n\nthr"[..]);
        let mut next = || {
            let mut line = Vec::new();
            let what = input.line(&mut line);
            (what, String::from_utf8(line).expect("text"), input.position())
        };
        assert_eq!(next(), (Line::Whole, "one".to_owned(), 4));
        assert_eq!(next(), (Line::Whole, "two".to_owned(), 9));
        assert_eq!(next(), (Line::Whole, String::new(), 10));
        assert_eq!(next(), (Line::Cut, "thr".to_owned(), 13));
        assert_eq!(next().0, Line::End);
    }

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes() {
        assert_eq!(kind(b"PGDMP\x01\x0e"), Kind::PostgresCustom);
        assert_eq!(kind(b"SQLite format 3\0"), Kind::Sqlite);
        assert_eq!(kind(b"--\n-- PostgreSQL"), Kind::Text);
        assert_eq!(kind(b""), Kind::Empty);
        assert_eq!(kind(b"\xff\xfe-\0-\0"), Kind::Utf16);
        assert_eq!(kind(b"-- MySQL dump 10.13  Distrib 8.0.36\n"), Kind::Text);
        assert_eq!(kind(b"\x28\xb5\x2f\xfd\x04"), Kind::Packed("zstd -dc"));
        assert_eq!(kind(b"\xfd7zXZ\0\0"), Kind::Packed("xz -dc"));
    }
}
