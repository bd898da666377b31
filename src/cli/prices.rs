//! `dsmrd prices`: tables of dynamic prices into the record, and out of it again.

mod tables;

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use clap::ValueEnum;

use dsmrd::config::Settings;
use dsmrd::exit;
use dsmrd::meter::Zone;
use dsmrd::prices::{PriceKind, Slot, text};
use dsmrd::store::{self, Archive};

use super::Outcome;
use super::export::{DEFAULT_ZONE, instant, is_broken_pipe};
use super::record::RecordArgs;
use tables::{Kind, Tables};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Put tables of prices into the record, beside a running dsmrd.
    ///
    /// A table is CSV or JSON with the time from which each price holds and the price, under the names that most
    /// suppliers and markets use. A price takes the place of one that the record has for the same time; costs of the
    /// past are made anew. Either every table is taken whole, or nothing is.
    Import {
        #[command(flatten)]
        tables: Tables,
        /// Read the tables and tell what they hold, and change nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        record: RecordArgs,
    },
    /// Show the prices of the record.
    List(List),
    /// Read tables and tell what they hold, without a record or a configuration.
    Check {
        #[command(flatten)]
        tables: Tables,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    /// Not those that end before this: RFC 3339, a date or date and time where the meter stands, today, yesterday,
    /// tomorrow, now, or so long before now: -6h, -1d, -2w, -1y.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Those that start before this; a date alone is its midnight.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Of this kind alone.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// How prices are written; what is written as CSV or JSON can be imported again.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The time zone of dates and times, an IANA name; the first meter's by default.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    #[command(flatten)]
    record: RecordArgs,
}

/// How prices are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// A list of objects.
    Json,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Import { tables, dry_run, record } => import(tables, *dry_run, record),
        Command::List(args) => match list(args) {
            Err(error) if is_broken_pipe(&error) => Ok(exit::OK),
            done => done,
        },
        Command::Check { tables } => {
            let zone = zone(tables.timezone(), None)?;
            tables.read()?.iter().for_each(|table| table.tell(&zone));
            Ok(exit::OK)
        }
    }
}

/// The zone in which times are shown: the one asked for, else that of the first meter.
fn zone(timezone: Option<&str>, settings: Option<&Settings>) -> anyhow::Result<Zone> {
    let meter = settings.and_then(|settings| settings.meters.first());
    let configured = meter.map_or(DEFAULT_ZONE, |meter| meter.source.zone_name());
    Ok(Zone::new(timezone.unwrap_or(configured))?)
}

fn import(tables: &Tables, dry_run: bool, record: &RecordArgs) -> Outcome {
    let settings = record.settings()?;
    let (path, zone) = (record.path_with(settings.as_ref()), zone(tables.timezone(), settings.as_ref())?);
    let read = tables.read()?;
    read.iter().for_each(|table| table.tell(&zone));
    if dry_run {
        say!("nothing was changed: this is a dry run");
        return Ok(exit::OK);
    }
    let slots: Vec<Slot> = read.into_iter().flat_map(|table| table.slots).collect();
    let summary = store::prices::import(&path, &slots)?;
    say!(
        "{}: {} new, {} changed, {} unchanged",
        path.display(),
        summary.added,
        summary.changed,
        summary.unchanged
    );
    if let Some(settings) = settings
        && settings.prices.contracts.iter().all(|contract| contract.dynamic.is_none())
    {
        complain!("warning: no [[contract]] has dynamic: these prices count for nothing until one does");
    }
    Ok(exit::OK)
}

fn list(args: &List) -> Outcome {
    let settings = args.record.settings()?;
    let path = args.record.path_with(settings.as_ref());
    let zone = zone(args.timezone.as_deref(), settings.as_ref())?;
    let time = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| instant(text, &zone).with_context(|| format!("--{name} {text}")))
            .transpose()
    };
    let (from, to) = (time("from", &args.from)?, time("to", &args.to)?);
    let table = Archive::open(&path)?.prices(from.unwrap_or(i64::MIN))?;
    let kind = args.kind.map(PriceKind::from);
    let wanted =
        |slot: &&Slot| kind.is_none_or(|kind| slot.kind == kind) && to.is_none_or(|to| slot.start < to);
    let slots = table.slots().filter(wanted);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Csv => text::csv(slots, &zone, &mut out)?,
        Format::Json => text::json(slots, &zone, &mut out)?,
        Format::Table => columns(&slots.collect::<Vec<_>>(), &zone, &mut out)?,
    }
    out.flush()?;
    Ok(exit::OK)
}

/// Prices for people: their points stand below each other.
fn columns(slots: &[&Slot], zone: &Zone, out: &mut impl Write) -> io::Result<()> {
    if slots.is_empty() {
        complain!("there are no prices; dsmrd prices import FILE brings them in");
        return Ok(());
    }
    let whole = |price: &str| price.find('.').unwrap_or(price.len());
    let prices: Vec<String> = slots.iter().map(|slot| slot.price.to_string()).collect();
    let width = prices.iter().map(|price| whole(price)).max().unwrap_or_default();
    writeln!(out, "{:18}  {:25}  {:25}  price", "kind", "start", "end")?;
    for (slot, price) in slots.iter().zip(&prices) {
        let (start, end) = (text::time(slot.start, zone), text::time(slot.end, zone));
        let indent = width - whole(price);
        writeln!(out, "{:18}  {start:25}  {end:25}  {:indent$}{price}", slot.kind, "")?;
    }
    Ok(())
}
