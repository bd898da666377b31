//! A block brought down to what each span of an answer needs of it: from its summary where it lies in one span, else from
//! the columns that are asked for, and row by row where these do not tell.

use std::rc::Rc;

use super::ask::{Cell, Resolution};
use super::blocks::Part;
use super::fields::Source;
use super::{Archive, Range};
use crate::meter::record::Key;
use crate::meter::{MbusClass, Quantity, Zone};
use crate::p1::Decimal;
use crate::store::block;
use crate::store::error::ReadError;
use crate::store::retention::thin;
use crate::store::summary::{Stats, Summary};

/// What is wanted of blocks.
#[derive(Debug)]
pub(super) struct Wanted<'q> {
    pub(super) sources: &'q [Source],
    pub(super) resolution: Resolution,
    pub(super) zone: &'q Zone,
    pub(super) range: &'q Range,
}

/// The keys of sources in blocks with the same columns.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    columns: Rc<Vec<String>>,
    /// Key and source of numbers.
    keys: Vec<(String, usize)>,
    /// Sources that it takes whole readings to tell.
    whole: Vec<usize>,
}

/// What of a source came in a span.
pub(super) enum Came<'r> {
    /// At least one reading.
    Reading,
    /// Numbers of a source.
    Numbers(usize, &'r Quantity, &'r Stats),
    /// A value of a source, when.
    Value(usize, i64, Cell),
}

impl Keys {
    /// Of blocks with these columns.
    pub(super) fn of(columns: &Rc<Vec<String>>, sources: &[Source]) -> Self {
        let (mut keys, mut whole) = (Vec::new(), Vec::new());
        for (place, source) in sources.iter().enumerate() {
            match key_of(source, columns) {
                Ok(Some(key)) => keys.push((key, place)),
                Ok(None) => {}
                Err(Unclear) => whole.push(place),
            }
        }
        Self { columns: Rc::clone(columns), keys, whole }
    }

    /// Whether they are of these columns.
    pub(super) fn are_of(&self, columns: &Rc<Vec<String>>) -> bool {
        Rc::ptr_eq(&self.columns, columns)
    }
}

/// It takes the readings themselves.
struct Unclear;

/// The one column that has a source's numbers, where there is one.
fn key_of(source: &Source, columns: &[String]) -> Result<Option<String>, Unclear> {
    let channel = match source {
        Source::Field(field) => {
            let name = field.name();
            return match columns.iter().any(|column| column == name) {
                true if !source.is_number() => Err(Unclear),
                there => Ok(there.then(|| name.to_owned())),
            };
        }
        Source::Channel(channel) => Some(*channel),
        Source::Class(class) => channel_of(*class, columns)?,
        Source::Key(_) => return Err(Unclear),
    };
    let Some(channel) = channel else { return Ok(None) };
    let prefix = format!("mbus/{channel}/");
    let mut values = columns.iter().filter(|key| key.starts_with(&prefix) && key.ends_with("/value"));
    match (values.next(), values.next()) {
        (Some(key), None) => Ok(Some(key.clone())),
        (None, _) => Ok(None),
        _ => Err(Unclear),
    }
}

/// The channel of the one device of a class.
fn channel_of(class: MbusClass, columns: &[String]) -> Result<Option<u8>, Unclear> {
    let mut found = None;
    let channels = columns.iter().filter_map(|key| key.strip_prefix("mbus/")?.parse::<u8>().ok());
    for channel in channels {
        let prefix = format!("mbus/{channel}/type=");
        let types = columns.iter().filter_map(|key| key.strip_prefix(&prefix));
        let types: Vec<Option<u8>> = types.map(|text| text.parse().ok()).collect();
        let is = |device_type: &Option<u8>| device_type.and_then(MbusClass::from_device_type) == Some(class);
        let silent = types.is_empty() || types.contains(&Some(0));
        match (types.iter().filter(|known| is(known)).count(), types.len()) {
            // One that does not tell what it is: its unit may.
            _ if silent && class == MbusClass::Heat => return Err(Unclear),
            (0, _) => {}
            (1, 1) if found.is_none() => found = Some(channel),
            _ => return Err(Unclear),
        }
    }
    Ok(found)
}

/// Tells what of each span came in a block: its start and end, and what.
pub(super) fn reduce(
    archive: &Archive,
    part: &Part,
    keys: &Keys,
    wanted: &Wanted<'_>,
    mut each: impl FnMut((i64, i64), Came<'_>),
) -> Result<(), ReadError> {
    if !keys.whole.is_empty() {
        whole(archive, part, &keys.whole, wanted, &mut each)?;
    }
    let Wanted { resolution, zone, range, .. } = wanted;
    let keys = &keys.keys;
    let span = resolution.span(zone, part.first);
    if span.0 <= part.last && part.last < span.1 && range.holds(part.first) && range.holds(part.last) {
        if keys.is_empty() {
            each(span, Came::Reading);
            return Ok(());
        }
        if let Some(summary) = part.summary(archive).filter(tells_the_last) {
            each(span, Came::Reading);
            for column in &summary.columns {
                for (_, place) in keys.iter().filter(|(key, _)| *key == column.key) {
                    let unit = Quantity { value: scale(column.scale), unit: column.unit };
                    each(span, Came::Numbers(*place, &unit, &column.stats));
                }
            }
            return Ok(());
        }
    }
    let is_wanted = |key: &str| {
        // Of minutes and quarter-hours what their readings came to.
        let name = if part.level > 0 { key.split('#').next().unwrap_or(key) } else { key };
        (part.level > 0 && key == thin::COUNT) || keys.iter().any(|(wanted, _)| wanted == name)
    };
    let columns = block::columns(part.codec, part.data(archive)?, &is_wanted).map_err(|_| part.damaged())?;
    let columns = if part.level > 0 { thin::widened(columns) } else { thin::plain(columns) };
    by_span(&columns, keys, wanted, each);
    Ok(())
}

/// Whether it is clear which number of each key came last: with another unit or scale a key has another column, and of
/// two readings of one second the summary does not tell the order.
fn tells_the_last(summary: &Summary) -> bool {
    let mut lasts: Vec<(&Key, i64)> =
        summary.columns.iter().map(|column| (&column.key, column.stats.last.0)).collect();
    lasts.sort_unstable();
    lasts.windows(2).all(|pair| pair[0] != pair[1])
}

/// Tells what only whole readings do.
fn whole(
    archive: &Archive,
    part: &Part,
    places: &[usize],
    wanted: &Wanted<'_>,
    each: &mut impl FnMut((i64, i64), Came<'_>),
) -> Result<(), ReadError> {
    let rows = block::rows(part.codec, part.data(archive)?).map_err(|_| part.damaged())?;
    let mut span = (0, 0);
    for row in rows {
        let row = row.map_err(|_| part.damaged())?;
        let reading = row.clone().into_reading();
        let time = reading.utc_seconds();
        if !wanted.range.holds(time) {
            continue;
        }
        if !(span.0..span.1).contains(&time) {
            span = wanted.resolution.span(wanted.zone, time);
        }
        for place in places {
            let source = &wanted.sources[*place];
            if let Some(cell) = source.of_reading(&reading) {
                let time = if part.level > 0 { source.time_in(&row, time) } else { time };
                each(span, Came::Value(*place, time, cell));
            }
        }
    }
    Ok(())
}

/// A zero with so many digits behind the point.
fn scale(scale: u8) -> Decimal {
    Decimal::new(0, scale).unwrap_or_default()
}

fn by_span(
    columns: &thin::Stated,
    keys: &[(String, usize)],
    wanted: &Wanted<'_>,
    mut each: impl FnMut((i64, i64), Came<'_>),
) {
    // The spans of the block, and of each row the place of its own.
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut places = Vec::with_capacity(columns.times.len());
    let mut current = 0;
    for time in &columns.times {
        if !wanted.range.holds(*time) {
            places.push(None);
            continue;
        }
        if !spans.get(current).is_some_and(|(start, end)| (*start..*end).contains(time)) {
            let span = wanted.resolution.span(wanted.zone, *time);
            current = spans.iter().position(|known| *known == span).unwrap_or_else(|| {
                spans.push(span);
                spans.len() - 1
            });
        }
        places.push(Some(current));
    }
    spans.iter().for_each(|span| each(*span, Came::Reading));
    // With another unit or scale a key has another column: told in the order of their last rows, the last stays the last.
    let mut told = Vec::new();
    for column in &columns.numbers {
        let mut stats: Vec<Option<(usize, Stats)>> = vec![None; spans.len()];
        for (row, number) in &column.stats {
            if let Some(place) = places[*row] {
                match &mut stats[place] {
                    Some((last, stats)) => {
                        if number.last.0 >= stats.last.0 {
                            *last = *row;
                        }
                        stats.add(number);
                    }
                    none => *none = Some((*row, *number)),
                }
            }
        }
        for (_, source) in keys.iter().filter(|(key, _)| *key == column.key) {
            let of_spans = spans.iter().zip(&stats).filter_map(|(span, stats)| Some((span, (*stats)?)));
            told.extend(of_spans.map(|(span, (last, stats))| (last, *span, *source, column, stats)));
        }
    }
    told.sort_by_key(|(last, ..)| *last);
    for (_, span, source, column, stats) in told {
        let unit = Quantity { value: scale(column.scale), unit: column.unit };
        each(span, Came::Numbers(source, &unit, &stats));
    }
}
