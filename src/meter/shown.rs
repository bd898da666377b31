//! A reading as a row of a table for people: which columns there are, and what stands in them.
//!
//! Exports and `dsmrd sql` have the same columns: the registers in the order of their table, the time of a peak behind
//! it, then the devices on the M-Bus by class.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::{
    Cell, Field, Kind, MbusClass, MbusDevice, MbusReading, MeterTime, Quantity, REGISTERS, Reading, Unit,
};
use super::{energy, reading};
use crate::p1::timestamp::LocalTime;

/// What stands in a column, where anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownKind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
    /// Times of the meter.
    Time,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownColumn {
    /// Its name: that of a register, `gas` for the device of a class, `gas_2` for one of several by its channel; with
    /// `_time` and `_id` behind it for when its value is of, and what says so.
    pub name: String,
    /// What stands in it.
    pub kind: ShownKind,
    /// The unit of its numbers. That of a device is the usual one of its class.
    pub unit: Option<Unit>,
    source: Source,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The reading lacks it.
    Absent,
    /// A number.
    Number(Quantity),
    /// A text, as it is told to people.
    Text(String),
    /// A time of the meter.
    Time(MeterTime),
}

/// A point in time as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant, in seconds since 1970-01-01 00:00 UTC, and the offset by which it is shown; none shows UTC.
    At(i64, Option<Offset>),
    /// What a clock showed of which nobody knows the offset.
    Local(LocalTime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Field(Field),
    PeakTime(Field),
    /// The device of a class with the newest reading.
    Class(MbusClass),
    ClassTime(MbusClass),
    ClassId(MbusClass),
    Channel(u8),
    ChannelTime(u8),
    ChannelId(u8),
}

/// The columns that readings with these keys need; keys as the archive tells them: those of
/// [`flatten`](super::record::flatten), and `mbus/<channel>/type=<type>` for each type of device.
pub fn columns(keys: &BTreeSet<String>) -> Vec<ShownColumn> {
    let mut columns = Vec::new();
    let mut push = |name: String, source: Source| {
        let (kind, unit) = kind_of(source);
        columns.push(ShownColumn { name, kind, unit, source });
    };
    for register in REGISTERS {
        let (field, name) = (register.field, register.name);
        if keys.contains(name) {
            push(name.to_owned(), Source::Field(field));
        }
        if keys.contains(&format!("{name}/time")) {
            push(format!("{name}_time"), Source::PeakTime(field));
        }
    }
    let named = |channel: u8| keys.contains(&format!("mbus/{channel}/id"));
    let mut classes: Vec<(MbusClass, u8)> = keys.iter().filter_map(|key| class_of(key)).collect();
    classes.sort();
    classes.dedup();
    for group in classes.chunk_by(|a, b| a.0 == b.0) {
        let class = group[0].0;
        let name = class.name();
        push(name.to_owned(), Source::Class(class));
        push(format!("{name}_time"), Source::ClassTime(class));
        // A device that was replaced is told by its identifier.
        if group.iter().any(|(_, channel)| named(*channel)) {
            push(format!("{name}_id"), Source::ClassId(class));
        }
        // Several of a class: each has columns of its own as well.
        for (_, channel) in group.iter().filter(|_| group.len() > 1) {
            push(format!("{name}_{channel}"), Source::Channel(*channel));
            push(format!("{name}_{channel}_time"), Source::ChannelTime(*channel));
            if named(*channel) {
                push(format!("{name}_{channel}_id"), Source::ChannelId(*channel));
            }
        }
    }
    let channels = keys.iter().filter_map(|key| key.strip_prefix("mbus/")?.parse::<u8>().ok());
    for channel in channels.filter(|channel| classes.iter().all(|(_, known)| known != channel)) {
        push(format!("mbus_{channel}"), Source::Channel(channel));
        push(format!("mbus_{channel}_time"), Source::ChannelTime(channel));
        if named(channel) {
            push(format!("mbus_{channel}_id"), Source::ChannelId(channel));
        }
    }
    columns
}

fn kind_of(source: Source) -> (ShownKind, Option<Unit>) {
    match source {
        Source::Field(field) => match field.register().kind {
            Kind::Number | Kind::Counter | Kind::Limit | Kind::Peak => {
                (ShownKind::Number, Some(field.unit()))
            }
            Kind::Text
            | Kind::Id
            | Kind::Tariff
            | Kind::Switch
            | Kind::Message
            | Kind::Profile
            | Kind::Clock => (ShownKind::Text, None),
        },
        Source::Class(class) => (ShownKind::Number, usual_unit(class)),
        Source::Channel(_) => (ShownKind::Number, None),
        Source::PeakTime(_) | Source::ClassTime(_) | Source::ChannelTime(_) => (ShownKind::Time, None),
        Source::ClassId(_) | Source::ChannelId(_) => (ShownKind::Text, None),
    }
}

/// What devices of a class usually count in: EN 13757-3 leaves it to each.
fn usual_unit(class: MbusClass) -> Option<Unit> {
    match class {
        MbusClass::Gas | MbusClass::Water | MbusClass::WarmWater => Some(Unit::CubicMetre),
        MbusClass::Heat | MbusClass::Cooling => Some(Unit::GigaJoule),
        MbusClass::Electricity => Some(Unit::KiloWattHour),
        MbusClass::HeatCostAllocator => None,
    }
}

/// The class and channel of a key `mbus/<channel>/type=<type>`.
fn class_of(key: &str) -> Option<(MbusClass, u8)> {
    let (channel, device_type) = key.strip_prefix("mbus/")?.split_once("/type=")?;
    Some((MbusClass::from_device_type(device_type.parse().ok()?)?, channel.parse().ok()?))
}

impl ShownColumn {
    /// The field behind it, where it is that of a register and nothing else.
    pub fn field(&self) -> Option<Field> {
        match self.source {
            Source::Field(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it counts something up: an energy register, or a device on the M-Bus.
    pub fn counts(&self) -> bool {
        match self.source {
            Source::Field(field) => energy::registers().any(|register| register == field),
            Source::Class(_) | Source::Channel(_) => true,
            _ => false,
        }
    }

    /// Whether it is a value of its own, and not when or of whom another is.
    pub fn is_value(&self) -> bool {
        matches!(self.source, Source::Field(_) | Source::Class(_) | Source::Channel(_))
    }

    /// What a reading has in it.
    pub fn cell(&self, reading: &Reading) -> Shown {
        let value = |found: Option<&MbusReading>| {
            found.and_then(|found| found.value).map_or(Shown::Absent, Shown::Number)
        };
        let time = |found: Option<&MbusReading>| {
            found.and_then(|found| found.time).map_or(Shown::Absent, Shown::Time)
        };
        let id = |device: Option<&MbusDevice>| match device.and_then(|device| device.id.as_deref()) {
            Some(id) => Shown::Text(reading::readable(id)),
            None => Shown::Absent,
        };
        let device = |channel| reading.mbus.iter().find(|device| device.channel == channel);
        let of_channel = |channel| device(channel).and_then(MbusDevice::newest);
        let of_class = |class| reading.mbus_of(class);
        match self.source {
            Source::Field(field) => match reading.get(field) {
                Some(Cell::Number(quantity)) => Shown::Number(quantity),
                Some(Cell::Text(text)) => Shown::Text(text_of(field, text)),
                None => Shown::Absent,
            },
            Source::PeakTime(field) => reading
                .peak_times
                .iter()
                .find(|(other, _)| *other == field)
                .map_or(Shown::Absent, |(_, time)| Shown::Time(*time)),
            Source::Class(class) => value(of_class(class).map(|(_, found)| found)),
            Source::ClassTime(class) => time(of_class(class).map(|(_, found)| found)),
            Source::ClassId(class) => id(of_class(class).map(|(device, _)| device)),
            Source::Channel(channel) => value(of_channel(channel)),
            Source::ChannelTime(channel) => time(of_channel(channel)),
            Source::ChannelId(channel) => id(device(channel)),
        }
    }
}

/// The text of a register as people are told it.
pub fn text_of(field: Field, text: &[u8]) -> String {
    match field.register().kind {
        Kind::Id | Kind::Message => reading::readable(text),
        // All its groups, as they stood in the telegram.
        Kind::Profile => format!("({})", reading::latin1(text)),
        _ => reading::latin1(text),
    }
}

impl Moment {
    /// The time of a reading: as its meter shows it where that tells its offset, else by the zone.
    pub fn of_reading(reading: &Reading, zone: &TimeZone) -> Self {
        match reading.time {
            Some(time @ MeterTime { utc: Some(_), .. }) => Self::of_meter(time),
            _ => Self::in_zone(reading.utc_seconds(), zone),
        }
    }

    /// A time of the meter, with its own offset where it is known.
    pub fn of_meter(time: MeterTime) -> Self {
        match time.utc {
            Some(utc) => {
                let offset = i32::try_from(time.local.seconds_as_utc() - utc).ok();
                Self::At(utc, offset.and_then(|offset| Offset::from_seconds(offset).ok()))
            }
            None => Self::Local(time.local),
        }
    }

    /// An instant by the offset of a zone.
    pub fn in_zone(utc: i64, zone: &TimeZone) -> Self {
        Self::At(utc, Timestamp::from_second(utc).ok().map(|instant| zone.to_offset(instant)))
    }
}

/// ISO 8601: with the offset, with `Z` for UTC, with neither where nobody knows.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::At(utc, offset) => {
                let instant = Timestamp::from_second(utc).unwrap_or_default();
                match offset {
                    Some(offset) => write!(f, "{}", instant.display_with_offset(offset)),
                    None => write!(f, "{instant}"),
                }
            }
            Self::Local(local) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                local.year, local.month, local.day, local.hour, local.minute, local.second
            ),
        }
    }
}
