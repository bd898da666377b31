//! What a telegram comes to, typed: times as instants, positions as words, profiles as rows. The rest of the object
//! stays near the telegram; this is what goes into the record and to the brokers.

use serde_json::{Map, Value as Json, json};

use dsmrd::meter::profile::Row;
use dsmrd::meter::{Cell, Field, Kind, MbusDevice, MeterTime, Peak, PowerFailure, Quantity, Reading, Zone};
use dsmrd::p1::timestamp::LocalTime;

use super::latin1;

/// The `typed` object.
pub(super) fn json(reading: &Reading, zone: &Zone) -> Json {
    let mut out = Map::new();
    let mut put = |name: &str, json: Json| {
        let empty = match &json {
            Json::Null => true,
            Json::Object(map) => map.is_empty(),
            Json::Array(list) => list.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(name.to_owned(), json);
        }
    };
    put("time", time(reading.time));
    put("equipment_id", reading.equipment_id().into());
    put("tariff", reading.tariff().into());
    let name =
        reading.tariff().zip(reading.country).and_then(|(number, country)| country.tariff_name(number));
    put("tariff_name", name.map(|name| name.name()).into());
    put("limits", limits(reading));
    put("switches", of_kind(reading, Kind::Switch, |field| reading.switch(field).map(|state| state.name())));
    put("messages", of_kind(reading, Kind::Message, |field| reading.message(field)));
    let failures = reading.power_failure_log(zone);
    put("power_failures", failures.iter().map(power_failure).collect());
    put("demand_peaks", reading.demand_peak_history(zone).iter().map(peak).collect());
    put("demand_export_peaks", reading.demand_export_peak_history(zone).iter().map(peak).collect());
    put("month_end", reading.month_end(zone).as_ref().map_or(Json::Null, row));
    put("month_end_energies", reading.month_end_energies(zone).iter().map(row).collect());
    put("load_profile", reading.load_profile(zone).iter().map(row).collect());
    put("mbus", reading.mbus.iter().map(device).collect());
    out.into()
}

/// The fields of a kind that have a value here, by their names without the group they stand in.
fn of_kind<T: Into<Json>>(reading: &Reading, kind: Kind, value: impl Fn(Field) -> Option<T>) -> Json {
    let fields = reading.cells().map(|(field, _)| field).filter(|field| field.register().kind == kind);
    let named = fields.filter_map(|field| {
        let name = field.name();
        let name = if field == Field::BreakerState { "state" } else { name };
        Some((name.strip_prefix("message_").unwrap_or(name).to_owned(), value(field)?.into()))
    });
    named.collect::<Map<_, _>>().into()
}

fn limits(reading: &Reading) -> Json {
    let mut out = Map::new();
    for (field, _) in reading.cells().filter(|(field, _)| field.register().kind == Kind::Limit) {
        if let Some(limit) = reading.limit(field) {
            let mut json = quantity(limit.threshold);
            json["off"] = limit.is_off().into();
            out.insert(field.name().to_owned(), json);
        }
    }
    for field in [Field::CurrentLimitL1, Field::CurrentLimitL2, Field::CurrentLimitL3] {
        if let Some(Cell::Number(limit)) = reading.get(field) {
            out.insert(field.name().to_owned(), quantity(limit));
        }
    }
    if let Some(limits) = reading.current_limits() {
        let json = json!({"import": limits.import.map(quantity), "export": limits.export.map(quantity)});
        out.insert("current".to_owned(), json);
    }
    out.into()
}

fn power_failure(failure: &PowerFailure) -> Json {
    json!({
        "start_utc": failure.start().and_then(instant),
        "end": time(failure.end),
        "duration_s": failure.duration_s.map(|seconds| seconds.to_string()),
    })
}

fn peak(peak: &Peak) -> Json {
    json!({
        "period_end": time(peak.period_end),
        "occurred": time(peak.occurred),
        "peak": peak.demand.map(quantity),
    })
}

fn row(row: &Row<'_>) -> Json {
    let cell = |(place, cell): (usize, &dsmrd::meter::ProfileCell)| {
        let mut json = cell.value.map_or_else(|| json!({"value": null}), quantity);
        if cell.reached.is_some() {
            json["reached"] = time(cell.reached);
        }
        (cell.name().unwrap_or_else(|| format!("column_{}", place + 1)), json)
    };
    let values: Map<String, Json> = row.cells.iter().enumerate().map(cell).collect();
    json!({"time": time(row.time), "status": row.status.map(latin1), "values": values})
}

fn device(device: &MbusDevice) -> Json {
    let newest = device.newest();
    json!({
        "channel": device.channel,
        "class": device.class().map(|class| class.name()),
        "valve": device.valve_state().map(|state| state.valve_name()),
        "time": newest.map_or(Json::Null, |reading| time(reading.time)),
        "reading": newest.and_then(|reading| reading.value).map(quantity),
    })
}

fn quantity(quantity: Quantity) -> Json {
    json!({"value": quantity.value.to_string(), "unit": quantity.unit.symbol()})
}

/// A time with its instant; none, and marked, where nothing tells which of two hours it is.
fn time(time: Option<MeterTime>) -> Json {
    let Some(time) = time else { return Json::Null };
    let mut json = json!({"local": local(time.local), "utc": time.utc.and_then(instant)});
    if time.utc.is_none() {
        json["ambiguous"] = true.into();
    }
    json
}

fn instant(utc: i64) -> Option<String> {
    Some(format!("{}Z", local(LocalTime::from_seconds_as_utc(utc, None)?)))
}

pub(super) fn local(time: LocalTime) -> String {
    let LocalTime { year, month, day, hour, minute, second, .. } = time;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}
