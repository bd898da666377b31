//! `json` and `reading/*`: what a telegram says.

use super::super::LayoutError;
use super::super::native::mbus::plain;
use super::super::text;
use super::fields::{Names, Set, names};
use super::group::{Form, Group};
use super::{fixed, instant};
use crate::meter::{Field, MbusClass, Reading, Zone};
use crate::p1::Decimal;
use crate::publish::Message;

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

const FIELDS: [(&str, From); 22] = [
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

/// What a telegram says.
pub(super) const SET: Set = Set {
    json: Some("json"),
    parts: &[("reading/", "")],
    fields: &names(&FIELDS),
    further: &[],
    sparse: false,
};

/// The place of `id`: last among the topics, first in the JSON.
const ID: usize = FIELDS.len() - 1;

/// The topics of a reading.
#[derive(Debug)]
pub(super) struct Readings {
    group: Group,
    count: u64,
    payload: Vec<u8>,
}

impl Readings {
    pub(super) fn new(names: &mut Names<'_>) -> Result<Self, LayoutError> {
        Ok(Self { group: names.group(&SET)?, count: 0, payload: Vec::new() })
    }

    pub(super) fn messages(&mut self, zone: &Zone, reading: &Reading, out: &mut Vec<Message>) {
        self.count += 1;
        let gas = plain(reading, Some(MbusClass::Gas)).and_then(|device| device.newest());
        // Without a time there is no position either.
        let gas = gas.and_then(|gas| Some((instant(zone, gas.time?)?, gas.value?.value)));
        self.group.begin(out);
        let payload = &mut self.payload;
        payload.clear();
        text::whole(payload, self.count);
        self.group.key(ID, payload, Form::Bare);
        for (place, (_, from)) in FIELDS.iter().enumerate() {
            payload.clear();
            let mut form = Form::Quoted;
            match *from {
                From::Timestamp => match reading.time.and_then(|time| instant(zone, time)) {
                    Some(seconds) => text::utc(payload, seconds),
                    None => text::utc_millis(payload, reading.received_at),
                },
                From::Thousandths(field) => fixed(payload, reading.number(field), 3),
                From::OrTotal(field, total) => {
                    fixed(payload, reading.number(field).or_else(|| reading.number(total)), 3);
                }
                From::OrZero(field) => fixed(payload, reading.number(field).or(Some(Decimal::ZERO)), 3),
                From::Voltage(field) => fixed(payload, reading.number(field), 1),
                From::Current(field) => {
                    form = Form::Bare;
                    fixed(payload, reading.number(field), 0);
                }
                From::GasTimestamp => {
                    if let Some((seconds, _)) = gas {
                        text::utc(payload, seconds);
                    }
                }
                From::GasDelivered => fixed(payload, gas.map(|(_, value)| value), 3),
                From::Id => {
                    text::whole(payload, self.count);
                    self.group.topic(place, payload, out);
                    continue;
                }
            }
            self.group.put(place, payload, form, out);
        }
        self.group.end(out);
    }
}
