//! The rows of the totals, in the order of the page.

use super::table::{Row, Section, Sent, TopicUnit, What};
use crate::meter::Unit;

/// The table, behind that of the reading.
// A row is a line.
#[rustfmt::skip]
pub(super) static SECTIONS: &[Section] = &[
    Section {
        title: "Day, month and year",
        intro: "\
What was used since the start of the running day, month and year where the meter stands: the position of each register\n\
now less its last one known at that start. At midnight a new value takes the place of the old one; what the new day has\n\
not got is cleared. A day whose beginning was not seen, because dsmrd was new or its record is, counts from the first\n\
reading.\n\
\n\
``json`` has ``start`` and ``end`` of the period, ``missing_s``, the seconds of its quarter-hours without any reading\n\
(what was used then is in the totals, it is not known when), ``usage`` with the values of the topics beside it, and with\n\
a contract ``cost``: ``total``, ``import``, ``export`` (what is earned, so that it counts against the total),\n\
``import_t1`` and so on by tariff, ``feed_in``, ``gas`` and so on by kind, ``fixed``, ``capacity``, ``currency``;\n\
``fallback`` tells whether a dynamic price was missing and the contract's own was taken, ``unpriced`` whether something\n\
was used that has no price.",
        rows: &[
            row("today/start", What::Instant, TopicUnit::None, "When the day began", "whoever shows a total: of which day it is", Sent::TenSeconds),
            row("today/energy_import", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported, all tariffs", "tiles: today", Sent::TenSeconds),
            row("today/energy_import_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported on a tariff", "tiles: today, by tariff", Sent::TenSeconds),
            row("today/energy_export", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported, all tariffs", "tiles: today", Sent::TenSeconds),
            row("today/energy_export_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported on a tariff", "tiles: today, by tariff", Sent::TenSeconds),
            row("today/gas", What::Usage, TopicUnit::Device, "What the devices of a kind counted: ``gas``, ``water``, ``heat`` and so on", "tiles: today", Sent::TenSeconds),
            row("today/json", What::Object, TopicUnit::None, "All of it in one object, with its cost", "Home Assistant: totals that know their ``last_reset``; scripts", Sent::TenSeconds),
            row("month/start", What::Instant, TopicUnit::None, "When the month began", "whoever shows a total: of which month it is", Sent::Minute),
            row("month/energy_import", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported, all tariffs", "tiles: this month", Sent::Minute),
            row("month/energy_import_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported on a tariff", "tiles: this month, by tariff", Sent::Minute),
            row("month/energy_export", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported, all tariffs", "tiles: this month", Sent::Minute),
            row("month/energy_export_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported on a tariff", "tiles: this month, by tariff", Sent::Minute),
            row("month/gas", What::Usage, TopicUnit::Device, "What the devices of a kind counted: ``gas``, ``water``, ``heat`` and so on", "tiles: this month", Sent::Minute),
            row("month/json", What::Object, TopicUnit::None, "All of it in one object, with its cost", "Home Assistant: totals that know their ``last_reset``; scripts", Sent::Minute),
            row("year/start", What::Instant, TopicUnit::None, "When the year began", "whoever shows a total: of which year it is", Sent::Minute),
            row("year/energy_import", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported, all tariffs", "tiles: this year", Sent::Minute),
            row("year/energy_import_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported on a tariff", "tiles: this year, by tariff", Sent::Minute),
            row("year/energy_export", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported, all tariffs", "tiles: this year", Sent::Minute),
            row("year/energy_export_t1", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported on a tariff", "tiles: this year, by tariff", Sent::Minute),
            row("year/gas", What::Usage, TopicUnit::Device, "What the devices of a kind counted: ``gas``, ``water``, ``heat`` and so on", "tiles: this year", Sent::Minute),
            row("year/json", What::Object, TopicUnit::None, "All of it in one object, with its cost", "Home Assistant: totals that know their ``last_reset``; scripts", Sent::Minute),
        ],
    },
    Section {
        title: "Quarter-hour",
        intro: "\
The quarter-hour by which peaks are measured. ``average`` is the meter's own where it has one (Belgium), else from its\n\
registers; there is none while the start of the quarter-hour is not known.",
        rows: &[
            row("quarter/start", What::Instant, TopicUnit::None, "When it began", "load control: how much of it is left", Sent::TenSeconds),
            row("quarter/energy_import", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy imported since", "load control: what is left of a budget", Sent::TenSeconds),
            row("quarter/energy_export", What::Usage, TopicUnit::Of(Unit::KiloWattHour), "Energy exported since", "load control: what is left of a budget", Sent::TenSeconds),
            row("quarter/average", What::Power, TopicUnit::Of(Unit::KiloWatt), "Average power imported since", "peak shaving", Sent::TenSeconds),
            row("quarter/forecast", What::Power, TopicUnit::Of(Unit::KiloWatt), "What the average comes to at its end when the power of now lasts", "peak shaving: act before the peak", Sent::TenSeconds),
            row("quarter/last_average", What::Power, TopicUnit::Of(Unit::KiloWatt), "Average power imported in the last whole quarter-hour", "graphs of quarter-hours", Sent::TenSeconds),
            row("quarter/last_start", What::Instant, TopicUnit::None, "When that one began", "graphs of quarter-hours", Sent::TenSeconds),
        ],
    },
    Section {
        title: "Peaks",
        intro: "Highest quarter-hours, for capacity tariffs: the meter's own where it keeps them.",
        rows: &[
            row("peak/month", What::Power, TopicUnit::Of(Unit::KiloWatt), "The highest quarter-hour of this month", "capacity tariff; the limit of load control", Sent::Change),
            row("peak/month_time", What::Instant, TopicUnit::None, "When that quarter-hour ended", "what was it that drew so much?", Sent::Change),
            row("peak/mean_12_months", What::Power, TopicUnit::Of(Unit::KiloWatt), "Mean of the peaks of the last twelve months, this one among them", "capacity tariff: what is paid for", Sent::Change),
            row("peak/months", What::Count, TopicUnit::None, "Of how many months the mean is, 1 to 12", "how far the mean can be trusted", Sent::Change),
        ],
    },
    Section {
        title: "Costs and prices",
        intro: "\
With a contract in the configuration, in its currency, ``EUR`` here. Amounts are exact inside and rounded half up as\n\
they are shown. What is given is told as what it earns: ``cost/today_export`` is above zero when one is paid for it, and\n\
below when giving costs; ``cost/today`` is what remains to be paid, and below zero on a day that earns more than it costs.\n\
It has all lines of the bill in it, those without a topic of their own too: they stand in ``today/json``.",
        rows: &[
            row("cost/now", What::Rate, TopicUnit::MoneyAnHour, "What the power of now costs in an hour, below zero when it earns", "tiles: what is on now", Sent::TenSeconds),
            row("cost/today", What::Cost, TopicUnit::Money, "Today so far, all lines of the bill", "tiles: today", Sent::TenSeconds),
            row("cost/month", What::Cost, TopicUnit::Money, "This month so far", "tiles: this month", Sent::Minute),
            row("cost/year", What::Cost, TopicUnit::Money, "This year so far", "tiles: this year", Sent::Minute),
            row("cost/today_import", What::Cost, TopicUnit::Money, "Energy imported today", "energy dashboard: cost of the grid", Sent::TenSeconds),
            row("cost/today_import_t1", What::Cost, TopicUnit::Money, "The same, on a tariff", "energy dashboard: cost of the grid, by tariff", Sent::TenSeconds),
            row("cost/today_export", What::Earned, TopicUnit::Money, "What the energy exported today earned", "energy dashboard: compensation of the grid", Sent::TenSeconds),
            row("cost/today_export_t1", What::Earned, TopicUnit::Money, "The same, on a tariff", "energy dashboard: compensation, by tariff", Sent::TenSeconds),
            row("cost/today_gas", What::Cost, TopicUnit::Money, "What the devices of a kind counted today: ``gas``, ``water``, ``heat`` and so on", "energy dashboard: cost of gas and water", Sent::TenSeconds),
            row("cost/price_import", What::Price, TopicUnit::MoneyPer(Unit::KiloWattHour), "The price of a kWh taken now, at the tariff of now", "automations by price; energy dashboard", Sent::Change),
            row("cost/price_export", What::Price, TopicUnit::MoneyPer(Unit::KiloWattHour), "What a kWh given now earns", "batteries; inverters at negative prices", Sent::Change),
            row("cost/price_gas", What::Price, TopicUnit::MoneyPerDevice, "The price of a unit of gas, water, heat and so on", "hybrid heat pumps; energy dashboard", Sent::Change),
            row("cost/price_source", What::Word, TopicUnit::None, "Where the prices come from: ``contract``, ``dynamic``, or ``fallback`` where one of them is missing from the dynamic prices and the contract's takes its place", "automations that need the real price", Sent::Change),
            row("cost/currency", What::Word, TopicUnit::None, "The currency, in ISO 4217: ``EUR``", "tiles: the unit", Sent::Change),
        ],
    },
];

const fn row(
    topic: &'static str,
    what: What,
    unit: TopicUnit,
    meaning: &'static str,
    reader: &'static str,
    sent: Sent,
) -> Row {
    Row { topic, what, unit, meaning, reader, sent }
}
