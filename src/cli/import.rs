//! `dsmrd import`: the history of other programs, and recorded telegrams, put into the record.

mod columns;
mod dsmr_reader;
mod p1_monitor;
mod telegrams;
mod tell;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use dsmrd::clock::Clock;
use dsmrd::config::{self, Settings};
use dsmrd::meter::Zone;
use dsmrd::store::OpenError;
use dsmrd::store::intake::Intake;

use super::export::Zones;
use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// Take over the history of DSMR-reader: its backup, of PostgreSQL or MySQL, or its CSV exports.
    ///
    /// Nothing is put in twice, however often it is run, and an import that was interrupted goes on. Readings of dsmrd's
    /// own stay as they are; others of the same second are told. Stop dsmrd first; with --dry-run it may run.
    DsmrReader(dsmr_reader::Args),
    /// Put recorded telegrams into the record, each at its own time.
    ///
    /// Unlike a replay this sends nothing to brokers and puts nothing in twice. Stop dsmrd first.
    Telegrams(telegrams::Args),
    /// Put a CSV file into the record, by a mapping that tells what its columns are.
    Csv(columns::Args),
    /// Take over the history of P1 Monitor, from its database or its export.
    P1Monitor(p1_monitor::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.from {
        From::DsmrReader(args) => dsmr_reader::run(args),
        From::Telegrams(args) => telegrams::run(args),
        From::Csv(args) => columns::run(args),
        From::P1Monitor(args) => p1_monitor::run(args),
    }
}

/// Where it goes.
#[derive(Debug, clap::Args)]
struct Where {
    /// The meter that the history is of; by default the only one of the configuration.
    #[arg(long, value_name = "NAME")]
    meter: Option<String>,
    /// Show what is there and what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigFile,
    /// The database; the configuration is not read then, and --meter has to tell the meter.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// The time zone the meter stands in, an IANA name; by default that of the configuration.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// The same, found.
struct Target {
    record: PathBuf,
    meter: String,
    zone: Zone,
    settings: Option<Settings>,
    dry_run: bool,
}

impl Where {
    fn find(&self) -> anyhow::Result<Target> {
        let settings = match &self.database {
            Some(_) => None,
            None => Some(config::load(&self.config.config)?.settings),
        };
        let meters = || settings.iter().flat_map(|settings| &settings.meters).map(|meter| meter.name.clone());
        let meter = match (&self.meter, &settings) {
            (Some(name), Some(_)) if !meters().any(|known| known == *name) => {
                let known = meters().collect::<Vec<_>>().join(", ");
                bail!("no meter is named {name:?} in {}; there are: {known}", self.config.config.display());
            }
            (Some(name), _) => name.clone(),
            (None, None) => bail!("give --meter as well: which meter of this database is it?"),
            (None, Some(_)) => {
                let known: Vec<String> = meters().collect();
                match &known[..] {
                    [only] => only.clone(),
                    several => bail!("give --meter: which of {} is it?", several.join(", ")),
                }
            }
        };
        let zones = Zones::new(self.database.as_deref(), settings.as_ref(), self.timezone.as_deref());
        let zone = zones.of_meter(Some(&meter))?;
        Ok(Target { record: zones.path.clone(), meter, zone, settings, dry_run: self.dry_run })
    }
}

impl Target {
    /// The way into the record.
    fn intake(&self) -> anyhow::Result<Intake> {
        if self.dry_run {
            return Ok(Intake::dry(&self.record, &self.meter)?);
        }
        match Intake::open(&self.record, &self.meter, &Clock::system()) {
            Err(OpenError::InUse(path)) => bail!(
                "{}: dsmrd is running and has the record to itself; stop it first: supervisorctl stop dsmrd \
                 (or look with --dry-run)",
                path.display()
            ),
            opened => Ok(opened?),
        }
    }

    /// The name to put into what is for the configuration: where there are several meters.
    fn named(&self) -> Option<&str> {
        let several = self.settings.as_ref().is_some_and(|settings| settings.meters.len() > 1);
        several.then_some(self.meter.as_str())
    }
}

/// A bar that fills up, where someone sees it.
fn bar(what: &'static str) -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg:18} {bar:40} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

fn step(bar: &ProgressBar, what: &'static str, done: u64, all: u64) {
    bar.set_message(what);
    bar.set_length(all);
    bar.set_position(done);
}

/// Writes what waits, makes the totals of it, and tells.
fn finish(intake: &mut Intake, target: &Target) -> anyhow::Result<()> {
    intake.write(None)?;
    if intake.wants_totals()? {
        let bar = bar("making totals");
        intake.make_totals(|done, all| step(&bar, "making totals", done, all))?;
        bar.finish_and_clear();
    }
    tell::verdicts(intake.verdicts(), 0, target.dry_run, &target.zone);
    Ok(())
}

/// Writes a file that someone asked for; one that is there stays.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
