//! `dsmrd backup`: the record into a file.

use std::path::{Path, PathBuf};

use anyhow::Context;

use dsmrd::app::backup::{self, Outcome as Run};
use dsmrd::clock::Clock;
use dsmrd::config;
use dsmrd::exit;
use dsmrd::meter::Zone;
use dsmrd::prices::text;
use dsmrd::store::backup::{Contents, Interrupt, Made, Series, clean, make};
use dsmrd::telemetry::log;

use super::{ConfigFile, Outcome, interrupt};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder, or the name of the file. Without it the backup is made as [backup] in the configuration says: its
    /// folder, its rotation, its command.
    #[arg(long, value_name = "FOLDER|FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
    /// The database; the configuration is not read then.
    #[arg(long, value_name = "FILE", requires = "to")]
    database: Option<PathBuf>,
}

/// Makes a backup, beside a running dsmrd too. The file appears when everything in it has been read back.
pub(super) fn run(args: &Args) -> Outcome {
    interrupt::outcome(back_up(args, &interrupt::by_signals()), "no backup was made")
}

fn back_up(args: &Args, interrupt: &Interrupt) -> Outcome {
    let clock = Clock::system();
    let (record, settings) = match &args.database {
        Some(path) => (path.clone(), None),
        None => {
            let settings = config::load(&args.config.config)?.settings;
            (settings.store.path, Some(settings.backup))
        }
    };
    let Some(to) = &args.to else {
        let settings = settings.unwrap_or_default();
        // What the command prints comes by the log.
        log::init(tracing::Level::INFO, log::Format::Text, true, clock.clone());
        settings.folder.as_ref().context(
            "where to? Name a folder with --to, or set folder under [backup] in the configuration",
        )?;
        return match backup::once(&settings, &record, &clock, interrupt) {
            Run { made: Err(error), .. } => Err(error.into()),
            Run { made: Ok(made), removed, copied } => {
                tell(&made);
                if removed > 0 {
                    say!("removed {removed} older");
                }
                match copied {
                    None => Ok(exit::OK),
                    Some(Ok(())) => {
                        say!("the command has copied it");
                        Ok(exit::OK)
                    }
                    Some(Err(error)) => Err(error.into()),
                }
            }
        };
    };
    let file = if to.is_dir() {
        let host = settings.map(|settings| settings.host).unwrap_or_else(config::hostname);
        let series = Series::new(&record, &host);
        clean(to, &series).with_context(|| format!("cannot write to {}", to.display()))?;
        to.join(series.name(clock.wall()))
    } else {
        named(to)?.to_owned()
    };
    tell(&make(&record, &file, interrupt)?);
    Ok(exit::OK)
}

/// A file that can be told from a folder with a slip in its name.
fn named(to: &Path) -> anyhow::Result<&Path> {
    let name = to.to_string_lossy();
    anyhow::ensure!(
        name.ends_with(".gz"),
        "{name}: there is no such folder; make it, or give a file a name that ends in .sqlite.gz"
    );
    Ok(to)
}

fn tell(made: &Made) {
    say!(
        "{}: {}, {} ({} unpacked), read back and good",
        made.file.display(),
        held(&made.contents),
        megabytes(made.packed),
        megabytes(made.unpacked)
    );
}

/// A time for people.
pub(super) fn shown(time: i64) -> String {
    Zone::new("UTC").map_or_else(|_| time.to_string(), |utc| text::time(time, &utc))
}

/// What a backup holds, for people.
pub(super) fn held(contents: &Contents) -> String {
    let span = match (contents.first, contents.last()) {
        (Some(first), Some(last)) => format!(" from {} to {}", shown(first), shown(last)),
        _ => String::new(),
    };
    format!("{} reading{}{span}", contents.readings, if contents.readings == 1 { "" } else { "s" })
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}
