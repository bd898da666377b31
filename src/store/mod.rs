//! The record: every reading, on an SD card, for years.
//!
//! In reading order: [`settings`]; `codec`, how readings are packed row by row; `block`, packed readings of an hour;
//! `packed`, column by column; `columns` and `summary`, what is asked of them; `journal`, what is not in a block yet;
//! `pending`, on its way there; `tallies`, what readings mean for totals; `db`, the SQLite file; `queue` and `writer`,
//! the thread that owns both; `handle`, what the rest of the program holds of it; [`disk`], what it is written to.
//!
//! Then what is done with it: [`query`], reading back; [`sql`], as tables; [`prices`], put in from outside; [`intake`],
//! readings of the past; [`rebuild`], totals made anew; [`backup`], the whole in a file, and back; [`salvage`], what a
//! damaged file still has.

pub mod backup;
mod block;
mod codec;
mod columns;
mod crc;
mod db;
pub mod disk;
mod error;
mod handle;
pub mod intake;
mod journal;
mod packed;
mod pending;
pub mod prices;
pub mod query;
mod queue;
pub mod rebuild;
pub mod retention;
pub mod salvage;
pub mod settings;
pub mod sql;
mod summary;
mod tallies;
mod writer;

pub use error::{FlushError, OpenError, ReadError};
pub use handle::Store;
pub use prices::{ImportSummary, PriceWatch};
pub use query::{
    Answer, AnswerColumn, Archive, Cell, Epoch, Measure, Query, Range, Resolution, Selected, Span, Stored,
};
pub use retention::Retention;
pub use settings::StoreSettings;
