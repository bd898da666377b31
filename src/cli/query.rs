//! `dsmrd query`: means, extremes and usage of the record, by the span.

mod table;

use std::io::{self, BufWriter, Write};

use anyhow::{Context, bail};
use clap::ValueEnum;

use dsmrd::exit;
use dsmrd::export::csv::Csv;
use dsmrd::export::json::Json;
use dsmrd::export::{Sink, WriteError, fields, spans};
use dsmrd::meter::Zone;
use dsmrd::store::{Answer, AnswerColumn, Archive, Measure, Query, Range, Resolution, Selected};

use self::table::Table;
use super::Outcome;
use super::export::{Span, Zones, check_names, is_broken_pipe, tell_thinned};
use super::record::{RangeArgs, ZonedRecordArgs};

/// A day, in seconds.
const DAY: i64 = 86_400;
/// A resolution that nobody chose makes about this many rows at most.
const ROWS: i64 = 100;

/// How spans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with units.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    range: RangeArgs,
    /// The length of a span; by default such that there are a hundred rows at most.
    #[arg(long, value_enum)]
    resolution: Option<Span>,
    /// Fields with commas between them: power_import.mean, energy_import_t1.delta, gas. Measures are mean, min, max,
    /// last and delta; without one those that are usual, and without fields all of them, of which a table shows what
    /// was used and the power.
    #[arg(long, value_name = "FIELDS")]
    fields: Option<String>,
    /// How spans are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    record: ZonedRecordArgs,
}

/// Prints what was asked for. Exit 1 when some of the readings are damaged.
pub(super) fn run(args: &Args) -> Outcome {
    match answer(args) {
        Err(error) if is_broken_pipe(&error) => Ok(exit::OK),
        done => done,
    }
}

fn answer(args: &Args) -> Outcome {
    let (zones, _) = args.record.zones()?;
    let columns = match &args.fields {
        None => Vec::new(),
        Some(text) => fields::parse(text).map_err(|problem| anyhow::anyhow!("--fields: {problem}"))?,
    };
    let archive = Archive::open(&zones.path)?;
    let zone = zone(args, &archive, &zones)?;
    let asked = args.range.range(&zone)?;
    check_names(&archive, &zones, &asked)?;
    let (range, resolution) = scope(args.resolution.map(Into::into), &archive, &zone, asked)?;
    let mut query = Query { range, resolution, columns, zone };
    let mut answer = archive.query(&query).context("--fields")?;
    let all = answer.columns().len();
    if args.fields.is_none() && args.format == Format::Table {
        query.columns = usual(answer.columns());
        answer = archive.query(&query)?;
    }
    let left_out = all - answer.columns().len();
    let deltas = answer.columns().iter().any(|column| column.measure == Some(Measure::Delta));
    if deltas && !archive.totals_whole()? {
        complain!(
            "dsmrd: the record has readings without totals; stop dsmrd and run \"dsmrd totals rebuild\" once"
        );
    }
    tell_thinned(&archive, &query.range, query.resolution, &query.zone)?;
    let several = args.range.meter.is_none() && archive.meters()?.len() > 1;
    let code = write(args.format, answer, &query, several)?;
    let Some(code) = code else {
        complain!("dsmrd: there are no readings in this range{}", extent(&archive, &query)?);
        return Ok(exit::OK);
    };
    if left_out > 0 {
        complain!("dsmrd: {left_out} more columns with --format csv; --fields chooses among them");
    }
    Ok(code)
}

/// Of all columns those that fit beside each other and that most want: what was used, and the power. All where there are
/// none of these.
fn usual(columns: &[AnswerColumn]) -> Vec<Selected> {
    let is_usual = |column: &&AnswerColumn| match column.measure {
        Some(Measure::Delta) => true,
        Some(Measure::Mean) | None => matches!(column.field.as_str(), "power_import" | "power_export"),
        Some(Measure::Max) => column.field == "power_import",
        Some(Measure::Min | Measure::Last) => false,
    };
    let chosen = columns.iter().filter(is_usual);
    chosen.map(|column| Selected { field: column.field.clone(), measure: column.measure }).collect()
}

/// The zone of the meters asked for, which must be one.
fn zone(args: &Args, archive: &Archive, zones: &Zones) -> anyhow::Result<Zone> {
    let zone = zones.of_meter(args.range.meter.as_deref())?;
    if args.range.meter.is_none() {
        for meter in archive.meters()? {
            if zones.of_meter(Some(&meter))?.time_zone() != zone.time_zone() {
                bail!(
                    "the meters stand in different time zones; choose one with --meter, or a zone with --timezone"
                );
            }
        }
    }
    Ok(zone)
}

/// The range and the resolution, those that nobody gave such that the answer fits a screen or two.
fn scope(
    resolution: Option<Resolution>,
    archive: &Archive,
    zone: &Zone,
    asked: Range,
) -> anyhow::Result<(Range, Resolution)> {
    let (from, to) = (asked.from, asked.to);
    let all = Range { from: None, to: None, ..asked };
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        bail!("--from is not before --to");
    }
    let mut known: Vec<(i64, i64)> =
        archive.epochs(&all)?.iter().map(|epoch| (epoch.first, epoch.last)).collect();
    // An import may have brought positions older than any reading.
    for meter in archive.meters()?.iter().filter(|meter| all.meter.as_ref().is_none_or(|of| of == *meter)) {
        known.extend(archive.counters(meter)?.iter().map(|state| (state.first.time, state.last.time)));
    }
    let Some(last) = known.iter().map(|(_, last)| *last).max() else {
        bail!("the record has no readings yet");
    };
    let end = to.unwrap_or(last + 1).min(last + 1);
    let first = known.iter().map(|(first, _)| *first).min().unwrap_or(end);
    let start = from.unwrap_or_else(|| lately(resolution, first, end));
    let resolution = resolution.unwrap_or_else(|| by_length(end - start.max(first)));
    // A start that nobody gave is that of a whole span.
    let from = from.unwrap_or_else(|| resolution.span(zone, start).0);
    Ok((Range { from: Some(from), to, ..all }, resolution))
}

/// Since when where nobody says it: a start in a record from `first` to `end`.
fn lately(resolution: Option<Resolution>, first: i64, end: i64) -> i64 {
    match resolution {
        Some(Resolution::Year) => first.min(end),
        Some(Resolution::Month) => end - 365 * DAY,
        Some(Resolution::Day) => end - 30 * DAY,
        _ => end - DAY,
    }
}

/// The finest resolution with few enough rows.
fn by_length(seconds: i64) -> Resolution {
    let lengths = [
        (60, Resolution::Minute),
        (900, Resolution::Quarter),
        (3_600, Resolution::Hour),
        (86_400, Resolution::Day),
        (30 * 86_400, Resolution::Month),
    ];
    let fits = lengths.into_iter().find(|(length, _)| seconds / length <= ROWS);
    fits.map_or(Resolution::Year, |(_, resolution)| resolution)
}

/// The exit code; none where there was nothing to write.
fn write(format: Format, answer: Answer<'_>, query: &Query, several: bool) -> anyhow::Result<Option<u8>> {
    let mut out = BufWriter::new(io::stdout());
    let columns = spans::columns(answer.columns());
    let mut sink: Box<dyn Sink> = match format {
        Format::Table => {
            Box::new(Table::new(answer.columns(), query.resolution, query.zone.clone(), several, &mut out))
        }
        Format::Csv => Box::new(Csv::new(&columns, &mut out)?),
        Format::Json => Box::new(Json::new(&columns, &mut out)),
    };
    let (mut code, mut rows) = (exit::OK, 0_u64);
    for span in answer {
        match span {
            Ok(span) => {
                rows += 1;
                sink.row(&spans::row(span, &query.zone)).map_err(refused)?;
            }
            Err(problem) => {
                complain!("dsmrd: {problem}");
                code = exit::FAILURE;
            }
        }
    }
    sink.finish().map_err(refused)?;
    out.flush()?;
    Ok((rows > 0 || code != exit::OK).then_some(code))
}

/// From when to when there are some.
fn extent(archive: &Archive, query: &Query) -> anyhow::Result<String> {
    let epochs = archive.epochs(&Range { from: None, to: None, ..query.range.clone() })?;
    let zone = query.zone.time_zone();
    let shown = |utc: i64| {
        let local = jiff::Timestamp::from_second(utc).map(|instant| instant.to_zoned(zone.clone()));
        local.map(|local| local.strftime("%Y-%m-%d %H:%M:%S").to_string())
    };
    let first = epochs.iter().map(|epoch| epoch.first).min();
    Ok(match first.zip(epochs.iter().map(|epoch| epoch.last).max()) {
        Some((first, last)) => format!("; there are some from {} to {}", shown(first)?, shown(last)?),
        None => String::new(),
    })
}

/// The system's own error stays what it is, so that a reader who went away is known by it.
fn refused(error: WriteError) -> anyhow::Error {
    match error {
        WriteError::Io(error) => error.into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_nobody_chose_leaves_several_spans() {
        let end = 1_795_129_200;
        let since = |resolution| (end - lately(resolution, 0, end)) / DAY;
        let resolutions = [None, Some(Resolution::Minute), Some(Resolution::Day), Some(Resolution::Month)];
        assert_eq!(resolutions.map(since), [1, 1, 30, 365]);
        assert_eq!(lately(Some(Resolution::Year), 7, end), 7);
    }

    #[test]
    fn a_resolution_that_nobody_chose_makes_a_hundred_rows_at_most() {
        let day = 86_400;
        let chosen = [3_600, day, 7 * day, 31 * day, 366 * day, 10_000 * day].map(by_length);
        assert_eq!(
            chosen,
            [
                Resolution::Minute,
                Resolution::Quarter,
                Resolution::Day,
                Resolution::Day,
                Resolution::Month,
                Resolution::Year
            ]
        );
        assert_eq!(by_length(4 * day), Resolution::Hour);
    }
}
