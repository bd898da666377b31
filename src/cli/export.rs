//! `dsmrd export`: stored readings, or what they come to, for other programs.

mod place;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use dsmrd::exit;
use dsmrd::export::csv::Csv;
use dsmrd::export::influx::{Influx, Precision};
use dsmrd::export::json::Json;
use dsmrd::export::raw::RawColumns;
use dsmrd::export::{Column, Row, Sink, WriteError, fields, output, spans};
use dsmrd::meter::Zone;
use dsmrd::store::backup::Interrupt;
use dsmrd::store::{Archive, Query, Range, ReadError, Resolution, Selected};

use self::place::is_file;
pub(super) use self::place::{DEFAULT_ZONE, Zones, check_names, instant, is_broken_pipe, tell_thinned};
use super::Outcome;
use super::interrupt::{self, Interrupted};
use super::record::{RangeArgs, ZonedRecordArgs};

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Json,
    /// InfluxDB line protocol.
    Influx,
    /// Apache Parquet, for pandas, DuckDB and their like.
    Parquet,
}

/// What a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Span {
    Raw,
    Minute,
    Quarter,
    Hour,
    Day,
    Month,
    Year,
}

/// How Parquet keeps numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Numbers {
    /// As doubles, which every tool reckons with.
    Float,
    /// As decimals, exact; the record is read twice.
    Decimal,
}

/// What times of InfluxDB are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    S,
    Ms,
    Us,
    Ns,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    range: RangeArgs,
    /// A row a reading, or one for what the readings of a minute, an hour or a day come to.
    #[arg(long, value_enum, default_value = "raw")]
    resolution: Span,
    /// These columns alone: power_import,gas; of spans also power_import.max, with mean, min, max, last and delta.
    #[arg(long, value_name = "NAMES")]
    fields: Option<String>,
    /// How a row is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Into this file, which is there when it is whole; standard output by default, and for "-".
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compressed by gzip; so is a file whose name ends in .gz.
    #[arg(long)]
    gzip: bool,
    /// InfluxDB: the name of the measurement.
    #[arg(long, value_name = "NAME", default_value = "dsmr", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    measurement: String,
    /// InfluxDB: what times are counted in.
    #[arg(long, value_enum, default_value = "ns")]
    precision: Unit,
    /// Parquet: how numbers are kept.
    #[arg(long, value_enum, default_value = "float")]
    numbers: Numbers,
    #[command(flatten)]
    record: ZonedRecordArgs,
}

impl From<Span> for Resolution {
    fn from(span: Span) -> Self {
        match span {
            Span::Raw => Self::Raw,
            Span::Minute => Self::Minute,
            Span::Quarter => Self::Quarter,
            Span::Hour => Self::Hour,
            Span::Day => Self::Day,
            Span::Month => Self::Month,
            Span::Year => Self::Year,
        }
    }
}

/// Writes the rows in range. Exit 1 when some of the readings are damaged.
pub(super) fn run(args: &Args) -> Outcome {
    if args.format == Format::Parquet && !cfg!(feature = "parquet") {
        bail!(
            "this dsmrd was built without Parquet; build it with \"cargo build --release --features parquet\""
        );
    }
    let (zones, _) = args.record.zones()?;
    let zone = zones.of_meter(args.range.meter.as_deref())?;
    let range = args.range.range(&zone)?;
    let archive = Archive::open(&zones.path)?;
    check_names(&archive, &zones, &range)?;
    tell_thinned(&archive, &range, args.resolution.into(), &zone)?;
    let table = Table::new(args, &archive, &zones, range)?;
    // To a pipe nothing is left half done; and a write that waits for a reader would not see that it is to end.
    let interrupt = match target(args) {
        Some(_) => interrupt::by_signals(),
        None => Interrupt::default(),
    };
    match write(args, &table, &interrupt) {
        Err(error) if is_broken_pipe(&error) => Ok(exit::OK),
        done => interrupt::outcome(done, "nothing was written under that name"),
    }
}

/// The file to write; none for standard output.
fn target(args: &Args) -> Option<&Path> {
    args.output.as_deref().filter(|path| path.as_os_str() != "-")
}

/// Where the bytes go.
fn write(args: &Args, table: &Table<'_>, interrupt: &Interrupt) -> Outcome {
    let path = target(args);
    let gzip = args.gzip || path.is_some_and(|path| path.extension().is_some_and(|end| end == "gz"));
    if gzip && args.format == Format::Parquet {
        bail!("Parquet is compressed by itself; leave gzip out");
    }
    if path.is_none() && (gzip || args.format == Format::Parquet) && io::stdout().is_terminal() {
        bail!("these bytes are not for a terminal; name a file with --output");
    }
    let write = |out: &mut (dyn Write + Send)| match gzip {
        true => output::gzip(out, |out| write_rows(args, table, interrupt, out)),
        false => write_rows(args, table, interrupt, out),
    };
    match path {
        Some(path) => output::to_file(path, write).with_context(|| path.display().to_string()),
        None => {
            let mut out = BufWriter::new(io::stdout());
            let written = write(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
            written.context("standard output")
        }
    }
}

fn write_rows(
    args: &Args,
    table: &Table<'_>,
    interrupt: &Interrupt,
    out: &mut (dyn Write + Send),
) -> Outcome {
    let bar = table.bar(target(args).is_some())?;
    let written = pour(args, table, interrupt, &bar, out);
    // However it ended.
    bar.finish_and_clear();
    written
}

fn pour(
    args: &Args,
    table: &Table<'_>,
    interrupt: &Interrupt,
    bar: &ProgressBar,
    out: &mut (dyn Write + Send),
) -> Outcome {
    let mut sink = sink(args, table, interrupt, out)?;
    let (mut code, mut count) = (exit::OK, 0_u64);
    for row in table.rows()? {
        if interrupt.is_requested() {
            return Err(Interrupted.into());
        }
        let row = match row {
            Ok(row) => row,
            Err(problem) => {
                bar.suspend(|| complain!("dsmrd: {problem}"));
                code = exit::FAILURE;
                continue;
            }
        };
        count += 1;
        // A day takes long to come to, a reading does not.
        if count.is_multiple_of(1_024) || matches!(table.rows, Rows::Spans(_)) {
            bar.set_position(table.start.map_or(0, |start| row.time.abs_diff(start)));
            bar.set_message(count.to_string());
        }
        sink.row(&row).map_err(refused)?;
    }
    sink.finish().map_err(refused)?;
    Ok(code)
}

/// The system's own error stays what it is, so that a reader who went away is known by it.
fn refused(error: WriteError) -> anyhow::Error {
    match error {
        WriteError::Io(error) => error.into(),
        error => error.into(),
    }
}

fn sink<'o>(
    args: &Args,
    table: &Table<'_>,
    interrupt: &Interrupt,
    out: &'o mut (dyn Write + Send),
) -> anyhow::Result<Box<dyn Sink + 'o>> {
    let columns = &table.columns;
    Ok(match args.format {
        Format::Csv => Box::new(Csv::new(columns, out)?),
        Format::Json => Box::new(Json::new(columns, out)),
        Format::Influx => {
            let precision = match args.precision {
                Unit::S => Precision::Seconds,
                Unit::Ms => Precision::Millis,
                Unit::Us => Precision::Micros,
                Unit::Ns => Precision::Nanos,
            };
            Box::new(Influx::new(columns, &args.measurement, precision, out))
        }
        Format::Parquet => parquet_sink(args.numbers, table, interrupt, out)?,
    })
}

#[cfg(feature = "parquet")]
fn parquet_sink<'o>(
    numbers: Numbers,
    table: &Table<'_>,
    interrupt: &Interrupt,
    out: &'o mut (dyn Write + Send),
) -> anyhow::Result<Box<dyn Sink + 'o>> {
    use dsmrd::export::parquet::{Numbers as Kept, Parquet, Scales};
    let numbers = match numbers {
        Numbers::Float => Kept::Float,
        Numbers::Decimal => {
            let mut scales = Scales::default();
            // What is damaged is told when it is written.
            for row in table.rows()?.flatten() {
                if interrupt.is_requested() {
                    return Err(Interrupted.into());
                }
                scales.widen(&row);
            }
            Kept::Decimal(scales)
        }
    };
    Ok(Box::new(Parquet::new(&table.columns, &numbers, out).map_err(refused)?))
}

#[cfg(not(feature = "parquet"))]
fn parquet_sink<'o>(
    _numbers: Numbers,
    _table: &Table<'_>,
    _interrupt: &Interrupt,
    _out: &'o mut (dyn Write + Send),
) -> anyhow::Result<Box<dyn Sink + 'o>> {
    bail!("this dsmrd was built without Parquet")
}

/// What is exported.
struct Table<'a> {
    archive: &'a Archive,
    range: Range,
    /// Of every meter that the record knows.
    zones: BTreeMap<String, Zone>,
    rows: Rows,
    columns: Vec<Column>,
    /// The first and the last reading.
    start: Option<i64>,
    end: Option<i64>,
}

enum Rows {
    Readings(RawColumns),
    Spans(Query),
}

impl<'a> Table<'a> {
    fn new(args: &Args, archive: &'a Archive, zones: &Zones, range: Range) -> anyhow::Result<Self> {
        let wanted: Vec<Selected> = match &args.fields {
            None => Vec::new(),
            Some(text) => fields::parse(text).map_err(|problem| anyhow::anyhow!("--fields: {problem}"))?,
        };
        let meters =
            archive.meters()?.into_iter().filter(|meter| range.meter.as_ref().is_none_or(|m| m == meter));
        let zones: BTreeMap<String, Zone> = meters
            .map(|meter| zones.of_meter(Some(&meter)).map(|zone| (meter, zone)))
            .collect::<Result<_, _>>()?;
        let (rows, columns) = if args.resolution == Span::Raw {
            let raw = RawColumns::of(archive, &range, &wanted)?;
            let columns = raw.columns().to_vec();
            (Rows::Readings(raw), columns)
        } else {
            let mut all = zones.values();
            let zone = all.next().cloned().map_or_else(|| Zone::new(DEFAULT_ZONE), Ok)?;
            if all.any(|other| other.time_zone() != zone.time_zone()) {
                bail!(
                    "the meters stand in different time zones; choose one with --meter, or a zone with --timezone"
                );
            }
            let query =
                Query { range: range.clone(), resolution: args.resolution.into(), columns: wanted, zone };
            let columns = spans::columns(archive.query(&query)?.columns());
            (Rows::Spans(query), columns)
        };
        let epochs = archive.epochs(&range)?;
        let start = epochs.iter().map(|epoch| epoch.first).min().max(range.from);
        let end = epochs.iter().map(|epoch| epoch.last).max();
        let end = range.to.map_or(end, |to| end.map(|end| end.min(to)));
        Ok(Self { archive, range, zones, rows, columns, start, end })
    }

    fn zone(&self, meter: &str) -> &Zone {
        &self.zones[meter]
    }

    fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<Row, ReadError>> + '_>, ReadError> {
        Ok(match &self.rows {
            Rows::Readings(columns) => {
                let readings = self.archive.readings(self.range.clone())?;
                Box::new(
                    readings
                        .map(|stored| stored.map(|stored| columns.row(&stored, self.zone(&stored.meter)))),
                )
            }
            Rows::Spans(query) => {
                let spans = self.archive.query(query)?;
                Box::new(spans.map(|span| span.map(|span| spans::row(span, &query.zone))))
            }
        })
    }

    /// How far the rows have come in time; shown on a terminal, unless the rows go there too, or to a program that may
    /// write to it.
    fn bar(&self, to_file: bool) -> anyhow::Result<ProgressBar> {
        let (Some(start), Some(end)) = (self.start, self.end) else { return Ok(ProgressBar::hidden()) };
        if !io::stderr().is_terminal() || !to_file && !is_file(&io::stdout()) {
            return Ok(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(end.abs_diff(start).max(1));
        bar.set_style(ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg} rows  {eta} left")?);
        Ok(bar)
    }
}
