//! JSON lines: one object a row, without what is absent.

use std::io::Write;

use super::row::{Column, Row, Sink, Value, WriteError};

/// Writes JSON lines.
pub struct Json<'a> {
    names: Vec<String>,
    out: &'a mut (dyn Write + Send),
}

impl<'a> Json<'a> {
    /// For rows of these columns.
    pub fn new(columns: &[Column], out: &'a mut (dyn Write + Send)) -> Self {
        let name = |column: &Column| serde_json::Value::from(column.name.as_str()).to_string();
        Self { names: columns.iter().map(name).collect(), out }
    }
}

impl Sink for Json<'_> {
    /// Numbers are written digit by digit: no float comes between the meter and the file.
    fn row(&mut self, row: &Row) -> Result<(), WriteError> {
        let mut separator = '{';
        for (name, value) in self.names.iter().zip(&row.values) {
            match value {
                Value::Absent => continue,
                Value::Number(number) => write!(self.out, "{separator}{name}:{number}")?,
                Value::Time(time) => write!(self.out, "{separator}{name}:\"{time}\"")?,
                Value::Text(text) => {
                    write!(self.out, "{separator}{name}:{}", serde_json::Value::from(text.as_str()))?;
                }
            }
            separator = ',';
        }
        Ok(writeln!(self.out, "}}")?)
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        Ok(())
    }
}
