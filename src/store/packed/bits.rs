//! Single bits, the lowest of each byte first.

use crate::store::codec::Damaged;

/// Writes bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    out: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`, which has no others.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        // At most seven bits wait: 32 fit behind them.
        for part in 0..count.div_ceil(32) {
            let width = (count - part * 32).min(32);
            self.waiting |= (value >> (part * 32) & ((1 << width) - 1)) << self.count;
            self.count += width;
            while self.count >= 8 {
                self.out.push(self.waiting as u8);
                self.waiting >>= 8;
                self.count -= 8;
            }
        }
    }

    /// All bytes, the last one filled with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push(self.waiting as u8);
        }
        self.out
    }
}

/// Reads bits; behind the end there are zeros, which are counted.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    next: usize,
    waiting: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, waiting: 0, count: 0 }
    }

    /// The next `count` bits, at most 64.
    #[inline]
    pub(super) fn get(&mut self, count: u32) -> u64 {
        if count > 32 {
            let low = self.get(32);
            return low | self.get(count - 32) << 32;
        }
        while self.count < count {
            self.waiting |= u64::from(self.bytes.get(self.next).copied().unwrap_or(0)) << self.count;
            self.next += 1;
            self.count += 8;
        }
        let value = self.waiting & ((1 << count) - 1);
        self.waiting >>= count;
        self.count -= count;
        value
    }

    /// The whole bytes that were not touched, unless more was read than there was.
    pub(super) fn rest(self) -> Result<&'a [u8], Damaged> {
        self.bytes.get(self.next..).ok_or(Damaged)
    }
}
