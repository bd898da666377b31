//! The configuration: as typed (with a position for every key), and as resolved.
//!
//! In reading order: [`keys`], the one table of all keys; `raw` and `environment`, the two as typed;
//! `value`, `url`, `topic`, `money` and `mapping`, one value at a time; `reader`, a table of them; `secret`, those that are never shown;
//! `resolve`, `meter`, `broker` with `layouts`, `backup` and `contract`, what they mean together, with every problem told at once
//! (`report`);
//! [`settings`], the result; [`mod@diff`], what a new configuration changes; [`sample`], what people read: the sample
//! file, the manual page, `config show`; `machine`, the one place that looks at the environment and at the files a
//! configuration names.

mod backup;
mod broker;
mod contract;
pub mod diff;
mod environment;
pub mod keys;
mod layouts;
mod machine;
mod mapping;
mod meter;
mod money;
mod raw;
mod reader;
mod report;
mod resolve;
pub mod sample;
mod secret;
pub mod settings;
mod topic;
mod url;
mod value;

pub use backup::{BackupSettings, CopyCommand};
pub use diff::{Changes, diff};
pub use machine::{DEFAULT_FILE, Disk, hostname, inherited, load, under_journald, variable};
pub use report::{ConfigError, Origin};
pub use resolve::{Facts, Files, Loaded, Resolved, resolve};
pub use settings::{LogFormat, LogSettings, MeterSettings, PriceSettings, Settings};
