//! What each field of the layout shows, for people: `DSMR-READER.rst` and `dsmrd topics` tell it.

/// What there is to know about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its unit and decimals, `kWh, 3`; or what it is, `UTC`, `local`, `JSON`.
    pub payload: &'static str,
    /// With what it is sent: each `reading`, the first one of a `minute`, a reading of the `gas` meter, a `quarter`-hour
    /// that ended.
    pub sent: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl Description {
    /// Its unit; nothing where it has none.
    pub fn unit(&self) -> &'static str {
        self.payload.split_once(", ").map_or("", |(unit, _)| unit)
    }
}

/// Describes a topic, by its default name without the prefix.
pub fn describe(field: &str) -> Option<Description> {
    let (_, payload, source) = TABLE.iter().find(|(name, ..)| *name == field)?;
    let sent = match field.rsplit_once('/').map_or(field, |(folder, _)| folder) {
        "consumption/gas" => "gas",
        "consumption/quarter-hour-peak-electricity" => "quarter",
        "day-consumption" | "current-period" | "current-month" | "current-year" => "minute",
        _ => "reading",
    };
    Some(Description { payload, sent, source })
}

/// Topics without the prefix, what stands in them, and where it comes from.
const TABLE: &[(&str, &str, &str)] = &[
    ("raw", "text", "The telegram"),
    ("json", "JSON", "The fields of ``dsmr/reading/``"),
    ("reading/id", "", "Readings since the start of the process"),
    ("reading/timestamp", "UTC", "0-0:1.0.0; when it arrived, of a meter without a clock"),
    ("reading/electricity_delivered_1", "kWh, 3", "1-0:1.8.1, or 1-0:1.8.0 of a meter without tariffs"),
    ("reading/electricity_returned_1", "kWh, 3", "1-0:2.8.1, or 1-0:2.8.0 of a meter without tariffs"),
    ("reading/electricity_delivered_2", "kWh, 3", "1-0:1.8.2; 0.000 of a meter without tariffs"),
    ("reading/electricity_returned_2", "kWh, 3", "1-0:2.8.2; 0.000 of a meter without tariffs"),
    ("reading/electricity_currently_delivered", "kW, 3", "1-0:1.7.0"),
    ("reading/electricity_currently_returned", "kW, 3", "1-0:2.7.0"),
    ("reading/phase_currently_delivered_l1", "kW, 3", "1-0:21.7.0"),
    ("reading/phase_currently_delivered_l2", "kW, 3", "1-0:41.7.0"),
    ("reading/phase_currently_delivered_l3", "kW, 3", "1-0:61.7.0"),
    ("reading/phase_currently_returned_l1", "kW, 3", "1-0:22.7.0"),
    ("reading/phase_currently_returned_l2", "kW, 3", "1-0:42.7.0"),
    ("reading/phase_currently_returned_l3", "kW, 3", "1-0:62.7.0"),
    ("reading/extra_device_timestamp", "UTC", "0-n:24.2.1 and its like, of the gas meter"),
    ("reading/extra_device_delivered", "m3, 3", "0-n:24.2.1 and its like, of the gas meter"),
    ("reading/phase_voltage_l1", "V, 1", "1-0:32.7.0"),
    ("reading/phase_voltage_l2", "V, 1", "1-0:52.7.0"),
    ("reading/phase_voltage_l3", "V, 1", "1-0:72.7.0"),
    ("reading/phase_power_current_l1", "A, 0", "1-0:31.7.0"),
    ("reading/phase_power_current_l2", "A, 0", "1-0:51.7.0"),
    ("reading/phase_power_current_l3", "A, 0", "1-0:71.7.0"),
    ("meter-stats/dsmr_version", "", "1-3:0.2.8"),
    ("meter-stats/electricity_tariff", "", "0-0:96.14.0"),
    ("meter-stats/power_failure_count", "", "0-0:96.7.21"),
    ("meter-stats/long_power_failure_count", "", "0-0:96.7.9"),
    ("meter-stats/voltage_sag_count_l1", "", "1-0:32.32.0"),
    ("meter-stats/voltage_sag_count_l2", "", "1-0:52.32.0"),
    ("meter-stats/voltage_sag_count_l3", "", "1-0:72.32.0"),
    ("meter-stats/voltage_swell_count_l1", "", "1-0:32.36.0"),
    ("meter-stats/voltage_swell_count_l2", "", "1-0:52.36.0"),
    ("meter-stats/voltage_swell_count_l3", "", "1-0:72.36.0"),
    ("meter-stats/rejected_telegrams", "", "Telegrams rejected since the start of the process"),
    ("consumption/gas/json", "JSON", "The fields of ``dsmr/consumption/gas/``"),
    ("consumption/gas/read_at", "local", "When the gas meter was read"),
    ("consumption/gas/delivered", "m3, 3", "The gas meter's position"),
    ("consumption/gas/currently_delivered", "m3, 3", "Since the position before"),
    ("day-consumption", "JSON", "The fields of ``dsmr/day-consumption/``"),
    ("day-consumption/electricity1", "kWh, 3", "Taken in tariff 1, today"),
    ("day-consumption/electricity2", "kWh, 3", "Taken in tariff 2, today"),
    ("day-consumption/electricity1_returned", "kWh, 3", "Given in tariff 1, today"),
    ("day-consumption/electricity2_returned", "kWh, 3", "Given in tariff 2, today"),
    ("day-consumption/electricity_merged", "kWh, 3", "Taken, all tariffs, today"),
    ("day-consumption/electricity_returned_merged", "kWh, 3", "Given, all tariffs, today"),
    ("day-consumption/electricity1_cost", "EUR, 2", "Taken minus given, each at its price, tariff 1, today"),
    ("day-consumption/electricity2_cost", "EUR, 2", "Taken minus given, each at its price, tariff 2, today"),
    (
        "day-consumption/electricity_cost_merged",
        "EUR, 2",
        "Taken minus given, all tariffs, and what giving costs, today",
    ),
    ("day-consumption/gas", "m3, 3", "Gas, today"),
    ("day-consumption/gas_cost", "EUR, 2", "Gas at its price, today"),
    ("day-consumption/total_cost", "EUR, 2", "Every line of the bill, today"),
    ("day-consumption/fixed_cost", "EUR, 2", "Fixed cost of today"),
    (
        "day-consumption/energy_supplier_price_electricity_delivered_1",
        "EUR/kWh, 6",
        "Price of what is taken in tariff 1, now",
    ),
    (
        "day-consumption/energy_supplier_price_electricity_delivered_2",
        "EUR/kWh, 6",
        "Price of what is taken in tariff 2, now",
    ),
    (
        "day-consumption/energy_supplier_price_electricity_returned_1",
        "EUR/kWh, 6",
        "Price of what is given in tariff 1, now",
    ),
    (
        "day-consumption/energy_supplier_price_electricity_returned_2",
        "EUR/kWh, 6",
        "Price of what is given in tariff 2, now",
    ),
    ("day-consumption/energy_supplier_price_gas", "EUR/m3, 6", "Price of gas, now"),
    ("current-period", "JSON", "The fields of ``dsmr/current-month/`` and ``dsmr/current-year/``"),
    ("current-month/electricity1", "kWh, 3", "Taken in tariff 1, this month"),
    ("current-month/electricity2", "kWh, 3", "Taken in tariff 2, this month"),
    ("current-month/electricity1_returned", "kWh, 3", "Given in tariff 1, this month"),
    ("current-month/electricity2_returned", "kWh, 3", "Given in tariff 2, this month"),
    ("current-month/electricity_merged", "kWh, 3", "Taken, all tariffs, this month"),
    ("current-month/electricity_returned_merged", "kWh, 3", "Given, all tariffs, this month"),
    (
        "current-month/electricity1_cost",
        "EUR, 2",
        "Taken minus given, each at its price, tariff 1, this month",
    ),
    (
        "current-month/electricity2_cost",
        "EUR, 2",
        "Taken minus given, each at its price, tariff 2, this month",
    ),
    (
        "current-month/electricity_cost_merged",
        "EUR, 2",
        "Taken minus given, all tariffs, and what giving costs, this month",
    ),
    ("current-month/gas", "m3, 3", "Gas, this month"),
    ("current-month/gas_cost", "EUR, 2", "Gas at its price, this month"),
    ("current-month/fixed_cost", "EUR, 2", "Fixed cost of the days so far, this month"),
    ("current-month/total_cost", "EUR, 2", "Every line of the bill, this month"),
    ("current-year/electricity1", "kWh, 3", "Taken in tariff 1, this year"),
    ("current-year/electricity2", "kWh, 3", "Taken in tariff 2, this year"),
    ("current-year/electricity1_returned", "kWh, 3", "Given in tariff 1, this year"),
    ("current-year/electricity2_returned", "kWh, 3", "Given in tariff 2, this year"),
    ("current-year/electricity_merged", "kWh, 3", "Taken, all tariffs, this year"),
    ("current-year/electricity_returned_merged", "kWh, 3", "Given, all tariffs, this year"),
    ("current-year/electricity1_cost", "EUR, 2", "Taken minus given, each at its price, tariff 1, this year"),
    ("current-year/electricity2_cost", "EUR, 2", "Taken minus given, each at its price, tariff 2, this year"),
    (
        "current-year/electricity_cost_merged",
        "EUR, 2",
        "Taken minus given, all tariffs, and what giving costs, this year",
    ),
    ("current-year/gas", "m3, 3", "Gas, this year"),
    ("current-year/gas_cost", "EUR, 2", "Gas at its price, this year"),
    ("current-year/fixed_cost", "EUR, 2", "Fixed cost of the days so far, this year"),
    ("current-year/total_cost", "EUR, 2", "Every line of the bill, this year"),
    (
        "consumption/quarter-hour-peak-electricity/json",
        "JSON",
        "The fields of ``dsmr/consumption/quarter-hour-peak-electricity/``",
    ),
    ("consumption/quarter-hour-peak-electricity/read_at_start", "local", "Start of the last quarter-hour"),
    ("consumption/quarter-hour-peak-electricity/read_at_end", "local", "Its end"),
    ("consumption/quarter-hour-peak-electricity/average_delivered", "kW, 3", "Average power taken in it"),
    ("day-consumption/day", "", "The day: 2026-11-21"),
    (
        "day-consumption/energy_supplier_price_fixed_daily_cost",
        "EUR, 6",
        "The fixed cost of today with six decimals",
    ),
    ("day-consumption/electricity1_start", "kWh, 3", "The register of tariff 1 when the day began, taken"),
    ("day-consumption/electricity1_end", "kWh, 3", "The register of tariff 1 now, taken"),
    ("day-consumption/electricity2_start", "kWh, 3", "The register of tariff 2 when the day began, taken"),
    ("day-consumption/electricity2_end", "kWh, 3", "The register of tariff 2 now, taken"),
    (
        "day-consumption/electricity1_returned_start",
        "kWh, 3",
        "The register of tariff 1 when the day began, given",
    ),
    ("day-consumption/electricity1_returned_end", "kWh, 3", "The register of tariff 1 now, given"),
    (
        "day-consumption/electricity2_returned_start",
        "kWh, 3",
        "The register of tariff 2 when the day began, given",
    ),
    ("day-consumption/electricity2_returned_end", "kWh, 3", "The register of tariff 2 now, given"),
    ("day-consumption/gas_start", "m3, 3", "The gas meter's position when the day began"),
    ("day-consumption/gas_end", "m3, 3", "The gas meter's position now"),
];
