//! The appliance: settings, then bound, then running; each stage consumes the last.
//!
//! In reading order: [`life`], the stages; [`sink`], where readings go; [`books`], what they come to over time, with
//! [`mod@prices`] on their way there; [`backup`], copies of the record; [`shares`], who gets the telegrams themselves; `reload`, a new configuration;
//! [`tasks`], what runs and what happens when one of them ends; [`signals`], and what becomes of them in `requests`;
//! [`watchdog`], and what it looks at in `pulse`; `opening`, a record that cannot be opened yet; `health`, who is told.

pub mod backup;
pub mod books;
mod health;
pub mod life;
mod opening;
pub mod prices;
mod pulse;
mod reload;
mod requests;
pub mod shares;
pub mod signals;
pub mod sink;
pub mod tasks;
pub mod watchdog;

pub use backup::Backups;
pub use books::Books;
pub use life::{App, Control, Ending, Running};
pub use shares::Shares;
pub use tasks::{Brokers, MeterRegistry, Readers};
