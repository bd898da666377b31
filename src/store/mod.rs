//! The record: every reading, on an SD card, for years.
//!
//! In reading order: [`settings`]; `codec`, how readings are packed; `block`, packed readings of an hour;
//! `journal`, what is not in a block yet; `pending`, on its way there; `tallies`, what readings mean for totals; `db`,
//! the SQLite file; `queue` and `writer`, the thread that owns both; `handle`, what the rest of the program holds
//! of it; [`query`], reading back; [`prices`], put in from outside; [`rebuild`], totals made anew.

mod block;
mod codec;
mod crc;
mod db;
mod error;
mod handle;
mod journal;
mod pending;
pub mod prices;
pub mod query;
mod queue;
pub mod rebuild;
pub mod settings;
mod tallies;
mod writer;

pub use error::{FlushError, OpenError, ReadError};
pub use handle::Store;
pub use prices::{ImportSummary, PriceWatch};
pub use query::{Archive, Epoch, Range, Stored};
pub use settings::StoreSettings;
