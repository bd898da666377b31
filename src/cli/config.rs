//! `dsmrd config`: what the configuration comes to.

use std::io::Write;

use dsmrd::{config, exit};

use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the resolved settings as a configuration file, without its secrets.
    #[command(after_long_help = config::sample::help())]
    Show {
        #[command(flatten)]
        file: ConfigFile,
        /// Tell where each setting comes from: the default, a line of the file, a variable of the environment.
        #[arg(long)]
        origin: bool,
    },
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Show { file, origin } => {
            let loaded = config::load(&file.config)?;
            for warning in &loaded.warnings {
                complain!("warning: {warning}");
            }
            std::io::stdout()
                .lock()
                .write_all(config::sample::show(&loaded, &file.config, *origin).as_bytes())?;
            Ok(exit::OK)
        }
    }
}
