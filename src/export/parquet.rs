//! Parquet: columns of numbers, texts and times, in groups of rows that bound the memory.
//!
//! Times are instants, TIMESTAMP in UTC and milliseconds; of `time` and `time_utc`, which say the same, there is one.
//! The time of a clock in the hour that the autumn doubles, of which nobody knows the offset, is absent. Numbers are
//! DOUBLE, which pandas reckons with, and which prints as the meter's own digits; or exact, DECIMAL with as many digits
//! behind the point as any of them has. The units of columns stand in the metadata of the file, as `unit.<column>`.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::row::{Column, ColumnKind, Moment, Role, Row, Sink, Value, WriteError};
use crate::p1::Decimal;

/// Rows of a group: some 10 MB of thirty columns.
const GROUP: usize = 32_768;

/// The digits of a DECIMAL that lies in 64 bits.
const DIGITS: u8 = 18;

/// How numbers are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// As DOUBLE.
    Float,
    /// As DECIMAL, with the digits behind the point that a look at all rows found.
    Decimal(Scales),
}

/// The digits behind the point that numbers need, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scales(Vec<u8>);

impl Scales {
    /// Makes room for the numbers of a row.
    pub fn widen(&mut self, row: &Row) {
        self.0.resize(row.values.len().max(self.0.len()), 0);
        for (scale, value) in self.0.iter_mut().zip(&row.values) {
            if let Value::Number(number) = value {
                *scale = number.scale().max(*scale);
            }
        }
    }

    fn of(&self, place: usize) -> u8 {
        self.0.get(place).copied().unwrap_or(0)
    }
}

/// Writes Parquet.
pub struct Parquet<'a> {
    columns: Vec<Buffer>,
    rows: usize,
    writer: SerializedFileWriter<&'a mut (dyn Write + Send)>,
}

/// The rows of a group in one column.
struct Buffer {
    name: String,
    /// Its place in a row.
    place: usize,
    cells: Cells,
    /// 1 where a row has a cell, 0 where it is absent.
    levels: Vec<i16>,
}

enum Cells {
    Time(Vec<i64>),
    Float(Vec<f64>),
    Decimal(u8, Vec<i64>),
    Text(Vec<ByteArray>),
}

impl<'a> Parquet<'a> {
    /// Begins a file for rows of these columns.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(
        columns: &[Column],
        numbers: &Numbers,
        out: &'a mut (dyn Write + Send),
    ) -> Result<Self, WriteError> {
        // A point in a name makes a path of it to some readers.
        let name = |column: &Column| column.name.replace('.', "_");
        let buffers: Vec<Buffer> = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !(column.role == Role::When && column.name == "time_utc"))
            .map(|(place, column)| Buffer {
                name: name(column),
                place,
                cells: Cells::of(column.kind, place, numbers),
                levels: Vec::new(),
            })
            .collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by("dsmrd".to_owned());
        for buffer in &buffers {
            if matches!(buffer.cells, Cells::Time(_) | Cells::Decimal(..)) {
                let path = ColumnPath::from(buffer.name.as_str());
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
        }
        let units = columns.iter().filter_map(|column| {
            let symbol = column.unit?.symbol();
            (!symbol.is_empty()).then(|| KeyValue::new(format!("unit.{}", name(column)), symbol.to_owned()))
        });
        let properties = properties.set_key_value_metadata(Some(units.collect())).build();
        let fields = buffers.iter().map(Buffer::schema).collect::<Result<_, _>>().map_err(refused)?;
        let schema = Type::group_type_builder("dsmrd").with_fields(fields).build().map_err(refused)?;
        let writer =
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(refused)?;
        Ok(Self { columns: buffers, rows: 0, writer })
    }

    fn write_group(&mut self) -> Result<(), WriteError> {
        let mut group = self.writer.next_row_group().map_err(refused)?;
        for column in &mut self.columns {
            column.write(&mut group).map_err(refused)?;
        }
        group.close().map_err(refused)?;
        self.rows = 0;
        Ok(())
    }
}

impl Sink for Parquet<'_> {
    fn row(&mut self, row: &Row) -> Result<(), WriteError> {
        for column in &mut self.columns {
            column.push(row.values.get(column.place).unwrap_or(&Value::Absent))?;
        }
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.finish().map_err(refused)?;
        Ok(())
    }
}

impl Cells {
    fn of(kind: ColumnKind, place: usize, numbers: &Numbers) -> Self {
        match (kind, numbers) {
            (ColumnKind::Time, _) => Self::Time(Vec::new()),
            (ColumnKind::Text, _) => Self::Text(Vec::new()),
            (ColumnKind::Number, Numbers::Float) => Self::Float(Vec::new()),
            (ColumnKind::Number, Numbers::Decimal(scales)) => Self::Decimal(scales.of(place), Vec::new()),
        }
    }
}

impl Buffer {
    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match &self.cells {
            Cells::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Cells::Float(_) => (Physical::DOUBLE, None),
            Cells::Decimal(scale, _) => {
                (Physical::INT64, Some(LogicalType::decimal(i32::from(*scale), i32::from(DIGITS))))
            }
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let mut field = Type::primitive_type_builder(&self.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        if let Cells::Decimal(scale, _) = &self.cells {
            field = field.with_precision(i32::from(DIGITS)).with_scale(i32::from(*scale));
        }
        field.build().map(Arc::new)
    }

    fn push(&mut self, value: &Value) -> Result<(), WriteError> {
        let known = match (&mut self.cells, value) {
            (_, Value::Absent) | (Cells::Time(_), Value::Time(Moment::Local(_))) => false,
            (Cells::Time(cells), Value::Time(Moment::At(utc, _))) => {
                cells.push(utc.saturating_mul(1_000));
                true
            }
            (Cells::Float(cells), Value::Number(number)) => {
                cells.push(float(*number));
                true
            }
            (Cells::Decimal(scale, cells), Value::Number(number)) => {
                cells.push(digits(*number, *scale).ok_or_else(|| {
                    WriteError::Format(format!(
                        "{}: {number} has more than {DIGITS} digits; choose --numbers float",
                        self.name
                    ))
                })?);
                true
            }
            (Cells::Text(cells), value) => {
                let text = match value {
                    Value::Text(text) => text.as_str(),
                    Value::Number(number) => &number.to_string(),
                    Value::Time(time) => &time.to_string(),
                    Value::Absent => "",
                };
                // Most texts are that of the row before.
                let same = cells.last().filter(|last| last.data() == text.as_bytes()).cloned();
                cells.push(same.unwrap_or_else(|| ByteArray::from(text)));
                true
            }
            (_, value) => {
                return Err(WriteError::Format(format!(
                    "{}: its column has no room for {value:?}",
                    self.name
                )));
            }
        };
        self.levels.push(i16::from(known));
        Ok(())
    }

    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let levels = &mut self.levels;
        match &mut self.cells {
            Cells::Time(cells) | Cells::Decimal(_, cells) => write::<Int64Type, W>(group, cells, levels)?,
            Cells::Float(cells) => write::<DoubleType, W>(group, cells, levels)?,
            Cells::Text(cells) => write::<ByteArrayType, W>(group, cells, levels)?,
        }
        levels.clear();
        Ok(())
    }
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the row group has fewer columns".to_owned()));
    };
    column.typed::<T>().write_batch(cells, Some(levels), None)?;
    cells.clear();
    column.close()
}

/// The number nearest to a decimal. Where digits and power of ten are exact, so that the quotient is rounded once, it
/// takes no text.
fn float(number: Decimal) -> f64 {
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    if number.magnitude() <= EXACT && number.scale() <= 19 {
        let magnitude = number.magnitude() as f64 / 10f64.powi(i32::from(number.scale()));
        return if number.is_negative() { -magnitude } else { magnitude };
    }
    number.to_string().parse().unwrap_or(f64::NAN)
}

/// A decimal's digits at a scale; none where they do not fit.
fn digits(number: Decimal, scale: u8) -> Option<i64> {
    let digits = i64::try_from(number.rescaled(scale)?.mantissa()).ok()?;
    (digits.unsigned_abs() < 10_u64.pow(u32::from(DIGITS))).then_some(digits)
}

fn refused(error: ParquetError) -> WriteError {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => WriteError::Io(*error),
            Err(error) => WriteError::Format(error.to_string()),
        },
        error => WriteError::Format(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_float_is_the_one_that_the_digits_name(negative: bool, magnitude: u64, scale in 0..=19u8) {
            for magnitude in [magnitude, magnitude >> 20, magnitude >> 40] {
                let number = Decimal::from_parts(negative, magnitude, scale).expect("a scale in range");
                prop_assert_eq!(float(number), number.to_string().parse::<f64>().expect("a number"));
            }
        }

        #[test]
        fn digits_are_exact_or_refused(magnitude: u64, scale in 0..=6u8, more in 0..=3u8) {
            let number = Decimal::from_parts(false, magnitude, scale).expect("a scale in range");
            let expected = i128::from(magnitude) * 10i128.pow(u32::from(more));
            match digits(number, scale + more) {
                Some(digits) => prop_assert_eq!(i128::from(digits), expected),
                None => prop_assert!(expected >= 10i128.pow(18)),
            }
        }
    }
}
