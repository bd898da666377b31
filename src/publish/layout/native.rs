//! dsmrd's own topics: `<prefix>/<meter>/<field>`, one value a topic, and `…/json` with the whole reading but
//! for its lists, which change once a month.
//!
//! In reading order: [`table`], every topic that there is, with [`item`], those of the totals; [`writer`] and
//! [`object`], from values to payloads; [`objects`], lists; [`mbus`], devices; [`sums`], totals, peaks and costs; [`record`],
//! how the record is.

pub mod item;
pub(super) mod mbus;
mod object;
mod objects;
pub mod page;
mod record;
mod rows;
mod rows_totals;
mod sums;
pub mod table;
mod writer;

use mbus::Devices;
use objects::Profiles;
use sums::{Out, Sums};
use writer::{Shape, Writer};

use super::Context;
use super::slot::Topic;
use super::text;
use crate::meter::energy::{EXPORT_TARIFFS, IMPORT_TARIFFS};
use crate::meter::{Cell, Field, Kind, REGISTERS, Reading, TariffName, Unit};
use crate::p1::Decimal;
use crate::publish::topic::level;
use crate::publish::{Message, PayloadFormat};
use crate::telemetry::StoreHealth;

/// The layout.
#[derive(Debug)]
pub(super) struct Native {
    prefix: String,
    format: PayloadFormat,
    meters: Vec<Meter>,
    store: Topic,
}

/// One meter's topics.
#[derive(Debug)]
struct Meter {
    name: String,
    /// The identifier of the meter that spoke last, as it stood; empty while none told one.
    equipment: Vec<u8>,
    /// `<prefix>/<meter>`.
    base: String,
    status: Topic,
    time: Option<Topic>,
    proof: Option<Topic>,
    country: Option<Topic>,
    tariff_name: Option<Topic>,
    json: Option<Topic>,
    fields: Vec<Option<Topic>>,
    peak_times: Vec<(Field, Option<Topic>)>,
    net_phases: [Option<Topic>; 3],
    net_watts: Option<Topic>,
    month_end: Option<Topic>,
    limiter_state: Option<Topic>,
    current_limits: [Option<Topic>; 2],
    profiles: Profiles,
    devices: Devices,
    sums: Sums,
    writer: Writer,
}

const PHASES: [(&str, Field, Field); 3] = [
    ("power_net_l1", Field::PowerImportL1, Field::PowerExportL1),
    ("power_net_l2", Field::PowerImportL2, Field::PowerExportL2),
    ("power_net_l3", Field::PowerImportL3, Field::PowerExportL3),
];

const LIMITS: [&str; 2] = ["current_limit_import", "current_limit_export"];

impl Native {
    pub(super) fn new(prefix: String, format: PayloadFormat) -> Self {
        let store = Topic::new(&format!("{prefix}/store"));
        Self { prefix, format, meters: Vec::new(), store }
    }

    fn meter(&mut self, name: &str) -> &mut Meter {
        let place = self.meters.iter().position(|meter| meter.name == name).unwrap_or_else(|| {
            let base = format!("{}/{}", self.prefix, level(name));
            self.meters.push(Meter::new(name, base, self.format));
            self.meters.len() - 1
        });
        &mut self.meters[place]
    }

    pub(super) fn link(&mut self, meter: &str, online: bool, out: &mut Vec<Message>) {
        let payload: &[u8] = if online { b"online" } else { b"offline" };
        self.meter(meter).status.say(payload, 0, out);
    }

    pub(super) fn store(&mut self, health: &StoreHealth, out: &mut Vec<Message>) {
        self.store.say(&record::json(health), 0, out);
    }

    pub(super) fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        let meter = self.meter(context.meter);
        // None of a meter's values passes for one of the meter in its place.
        if meter.is_another(reading) {
            meter.topics().for_each(Topic::doubt);
            meter.sums.hurry();
            meter.messages(context, reading, out);
            meter.topics().for_each(|topic| topic.unconfirmed(out));
        } else {
            meter.messages(context, reading, out);
        }
    }
}

impl Meter {
    fn new(name: &str, base: String, format: PayloadFormat) -> Self {
        Self {
            name: name.to_owned(),
            equipment: Vec::new(),
            status: Topic::new(&format!("{base}/status")),
            time: None,
            proof: None,
            country: None,
            tariff_name: None,
            json: None,
            fields: REGISTERS.iter().map(|_| None).collect(),
            peak_times: Vec::new(),
            net_phases: [None, None, None],
            net_watts: None,
            month_end: None,
            limiter_state: None,
            current_limits: [None, None],
            profiles: Profiles::default(),
            devices: Devices::default(),
            sums: Sums::default(),
            writer: Writer::new(format),
            base,
        }
    }

    /// Whether the reading is of another meter than the last; a telegram without an identifier tells nothing.
    fn is_another(&mut self, reading: &Reading) -> bool {
        let ids = [Field::MeterId, Field::MeterIdAlt, Field::LogicalDeviceName];
        let Some(id) = ids.into_iter().find_map(|field| reading.text(field).filter(|id| !id.is_empty()))
        else {
            return false;
        };
        if self.equipment == id {
            return false;
        }
        let is_first = self.equipment.is_empty();
        self.equipment = id.to_vec();
        !is_first
    }

    /// Every topic that a reading speaks in.
    fn topics(&mut self) -> impl Iterator<Item = &mut Topic> {
        let named = [
            &mut self.time,
            &mut self.proof,
            &mut self.country,
            &mut self.tariff_name,
            &mut self.json,
            &mut self.net_watts,
            &mut self.month_end,
            &mut self.limiter_state,
        ];
        let peaks = self.peak_times.iter_mut().map(|(_, topic)| topic);
        let fields =
            self.fields.iter_mut().chain(peaks).chain(&mut self.net_phases).chain(&mut self.current_limits);
        named.into_iter().chain(fields).flatten().chain(self.devices.topics()).chain(self.sums.topics())
    }

    fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        let Self { base, fields, writer, .. } = self;
        writer.start(reading);
        writer.value.extend_from_slice(&writer.time);
        writer.put(&mut self.time, base, "time", Shape::Text, out);
        // Wherever a reading goes it must be seen how far it can be trusted.
        writer.value.extend_from_slice(reading.proof.name().as_bytes());
        writer.put(&mut self.proof, base, "proof", Shape::Proof, out);
        let country = reading.country.map(|country| country.code());
        writer.put_word(&mut self.country, base, "country", country, out);
        let tariff = reading.tariff().zip(reading.country);
        let tariff = tariff.and_then(|(number, country)| country.tariff_name(number));
        writer.put_word(&mut self.tariff_name, base, "tariff_name", tariff.map(TariffName::name), out);

        let net = net(reading, Field::PowerImport, Field::PowerExport);
        for (register, topic) in REGISTERS.iter().zip(fields.iter_mut()) {
            let field = register.field;
            let derived = match field {
                _ if reading.get(field).is_some() => None,
                Field::EnergyImportTotal => sum(reading, &IMPORT_TARIFFS),
                Field::EnergyExportTotal => sum(reading, &EXPORT_TARIFFS),
                Field::PowerNet => net,
                _ => None,
            };
            let mut name = register.name;
            let mut slot = &mut *topic;
            let shape = match (derived, reading.get(field)) {
                (Some(value), _) => {
                    text::decimal(&mut writer.value, value);
                    Shape::Number(register.unit)
                }
                (None, Some(Cell::Number(quantity))) => {
                    text::decimal(&mut writer.value, quantity.value);
                    Shape::Number(quantity.unit)
                }
                // Told as two numbers, below.
                (None, _) if field == Field::CurrentLimits => continue,
                // The reading's time says it.
                (None, _) if register.kind == Kind::Clock => continue,
                (None, Some(Cell::Text(bytes))) if register.kind == Kind::Profile => {
                    let profile = self.profiles.json(field, bytes, reading);
                    if profile.is_month_end {
                        (name, slot) = ("month_end", &mut self.month_end);
                    }
                    writer.value.extend_from_slice(profile.json);
                    Shape::List
                }
                (None, Some(Cell::Text(bytes))) => writer.text(register.kind, bytes, reading),
                (None, None) => {
                    if let Some(topic) = topic {
                        topic.miss(writer.now, out);
                    }
                    continue;
                }
            };
            writer.put(slot, base, name, shape, out);
        }
        if reading.get(Field::DemandPeakHistory).is_none()
            && let Some(topic) = &mut self.month_end
        {
            topic.miss(writer.now, out);
        }
        let limiter =
            reading.limit(Field::LimiterThreshold).map(|limit| if limit.is_off() { "off" } else { "on" });
        writer.put_word(&mut self.limiter_state, base, "limiter_state", limiter, out);
        let limits = reading.current_limits();
        let limits = [limits.and_then(|limits| limits.import), limits.and_then(|limits| limits.export)];
        for ((name, limit), topic) in LIMITS.into_iter().zip(limits).zip(&mut self.current_limits) {
            writer.put_number(topic, base, name, limit.map(|limit| (limit.value, limit.unit)), out);
        }

        for ((name, import, export), topic) in PHASES.into_iter().zip(&mut self.net_phases) {
            let value = self::net(reading, import, export);
            writer.put_number(topic, base, name, value.map(|value| (value, Unit::KiloWatt)), out);
        }
        let watts = reading.number(Field::PowerNet).or(net).and_then(|net| net.shifted(3));
        match watts {
            Some(watts) => {
                text::decimal(&mut writer.value, watts);
                writer.put(&mut self.net_watts, base, "power_net_w", Shape::Watts, out);
            }
            None => {
                if let Some(topic) = &mut self.net_watts {
                    topic.miss(writer.now, out);
                }
            }
        }

        for &(field, time) in &reading.peak_times {
            let place = self.peak_times.iter().position(|(known, _)| *known == field).unwrap_or_else(|| {
                self.peak_times.push((field, None));
                self.peak_times.len() - 1
            });
            writer.meter_time(time);
            let name = match field {
                Field::DemandImportMax => "demand_import_max_time",
                _ => "demand_export_max_time",
            };
            writer.put(&mut self.peak_times[place].1, base, name, Shape::Text, out);
        }
        for (field, topic) in &mut self.peak_times {
            if let Some(topic) = topic
                && !reading.peak_times.iter().any(|(told, _)| told == field)
            {
                topic.miss(writer.now, out);
            }
        }
        self.devices.messages(reading, base, writer, out);
        writer.finish(&mut self.json, base, out);
        self.sums.messages(context.totals, &mut Out { base, writer, messages: out });
    }
}

/// Import less export, where the meter tells both.
fn net(reading: &Reading, import: Field, export: Field) -> Option<Decimal> {
    reading.number(import)?.checked_sub(reading.number(export)?)
}

/// The sum of the tariffs the meter has.
fn sum(reading: &Reading, tariffs: &[Field]) -> Option<Decimal> {
    let mut positions = tariffs.iter().filter_map(|field| reading.number(*field));
    let first = positions.next()?;
    positions.try_fold(first, Decimal::checked_add)
}
