//! `dsmrd notes`: what someone wrote about days, in the program that the history came from.

use std::path::PathBuf;

use dsmrd::config;
use dsmrd::exit;
use dsmrd::store::intake::past;

use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The database; the configuration is not read then.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// Shows them by day.
pub(super) fn run(args: &Args) -> Outcome {
    let path = match &args.database {
        Some(path) => path.clone(),
        None => config::load(&args.config.config)?.settings.store.path,
    };
    for past::Note { meter, day, text, origin } in past::notes(&path)? {
        // A note may have lines of its own.
        say!("{day}  {meter}  {}  ({origin})", text.replace('\n', "\n            "));
    }
    Ok(exit::OK)
}
