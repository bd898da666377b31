//! `dsmrd import telegrams`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use dsmrd::exit;
use dsmrd::import::input::Input;
use dsmrd::import::logs;
use dsmrd::meter::InterpreterSettings;
use dsmrd::p1::frame::Proof;
use dsmrd::source::replay::Recording;
use dsmrd::store::intake::{Grain, Intake};
use dsmrd::telemetry::MeterCounters;

use super::{Target, Where};
use crate::cli::Outcome;
use crate::cli::export::instant;
use crate::cli::keys::KeyArgs;

/// The largest telegram where no configuration tells.
const MAX_TELEGRAM: usize = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings of telegrams as the meter sent them, packed with gzip or not, in the order of time; or logs with a time
    /// before each line, or with telegrams in base64 as DSMR-reader had them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// When the first telegram is of, for meters that tell no time (DSMR 2 and 3): a date and time where the meter
    /// stands, or RFC 3339. Each further one is of ten seconds later.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    into: Where,
}

pub(super) fn run(args: &Args) -> Outcome {
    let target = args.into.find()?;
    let start = match &args.start {
        Some(text) => Some(instant(text, &target.zone).with_context(|| format!("--start {text}"))?),
        None => None,
    };
    let counters = Arc::new(MeterCounters::default());
    let mut intake = target.intake()?;
    let mut clockless = start.map(|start| start * 1_000);
    let (mut failed, mut why) = (0_u64, None);
    for path in &args.files {
        let left = file(path, args, &target, &counters, &mut intake, &mut clockless)?;
        failed += left.0;
        why = why.or(left.1);
    }
    super::finish(&mut intake, &target)?;
    tell_rejected(&counters, failed, why.as_deref());
    if counters.delivered.get() == 0 {
        bail!("no telegram found; a telegram begins with a line like /ISK5\\2M550T-1012");
    }
    Ok(exit::OK)
}

/// What could not be read, by why.
fn tell_rejected(counters: &MeterCounters, failed: u64, first: Option<&str>) {
    let all = counters.rejected() + failed;
    if all == 0 {
        return;
    }
    let first = first.map_or(String::new(), |why| format!("; the first: {why}"));
    complain!("{all} telegrams could not be read{first}");
    let reasons = [
        (counters.rejected_crc.get(), "have a CRC that is not theirs"),
        (counters.rejected_truncated.get(), "break off"),
        (counters.rejected_oversize.get(), "are too large"),
        (counters.rejected_no_crc.get(), "have no CRC, though others have"),
        (counters.rejected_key.get(), "are encrypted with another key, or none is known"),
        (counters.rejected_stale.get(), "are encrypted and older than one before"),
        (failed, "say something that their check denies"),
    ];
    for (count, what) in reasons.into_iter().filter(|(count, _)| *count > 0) {
        complain!("  {count} {what}");
    }
}

/// One recording; what of it was no reading, and why the first of them.
fn file(
    path: &Path,
    args: &Args,
    target: &Target,
    counters: &Arc<MeterCounters>,
    intake: &mut Intake,
    clockless: &mut Option<i64>,
) -> anyhow::Result<(u64, Option<String>)> {
    let shown = || path.display().to_string();
    let source = target.settings.iter().flat_map(|settings| &settings.meters);
    let source = source.filter(|meter| meter.name == target.meter).map(|meter| &meter.source).next();
    let keys = match args.keys.keys(false)? {
        Some(keys) => Some(keys),
        None => source.and_then(|source| source.keys.clone()),
    };
    let settings = source.map_or_else(
        || InterpreterSettings { country: None, zone: Some(target.zone.clone()), clock_tolerance_s: None },
        |source| source.interpreter(),
    );
    let most = source.map_or(MAX_TELEGRAM, |source| source.max_telegram);
    let (input, wrapping) = logs::bare(Input::bytes(path).with_context(shown)?).with_context(shown)?;
    match wrapping {
        Some(logs::Wrapping::Base64) => say!("{}: a log with telegrams in base64", path.display()),
        Some(logs::Wrapping::Stamped) => say!("{}: a log with a time before each line", path.display()),
        None => {}
    }
    let begin = clockless.unwrap_or_default();
    let mut recording = Recording::of(path, input, most, settings, keys, begin, Arc::clone(counters));
    let mut failed = 0;
    for item in &mut recording {
        let reading = item.with_context(shown)?.reading;
        if reading.time.and_then(|time| time.utc).is_none() {
            let Some(next) = clockless else {
                bail!(
                    "{}: these telegrams tell no time; tell with --start when the first is of: --start 2019-06-01T12:00",
                    path.display()
                );
            };
            *next = reading.received_at + 10_000;
        }
        if reading.proof == Proof::Failed {
            failed += 1;
            continue;
        }
        intake.put(reading, Grain::Second);
        if intake.is_full() {
            intake.write(None)?;
        }
    }
    let why = recording.first_rejected().map(|rejected| {
        format!("{} (byte {} of the telegrams in {})", rejected.reason, rejected.offset, path.display())
    });
    let foreign = recording.foreign().map(|protocol| format!("{}: this is {protocol}", path.display()));
    Ok((failed, why.or(foreign)))
}
