//! The tables `minute`, `quarter`, `hour`, `day`, `month` and `year`: what readings come to, one span a row. Only the
//! columns that are looked at are asked for.

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::vtab::{
    Context, Filters, IndexInfo, VTab, VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Error, Result};

use super::plan::{self, Plan};
use super::reading::declared;
use super::schema;
use super::source::{self, Source, refused};
use crate::meter::shown::{Moment, ShownColumn, ShownKind};
use crate::store::error::ReadError;
use crate::store::query::{Archive, Cell, Measure, Query, Resolution, Selected, Span};

/// Columns in front of those of [`measured`].
pub(super) const FIRST: usize = 6;

/// What is told of the fields of a record: a column each.
pub(super) fn measured(shown: &[ShownColumn]) -> impl Iterator<Item = (&ShownColumn, Measure)> {
    shown.iter().filter(|column| column.is_value()).flat_map(|column| {
        let measures: &[Measure] = match column.kind {
            ShownKind::Number if column.counts() => &[Measure::Delta, Measure::Last],
            ShownKind::Number => &[Measure::Mean, Measure::Min, Measure::Max, Measure::Last],
            ShownKind::Text | ShownKind::Time => &[Measure::Last],
        };
        measures.iter().map(move |measure| (column, *measure))
    })
}

#[repr(C)]
pub(super) struct SpanTable {
    base: sqlite3_vtab,
    source: Arc<Source>,
    resolution: Resolution,
}

#[repr(C)]
pub(super) struct SpanCursor {
    base: sqlite3_vtab_cursor,
    source: Arc<Source>,
    query: Query,
    /// Of each column its cell in a span; none where nobody looks at it.
    cells: Vec<Option<usize>>,
    /// Whether the numbers of a column are whole.
    whole: Vec<bool>,
    /// What is asked for next begins here, or ends here backwards; none at the end.
    at: Option<i64>,
    descending: bool,
    rows: std::vec::IntoIter<Span>,
    current: Option<Span>,
}

// SAFETY: the table is `repr(C)` and begins with what SQLite expects.
unsafe impl<'vtab> VTab<'vtab> for SpanTable {
    type Aux = (Arc<Source>, Resolution);
    type Cursor = SpanCursor;

    fn connect(
        _db: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _args: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let (source, resolution) = aux.ok_or_else(|| Error::ModuleError("no record".to_owned()))?;
        let declared = declared(&schema::spans(source, *resolution).declaration())?;
        Ok((
            declared,
            Self { base: sqlite3_vtab::default(), source: Arc::clone(source), resolution: *resolution },
        ))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        plan::choose(info)?;
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<SpanCursor> {
        Ok(SpanCursor {
            base: sqlite3_vtab_cursor::default(),
            source: Arc::clone(&self.source),
            query: Query {
                range: Default::default(),
                resolution: self.resolution,
                columns: Vec::new(),
                zone: self.source.zone.clone(),
            },
            cells: Vec::new(),
            whole: measured(&self.source.shown).map(|(column, _)| source::is_whole(column)).collect(),
            at: None,
            descending: false,
            rows: Vec::new().into_iter(),
            current: None,
        })
    }
}

impl SpanCursor {
    /// The nearest hour of which there may be spans: with readings, or positions.
    fn hour_near(&self, archive: &Archive, at: i64) -> Result<Option<i64>, ReadError> {
        let (range, backwards) = (&self.query.range, self.descending);
        let hour = if backwards { at.saturating_sub(1) } else { at }.div_euclid(3_600);
        let readings = archive.hour_near(range, hour, backwards)?;
        // Minutes are told from readings alone.
        let settled = match self.query.resolution {
            Resolution::Raw | Resolution::Minute => None,
            _ => archive.settled_near(hour, backwards)?,
        };
        let (from, to) = (range.from.unwrap_or(i64::MIN), range.to.unwrap_or(i64::MAX));
        let settled = settled.filter(|hour| *hour * 3_600 < to && (*hour + 1) * 3_600 > from);
        let hours = readings.into_iter().chain(settled);
        Ok(if backwards { hours.max() } else { hours.min() })
    }

    /// Asks for the next stretch: a day of minutes and quarter-hours, a month of hours, a year of days, everything of what
    /// is longer.
    fn read_stretch(&mut self) -> Result<bool> {
        let Some(at) = self.at.take() else { return Ok(false) };
        let archive = self.source.archive();
        let Some(hour) = self.hour_near(&archive, at).map_err(refused)? else { return Ok(false) };
        let stretch = match self.query.resolution {
            Resolution::Raw | Resolution::Minute | Resolution::Quarter => Some(Resolution::Day),
            Resolution::Hour => Some(Resolution::Month),
            Resolution::Day => Some(Resolution::Year),
            Resolution::Month | Resolution::Year => None,
        };
        let mut query = self.query.clone();
        let range = &mut query.range;
        if let Some(stretch) = stretch {
            let hour = hour * 3_600;
            let within = if self.descending { (hour + 3_599).min(at - 1) } else { hour.max(at) };
            let (start, end) = stretch.span(&query.zone, within);
            let left = (range.from.is_none_or(|from| from < start), range.to.is_none_or(|to| to > end));
            if left.0 {
                range.from = Some(start);
            }
            if left.1 {
                range.to = Some(end);
            }
            self.at = match self.descending {
                true => left.0.then_some(start),
                false => left.1.then_some(end),
            };
        }
        self.source.count_hour();
        let mut rows = Vec::new();
        for span in archive.query(&query).map_err(refused)? {
            match span {
                Ok(span) => rows.push(span),
                Err(problem) => self.source.report(problem)?,
            }
        }
        if self.descending {
            rows.reverse();
        }
        self.rows = rows.into_iter();
        Ok(true)
    }
}

// SAFETY: the cursor is `repr(C)` and begins with what SQLite expects.
unsafe impl VTabCursor for SpanCursor {
    fn filter(&mut self, idx_num: c_int, idx_str: Option<&str>, args: &Filters<'_>) -> Result<()> {
        let plan = plan::read(idx_num, idx_str, args)?;
        self.query.columns.clear();
        self.cells.clear();
        for (place, (column, measure)) in measured(&self.source.shown).enumerate() {
            let used = plan.uses(FIRST + place);
            self.cells.push(used.then_some(self.query.columns.len()));
            if used {
                self.query.columns.push(Selected { field: column.name.clone(), measure: Some(measure) });
            }
        }
        // Spans without a reading are told where something counted in them: which there are must not depend on the columns
        // that are looked at. Of minutes it would take every reading.
        let counts = |column: &ShownColumn, measure| {
            measure == Measure::Delta && column.counts() && self.query.resolution != Resolution::Minute
        };
        let mut told: Vec<Selected> = measured(&self.source.shown)
            .filter(|(column, measure)| counts(column, *measure))
            .map(|(column, measure)| Selected { field: column.name.clone(), measure: Some(measure) })
            .collect();
        told.retain(|column| !self.query.columns.contains(column));
        self.query.columns.extend(told);
        if self.query.columns.is_empty() {
            // No columns at all would be every column: the least of them tells which spans there are.
            let first = measured(&self.source.shown).find(|(_, measure)| *measure == Measure::Last);
            let first = first.map(|(column, measure)| (column.name.clone(), Some(measure)));
            self.query.columns.extend(first.map(|(field, measure)| Selected { field, measure }));
        }
        // A span that is asked for is asked for as a whole.
        let Plan { range, nothing, descending, .. } = plan;
        let (resolution, zone) = (self.query.resolution, &self.query.zone);
        self.query.range = range;
        let range = &mut self.query.range;
        range.from = range.from.map(|from| resolution.span(zone, from).0);
        range.to = range.to.map(|to| resolution.span(zone, to.saturating_sub(1)).1);
        let start = if descending { range.to.unwrap_or(i64::MAX) } else { range.from.unwrap_or(i64::MIN) };
        (self.at, self.descending) = ((!nothing).then_some(start), descending);
        self.rows = Vec::new().into_iter();
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        loop {
            self.current = self.rows.next();
            if self.current.is_some() || !self.read_stretch()? {
                return Ok(());
            }
        }
    }

    fn eof(&self) -> bool {
        self.current.is_none()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some(span) = &self.current else { return Ok(()) };
        let value = match usize::try_from(column).unwrap_or(usize::MAX) {
            0 => Value::Integer(span.start),
            1 => source::utc(span.start),
            2 => source::text(Moment::in_zone(span.start, self.source.zone_of(&span.meter).time_zone())),
            3 => Value::Text(span.meter.to_string()),
            4 => span.equipment_id.as_deref().map_or(Value::Null, |id| Value::Text(id.to_owned())),
            5 => Value::Integer(span.end),
            column => {
                let place = column - FIRST;
                let cell =
                    self.cells.get(place).copied().flatten().and_then(|cell| span.cells.get(cell)?.as_ref());
                match cell {
                    None => Value::Null,
                    Some(Cell::Number(quantity)) => source::number(quantity.value, self.whole[place]),
                    Some(Cell::Text(text)) => Value::Text(text.clone()),
                }
            }
        };
        context.set_result(value)
    }

    fn rowid(&self) -> Result<i64> {
        // A meter has one row a span, whatever equipment was heard last in it.
        let of_meter = |span: &Span| {
            self.source.row_id(span.start, &span.meter, None, self.source.place_of(&span.meter))
        };
        Ok(self.current.as_ref().map_or(0, of_meter))
    }
}
