//! `dsmrd topics`: every topic that a configuration publishes, by broker, layout and meter.

mod gather;

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;

use dsmrd::{config, exit};

use super::Outcome;
use gather::Line;

/// How the topics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// An array of objects.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", env = "DSMRD_CONFIG")]
    config: Option<PathBuf>,
    /// How the topics are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Outcome {
    let lines = match &args.config {
        Some(file) => {
            let loaded = config::load(file)?;
            for warning in &loaded.warnings {
                complain!("warning: {warning}");
            }
            gather::of_settings(&loaded.settings)?
        }
        None => gather::of_all(),
    };
    let text = match args.format {
        Format::Table => table(&lines),
        Format::Csv => csv(&lines),
        Format::Json => format!("{:#}\n", serde_json::Value::from_iter(lines.iter().map(json))),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit::OK),
    }
}

/// The names of a line's cells.
const COLUMNS: [&str; 9] =
    ["broker", "layout", "meter", "topic", "unit", "meaning", "reader", "retained", "sent"];

/// The cells of a line. All that dsmrd says is state, and so retained.
fn cells(line: &Line) -> [&str; 9] {
    [
        &line.broker,
        line.layout,
        &line.meter,
        &line.topic,
        &line.unit,
        &line.meaning,
        line.reader,
        "yes",
        line.sent,
    ]
}

fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    let width = |cell: fn(&Line) -> &str| lines.iter().map(|line| cell(line).chars().count()).max();
    let [topic, unit, sent] = [width(|line| &line.topic), width(|line| &line.unit), width(|line| line.sent)]
        .map(Option::unwrap_or_default);
    for (place, group) in lines.chunk_by(|one, other| one.group() == other.group()).enumerate() {
        let (broker, layout, meter) = group[0].group();
        let named = [("broker", broker), ("layout", layout), ("meter", meter)];
        let named = named.into_iter().filter(|(_, name)| !name.is_empty());
        let heading: Vec<String> = named.map(|(what, name)| format!("{what} {name}")).collect();
        let gap = if place == 0 { "" } else { "\n" };
        // To write into a string does not fail.
        let plural = if group.len() == 1 { "" } else { "s" };
        let _ = writeln!(text, "{gap}{}: {} topic{plural}", heading.join(", "), group.len());
        for line in group {
            let Line { topic: name, unit: of, sent: when, meaning, .. } = line;
            let row = format!("  {name:topic$}  {of:unit$}  {when:sent$}  {meaning}");
            let _ = writeln!(text, "{}", row.trim_end());
        }
    }
    text
}

fn csv(lines: &[Line]) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for line in lines {
        let cells = cells(line).map(|cell| match cell.contains(['"', ',', '\r', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        });
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn json(line: &Line) -> serde_json::Value {
    let members = COLUMNS.into_iter().zip(cells(line)).map(|(name, cell)| match name {
        "retained" => (name.to_owned(), true.into()),
        _ => (name.to_owned(), cell.into()),
    });
    serde_json::Value::Object(members.collect())
}
