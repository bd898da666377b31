//! CSV as RFC 4180 has it: a header, commas, lines that end in CR LF.

use std::io::{self, Write};

use super::row::{Column, Row, Sink, Value, WriteError};

/// Writes CSV.
pub struct Csv<'a> {
    out: &'a mut (dyn Write + Send),
}

impl<'a> Csv<'a> {
    /// Begins with the header.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(columns: &[Column], out: &'a mut (dyn Write + Send)) -> io::Result<Self> {
        for (place, column) in columns.iter().enumerate() {
            separate(out, place)?;
            text(out, &column.name)?;
        }
        write!(out, "\r\n")?;
        Ok(Self { out })
    }
}

impl Sink for Csv<'_> {
    fn row(&mut self, row: &Row) -> Result<(), WriteError> {
        for (place, value) in row.values.iter().enumerate() {
            separate(self.out, place)?;
            match value {
                Value::Absent => {}
                Value::Number(number) => write!(self.out, "{number}")?,
                Value::Time(time) => write!(self.out, "{time}")?,
                Value::Text(value) => text(self.out, value)?,
            }
        }
        Ok(write!(self.out, "\r\n")?)
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        Ok(())
    }
}

fn separate(out: &mut dyn Write, place: usize) -> io::Result<()> {
    if place > 0 { out.write_all(b",") } else { Ok(()) }
}

/// A text, in quotes where it would be taken for more than one field or line.
pub fn text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    if text.contains(['"', ',', '\r', '\n']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
