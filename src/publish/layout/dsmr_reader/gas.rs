//! `consumption/gas/*`: said once for each new reading of the gas meter.

use super::super::LayoutError;
use super::super::native::mbus::plain;
use super::fields::{Names, Set};
use super::group::{Form, Group};
use super::{fixed, instant, local_time};
use crate::meter::{Field, MbusClass, Reading, Zone};
use crate::p1::Decimal;
use crate::publish::Message;
use crate::totals::Totals;

/// A reading of the gas meter.
pub(super) const SET: Set = Set {
    json: Some("consumption/gas/json"),
    parts: &[("consumption/gas/", "")],
    fields: &["read_at", "delivered", "currently_delivered"],
    further: &[],
    sparse: false,
};

/// The gas topics and the last position they showed.
#[derive(Debug)]
pub(super) struct Gas {
    group: Group,
    last: Option<Last>,
    payload: Vec<u8>,
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
    pub(super) fn new(names: &mut Names<'_>) -> Result<Self, LayoutError> {
        Ok(Self { group: names.group(&SET)?, last: None, payload: Vec::new() })
    }

    pub(super) fn messages(
        &mut self,
        zone: &Zone,
        reading: &Reading,
        totals: Option<&Totals>,
        out: &mut Vec<Message>,
    ) {
        let Some(device) = plain(reading, Some(MbusClass::Gas)) else { return };
        let Some(gas) = device.newest() else { return };
        let (Some(time), Some(quantity)) = (gas.time, gas.value) else { return };
        let Some(mut read_at) = instant(zone, time) else { return };
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
        // After a restart there was one before, which was told of; what was told of it stands until the next.
        let used = totals.and_then(|totals| totals.year.usage.device(MbusClass::Gas));
        let is_resumed = self.last.is_none() && used.is_some_and(|used| !used.value.is_zero());
        self.last = Some(Last { id: device.id.clone(), read_at, delivered });

        let payload = &mut self.payload;
        self.group.begin(out);
        payload.clear();
        local_time(payload, zone, read_at);
        self.group.put(0, payload, Form::Quoted, out);
        payload.clear();
        fixed(payload, Some(delivered), 3);
        self.group.put(1, payload, Form::Quoted, out);
        if is_resumed {
            return;
        }
        payload.clear();
        match currently {
            Some(currently) => {
                fixed(payload, Some(currently), 3);
                self.group.put(2, payload, Form::Quoted, out);
            }
            // Of the first position nothing is known to differ from: a bare zero, a number in JSON too.
            None => self.group.put(2, b"0", Form::Bare, out),
        }
        self.group.end(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{MbusDevice, MbusReading, MeterTime, Proof, Quantity, Unit};
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
        let zone = Zone::new("Europe/Amsterdam").unwrap();
        gas.messages(&zone, &reading, None, &mut out);
        let payload = out.iter().find(|message| message.topic.ends_with("/currently_delivered"));
        String::from_utf8(payload.map(|message| message.payload.to_vec()).unwrap_or_default()).unwrap()
    }

    #[test]
    fn a_replaced_gas_meter_has_used_nothing_yet() {
        let mut gas = Gas::new(&mut Names::new("dsmr", &[]).unwrap()).unwrap();
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
