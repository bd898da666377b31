//! `dsmrd totals`: what was used in the hours, days, months and years of the record, and what it cost.

mod table;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use dsmrd::clock::Clock;
use dsmrd::config::Settings;
use dsmrd::exit;
use dsmrd::meter::Zone;
use dsmrd::prices::{PriceBook, PriceTable};
use dsmrd::store::{Archive, rebuild};
use dsmrd::totals::{PastPeriods, Step};

use self::table::{Columns, Row};
use super::Outcome;
use super::export::instant;
use super::record::{RecordArgs, ZonedRecordArgs};

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Quarter,
    Hour,
    Day,
    Month,
    Year,
}

impl From<By> for Step {
    fn from(by: By) -> Self {
        match by {
            By::Quarter => Self::Quarter,
            By::Hour => Self::Hour,
            By::Day => Self::Day,
            By::Month => Self::Month,
            By::Year => Self::Year,
        }
    }
}

/// How periods are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, with a sum.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the totals anew of the readings in the record.
    ///
    /// Needed once after an update from a dsmrd that kept none, when the record is large: dsmrd says so when it starts.
    /// Stop dsmrd first. Until the end, and when it is interrupted, what was there before stays.
    Rebuild(Rebuild),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The length of a period.
    #[arg(long, value_enum, default_value = "day")]
    by: By,
    /// Not before the period of this: a date or date and time where the meter stands, RFC 3339, today, yesterday,
    /// tomorrow, now, or so long before now: -6h, -1d, -2w, -1y.
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this.
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    to: Option<String>,
    /// Of this meter alone.
    #[arg(long, value_name = "NAME")]
    meter: Option<String>,
    /// How periods are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    record: ZonedRecordArgs,
}

#[derive(Debug, clap::Args)]
struct Rebuild {
    #[command(flatten)]
    record: RecordArgs,
}

/// Shows totals, or makes them anew.
pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Rebuild(args)) => make_anew(args),
        None => match show(&args.show) {
            Err(error) if super::export::is_broken_pipe(&error) => Ok(exit::OK),
            done => done,
        },
    }
}

fn show(args: &Show) -> Outcome {
    let (zones, settings) = args.record.zones()?;
    let archive = Archive::open(&zones.path)?;
    let known = archive.meters()?;
    if let Some(name) = args.meter.as_ref().filter(|name| !known.contains(*name)) {
        let known = Vec::from_iter(known).join(", ");
        bail!("{}: no readings of a meter named {name:?}; there are some of: {known}", zones.path.display());
    }
    if !archive.totals_whole()? {
        complain!(
            "dsmrd: the record has readings without totals; stop dsmrd and run \"dsmrd totals rebuild\" once"
        );
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let meters: Vec<&String> =
        known.iter().filter(|name| args.meter.as_ref().is_none_or(|meter| meter == *name)).collect();
    // All meters have the same columns, so that what is written is one table.
    let mut counters = Vec::new();
    for meter in &meters {
        counters.extend(archive.counters(meter)?);
    }
    let currency = settings.as_ref().filter(|settings| !settings.prices.contracts.is_empty());
    let currency = currency.map(|settings| settings.prices.currency.clone());
    let columns = Columns::of(&counters, currency);
    columns.begin(args.format, &mut out)?;
    for meter in meters {
        let zone = zones.of_meter(Some(meter))?;
        show_meter(args, &archive, meter, zone, settings.as_ref(), &columns, &mut out)?;
    }
    out.flush()?;
    Ok(exit::OK)
}

fn show_meter(
    args: &Show,
    archive: &Archive,
    meter: &str,
    zone: Zone,
    settings: Option<&Settings>,
    columns: &Columns,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let step = Step::from(args.by);
    let limit = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| instant(text, &zone).with_context(|| format!("--{name} {text}")))
            .transpose()
    };
    let from = limit("from", &args.from)?.map_or(i64::MIN, |from| step.start(&zone, from));
    let to = limit("to", &args.to)?.unwrap_or(i64::MAX);
    let mine = |settings: &Settings| {
        settings.prices.contracts.iter().filter(|contract| contract.is_for(meter)).cloned().collect()
    };
    let contracts: Vec<_> = settings.map(mine).unwrap_or_default();
    let table = if contracts.is_empty() { PriceTable::default() } else { archive.prices(from)? };
    let currency = settings.map_or("", |settings| settings.prices.currency.as_str()).into();
    let prices = PriceBook { currency, contracts, table: Arc::new(table), zone: zone.clone() };
    let (mut rows, mut failed) = (table::Rows::default(), Ok(()));
    let periods = PastPeriods::new(&prices, archive.counters(meter)?, step, from, to, |period| {
        let row = Row { meter, period: &period, zone: &zone, step };
        if failed.is_ok() {
            failed = match args.format {
                Format::Table => rows.push(columns, &row),
                Format::Csv => columns.csv(&row, out),
                Format::Json => columns.json(&row, out),
            };
        }
    });
    let mut unreadable = None;
    let mut periods = periods.with_readings(|from, to| {
        archive.last_reading(meter, from, to).unwrap_or_else(|error| {
            unreadable.get_or_insert(error);
            None
        })
    });
    archive.settled(meter, periods.needs_from(), |settled| periods.take(&settled))?;
    periods.finish();
    failed?;
    if let Some(error) = unreadable {
        return Err(error.into());
    }
    if args.format == Format::Table {
        rows.print(columns, meter, out)?;
    }
    Ok(())
}

fn make_anew(args: &Rebuild) -> Outcome {
    let path = args.record.path()?;
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {human_pos} readings  {eta} left")
    {
        bar.set_style(style);
    }
    let done = rebuild::run(&path, Clock::system().wall(), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let rebuild::Rebuilt { readings, damaged } = done?;
    say!("{}: made the totals of {readings} readings", path.display());
    if damaged > 0 {
        complain!(
            "dsmrd: {damaged} damaged blocks could not be read; what was used then counts where the next reading lies"
        );
        return Ok(exit::FAILURE);
    }
    Ok(exit::OK)
}
