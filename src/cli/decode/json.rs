//! One telegram as one JSON object: its framing, its objects, and what they mean.

use serde_json::{Map, Value as Json, json};

use dsmrd::meter::country::PhaseCurrent;
use dsmrd::meter::interpret::{Meaning, meaning, on_second_channel, peak_parts};
use dsmrd::meter::mbus::{MbusObject, profile_parts};
use dsmrd::meter::profile::{self, RawProfile};
use dsmrd::meter::reading::hex_text;
use dsmrd::meter::{Certainty, Country, Field, Kind, Unit, Zone};
use dsmrd::p1::frame::Rejected;
use dsmrd::p1::telegram::Object;
use dsmrd::p1::timestamp::{self, LocalTime, Stamp};
use dsmrd::p1::value;

use super::typed::{self, local};
use super::{Decoded, cipher, latin1};

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

    let mut said = Said { averages: averages(decoded.country), ..Said::new(decoded.zone) };
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
struct Said<'z> {
    zone: &'z Zone,
    /// Whether limits of the current are averages.
    averages: bool,
    top: Map<String, Json>,
    values: Map<String, Json>,
    counters: Map<String, Json>,
    switches: Map<String, Json>,
    messages: Map<String, Json>,
    mbus: Vec<(u8, Map<String, Json>)>,
    unreadable: Vec<Json>,
}

/// Inserts a value unless there is one: the first valid one of a field stays.
fn first(map: &mut Map<String, Json>, name: &str, value: Json) {
    map.entry(name).or_insert(value);
}

impl<'z> Said<'z> {
    fn new(zone: &'z Zone) -> Self {
        Self {
            zone,
            averages: false,
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
        let device = self.device(object.obis().b);
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

    fn device(&mut self, channel: u8) -> &mut Map<String, Json> {
        let place = self.mbus.iter().position(|(other, _)| *other == channel).unwrap_or_else(|| {
            let device = Map::from_iter([("channel".to_owned(), channel.into())]);
            self.mbus.push((channel, device));
            self.mbus.len() - 1
        });
        &mut self.mbus[place].1
    }
}

fn mbus_reading(kind: MbusObject, object: &Object<'_>, zone: &Zone) -> Json {
    let code = latin1(object.code());
    let code = code.split_once('*').map_or(code.as_str(), |(code, _)| code);
    let parts = if kind == MbusObject::Profile { profile_parts(object) } else { None };
    if let Some(parts) = parts {
        let reading = parts.value.and_then(|value| number_in(value, parts.unit));
        return json!({
            "obis": code,
            "profile_generic": true,
            "timestamp": time(parts.time, zone),
            "status": latin1(parts.status),
            "period": latin1(parts.period),
            "count": latin1(parts.count),
            "value_obis": latin1(parts.value_obis),
            "unit_raw": latin1(parts.unit),
            "reading": reading,
        });
    }
    let mut groups = object.groups();
    let (at, value) = (groups.next().unwrap_or_default(), groups.next());
    let time = (!at.is_empty()).then(|| time(at, zone));
    json!({"obis": code, "timestamp": time, "reading": value.and_then(number)})
}

/// A number in its canonical unit, with the text it came from; `None` when it is none.
fn number(text: &[u8]) -> Option<Json> {
    let quantity = profile::quantity(text)?;
    let unit = (quantity.unit != Unit::One).then(|| quantity.unit.symbol());
    Some(json!({"value": quantity.value.to_string(), "unit": unit, "raw": latin1(text)}))
}

/// A number whose unit stands apart.
fn number_in(text: &[u8], unit: &[u8]) -> Option<Json> {
    let mut number = match number(&[text, b"*", unit].concat()) {
        Some(number) if !unit.is_empty() => number,
        _ => number(text)?,
    };
    number["raw"] = latin1(text).into();
    Some(number)
}

/// An identifier or a text: as it stood, and what it says when it is hex of printable characters.
fn identifier(text: &[u8]) -> Json {
    let mut json = json!({"raw": latin1(text)});
    if let Some(text) = hex_text(text) {
        json["text"] = text.into();
    }
    json
}

/// A time of the meter.
fn time(text: &[u8], zone: &Zone) -> Json {
    let raw = latin1(text);
    let (time, never) = match timestamp::parse(text) {
        Stamp::Valid(time) => (time, false),
        Stamp::Never(time) => (time, true),
        Stamp::Invalid => return json!({"raw": raw, "valid": false}),
    };
    let mut json = json!({"raw": raw, "local": local(time), "dst": time.dst});
    // Without a flag nothing in the telegram tells the offset.
    if let Some(utc) =
        time.utc_seconds(zone.standard_offset()).and_then(|utc| LocalTime::from_seconds_as_utc(utc, None))
    {
        json["utc"] = format!("{}Z", local(utc)).into();
    }
    if never {
        json["sentinel"] = true.into();
    }
    json
}
