//! `dsmrd import csv`.

use std::path::PathBuf;

use anyhow::{Context, bail};

use dsmrd::exit;
use dsmrd::import::csv::{BUILT_IN, Mapping, import};
use dsmrd::import::readings::{Device, Equipment};

use super::{Where, tell};
use crate::cli::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The CSV file, packed with gzip or not.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the columns are: a TOML file as the manual has it, or a mapping that is built in: homewizard, or
    /// dsmr-reader for readings copied out of its database.
    #[arg(long, value_name = "MAP.toml|NAME")]
    mapping: PathBuf,
    /// The identifier of the meter that the file is of, so that the totals run on; by default what the record has.
    #[arg(long, value_name = "ID")]
    equipment: Option<String>,
    #[command(flatten)]
    into: Where,
}

pub(super) fn run(args: &Args) -> Outcome {
    let shown = args.mapping.display();
    let built_in = BUILT_IN.iter().find(|(name, _)| args.mapping.as_os_str() == *name);
    let text = match built_in {
        Some((_, text)) => (*text).to_owned(),
        None => std::fs::read_to_string(&args.mapping).with_context(|| format!("cannot read {shown}"))?,
    };
    let mapping = match Mapping::read(&text) {
        Ok(mapping) => mapping,
        Err(error) => bail!("{shown}: {error}"),
    };
    let target = args.into.find()?;
    let found = Equipment::of_record(&target.record, &target.meter)?;
    let nothing = Equipment { id: None, device: Device::default(), has_totals_alone: false };
    let mut equipment = found.unwrap_or(nothing);
    if args.equipment.is_some() {
        equipment.id.clone_from(&args.equipment);
    }
    let mut intake = target.intake()?;
    let done = import(&args.file, &mapping, &target.zone, &equipment, &mut intake);
    let mut done = done.with_context(|| args.file.display().to_string())?;
    say!("{}: {} rows{}", args.file.display(), done.rows, tell::span(done.span, &target.zone));
    tell::problems(&done.problems);
    super::finish(&mut intake, &target)?;
    if done.has_usage && !target.dry_run {
        let put = done.statistics.put(&target.record, &target.meter, &equipment, &mut intake, "CSV");
        tell::inherited(&put.map_err(anyhow::Error::from)?.0);
    }
    Ok(exit::OK)
}
