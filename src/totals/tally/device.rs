//! The devices on the M-Bus, whose positions have stamps of their own.
//!
//! | stamp | what happens |
//! | --- | --- |
//! | later than the last | the position is of that time, however late it arrives |
//! | none, or more than a day after the reading | the position is of the reading's time |
//! | the last once more, or earlier | nothing new, unless the position is higher: then the stamp is stuck, and the position is of the reading's time |

use std::cmp::Ordering;

use super::{Entry, Tally};
use crate::meter::reading::readable;
use crate::meter::{MbusDevice, MbusReading, Reading};
use crate::totals::counter::{Position, Register};

/// How far beyond its reading a stamp may be, in seconds.
const AHEAD_S: i64 = 86_400;

/// The identifier, register and newest reading of a device; `None` for one that does not tell what it measures, or
/// has no valid reading.
pub(super) fn key<'r>(
    reading: &'r Reading,
    device: &'r MbusDevice,
) -> Option<(&'r [u8], Register, &'r MbusReading)> {
    let (class, newest) = (device.class()?, device.newest()?);
    let id = device.id.as_deref().unwrap_or_default();
    let blank = id.is_empty() || readable(id).is_empty();
    // Two of one identifier are told apart by their channels, as are those without.
    let twin = |other: &MbusDevice| {
        other.channel != device.channel && other.id == device.id && other.class() == Some(class)
    };
    let channel = (blank || reading.mbus.iter().any(twin)).then_some(device.channel);
    Some((if blank { &[] } else { id }, Register::Device { class, channel }, newest))
}

impl Tally {
    /// Takes the devices of a reading that counts at an instant.
    pub(super) fn take_devices(&mut self, reading: &Reading, time: i64, out: &mut Vec<Entry>) {
        for device in &reading.mbus {
            let Some((id, register, newest)) = key(reading, device) else { continue };
            let Some(equipment) = self.equipment_of(id) else {
                self.book.ignore();
                continue;
            };
            self.take_device(equipment, register, device, newest, time, out);
        }
    }

    fn take_device(
        &mut self,
        equipment: usize,
        register: Register,
        device: &MbusDevice,
        newest: &MbusReading,
        time: i64,
        out: &mut Vec<Entry>,
    ) {
        let line = self.equipment[equipment].line(register);
        let last = line.current(self.book.counters()).map(|place| &self.book.counters()[place]);
        // A heat meter may send joules and cubic metres: what was counted first goes on being counted.
        let same_unit = |reading: &&MbusReading| {
            last.is_some_and(|last| reading.value.is_some_and(|value| value.unit == last.unit))
        };
        let newest = if same_unit(&newest) {
            newest
        } else {
            let others = device.readings.iter().filter(same_unit);
            others.max_by_key(|reading| reading.time.and_then(|time| time.utc)).unwrap_or(newest)
        };
        let Some(position) = newest.value.filter(|position| !position.value.is_negative()) else { return };
        let stamp =
            newest.time.and_then(|stamp| stamp.utc).filter(|stamp| *stamp <= time.saturating_add(AHEAD_S));
        let at = match (stamp, last) {
            (Some(stamp), None) => stamp,
            (Some(stamp), Some(last)) if stamp > last.last.time => stamp,
            (Some(stamp), Some(last)) => match position.value.cmp_value(last.last.value) {
                Ordering::Greater => time.max(last.last.time),
                Ordering::Equal if stamp == last.last.time => {
                    line.acquit(&mut self.book);
                    return;
                }
                _ => return,
            },
            (None, Some(last)) => time.max(last.last.time),
            (None, None) => time,
        };
        line.offer(Position { time: at, value: position.value }, position.unit, &mut self.book, out);
    }
}
