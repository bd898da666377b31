//! `dsmrd import p1-monitor`.

use std::path::PathBuf;

use anyhow::bail;

use dsmrd::exit;
use dsmrd::import::p1_monitor::{self, ORIGIN};
use dsmrd::import::readings::{Device, Equipment};

use super::{Where, bar, step, tell};
use crate::cli::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// P1 Monitor's database of minutes: the SQLite file with the table e_history_min.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The identifier of the meter that the history is of, so that the totals run on; by default what the record has.
    #[arg(long, value_name = "ID")]
    equipment: Option<String>,
    #[command(flatten)]
    into: Where,
}

pub(super) fn run(args: &Args) -> Outcome {
    let target = args.into.find()?;
    if !args.file.is_file() {
        bail!("{}: no such file", args.file.display());
    }
    let found = Equipment::of_record(&target.record, &target.meter)?;
    let nothing = Equipment { id: None, device: Device::default(), has_totals_alone: false };
    let mut equipment = found.unwrap_or(nothing);
    if args.equipment.is_some() {
        equipment.id.clone_from(&args.equipment);
    }
    let mut intake = target.intake()?;
    let bar = bar("reading");
    let done = p1_monitor::import(&args.file, &target.zone, &equipment, &mut intake, |done, all| {
        step(&bar, "reading", done, all);
    });
    bar.finish_and_clear();
    let Some(done) = done? else {
        bail!(
            "{}: no table e_history_min in it; give {ORIGIN}'s database of minutes (of an export: unpack it first)",
            args.file.display()
        );
    };
    say!("{}: {} minutes of {ORIGIN}", args.file.display(), done.rows);
    tell::problems(&done.problems);
    super::finish(&mut intake, &target)?;
    Ok(exit::OK)
}
