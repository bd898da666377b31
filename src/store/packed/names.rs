//! Names of columns by number: those that meters have are known, others are written out.

use std::sync::LazyLock;

use super::bytes::{Bytes, fold, put, put_text, unfold};
use crate::meter::record::Key;
use crate::store::codec::Damaged;

/// Bytes of a name.
const MAX_NAME: usize = 255;

/// A name that is written out.
const WRITTEN: u64 = 0;
/// A known name with something behind it.
const PREFIXED: u64 = 1;
/// A known name.
const KNOWN: u64 = 2;

/// The known names. Blocks refer to them by their places: names are only ever added at the end.
#[rustfmt::skip]
static NAMES: &[&str] = &[
    "time", "time/offset", "energy_import_total", "energy_import_t1", "energy_import_t2", "energy_import_t3",
    "energy_import_t4", "energy_import_t5", "energy_import_t11", "energy_import_t12", "energy_import_t13",
    "energy_export_total", "energy_export_t1", "energy_export_t2", "energy_export_t3", "energy_export_t4",
    "energy_export_t5", "energy_export_t11", "energy_export_t12", "energy_export_t13",
    "reactive_energy_import_total", "reactive_energy_import_t1", "reactive_energy_import_t2",
    "reactive_energy_import_t3", "reactive_energy_import_t4", "reactive_energy_export_total",
    "reactive_energy_export_t1", "reactive_energy_export_t2", "reactive_energy_export_t3",
    "reactive_energy_export_t4", "reactive_energy_q1_total", "reactive_energy_q2_total",
    "reactive_energy_q3_total", "reactive_energy_q4_total", "apparent_energy_import_total",
    "apparent_energy_export_total", "energy_absolute_total", "power_import", "power_export",
    "reactive_power_import", "reactive_power_export", "reactive_power_q1", "reactive_power_q2",
    "reactive_power_q3", "reactive_power_q4", "apparent_power_import", "apparent_power_export",
    "power_absolute", "power_net", "power_import_l1", "power_export_l1", "reactive_power_import_l1",
    "reactive_power_export_l1", "apparent_power_import_l1", "apparent_power_export_l1", "voltage_l1",
    "current_l1", "power_factor_l1", "voltage_avg_l1", "current_avg_l1", "current_limit_l1", "power_import_l2",
    "power_export_l2", "reactive_power_import_l2", "reactive_power_export_l2", "apparent_power_import_l2",
    "apparent_power_export_l2", "voltage_l2", "current_l2", "power_factor_l2", "voltage_avg_l2",
    "current_avg_l2", "current_limit_l2", "power_import_l3", "power_export_l3", "reactive_power_import_l3",
    "reactive_power_export_l3", "apparent_power_import_l3", "apparent_power_export_l3", "voltage_l3",
    "current_l3", "power_factor_l3", "voltage_avg_l3", "current_avg_l3", "current_limit_l3", "power_factor",
    "power_factor_min", "frequency", "current_any", "voltage_any", "current_sum", "current_neutral",
    "demand_import_avg_current", "demand_import_avg_last", "demand_export_avg_current",
    "demand_export_avg_last", "reactive_demand_import_avg_current", "reactive_demand_import_avg_last",
    "reactive_demand_export_avg_current", "reactive_demand_export_avg_last",
    "apparent_demand_import_avg_current", "apparent_demand_import_avg_last",
    "apparent_demand_export_avg_current", "apparent_demand_export_avg_last", "demand_import_avg_period",
    "demand_absolute_avg_period", "demand_net_avg_period", "ct_ratio", "vt_ratio", "average_period",
    "power_failures", "long_power_failures", "voltage_sags_l1", "voltage_swells_l1", "voltage_sags_l2",
    "voltage_swells_l2", "voltage_sags_l3", "voltage_swells_l3", "limiter_threshold", "demand_import_max",
    "demand_export_max", "p1_version", "p1_version_be", "meter_id", "meter_id_alt", "logical_device_name",
    "ean", "grid_configuration", "tariff", "breaker", "relay_1", "relay_2", "relay_3", "relay_4",
    "breaker_state", "message_code", "message_text", "message_consumer_2", "message_consumer_3",
    "message_consumer_4", "message_consumer_5", "power_failure_log", "demand_peak_history",
    "month_end_energies", "load_profile", "current_limits", "firmware_core", "firmware_core_signature",
    "firmware_module", "firmware_module_signature", "clock_time", "clock_date", "demand_import_max/time",
    "demand_import_max/time/offset", "demand_export_max/time", "demand_export_max/time/offset", "mbus/1",
    "mbus/1/type", "mbus/1/id", "mbus/1/ean", "mbus/1/valve", "mbus/1/24.2.1/value", "mbus/1/24.2.1/time",
    "mbus/1/24.2.1/time/offset", "mbus/1/24.2.3/value", "mbus/1/24.2.3/time", "mbus/1/24.2.3/time/offset",
    "mbus/1/24.3.0/value", "mbus/1/24.3.0/time", "mbus/1/24.3.0/time/offset", "mbus/2", "mbus/2/type",
    "mbus/2/id", "mbus/2/ean", "mbus/2/valve", "mbus/2/24.2.1/value", "mbus/2/24.2.1/time",
    "mbus/2/24.2.1/time/offset", "mbus/2/24.2.3/value", "mbus/2/24.2.3/time", "mbus/2/24.2.3/time/offset",
    "mbus/2/24.3.0/value", "mbus/2/24.3.0/time", "mbus/2/24.3.0/time/offset", "mbus/3", "mbus/3/type",
    "mbus/3/id", "mbus/3/ean", "mbus/3/valve", "mbus/3/24.2.1/value", "mbus/3/24.2.1/time",
    "mbus/3/24.2.1/time/offset", "mbus/3/24.2.3/value", "mbus/3/24.2.3/time", "mbus/3/24.2.3/time/offset",
    "mbus/3/24.3.0/value", "mbus/3/24.3.0/time", "mbus/3/24.3.0/time/offset", "mbus/4", "mbus/4/type",
    "mbus/4/id", "mbus/4/ean", "mbus/4/valve", "mbus/4/24.2.1/value", "mbus/4/24.2.1/time",
    "mbus/4/24.2.1/time/offset", "mbus/4/24.2.3/value", "mbus/4/24.2.3/time", "mbus/4/24.2.3/time/offset",
    "mbus/4/24.3.0/value", "mbus/4/24.3.0/time", "mbus/4/24.3.0/time/offset", "country",
];

/// Places by name, in order of the alphabet.
static PLACES: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut places: Vec<u16> = (0..NAMES.len() as u16).collect();
    places.sort_unstable_by_key(|place| NAMES[usize::from(*place)]);
    places
});

fn place_of(name: &str) -> Option<usize> {
    let found = PLACES.binary_search_by(|place| NAMES[usize::from(*place)].cmp(name)).ok()?;
    Some(usize::from(PLACES[found]))
}

fn text_of<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, Damaged> {
    let text = bytes.text()?;
    if text.len() > MAX_NAME { Err(Damaged) } else { std::str::from_utf8(text).map_err(|_| Damaged) }
}

/// A series of names; each known one is told by how far it lies from the one before.
#[derive(Debug, Default)]
pub(super) struct Names {
    last: i64,
}

impl Names {
    /// Writes a name. Those of more than [`MAX_NAME`] bytes are not read back.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, name: &str) {
        if let Some(place) = place_of(name) {
            put(out, KNOWN + self.step_to(place));
        } else if let Some((known, rest)) = name.split_at_checked(name.find('#').unwrap_or(name.len()))
            && let Some(place) = place_of(known)
        {
            put(out, PREFIXED);
            put(out, self.step_to(place));
            put_text(out, rest.as_bytes());
        } else {
            put(out, WRITTEN);
            put_text(out, name.as_bytes());
        }
    }

    fn step_to(&mut self, place: usize) -> u64 {
        // The next one is the likeliest.
        let step = fold(place as i64 - self.last - 1);
        self.last = place as i64;
        step
    }

    fn step(&mut self, step: u64) -> Result<&'static str, Damaged> {
        let place =
            self.last.checked_add(1).and_then(|next| next.checked_add(unfold(step))).ok_or(Damaged)?;
        let name = usize::try_from(place).ok().and_then(|place| NAMES.get(place)).ok_or(Damaged)?;
        self.last = place;
        Ok(name)
    }

    /// Reads a name.
    pub(super) fn get(&mut self, bytes: &mut Bytes<'_>) -> Result<Key, Damaged> {
        match bytes.number()? {
            WRITTEN => text_of(bytes).map(|text| text.to_owned().into()),
            PREFIXED => {
                let step = bytes.number()?;
                let known = self.step(step)?;
                text_of(bytes).map(|rest| format!("{known}{rest}").into())
            }
            step => self.step(step - KNOWN).map(Key::Borrowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::REGISTERS;
    use crate::store::crc::crc32;

    #[test]
    fn every_register_is_known() {
        for register in REGISTERS {
            assert!(place_of(register.name).is_some(), "{}: add it at the end of NAMES", register.name);
        }
    }

    #[test]
    fn places_are_what_they_were() {
        let joined = NAMES[..PINNED].join("\n");
        // Stored blocks have these places: a name is never moved or taken away.
        assert_eq!(crc32(0, joined.as_bytes()), PINNED_CRC, "{PINNED} names");
    }

    const PINNED: usize = 213;
    const PINNED_CRC: u32 = 3_152_250_735;

    #[test]
    fn names_come_back() {
        let all = [
            "time",
            "power_import#min",
            "mbus/4/24.2.1/value",
            "mbus/9/24.2.1/value",
            "é#",
            "",
            "time#",
            "time",
        ];
        let (mut out, mut names) = (Vec::new(), Names::default());
        for name in all {
            names.put(&mut out, name);
        }
        let (mut bytes, mut names) = (Bytes(&out), Names::default());
        for name in all {
            assert_eq!(names.get(&mut bytes), Ok(name.into()));
        }
        assert!(bytes.0.is_empty());
    }
}
