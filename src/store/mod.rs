//! The record: every reading, on an SD card, for years.
//!
//! In reading order: [`settings`]; `codec`, how readings are packed row by row; `block`, packed readings of an hour;
//! `packed`, column by column; `columns` and `summary`, what is asked of them; `journal`, what is not in a block yet;
//! `pending`, on its way there; `tallies`, what readings mean for totals; `db`, the SQLite file; `queue` and `writer`,
//! the thread that owns both; `handle`, what the rest of the program holds of it; [`disk`], what it is written to.
//!
//! Then what is done with it: [`query`], reading back; [`sql`], as tables; [`prices`], put in from outside; [`intake`],
//! readings of the past; [`foreign`], SQLite files of other programs; [`rebuild`], totals made anew; [`backup`], the
//! whole in a file, and back; [`salvage`], what a damaged file still has; [`check`] and [`stats`], whether it is sound
//! and what it holds.

pub mod backup;
mod block;
pub mod check;
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
pub mod retention;
pub mod salvage;
pub mod settings;
pub mod sql;
pub mod stats;
mod summary;
mod tallies;
mod trouble;
mod writer;

pub use error::{FlushError, OpenError, ReadError};
pub use handle::Store;
pub use prices::{ImportSummary, PriceWatch};
pub use query::{
    Answer, AnswerColumn, Archive, Cell, Epoch, Measure, Query, Range, Resolution, Selected, Span, Stored,
};
pub use retention::Retention;
pub use settings::StoreSettings;
