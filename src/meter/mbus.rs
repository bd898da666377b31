//! The sub-meters on the M-Bus: gas, water, heat, by channel and class, never "the last one wins".

use super::reading::{MbusDevice, MbusReading, Quantity, Reading};
use super::unit::Unit;
use super::zone::Zone;
use crate::p1::timestamp::Stamp;
use crate::p1::value::{self, Value};
use crate::p1::{Decimal, Obis, Telegram, telegram, timestamp};

/// What a sub-meter measures, by the device classes of EN 13757-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MbusClass {
    /// Class 2.
    Electricity,
    /// Class 3.
    Gas,
    /// Classes 4, 12 and 13: heat at the outlet, at the inlet, and heat or cooling.
    Heat,
    /// Classes 10 and 11: cooling at the outlet and at the inlet.
    Cooling,
    /// Classes 7 and 22: plain and cold water.
    Water,
    /// Classes 6 and 21: warm and hot water.
    WarmWater,
    /// Class 8; it counts units without a name.
    HeatCostAllocator,
}

impl MbusClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Electricity,
        Self::Gas,
        Self::Heat,
        Self::Cooling,
        Self::Water,
        Self::WarmWater,
        Self::HeatCostAllocator,
    ];

    /// The class of a device type, which telegrams write in decimal (EN 13757-3, table 6).
    pub const fn from_device_type(device_type: u8) -> Option<Self> {
        match device_type {
            2 => Some(Self::Electricity),
            3 => Some(Self::Gas),
            4 | 12 | 13 => Some(Self::Heat),
            10 | 11 => Some(Self::Cooling),
            7 | 22 => Some(Self::Water),
            6 | 21 => Some(Self::WarmWater),
            8 => Some(Self::HeatCostAllocator),
            _ => None,
        }
    }

    /// Its name in topics and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Gas => "gas",
            Self::Heat => "heat",
            Self::Cooling => "cooling",
            Self::Water => "water",
            Self::WarmWater => "warm_water",
            Self::HeatCostAllocator => "heat_cost_allocator",
        }
    }
}

impl MbusDevice {
    /// What it measures. A device that does not tell measures heat when it counts joules; cubic metres may be
    /// gas or water.
    pub fn class(&self) -> Option<MbusClass> {
        match self.device_type {
            Some(device_type) if device_type != 0 => MbusClass::from_device_type(device_type),
            _ => {
                let joules =
                    |reading: &MbusReading| reading.value.is_some_and(|value| value.unit == Unit::GigaJoule);
                self.readings.iter().any(joules).then_some(MbusClass::Heat)
            }
        }
    }

    /// Its newest reading with a value.
    pub fn newest(&self) -> Option<&MbusReading> {
        // Of readings of the same time the first counts.
        let valid = self.readings.iter().filter(|reading| reading.value.is_some());
        valid.rev().max_by_key(|reading| age_key(reading))
    }
}

/// Sorts readings by age, those without a time first.
fn age_key(reading: &MbusReading) -> Option<i64> {
    reading.time.map(|time| time.utc.unwrap_or_else(|| time.local.seconds_as_utc()))
}

impl Reading {
    /// The device that measures `class` with the newest valid reading, and that reading. A replaced meter
    /// keeps its channel, so that there may be several devices of a class.
    pub fn mbus_of(&self, class: MbusClass) -> Option<(&MbusDevice, &MbusReading)> {
        let devices = self.mbus.iter().filter(|device| device.class() == Some(class));
        // Of devices that read at the same time the one on the first channel counts.
        devices
            .filter_map(|device| Some((device, device.newest()?)))
            .rev()
            .max_by_key(|(_, reading)| age_key(reading))
    }

    /// The device on a channel, added when it was not there.
    pub(super) fn mbus_device(&mut self, channel: u8) -> &mut MbusDevice {
        let place = match self.mbus.binary_search_by_key(&channel, |device| device.channel) {
            Ok(place) => place,
            Err(place) => {
                self.mbus.insert(place, MbusDevice { channel, ..MbusDevice::default() });
                place
            }
        };
        &mut self.mbus[place]
    }
}

/// What an object says of a sub-meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MbusObject {
    /// Its device type.
    DeviceType,
    /// Its equipment identifier.
    Id,
    /// The EAN of its connection.
    Ean,
    /// Its valve or switch.
    Valve,
    /// Its last reading: a time and a value.
    Reading,
    /// Its last reading as a profile of DSMR 2 and 3.
    Profile,
}

impl MbusObject {
    /// What an object is about, when it is about a sub-meter.
    #[inline]
    pub const fn from_obis(obis: Obis) -> Option<Self> {
        if obis.a != 0 || obis.b == 0 || obis.b > 9 {
            return None;
        }
        match (obis.c, obis.d, obis.e) {
            (24, 1, 0) => Some(Self::DeviceType),
            (96, 1, 0 | 1) => Some(Self::Id),
            (96, 1, 2) => Some(Self::Ean),
            (24, 4, 0) => Some(Self::Valve),
            (24, 2, _) => Some(Self::Reading),
            (24, 3, _) => Some(Self::Profile),
            _ => None,
        }
    }
}

/// A profile of DSMR 2 and 3 in its parts, as written:
/// `(time)(status)(period)(number of values)(value's OBIS code)(unit)(value)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileParts<'t> {
    /// The end of the capture period.
    pub time: &'t [u8],
    /// 00: valid.
    pub status: &'t [u8],
    /// In minutes.
    pub period: &'t [u8],
    /// How many values follow.
    pub count: &'t [u8],
    /// What the value is.
    pub value_obis: &'t [u8],
    /// The value's unit.
    pub unit: &'t [u8],
    /// The first value; `None` where it is missing.
    pub value: Option<&'t [u8]>,
}

/// The parts of a profile; `None` when the object has another form.
pub fn profile_parts<'t>(object: &telegram::Object<'t>) -> Option<ProfileParts<'t>> {
    let mut groups = object.groups();
    Some(ProfileParts {
        time: groups.next()?,
        status: groups.next()?,
        period: groups.next()?,
        count: groups.next()?,
        value_obis: groups.next()?,
        unit: groups.next()?,
        value: groups.next(),
    })
}

/// Whether the identifier in `object` is another than the one that came under the same code before it: then what
/// follows on this channel is another device's, and must not be taken for the first one's.
pub fn names_another(telegram: &Telegram<'_>, object: &telegram::Object<'_>) -> bool {
    let named = |other: &telegram::Object<'_>| other.key() == object.key() && !other.first().is_empty();
    !object.first().is_empty()
        && telegram.objects().find(named).is_some_and(|first| first.first() != object.first())
}

/// Takes what an object says into the reading of its device. False when it cannot be read.
pub(super) fn take(
    device: &mut MbusDevice,
    kind: MbusObject,
    object: &telegram::Object<'_>,
    zone: &Zone,
) -> bool {
    let text = object.first();
    match kind {
        MbusObject::DeviceType => {
            let code = value::whole(text);
            if device.device_type.is_none() {
                device.device_type = code.and_then(|code| u8::try_from(code).ok());
            }
            text.is_empty() || code.is_some()
        }
        MbusObject::Id => {
            name(&mut device.id, text);
            true
        }
        MbusObject::Ean => {
            name(&mut device.ean, text);
            true
        }
        MbusObject::Valve => {
            if device.valve.is_none() {
                device.valve = value::whole(text).and_then(|valve| u8::try_from(valve).ok());
            }
            text.is_empty() || device.valve.is_some()
        }
        MbusObject::Reading => {
            let mut groups = object.groups();
            let (first, second) = (groups.next().unwrap_or_default(), groups.next());
            // `()` and `(0)`: a device that has not reported.
            let Some(second) = second else {
                device.readings.push(MbusReading { obis: object.obis(), time: None, value: None });
                return first.is_empty() || value::whole(first) == Some(0);
            };
            push(device, object.obis(), first, second, None, zone)
        }
        MbusObject::Profile => match profile_parts(object) {
            Some(parts) => push(
                device,
                object.obis(),
                parts.time,
                parts.value.unwrap_or_default(),
                Some(parts.unit),
                zone,
            ),
            None => {
                device.readings.push(MbusReading { obis: object.obis(), time: None, value: None });
                object.groups().all(<[u8]>::is_empty)
            }
        },
    }
}

/// Takes an identifier; the first that is not empty stays.
fn name(id: &mut Option<Box<[u8]>>, text: &[u8]) {
    if id.as_ref().is_none_or(|id| id.is_empty()) {
        *id = Some(text.into());
    }
}

fn push(
    device: &mut MbusDevice,
    obis: Obis,
    time: &[u8],
    value: &[u8],
    unit: Option<&[u8]>,
    zone: &Zone,
) -> bool {
    let stamp = timestamp::parse(time);
    // What else a heat meter knows, its flow and its temperatures, stands beside its position and is none.
    let beside = obis.d == 2 && obis.e != 1;
    let (quantity, readable) = match value::parse(value) {
        Value::Absent => (None, true),
        Value::Unreadable if beside && is_flow(value) => return true,
        Value::Unreadable => (None, false),
        Value::Number(measure) => {
            let unit = if measure.unit.is_empty() { unit.unwrap_or_default() } else { measure.unit };
            if beside && !is_position(measure.number, unit) {
                return true;
            }
            quantity(measure.number, unit)
        }
    };
    if !readable && beside && matches!(stamp, Stamp::Valid(_)) {
        return false;
    }
    let value = match stamp {
        Stamp::Valid(_) => quantity,
        // The meter itself says that it captured nothing.
        Stamp::Never(_) | Stamp::Unset => None,
        // A damaged time costs no value; but zero at no time says that there is nothing.
        Stamp::Invalid => quantity.filter(|quantity| !quantity.value.is_zero()),
    };
    let time = stamp.valid().map(|local| zone.meter_time(local));
    device.readings.push(MbusReading { obis, time, value });
    readable
}

/// Whether a value beside the position may be one after all: Belgium's gas stands there. Energy and volume are
/// positions, temperatures, flows, powers and bare numbers other than zero are not.
fn is_position(number: Decimal, unit: &[u8]) -> bool {
    match Unit::from_wire(unit) {
        Some((unit, _)) => matches!(
            unit,
            Unit::KiloWattHour
                | Unit::KiloVarHour
                | Unit::KiloVoltAmpereHour
                | Unit::CubicMetre
                | Unit::GigaJoule
        ),
        None => unit.is_empty() && number.is_zero(),
    }
}

/// Whether a value is a flow, such as `0.123*m3/h`: the only unit with a stroke.
fn is_flow(value: &[u8]) -> bool {
    let number = value.split(|&byte| byte == b'*').next().unwrap_or_default();
    let unit = value.get(number.len() + 1..).unwrap_or_default();
    matches!(value::parse(number), Value::Number(_)) && unit.ends_with(b"/h")
}

fn quantity(number: Decimal, unit: &[u8]) -> (Option<Quantity>, bool) {
    if unit.is_empty() {
        // Without a unit only a zero says something: that there is nothing.
        let quantity = Quantity { value: number, unit: Unit::One };
        return ((!number.is_zero()).then_some(quantity), true);
    }
    let quantity = Unit::from_wire(unit)
        .and_then(|(unit, exponent)| Some(Quantity { value: number.shifted(exponent)?, unit }));
    (quantity, quantity.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_device_types() {
        for (class, device_types) in [
            (Some(MbusClass::Electricity), &[2][..]),
            (Some(MbusClass::Gas), &[3]),
            (Some(MbusClass::Heat), &[4, 12, 13]),
            (Some(MbusClass::Cooling), &[10, 11]),
            (Some(MbusClass::Water), &[7, 22]),
            (Some(MbusClass::WarmWater), &[6, 21]),
            (Some(MbusClass::HeatCostAllocator), &[8]),
            (None, &[0, 1, 5, 9, 14, 15, 16, 20, 23, 99, 255]),
        ] {
            for &device_type in device_types {
                assert_eq!(MbusClass::from_device_type(device_type), class, "{device_type}");
            }
        }
        for (i, class) in MbusClass::ALL.into_iter().enumerate() {
            assert!(MbusClass::ALL[..i].iter().all(|other| other.name() != class.name()));
        }
    }

    #[test]
    fn only_joules_tell_what_a_silent_device_measures() {
        let device = |device_type, unit| MbusDevice {
            device_type,
            readings: vec![MbusReading {
                obis: Obis::new(0, 1, 24, 2, 1),
                time: None,
                value: Some(Quantity { value: Decimal::ZERO, unit }),
            }],
            ..MbusDevice::default()
        };
        assert_eq!(device(None, Unit::GigaJoule).class(), Some(MbusClass::Heat));
        assert_eq!(device(Some(0), Unit::GigaJoule).class(), Some(MbusClass::Heat));
        assert_eq!(device(Some(10), Unit::GigaJoule).class(), Some(MbusClass::Cooling));
        assert_eq!(device(None, Unit::CubicMetre).class(), None);
        assert_eq!(device(Some(99), Unit::GigaJoule).class(), None);
    }
}
