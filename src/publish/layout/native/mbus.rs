//! Topics of the devices on the M-Bus: `gas/reading`, `water/time`, `heat/id` and so on.
//!
//! The plain name of a class is that of one device: of those whose reading is no more than a day and a half
//! older than the newest of the class, the one on the lowest channel. So a replaced meter gives way to the
//! one in its place, and two live ones do not take turns. Where there are several of a class, each has
//! `<class>/<id>/…` besides. A device that another one took the place of, on the same channel and under
//! another identifier, is gone: its topics are cleared at once, and none of its values stays under the name
//! of its successor.

use super::super::slot::Topic;
use super::super::text;
use super::writer::{Shape, Writer};
use crate::meter::reading::readable;
use crate::meter::{MbusClass, MbusDevice, Reading, Unit};
use crate::publish::Message;
use crate::publish::topic::level;

/// How much older than the newest of its class a device's reading may be before its place is another's.
const STALE_SECONDS: i64 = 36 * 3_600;

/// The most devices with topics of their own; identifiers made up by noise must not fill the memory.
const MAX_OWN: usize = 32;

/// The topics of all devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    plain: Vec<Group>,
    own: Vec<Group>,
}

/// The topics of a device, or of a class.
#[derive(Debug)]
struct Group {
    class: &'static str,
    /// Of the device; of the class, those of the device it showed last.
    channel: u8,
    id: Option<Box<[u8]>>,
    /// The level that names the device.
    level: String,
    base: String,
    topics: [Option<Topic>; FIELDS.len()],
    seen: bool,
}

/// The device with its class's plain name, among those with a valid reading.
pub(in crate::publish::layout) fn plain(reading: &Reading, class: Option<MbusClass>) -> Option<&MbusDevice> {
    let valid = || {
        let devices = reading.mbus.iter().filter(move |device| device.class() == class);
        devices.filter_map(|device| {
            let newest = device.newest()?;
            // One without a time speaks of now.
            let age = newest.time.map_or(i64::MAX, |time| time.local.seconds_as_utc());
            Some((device, age))
        })
    };
    let timed = valid().map(|(_, age)| age).filter(|age| *age != i64::MAX).max();
    let oldest = timed.map_or(i64::MIN, |newest| newest.saturating_sub(STALE_SECONDS));
    valid().filter(|(_, age)| *age >= oldest).map(|(device, _)| device).min_by_key(|device| device.channel)
}

fn class_name(class: Option<MbusClass>) -> &'static str {
    class.map_or("mbus", MbusClass::name)
}

impl Devices {
    /// Every topic.
    pub(super) fn topics(&mut self) -> impl Iterator<Item = &mut Topic> {
        self.plain.iter_mut().chain(&mut self.own).flat_map(|group| group.topics.iter_mut().flatten())
    }

    pub(super) fn messages(
        &mut self,
        reading: &Reading,
        base: &str,
        writer: &mut Writer,
        out: &mut Vec<Message>,
    ) {
        for group in self.plain.iter_mut().chain(&mut self.own) {
            group.seen = false;
        }
        for (i, device) in reading.mbus.iter().enumerate() {
            let class = device.class();
            // Each class once, at its first device.
            if reading.mbus[..i].iter().any(|earlier| earlier.class() == class) {
                continue;
            }
            self.class(reading, class, base, writer, out);
        }
        for group in self.plain.iter_mut().chain(&mut self.own).filter(|group| !group.seen) {
            let replaced = group.is_replaced(reading);
            for topic in group.topics.iter_mut().flatten() {
                if replaced {
                    topic.clear(out);
                } else {
                    topic.miss(writer.now, out);
                }
            }
        }
        // Those that are gone make room.
        self.own.retain(|group| group.seen || !group.is_replaced(reading));
    }

    fn class(
        &mut self,
        reading: &Reading,
        class: Option<MbusClass>,
        base: &str,
        writer: &mut Writer,
        out: &mut Vec<Message>,
    ) {
        let name = class_name(class);
        let members = || reading.mbus.iter().filter(move |device| device.class() == class);
        let Some(shown) = plain(reading, class).or_else(|| members().next()) else { return };
        writer.open(name);
        let place = self.plain.iter().position(|group| group.class == name).unwrap_or_else(|| {
            self.plain.push(Group::new(name, None, base, String::new()));
            self.plain.len() - 1
        });
        self.plain[place].put(shown, writer, out);
        if members().nth(1).is_some() || self.own.iter().any(|group| group.class == name) {
            writer.open("devices");
            for device in members() {
                if let Some(group) = self.own(name, device, base) {
                    let level = group.level.clone();
                    writer.open(&level);
                    group.put(device, writer, out);
                    writer.close();
                }
            }
            writer.close();
        }
        writer.close();
    }

    fn own(&mut self, class: &'static str, device: &MbusDevice, base: &str) -> Option<&mut Group> {
        let id = id(device);
        // A device keeps its topics when it changes channels; two that give the same identifier don't share.
        let known = |group: &Group| {
            group.class == class
                && group.id.as_deref() == id
                && !group.seen
                && (id.is_some() || group.channel == device.channel)
        };
        let place = match self.own.iter().position(known) {
            Some(place) => place,
            None if self.own.len() >= MAX_OWN => return None,
            None => {
                let by_channel = || format!("channel-{}", device.channel);
                let mut name = id.map_or_else(by_channel, |id| level(&readable(id)));
                // A device must not take another's topics, nor those of its class.
                let taken = self.own.iter().any(|group| group.class == class && group.level == name);
                if taken || FIELDS.contains(&name.as_str()) {
                    name = by_channel();
                }
                self.own.push(Group::new(class, Some(device), base, name));
                self.own.len() - 1
            }
        };
        Some(&mut self.own[place])
    }
}

const FIELDS: [&str; 7] = ["reading", "time", "id", "ean", "valve", "channel", "status"];

/// The identifier, when there is one.
fn id(device: &MbusDevice) -> Option<&[u8]> {
    device.id.as_deref().filter(|id| !id.is_empty())
}

impl Group {
    fn new(class: &'static str, device: Option<&MbusDevice>, base: &str, level: String) -> Self {
        let base =
            if level.is_empty() { format!("{base}/{class}") } else { format!("{base}/{class}/{level}") };
        Self {
            class,
            channel: device.map_or(0, |device| device.channel),
            id: device.and_then(id).map(Into::into),
            level,
            base,
            topics: [const { None }; FIELDS.len()],
            seen: false,
        }
    }

    /// Whether another device stands on the channel now.
    fn is_replaced(&self, reading: &Reading) -> bool {
        let now = reading.mbus.iter().find(|device| device.channel == self.channel).and_then(id);
        now.is_some() && now != self.id.as_deref()
    }

    fn put(&mut self, device: &MbusDevice, writer: &mut Writer, out: &mut Vec<Message>) {
        self.seen = true;
        self.channel = device.channel;
        // What the last device said is not the word of this one.
        let is_another = self.id.is_some() && id(device).is_some() && self.id.as_deref() != id(device);
        if is_another || self.id.is_none() {
            self.id = id(device).map(Into::into);
        }
        let newest = device.newest();
        for (name, topic) in FIELDS.into_iter().zip(&mut self.topics) {
            let shape = match name {
                "reading" => newest.and_then(|newest| newest.value).map(|quantity| {
                    text::decimal(&mut writer.value, quantity.value);
                    Shape::Number(quantity.unit)
                }),
                "time" => newest.and_then(|newest| newest.time).map(|time| {
                    writer.meter_time(time);
                    Shape::Text
                }),
                "id" | "ean" => {
                    let text = if name == "id" { &device.id } else { &device.ean };
                    text.as_deref().map(|text| {
                        writer.readable(text);
                        Shape::Text
                    })
                }
                "status" => {
                    let status: &[u8] = if newest.is_some() { b"ok" } else { b"no reading" };
                    writer.value.extend_from_slice(status);
                    Some(Shape::Text)
                }
                _ => {
                    let number = if name == "valve" { device.valve } else { Some(device.channel) };
                    number.map(|number| {
                        text::whole(&mut writer.value, number.into());
                        Shape::Number(Unit::One)
                    })
                }
            };
            match (shape, topic) {
                (Some(shape), topic) => writer.put(topic, &self.base, name, shape, out),
                (None, Some(topic)) if is_another => topic.clear(out),
                (None, Some(topic)) => topic.miss(writer.now, out),
                (None, None) => {}
            }
        }
    }
}
