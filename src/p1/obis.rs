//! OBIS reduced identifiers (IEC 62056-61): what a line of a telegram is about.

use std::fmt;

/// An OBIS code `A-B:C.D.E*F`. On the P1 port F is left out, or 255, and says nothing.
///
/// Codes are compared exactly: `1-0:1.8.11` is not a kind of `1-0:1.8.1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Obis {
    /// The medium: 0 abstract, 1 electricity.
    pub a: u8,
    /// The channel; of an M-Bus object the channel of its device.
    pub b: u8,
    /// The quantity.
    pub c: u8,
    /// How it was processed.
    pub d: u8,
    /// The tariff or a further distinction.
    pub e: u8,
}

impl Obis {
    /// `a-b:c.d.e`.
    pub const fn new(a: u8, b: u8, c: u8, d: u8, e: u8) -> Self {
        Self { a, b, c, d, e }
    }

    /// The code as one number: its five bytes, A in front. Comparing two of these is one instruction.
    #[inline]
    pub const fn key(self) -> u64 {
        (self.a as u64) << 32 | u32::from_be_bytes([self.b, self.c, self.d, self.e]) as u64
    }
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}:{}.{}.{}", self.a, self.b, self.c, self.d, self.e)
    }
}

impl fmt::Debug for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
