//! Readings as rows.

use std::sync::Arc;

use crate::meter::Zone;
use crate::meter::shown::{self, Shown, ShownColumn, ShownKind};
use crate::store::{Archive, Range, ReadError, Selected, Stored};

use super::row::{Column, ColumnKind, Moment, Role, Row, Value};

/// The columns of an export of readings.
#[derive(Clone, Debug)]
pub struct RawColumns {
    columns: Vec<Column>,
    shown: Vec<ShownColumn>,
    /// A meter's name had several pieces of equipment behind it.
    equipment: bool,
}

/// Why there is no such column.
#[derive(Debug, thiserror::Error)]
pub enum NoColumns {
    /// The record cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A reading is no span: it has no mean.
    #[error("{0}: a reading has no measures; ask for it without, or for a --resolution other than raw")]
    Measure(String),
    /// The record has no such column in the range.
    #[error("there is no {0:?} in this range; there are {1}")]
    Unknown(String, String),
}

impl RawColumns {
    /// Those that the readings in range need: all, or the named ones in the order of their names.
    ///
    /// # Errors
    /// A name that is none, or a record that cannot be read.
    pub fn of(archive: &Archive, range: &Range, wanted: &[Selected]) -> Result<Self, NoColumns> {
        let epochs = archive.epochs(range)?;
        // Epochs stand in the order of their meters.
        let equipment = epochs.windows(2).any(|pair| pair[0].meter == pair[1].meter);
        let all = shown::columns(&archive.columns(range)?);
        let mut shown = all.clone();
        if !wanted.is_empty() {
            shown.clear();
            for Selected { field, measure } in wanted {
                if measure.is_some() {
                    return Err(NoColumns::Measure(field.clone()));
                }
                let found = all.iter().find(|column| column.name == *field).ok_or_else(|| {
                    let names: Vec<&str> = all.iter().map(|column| column.name.as_str()).collect();
                    NoColumns::Unknown(field.clone(), names.join(", "))
                })?;
                shown.push(found.clone());
            }
        }
        let column = |name: &str, kind, role| Column { name: name.to_owned(), kind, role, unit: None };
        // What every reading has: its time as the meter shows it and in UTC, whose it is, how it was proven.
        let mut columns = vec![
            column("time", ColumnKind::Time, Role::When),
            column("time_utc", ColumnKind::Time, Role::When),
            column("meter", ColumnKind::Text, Role::Whose),
            column("proof", ColumnKind::Text, Role::Field),
        ];
        if equipment {
            columns.push(column("equipment_id", ColumnKind::Text, Role::Whose));
        }
        columns.extend(shown.iter().map(|shown| Column {
            name: shown.name.clone(),
            kind: match shown.kind {
                ShownKind::Number => ColumnKind::Number,
                ShownKind::Text => ColumnKind::Text,
                ShownKind::Time => ColumnKind::Time,
            },
            role: Role::Field,
            unit: shown.unit,
        }));
        Ok(Self { columns, shown, equipment })
    }

    /// As a format is told of them.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The row of a reading; the zone is for meters that do not tell theirs.
    pub fn row(&self, stored: &Stored, zone: &Zone) -> Row {
        let reading = &stored.reading;
        let time = reading.utc_seconds();
        let own = Moment::of_reading(reading, zone.time_zone());
        let mut values = Vec::with_capacity(self.columns.len());
        values.push(Value::Time(own));
        values.push(Value::Time(Moment::At(time, None)));
        values.push(Value::Text(stored.meter.to_string()));
        values.push(Value::Text(reading.proof.name().to_owned()));
        if self.equipment {
            let id = stored.equipment_id.as_deref();
            values.push(id.map_or(Value::Absent, |id| Value::Text(id.to_owned())));
        }
        values.extend(self.shown.iter().map(|column| match column.cell(reading) {
            Shown::Absent => Value::Absent,
            Shown::Number(quantity) => Value::Number(quantity.value),
            Shown::Text(text) => Value::Text(text),
            Shown::Time(time) => Value::Time(Moment::of_meter(time)),
        }));
        Row { time, meter: Arc::clone(&stored.meter), equipment_id: stored.equipment_id.clone(), values }
    }
}
