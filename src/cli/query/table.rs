//! Spans as a table for people. Its widths are those of the first rows, so that a long one need not wait for its end.

use std::io::Write;

use dsmrd::export::{Row, Sink, Value, WriteError};
use dsmrd::meter::Zone;
use dsmrd::store::{AnswerColumn, Resolution};

/// Rows by which the widths are chosen.
const LOOK_AHEAD: usize = 400;
/// Cells of a row of [`dsmrd::export::spans`] before those of the answer.
const BEFORE: usize = 5;

/// A table that is being written.
pub(super) struct Table<'o> {
    out: &'o mut dyn Write,
    resolution: Resolution,
    zone: Zone,
    /// Whether rows tell whose they are.
    several: bool,
    /// Names and units, then the rows that wait for the widths.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
    /// The places of texts, which stand to the left.
    texts: Vec<bool>,
}

impl<'o> Table<'o> {
    pub(super) fn new(
        columns: &[AnswerColumn],
        resolution: Resolution,
        zone: Zone,
        several: bool,
        out: &'o mut dyn Write,
    ) -> Self {
        let before = if several { vec!["start", "meter"] } else { vec!["start"] };
        let mut names: Vec<String> = before.iter().map(|name| (*name).to_owned()).collect();
        let mut units = vec![String::new(); names.len()];
        let mut texts = vec![true; names.len()];
        for column in columns {
            names.push(column.name.clone());
            units.push(column.unit.map_or_else(String::new, |unit| unit.symbol().to_owned()));
            texts.push(column.unit.is_none());
        }
        Self { out, resolution, zone, several, waiting: vec![names, units], widths: Vec::new(), texts }
    }

    /// The start of a span in as few digits as tell it. The offset tells the two hours of an autumn night apart.
    fn start(&self, utc: i64) -> String {
        let instant = jiff::Timestamp::from_second(utc).unwrap_or_default();
        let format = match self.resolution {
            Resolution::Raw => "%Y-%m-%d %H:%M:%S%:z",
            Resolution::Minute | Resolution::Quarter | Resolution::Hour => "%Y-%m-%d %H:%M%:z",
            Resolution::Day => "%Y-%m-%d",
            Resolution::Month => "%Y-%m",
            Resolution::Year => "%Y",
        };
        instant.to_zoned(self.zone.time_zone().clone()).strftime(format).to_string()
    }

    /// Writes what waits, with the widths that it takes.
    fn settle(&mut self) -> Result<(), WriteError> {
        self.widths = vec![0; self.texts.len()];
        for row in &self.waiting {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in std::mem::take(&mut self.waiting) {
            self.line(&row)?;
        }
        Ok(())
    }

    fn line(&mut self, cells: &[String]) -> Result<(), WriteError> {
        let mut line = String::new();
        for ((cell, width), is_text) in cells.iter().zip(&self.widths).zip(&self.texts) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            match is_text {
                true => line.push_str(&format!("{cell:<width$}")),
                false => line.push_str(&format!("{cell:>width$}")),
            }
        }
        Ok(writeln!(self.out, "{}", line.trim_end())?)
    }
}

impl Sink for Table<'_> {
    fn row(&mut self, row: &Row) -> Result<(), WriteError> {
        let mut cells = vec![self.start(row.time)];
        if self.several {
            cells.push(row.meter.to_string());
        }
        cells.extend(row.values.iter().skip(BEFORE).map(|value| match value {
            Value::Absent => String::new(),
            Value::Number(number) => number.to_string(),
            // What a meter says must not move the cursor.
            Value::Text(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            Value::Time(moment) => moment.to_string(),
        }));
        if !self.widths.is_empty() {
            return self.line(&cells);
        }
        self.waiting.push(cells);
        if self.waiting.len() >= LOOK_AHEAD { self.settle() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        // A table without a row is none.
        if self.waiting.len() > 2 { self.settle() } else { Ok(()) }
    }
}
