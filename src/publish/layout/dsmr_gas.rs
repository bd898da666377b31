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
    last: Option<(i64, Decimal)>,
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
        let Some(gas) = plain(reading, Some(MbusClass::Gas)).and_then(|device| device.newest()) else {
            return;
        };
        let (Some(time), Some(quantity)) = (gas.time, gas.value) else { return };
        let Some(mut read_at) = self.instant(time) else { return };
        // DSMR 4 puts the end of the hour on it, DSMR-reader shows the start.
        if reading.text(Field::P1Version).is_some_and(|version| version.starts_with(b"4")) {
            read_at -= 3_600;
        }
        let Some(delivered) = quantity.value.rounded(3).filter(|value| !value.is_zero()) else { return };
        if self.last.is_some_and(|(last, _)| read_at <= last) {
            return;
        }
        let currently = self.last.and_then(|(_, last)| delivered.checked_sub(last));
        self.last = Some((read_at, delivered));

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
