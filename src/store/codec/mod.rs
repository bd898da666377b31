//! The codec of stored readings, version 1: an adaptive range coder over what each column does.
//!
//! In reading order: [`range`], bits under models; [`number`], numbers and texts; [`relation`], what columns
//! say about each other; `kind` and `column`, one column; [`row`], readings.
//! Journal and blocks share it. A change of what any of these files writes is a new version.

mod column;
pub(crate) mod kind;
pub(crate) mod number;
pub(crate) mod range;
pub(crate) mod relation;
pub(crate) mod row;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use column::Damaged;
pub(crate) use row::{Refused, Row, RowCodec};

/// The version that blocks and journals are marked with.
pub(crate) const VERSION: u8 = 1;
