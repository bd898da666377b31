//! Where bytes come from. Each source is a stream of bytes; one task a meter turns them into readings.
//!
//! In reading order: [`settings`]; the sources themselves, `serial`, `tcp`, `file` and [`simulate`], behind one
//! `stream`, with [`error`], [`access`] and [`holder`] for why one cannot be opened; [`reader`], the task that turns a
//! stream into readings, with `desk` behind it: what watches the line (`line`, `parity`, `inverted`, `rhythm`,
//! `backoff`), what takes the telegrams (`intake`, `identity`, `ledger`) and what is said about it (`troubles`,
//! `advice`); [`replay`], a recording as an iterator. Beside them [`ports`] and [`probe`] (which ports are there, and
//! which one speaks), [`pty`] (a cable that is none) and [`fanout`] (one meter for many readers on the network).

pub mod access;
mod advice;
mod backoff;
mod desk;
pub mod error;
pub mod fanout;
mod file;
pub mod holder;
mod identity;
mod intake;
mod inverted;
mod ledger;
mod line;
mod parity;
pub mod ports;
pub mod probe;
pub mod pty;
pub mod reader;
pub mod replay;
mod rhythm;
mod serial;
pub mod settings;
pub mod simulate;
mod stream;
mod tcp;
mod troubles;

pub use error::OpenError;
pub use reader::{Delivery, run};
pub use settings::{Line, LineSettings, Parity, ShareEncrypted, ShareSettings, SourceSettings, SourceUrl};
pub use stream::check;
