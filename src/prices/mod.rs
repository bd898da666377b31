//! What energy costs: contracts, dynamic prices, and money without rounding. Pure, no I/O.
//!
//! In reading order: [`amount`], money; [`contract`], what a supplier agreed to; [`table`], prices that change by the
//! hour; [`import`], such tables as files and messages have them,
//! and [`text`], as we write them; [`book`], the price of something at an instant.

pub mod amount;
pub mod book;
pub mod contract;
pub mod import;
pub mod table;
pub mod text;

pub use amount::Amount;
pub use book::{Price, PriceBook, PriceSource};
pub use contract::{Contract, Dynamic, Overlap, overlaps};
pub use import::{ImportError, ImportFormat, PriceUnit};
pub use table::{PriceKind, PriceTable, Slot};
