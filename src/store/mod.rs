//! The record: every reading, on an SD card, for years.
//!
//! In reading order: [`settings`]; `codec`, how readings are packed row by row; `block`, packed readings of an hour;
//! `packed`, column by column; `columns` and `summary`, what is asked of them; `journal`, what is not in a block yet;
//! `pending`, on its way there; `tallies`, what readings mean for totals; `db`, the SQLite file; `queue` and `writer`,
//! the thread that owns both; `handle`, what the rest of the program holds of it; [`query`], reading back;
//! [`prices`], put in from outside; [`rebuild`], totals made anew; [`intake`], readings of the past put in;
//! [`foreign`], SQLite files of other programs.

mod block;
mod codec;
mod columns;
mod crc;
mod db;
pub mod disk;
mod error;
pub mod foreign;
mod handle;
pub mod intake;
mod journal;
mod packed;
mod pending;
pub mod prices;
#[doc(hidden)]
pub mod probe;
pub mod query;
mod queue;
pub mod rebuild;
pub mod settings;
mod summary;
mod tallies;
mod writer;

pub use error::{FlushError, OpenError, ReadError};
pub use handle::Store;
pub use prices::{ImportSummary, PriceWatch};
pub use query::{
    Answer, AnswerColumn, Archive, Cell, Epoch, Measure, Query, Range, Resolution, Selected, Span, Stored,
};
pub use settings::StoreSettings;
