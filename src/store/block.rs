//! Packed readings of one meter in one hour, in order of time, guarded by a checksum.
//!
//! A block is its CRC-32 (four bytes, little endian) over everything behind it, the number of rows
//! (four bytes, little endian), and the rows as [`super::codec`] writes them.

use super::codec::range::{Decoder, Encoder};
use super::codec::{self, Damaged, Refused, Row, RowCodec};
use super::columns::Columns;
use super::crc::crc32;
use super::packed::{self, Unpacked};

/// Rows in one block at most.
pub(super) const MAX_ROWS: u32 = 20_000;
/// Bytes of the checksum and the number of rows.
pub(super) const HEAD: usize = 8;

/// A block that grows row by row, so that the end of the hour has little left to do.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    codec: RowCodec,
    encoder: Encoder,
    count: u32,
}

impl BlockWriter {
    /// Adds a row; refuses one that does not fit in.
    pub(super) fn push(&mut self, row: &Row) -> Result<(), Refused> {
        if self.count >= MAX_ROWS {
            return Err(Refused);
        }
        self.codec.encode(&mut self.encoder, row)?;
        self.count += 1;
        Ok(())
    }

    /// The number of its columns.
    pub(super) fn width(&self) -> usize {
        self.codec.keys().len()
    }

    /// The number of its rows.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The names of its columns; one that changed its kind comes twice.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.codec.keys()
    }

    /// Roughly the bytes it will have.
    pub(super) fn size(&self) -> usize {
        HEAD + self.encoder.len()
    }

    /// The finished block.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut block = vec![0; 4];
        block.extend_from_slice(&self.count.to_le_bytes());
        block.extend_from_slice(&self.encoder.finish());
        let crc = crc32(0, &block[4..]).to_le_bytes();
        block[..4].copy_from_slice(&crc);
        block
    }
}

/// The number of rows that a block says it has, when its checksum is right.
pub(super) fn checked(block: &[u8]) -> Result<u32, Damaged> {
    let head: [u8; HEAD] = block.get(..HEAD).and_then(|head| head.try_into().ok()).ok_or(Damaged)?;
    let [c0, c1, c2, c3, n0, n1, n2, n3] = head;
    let (crc, count) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([n0, n1, n2, n3]));
    if crc32(0, &block[4..]) == crc && count <= MAX_ROWS { Ok(count) } else { Err(Damaged) }
}

/// A codec, or how fine a block is, in a column of its row. What damage made of it is none that there is, and no block
/// but this one is worse for it.
pub(super) fn small(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u8> {
    row.get::<_, i64>(column).map(|number| u8::try_from(number).unwrap_or(u8::MAX))
}

/// The rows of a block of any codec, in the order in which they came.
pub(super) fn rows(codec: u8, data: Vec<u8>) -> Result<BlockReader, Damaged> {
    match codec {
        codec::VERSION => BlockReader::new(data),
        packed::VERSION => BlockReader::packed(data),
        _ => Err(Damaged),
    }
}

/// The numbers of a block of any codec: of the columns whose keys are wanted.
pub(super) fn columns(codec: u8, data: Vec<u8>, wanted: &dyn Fn(&str) -> bool) -> Result<Columns, Damaged> {
    if codec == packed::VERSION
        && let Some(columns) = packed::columns(&data, wanted)?
    {
        return Ok(columns);
    }
    let rows: Vec<Row> = rows(codec, data)?.collect::<Result<_, _>>()?;
    Ok(Columns::of(&rows, wanted))
}

/// Reads a block row by row.
#[derive(Debug)]
pub(super) struct BlockReader {
    rows: Rows,
    left: u32,
}

#[derive(Debug)]
enum Rows {
    Coded(Box<RowCodec>, Decoder<Vec<u8>>),
    Packed(packed::Rows),
}

impl BlockReader {
    /// Checks a block of codec 1 as a whole.
    pub(super) fn new(mut block: Vec<u8>) -> Result<Self, Damaged> {
        let left = checked(&block)?;
        block.drain(..HEAD);
        Ok(Self { rows: Rows::Coded(Box::default(), Decoder::new(block)), left })
    }

    /// Unpacks a block of codec 2.
    fn packed(block: Vec<u8>) -> Result<Self, Damaged> {
        let left = checked(&block)?;
        let rows = match packed::unpack(block)? {
            Unpacked::Columns(rows) => Rows::Packed(rows),
            Unpacked::Rows(rows) => Rows::Coded(Box::default(), Decoder::new(rows)),
        };
        Ok(Self { rows, left })
    }
}

impl Iterator for BlockReader {
    type Item = Result<Row, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Coded(codec, decoder) => codec.decode(decoder),
            Rows::Packed(rows) => rows.next().unwrap_or(Err(Damaged)),
        };
        self.left = if row.is_ok() { self.left - 1 } else { 0 };
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::codec::tests::rows;
    use super::*;

    fn packed(rows: &[Row]) -> Vec<u8> {
        let mut writer = BlockWriter::default();
        for row in rows {
            writer.push(row).expect("it fits");
        }
        writer.finish()
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(rows in rows()) {
            let back: Result<Vec<_>, _> = BlockReader::new(packed(&rows)).expect("it is whole").collect();
            prop_assert_eq!(back.expect("it is whole"), rows);
        }

        #[test]
        fn a_flipped_bit_is_noticed(rows in rows(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut block = packed(&rows);
            let place = place.index(block.len());
            block[place] ^= 1 << bit;
            prop_assert_eq!(BlockReader::new(block).err(), Some(Damaged));
        }

        #[test]
        fn forged_blocks_end_in_an_error(mut block in proptest::collection::vec(any::<u8>(), 8..200)) {
            // Far more rows are promised than the bytes can hold.
            block[4..8].copy_from_slice(&MAX_ROWS.to_le_bytes());
            let crc = crc32(0, &block[4..]).to_le_bytes();
            block[..4].copy_from_slice(&crc);
            let rows = BlockReader::new(block).expect("the checksum is right");
            prop_assert!(rows.take_while(Result::is_ok).count() <= MAX_ROWS as usize);
        }
    }
}
