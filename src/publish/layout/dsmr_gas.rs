//! `dsmr/consumption/gas/*`: said once for each new reading of the gas meter.

use jiff::Timestamp;

use super::dsmr_reader::fixed;
use super::native_mbus::plain;
use super::slot::Topic;
use super::text;
use crate::meter::{Field, MbusClass, MeterTime, Reading, Zone};
use crate::p1::Decimal;
use crate::publish::Message;

/// The gas topics and the last position they showed.
#[derive(Debug)]
pub(super) struct Gas {
    zone: Zone,
    json: Topic,
    read_at: Topic,
    delivered: Topic,
    currently: Topic,
    last: Option<Last>,
}

/// A position that was shown.
#[derive(Debug)]
struct Last {
    /// Of which device.
    id: Option<Box<[u8]>>,
    read_at: i64,
    delivered: Decimal,
}

impl Gas {
    pub(super) fn new(zone: Zone) -> Self {
        let topic = |name| Topic::new(&format!("dsmr/consumption/gas/{name}"));
        Self {
            zone,
            json: topic("json"),
            read_at: topic("read_at"),
            delivered: topic("delivered"),
            currently: topic("currently_delivered"),
            last: None,
        }
    }

    /// The instant of a meter's time; of one that does not tell which offset holds, by the zone.
    pub(super) fn instant(&self, time: MeterTime) -> Option<i64> {
        time.utc.or_else(|| {
            let wall = Timestamp::from_second(time.local.seconds_as_utc()).ok()?;
            let wall = jiff::tz::Offset::UTC.to_datetime(wall);
            Some(self.zone.time_zone().to_ambiguous_timestamp(wall).compatible().ok()?.as_second())
        })
    }

    pub(super) fn consumption(&mut self, reading: &Reading, out: &mut Vec<Message>) {
        let Some(device) = plain(reading, Some(MbusClass::Gas)) else { return };
        let Some(gas) = device.newest() else { return };
        let (Some(time), Some(quantity)) = (gas.time, gas.value) else { return };
        let Some(mut read_at) = self.instant(time) else { return };
        // DSMR 4 puts the end of the hour on it, DSMR-reader shows the start.
        if reading.text(Field::P1Version).is_some_and(|version| version.starts_with(b"4")) {
            read_at -= 3_600;
        }
        let Some(delivered) = quantity.value.rounded(3).filter(|value| !value.is_zero()) else { return };
        if self.last.as_ref().is_some_and(|last| read_at <= last.read_at) {
            return;
        }
        // Between two meters there is no difference, and a register that fell is another meter's or a new one's.
        let currently = self
            .last
            .as_ref()
            .filter(|last| last.id == device.id)
            .and_then(|last| delivered.checked_sub(last.delivered))
            .filter(|difference| !difference.is_negative());
        self.last = Some(Last { id: device.id.clone(), read_at, delivered });

        let offset = Timestamp::from_second(read_at)
            .map_or(0, |instant| self.zone.time_zone().to_offset(instant).seconds());
        let mut when = Vec::with_capacity(32);
        text::with_offset(&mut when, read_at, offset);
        let mut position = Vec::with_capacity(16);
        fixed(&mut position, Some(delivered), 3);
        // Of the first position nothing is known to differ from: a bare zero, a number in JSON too.
        let mut difference = Vec::with_capacity(16);
        match currently {
            Some(currently) => fixed(&mut difference, Some(currently), 3),
            None => difference.push(b'0'),
        }
        let quote: &[u8] = if currently.is_some() { b"\"" } else { b"" };
        let json = [
            b"{\"read_at\": \"",
            &when[..],
            b"\", \"delivered\": \"",
            &position[..],
            b"\", \"currently_delivered\": ",
            quote,
            &difference[..],
            quote,
            b"}",
        ]
        .concat();
        self.json.say(&json, 0, out);
        self.read_at.say(&when, 0, out);
        self.delivered.say(&position, 0, out);
        self.currently.say(&difference, 0, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{MbusDevice, MbusReading, Proof, Quantity, Unit};
    use crate::p1::Obis;
    use crate::p1::timestamp::LocalTime;

    /// What is said of the consumption when the gas meter `id` reports `dm3` at an hour of the day.
    fn said(gas: &mut Gas, id: &[u8], hour: u8, dm3: i128) -> String {
        let local =
            LocalTime { year: 2026, month: 11, day: 21, hour, minute: 0, second: 0, dst: Some(false) };
        let time = MeterTime { local, utc: Some(local.seconds_as_utc() - 3_600) };
        let value = Quantity { value: Decimal::new(dm3, 3).unwrap(), unit: Unit::CubicMetre };
        let found = MbusReading { obis: Obis::new(0, 1, 24, 2, 1), time: Some(time), value: Some(value) };
        let mut reading = Reading::new(0, Proof::Verified);
        reading.mbus.push(MbusDevice {
            channel: 1,
            device_type: Some(3),
            id: Some(id.into()),
            readings: vec![found],
            ..MbusDevice::default()
        });
        let mut out = Vec::new();
        gas.consumption(&reading, &mut out);
        let payload = out.iter().find(|message| message.topic.ends_with("/currently_delivered"));
        String::from_utf8(payload.map(|message| message.payload.to_vec()).unwrap_or_default()).unwrap()
    }

    #[test]
    fn a_replaced_gas_meter_has_used_nothing_yet() {
        let mut gas = Gas::new(Zone::new("Europe/Amsterdam").unwrap());
        assert_eq!(said(&mut gas, b"OLD", 8, 5_432_109), "0");
        assert_eq!(said(&mut gas, b"OLD", 9, 5_432_609), "0.500");
        // Lower than the old one, and then one that happens to be higher.
        assert_eq!(said(&mut gas, b"NEW", 10, 42), "0");
        assert_eq!(said(&mut gas, b"NEW", 11, 100), "0.058");
        assert_eq!(said(&mut gas, b"NEXT", 12, 9_000_000), "0");
        // A register that falls without a new identifier.
        assert_eq!(said(&mut gas, b"NEXT", 13, 7), "0");
        assert_eq!(said(&mut gas, b"NEXT", 14, 9), "0.002");
    }
}
