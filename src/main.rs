//! The program: read the command line, run the subcommand, exit with its code.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(cli::Cli::parse().execute())
}
