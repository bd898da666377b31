//! What stands between brackets, as JSON: numbers, identifiers, times, the readings of sub-meters.

use serde_json::{Value as Json, json};

use dsmrd::meter::mbus::{MbusObject, profile_parts};
use dsmrd::meter::reading::hex_text;
use dsmrd::meter::{Unit, Zone, profile};
use dsmrd::p1::telegram::Object;
use dsmrd::p1::timestamp::{self, LocalTime, Stamp};

use super::super::latin1;
use super::super::typed::local;

/// A reading of a sub-meter: a time and a value, or the profile of DSMR 2 and 3 in its parts.
pub(super) fn mbus_reading(kind: MbusObject, object: &Object<'_>, zone: &Zone) -> Json {
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
pub(super) fn number(text: &[u8]) -> Option<Json> {
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
pub(super) fn identifier(text: &[u8]) -> Json {
    let mut json = json!({"raw": latin1(text)});
    if let Some(text) = hex_text(text) {
        json["text"] = text.into();
    }
    json
}

/// A time of the meter.
pub(super) fn time(text: &[u8], zone: &Zone) -> Json {
    let raw = latin1(text);
    let (time, never) = match timestamp::parse(text) {
        Stamp::Valid(time) => (time, false),
        Stamp::Never(time) => (time, true),
        Stamp::Unset | Stamp::Invalid => return json!({"raw": raw, "valid": false}),
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
