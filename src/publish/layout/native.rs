//! dsmrd's own topics: `<prefix>/<meter>/<field>`, one value a topic, and `…/json` with the whole reading.

use super::native_mbus::Devices;
use super::native_objects::Profiles;
use super::slot::Topic;
use super::text;
use crate::meter::reading::readable;
use crate::meter::{Cell, Field, Kind, Proof, REGISTERS, Reading, SwitchState, Unit, UnixMillis, message};
use crate::p1::Decimal;
use crate::publish::topic::level;
use crate::publish::{Message, PayloadFormat};

/// The layout.
#[derive(Debug)]
pub(super) struct Native {
    prefix: String,
    format: PayloadFormat,
    meters: Vec<Meter>,
}

/// One meter's topics.
#[derive(Debug)]
struct Meter {
    name: String,
    /// `<prefix>/<meter>`.
    base: String,
    status: Topic,
    time: Option<Topic>,
    proof: Option<Topic>,
    country: Option<Topic>,
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
    writer: Writer,
}

const TARIFFS_IMPORT: [Field; 8] = [
    Field::EnergyImportT1,
    Field::EnergyImportT2,
    Field::EnergyImportT3,
    Field::EnergyImportT4,
    Field::EnergyImportT5,
    Field::EnergyImportT11,
    Field::EnergyImportT12,
    Field::EnergyImportT13,
];
const TARIFFS_EXPORT: [Field; 8] = [
    Field::EnergyExportT1,
    Field::EnergyExportT2,
    Field::EnergyExportT3,
    Field::EnergyExportT4,
    Field::EnergyExportT5,
    Field::EnergyExportT11,
    Field::EnergyExportT12,
    Field::EnergyExportT13,
];
const PHASES: [(&str, Field, Field); 3] = [
    ("power_net_l1", Field::PowerImportL1, Field::PowerExportL1),
    ("power_net_l2", Field::PowerImportL2, Field::PowerExportL2),
    ("power_net_l3", Field::PowerImportL3, Field::PowerExportL3),
];

const LIMITS: [&str; 2] = ["current_limit_import", "current_limit_export"];

impl Native {
    pub(super) fn new(prefix: String, format: PayloadFormat) -> Self {
        Self { prefix, format, meters: Vec::new() }
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

    pub(super) fn messages(&mut self, meter: &str, reading: &Reading, out: &mut Vec<Message>) {
        self.meter(meter).messages(reading, out);
    }
}

impl Meter {
    fn new(name: &str, base: String, format: PayloadFormat) -> Self {
        Self {
            name: name.to_owned(),
            status: Topic::new(&format!("{base}/status")),
            time: None,
            proof: None,
            country: None,
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
            writer: Writer::new(format),
            base,
        }
    }

    fn messages(&mut self, reading: &Reading, out: &mut Vec<Message>) {
        let Self { base, fields, writer, .. } = self;
        writer.start(reading);
        writer.value.extend_from_slice(&writer.time);
        writer.put(&mut self.time, base, "time", Shape::Text, out);
        writer.value.extend_from_slice(proof(reading.proof).as_bytes());
        writer.put(&mut self.proof, base, "proof", Shape::Text, out);
        let country = reading.country.map(|country| country.code());
        writer.put_word(&mut self.country, base, "country", country, out);

        let net = net(reading, Field::PowerImport, Field::PowerExport);
        for (register, topic) in REGISTERS.iter().zip(fields.iter_mut()) {
            let field = register.field;
            let derived = match field {
                _ if reading.get(field).is_some() => None,
                Field::EnergyImportTotal => sum(reading, &TARIFFS_IMPORT),
                Field::EnergyExportTotal => sum(reading, &TARIFFS_EXPORT),
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
                (None, Some(Cell::Text(bytes))) if register.kind == Kind::Profile => {
                    let profile = self.profiles.json(field, bytes, reading);
                    if profile.is_month_end {
                        (name, slot) = ("month_end", &mut self.month_end);
                    }
                    writer.value.extend_from_slice(profile.json);
                    Shape::Json
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
        writer.put_number(
            &mut self.net_watts,
            base,
            "power_net_w",
            watts.map(|value| (value, Unit::One)),
            out,
        );

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
        self.devices.messages(reading, base, writer, out);
        writer.finish(&mut self.json, base, out);
    }
}

/// The word for how a reading was proven.
const fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Verified => "verified",
        Proof::Absent => "absent",
        Proof::Failed => "failed",
        Proof::Unauthenticated => "unauthenticated",
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

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Number(Unit),
    Text,
    /// A value that is JSON already.
    Json,
}

/// Writes values into payloads, and all of them into the reading's JSON.
#[derive(Debug)]
pub(super) struct Writer {
    format: PayloadFormat,
    pub(super) now: UnixMillis,
    seconds: i64,
    time: Vec<u8>,
    /// The value to put next, as plain text.
    pub(super) value: Vec<u8>,
    payload: Vec<u8>,
    json: Vec<u8>,
}

impl Writer {
    fn new(format: PayloadFormat) -> Self {
        Self {
            format,
            now: 0,
            seconds: 0,
            time: Vec::new(),
            value: Vec::new(),
            payload: Vec::new(),
            json: Vec::new(),
        }
    }

    fn start(&mut self, reading: &Reading) {
        self.now = reading.received_at;
        self.seconds = reading.utc_seconds();
        self.time.clear();
        text::utc(&mut self.time, self.seconds);
        self.value.clear();
        self.json.clear();
        self.json.push(b'{');
    }

    /// Writes what a text says; a tariff and the position of a switch are numbers.
    fn text(&mut self, kind: Kind, bytes: &[u8], reading: &Reading) -> Shape {
        let number = match kind {
            Kind::Tariff => reading.tariff().map(u64::from),
            Kind::Switch => SwitchState::parse(bytes).map(|state| state.code().into()),
            _ => None,
        };
        if let Some(number) = number {
            text::whole(&mut self.value, number);
            return Shape::Number(Unit::One);
        }
        match kind {
            Kind::Message => {
                self.value.extend_from_slice(message::decode(bytes).unwrap_or_default().as_bytes());
            }
            // Only identifiers and messages are written in hex; version 50 is not a "P".
            Kind::Id => self.readable(bytes),
            _ => self.value.extend(bytes.iter().map(|&b| if b.is_ascii() { b } else { b'?' })),
        }
        Shape::Text
    }

    /// Writes an identifier for people.
    pub(super) fn readable(&mut self, bytes: &[u8]) {
        self.value.extend_from_slice(readable(bytes).as_bytes());
    }

    /// Writes a time of the meter: an instant where it tells which, else its local time.
    pub(super) fn meter_time(&mut self, time: crate::meter::MeterTime) {
        match time.utc {
            Some(seconds) => text::utc(&mut self.value, seconds),
            None => text::local(&mut self.value, time.local),
        }
    }

    pub(super) fn put_number(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        number: Option<(Decimal, Unit)>,
        out: &mut Vec<Message>,
    ) {
        match number {
            Some((value, unit)) => {
                text::decimal(&mut self.value, value);
                self.put(topic, base, name, Shape::Number(unit), out);
            }
            None => {
                if let Some(topic) = topic {
                    topic.miss(self.now, out);
                }
            }
        }
    }

    /// Puts a word, where there is one.
    pub(super) fn put_word(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        word: Option<&str>,
        out: &mut Vec<Message>,
    ) {
        match (word, topic) {
            (Some(word), topic) => {
                self.value.extend_from_slice(word.as_bytes());
                self.put(topic, base, name, Shape::Text, out);
            }
            (None, Some(topic)) => topic.miss(self.now, out),
            (None, None) => {}
        }
    }

    /// Puts the value just written into its topic `<base>/<name>` and into the JSON.
    pub(super) fn put(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        shape: Shape,
        out: &mut Vec<Message>,
    ) {
        self.key(name);
        let at = self.json.len();
        match shape {
            Shape::Number(_) | Shape::Json => self.json.extend_from_slice(&self.value),
            Shape::Text => text::json_string(&mut self.json, &String::from_utf8_lossy(&self.value)),
        }
        let token = &self.json[at..];
        let payload = match (self.format, shape) {
            (PayloadFormat::ValueTimestamp, Shape::Text | Shape::Json) => {
                // Graphite takes numbers alone.
                self.value.clear();
                return;
            }
            // A text that says nothing: the topic is cleared.
            (_, Shape::Text) if self.value.is_empty() => {
                if let Some(topic) = topic {
                    topic.clear(out);
                }
                return;
            }
            (PayloadFormat::Value, _) => &self.value,
            (PayloadFormat::ValueTimestamp, Shape::Number(_)) => {
                self.value.push(b' ');
                text::whole(&mut self.value, self.seconds.unsigned_abs());
                &self.value
            }
            (PayloadFormat::Json, shape) => {
                self.payload.clear();
                self.payload.extend_from_slice(b"{\"value\": ");
                self.payload.extend_from_slice(token);
                if let Shape::Number(unit) = shape
                    && unit != Unit::One
                {
                    self.payload.extend_from_slice(b", \"unit\": \"");
                    self.payload.extend_from_slice(unit.symbol().as_bytes());
                    self.payload.push(b'"');
                }
                self.payload.extend_from_slice(b", \"time\": \"");
                self.payload.extend_from_slice(&self.time);
                self.payload.extend_from_slice(b"\"}");
                &self.payload
            }
        };
        topic.get_or_insert_with(|| Topic::new(&format!("{base}/{name}"))).say(payload, self.now, out);
        self.value.clear();
    }

    fn key(&mut self, name: &str) {
        if self.json.last() != Some(&b'{') {
            self.json.push(b',');
        }
        text::json_string(&mut self.json, name);
        self.json.push(b':');
    }

    /// Opens an object in the JSON.
    pub(super) fn open(&mut self, name: &str) {
        self.key(name);
        self.json.push(b'{');
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.json.push(b'}');
    }

    fn finish(&mut self, topic: &mut Option<Topic>, base: &str, out: &mut Vec<Message>) {
        self.close();
        if self.format != PayloadFormat::ValueTimestamp {
            let topic = topic.get_or_insert_with(|| Topic::new(&format!("{base}/json")));
            topic.say(&self.json, self.now, out);
        }
    }
}
