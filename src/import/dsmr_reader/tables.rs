//! The tables of DSMR-reader that are read, and their columns by name: versions differ in their order and number.

use std::rc::Rc;

use crate::import::dump::{Row, Table};
use crate::import::value;
use crate::meter::{Field, Quantity, Reading};
use crate::p1::Decimal;

/// Readings as they came.
pub const READINGS: &str = "dsmr_datalogger_dsmrreading";
/// Electricity by the minute, or by the reading.
pub const ELECTRICITY: &str = "dsmr_consumption_electricityconsumption";
/// Positions of the gas meter.
pub const GAS: &str = "dsmr_consumption_gasconsumption";
/// Sums of days.
pub const DAYS: &str = "dsmr_stats_daystatistics";
/// Sums of hours.
pub const HOURS: &str = "dsmr_stats_hourstatistics";
/// Contracts.
pub const PRICES: &str = "dsmr_consumption_energysupplierprice";
/// What someone wrote about days.
pub const NOTES: &str = "dsmr_stats_note";
/// Means of quarter-hours.
pub const PEAKS: &str = "dsmr_consumption_quarterhourpeakelectricityconsumption";
/// Temperatures.
pub const TEMPERATURES: &str = "dsmr_weather_temperaturereading";
/// What the meter told last.
pub const METER: &str = "dsmr_datalogger_meterstatistics";
/// How consumption was grouped.
pub const GROUPING: &str = "dsmr_consumption_consumptionsettings";

/// Every one of them, with the columns without which a row says nothing.
pub const TABLES: [(&str, &str, &[&str]); 11] = [
    (READINGS, "readings", &["timestamp"]),
    (ELECTRICITY, "electricity by the minute", &["read_at"]),
    (GAS, "gas", &["read_at", "delivered"]),
    (DAYS, "days", &["day"]),
    (HOURS, "hours", &["hour_start"]),
    (PRICES, "contracts", &["start", "end"]),
    (NOTES, "notes", &["day", "description"]),
    (PEAKS, "quarter-hour peaks", &["read_at_start", "average_delivered"]),
    (TEMPERATURES, "temperatures", &["read_at", "degrees_celcius"]),
    (METER, "last telegram", &[]),
    (GROUPING, "settings of consumption", &[]),
];

/// Whether a table is read.
pub fn is_wanted(name: &str) -> bool {
    TABLES.iter().any(|(known, ..)| *known == name)
}

/// The column that holds a row's time.
pub fn time_column(table: &str) -> Option<&'static str> {
    Some(match table {
        READINGS => "timestamp",
        ELECTRICITY | GAS | TEMPERATURES => "read_at",
        HOURS => "hour_start",
        PEAKS => "read_at_start",
        _ => return None,
    })
}

/// The instants between which anything can have been read, in seconds since 1970-01-01 00:00 UTC: the years 2000 to 2099.
/// A meter's clock that was never set, or gone wild, tells others; totals must not reach there.
const SANE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// The instant of a text in milliseconds since 1970-01-01 00:00 UTC, where anything can have been read then.
pub(super) fn time(text: &str) -> Option<i64> {
    value::utc(text).filter(|millis| SANE.contains(&millis.div_euclid(1_000)))
}

/// Where a value of a reading stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    place: usize,
    field: Field,
}

/// The columns of readings, or of electricity by the minute.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) time: Option<usize>,
    values: Vec<Place>,
    pub(super) stamp: Option<usize>,
    pub(super) device: Option<usize>,
    pub(super) missing: Vec<String>,
    pub(super) unknown: Vec<String>,
}

/// What is neither a value nor unknown.
const KNOWN: [&str; 3] = ["id", "processed", "created_at"];

impl Values {
    /// Of a table's header. `registers` are those of what was taken and given at tariffs 1 and 2.
    pub(super) fn of(table: &Rc<Table>, registers: [Option<Field>; 4]) -> Self {
        let is_reading = table.name == READINGS;
        let prefix = if is_reading { "electricity_" } else { "" };
        let [t1, t2, r1, r2] = registers;
        let names = [
            (format!("{prefix}delivered_1"), t1),
            (format!("{prefix}delivered_2"), t2),
            (format!("{prefix}returned_1"), r1),
            (format!("{prefix}returned_2"), r2),
            (format!("{prefix}currently_delivered"), Some(Field::PowerImport)),
            (format!("{prefix}currently_returned"), Some(Field::PowerExport)),
            ("phase_currently_delivered_l1".to_owned(), Some(Field::PowerImportL1)),
            ("phase_currently_delivered_l2".to_owned(), Some(Field::PowerImportL2)),
            ("phase_currently_delivered_l3".to_owned(), Some(Field::PowerImportL3)),
            ("phase_currently_returned_l1".to_owned(), Some(Field::PowerExportL1)),
            ("phase_currently_returned_l2".to_owned(), Some(Field::PowerExportL2)),
            ("phase_currently_returned_l3".to_owned(), Some(Field::PowerExportL3)),
            ("phase_voltage_l1".to_owned(), Some(Field::VoltageL1)),
            ("phase_voltage_l2".to_owned(), Some(Field::VoltageL2)),
            ("phase_voltage_l3".to_owned(), Some(Field::VoltageL3)),
            ("phase_power_current_l1".to_owned(), Some(Field::CurrentL1)),
            ("phase_power_current_l2".to_owned(), Some(Field::CurrentL2)),
            ("phase_power_current_l3".to_owned(), Some(Field::CurrentL3)),
        ];
        let time = time_column(&table.name).unwrap_or("read_at");
        let mut values = Self { time: table.place(time), ..Self::default() };
        for (name, field) in &names {
            match (table.place(name), field) {
                (Some(place), Some(field)) => values.values.push(Place { place, field: *field }),
                (None, _) => values.missing.push(name.clone()),
                (Some(_), None) => {}
            }
        }
        let mut devices = Vec::new();
        if is_reading {
            devices = vec!["extra_device_timestamp", "extra_device_delivered"];
            values.stamp = table.place(devices[0]);
            values.device = table.place(devices[1]);
        }
        let is_known = |column: &str| {
            column == time
                || KNOWN.contains(&column)
                || devices.contains(&column)
                || names.iter().any(|(name, _)| name == column)
        };
        values.unknown = table.columns.iter().filter(|column| !is_known(column)).cloned().collect();
        values
    }

    /// The row's time in milliseconds since 1970-01-01 00:00 UTC.
    pub(super) fn time(&self, row: &Row<'_>) -> Option<i64> {
        time(row.get(self.time)?)
    }

    /// The row's stamp of the device, in seconds.
    pub(super) fn stamp(&self, row: &Row<'_>) -> Option<i64> {
        time(row.get(self.stamp)?).map(|millis| millis.div_euclid(1_000))
    }

    /// The row's position of the device.
    pub(super) fn device(&self, row: &Row<'_>) -> Option<Decimal> {
        value::decimal(row.get(self.device)?)
    }

    /// Puts the numbers of a row into a reading; how many are no numbers.
    pub(super) fn fill(&self, row: &Row<'_>, reading: &mut Reading) -> u32 {
        let mut wrong = 0;
        for Place { place, field } in &self.values {
            let Some(text) = row.get(Some(*place)) else { continue };
            match value::decimal(text) {
                Some(value) => {
                    reading.set_number(*field, Quantity { value, unit: field.unit() });
                }
                None => wrong += 1,
            }
        }
        wrong
    }
}
