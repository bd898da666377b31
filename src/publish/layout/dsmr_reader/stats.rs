//! `meter-stats/*`: what the meter counts of itself.

use super::super::LayoutError;
use super::super::text;
use super::fields::{Names, Set, names};
use super::fixed;
use super::group::{Form, Group};
use crate::meter::{Field, Reading};
use crate::publish::{Context, Message};

/// Where a field comes from.
#[derive(Clone, Copy, Debug)]
enum From {
    Version,
    Tariff,
    Counter(Field),
    Rejected,
}

const FIELDS: [(&str, From); 11] = [
    ("dsmr_version", From::Version),
    ("electricity_tariff", From::Tariff),
    ("power_failure_count", From::Counter(Field::PowerFailures)),
    ("long_power_failure_count", From::Counter(Field::LongPowerFailures)),
    ("voltage_sag_count_l1", From::Counter(Field::VoltageSagsL1)),
    ("voltage_sag_count_l2", From::Counter(Field::VoltageSagsL2)),
    ("voltage_sag_count_l3", From::Counter(Field::VoltageSagsL3)),
    ("voltage_swell_count_l1", From::Counter(Field::VoltageSwellsL1)),
    ("voltage_swell_count_l2", From::Counter(Field::VoltageSwellsL2)),
    ("voltage_swell_count_l3", From::Counter(Field::VoltageSwellsL3)),
    ("rejected_telegrams", From::Rejected),
];

/// What the meter counts of itself.
pub(super) const SET: Set =
    Set { json: None, parts: &[("meter-stats/", "")], fields: &names(&FIELDS), further: &[], sparse: false };

/// The topics of the meter's counters.
#[derive(Debug)]
pub(super) struct Stats {
    group: Group,
    payload: Vec<u8>,
}

impl Stats {
    pub(super) fn new(names: &mut Names<'_>) -> Result<Self, LayoutError> {
        Ok(Self { group: names.group(&SET)?, payload: Vec::new() })
    }

    pub(super) fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        let payload = &mut self.payload;
        self.group.begin(out);
        for (place, (_, from)) in FIELDS.iter().enumerate() {
            payload.clear();
            match *from {
                From::Version => {
                    payload.extend_from_slice(reading.text(Field::P1Version).unwrap_or_default())
                }
                From::Tariff => {
                    if let Some(tariff) = reading.tariff() {
                        text::whole(payload, tariff.into());
                    }
                }
                From::Counter(field) => fixed(payload, reading.number(field), 0),
                From::Rejected => text::whole(payload, context.rejected),
            }
            self.group.put(place, payload, Form::Quoted, out);
        }
        self.group.end(out);
    }
}
