//! InfluxDB line protocol, as versions 1, 2 and 3 read it: a point a row,
//! `measurement,meter=home,equipment_id=… field=1.234,tariff="0002" 1795219200000000000`.
//!
//! Numbers are floats, as they stand: `5` is one too. The protocol has no line breaks within a point and no way to
//! escape the backslash of a name; the one becomes a space, the other, at an end, is left out.

use std::io::Write;

use super::row::{Column, Role, Row, Sink, Value, WriteError};

/// What a point's time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds, which is what InfluxDB expects unless told.
    Nanos,
}

/// Writes line protocol.
pub struct Influx<'a> {
    measurement: String,
    /// Of each column its key; none of those that are time or tags.
    keys: Vec<Option<String>>,
    factor: i64,
    line: String,
    out: &'a mut (dyn Write + Send),
}

impl<'a> Influx<'a> {
    /// For rows of these columns, as points of one measurement.
    pub fn new(
        columns: &[Column],
        measurement: &str,
        precision: Precision,
        out: &'a mut (dyn Write + Send),
    ) -> Self {
        let key =
            |column: &Column| (column.role == Role::Field).then(|| name(&column.name, &[',', '=', ' ']));
        let factor = match precision {
            Precision::Seconds => 1,
            Precision::Millis => 1_000,
            Precision::Micros => 1_000_000,
            Precision::Nanos => 1_000_000_000,
        };
        let measurement = name(measurement, &[',', ' ']);
        Self { measurement, keys: columns.iter().map(key).collect(), factor, line: String::new(), out }
    }
}

impl Sink for Influx<'_> {
    /// A row that says nothing but when and whose makes no point: one has at least one field.
    fn row(&mut self, row: &Row) -> Result<(), WriteError> {
        let line = &mut self.line;
        line.clear();
        line.push_str(&self.measurement);
        // Tags in order of the alphabet are what InfluxDB takes in fastest. None may be empty.
        for (key, value) in [("equipment_id", row.equipment_id.as_deref()), ("meter", Some(&*row.meter))] {
            let value = value.map(|value| name(value, &[',', '=', ' ']));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                line.push_str(&format!(",{key}={value}"));
            }
        }
        let mut separator = ' ';
        for (key, value) in self.keys.iter().zip(&row.values) {
            let Some(key) = key else { continue };
            let value = match value {
                Value::Absent => continue,
                Value::Number(number) => number.to_string(),
                Value::Time(time) => format!("\"{time}\""),
                Value::Text(text) => string(text),
            };
            line.push_str(&format!("{separator}{key}={value}"));
            separator = ',';
        }
        if separator == ' ' {
            return Ok(());
        }
        let time = row.time.checked_mul(self.factor);
        let time = time.ok_or_else(|| {
            WriteError::Format(format!("{}: too far away for nanoseconds; choose --precision s", row.time))
        })?;
        Ok(writeln!(self.out, "{line} {time}")?)
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        Ok(())
    }
}

/// A measurement, a key or a tag's value: what would end it is escaped.
fn name(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.trim_end_matches('\\').chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A field's text.
fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::row::ColumnKind;
    use super::*;
    use crate::p1::Decimal;

    fn written(meter: &str, columns: &[&str], values: Vec<Value>, precision: Precision) -> String {
        let columns: Vec<Column> = columns
            .iter()
            .map(|name| Column {
                name: (*name).to_owned(),
                kind: ColumnKind::Text,
                role: Role::Field,
                unit: None,
            })
            .collect();
        let mut out = Vec::new();
        let mut sink = Influx::new(&columns, "my dsmr,a=b", precision, &mut out);
        sink.row(&Row { time: 1_795_219_200, meter: meter.into(), equipment_id: Some("E=1".into()), values })
            .expect("memory takes it");
        drop(sink);
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn everything_that_would_end_a_part_is_escaped() {
        let number = Value::Number(Decimal::new(-1_230, 3).expect("it fits"));
        let text = Value::Text("say \"hi\", C:\\ a=b\r\nbye\\".into());
        assert_eq!(
            written(
                "the, house\\",
                &["power import", "a=b,c", "none"],
                vec![number, text, Value::Absent],
                Precision::Nanos
            ),
            "my\\ dsmr\\,a=b,equipment_id=E\\=1,meter=the\\,\\ house power\\ import=-1.230,\
             a\\=b\\,c=\"say \\\"hi\\\", C:\\\\ a=b  bye\\\\\" 1795219200000000000\n"
        );
    }

    #[test]
    fn a_point_has_a_field_and_its_time_a_precision() {
        assert_eq!(written("home", &["gas"], vec![Value::Absent], Precision::Nanos), "");
        let number = || vec![Value::Number(Decimal::new(5, 0).expect("it fits"))];
        for (precision, time) in [
            (Precision::Seconds, "1795219200"),
            (Precision::Millis, "1795219200000"),
            (Precision::Micros, "1795219200000000"),
        ] {
            let line = written("home", &["gas"], number(), precision);
            assert_eq!(line, format!("my\\ dsmr\\,a=b,equipment_id=E\\=1,meter=home gas=5 {time}\n"));
        }
    }
}
