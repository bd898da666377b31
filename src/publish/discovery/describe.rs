//! From the name of a topic to its entity, with what the reading and its totals say of units.

use std::borrow::Cow;

use super::entity::{Entity, State, symbol};
use crate::meter::{Cell, Field, Kind, MbusClass, Reading, Unit};
use crate::totals::Totals;

/// What of a meter's topics no entity is made of: lists, whole objects, what availability is made of.
const NONE: [&str; 3] = ["status", "json", "month_end"];
const SWITCH: &[&str] = &["disconnected", "connected", "ready for reconnection"];
const VALVE: &[&str] = &["closed", "open", "released"];

/// Fields that everyone looks at, beside the registers of energy.
const SHOWN: [Field; 16] = [
    Field::PowerImport,
    Field::PowerExport,
    Field::PowerNet,
    Field::PowerImportL1,
    Field::PowerImportL2,
    Field::PowerImportL3,
    Field::PowerExportL1,
    Field::PowerExportL2,
    Field::PowerExportL3,
    Field::VoltageL1,
    Field::VoltageL2,
    Field::VoltageL3,
    Field::CurrentL1,
    Field::CurrentL2,
    Field::CurrentL3,
    Field::DemandImportAvgCurrent,
];

/// What the words of a description depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) reading: &'a Reading,
    pub(super) totals: Option<&'a Totals>,
    /// Whether texts and JSON are published.
    pub(super) has_text: bool,
}

/// The entity of a topic of the meter itself, `name` being its levels below the meter's.
pub(super) fn of_meter(name: &str, payload: &[u8], facts: Facts<'_>) -> Option<Entity> {
    let precision = decimals(payload);
    if let Some((head, leaf)) = name.split_once('/') {
        return match head {
            "today" | "month" | "year" => of_period(head, leaf, precision, facts),
            "quarter" => of_quarter(leaf, precision),
            "peak" => of_peak(leaf, precision),
            "cost" => of_cost(leaf, facts),
            _ => None,
        };
    }
    if NONE.contains(&name) {
        return None;
    }
    if let Some(field) = Field::from_name(name) {
        return of_field(field, precision, facts.reading);
    }
    let text = |label: &'static str, state| Entity::text(label, state);
    let power = |label| Entity::measured(label, Unit::KiloWatt, precision).hidden();
    let ampere = |label| Entity::measured(label, Unit::Ampere, precision).diagnostic().hidden();
    Some(match name {
        "time" => text("Telegram", State::Time).diagnostic().hidden(),
        "proof" => text("Proof of the telegram", State::Value).diagnostic().hidden(),
        "country" => text("Country", State::Value).diagnostic().hidden(),
        "tariff_name" => text("Tariff", State::Word(&["low", "normal"])),
        "power_net_l1" => power("Power imported less exported, phase L1"),
        "power_net_l2" => power("Power imported less exported, phase L2"),
        "power_net_l3" => power("Power imported less exported, phase L3"),
        "power_net_w" => {
            let unit = Some("W".into());
            Entity { unit, ..power("Power imported less exported in watts") }
        }
        "limiter_state" => text("Power limit in force", State::Switch).diagnostic().hidden(),
        "current_limit_import" => ampere("Current limit, import"),
        "current_limit_export" => ampere("Current limit, export"),
        "demand_import_max_time" => {
            text("Time of the highest demand of the month, import", State::Time).hidden()
        }
        "demand_export_max_time" => {
            text("Time of the highest demand of the month, export", State::Time).hidden()
        }
        _ => return None,
    })
}

fn of_field(field: Field, precision: usize, reading: &Reading) -> Option<Entity> {
    let register = field.register();
    let (label, plain) = (register.label, Entity::text(register.label, State::Value).diagnostic().hidden());
    Some(match register.kind {
        Kind::Number | Kind::Limit | Kind::Peak => {
            let unit = match reading.get(field) {
                Some(Cell::Number(quantity)) => quantity.unit,
                _ => register.unit,
            };
            of_number(field, label, unit, precision)
        }
        // What is counted may begin anew with another meter, and never is fewer.
        Kind::Counter => {
            let entity = Entity::counted(label, Unit::One, 0).diagnostic();
            entity.shown_if(matches!(field, Field::PowerFailures | Field::LongPowerFailures))
        }
        Kind::Text | Kind::Id => plain,
        // The number; where the country's name for it is known, that is beside it.
        Kind::Tariff => Entity::text("Tariff number", State::Value),
        Kind::Switch => Entity::text(label, State::Words(SWITCH)).diagnostic(),
        Kind::Message => Entity::text(label, State::Long).shown_if(field == Field::MessageText),
        Kind::Profile | Kind::Clock => return None,
    })
}

fn of_number(field: Field, label: &'static str, unit: Unit, precision: usize) -> Entity {
    let name = field.name();
    if name.starts_with("power_factor") {
        let entity = Entity::measured(label, Unit::One, precision).hidden();
        return Entity { device_class: Some("power_factor"), ..entity };
    }
    match unit {
        Unit::KiloWattHour
        | Unit::KiloVarHour
        | Unit::KiloVoltAmpereHour
        | Unit::GigaJoule
        | Unit::CubicMetre => {
            // Energy of either way and any tariff; reactive energy and the like are for those who look for them.
            let shown = name.starts_with("energy_import") || name.starts_with("energy_export");
            Entity::counted(label, unit, precision).shown_if(shown)
        }
        _ => {
            let shown = SHOWN.contains(&field) || field == Field::DemandImportMax;
            let setting = matches!(unit, Unit::One | Unit::Second) || name.contains("limit");
            let entity = Entity::measured(label, unit, precision).shown_if(shown);
            if setting { entity.diagnostic() } else { entity }
        }
    }
}

/// The entity of a topic of a device on the M-Bus, `leaf` being its last level.
pub(super) fn of_device(class: Option<MbusClass>, unit: Unit, leaf: &str, payload: &[u8]) -> Option<Entity> {
    let text = |label: &'static str, state| Entity::text(label, state).diagnostic();
    Some(match leaf {
        "reading" => {
            let entity = Entity::counted("", unit, decimals(payload));
            // What a device is there for has the name of the device.
            Entity { name: None, device_class: device_class(class, unit).or(entity.device_class), ..entity }
        }
        "time" => text("Read at", State::Time),
        "id" => text("Equipment identifier", State::Value).hidden(),
        "ean" => text("EAN of the connection", State::Value).hidden(),
        "channel" => text("M-Bus channel", State::Value).hidden(),
        "valve" => text("Valve", State::Words(VALVE)),
        "status" => text("Status", State::Word(&["ok", "no reading"])),
        _ => return None,
    })
}

fn period_word(head: &str) -> &'static str {
    match head {
        "today" => "today",
        "month" => "this month",
        _ => "this year",
    }
}

/// What is used in a running period: it grows, and begins at nothing with the next.
fn of_period(head: &str, leaf: &str, precision: usize, facts: Facts<'_>) -> Option<Entity> {
    let when = period_word(head);
    if let Some(class) = class(leaf) {
        let unit = unit_of(class, facts);
        let entity = Entity::counted(format!("{}, {when}", class_label(class)), unit, precision);
        return Some(Entity {
            device_class: device_class(Some(class), unit).or(entity.device_class),
            ..entity
        });
    }
    if leaf == "start" {
        return Some(Entity::text(format!("Start of {when}"), State::Time).diagnostic().hidden());
    }
    let field = Field::from_name(leaf).or_else(|| Field::from_name(&format!("{leaf}_total")))?;
    let entity = Entity::counted(format!("{}, {when}", field.register().label), field.unit(), precision);
    // Each tariff of a running period is one of a long tail.
    Some(entity.shown_if(leaf == "energy_import" || leaf == "energy_export"))
}

fn of_quarter(leaf: &str, precision: usize) -> Option<Entity> {
    let power = |label| Entity::measured(label, Unit::KiloWatt, precision);
    let energy = |label| Entity::counted(label, Unit::KiloWattHour, precision).hidden();
    let time = |label| Entity::text(label, State::Time).diagnostic().hidden();
    Some(match leaf {
        "energy_import" => energy("Energy imported, this quarter-hour"),
        "energy_export" => energy("Energy exported, this quarter-hour"),
        "average" => power("Average power of this quarter-hour"),
        "forecast" => power("Forecast of this quarter-hour"),
        "last_average" => power("Average power of the last quarter-hour").hidden(),
        "start" => time("Start of this quarter-hour"),
        "last_start" => time("Start of the last quarter-hour"),
        _ => return None,
    })
}

fn of_peak(leaf: &str, precision: usize) -> Option<Entity> {
    let power = |label| Entity::measured(label, Unit::KiloWatt, precision);
    Some(match leaf {
        "month" => power("Peak of this month"),
        "month_time" => Entity::text("Time of this month's peak", State::Time).hidden(),
        "mean_12_months" => power("Mean of the peaks of 12 months"),
        "months" => Entity::measured("Months with a peak", Unit::One, 0).diagnostic().hidden(),
        _ => return None,
    })
}

fn of_cost(leaf: &str, facts: Facts<'_>) -> Option<Entity> {
    let currency = facts.totals.map_or("EUR", |totals| &*totals.currency);
    let bill = |label: Cow<'static, str>, key: Option<&'static str>| {
        // Money that has a start is a total of it; without the JSON nobody tells the start.
        let state = match key {
            Some(key) if facts.has_text => State::Cost(key),
            _ => State::Value,
        };
        let state_class = matches!(state, State::Cost(_)).then_some("total");
        let device_class = Some("monetary");
        Entity { state, state_class, device_class, ..Entity::money(label, currency.to_owned(), 2) }
    };
    if let Some(of) = leaf.strip_prefix("price_") {
        let (label, unit): (Cow<'static, str>, Unit) = match of {
            "import" => ("Price of energy imported".into(), Unit::KiloWattHour),
            "export" => ("Price of energy exported".into(), Unit::KiloWattHour),
            "source" => {
                let words = State::Word(&["contract", "dynamic", "fallback"]);
                return Some(Entity::text("Source of the prices", words).diagnostic());
            }
            of => {
                let class = class(of)?;
                (format!("Price of {}", class_label(class).to_lowercase()).into(), unit_of(class, facts))
            }
        };
        return Some(Entity::money(label, format!("{currency}/{}", symbol(unit)), 5));
    }
    Some(match leaf {
        "now" => Entity::money("Cost of now", format!("{currency}/h"), 2),
        "today" => bill("Cost, today".into(), Some("total")),
        "month" => bill("Cost, this month".into(), Some("total")),
        "year" => bill("Cost, this year".into(), Some("total")),
        "currency" => Entity::text("Currency", State::Value).diagnostic().hidden(),
        "today_import" => bill("Cost of energy imported, today".into(), Some("import")),
        "today_export" => bill("Earned by energy exported, today".into(), Some("export")),
        leaf => {
            let of = leaf.strip_prefix("today_")?;
            if let Some(class) = class(of) {
                bill(
                    format!("Cost of {}, today", class_label(class).to_lowercase()).into(),
                    Some(class.name()),
                )
            } else {
                let field = Field::from_name(&format!("energy_{of}"))?;
                let key = field.name().trim_start_matches("energy_");
                let label = field.register().label.to_lowercase();
                let word = if of.starts_with("export") { "Earned by" } else { "Cost of" };
                bill(format!("{word} {label}, today").into(), Some(key)).hidden()
            }
        }
    })
}

/// The class of what the devices of a class count, where the unit does not tell.
fn device_class(class: Option<MbusClass>, unit: Unit) -> Option<&'static str> {
    match (class, unit) {
        (Some(MbusClass::Gas), Unit::CubicMetre) => Some("gas"),
        (Some(MbusClass::Water | MbusClass::WarmWater), Unit::CubicMetre) => Some("water"),
        _ => None,
    }
}

pub(super) fn class(name: &str) -> Option<MbusClass> {
    MbusClass::ALL.into_iter().find(|class| class.name() == name)
}

/// A kind of device for people.
pub(super) const fn class_label(class: MbusClass) -> &'static str {
    match class {
        MbusClass::Electricity => "Electricity",
        MbusClass::Gas => "Gas",
        MbusClass::Heat => "Heat",
        MbusClass::Cooling => "Cooling",
        MbusClass::Water => "Water",
        MbusClass::WarmWater => "Warm water",
        MbusClass::HeatCostAllocator => "Heat cost allocator",
    }
}

/// The unit that the devices of a class count in.
fn unit_of(class: MbusClass, facts: Facts<'_>) -> Unit {
    let total = facts.totals.and_then(|totals| totals.year.usage.device(class));
    let told = || facts.reading.mbus_of(class).and_then(|(_, reading)| reading.value);
    let known = total.or_else(told).map(|quantity| quantity.unit);
    known.unwrap_or(match class {
        MbusClass::Electricity => Unit::KiloWattHour,
        // What contracts have prices of.
        MbusClass::Gas | MbusClass::Water | MbusClass::WarmWater => Unit::CubicMetre,
        MbusClass::Heat | MbusClass::Cooling => Unit::GigaJoule,
        MbusClass::HeatCostAllocator => Unit::One,
    })
}

/// The digits behind the point of the number in a payload of any format.
fn decimals(payload: &[u8]) -> usize {
    let Some(point) = payload.iter().position(|&byte| byte == b'.') else { return 0 };
    payload[point + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count().min(7)
}
