//! Writes telegrams, as a meter would: for the simulated meter, fixtures and tests.

use std::fmt;
use std::io::Write as _;

use super::Obis;
use super::crc::crc16;

/// Writes one telegram. What it writes, the framer finds and the grammar reads back as it was given.
///
/// ```
/// use dsmrd::p1::{Obis, write::TelegramWriter};
///
/// let mut writer = TelegramWriter::new(b"ISK5\\2M550T-1012");
/// writer.object(Obis::new(1, 0, 1, 7, 0), &[b"00.193*kW"]).expect("plain text");
/// assert!(writer.finish().starts_with(b"/ISK5\\2M550T-1012\r\n\r\n1-0:1.7.0(00.193*kW)\r\n!"));
/// ```
#[derive(Clone, Debug)]
pub struct TelegramWriter {
    bytes: Vec<u8>,
}

/// Text that cannot stand between brackets, because it holds one or a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAGroup;

impl fmt::Display for NotAGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bracket or a line end cannot stand between brackets")
    }
}

impl std::error::Error for NotAGroup {}

impl TelegramWriter {
    /// A telegram with this identification (what follows the `/`, without line ends) and a blank line.
    pub fn new(ident: &[u8]) -> Self {
        let mut writer = Self { bytes: Vec::with_capacity(1_024) };
        writer.bytes.push(b'/');
        writer.bytes.extend(ident.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
        writer.bytes.extend_from_slice(b"\r\n\r\n");
        writer
    }

    /// Adds an object. An object without groups gets one empty pair of brackets.
    pub fn object(&mut self, obis: Obis, groups: &[&[u8]]) -> Result<&mut Self, NotAGroup> {
        if groups.iter().copied().flatten().any(|byte| matches!(byte, b'(' | b')' | b'\r' | b'\n')) {
            return Err(NotAGroup);
        }
        // Writing to memory does not fail.
        let _ = write!(self.bytes, "{obis}");
        let empty: &[&[u8]] = &[b""];
        for group in if groups.is_empty() { empty } else { groups } {
            self.bytes.push(b'(');
            self.bytes.extend_from_slice(group);
            self.bytes.push(b')');
        }
        self.bytes.extend_from_slice(b"\r\n");
        Ok(self)
    }

    /// Adds a line as it is, with a line end: continuation lines of DSMR 2, and lines no grammar covers.
    pub fn line(&mut self, line: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(line);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// The telegram with its end mark and CRC.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'!');
        let crc = crc16(&self.bytes);
        let _ = write!(self.bytes, "{crc:04X}\r\n");
        self.bytes
    }

    /// The telegram with its end mark alone, as DSMR 2 and 3 have it.
    pub fn finish_without_crc(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"!\r\n");
        self.bytes
    }
}
