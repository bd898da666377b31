//! The appliance: settings, then bound, then running; each stage consumes the last.
//!
//! In reading order: [`life`], the stages; [`sink`], where readings go; [`shares`], who gets the telegrams
//! themselves; [`tasks`], what runs and what happens when one of them ends; [`signals`]; [`watchdog`].

pub mod life;
pub mod shares;
pub mod signals;
pub mod sink;
pub mod tasks;
pub mod watchdog;

pub use life::{App, Control, Ending, Running};
pub use shares::Shares;
pub use tasks::{Brokers, MeterRegistry, Readers};
