//! Blocks as they lie in the database: column by column, so that one is read without the others. Codec 2.
//!
//! In reading order: [`table`], rows as columns; [`relation`], what columns say about each other; [`series`], the numbers
//! of one; [`rans`], how rare and common ones are told apart; [`numbers`], a column with what it follows from;
//! [`mod@format`], all of them; [`opened`] and [`view`], the way back; [`moved`](mod@moved), the same of
//! another day; [`summary`], what a block comes to; [`bits`],
//! [`bytes`] and [`names`], what all of them are written with.
//!
//! A block begins as one of codec 1: a CRC-32 of everything behind it and the number of rows, both of four bytes,
//! little endian. Then comes a byte that tells how the rows are packed: by columns, or, where they are of too many
//! shapes for that, one after the other as codec 1 does.

mod bits;
mod bytes;
mod format;
mod moved;
mod names;
mod numbers;
mod opened;
mod rans;
mod relation;
mod series;
mod summary;
mod table;
mod view;

#[cfg(test)]
mod tests;

use super::block::{BlockWriter, HEAD, MAX_ROWS, checked};
use super::codec::{Damaged, Refused, Row};
use super::columns::Columns;
use super::crc::crc32;
pub(super) use moved::moved;
use opened::Opened;
pub(super) use table::Rows;
use table::Table;

/// The version that blocks are marked with.
pub(super) const VERSION: u8 = 2;

/// Packed by columns.
const BY_COLUMN: u8 = 0;
/// Packed row by row: what follows are the rows of a block of codec 1.
const BY_ROW: u8 = 1;

/// Packs rows; refuses those that no block can take.
pub(super) fn pack(rows: &[Row]) -> Result<Vec<u8>, Refused> {
    let mut table = Table::expecting(rows.len());
    match rows.iter().try_for_each(|row| table.push(row)) {
        Ok(()) => Ok(by_column(&table)),
        Err(Refused) => by_row(&mut rows.iter().map(|row| Ok(row.clone()))).ok_or(Refused),
    }
}

/// Packs the rows of blocks together, the earlier before the later; none when one of them is damaged, or when they are
/// too much for one block.
pub(super) fn repack(blocks: &[(u8, &[u8])]) -> Option<Vec<u8>> {
    let counts = blocks.iter().map(|(_, data)| checked(data)).collect::<Result<Vec<_>, _>>().ok()?;
    let expected: u32 = counts.iter().sum();
    if expected > MAX_ROWS {
        return None;
    }
    // One block after the other, row by row: never all rows of an hour at a time.
    let rows = || {
        blocks.iter().flat_map(|(codec, data)| {
            let rows = super::block::rows(*codec, data.to_vec());
            let damaged = rows.is_err().then_some(Err(Damaged));
            rows.into_iter().flatten().chain(damaged)
        })
    };
    let mut table = Table::expecting(expected as usize);
    for row in rows() {
        if table.push(&row.ok()?).is_err() {
            return by_row(&mut rows());
        }
    }
    Some(by_column(&table))
}

fn by_column(table: &Table) -> Vec<u8> {
    let mut block = vec![0; HEAD];
    block.push(BY_COLUMN);
    format::write(&mut block, table);
    seal(block, table.received.len() as u32)
}

fn by_row(rows: &mut dyn Iterator<Item = Result<Row, Damaged>>) -> Option<Vec<u8>> {
    let mut writer = BlockWriter::default();
    for row in rows {
        writer.push(&row.ok()?).ok()?;
    }
    let count = writer.count();
    let mut block = writer.finish();
    block.insert(HEAD, BY_ROW);
    Some(seal(block, count))
}

fn seal(mut block: Vec<u8>, rows: u32) -> Vec<u8> {
    block[4..HEAD].copy_from_slice(&rows.to_le_bytes());
    let crc = crc32(0, &block[4..]).to_le_bytes();
    block[..4].copy_from_slice(&crc);
    block
}

/// How the rows of a block can be read.
pub(super) enum Unpacked {
    /// By columns.
    Columns(Rows),
    /// One after the other, by the rest of the block.
    Rows(Vec<u8>),
}

/// Unpacks the rows of a block, in the order in which they came.
pub(super) fn unpack(mut block: Vec<u8>) -> Result<Unpacked, Damaged> {
    let rows = checked(&block)?;
    match *block.get(HEAD).ok_or(Damaged)? {
        BY_COLUMN => {
            let table = Opened::new(&block[HEAD + 1..], rows as usize)?.table()?;
            Ok(Unpacked::Columns(Rows::new(table)))
        }
        BY_ROW => {
            block.drain(..=HEAD);
            Ok(Unpacked::Rows(block))
        }
        _ => Err(Damaged),
    }
}

/// The numbers of a block: of the columns whose keys are wanted. None when it is packed row by row.
pub(super) fn columns(block: &[u8], wanted: &dyn Fn(&str) -> bool) -> Result<Option<Columns>, Damaged> {
    let rows = checked(block)?;
    match *block.get(HEAD).ok_or(Damaged)? {
        BY_COLUMN => {
            let mut opened = Opened::new(&block[HEAD + 1..], rows as usize)?;
            view::columns(&mut opened, wanted).map(Some)
        }
        _ => Ok(None),
    }
}

/// The bytes of each part of a block by name; of one that is packed row by row there is nothing to tell.
pub(super) fn parts(block: &[u8]) -> Result<Vec<(String, usize)>, Damaged> {
    let rows = checked(block)?;
    match *block.get(HEAD).ok_or(Damaged)? {
        BY_COLUMN => {
            let opened = Opened::new(&block[HEAD + 1..], rows as usize)?;
            let mut parts = opened.parts();
            let told: usize = parts.iter().map(|(_, size)| size).sum();
            parts.push(("names, kinds, shapes".to_owned(), block.len() - told));
            Ok(parts)
        }
        _ => Ok(vec![("rows".to_owned(), block.len())]),
    }
}

/// A block of any body.
pub(super) fn sealed(rows: u32, body: &[u8]) -> Vec<u8> {
    seal([&[0; HEAD], body].concat(), rows)
}
