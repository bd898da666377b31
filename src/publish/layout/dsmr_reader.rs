//! The topics of DSMR-reader, payloads to the byte, so that what listens to it need not be changed.
//!
//! Where it has faults, names, formats and meaning stay and the faults do not: currents are rounded, not cut
//! off; gas is what a gas meter says; the newest device counts. `id` counts readings since the start.

use super::Context;
use super::dsmr_gas::Gas;
use super::native_mbus::plain;
use super::slot::Topic;
use super::text;
use crate::meter::{Field, MbusClass, Reading, Zone};
use crate::p1::Decimal;
use crate::publish::Message;

/// The layout, of one meter.
#[derive(Debug)]
pub(super) struct DsmrReader {
    meter: String,
    count: u64,
    json: Topic,
    readings: Vec<Topic>,
    stats: Vec<Topic>,
    gas: Gas,
    raw: Topic,
    payload: Vec<u8>,
    whole: Vec<u8>,
}

/// Where a field of the reading comes from, in the order in which DSMR-reader sends them.
#[derive(Clone, Copy, Debug)]
enum From {
    Timestamp,
    /// A position or power with three decimals.
    Thousandths(Field),
    /// The same; of meters without tariffs the total.
    OrTotal(Field, Field),
    /// The same; zero where the meter has no second tariff.
    OrZero(Field),
    Voltage(Field),
    Current(Field),
    GasTimestamp,
    GasDelivered,
    Id,
}

const READING: [(&str, From); 22] = [
    ("timestamp", From::Timestamp),
    ("electricity_delivered_1", From::OrTotal(Field::EnergyImportT1, Field::EnergyImportTotal)),
    ("electricity_returned_1", From::OrTotal(Field::EnergyExportT1, Field::EnergyExportTotal)),
    ("electricity_delivered_2", From::OrZero(Field::EnergyImportT2)),
    ("electricity_returned_2", From::OrZero(Field::EnergyExportT2)),
    ("electricity_currently_delivered", From::Thousandths(Field::PowerImport)),
    ("electricity_currently_returned", From::Thousandths(Field::PowerExport)),
    ("phase_currently_delivered_l1", From::Thousandths(Field::PowerImportL1)),
    ("phase_currently_delivered_l2", From::Thousandths(Field::PowerImportL2)),
    ("phase_currently_delivered_l3", From::Thousandths(Field::PowerImportL3)),
    ("extra_device_timestamp", From::GasTimestamp),
    ("extra_device_delivered", From::GasDelivered),
    ("phase_currently_returned_l1", From::Thousandths(Field::PowerExportL1)),
    ("phase_currently_returned_l2", From::Thousandths(Field::PowerExportL2)),
    ("phase_currently_returned_l3", From::Thousandths(Field::PowerExportL3)),
    ("phase_voltage_l1", From::Voltage(Field::VoltageL1)),
    ("phase_voltage_l2", From::Voltage(Field::VoltageL2)),
    ("phase_voltage_l3", From::Voltage(Field::VoltageL3)),
    ("phase_power_current_l1", From::Current(Field::CurrentL1)),
    ("phase_power_current_l2", From::Current(Field::CurrentL2)),
    ("phase_power_current_l3", From::Current(Field::CurrentL3)),
    ("id", From::Id),
];

const COUNTERS: [(&str, Field); 8] = [
    ("power_failure_count", Field::PowerFailures),
    ("long_power_failure_count", Field::LongPowerFailures),
    ("voltage_sag_count_l1", Field::VoltageSagsL1),
    ("voltage_sag_count_l2", Field::VoltageSagsL2),
    ("voltage_sag_count_l3", Field::VoltageSagsL3),
    ("voltage_swell_count_l1", Field::VoltageSwellsL1),
    ("voltage_swell_count_l2", Field::VoltageSwellsL2),
    ("voltage_swell_count_l3", Field::VoltageSwellsL3),
];

impl DsmrReader {
    pub(super) fn new(meter: &str, zone: Zone) -> Self {
        let stats = ["dsmr_version", "electricity_tariff"].into_iter();
        let stats = stats.chain(COUNTERS.map(|(name, _)| name)).chain(["rejected_telegrams"]);
        Self {
            meter: meter.to_owned(),
            count: 0,
            json: Topic::new("dsmr/json"),
            readings: READING.iter().map(|(name, _)| Topic::new(&format!("dsmr/reading/{name}"))).collect(),
            stats: stats.map(|name| Topic::new(&format!("dsmr/meter-stats/{name}"))).collect(),
            gas: Gas::new(zone),
            raw: Topic::new("dsmr/raw"),
            payload: Vec::new(),
            whole: Vec::new(),
        }
    }

    pub(super) fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        if context.meter != self.meter {
            return;
        }
        self.count += 1;
        if let Some(raw) = &reading.raw {
            // Telegrams are Latin-1, payloads UTF-8.
            self.payload.clear();
            for &byte in raw.trim_ascii_end() {
                self.payload.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
            }
            self.raw.say(&self.payload, 0, out);
        }
        self.reading(reading, out);
        self.stats(context, reading, out);
        self.gas.consumption(reading, out);
    }

    fn reading(&mut self, reading: &Reading, out: &mut Vec<Message>) {
        let gas = plain(reading, Some(MbusClass::Gas)).and_then(|device| device.newest());
        // Without a time there is no position either.
        let gas = gas.and_then(|gas| Some((self.gas.instant(gas.time?)?, gas.value?.value)));
        let json = out.len();
        self.whole.clear();
        self.whole.extend_from_slice(b"{\"id\": ");
        text::whole(&mut self.whole, self.count);
        for ((name, from), topic) in READING.iter().zip(&mut self.readings) {
            self.payload.clear();
            let mut quoted = true;
            match *from {
                From::Timestamp => match reading.time.and_then(|time| self.gas.instant(time)) {
                    Some(seconds) => text::utc(&mut self.payload, seconds),
                    None => text::utc_millis(&mut self.payload, reading.received_at),
                },
                From::Thousandths(field) => fixed(&mut self.payload, reading.number(field), 3),
                From::OrTotal(field, total) => {
                    fixed(&mut self.payload, reading.number(field).or_else(|| reading.number(total)), 3);
                }
                From::OrZero(field) => {
                    fixed(&mut self.payload, reading.number(field).or(Some(Decimal::ZERO)), 3);
                }
                From::Voltage(field) => fixed(&mut self.payload, reading.number(field), 1),
                From::Current(field) => {
                    quoted = false;
                    fixed(&mut self.payload, reading.number(field), 0);
                }
                From::GasTimestamp => {
                    if let Some((seconds, _)) = gas {
                        text::utc(&mut self.payload, seconds);
                    }
                }
                From::GasDelivered => fixed(&mut self.payload, gas.map(|(_, value)| value), 3),
                From::Id => {
                    text::whole(&mut self.payload, self.count);
                    topic.say(&self.payload, 0, out);
                    continue;
                }
            }
            topic.say(&self.payload, 0, out);
            self.whole.extend_from_slice(b", \"");
            self.whole.extend_from_slice(name.as_bytes());
            self.whole.extend_from_slice(b"\": ");
            match (self.payload.is_empty(), quoted) {
                (true, _) => self.whole.extend_from_slice(b"null"),
                (false, false) => self.whole.extend_from_slice(&self.payload),
                (false, true) => {
                    self.whole.push(b'"');
                    self.whole.extend_from_slice(&self.payload);
                    self.whole.push(b'"');
                }
            }
        }
        self.whole.push(b'}');
        self.json.say(&self.whole, 0, out);
        // It goes first.
        out[json..].rotate_right(1);
    }

    fn stats(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        let mut topics = self.stats.iter_mut();
        let mut say = |payload: &mut Vec<u8>| {
            if let Some(topic) = topics.next() {
                topic.say(payload, 0, out);
            }
            payload.clear();
        };
        let payload = &mut self.payload;
        payload.clear();
        payload.extend_from_slice(reading.text(Field::P1Version).unwrap_or_default());
        say(payload);
        if let Some(tariff) = reading.tariff() {
            text::whole(payload, tariff.into());
        }
        say(payload);
        for (_, field) in COUNTERS {
            fixed(payload, reading.number(field), 0);
            say(payload);
        }
        text::whole(payload, context.rejected);
        say(payload);
    }
}

/// A number with so many decimals; nothing where there is none, which clears the topic.
pub(super) fn fixed(out: &mut Vec<u8>, value: Option<Decimal>, scale: u8) {
    if let Some(value) = value.and_then(|value| value.rounded(scale)) {
        text::decimal(out, value);
    }
}
