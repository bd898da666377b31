//! Tables as CSV: RFC 4180, with the separators and decimal commas that spreadsheets make of it.

use super::names::{self, Columns, Lack};
use super::time::{self, Clock};
use super::unit::{exponent, is_told};
use super::{ImportError, MAX_SLOTS, Place, Row, Terms, listed, number, shown};
use crate::prices::PriceKind;

/// What a field says where there is no price.
const NONE: [&str; 7] = ["", "-", "n/a", "n/e", "na", "null", "nan"];

/// The most fields of a row.
const MAX_FIELDS: usize = 1_000;

/// The rows of a table.
pub(super) fn rows(text: &str, terms: Terms<'_>) -> Result<Vec<Row>, ImportError> {
    let (separator, skipped) = separator(text);
    let mut records = Records { rest: text, separator, line: 1 };
    if skipped {
        records.next();
    }
    let header = records.next().transpose()?;
    let Some(header) = header else { return Err(ImportError::whole("it is empty")) };
    let titles: Vec<&str> = header.fields.iter().map(|field| field.trim()).collect();
    let columns = names::columns(&titles, true).map_err(|lack| lacks(&header, &titles, lack))?;
    let table = Table {
        columns,
        width: titles.len(),
        comma: separator != ',',
        clock: Clock { utc: names::is_utc(titles[columns.start]), zone: terms.zone },
        end_clock: Clock { utc: columns.end.is_some_and(|end| names::is_utc(titles[end])), zone: terms.zone },
        priced: titles[columns.price],
        terms,
    };
    let mut rows = Vec::new();
    for record in records {
        let record = record?;
        if rows.len() == MAX_SLOTS {
            let problem = format!("there are more than {MAX_SLOTS} rows; import them in parts");
            return Err(ImportError::at(Place::Line(record.line), problem));
        }
        let place = Place::Line(record.line);
        rows.push(table.row(&record, place.clone()).map_err(|problem| ImportError::at(place, problem))?);
    }
    Ok(rows)
}

fn lacks(header: &Record, titles: &[&str], lack: Lack) -> ImportError {
    let columns = listed(titles.iter().copied());
    ImportError::at(
        Place::Line(header.line),
        match lack {
            Lack::Start => {
                format!("no column tells when a price begins; name it \"start\"; there are {columns}")
            }
            Lack::Price => format!("no column tells the price; name it \"price\"; there are {columns}"),
            Lack::OnePrice(one, another) => format!(
                "{} and {} may both be the price; name the one that counts \"price\"",
                shown(titles[one]),
                shown(titles[another])
            ),
        },
    )
}

/// What separates fields: of comma, semicolon and tab the one that stands most often in the header, quotes apart; a
/// first line `sep=;` tells it, and is no header.
fn separator(text: &str) -> (char, bool) {
    if let Some(separator) = text.strip_prefix("sep=").and_then(|rest| rest.chars().next())
        && matches!(separator, ',' | ';' | '\t')
    {
        return (separator, true);
    }
    let header = text.trim_start_matches(['\r', '\n']).lines().next().unwrap_or_default();
    let count = |separator: char| {
        let outside = header.split('"').step_by(2);
        outside.map(|part| part.matches(separator).count()).sum::<usize>()
    };
    // Of equals the last counts, and one column is separated by nothing.
    let separator = [',', '\t', ';'].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(',');
    (if count(separator) == 0 { ',' } else { separator }, false)
}

/// How rows are read.
struct Table<'a> {
    columns: Columns,
    width: usize,
    comma: bool,
    clock: Clock<'a>,
    end_clock: Clock<'a>,
    /// The title of the price's column.
    priced: &'a str,
    terms: Terms<'a>,
}

impl Table<'_> {
    fn row(&self, record: &Record, place: Place) -> Result<Row, String> {
        let count = record.fields.len();
        if record.fields.iter().skip(self.width).any(|field| !field.trim().is_empty()) {
            let hint = if self.comma { "" } else { "; a decimal comma needs semicolons between the fields" };
            return Err(format!("it has {count} fields and the header has {}{hint}", self.width));
        }
        let field = |column: usize| {
            record.fields.get(column).map(|field| field.trim()).ok_or_else(|| {
                format!("it has {count} fields and the header has {}; is it cut off?", self.width)
            })
        };
        let (start, until) = self.start(&field)?;
        let end = match self.columns.end.map(field).transpose()? {
            None | Some("") => until,
            Some(end) => Some(time::instant(end, self.end_clock)?),
        };
        let kind = match self.columns.kind.map(field).transpose()? {
            None | Some("") => self.terms.kind,
            Some(name) => kind(name)?,
        };
        let price = field(self.columns.price)?;
        let price = if NONE.iter().any(|none| none.eq_ignore_ascii_case(price)) {
            None
        } else {
            let unit = match self.columns.unit.map(field).transpose()? {
                Some(unit) if is_told(unit) => unit,
                _ => self.priced,
            };
            let exponent = exponent(self.terms.unit, Some(unit), kind)?;
            Some(number::price(price, self.comma, exponent).map_err(|problem| format!("price: {problem}"))?)
        };
        Ok(Row { place, kind, start, end, price })
    }

    /// When the row begins, and until when, where one field tells both: `01/01/2026 00:00 - 01/01/2026 01:00`.
    fn start<'r>(
        &self,
        field: &impl Fn(usize) -> Result<&'r str, String>,
    ) -> Result<(i64, Option<i64>), String> {
        let day = field(self.columns.start)?;
        let clock = self.columns.clock.map(field).transpose()?.unwrap_or_default();
        // Either of the two may tell the whole.
        if clock.is_empty() || day.len() > "2026-01-31".len() {
            return match day.split_once(" - ") {
                Some((start, end)) => {
                    Ok((time::instant(start, self.clock)?, Some(time::instant(end, self.clock)?)))
                }
                None => Ok((time::instant(day, self.clock)?, None)),
            };
        }
        let whole = if clock.len() > "00:00:00".len() { clock } else { &format!("{day} {clock}") };
        Ok((time::instant(whole, self.clock)?, None))
    }
}

/// The kind that a row tells.
pub(super) fn kind(name: &str) -> Result<PriceKind, String> {
    PriceKind::from_name(name).ok_or_else(|| {
        let kinds = PriceKind::ALL.map(PriceKind::name).join(", ");
        format!("{} is no kind of price; there are {kinds}", shown(name))
    })
}

/// A record and the line on which it starts.
struct Record {
    line: usize,
    fields: Vec<String>,
}

/// Records of RFC 4180; lines without anything are passed over.
struct Records<'a> {
    rest: &'a str,
    separator: char,
    line: usize,
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let mut fields = Vec::new();
            let ended = loop {
                match self.field() {
                    Ok(_) if fields.len() == MAX_FIELDS => break Err("it has more than 1000 fields"),
                    Ok((field, last)) => {
                        fields.push(field);
                        if last {
                            break Ok(());
                        }
                    }
                    Err(problem) => break Err(problem),
                }
            };
            if let Err(problem) = ended {
                self.rest = "";
                return Some(Err(ImportError::at(Place::Line(line), problem)));
            }
            if fields.iter().any(|field| !field.trim().is_empty()) {
                return Some(Ok(Record { line, fields }));
            }
        }
    }
}

impl Records<'_> {
    /// The next field, and whether it is the last of its record.
    fn field(&mut self) -> Result<(String, bool), &'static str> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([self.separator, '\r', '\n']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok((field.to_owned(), self.separated()?));
        };
        let mut field = String::new();
        let mut rest = quoted;
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                return Err("a quote is opened and never closed");
            };
            field.push_str(part);
            self.line += part.matches('\n').count();
            rest = after;
            let Some(after) = rest.strip_prefix('"') else { break };
            field.push('"');
            rest = after;
        }
        self.rest = rest;
        Ok((field, self.separated()?))
    }

    /// Takes what stands behind a field; whether that ends the record.
    fn separated(&mut self) -> Result<bool, &'static str> {
        if let Some(rest) = self.rest.strip_prefix(self.separator) {
            self.rest = rest;
            return Ok(false);
        }
        let ends = ["\r\n", "\n", "\r"];
        if let Some(rest) = ends.iter().find_map(|end| self.rest.strip_prefix(end)) {
            self.rest = rest;
            self.line += 1;
            return Ok(true);
        }
        if self.rest.is_empty() { Ok(true) } else { Err("text stands behind a closing quote") }
    }
}
