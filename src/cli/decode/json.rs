//! One telegram as one JSON object: its framing, its objects, and what they mean.

mod values;

use serde_json::{Map, Value as Json, json};

use dsmrd::meter::country::PhaseCurrent;
use dsmrd::meter::interpret::{Meaning, meaning, on_second_channel, peak_parts};
use dsmrd::meter::mbus::{MbusObject, names_another};
use dsmrd::meter::profile::{self, RawProfile};
use dsmrd::meter::{Certainty, Country, Field, Kind, Zone};
use dsmrd::p1::Telegram;
use dsmrd::p1::frame::Rejected;
use dsmrd::p1::telegram::Object;
use dsmrd::p1::value;

use self::values::{identifier, mbus_reading, number, time};
use super::{Decoded, cipher, latin1, typed};

/// The whole object.
pub(super) fn telegram(decoded: &Decoded<'_>) -> Json {
    let mut out = Map::new();
    if let Some(file) = decoded.file {
        out.insert("file".into(), file.into());
    }
    out.insert("framing".into(), framing(decoded));
    if let Some(seal) = decoded.frame.seal() {
        let verdict = cipher::verdict(decoded.frame.proof(), seal);
        out.insert("cipher".into(), cipher::json(seal, verdict, decoded.frame.offset()));
    }
    out.insert("country".into(), country(decoded));
    let objects = decoded.telegram.objects();
    out.insert(
        "objects".into(),
        objects.clone().map(|object| json!([latin1(object.code()), groups(&object)])).collect(),
    );
    out.insert("unrecognised_lines".into(), decoded.telegram.unrecognised().map(latin1).collect());

    let mut said = Said::new(decoded);
    for object in objects.clone() {
        said.take(meaning(object.obis()), &object);
    }
    for object in objects {
        if let Some(field) = on_second_channel(object.obis()) {
            said.take(Meaning::Field(field), &object);
        }
    }
    let mut out = said.finish(out);
    let typed = typed::json(&decoded.interpreted.reading, decoded.zone);
    out.insert("typed".into(), typed);
    out.into()
}

/// Whether 1-0:31.4.0 and its sisters are averages of the current rather than its limits.
fn averages(country: Option<Country>) -> bool {
    country.is_some_and(|country| country.phase_current() == PhaseCurrent::Average)
}

/// Whose rules it was read by, and what told so.
fn country(decoded: &Decoded<'_>) -> Json {
    let detection = decoded.detection;
    let certainty = match detection.certainty {
        _ if decoded.told => "told",
        Certainty::Sure => "sure",
        Certainty::Likely => "likely",
        Certainty::Open => "open",
    };
    json!({
        "code": decoded.country.map(|country| country.code()),
        "certainty": certainty,
        "detected": detection.country.map(|country| country.code()),
        "evidence": detection.evidence,
    })
}

/// A telegram that is not delivered, as far as it is known.
pub(super) fn rejected(file: Option<&str>, rejected: &Rejected) -> Json {
    let mut out = Map::new();
    if let Some(file) = file {
        out.insert("file".into(), file.into());
    }
    let reason = cipher::reason(rejected.reason);
    out.insert(
        "rejected".into(),
        json!({
            "reason": reason,
            "message": rejected.reason.to_string(),
            "offset": rejected.offset,
            "bytes": rejected.bytes,
        }),
    );
    if let Some(seal) = &rejected.seal {
        out.insert("cipher".into(), cipher::json(seal, reason, rejected.offset));
    }
    out.into()
}

fn framing(decoded: &Decoded<'_>) -> Json {
    let frame = decoded.frame;
    let parts = decoded.telegram.identification();
    json!({
        "ident_line": latin1(frame.ident()),
        "flag_id": latin1(parts.flag),
        "baud_char": latin1(parts.baud),
        "identification": latin1(parts.name),
        "blank_line_after_ident": decoded.telegram.blank_line_after_ident(),
        "end_mark": frame.crc_computed().is_some(),
        "crc": decoded.crc(),
        "crc_in_file": frame.crc_in_file().map(latin1),
        "crc_computed": frame.crc_computed().map(|crc| format!("{crc:04X}")),
        "offset": frame.offset(),
        "bytes": frame.bytes().len(),
    })
}

fn groups(object: &Object<'_>) -> Json {
    object.groups().map(latin1).collect()
}

/// What has been said so far.
struct Said<'d> {
    telegram: &'d Telegram<'d>,
    zone: &'d Zone,
    /// Whether limits of the current are averages.
    averages: bool,
    top: Map<String, Json>,
    values: Map<String, Json>,
    counters: Map<String, Json>,
    switches: Map<String, Json>,
    messages: Map<String, Json>,
    mbus: Vec<(u8, Map<String, Json>)>,
    /// Objects whose value is none, a unit alone included: `(*kWh)`.
    unreadable: Vec<Json>,
}

/// Inserts a value unless there is one: the first valid one of a field stays.
fn first(map: &mut Map<String, Json>, name: &str, value: Json) {
    map.entry(name).or_insert(value);
}

impl<'d> Said<'d> {
    fn new(decoded: &'d Decoded<'d>) -> Self {
        Self {
            telegram: decoded.telegram,
            zone: decoded.zone,
            averages: averages(decoded.country),
            top: Map::new(),
            values: Map::new(),
            counters: Map::new(),
            switches: Map::new(),
            messages: Map::new(),
            mbus: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    fn finish(self, mut out: Map<String, Json>) -> Map<String, Json> {
        out.extend(self.top);
        for (name, map) in [
            ("values", self.values),
            ("counters", self.counters),
            ("switches", self.switches),
            ("messages", self.messages),
        ] {
            if !map.is_empty() {
                out.insert(name.into(), map.into());
            }
        }
        let mut mbus = self.mbus;
        if !mbus.is_empty() {
            mbus.sort_by_key(|(channel, _)| *channel);
            out.insert("mbus".into(), mbus.into_iter().map(|(_, device)| device).collect());
        }
        if !self.unreadable.is_empty() {
            out.insert("unreadable".into(), self.unreadable.into());
        }
        out
    }

    fn take(&mut self, meaning: Meaning, object: &Object<'_>) {
        match meaning {
            Meaning::Field(field) => self.field(field, object),
            Meaning::Mbus(kind) => self.mbus(kind, object),
            Meaning::Clock => first(&mut self.top, "timestamp", time(object.first(), self.zone)),
            // The second pass sees to these; unknown objects are among the objects.
            Meaning::SecondChannel | Meaning::Unknown => {}
        }
    }

    fn field(&mut self, field: Field, object: &Object<'_>) {
        let text = object.first();
        let name = field.name();
        match field.register().kind {
            Kind::Number => self.number(field, object),
            Kind::Counter => match value::whole(text) {
                Some(count) => first(&mut self.counters, name, count.into()),
                None => self.not_read(object),
            },
            Kind::Limit => match number(text) {
                Some(limit) => first(&mut self.top, name, limit),
                None => self.not_read(object),
            },
            Kind::Peak => {
                let mut groups = object.groups();
                let (a, b) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
                let (at, peak) = peak_parts(a, b);
                match number(peak) {
                    Some(peak) => {
                        first(&mut self.top, name, json!({"timestamp": time(at, self.zone), "value": peak}))
                    }
                    None => self.not_read(object),
                }
            }
            Kind::Text => match field {
                Field::P1Version | Field::GridConfiguration => {
                    first(&mut self.top, name, latin1(text).into())
                }
                _ => first(&mut self.top, name, identifier(text)),
            },
            Kind::Id => first(&mut self.top, name, identifier(text)),
            Kind::Clock => first(&mut self.top, name, latin1(text).into()),
            Kind::Tariff => {
                let digits =
                    text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(text, |at| &text[at + 1..]);
                let number = value::whole(digits);
                first(&mut self.top, name, json!({"raw": latin1(text), "number": number}));
            }
            Kind::Switch => {
                let name = if field == Field::BreakerState { "state" } else { name };
                first(&mut self.switches, name, latin1(text).into());
            }
            Kind::Message => {
                let name = name.strip_prefix("message_").unwrap_or(name);
                let mut message = identifier(text);
                if text.is_empty() {
                    message["text"] = "".into();
                }
                first(&mut self.messages, name, message);
            }
            Kind::Profile => self.profile(field, object),
        }
    }

    fn number(&mut self, field: Field, object: &Object<'_>) {
        let field = match field {
            Field::CurrentLimitL1 if self.averages => Field::CurrentAvgL1,
            Field::CurrentLimitL2 if self.averages => Field::CurrentAvgL2,
            Field::CurrentLimitL3 if self.averages => Field::CurrentAvgL3,
            field => field,
        };
        // Sibelga's meters give the limits of both directions in one pair of brackets.
        let mut parts = object.first().split(|&byte| byte == b',');
        let (one, two) = (parts.next().unwrap_or_default(), parts.next());
        match (number(one), two.map(number)) {
            (Some(one), Some(Some(two))) => first(&mut self.top, "current_limits", json!([one, two])),
            (Some(value), None) => first(&mut self.values, field.name(), value),
            _ => self.not_read(object),
        }
    }

    /// Keeps an object whose value is no value; an empty one is none at all.
    fn not_read(&mut self, object: &Object<'_>) {
        if object.groups().any(|group| !group.is_empty()) {
            self.unreadable.push(json!([latin1(object.code()), groups(object)]));
        }
    }

    fn profile(&mut self, field: Field, object: &Object<'_>) {
        let zone = self.zone;
        let profile = RawProfile::new(object.groups());
        let columns: Vec<String> = profile.columns.iter().map(|column| latin1(column)).collect();
        let json = match field {
            Field::PowerFailureLog => {
                // Whole pairs alone. What the meter means by half of one, `typed` tells.
                let entry = |pair: &[&[u8]]| {
                    json!({
                        "end": time(pair[0], zone),
                        "duration_s": profile::duration(pair[1]).map(|seconds| seconds.to_string()),
                        "duration_raw": latin1(pair[1]),
                    })
                };
                let entries: Vec<Json> = profile.cells.chunks_exact(2).map(entry).collect();
                json!({"declared": profile.declared, "entries": entries})
            }
            Field::DemandPeakHistory if profile.is_peak_history() => {
                let entry = |row: &[&[u8]]| {
                    json!({
                        "period_end": time(row[0], zone),
                        "occurred": time(row[1], zone),
                        "peak": number(row[2]),
                    })
                };
                let entries: Vec<Json> = profile.cells.chunks_exact(3).map(entry).collect();
                json!({"declared": profile.declared, "capture_objects": columns, "entries": entries})
            }
            Field::CurrentLimits => object.groups().filter_map(number).collect(),
            // Forms of which only the maker knows the columns stay as they are among the objects.
            _ => return,
        };
        first(&mut self.top, field.name(), json);
    }

    fn mbus(&mut self, kind: MbusObject, object: &Object<'_>) {
        let zone = self.zone;
        let text = object.first();
        let channel = object.obis().b;
        let another = kind == MbusObject::Id
            && self.mbus.iter().any(|(other, device)| *other == channel && device.contains_key("id"))
            && names_another(self.telegram, object);
        let device = self.device(channel, another);
        match kind {
            MbusObject::DeviceType => {
                first(device, "device_type_raw", latin1(text).into());
                first(device, "device_type", json!(value::whole(text)));
            }
            MbusObject::Id => first(device, "id", identifier(text)),
            MbusObject::Ean => first(device, "ean", identifier(text)),
            MbusObject::Valve => first(device, "valve", latin1(text).into()),
            MbusObject::Reading | MbusObject::Profile => {
                let reading = mbus_reading(kind, object, zone);
                match device.entry("readings").or_insert_with(|| json!([])) {
                    Json::Array(readings) => readings.push(reading),
                    _ => unreachable!("readings are a list from the start"),
                }
            }
        }
    }

    /// The device that was named last on a channel, or a new one.
    fn device(&mut self, channel: u8, new: bool) -> &mut Map<String, Json> {
        let last = self.mbus.iter().rposition(|(other, _)| *other == channel);
        let place = last.filter(|_| !new).unwrap_or_else(|| {
            let device = Map::from_iter([("channel".to_owned(), channel.into())]);
            self.mbus.push((channel, device));
            self.mbus.len() - 1
        });
        &mut self.mbus[place].1
    }
}
