//! The table as reStructuredText: written, and read back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Row;
use super::catalog::{COUNTRIES, METERS, Meter};
use super::features::{Column, rank};

/// The columns: heading and width.
const COLUMNS: [(&str, usize); 10] = [
    ("Identification", 20),
    ("Maker", 13),
    ("Standard", 16),
    ("Line", 10),
    ("Tried", 7),
    ("Country", 7),
    ("CRC, clock", 12),
    ("Electricity", 30),
    ("Sub-meters", 20),
    ("Also", 30),
];

/// The whole table, a section a country.
pub(super) fn render(rows: &BTreeMap<usize, Row>) -> String {
    let mut text = String::new();
    for (code, name) in COUNTRIES {
        let of_country: Vec<(&Meter, &Row)> = rows
            .iter()
            .map(|(place, row)| (&METERS[*place], row))
            .filter(|(meter, _)| meter.country == *code)
            .collect();
        if of_country.is_empty() {
            continue;
        }
        let _ = write!(text, "{name}\n{}\n\n{}", "-".repeat(name.len()), border());
        line(&mut text, &COLUMNS.map(|(heading, _)| heading.to_owned()));
        text += &border();
        for (meter, row) in &of_country {
            line(&mut text, &cells(meter, row));
        }
        text += &border();
        text.push('\n');
        for (meter, row) in of_country {
            let unknown = words(row, Column::Unknown);
            if !unknown.is_empty() {
                let title = title(meter);
                for line in wrapped(&format!("Kept as it stands, of {title}: {unknown}."), 110) {
                    text += &line;
                    text.push('\n');
                }
                text.push('\n');
            }
        }
    }
    text
}

fn title(meter: &Meter) -> String {
    format!("``{}`` ({})", meter.identification, meter.standard)
}

fn border() -> String {
    COLUMNS.map(|(_, width)| "=".repeat(width)).join(" ") + "\n"
}

fn cells(meter: &Meter, row: &Row) -> [String; 10] {
    [
        // Literal, for a backslash stands for itself there.
        format!("``{}``", meter.identification),
        meter.maker.to_owned(),
        meter.standard.to_owned(),
        meter.line.to_owned(),
        format!("{} + {}", row.public, row.own),
        match row.told_alone {
            0 => "set it".to_owned(),
            told if told == row.own + row.public => "told".to_owned(),
            told => format!("told ({told})"),
        },
        format!("{}; {}", words(row, Column::Crc), words(row, Column::Clock)),
        words(row, Column::Electricity),
        words(row, Column::SubMeters),
        words(row, Column::Also),
    ]
}

/// The words of a column; of what not all telegrams have, how many do.
fn words(row: &Row, column: Column) -> String {
    let all = row.own + row.public;
    let mut words: Vec<_> = row.features.iter().filter(|(of, ..)| *of == column).collect();
    words.sort_by_key(|(_, word, _)| (rank(word), word.clone()));
    words
        .into_iter()
        .map(|(_, word, count)| if *count == all { word.clone() } else { format!("{word} ({count})") })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes a row, each cell wrapped to its column.
fn line(text: &mut String, cells: &[String; 10]) {
    let mut parts: Vec<std::vec::IntoIter<String>> =
        cells.iter().zip(COLUMNS).map(|(cell, (_, width))| wrapped(cell, width).into_iter()).collect();
    loop {
        let row: Vec<Option<String>> = parts.iter_mut().map(Iterator::next).collect();
        if row.iter().all(Option::is_none) {
            break;
        }
        let mut line = String::new();
        for (part, (_, width)) in row.into_iter().zip(COLUMNS) {
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
    for word in text.split_inclusive(", ").flat_map(|part| part.split_inclusive(' ')) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.trim_end().chars().count() <= width => *line += word,
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The cells of a meter's row in a table that was written.
pub(super) fn find(table: &str, meter: &Meter) -> Option<Vec<String>> {
    let (_, name) = COUNTRIES.iter().find(|(code, _)| *code == meter.country)?;
    let section = table.split_once(&format!("\n{name}\n---"))?.1;
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
    cells[4].split_once('+')?.1.trim().parse().ok()
}

/// Whether a row has a word in a column.
pub(super) fn says(table: &str, cells: &[String], column: Column, word: &str) -> bool {
    let text = match column {
        Column::Crc | Column::Clock => &cells[6],
        Column::Electricity => &cells[7],
        Column::SubMeters => &cells[8],
        Column::Also => &cells[9],
        // Below the table.
        Column::Unknown => return table.contains(word),
    };
    text.contains(word)
}
