//! `dsmrd import dsmr-reader`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use dsmrd::exit;
use dsmrd::import::dsmr_reader::import::{Into, Stage};
use dsmrd::import::dsmr_reader::{self as reader, ORIGIN, Statistics, Survey, contracts, exports, tables};
use dsmrd::import::readings::{Device, Equipment};
use dsmrd::store::intake::Intake;

use super::{Target, Where, bar, step, tell};
use crate::cli::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// DSMR-reader's backup (dsmrreader-postgresql-….sql.gz), packed or not, or CSV files that it exported.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The identifier of the meter that the history is of, so that the totals run on. By default what the last telegram
    /// in the backup tells, else what the record has of this meter, where that is one.
    #[arg(long, value_name = "ID")]
    equipment: Option<String>,
    /// Write the contracts into this file, ready to be put into the configuration, and not to standard output.
    #[arg(long, value_name = "FILE")]
    contracts: Option<PathBuf>,
    #[command(flatten)]
    into: Where,
}

pub(super) fn run(args: &Args) -> Outcome {
    let target = args.into.find()?;
    let mut statistics = Statistics::new(target.zone.clone());
    let mut code = exit::OK;
    let (mut exported, mut dumps) = (Vec::new(), Vec::new());
    for path in &args.files {
        let shown = || path.display().to_string();
        match exports::read(path, &target.zone, &mut statistics).with_context(shown)? {
            Some(export) => exported.push((path, export)),
            None => dumps.push(path),
        }
    }
    for path in dumps {
        code = code.max(dump(path, args, &target)?);
    }
    if !exported.is_empty() {
        code = code.max(csv(&exported, statistics, args, &target)?);
    }
    Ok(code)
}

/// Whose readings they are, and who says so.
fn equipment(args: &Args, target: &Target, survey: Option<&Survey>) -> anyhow::Result<(Equipment, String)> {
    let telegram = survey
        .and_then(|survey| survey.telegram.as_deref())
        .and_then(|telegram| Equipment::of_telegram(telegram.as_bytes(), &target.zone));
    let record = Equipment::of_record(&target.record, &target.meter)?;
    let (mut found, mut who) = match (telegram, record) {
        (Some(found), _) if found.id.is_some() => (found, "the last telegram in the backup tells it"),
        (_, Some(found)) if found.id.is_some() => (found, "as the record has it of this meter"),
        (Some(found), _) | (None, Some(found)) => (found, "no identifier is known; --equipment tells one"),
        (None, None) => {
            let nothing = Equipment { id: None, device: Device::default(), has_totals_alone: false };
            (nothing, "no identifier is known; --equipment tells one")
        }
    };
    if let Some(id) = &args.equipment {
        found.id = (!id.is_empty()).then(|| id.clone());
        who = "as --equipment says";
    }
    let id = found.id.as_deref().unwrap_or("unknown");
    Ok((found.clone(), format!("meter {}, equipment {id} ({who})", target.meter)))
}

fn dump(path: &Path, args: &Args, target: &Target) -> Outcome {
    let bar = bar("looking");
    let survey = reader::survey(path, &target.zone, |done, all| step(&bar, "looking", done, all));
    bar.finish_and_clear();
    let mut survey = survey?;
    say!("{}: a dump of {ORIGIN}", path.display());
    for (name, what, _) in tables::TABLES {
        let Some(table) = survey.tables.get(name).filter(|_| name != tables::GROUPING) else { continue };
        say!("  {:<26}{:>10}{}", what, table.rows, tell::span(table.span, &target.zone));
        if !table.missing.is_empty() {
            say!("    without {}", table.missing.join(", "));
        }
        if !table.unknown.is_empty() {
            say!("    left out, since unknown: {}", table.unknown.join(", "));
        }
    }
    let mut code = exit::OK;
    if let Some(cut) = &survey.cut {
        complain!("dsmrd: {}: {cut}; what is whole is taken, what follows is missing", path.display());
        code = exit::FAILURE;
    }
    if let Some(behind) = &survey.behind {
        complain!(
            "dsmrd: {}: behind the end of the dump is something else ({behind}); nothing is missing",
            path.display()
        );
    }
    tell::problems(&survey.problems);
    let (equipment, whose) = equipment(args, target, Some(&survey))?;
    say!("{whose}; gas on channel {}", equipment.device.channel);
    let mut intake = target.intake()?;
    let bar = super::bar("reading");
    let into =
        Into { record: &target.record, meter: &target.meter, zone: &target.zone, equipment: &equipment };
    let done = reader::import(path, &mut survey, into, &mut intake, |stage, done, all| {
        let what = if stage == Stage::Reading { "reading" } else { "making totals" };
        step(&bar, what, done, all);
    });
    bar.finish_and_clear();
    let done = done.with_context(|| format!("{}: run it again, it goes on from here", path.display()))?;
    if done.resumed {
        say!("went on where an earlier import was interrupted");
    }
    tell::verdicts(&done.verdicts, done.covered, target.dry_run, &target.zone);
    if done.wrong > 0 {
        say!("  {} values are no numbers; left out", done.wrong);
    }
    tell::inherited(&done.inherited);
    if !target.dry_run {
        let new = |count: u64, what: &str| {
            if count > 0 {
                say!("{what}: {count} new");
            }
        };
        new(done.days, "sums and costs of days");
        new(done.notes, "notes (dsmrd notes shows them)");
        new(done.kept, "peaks and temperatures");
    }
    tell_contracts(&survey, args, target)?;
    Ok(code)
}

fn tell_contracts(survey: &Survey, args: &Args, target: &Target) -> anyhow::Result<()> {
    let text = contracts::toml(&survey.prices, target.named());
    if text.is_empty() {
        return Ok(());
    }
    match &args.contracts {
        Some(path) if !target.dry_run => {
            super::write_new(path, &text)?;
            say!("contracts: written into {}; put them into the configuration", path.display());
        }
        Some(path) => say!("contracts: would be written into {}", path.display()),
        None => say!("contracts, to be put into the configuration:\n\n{}", text.trim_end()),
    }
    Ok(())
}

fn csv(
    exported: &[(&PathBuf, exports::Exported)],
    mut statistics: Statistics,
    args: &Args,
    target: &Target,
) -> Outcome {
    for (path, export) in exported {
        let what = match export.export {
            exports::Export::Days => "days",
            exports::Export::Hours => "hours",
            exports::Export::Peaks => "quarter-hour peaks",
            exports::Export::Temperatures => "temperatures",
        };
        let span = tell::span(export.span, &target.zone);
        say!("{}: {} {what}, exported by {ORIGIN}{span}", path.display(), export.rows);
        tell::problems(&export.problems);
    }
    let (equipment, whose) = equipment(args, target, None)?;
    say!("{whose}");
    let mut intake: Intake = target.intake()?;
    if target.dry_run {
        return Ok(exit::OK);
    }
    let (inherited, days) = statistics.put(&target.record, &target.meter, &equipment, &mut intake, ORIGIN)?;
    tell::inherited(&inherited);
    let mut kept = 0;
    for (_, export) in exported {
        let kind = match export.export {
            exports::Export::Peaks => "quarter_peak",
            _ => "temperature",
        };
        kept += intake.keep(ORIGIN, kind, export.kept.iter().cloned())?;
    }
    say!("sums and costs of days: {days} new; peaks and temperatures: {kept} new");
    Ok(exit::OK)
}
