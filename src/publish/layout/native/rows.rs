//! The rows of the table, in the order of the page.

use super::table::{Row, Section, Sent, TopicUnit, What};
use crate::meter::Unit;

/// The table.
// A row is a line.
#[rustfmt::skip]
pub(super) static SECTIONS: &[Section] = &[
    Section {
        title: "The reading",
        intro: "",
        rows: &[
            derived("time", What::Instant, TopicUnit::None, "When the telegram was made, in UTC; when it arrived, of a meter without a clock", "graphs: which instant a value is of"),
            derived("proof", What::Word, TopicUnit::None, "``verified``, ``absent`` (no CRC) or ``unauthenticated`` (decrypted, its tag does not prove the sender)", "who must not act on what is not proven"),
            derived("country", What::Word, TopicUnit::None, "Whose rules the telegram was read by, as ``country`` in the configuration has it", "tiles that word tariffs by country"),
            derived("json", What::Object, TopicUnit::None, "The whole reading as one object, but for its lists; numbers as numbers", "scripts, Node-RED: one message a telegram"),
            link("status", "``online`` while the meter sends telegrams, else ``offline``", "Home Assistant: availability"),
        ],
    },
    Section {
        title: "Energy",
        intro: "\
The totals are added up from the tariffs where the meter sends none. Tariff 1 is the low one in the Netherlands and\n\
the normal one in Belgium; ``tariff_name`` tells.",
        rows: &[
            said("energy_import_total", "Energy imported", "energy dashboard"),
            said("energy_import_t1", "Energy imported on a tariff: 1 to 5, 11 to 13", "energy dashboard"),
            said("energy_export_total", "Energy exported", "energy dashboard"),
            said("energy_export_t1", "Energy exported on a tariff: 1 to 5, 11 to 13", "energy dashboard"),
            said("reactive_energy_import_total", "Reactive energy imported", "installers: compensation of reactive energy"),
            said("reactive_energy_import_t1", "Reactive energy imported on a tariff: 1 to 4", "installers: compensation of reactive energy"),
            said("reactive_energy_export_total", "Reactive energy exported", "installers: compensation of reactive energy"),
            said("reactive_energy_export_t1", "Reactive energy exported on a tariff: 1 to 4", "installers: compensation of reactive energy"),
            said("reactive_energy_q1_total", "Reactive energy, of a quadrant: 1 to 4", "installers: compensation of reactive energy"),
            said("apparent_energy_import_total", "Apparent energy imported", "installers: bills by apparent energy"),
            said("apparent_energy_export_total", "Apparent energy exported", "installers: bills by apparent energy"),
            said("energy_absolute_total", "Energy imported plus exported", "meters that tell both ways in one register"),
        ],
    },
    Section {
        title: "Power",
        intro: "",
        rows: &[
            said("power_import", "Power imported", "live power; load and battery control"),
            said("power_export", "Power exported", "live power; load and battery control"),
            said("power_absolute", "Power imported plus exported", "meters that tell both ways in one register"),
            said("power_net", "Power imported less exported", "graphs: one line for both ways"),
            derived("power_net_l1", What::Reading, TopicUnit::Of(Unit::KiloWatt), "Power imported less exported, of a phase: 1 to 3", "balance of phases; chargers"),
            derived("power_net_w", What::Reading, TopicUnit::Watt, "``power_net`` in watts", "batteries and inverters, which regulate to 0 W"),
            said("power_import_l1", "Power imported, of a phase: 1 to 3", "balance of phases; chargers"),
            said("power_export_l1", "Power exported, of a phase: 1 to 3", "balance of phases; chargers"),
            said("reactive_power_import", "Reactive power imported", "installers: reactive power"),
            said("reactive_power_export", "Reactive power exported", "installers: reactive power"),
            said("reactive_power_q1", "Reactive power, of a quadrant: 1 to 4", "installers: reactive power"),
            said("apparent_power_import", "Apparent power imported", "installers: load of the connection"),
            said("apparent_power_export", "Apparent power exported", "installers: load of the connection"),
            said("reactive_power_import_l1", "Reactive power imported, of a phase: 1 to 3", "installers: reactive power"),
            said("reactive_power_export_l1", "Reactive power exported, of a phase: 1 to 3", "installers: reactive power"),
            said("apparent_power_import_l1", "Apparent power imported, of a phase: 1 to 3", "installers: load of the connection"),
            said("apparent_power_export_l1", "Apparent power exported, of a phase: 1 to 3", "installers: load of the connection"),
            said("power_factor_l1", "Power factor, of a phase: 1 to 3", "installers: power factor"),
            said("power_factor", "Power factor", "installers: power factor"),
            said("power_factor_min", "Smallest power factor", "installers: power factor"),
        ],
    },
    Section {
        title: "Voltage and current",
        intro: "",
        rows: &[
            said("voltage_l1", "Voltage, of a phase: 1 to 3", "quality of the grid; inverters that switch off"),
            said("voltage_avg_l1", "Average voltage, of a phase: 1 to 3", "quality of the grid; inverters that switch off"),
            said("voltage_any", "Voltage, any phase", "quality of the grid; inverters that switch off"),
            said("current_l1", "Current, of a phase: 1 to 3", "fuses: chargers and heat pumps that give way"),
            said("current_avg_l1", "Average current, of a phase: 1 to 3", "fuses: chargers and heat pumps that give way"),
            said("current_any", "Current, any phase", "fuses: chargers and heat pumps that give way"),
            said("current_sum", "Sum of the currents", "fuses: chargers and heat pumps that give way"),
            said("current_neutral", "Current in the neutral", "fuses: chargers and heat pumps that give way"),
            said("frequency", "Frequency", "quality of the grid"),
        ],
    },
    Section {
        title: "Demand and limits",
        intro: "",
        rows: &[
            said("demand_import_avg_current", "Average demand, import, running period", "peak shaving"),
            said("demand_import_avg_last", "Average demand, import, last period", "peak shaving"),
            said("demand_export_avg_current", "Average demand, export, running period", "feed-in limits"),
            said("demand_export_avg_last", "Average demand, export, last period", "feed-in limits"),
            said("reactive_demand_import_avg_current", "Average reactive demand, import, running period", "installers: demand of the connection"),
            said("reactive_demand_import_avg_last", "Average reactive demand, import, last period", "installers: demand of the connection"),
            said("reactive_demand_export_avg_current", "Average reactive demand, export, running period", "installers: demand of the connection"),
            said("reactive_demand_export_avg_last", "Average reactive demand, export, last period", "installers: demand of the connection"),
            said("apparent_demand_import_avg_current", "Average apparent demand, import, running period", "installers: demand of the connection"),
            said("apparent_demand_import_avg_last", "Average apparent demand, import, last period", "installers: demand of the connection"),
            said("apparent_demand_export_avg_current", "Average apparent demand, export, running period", "installers: demand of the connection"),
            said("apparent_demand_export_avg_last", "Average apparent demand, export, last period", "installers: demand of the connection"),
            said("demand_import_avg_period", "Average demand, import, over the averaging period", "peak shaving"),
            said("demand_absolute_avg_period", "Average demand, total, over the averaging period", "peak shaving"),
            said("demand_net_avg_period", "Average demand, net, over the averaging period", "peak shaving"),
            said("average_period", "Averaging period", "peak shaving"),
            said("demand_import_max", "Highest demand of the month, import", "peak shaving"),
            derived("demand_import_max_time", What::Instant, TopicUnit::None, "When it was reached", "peak shaving"),
            said("demand_export_max", "Highest demand of the month, export", "feed-in limits"),
            derived("demand_export_max_time", What::Instant, TopicUnit::None, "When it was reached", "feed-in limits"),
            derived("limiter_threshold", What::Reading, TopicUnit::Limit, "Power limit", "load control: what the connection may take"),
            derived("limiter_state", What::Word, TopicUnit::None, "``on``, or ``off`` where the threshold stands for none", "load control: what the connection may take"),
            said("current_limit_l1", "Current limit, of a phase: 1 to 3", "load control: what the connection may take"),
            derived("current_limit_import", What::Reading, TopicUnit::Of(Unit::Ampere), "Current limit, import", "load control: what the connection may take"),
            derived("current_limit_export", What::Reading, TopicUnit::Of(Unit::Ampere), "Current limit, export", "load control: what the connection may take"),
        ],
    },
    Section {
        title: "Tariff, switches and messages",
        intro: "A switch is 0 (disconnected), 1 (connected) or 2 (ready to be switched on by hand).",
        rows: &[
            said("tariff", "Active tariff", "automations by tariff"),
            derived("tariff_name", What::Word, TopicUnit::None, "``low`` or ``normal``, in countries whose meters agree on it", "automations by tariff"),
            said("breaker", "Breaker", "alerts: the supply is cut off"),
            said("breaker_state", "Breaker state", "alerts: the supply is cut off"),
            said("relay_1", "Relay: 1 to 4", "boilers and chargers behind the meter's relays"),
            said("message_code", "Message code", "alerts: word of the grid operator"),
            said("message_text", "Text message", "alerts: word of the grid operator"),
            said("message_consumer_2", "Message for a further consumer: 2 to 5", "alerts: word of the grid operator"),
        ],
    },
    Section {
        title: "Quality of the grid",
        intro: "",
        rows: &[
            said("power_failures", "Power failures", "quality of the grid"),
            said("long_power_failures", "Long power failures", "quality of the grid"),
            said("voltage_sags_l1", "Voltage sags, of a phase: 1 to 3", "quality of the grid"),
            said("voltage_swells_l1", "Voltage swells, of a phase: 1 to 3", "quality of the grid"),
        ],
    },
    Section {
        title: "Identity and firmware",
        intro: "",
        rows: &[
            said("ct_ratio", "Current transformer ratio", "readings behind current transformers"),
            said("vt_ratio", "Voltage transformer ratio", "readings behind current transformers"),
            said("p1_version", "Version of the P1 standard", "support: which meter this is"),
            said("p1_version_be", "Version of e-MUCS-P1", "support: which meter this is"),
            said("meter_id", "Equipment identifier", "support: which meter this is"),
            said("meter_id_alt", "Equipment identifier, second form", "support: which meter this is"),
            said("logical_device_name", "COSEM logical device name", "support: which meter this is"),
            said("ean", "EAN of the connection", "contracts and bills"),
            said("grid_configuration", "Grid configuration", "support: which meter this is"),
            said("firmware_core", "Firmware of the core", "support: firmware"),
            said("firmware_core_signature", "Signature of the core's firmware", "support: firmware"),
            said("firmware_module", "Firmware of the module", "support: firmware"),
            said("firmware_module_signature", "Signature of the module's firmware", "support: firmware"),
        ],
    },
    Section {
        title: "Lists",
        intro: "Arrays of objects as JSON; `README.rst <README.rst#lists>`__ shows two of them.",
        rows: &[
            said("power_failure_log", "Log of long power failures", "history of failures"),
            said("demand_peak_history", "Peaks of past months", "capacity tariff: the year so far"),
            derived("month_end", What::Object, TopicUnit::None, "Registers and peaks at the end of the last month (Hungary)", "bills: what was read"),
            said("month_end_energies", "Energies at the ends of past months", "bills: what was read"),
            said("load_profile", "Load profile of the last interval", "graphs by interval"),
        ],
    },
    Section {
        title: "Meters behind the meter",
        intro: "\
``gas`` stands for what is measured: ``electricity``, ``gas``, ``heat``, ``cooling``, ``water``, ``warm_water``,\n\
``heat_cost_allocator``, or ``mbus`` for a device that does not say. Where there are several of a kind each has the same\n\
topics besides under its identifier, such as ``gas/G0042/reading``, or ``gas/channel-2/reading`` without one.",
        rows: &[
            device("gas/reading", TopicUnit::Device, "The meter's position; ``24.2.3`` in Belgium, ``24.3.0`` before DSMR 4", "energy dashboard"),
            device("gas/time", TopicUnit::None, "When the position was read, in UTC; in local time, without ``Z``, where it is ambiguous", "graphs: which instant it is of"),
            device("gas/id", TopicUnit::None, "Identifier", "a replaced meter is another"),
            device("gas/ean", TopicUnit::None, "EAN", "contracts and bills"),
            device("gas/valve", TopicUnit::None, "0 closed, 1 open, 2 released", "alerts: the valve is closed"),
            device("gas/channel", TopicUnit::None, "Its channel on the M-Bus", "support: which device this is"),
            device("gas/status", TopicUnit::None, "``ok``, or ``no reading`` of a device that is there and has not reported", "alerts: a device fell silent"),
        ],
    },
];

/// A field of the reading.
const fn said(topic: &'static str, meaning: &'static str, reader: &'static str) -> Row {
    derived(topic, What::Reading, TopicUnit::Register, meaning, reader)
}

/// What follows from a reading.
const fn derived(
    topic: &'static str,
    what: What,
    unit: TopicUnit,
    meaning: &'static str,
    reader: &'static str,
) -> Row {
    Row { topic, what, unit, meaning, reader, sent: Sent::Telegram }
}

const fn device(topic: &'static str, unit: TopicUnit, meaning: &'static str, reader: &'static str) -> Row {
    derived(topic, What::Device, unit, meaning, reader)
}

const fn link(topic: &'static str, meaning: &'static str, reader: &'static str) -> Row {
    Row { topic, what: What::Link, unit: TopicUnit::None, meaning, reader, sent: Sent::Link }
}
