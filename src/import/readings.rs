//! Readings made of what other programs kept, and whose they are.

use std::path::Path;

use super::value::LocalClock;
use crate::meter::{
    Field, Interpreter, InterpreterSettings, MbusClass, MbusDevice, MbusReading, Proof, Quantity, Reading,
    Unit, Zone,
};
use crate::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};
use crate::p1::{Decimal, Obis};
use crate::store::{Archive, OpenError, Range};

/// The device on the M-Bus whose position a program kept: gas, nearly always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its channel.
    pub channel: u8,
    /// Its device type (EN 13757-3).
    pub device_type: u8,
    /// Its identifier as it stood in the telegram.
    pub id: Option<Box<[u8]>>,
    /// The code its readings stand under.
    pub obis: Obis,
    /// Their unit.
    pub unit: Unit,
}

impl Default for Device {
    fn default() -> Self {
        Self { channel: 1, device_type: 3, id: None, obis: Obis::new(0, 1, 24, 2, 1), unit: Unit::CubicMetre }
    }
}

impl Device {
    /// What it measures.
    pub fn class(&self) -> MbusClass {
        MbusClass::from_device_type(self.device_type).unwrap_or(MbusClass::Gas)
    }

    fn of(reading: &Reading) -> Option<Self> {
        let (device, newest) = match reading.mbus_of(MbusClass::Gas) {
            Some(found) => found,
            // Of devices of another class the one that stands last.
            None => reading.mbus.iter().rev().find_map(|device| Some((device, device.newest()?)))?,
        };
        Some(Self {
            channel: device.channel,
            device_type: device.device_type.unwrap_or(3),
            id: device.id.clone(),
            obis: newest.obis,
            unit: newest.value?.unit,
        })
    }
}

/// Whose readings they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// The identifier of the electricity meter, readable; none where nothing tells it.
    pub id: Option<String>,
    /// The device.
    pub device: Device,
    /// The meter tells totals and no tariffs: what is kept as tariff 1 is the total.
    pub has_totals_alone: bool,
}

impl Equipment {
    /// What a telegram tells, whose CRC may be wrong or missing.
    pub fn of_telegram(telegram: &[u8], zone: &Zone) -> Option<Self> {
        let mut found = None;
        let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
        let mut framer = Framer::new(settings);
        let mut on = |event: Event<'_>| {
            if let Event::Frame(frame) = event {
                let settings =
                    InterpreterSettings { country: None, zone: Some(zone.clone()), clock_tolerance_s: None };
                found = Some(Interpreter::new(settings).read(&frame, 0).reading);
            }
        };
        framer.push(telegram, &mut on);
        framer.push(b"\r\n", &mut on);
        framer.finish(&mut on);
        found.as_ref().map(Self::of_reading)
    }

    fn of_reading(reading: &Reading) -> Self {
        let has = |field| reading.number(field).is_some();
        Self {
            id: reading.equipment_id(),
            device: Device::of(reading).unwrap_or_default(),
            has_totals_alone: has(Field::EnergyImportTotal) && !has(Field::EnergyImportT1),
        }
    }

    /// What the record has of a meter, where that is one piece of equipment.
    ///
    /// # Errors
    /// There is a record, and it cannot be opened.
    pub fn of_record(path: &Path, meter: &str) -> Result<Option<Self>, OpenError> {
        let archive = match Archive::open(path) {
            Ok(archive) => archive,
            Err(OpenError::Missing(_) | OpenError::Older { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let range = Range { meter: Some(meter.to_owned()), ..Range::default() };
        let Ok(epochs) = archive.epochs(&range) else { return Ok(None) };
        let [epoch] = &epochs[..] else { return Ok(None) };
        let last = archive.last_reading(meter, epoch.last - 3_600, epoch.last + 1).ok().flatten();
        Ok(last.map(|last| Self { id: epoch.equipment_id.clone(), ..Self::of_reading(&last) }))
    }

    /// The registers of what was taken and given at tariffs 1 and 2.
    pub(super) fn registers(&self) -> [Option<Field>; 4] {
        if self.has_totals_alone {
            [Some(Field::EnergyImportTotal), None, Some(Field::EnergyExportTotal), None]
        } else {
            [
                Some(Field::EnergyImportT1),
                Some(Field::EnergyImportT2),
                Some(Field::EnergyExportT1),
                Some(Field::EnergyExportT2),
            ]
        }
    }
}

/// Makes readings of one piece of equipment.
#[derive(Debug)]
pub(super) struct Maker {
    clock: LocalClock,
    /// In hex, as telegrams have it, so that it reads the same whatever it is.
    id: Option<Vec<u8>>,
    device: Device,
}

impl Maker {
    pub(super) fn new(equipment: &Equipment, zone: &Zone) -> Self {
        let id = equipment
            .id
            .as_ref()
            .map(|id| id.bytes().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect());
        Self { clock: LocalClock::new(zone.clone()), id, device: equipment.device.clone() }
    }

    /// A reading of an instant in milliseconds. One of a whole second is by the meter's clock; another is by that of
    /// a computer, of a meter that tells no time.
    pub(super) fn reading(&mut self, millis: i64) -> Reading {
        let mut reading = Reading::new(millis, Proof::Absent);
        if millis.rem_euclid(1_000) == 0 {
            reading.time = self.clock.at(millis.div_euclid(1_000));
        }
        if let Some(id) = &self.id {
            reading.set_text(Field::MeterId, id);
        }
        reading
    }

    /// Adds the position of the device at an instant in seconds.
    pub(super) fn device(&mut self, reading: &mut Reading, stamp: i64, value: Decimal) {
        let Device { channel, device_type, id, obis, unit } = &self.device;
        let time = self.clock.at(stamp);
        let value = Some(Quantity { value, unit: *unit });
        reading.mbus.push(MbusDevice {
            channel: *channel,
            device_type: Some(*device_type),
            id: id.clone(),
            readings: vec![MbusReading { obis: *obis, time, value }],
            ..MbusDevice::default()
        });
    }
}
