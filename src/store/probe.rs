//! Doors into the codec for those who measure it and for the fuzz target; nothing else needs them.

use super::block::{self, BlockWriter};
use super::codec::Row;
use super::columns::Columns;
use super::packed;
use super::summary::{ColumnSummary, Summary};
use crate::meter::Reading;

/// A block of codec 1, as a finished hour leaves the journal. None when it is too much for one.
pub fn write(readings: &[Reading]) -> Option<Vec<u8>> {
    let mut writer = BlockWriter::default();
    for reading in readings {
        writer.push(&Row::of(reading)).ok()?;
    }
    Some(writer.finish())
}

/// The block of codec 2 that becomes of one of codec 1, and its summary.
pub fn repack(block: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let packed = packed::repack(&[(1, block)])?;
    let columns = block::columns(packed::VERSION, packed.clone(), &|_| true).ok()?;
    Some((packed, Summary::of(&columns).pack()))
}

/// A block of codec 2 and its summary as they would be so many seconds later, with what `offset` tells added to the numbers
/// of each key. None of one whose rows follow from each other in a way that does not move.
pub fn moved(
    block: &[u8],
    summary: &[u8],
    by: i64,
    offset: &dyn Fn(&str) -> i64,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut summary = Summary::unpack(summary).ok()?;
    for column in &mut summary.columns {
        let (stats, more) = (&mut column.stats, i128::from(offset(&column.key)));
        for (time, value) in [&mut stats.first, &mut stats.last] {
            (*time, *value) = (*time + by, *value + more);
        }
        stats.min += more;
        stats.max += more;
        stats.sum += more * i128::from(stats.count);
    }
    Some((packed::moved(block, by, offset).ok()?, summary.pack()))
}

/// The key, and the first and last number without their points, of each column of numbers in a summary.
pub fn ends(summary: &[u8]) -> Option<Vec<(String, [i128; 2])>> {
    let summary = Summary::unpack(summary).ok()?;
    let ends = |column: &ColumnSummary| (column.key.to_string(), [column.stats.first.1, column.stats.last.1]);
    Some(summary.columns.iter().map(ends).collect())
}

/// Decodes the columns that are wanted of a block of codec 2; tells how many numbers they have.
pub fn columns(block: Vec<u8>, wanted: &dyn Fn(&str) -> bool) -> Option<usize> {
    let columns = block::columns(packed::VERSION, block, wanted).ok()?;
    Some(columns.numbers.iter().map(|column| column.values.len()).sum())
}

/// The readings of a block of codec 2.
pub fn readings(block: Vec<u8>) -> Option<Vec<Reading>> {
    let rows = block::rows(packed::VERSION, block).ok()?;
    rows.map(|row| row.map(Row::into_reading).ok()).collect()
}

/// The bytes of each part of a block of codec 2 by name.
pub fn parts(block: &[u8]) -> Option<Vec<(String, usize)>> {
    packed::parts(block).ok()
}

/// Reads any bytes as a block of either codec and as a summary. Where both rows and columns come out, they agree.
///
/// # Panics
///
/// When they do not, or when what came out does not go in again.
pub fn read_any(bytes: &[u8]) {
    if let Ok(summary) = Summary::unpack(bytes) {
        assert_eq!(Summary::unpack(&summary.pack()), Ok(summary));
    }
    let rows = block::rows(1, bytes.to_vec()).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    if let Ok(rows) = rows {
        let mut writer = BlockWriter::default();
        // One that was read is none too many, and none too wide.
        if rows.iter().all(|row| writer.push(row).is_ok()) {
            let again = block::rows(1, writer.finish()).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            assert_eq!(again, Ok(rows));
        }
    }
    let columns = block::columns(packed::VERSION, bytes.to_vec(), &|_| true);
    let Ok(rows) = block::rows(packed::VERSION, bytes.to_vec()) else { return };
    let Ok(rows) = rows.collect::<Result<Vec<_>, _>>() else { return };
    if let Ok(columns) = columns {
        assert_eq!(columns, Columns::of(&rows, &|_| true));
    }
    if let Ok(packed) = packed::pack(&rows) {
        let again = block::rows(packed::VERSION, packed).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        assert_eq!(again, Ok(rows));
    }
}

/// Bytes with the head that a block of so many rows has in front of them, so that a fuzzer gets past the checksum.
pub fn sealed(rows: u32, body: &[u8]) -> Vec<u8> {
    packed::sealed(rows, body)
}
