//! dsmrd reads the P1 port of a smart meter, keeps every reading, and publishes it.
//!
//! The modules in reading order, the pure floors first:
//!
//! - [`p1`]: the language of the P1 port. Bytes to frames to objects; encrypted ones opened, other protocols named.
//! - [`meter`]: what the numbers mean. One table of registers, the rules of each country, one type of reading.
//! - [`prices`]: what energy costs: contracts, dynamic prices, exact money.
//! - [`totals`]: what the numbers mean over time: usage, peaks and costs of quarters, days, months and years.
//! - [`publish`]: what we say over MQTT, and the queue that drops duplicates.
//!
//! Then what they stand on at run time:
//!
//! - [`clock`]: the one place that reads the clocks.
//! - [`telemetry`]: counters and the log.
//! - [`feed`]: the live feed from meters to views.
//!
//! Then I/O, each ignorant of the others:
//!
//! - [`source`]: where bytes come from: serial, TCP, a recording, a simulated meter; and the share, which sends
//!   telegrams on to other readers.
//! - [`store`]: the record: journal and SQLite.
//! - [`mqtt`]: one driver a broker.
//!
//! Then what goes out of the record and into it for others:
//!
//! - [`mod@export`]: CSV, JSON lines, InfluxDB line protocol, Parquet.
//! - [`import`]: the history of other programs.
//!
//! And the process around them:
//!
//! - [`config`]: the configuration, as typed and as resolved.
//! - [`app`]: life stages, where readings go, shares, signals, reload, watchdog.
//! - [`exit`]: exit codes.

pub mod p1;

pub mod meter;

pub mod prices;

pub mod totals;

pub mod publish;

pub mod clock;
pub mod telemetry;

pub mod feed;

pub mod source;

pub mod store;

pub mod mqtt;

pub mod export;
pub mod import;

pub mod config;

pub mod app;

pub mod exit;
