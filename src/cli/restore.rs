//! `dsmrd restore`: a backup in the place of the record.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use dsmrd::clock::Clock;
use dsmrd::config;
use dsmrd::exit;
use dsmrd::store::backup::restore::{self, Loss};
use dsmrd::store::backup::{BackupError, Interrupt};

use super::backup::{held, shown};
use super::{ConfigFile, Outcome, interrupt};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The backup, or a database as an earlier restore put it aside.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    config: ConfigFile,
    /// The database whose place it takes; the configuration is not read then.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// Checks a backup, tells what is lost, asks, and puts it in the place of the record, which is kept.
pub(super) fn run(args: &Args) -> Outcome {
    interrupt::outcome(restore(args, &interrupt::by_signals()), "nothing was changed")
}

fn restore(args: &Args, interrupt: &Interrupt) -> Outcome {
    let record = match &args.database {
        Some(path) => path.clone(),
        None => config::load(&args.config.config)?.settings.store.path,
    };
    let candidate = restore::prepare(&args.file, &record, interrupt)?;
    say!("{}: good, {}", args.file.display(), held(&candidate.contents));
    match &candidate.loss {
        None => say!("{}: there is no record yet; nothing is lost", record.display()),
        Some(loss) => {
            say!("{}: {}", record.display(), told(loss));
            say!("It is kept beside the new one, and can be restored in the same way.");
        }
    }
    if !args.yes && !agreed(interrupt)? {
        complain!("dsmrd: nothing was changed");
        return Ok(exit::FAILURE);
    }
    let kept = candidate.commit(Clock::system().wall())?;
    say!("{}: this is the backup now", record.display());
    if let Some(kept) = kept {
        say!("{}: this is what was there before", kept.display());
    }
    Ok(exit::OK)
}

fn told(loss: &Loss) -> String {
    let newer = match (loss.from, loss.to) {
        (Some(from), Some(to)) => format!(
            "{} of its {} readings are later than the backup, from {} to {}: they will be missing",
            loss.newer,
            loss.readings,
            shown(from),
            shown(to)
        ),
        _ => format!("none of its {} readings is later than the backup", loss.readings),
    };
    match &loss.unreadable {
        None => newer,
        Some(why) if loss.readings == 0 => format!("it cannot be read ({why})"),
        Some(why) => format!("{newer}; not all of it can be read ({why})"),
    }
}

fn agreed(interrupt: &Interrupt) -> anyhow::Result<bool> {
    let mut input = std::io::stdin().lock();
    anyhow::ensure!(
        input.is_terminal(),
        "nothing was changed: nobody is there to ask; say --yes to go on without"
    );
    let mut out = std::io::stdout();
    write!(out, "Put the backup in its place? [y/N] ")?;
    out.flush()?;
    let mut answer = Vec::new();
    // By hand, since `read_line` goes on when a signal came.
    while !answer.contains(&b'\n') {
        let read = input.fill_buf();
        if interrupt.is_requested() {
            say!();
            return Err(BackupError::Interrupted.into());
        }
        match read {
            Ok([]) => break,
            Ok(piece) => {
                answer.extend_from_slice(piece);
                let length = piece.len();
                input.consume(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(matches!(String::from_utf8_lossy(&answer).trim().to_lowercase().as_str(), "y" | "yes"))
}
