//! `dsmrd db`: the database checked, measured, made smaller, and saved where it is damaged.

mod stats;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use dsmrd::clock::Clock;
use dsmrd::config;
use dsmrd::exit;
use dsmrd::store::salvage::{Salvaged, SavedTotals};
use dsmrd::store::{StoreSettings, check, salvage, stats as figures};

use super::record::RecordArgs;
use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that the record is sound, beside a running dsmrd too.
    ///
    /// Every block is unpacked and held against what its row says. Nothing is changed. The exit code is 0 when
    /// everything is sound, 1 when something is wrong, 74 when the record cannot be opened.
    Check(Check),
    /// Show what the record holds and what it takes, beside a running dsmrd too.
    Stats(stats::Args),
    /// Give free space back to the file system.
    ///
    /// It takes as much room again as the database while it works. Stop dsmrd first.
    Vacuum(RecordArgs),
    /// Bring what still reads of a damaged database into the record.
    ///
    /// dsmrd does this by itself with a database that it sets aside. By hand it is for files that come from elsewhere. The
    /// file is only read; readings that the record has already are not added again. Stop dsmrd first.
    Salvage(Salvage),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Leave out what takes long: indices, and unpacking every block.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    place: RecordArgs,
}

#[derive(Debug, clap::Args)]
struct Salvage {
    /// The damaged database; the log beside it (-wal) is read too.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The database that takes what is saved, made where there is none; that of the configuration by default.
    #[arg(long, value_name = "DATABASE")]
    into: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Does what was asked for.
pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => run_check(args),
        Command::Stats(args) => stats::run(args),
        Command::Vacuum(args) => run_vacuum(args),
        Command::Salvage(args) => run_salvage(args),
    }
}

/// A bar on a terminal.
fn bar(what: &str) -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:40}} {{percent:>3}} %  {what}  {{eta}} left"))
    {
        bar.set_style(style);
    }
    bar
}

fn run_check(args: &Check) -> Outcome {
    let path = args.place.path()?;
    let bar = bar("{human_pos} blocks");
    let checked = check::run(&path, args.quick, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => {
            complain!("dsmrd: {error}");
            return Ok(exit::STORE);
        }
    };
    for problem in &checked.problems {
        say!("{problem}");
    }
    let untold = checked.count - checked.problems.len() as u64;
    if untold > 0 {
        say!("and {untold} more");
    }
    let check::Checked { blocks, readings, positions, journaled, torn, .. } = checked;
    let seen = if args.quick { String::new() } else { format!("{readings} readings in {blocks} blocks, ") };
    say!("{}: {seen}{positions} positions, {journaled} readings in the journal", path.display());
    if torn > 0 {
        say!("the journal ends in a torn record of {torn} bytes, as it does when a write was cut short");
    }
    if checked.is_sound() {
        say!("everything is sound");
        return Ok(exit::OK);
    }
    say!("{} problems; a copy made by \"dsmrd backup\" before may have what is lost", checked.count);
    Ok(exit::FAILURE)
}

fn run_vacuum(args: &RecordArgs) -> Outcome {
    let path = args.path()?;
    let (before, after) = figures::vacuum(&path, Clock::system().wall())?;
    let given = before.saturating_sub(after);
    say!("{}: {after} bytes, {given} given back", path.display());
    Ok(exit::OK)
}

fn run_salvage(args: &Salvage) -> Outcome {
    let settings = match &args.into {
        Some(path) => StoreSettings { path: path.clone(), sync_interval: std::time::Duration::from_secs(60) },
        None => config::load(&args.config.config)?.settings.store,
    };
    let into = settings.path.clone();
    let bar = bar("{msg}");
    let salvaged = salvage::run(&args.file, settings, Clock::system(), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let salvaged = salvaged?;
    tell(&salvaged);
    if salvaged.readings + salvaged.known + salvaged.prices + salvaged.rows > 0 {
        say!("{}: saved into {}", args.file.display(), into.display());
    } else {
        complain!(
            "dsmrd: {}: nothing in it can be read; is it a database? What \"dsmrd backup\" made goes back with \
             \"dsmrd restore\"",
            args.file.display()
        );
    }
    let lost = salvaged.lost_blocks + salvaged.unreadable_pages;
    Ok(if lost == 0 && salvaged.readings + salvaged.known > 0 { exit::OK } else { exit::FAILURE })
}

fn tell(salvaged: &Salvaged) {
    let time =
        |time: i64| jiff::Timestamp::from_second(time).map(|time| time.to_string()).unwrap_or_default();
    let Salvaged { readings, known, prices, rows, lost_blocks, lost_readings, unreadable_pages, .. } =
        salvaged;
    say!("{readings} readings added, {known} were there already, {prices} prices, {rows} other rows");
    if let Some((first, last)) = salvaged.span {
        say!("readings from {} to {}", time(first), time(last));
    }
    match salvaged.totals {
        SavedTotals::None => {}
        SavedTotals::Kept => say!("totals as they were"),
        SavedTotals::MadeAnew => say!("totals made anew of the readings"),
    }
    if let Some((first, last)) = salvaged.lost_span {
        say!(
            "lost: {lost_blocks} blocks with {lost_readings} readings or more, of hours from {} to {}",
            time(first),
            time(last)
        );
    }
    if *unreadable_pages > 0 {
        say!("{unreadable_pages} pages of 4096 bytes could not be read from the card");
    }
}
