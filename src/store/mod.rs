//! The record: every reading, on an SD card, for years.
//!
//! In reading order: [`settings`]; `codec`, how readings are packed; `block`, packed readings of an hour;
//! `journal`, what is not in a block yet; `pending`, on its way there; `db`, the SQLite file; `queue` and
//! `writer`, the thread that owns both; `handle`, what the rest of the program holds of it; [`query`],
//! reading back.

mod block;
mod codec;
mod crc;
mod db;
mod error;
mod handle;
mod journal;
mod pending;
pub mod query;
mod queue;
pub mod settings;
mod writer;

pub use error::{FlushError, OpenError, ReadError};
pub use handle::Store;
pub use query::{Archive, Epoch, Range, Stored};
pub use settings::StoreSettings;
