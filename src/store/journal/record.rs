//! The records of the journal: how they are written, and how far they can be trusted.

use std::sync::Arc;

use crate::store::codec::range::{Decoder, Encoder};
use crate::store::codec::{self, Refused, Row, RowCodec};
use crate::store::crc::crc32;

/// What the first record's CRC runs on from.
const CHAIN: u32 = u32::from_be_bytes(*b"DSMR");
/// The start, with the version and the number of the first row.
pub(super) const START: u8 = 0;
/// A meter's name.
pub(super) const METER: u8 = 1;
/// A row of the first meter; the next meters' follow.
pub(super) const FIRST_ROW: u8 = 2;
/// Nothing, up to the end of a block.
const FILL: u8 = 255;
/// The blocks that file systems write; those of others fit into it.
pub(super) const BLOCK: u64 = 4_096;
/// Meters between two cuts.
pub(super) const MAX_METERS: usize = 200;

/// What the records so far have told.
#[derive(Debug)]
pub(super) struct State {
    /// The CRC of the last record.
    pub(super) chain: u32,
    /// The number of the next row.
    pub(super) next: u64,
    /// Whether there is a first record.
    pub(super) started: bool,
    /// Whether the last record ends a block: what stands behind it may be of before a cut.
    pub(super) filled: bool,
    /// Every meter named so far, with what its rows have taught.
    pub(super) meters: Vec<(Arc<str>, RowCodec)>,
}

impl Default for State {
    fn default() -> Self {
        Self::new(0)
    }
}

impl State {
    /// That of an empty journal.
    pub(super) fn new(next: u64) -> Self {
        Self { chain: CHAIN, next, started: false, filled: false, meters: Vec::new() }
    }

    /// Writes a row behind the others, and before it what it takes to read it. Refused it leaves whole records.
    pub(super) fn push(&mut self, tail: &mut Vec<u8>, meter: &Arc<str>, row: &Row) -> Result<(), Refused> {
        if !self.started {
            self.started = true;
            let mut content = vec![START, codec::VERSION];
            content.extend_from_slice(&self.next.to_le_bytes());
            push_record(tail, &mut self.chain, &content);
        }
        let known = self.meters.iter().position(|(name, _)| name == meter);
        let place = match known {
            Some(place) => place,
            None if self.meters.len() >= MAX_METERS => return Err(Refused),
            None => {
                let mut content = vec![METER];
                content.extend_from_slice(meter.as_bytes());
                push_record(tail, &mut self.chain, &content);
                self.meters.push((Arc::clone(meter), RowCodec::default()));
                self.meters.len() - 1
            }
        };
        let mut encoder = Encoder::default();
        self.meters[place].1.encode(&mut encoder, row)?;
        let mut content = vec![FIRST_ROW + place as u8];
        content.extend_from_slice(&encoder.finish());
        push_record(tail, &mut self.chain, &content);
        self.next += 1;
        self.filled = false;
        Ok(())
    }
}

/// Reads records one by one up to the first that is not whole.
#[derive(Debug)]
pub(in crate::store) struct Scanner<'b> {
    bytes: &'b [u8],
    /// Behind the last whole record.
    pub(super) position: usize,
    pub(super) state: State,
    /// Bytes of the record that was torn.
    pub(super) torn: usize,
}

impl<'b> Scanner<'b> {
    /// From the beginning of the file.
    pub(in crate::store) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, position: 0, state: State::new(0), torn: 0 }
    }

    /// Bytes of the record that was torn.
    pub(in crate::store) fn torn(&self) -> usize {
        self.torn
    }

    /// Whether there is something and none of it makes sense.
    pub(in crate::store) fn is_unreadable(&self) -> bool {
        self.position == 0 && self.bytes.iter().any(|byte| *byte != 0)
    }

    /// The content of the next record; what does not check is torn.
    fn record(&mut self) -> Option<&'b [u8]> {
        let rest = self.bytes.get(self.position..)?;
        let (length, prefix) = read_length(rest)?;
        if length == 0 {
            return None;
        }
        let all = prefix + 4 + length;
        self.torn = all.min(rest.len());
        let record = rest.get(..all)?;
        let crc = u32::from_le_bytes(record[prefix..prefix + 4].try_into().ok()?);
        let content = &record[prefix + 4..];
        let chain = crc32(crc32(self.state.chain, &record[..prefix]), content);
        if chain != crc {
            return None;
        }
        self.state.chain = chain;
        Some(content)
    }

    /// The number of the row behind the last whole record, 0 of an empty journal; no row is unpacked for it.
    pub(super) fn end(mut self) -> u64 {
        loop {
            let before = self.state.chain;
            let Some(content) = self.record() else { break };
            let row = content.first().and_then(|kind| kind.checked_sub(FIRST_ROW));
            match row {
                Some(meter) if usize::from(meter) < self.state.meters.len() => self.state.next += 1,
                _ if Scanner::take(&mut self, content).is_none() => {
                    self.state.chain = before;
                    break;
                }
                _ => {}
            }
            self.position += self.torn;
            self.torn = 0;
        }
        if self.state.started { self.state.next } else { 0 }
    }

    fn take(&mut self, content: &[u8]) -> Option<Option<(u64, Arc<str>, Row)>> {
        let (kind, rest) = content.split_first()?;
        self.state.filled = *kind == FILL;
        match *kind {
            START if !self.state.started => {
                let (version, next) = rest.split_first()?;
                if *version != codec::VERSION {
                    return None;
                }
                self.state.next = u64::from_le_bytes(next.try_into().ok()?);
                self.state.started = true;
                Some(None)
            }
            METER if self.state.started && self.state.meters.len() < MAX_METERS => {
                let name = std::str::from_utf8(rest).ok()?;
                self.state.meters.push((name.into(), RowCodec::default()));
                Some(None)
            }
            FILL if self.state.started => Some(None),
            place if place >= FIRST_ROW => {
                let (name, codec) = self.state.meters.get_mut(usize::from(place - FIRST_ROW))?;
                let row = codec.decode(&mut Decoder::new(rest)).ok()?;
                let sequence = self.state.next;
                self.state.next += 1;
                Some(Some((sequence, Arc::clone(name), row)))
            }
            _ => None,
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = (u64, Arc<str>, Row);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let before = self.state.chain;
            let Some(content) = self.record() else {
                if self.state.filled {
                    self.torn = 0;
                }
                return None;
            };
            let Some(taken) = self.take(content) else {
                self.state.chain = before;
                self.state.filled = false;
                return None;
            };
            self.position += self.torn;
            self.torn = 0;
            if taken.is_some() {
                return taken;
            }
        }
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0usize;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((length, place + 1));
        }
    }
    None
}

/// Writes a record behind the others.
pub(super) fn push_record(tail: &mut Vec<u8>, chain: &mut u32, content: &[u8]) {
    let start = tail.len();
    let mut length = content.len();
    while length >= 0x80 {
        tail.push(length as u8 | 0x80);
        length >>= 7;
    }
    tail.push(length as u8);
    *chain = crc32(crc32(*chain, &tail[start..]), content);
    tail.extend_from_slice(&chain.to_le_bytes());
    tail.extend_from_slice(content);
}

/// Fills `room` bytes behind the others. False when it is too little for a record.
pub(super) fn push_fill(tail: &mut Vec<u8>, chain: &mut u32, room: usize) -> bool {
    let Some(length @ 1..=0x3fff) = room.checked_sub(6) else { return false };
    // Always in two bytes: there is no room between the longest of one and the shortest of two.
    let prefix = [length as u8 | 0x80, (length >> 7) as u8];
    let mut content = vec![0; length];
    content[0] = FILL;
    *chain = crc32(crc32(*chain, &prefix), &content);
    tail.extend_from_slice(&prefix);
    tail.extend_from_slice(&chain.to_le_bytes());
    tail.extend_from_slice(&content);
    true
}
