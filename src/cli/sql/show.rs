//! Rows of SQL, shown.

use std::io::{self, Write};

use dsmrd::store::sql::{SqlRows, SqlValue};

/// Rows that a table holds back to find out how wide its columns are. Later rows may stick out.
const LOOKED_AT: usize = 1_000;

/// A table for people: numbers to the right, a line under the names.
pub(super) struct Table<'o> {
    names: Vec<String>,
    waiting: Vec<Vec<(String, bool)>>,
    widths: Option<Vec<usize>>,
    out: &'o mut dyn Write,
}

impl<'o> Table<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { names: Vec::new(), waiting: Vec::new(), widths: None, out }
    }

    fn print(&mut self, row: &[(String, bool)]) -> io::Result<()> {
        let mut line = String::new();
        for (place, (text, is_number)) in row.iter().enumerate() {
            let width = self.widths.as_ref().and_then(|widths| widths.get(place)).copied().unwrap_or(0);
            let gap = if place > 0 { "  " } else { "" };
            match is_number {
                true => line.push_str(&format!("{gap}{text:>width$}")),
                false => line.push_str(&format!("{gap}{text:<width$}")),
            }
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    /// The names and what was held back.
    fn begin(&mut self) -> io::Result<()> {
        if self.widths.is_some() || self.names.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let names = std::mem::take(&mut self.names);
        let width = |place: usize| {
            let cells = waiting.iter().filter_map(|row| row.get(place)).map(|(text, _)| text.chars().count());
            cells.chain([names[place].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        // A name stands over its numbers.
        let right =
            |place: usize| waiting.iter().any(|row| row.get(place).is_some_and(|(_, number)| *number));
        let head: Vec<(String, bool)> =
            names.into_iter().enumerate().map(|(place, name)| (name, right(place))).collect();
        let line = widths.iter().map(|width| ("-".repeat(*width), false)).collect::<Vec<_>>();
        self.widths = Some(widths);
        self.print(&head)?;
        self.print(&line)?;
        waiting.iter().try_for_each(|row| self.print(row))
    }
}

impl SqlRows for Table<'_> {
    fn names(&mut self, names: &[String]) -> io::Result<()> {
        // Of the answer before.
        self.begin()?;
        if self.widths.take().is_some() {
            writeln!(self.out)?;
        }
        self.names = names.to_vec();
        Ok(())
    }

    fn row(&mut self, row: Vec<SqlValue>) -> io::Result<()> {
        let is_number = |value: &SqlValue| matches!(value, SqlValue::Integer(_) | SqlValue::Real(_));
        let cell = |value: &SqlValue| {
            let text = plain(value).replace(|c: char| c.is_control(), " ");
            (text, is_number(value))
        };
        let row: Vec<(String, bool)> = row.iter().map(cell).collect();
        if self.widths.is_some() {
            return self.print(&row);
        }
        self.waiting.push(row);
        if self.waiting.len() == LOOKED_AT { self.begin() } else { Ok(()) }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        // Where it cannot be written, the flush that follows says so.
        let _ = self.begin();
    }
}

/// As RFC 4180 has it; an empty line between two answers.
pub(super) struct Csv<'o> {
    out: &'o mut dyn Write,
    begun: bool,
}

impl<'o> Csv<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, begun: false }
    }

    fn line<'t>(&mut self, cells: impl Iterator<Item = &'t str>) -> io::Result<()> {
        for (place, cell) in cells.enumerate() {
            if place > 0 {
                write!(self.out, ",")?;
            }
            dsmrd::export::csv::text(self.out, cell)?;
        }
        write!(self.out, "\r\n")
    }
}

impl SqlRows for Csv<'_> {
    fn names(&mut self, names: &[String]) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            write!(self.out, "\r\n")?;
        }
        self.line(names.iter().map(String::as_str))
    }

    fn row(&mut self, row: Vec<SqlValue>) -> io::Result<()> {
        let row: Vec<String> = row.iter().map(plain).collect();
        self.line(row.iter().map(String::as_str))
    }
}

/// One object a line; NULL is null.
pub(super) struct Json<'o> {
    names: Vec<String>,
    out: &'o mut dyn Write,
}

impl<'o> Json<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { names: Vec::new(), out }
    }
}

impl SqlRows for Json<'_> {
    fn names(&mut self, names: &[String]) -> io::Result<()> {
        self.names = names.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
        Ok(())
    }

    fn row(&mut self, row: Vec<SqlValue>) -> io::Result<()> {
        write!(self.out, "{{")?;
        for (place, (name, value)) in self.names.iter().zip(&row).enumerate() {
            let value = match value {
                SqlValue::Null => serde_json::Value::Null,
                SqlValue::Integer(number) => (*number).into(),
                // Infinity has no JSON; it becomes null.
                SqlValue::Real(number) => (*number).into(),
                value => plain(value).into(),
            };
            write!(self.out, "{}{name}:{value}", if place > 0 { "," } else { "" })?;
        }
        writeln!(self.out, "}}")
    }
}

fn plain(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => String::new(),
        SqlValue::Integer(number) => number.to_string(),
        // With a point, so that it is told from a whole number: 230.0.
        SqlValue::Real(number) => format!("{number:?}"),
        SqlValue::Text(text) => text.clone(),
        SqlValue::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
