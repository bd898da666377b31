//! What readings come to by the minute, the hour or the day, as rows.

use std::sync::Arc;

use crate::meter::Zone;
use crate::store::{AnswerColumn, Cell, Span};

use super::row::{Column, ColumnKind, Moment, Role, Row, Value};

/// The columns of an export of spans: the start as the meter's clock shows it and in UTC, the end, whose it is, then
/// those of the answer.
pub fn columns(answer: &[AnswerColumn]) -> Vec<Column> {
    let column = |name: &str, kind, role| Column { name: name.to_owned(), kind, role, unit: None };
    let mut columns = vec![
        column("time", ColumnKind::Time, Role::When),
        column("time_utc", ColumnKind::Time, Role::When),
        column("end_utc", ColumnKind::Time, Role::When),
        column("meter", ColumnKind::Text, Role::Whose),
        column("equipment_id", ColumnKind::Text, Role::Whose),
    ];
    columns.extend(answer.iter().map(|column| Column {
        name: column.name.clone(),
        kind: if column.unit.is_some() { ColumnKind::Number } else { ColumnKind::Text },
        role: Role::Field,
        unit: column.unit,
    }));
    columns
}

/// The row of a span.
pub fn row(span: Span, zone: &Zone) -> Row {
    let id = span.equipment_id.as_deref();
    let mut values = vec![
        Value::Time(Moment::in_zone(span.start, zone.time_zone())),
        Value::Time(Moment::At(span.start, None)),
        Value::Time(Moment::At(span.end, None)),
        Value::Text(span.meter.to_string()),
        id.map_or(Value::Absent, |id| Value::Text(id.to_owned())),
    ];
    values.extend(span.cells.into_iter().map(|cell| match cell {
        None => Value::Absent,
        Some(Cell::Number(quantity)) => Value::Number(quantity.value),
        Some(Cell::Text(text)) => Value::Text(text),
    }));
    Row { time: span.start, meter: Arc::clone(&span.meter), equipment_id: span.equipment_id, values }
}
