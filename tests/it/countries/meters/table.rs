//! The tables as reStructuredText: written, and read back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Row;
use super::catalog::{COUNTRIES, METERS, Meter, TEST_DATA};
use super::features::{Column, rank, summary};

/// The columns of the overview: heading and width.
const OVERVIEW: [(&str, usize); 6] =
    [("Country", 11), ("Standard", 18), ("Makers tried", 21), ("Line", 10), ("Encrypted", 9), ("Read", 46)];

/// The columns of a country's table.
const COLUMNS: [(&str, usize); 5] =
    [("Identification", 19), ("Maker", 13), ("Standard", 20), ("Tried", 7), ("What is read", 60)];

/// Words that stand side by side, and how both are said in fewer.
const SHORTER: [(&str, &str); 6] = [
    ("kWh import, kWh export", "kWh both ways"),
    ("kW import, kW export", "kW both ways"),
    ("1 phase, 3 phases", "1 or 3 phases"),
    ("phase kW, phase V, phase A", "each kW, V, A"),
    ("phase kW, phase A", "each kW, A"),
    ("phase V, phase A", "each V, A"),
];

/// The overview, and a table of each country; `origin` tells what they were made from.
pub(super) fn render(rows: &BTreeMap<usize, Row>, origin: &str) -> String {
    let mut text = "At a glance\n===========\n\n".to_owned();
    table(&mut text, &OVERVIEW, overview(rows));
    text += "\nMeter by meter\n==============\n\n";
    let _ = write!(
        text,
        "*Tried* counts telegrams: those that people have published of their meters, and those in ``fixtures``, written\n\
         for this project in the shape of such a meter. `The words in the tables`_ are explained below them.\n\
         {origin}\n"
    );
    for (code, name) in COUNTRIES {
        let of_country: Vec<_> = met(rows).filter(|(meter, _)| meter.country == *code).collect();
        if of_country.is_empty() {
            continue;
        }
        let _ = write!(text, "{name}\n{}\n\n", "-".repeat(name.len()));
        table(&mut text, &COLUMNS, of_country.into_iter().map(|(meter, row)| cells(meter, row)));
        text.push('\n');
    }
    text
}

fn met(rows: &BTreeMap<usize, Row>) -> impl Iterator<Item = (&'static Meter, &Row)> {
    rows.iter().map(|(place, row)| (&METERS[*place], row))
}

/// Whether these telegrams come so out of a meter.
fn is_a_meter(meter: &Meter) -> bool {
    meter.maker != TEST_DATA && !meter.standard.ends_with("(decrypted)")
}

/// A row for each standard of a country.
fn overview(rows: &BTreeMap<usize, Row>) -> Vec<[String; 6]> {
    let mut groups: Vec<Vec<(&Meter, &Row)>> = Vec::new();
    for (code, _) in COUNTRIES {
        for (meter, row) in met(rows).filter(|(meter, _)| meter.country == *code && is_a_meter(meter)) {
            let same = groups.iter_mut().find(|group| {
                let (first, _) = group[0];
                (first.country, first.standard) == (meter.country, meter.standard)
            });
            match same {
                Some(group) => group.push((meter, row)),
                None => groups.push(vec![(meter, row)]),
            }
        }
    }
    let name = |group: &[(&Meter, &Row)]| {
        COUNTRIES.iter().find(|(code, _)| *code == group[0].0.country).map_or("", |(_, name)| *name)
    };
    groups
        .iter()
        .map(|group| {
            let (first, _) = group[0];
            let mut makers: Vec<&str> = Vec::new();
            for (meter, _) in group {
                if !makers.contains(&meter.maker) {
                    makers.push(meter.maker);
                }
            }
            let words = group.iter().flat_map(|(_, row)| &row.features);
            let words: Vec<&str> = words.map(|(_, word)| word.as_str()).collect();
            [
                name(group).to_owned(),
                first.standard.to_owned(),
                makers.join(", "),
                first.line.to_owned(),
                if first.encrypted { "yes" } else { "no" }.to_owned(),
                summary(&words).join(", "),
            ]
        })
        .collect()
}

fn cells(meter: &Meter, row: &Row) -> [String; 5] {
    let mut read = String::new();
    for (column, before) in [
        (Column::Electricity, ""),
        (Column::SubMeters, "Behind it: "),
        (Column::Also, "Also: "),
        (Column::Crc, "Proof: "),
        (Column::Clock, "Clock: "),
        (Column::Unknown, "Kept as it stands: "),
    ] {
        let words = words(row, column);
        if !words.is_empty() {
            let _ = write!(read, "{before}{words}. ");
        }
    }
    if row.told_alone == 0 {
        read += "Set ``country``.";
    }
    [
        // Literal, for a backslash stands for itself there.
        format!("``{}``", meter.identification),
        meter.maker.to_owned(),
        meter.standard.to_owned(),
        format!("{} + {}", row.public, row.own),
        read.trim_end().to_owned(),
    ]
}

/// The words of a column.
fn words(row: &Row, column: Column) -> String {
    let mut words: Vec<&str> =
        row.features.iter().filter(|(of, ..)| *of == column).map(|(_, word)| word.as_str()).collect();
    words.sort_by_key(|word| (rank(word), *word));
    SHORTER.iter().fold(words.join(", "), |text, (long, short)| text.replace(long, short))
}

fn table<const N: usize>(
    text: &mut String,
    columns: &[(&str, usize); N],
    rows: impl IntoIterator<Item = [String; N]>,
) {
    let border = columns.map(|(_, width)| "=".repeat(width)).join(" ") + "\n";
    *text += &border;
    line(text, columns, &columns.map(|(heading, _)| heading.to_owned()));
    *text += &border;
    for row in rows {
        line(text, columns, &row);
    }
    *text += &border;
}

/// Writes a row, each cell wrapped to its column.
fn line<const N: usize>(text: &mut String, columns: &[(&str, usize); N], cells: &[String; N]) {
    let mut parts: Vec<std::vec::IntoIter<String>> =
        cells.iter().zip(columns).map(|(cell, (_, width))| wrapped(cell, *width).into_iter()).collect();
    loop {
        let row: Vec<Option<String>> = parts.iter_mut().map(Iterator::next).collect();
        if row.iter().all(Option::is_none) {
            break;
        }
        let mut line = String::new();
        for (part, (_, width)) in row.into_iter().zip(columns) {
            let part = part.unwrap_or_default();
            line += &part;
            line.extend(std::iter::repeat_n(' ', width + 1 - part.chars().count()));
        }
        *text += line.trim_end();
        text.push('\n');
    }
}

/// `text` in lines of at most `width` characters, as far as its words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_inclusive(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.trim_end().chars().count() <= width => *line += word,
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The cells of a meter's row in a table that was written.
pub(super) fn find(tables: &str, meter: &Meter) -> Option<Vec<String>> {
    let (_, name) = COUNTRIES.iter().find(|(code, _)| *code == meter.country)?;
    let section = tables.split_once(&format!("\n{name}\n---"))?.1;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in section.lines().skip(3).skip_while(|line| !line.starts_with('=')).skip(1) {
        if line.starts_with('=') {
            break;
        }
        let mut rest: Vec<char> = line.chars().collect();
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|(_, width)| {
                let cell: String = rest.drain(..rest.len().min(width + 1)).collect();
                cell.trim().to_owned()
            })
            .collect();
        match rows.last_mut() {
            Some(row) if line.starts_with(' ') => {
                for (whole, more) in row.iter_mut().zip(cells) {
                    *whole = format!("{whole} {more}").trim().to_owned();
                }
            }
            _ => rows.push(cells),
        }
    }
    rows.into_iter().find(|row| {
        row[0] == format!("``{}``", meter.identification) && row[1] == meter.maker && row[2] == meter.standard
    })
}

/// How many telegrams of this project a row counts.
pub(super) fn own_count(cells: &[String]) -> Option<usize> {
    cells[3].split_once('+')?.1.trim().parse().ok()
}

/// Whether a row says a word.
pub(super) fn says(cells: &[String], word: &str) -> bool {
    let long = SHORTER.iter().fold(cells[4].clone(), |text, (long, short)| text.replace(short, long));
    long.contains(word)
}
