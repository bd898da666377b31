//! The log: lines on standard error, for people or for machines.

use std::fmt;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::clock::Clock;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, panics included.
    Json,
}

/// The level of the log, which a reload of the configuration may change.
#[derive(Clone, Debug)]
pub struct LevelHandle(reload::Handle<LevelFilter, Registry>);

impl LevelHandle {
    /// Sets the level.
    pub fn set(&self, level: Level) {
        // The only error is a subscriber that is gone, and ours lives as long as the process.
        let _ = self.0.reload(LevelFilter::from_level(level));
    }
}

/// Local time with its offset, so that a line can be laid beside the kitchen clock.
struct LocalTime(Clock, jiff::tz::TimeZone);

impl FormatTime for LocalTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let now = jiff::Timestamp::from_millisecond(self.0.wall()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(w, "{}", now.to_zoned(self.1.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    }
}

/// Sets the process's log up, once. `timestamps` is false where whoever reads standard error adds them
/// (systemd's journal). Panics are logged as errors and end the process with [`crate::exit::SOFTWARE`].
pub fn init(level: Level, format: Format, timestamps: bool, clock: Clock) -> LevelHandle {
    let (filter, handle) = reload::Layer::new(LevelFilter::from_level(level));
    let time = LocalTime(clock, jiff::tz::TimeZone::system());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // Plain on a terminal too: what is read at night in a file should look the same by day.
        .with_ansi(false)
        .with_target(false);
    let lines = match (format, timestamps) {
        (Format::Json, _) => lines.json().flatten_event(true).with_timer(time).boxed(),
        (Format::Text, true) => lines.with_timer(time).boxed(),
        (Format::Text, false) => lines.without_time().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("unknown");
        tracing::error!(place, what, "a fault in the program ends the process");
        std::process::exit(i32::from(crate::exit::SOFTWARE));
    }));
    LevelHandle(handle)
}
