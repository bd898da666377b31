//! The fields that can be asked for: registers by their names, devices on the M-Bus by what they measure or by their
//! channel, and any column of the record by its key.

use std::collections::BTreeSet;

use super::answer::AnswerColumn;
use super::ask::{Cell, Measure, Resolution, Selected};
use crate::meter::reading::{self, latin1, readable};
use crate::meter::record::{FlatValue, flatten};
use crate::meter::{Field, Kind, MbusClass, REGISTERS, Reading, Unit, energy};
use crate::store::codec::Row;
use crate::store::error::ReadError;
use crate::store::retention::thin;

/// Where a field's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Field(Field),
    /// The device of a class with the newest reading.
    Class(MbusClass),
    /// The device on a channel.
    Channel(u8),
    /// A column by its key, as [`flatten`] writes it.
    Key(String),
}

impl Source {
    /// What a name stands for; keys are those of the record.
    fn of(name: &str, keys: &BTreeSet<String>) -> Option<Self> {
        if let Some(field) = Field::from_name(name) {
            return Some(Self::Field(field));
        }
        let class = |name: &str| MbusClass::ALL.into_iter().find(|class| class.name() == name);
        if let Some(class) = class(name) {
            return Some(Self::Class(class));
        }
        if let Some((kind, channel)) = name.rsplit_once('_')
            && let Some(channel) = channel.parse().ok().filter(|channel| (1..=9).contains(channel))
            && (kind == "mbus" || class(kind).is_some())
        {
            return Some(Self::Channel(channel));
        }
        keys.contains(name).then(|| Self::Key(name.to_owned()))
    }

    /// Whether its values are numbers; of a key nobody knows before.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::Field(field) => {
                matches!(field.register().kind, Kind::Number | Kind::Counter | Kind::Limit | Kind::Peak)
            }
            Self::Class(_) | Self::Channel(_) | Self::Key(_) => true,
        }
    }

    /// Whether it counts something of which the totals have positions.
    pub(super) fn is_counter(&self) -> bool {
        match self {
            Self::Field(field) => energy::registers().any(|register| register == *field),
            Self::Class(_) | Self::Channel(_) => true,
            Self::Key(_) => false,
        }
    }

    /// What of it is told where nobody says what, the most telling first.
    fn usual(&self, resolution: Resolution) -> &'static [Measure] {
        match self {
            _ if resolution == Resolution::Raw => &[],
            _ if self.is_counter() => &[Measure::Delta, Measure::Last],
            Self::Field(field) if field.register().kind == Kind::Number => {
                &[Measure::Mean, Measure::Min, Measure::Max]
            }
            Self::Field(_) | Self::Class(_) | Self::Channel(_) => &[Measure::Last],
            Self::Key(_) => &[Measure::Last],
        }
    }

    /// The unit, where it is the same for every meter.
    pub(super) fn unit(&self) -> Option<Unit> {
        match self {
            Self::Field(field) if self.is_number() => Some(field.unit()),
            _ => None,
        }
    }

    /// Whether its unit is up to the meter.
    pub(super) fn unit_varies(&self) -> bool {
        match self {
            Self::Field(field) => field.register().kind == Kind::Limit,
            Self::Class(_) | Self::Channel(_) | Self::Key(_) => true,
        }
    }

    /// Its value in a reading.
    pub(super) fn of_reading(&self, reading: &Reading) -> Option<Cell> {
        match self {
            Self::Field(field) => Some(match reading.get(*field)? {
                reading::Cell::Number(quantity) => Cell::Number(quantity),
                reading::Cell::Text(text) => Cell::Text(shown(field.register().kind, text)),
            }),
            Self::Class(class) => Some(Cell::Number(reading.mbus_of(*class)?.1.value?)),
            Self::Channel(channel) => {
                let device = reading.mbus.iter().find(|device| device.channel == *channel)?;
                Some(Cell::Number(device.newest()?.value?))
            }
            Self::Key(key) => {
                let mut items = Vec::new();
                flatten(reading, &mut items);
                match items.into_iter().find(|(other, _)| other == key)?.1 {
                    FlatValue::Number(quantity) => Some(Cell::Number(quantity)),
                    FlatValue::Text(text) => Some(Cell::Text(readable(&text))),
                    FlatValue::Time(local) => Some(Cell::Text(format!(
                        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                        local.year, local.month, local.day, local.hour, local.minute, local.second
                    ))),
                }
            }
        }
    }

    /// When its value in a row of a level was told. That of devices is the row's: their own stamps count for them.
    pub(super) fn time_in(&self, row: &Row, time: i64) -> i64 {
        match self {
            Self::Field(field) => thin::time_of(row, field.name(), time),
            Self::Key(key) => thin::time_of(row, key, time),
            Self::Class(_) | Self::Channel(_) => time,
        }
    }
}

/// A text as it is told to people.
fn shown(kind: Kind, text: &[u8]) -> String {
    match kind {
        Kind::Id | Kind::Message => readable(text),
        // All its groups, as they stood in the telegram.
        Kind::Profile => format!("({})", latin1(text)),
        _ => latin1(text),
    }
}

/// The names of the fields that a record with these keys has, in the order of output.
pub(super) fn names(keys: &BTreeSet<String>) -> Vec<String> {
    let registers = REGISTERS.iter().map(|register| register.name);
    let mut names: Vec<String> = registers.filter(|name| keys.contains(*name)).map(str::to_owned).collect();
    let mut classes: Vec<(MbusClass, u8)> = keys.iter().filter_map(|key| class_of(key)).collect();
    classes.sort();
    classes.dedup();
    for group in classes.chunk_by(|a, b| a.0 == b.0) {
        let class = group[0].0.name();
        names.push(class.to_owned());
        // Several of a class: each has a column of its own as well.
        names.extend(
            group.iter().filter(|_| group.len() > 1).map(|(_, channel)| format!("{class}_{channel}")),
        );
    }
    let channels = keys.iter().filter_map(|key| key.strip_prefix("mbus/")?.parse::<u8>().ok());
    let unknown = channels.filter(|channel| classes.iter().all(|(_, known)| known != channel));
    names.extend(unknown.map(|channel| format!("mbus_{channel}")));
    names
}

/// The class and channel of a key `mbus/<channel>/type=<type>`.
fn class_of(key: &str) -> Option<(MbusClass, u8)> {
    let (channel, device_type) = key.strip_prefix("mbus/")?.split_once("/type=")?;
    Some((MbusClass::from_device_type(device_type.parse().ok()?)?, channel.parse().ok()?))
}

/// A column of an answer and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) column: AnswerColumn,
    /// The place of its source.
    pub(super) source: usize,
}

/// The columns of a question and their sources, each source once.
pub(super) fn plan(
    asked: &[Selected],
    resolution: Resolution,
    keys: &BTreeSet<String>,
) -> Result<(Vec<Planned>, Vec<Source>), ReadError> {
    let (mut columns, mut sources) = (Vec::new(), Vec::new());
    let mut add = |name: &str, source: &Source, measure: Option<Measure>| {
        let place = sources.iter().position(|known| known == source).unwrap_or_else(|| {
            sources.push(source.clone());
            sources.len() - 1
        });
        let shown = measure.map_or_else(|| name.to_owned(), |measure| format!("{name}.{}", measure.name()));
        let column = AnswerColumn { name: shown, field: name.to_owned(), measure, unit: source.unit() };
        columns.push(Planned { column, source: place });
    };
    if asked.is_empty() {
        for name in names(keys) {
            let Some(source) = Source::of(&name, keys) else { continue };
            match source.usual(resolution).first() {
                None => add(&name, &source, None),
                // Texts are many, and seldom what someone wants of an hour.
                Some(Measure::Last) if !source.is_number() => {}
                Some(measure) => add(&name, &source, Some(*measure)),
            }
        }
        return Ok((columns, sources));
    }
    for Selected { field, measure } in asked {
        let Some(source) = Source::of(field, keys) else {
            let (nearest, known) = (nearest(field, keys), names(keys));
            return Err(ReadError::Field { field: field.clone(), nearest, known });
        };
        match measure {
            Some(measure) => {
                if let Some(why) = refused(&source, *measure) {
                    return Err(ReadError::Measure { field: field.clone(), measure: *measure, why });
                }
                add(field, &source, Some(*measure));
            }
            None if resolution == Resolution::Raw => add(field, &source, None),
            None => source.usual(resolution).iter().for_each(|measure| add(field, &source, Some(*measure))),
        }
    }
    Ok((columns, sources))
}

/// Why a source has no such measure.
fn refused(source: &Source, measure: Measure) -> Option<&'static str> {
    match measure {
        Measure::Last => None,
        Measure::Delta if !source.is_counter() => {
            Some("only registers of energy and devices on the M-Bus count up")
        }
        _ if !source.is_number() => Some("it is a text; ask for its last"),
        _ => None,
    }
}

/// The known name that is most like another.
fn nearest(typed: &str, keys: &BTreeSet<String>) -> Option<String> {
    let registers = REGISTERS.iter().map(|register| register.name.to_owned());
    let classes = MbusClass::ALL.into_iter().map(|class| class.name().to_owned());
    let known = names(keys).into_iter().chain(registers).chain(classes);
    let limit = typed.len().div_ceil(3).max(2);
    // Of equals the first: those that the record has.
    let near = known.map(|name| (distance(typed, &name), name)).filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many bytes have to be changed, added or taken away (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = corner + usize::from(!x.eq_ignore_ascii_case(&y));
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
