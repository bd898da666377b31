//! The command line: one file a subcommand, each with its arguments and a `run`.

/// A line on standard output for a person. Where it cannot be written nobody reads it: that ends no work and
/// changes no exit code, as `println!` would by its panic.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// As `say!`, on standard error.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod backup;
mod check_config;
mod config;
mod db;
mod decode;
mod demo;
mod export;
mod generate;
mod import;
mod interrupt;
mod keys;
mod mqtt;
mod notes;
mod ports;
mod prices;
mod query;
mod record;
mod replay;
mod restore;
mod run;
mod simulate;
mod sql;
mod topics;
mod totals;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use dsmrd::exit;

/// A subcommand's exit code, or why it failed.
type Outcome = anyhow::Result<u8>;

/// DSMR smart-meter reader: P1 port to SQLite and MQTT.
#[derive(Debug, Parser)]
#[command(name = "dsmrd", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

// What help says stands here alone: clap passes over what would stand above a command's own arguments.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance in the foreground.
    Run(run::Args),
    /// Send recorded telegrams through the whole pipeline.
    ///
    /// They go into the record and to the brokers as if the meter had just sent them; what is replayed twice is
    /// stored twice. A running dsmrd has its record to itself: stop it first, or give the replay a configuration
    /// with another store.path.
    Replay(replay::Args),
    /// Show what telegrams say, as a table or as JSON.
    Decode(decode::Args),
    /// Print stored readings in time order.
    Export(export::Args),
    /// Show means, extremes and usage by minute, hour, day, month or year.
    ///
    /// Without --from the answer begins a day before its end: for days a month, for months a year, and for years with the
    /// record. Without --to it ends with the last reading.
    Query(query::Args),
    /// Read the record with SQL.
    ///
    /// Readings are rows of the table "reading"; what they come to by the minute, quarter-hour, hour, day, month and year
    /// are rows of "minute", "quarter", "hour", "day", "month" and "year". --schema lists all tables. A limit of time,
    /// time_utc, time_local, meter or equipment_id leads to fewer hours being read, and of those only the columns that are
    /// named. All of it is the record as it stands at one moment, with what came in the last second; nothing is ever
    /// written.
    Sql(sql::Args),
    /// Take over the history of another program.
    Import(import::Args),
    /// Show the notes of days that came with an import.
    Notes(notes::Args),
    /// Copy the record into a compressed file, beside a running dsmrd too.
    Backup(backup::Args),
    /// Put a backup in the place of the record, which is kept.
    Restore(restore::Args),
    /// Check the database, show what it holds, salvage a damaged one.
    Db(db::Args),
    /// Show what was used and what it cost, by day, month or year.
    ///
    /// With --database the contracts of the configuration are not known, and there are no costs.
    Totals(totals::Args),
    /// Run the simulated meter alone.
    Simulate(simulate::Args),
    /// Check the configuration.
    CheckConfig(check_config::Args),
    /// Show the resolved configuration.
    Config(config::Args),
    /// Test brokers and print how to watch them.
    Mqtt(mqtt::Args),
    /// List the topics that are published.
    ///
    /// With a configuration, what it publishes: of a meter with readings in the record, what the readings of its last
    /// hour and the totals with them say, and of one without, every topic that there may be. Without one, every topic
    /// that there is, of a meter "home".
    Topics(topics::Args),
    /// Import dynamic prices and show them.
    Prices(prices::Args),
    /// List serial ports and find the one that sends telegrams.
    Ports(ports::Args),
    /// Run the appliance on a simulated household, with nothing to configure.
    Demo(demo::Args),
    /// Generate shell completions, man pages and the sample configuration.
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", env = "DSMRD_CONFIG", default_value = "/etc/dsmrd/dsmrd.toml")]
    config: PathBuf,
}

impl Cli {
    /// Runs the chosen subcommand; the exit code is one of [`dsmrd::exit`].
    pub(crate) fn execute(self) -> u8 {
        let outcome = match self.command {
            Command::Run(args) => run::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Decode(args) => decode::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Query(args) => query::run(&args),
            Command::Sql(args) => sql::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Notes(args) => notes::run(&args),
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => restore::run(&args),
            Command::Db(args) => db::run(&args),
            Command::Totals(args) => totals::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::CheckConfig(args) => check_config::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Mqtt(args) => mqtt::run(&args),
            Command::Topics(args) => topics::run(&args),
            Command::Prices(args) => prices::run(&args),
            Command::Ports(args) => ports::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Generate(args) => generate::run(&args),
        };
        outcome.unwrap_or_else(|error| {
            complain!("dsmrd: {error:#}");
            error.downcast_ref::<dsmrd::config::ConfigError>().map_or(exit::FAILURE, |_| exit::CONFIG)
        })
    }
}

/// One thread is enough: what takes time (SQLite) has a thread of its own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    use anyhow::Context;
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
