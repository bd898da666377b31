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
    /// P1 Monitor's history: its database e_historie.db, or of an export (unpacked) the file with e_history_min in it.
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
    let Some(mut done) = done? else {
        bail!(
            "{}: no table e_history_min in it; give {ORIGIN}'s database e_historie.db, or of an export, unpacked, the \
             file historie…",
            args.file.display()
        );
    };
    let [minutes, hours, days] = done.rows;
    say!("{}: {minutes} minutes, {hours} hours, {days} days of {ORIGIN}", args.file.display());
    tell::problems(&done.problems);
    super::finish(&mut intake, &target)?;
    if !target.dry_run && hours + days > 0 {
        let put = done.statistics.put(&target.record, &target.meter, &equipment, &mut intake, ORIGIN);
        tell::inherited(&put.map_err(anyhow::Error::from)?.0);
    }
    Ok(exit::OK)
}
