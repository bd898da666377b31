//! `dsmrd generate`: what packages ship beside the binary, written from the program itself.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use dsmrd::{config, exit};

use super::{Cli, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages: dsmrd(1), one for each subcommand, and dsmrd.toml(5).
    Man {
        /// The folder they go to; it is made if it is not there.
        dir: PathBuf,
    },
    /// Print the sample configuration.
    SampleConfig,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut text = Vec::new();
    match &args.command {
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "dsmrd", &mut text)
        }
        Command::Man { dir } => manuals(dir).with_context(|| format!("cannot write to {}", dir.display()))?,
        Command::SampleConfig => text = config::sample::sample().into_bytes(),
    }
    std::io::stdout().lock().write_all(&text)?;
    Ok(exit::OK)
}

fn manuals(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    // Hidden commands are for those who build packages; they get no page.
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), dir)?;
    std::fs::write(dir.join("dsmrd.toml.5"), config::sample::manual())
}
