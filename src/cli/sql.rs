//! `dsmrd sql`: the record read with SQL.

mod show;

use std::io::{self, BufWriter, Read, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;

use dsmrd::exit;
use dsmrd::store::sql::{Sql, SqlError, SqlRows};

use self::show::{Csv, Json, Table};
use super::Outcome;
use super::export::is_broken_pipe;
use super::record::ZonedRecordArgs;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The statement, such as "SELECT avg(power_import) FROM reading WHERE time_local LIKE '2026-11-21%'", or several with
    /// semicolons between them; "-" for standard input.
    #[arg(value_name = "SELECT", required_unless_present = "schema")]
    statement: Option<String>,
    /// List the tables, their columns and units.
    #[arg(long)]
    schema: bool,
    /// How rows are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    /// Give up when more than this has to be held to sort or to group: it is never written to the card.
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(4..=65_536))]
    memory: u64,
    #[command(flatten)]
    record: ZonedRecordArgs,
}

/// Prints the answer. Exit 1 when something of it is missing because it is damaged.
pub(super) fn run(args: &Args) -> Outcome {
    let (zones, _) = args.record.zones()?;
    zones.of_meter(None)?;
    let sql = Sql::open(&zones.path, |meter| zones.of_meter(Some(meter)).ok())?;
    sql.limit_memory(args.memory << 20)?;
    let done = if args.schema { print_schema(&sql) } else { answer(args, &sql) };
    let mut code = match done {
        Err(error) if is_broken_pipe(&error) => exit::OK,
        done => done?,
    };
    for problem in sql.take_problems() {
        complain!("dsmrd: {problem}");
        code = exit::FAILURE;
    }
    Ok(code)
}

fn answer(args: &Args, sql: &Sql) -> Outcome {
    let mut statement = args.statement.clone().unwrap_or_default();
    if statement == "-" {
        statement.clear();
        io::stdin()
            .read_to_string(&mut statement)
            .context("cannot read the statement from standard input")?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut rows: Box<dyn SqlRows + '_> = match args.format {
        Format::Table => Box::new(Table::new(&mut out)),
        Format::Csv => Box::new(Csv::new(&mut out)),
        Format::Json => Box::new(Json::new(&mut out)),
    };
    let done = match args.timeout {
        None => sql.run(&statement, &mut *rows),
        Some(seconds) => {
            let handle = sql.interrupt_handle();
            let (finished, waiting) = mpsc::channel::<()>();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    if waiting.recv_timeout(Duration::from_secs(seconds)) == Err(RecvTimeoutError::Timeout) {
                        handle.interrupt();
                    }
                });
                let done = sql.run(&statement, &mut *rows);
                drop(finished);
                done
            })
        }
    };
    // What came before an error is shown too.
    drop(rows);
    out.flush()?;
    match (done, args.timeout) {
        (Ok(()), _) => Ok(exit::OK),
        (Err(SqlError::Write(error)), _) => Err(error.into()),
        (Err(SqlError::Interrupted), Some(seconds)) => bail!("not done within {seconds} s; see --timeout"),
        (Err(error), _) => Err(error.into()),
    }
}

fn print_schema(sql: &Sql) -> Outcome {
    let mut out = BufWriter::new(io::stdout().lock());
    for (place, table) in sql.schema()?.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}: {}", table.name, table.about)?;
        let width = table.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
        for column in &table.columns {
            let line = format!("  {:<width$}  {:<7}  {}", column.name, column.kind, column.unit);
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    out.flush()?;
    Ok(exit::OK)
}
