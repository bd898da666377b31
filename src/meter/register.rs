//! The one table of registers: field, OBIS code, unit, kind and name. Decode, store, topics and export follow it.
//!
//! A new register is one row. The order of rows is the order of output; stored readings name fields by
//! their name, so rows may move.

use std::sync::LazyLock;

use super::unit::Unit;
use crate::p1::Obis;

/// What a register's value is and where it belongs in a decoded telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A measured number with a unit.
    Number,
    /// A whole number that counts events.
    Counter,
    /// A threshold with the unit the meter gives it (kW, kVA or A).
    Limit,
    /// A highest demand with the time it was reached.
    Peak,
    /// Plain text.
    Text,
    /// An identifier, usually ASCII written as hex.
    Id,
    /// The active tariff.
    Tariff,
    /// The position of a breaker or relay.
    Switch,
    /// A message to the customer.
    Message,
    /// A structured object, kept as its groups.
    Profile,
    /// A part of a clock that is not a `TST`.
    Clock,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// The field it fills.
    pub field: Field,
    /// The canonical name, as in topics and exports.
    pub name: &'static str,
    /// The OBIS code on the wire.
    pub obis: Obis,
    /// The canonical unit.
    pub unit: Unit,
    /// What the value is.
    pub kind: Kind,
    /// The name shown to people.
    pub label: &'static str,
}

macro_rules! registers {
    ($($variant:ident, $name:literal, ($a:literal, $b:literal, $c:literal, $d:literal, $e:literal),
       $unit:ident, $kind:ident, $label:literal;)+) => {
        /// A field of a reading; its row in [`REGISTERS`] tells everything about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field { $(#[doc = $label] $variant),+ }

        /// The table.
        pub static REGISTERS: &[Register] = &[$(Register {
            field: Field::$variant,
            name: $name,
            obis: Obis::new($a, $b, $c, $d, $e),
            unit: Unit::$unit,
            kind: Kind::$kind,
            label: $label,
        }),+];
    };
}

impl Field {
    /// The number of fields.
    pub const COUNT: usize = REGISTERS.len();

    /// The field's row.
    pub fn register(self) -> &'static Register {
        &REGISTERS[self as usize]
    }

    /// The canonical name.
    pub fn name(self) -> &'static str {
        self.register().name
    }

    /// The canonical unit.
    pub fn unit(self) -> Unit {
        self.register().unit
    }

    /// The field of an OBIS code, compared exactly.
    pub fn from_obis(obis: Obis) -> Option<Self> {
        lookup(obis.key()).map(|row| row.field)
    }

    /// The field of a canonical name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = BY_NAME.binary_search_by(|register| register.name.cmp(name)).ok()?;
        Some(BY_NAME[place].field)
    }
}

/// The registers by their names: a stored reading is read back by some forty of them.
static BY_NAME: LazyLock<Vec<&Register>> = LazyLock::new(|| {
    let mut registers: Vec<&Register> = REGISTERS.iter().collect();
    registers.sort_unstable_by_key(|register| register.name);
    registers
});

/// Codes that say the same as a row's: Israel's meters send the tariff under their own.
const ALIASES: [(Obis, Field); 1] = [(Obis::new(0, 0, 96, 14, 1), Field::Tariff)];

/// What reading an object takes of its row, in one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    key: u64,
    pub(super) field: Field,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
}

/// OBIS code to row: a hash table built by the compiler, so that a lookup is a multiplication and, nearly
/// always, one comparison.
static INDEX: [Row; SLOTS] = index(REGISTERS);

/// The row of an OBIS code, given as its [`Obis::key`] and compared exactly.
#[inline]
pub(super) fn lookup(key: u64) -> Option<&'static Row> {
    let mut slot = slot(key);
    loop {
        let row = &INDEX[slot];
        if row.key == key {
            return Some(row);
        }
        if row.key == FREE {
            return None;
        }
        slot = (slot + 1) % SLOTS;
    }
}

const SLOTS: usize = 512;
const FREE: u64 = u64::MAX;

const fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55) as usize
}

const fn index(registers: &[Register]) -> [Row; SLOTS] {
    let free = Row { key: FREE, field: registers[0].field, kind: registers[0].kind, unit: registers[0].unit };
    let mut index = [free; SLOTS];
    let mut row = 0;
    while row < registers.len() + ALIASES.len() {
        let (obis, field) = if row < registers.len() {
            (registers[row].obis, registers[row].field)
        } else {
            ALIASES[row - registers.len()]
        };
        let mut slot = slot(obis.key());
        while index[slot].key != FREE {
            slot = (slot + 1) % SLOTS;
        }
        let Register { kind, unit, .. } = registers[field as usize];
        index[slot] = Row { key: obis.key(), field, kind, unit };
        row += 1;
    }
    index
}

registers! {
    EnergyImportTotal, "energy_import_total", (1, 0, 1, 8, 0), KiloWattHour, Number, "Energy imported";
    EnergyImportT1, "energy_import_t1", (1, 0, 1, 8, 1), KiloWattHour, Number, "Energy imported, tariff 1";
    EnergyImportT2, "energy_import_t2", (1, 0, 1, 8, 2), KiloWattHour, Number, "Energy imported, tariff 2";
    EnergyImportT3, "energy_import_t3", (1, 0, 1, 8, 3), KiloWattHour, Number, "Energy imported, tariff 3";
    EnergyImportT4, "energy_import_t4", (1, 0, 1, 8, 4), KiloWattHour, Number, "Energy imported, tariff 4";
    EnergyImportT5, "energy_import_t5", (1, 0, 1, 8, 5), KiloWattHour, Number, "Energy imported, tariff 5";
    EnergyImportT11, "energy_import_t11", (1, 0, 1, 8, 11), KiloWattHour, Number, "Energy imported, tariff 11";
    EnergyImportT12, "energy_import_t12", (1, 0, 1, 8, 12), KiloWattHour, Number, "Energy imported, tariff 12";
    EnergyImportT13, "energy_import_t13", (1, 0, 1, 8, 13), KiloWattHour, Number, "Energy imported, tariff 13";
    EnergyExportTotal, "energy_export_total", (1, 0, 2, 8, 0), KiloWattHour, Number, "Energy exported";
    EnergyExportT1, "energy_export_t1", (1, 0, 2, 8, 1), KiloWattHour, Number, "Energy exported, tariff 1";
    EnergyExportT2, "energy_export_t2", (1, 0, 2, 8, 2), KiloWattHour, Number, "Energy exported, tariff 2";
    EnergyExportT3, "energy_export_t3", (1, 0, 2, 8, 3), KiloWattHour, Number, "Energy exported, tariff 3";
    EnergyExportT4, "energy_export_t4", (1, 0, 2, 8, 4), KiloWattHour, Number, "Energy exported, tariff 4";
    EnergyExportT5, "energy_export_t5", (1, 0, 2, 8, 5), KiloWattHour, Number, "Energy exported, tariff 5";
    EnergyExportT11, "energy_export_t11", (1, 0, 2, 8, 11), KiloWattHour, Number, "Energy exported, tariff 11";
    EnergyExportT12, "energy_export_t12", (1, 0, 2, 8, 12), KiloWattHour, Number, "Energy exported, tariff 12";
    EnergyExportT13, "energy_export_t13", (1, 0, 2, 8, 13), KiloWattHour, Number, "Energy exported, tariff 13";
    ReactiveEnergyImportTotal, "reactive_energy_import_total", (1, 0, 3, 8, 0), KiloVarHour, Number, "Reactive energy imported";
    ReactiveEnergyImportT1, "reactive_energy_import_t1", (1, 0, 3, 8, 1), KiloVarHour, Number, "Reactive energy imported, tariff 1";
    ReactiveEnergyImportT2, "reactive_energy_import_t2", (1, 0, 3, 8, 2), KiloVarHour, Number, "Reactive energy imported, tariff 2";
    ReactiveEnergyImportT3, "reactive_energy_import_t3", (1, 0, 3, 8, 3), KiloVarHour, Number, "Reactive energy imported, tariff 3";
    ReactiveEnergyImportT4, "reactive_energy_import_t4", (1, 0, 3, 8, 4), KiloVarHour, Number, "Reactive energy imported, tariff 4";
    ReactiveEnergyExportTotal, "reactive_energy_export_total", (1, 0, 4, 8, 0), KiloVarHour, Number, "Reactive energy exported";
    ReactiveEnergyExportT1, "reactive_energy_export_t1", (1, 0, 4, 8, 1), KiloVarHour, Number, "Reactive energy exported, tariff 1";
    ReactiveEnergyExportT2, "reactive_energy_export_t2", (1, 0, 4, 8, 2), KiloVarHour, Number, "Reactive energy exported, tariff 2";
    ReactiveEnergyExportT3, "reactive_energy_export_t3", (1, 0, 4, 8, 3), KiloVarHour, Number, "Reactive energy exported, tariff 3";
    ReactiveEnergyExportT4, "reactive_energy_export_t4", (1, 0, 4, 8, 4), KiloVarHour, Number, "Reactive energy exported, tariff 4";
    ReactiveEnergyQ1Total, "reactive_energy_q1_total", (1, 0, 5, 8, 0), KiloVarHour, Number, "Reactive energy, quadrant I";
    ReactiveEnergyQ2Total, "reactive_energy_q2_total", (1, 0, 6, 8, 0), KiloVarHour, Number, "Reactive energy, quadrant II";
    ReactiveEnergyQ3Total, "reactive_energy_q3_total", (1, 0, 7, 8, 0), KiloVarHour, Number, "Reactive energy, quadrant III";
    ReactiveEnergyQ4Total, "reactive_energy_q4_total", (1, 0, 8, 8, 0), KiloVarHour, Number, "Reactive energy, quadrant IV";
    ApparentEnergyImportTotal, "apparent_energy_import_total", (1, 0, 9, 8, 0), KiloVoltAmpereHour, Number, "Apparent energy imported";
    ApparentEnergyExportTotal, "apparent_energy_export_total", (1, 0, 10, 8, 0), KiloVoltAmpereHour, Number, "Apparent energy exported";
    EnergyAbsoluteTotal, "energy_absolute_total", (1, 0, 15, 8, 0), KiloWattHour, Number, "Energy imported plus exported";
    PowerImport, "power_import", (1, 0, 1, 7, 0), KiloWatt, Number, "Power imported";
    PowerExport, "power_export", (1, 0, 2, 7, 0), KiloWatt, Number, "Power exported";
    ReactivePowerImport, "reactive_power_import", (1, 0, 3, 7, 0), KiloVar, Number, "Reactive power imported";
    ReactivePowerExport, "reactive_power_export", (1, 0, 4, 7, 0), KiloVar, Number, "Reactive power exported";
    ReactivePowerQ1, "reactive_power_q1", (1, 0, 5, 7, 0), KiloVar, Number, "Reactive power, quadrant I";
    ReactivePowerQ2, "reactive_power_q2", (1, 0, 6, 7, 0), KiloVar, Number, "Reactive power, quadrant II";
    ReactivePowerQ3, "reactive_power_q3", (1, 0, 7, 7, 0), KiloVar, Number, "Reactive power, quadrant III";
    ReactivePowerQ4, "reactive_power_q4", (1, 0, 8, 7, 0), KiloVar, Number, "Reactive power, quadrant IV";
    ApparentPowerImport, "apparent_power_import", (1, 0, 9, 7, 0), KiloVoltAmpere, Number, "Apparent power imported";
    ApparentPowerExport, "apparent_power_export", (1, 0, 10, 7, 0), KiloVoltAmpere, Number, "Apparent power exported";
    PowerAbsolute, "power_absolute", (1, 0, 15, 7, 0), KiloWatt, Number, "Power imported plus exported";
    PowerNet, "power_net", (1, 0, 16, 7, 0), KiloWatt, Number, "Power imported less exported";
    PowerImportL1, "power_import_l1", (1, 0, 21, 7, 0), KiloWatt, Number, "Power imported, phase L1";
    PowerExportL1, "power_export_l1", (1, 0, 22, 7, 0), KiloWatt, Number, "Power exported, phase L1";
    ReactivePowerImportL1, "reactive_power_import_l1", (1, 0, 23, 7, 0), KiloVar, Number, "Reactive power imported, phase L1";
    ReactivePowerExportL1, "reactive_power_export_l1", (1, 0, 24, 7, 0), KiloVar, Number, "Reactive power exported, phase L1";
    ApparentPowerImportL1, "apparent_power_import_l1", (1, 0, 29, 7, 0), KiloVoltAmpere, Number, "Apparent power imported, phase L1";
    ApparentPowerExportL1, "apparent_power_export_l1", (1, 0, 30, 7, 0), KiloVoltAmpere, Number, "Apparent power exported, phase L1";
    VoltageL1, "voltage_l1", (1, 0, 32, 7, 0), Volt, Number, "Voltage, phase L1";
    CurrentL1, "current_l1", (1, 0, 31, 7, 0), Ampere, Number, "Current, phase L1";
    PowerFactorL1, "power_factor_l1", (1, 0, 33, 7, 0), One, Number, "Power factor, phase L1";
    VoltageAvgL1, "voltage_avg_l1", (1, 0, 32, 24, 0), Volt, Number, "Average voltage, phase L1";
    CurrentAvgL1, "current_avg_l1", (1, 0, 31, 24, 0), Ampere, Number, "Average current, phase L1";
    CurrentLimitL1, "current_limit_l1", (1, 0, 31, 4, 0), Ampere, Number, "Current limit, phase L1";
    PowerImportL2, "power_import_l2", (1, 0, 41, 7, 0), KiloWatt, Number, "Power imported, phase L2";
    PowerExportL2, "power_export_l2", (1, 0, 42, 7, 0), KiloWatt, Number, "Power exported, phase L2";
    ReactivePowerImportL2, "reactive_power_import_l2", (1, 0, 43, 7, 0), KiloVar, Number, "Reactive power imported, phase L2";
    ReactivePowerExportL2, "reactive_power_export_l2", (1, 0, 44, 7, 0), KiloVar, Number, "Reactive power exported, phase L2";
    ApparentPowerImportL2, "apparent_power_import_l2", (1, 0, 49, 7, 0), KiloVoltAmpere, Number, "Apparent power imported, phase L2";
    ApparentPowerExportL2, "apparent_power_export_l2", (1, 0, 50, 7, 0), KiloVoltAmpere, Number, "Apparent power exported, phase L2";
    VoltageL2, "voltage_l2", (1, 0, 52, 7, 0), Volt, Number, "Voltage, phase L2";
    CurrentL2, "current_l2", (1, 0, 51, 7, 0), Ampere, Number, "Current, phase L2";
    PowerFactorL2, "power_factor_l2", (1, 0, 53, 7, 0), One, Number, "Power factor, phase L2";
    VoltageAvgL2, "voltage_avg_l2", (1, 0, 52, 24, 0), Volt, Number, "Average voltage, phase L2";
    CurrentAvgL2, "current_avg_l2", (1, 0, 51, 24, 0), Ampere, Number, "Average current, phase L2";
    CurrentLimitL2, "current_limit_l2", (1, 0, 51, 4, 0), Ampere, Number, "Current limit, phase L2";
    PowerImportL3, "power_import_l3", (1, 0, 61, 7, 0), KiloWatt, Number, "Power imported, phase L3";
    PowerExportL3, "power_export_l3", (1, 0, 62, 7, 0), KiloWatt, Number, "Power exported, phase L3";
    ReactivePowerImportL3, "reactive_power_import_l3", (1, 0, 63, 7, 0), KiloVar, Number, "Reactive power imported, phase L3";
    ReactivePowerExportL3, "reactive_power_export_l3", (1, 0, 64, 7, 0), KiloVar, Number, "Reactive power exported, phase L3";
    ApparentPowerImportL3, "apparent_power_import_l3", (1, 0, 69, 7, 0), KiloVoltAmpere, Number, "Apparent power imported, phase L3";
    ApparentPowerExportL3, "apparent_power_export_l3", (1, 0, 70, 7, 0), KiloVoltAmpere, Number, "Apparent power exported, phase L3";
    VoltageL3, "voltage_l3", (1, 0, 72, 7, 0), Volt, Number, "Voltage, phase L3";
    CurrentL3, "current_l3", (1, 0, 71, 7, 0), Ampere, Number, "Current, phase L3";
    PowerFactorL3, "power_factor_l3", (1, 0, 73, 7, 0), One, Number, "Power factor, phase L3";
    VoltageAvgL3, "voltage_avg_l3", (1, 0, 72, 24, 0), Volt, Number, "Average voltage, phase L3";
    CurrentAvgL3, "current_avg_l3", (1, 0, 71, 24, 0), Ampere, Number, "Average current, phase L3";
    CurrentLimitL3, "current_limit_l3", (1, 0, 71, 4, 0), Ampere, Number, "Current limit, phase L3";
    PowerFactor, "power_factor", (1, 0, 13, 7, 0), One, Number, "Power factor";
    PowerFactorMin, "power_factor_min", (1, 0, 13, 3, 0), One, Number, "Smallest power factor";
    Frequency, "frequency", (1, 0, 14, 7, 0), Hertz, Number, "Frequency";
    CurrentAny, "current_any", (1, 0, 11, 7, 0), Ampere, Number, "Current, any phase";
    VoltageAny, "voltage_any", (1, 0, 12, 7, 0), Volt, Number, "Voltage, any phase";
    CurrentSum, "current_sum", (1, 0, 90, 7, 0), Ampere, Number, "Sum of the currents";
    CurrentNeutral, "current_neutral", (1, 0, 91, 7, 0), Ampere, Number, "Current in the neutral";
    DemandImportAvgCurrent, "demand_import_avg_current", (1, 0, 1, 4, 0), KiloWatt, Number, "Average demand, import, running period";
    DemandImportAvgLast, "demand_import_avg_last", (1, 0, 1, 5, 0), KiloWatt, Number, "Average demand, import, last period";
    DemandExportAvgCurrent, "demand_export_avg_current", (1, 0, 2, 4, 0), KiloWatt, Number, "Average demand, export, running period";
    DemandExportAvgLast, "demand_export_avg_last", (1, 0, 2, 5, 0), KiloWatt, Number, "Average demand, export, last period";
    ReactiveDemandImportAvgCurrent, "reactive_demand_import_avg_current", (1, 0, 3, 4, 0), KiloVar, Number, "Average reactive demand, import, running period";
    ReactiveDemandImportAvgLast, "reactive_demand_import_avg_last", (1, 0, 3, 5, 0), KiloVar, Number, "Average reactive demand, import, last period";
    ReactiveDemandExportAvgCurrent, "reactive_demand_export_avg_current", (1, 0, 4, 4, 0), KiloVar, Number, "Average reactive demand, export, running period";
    ReactiveDemandExportAvgLast, "reactive_demand_export_avg_last", (1, 0, 4, 5, 0), KiloVar, Number, "Average reactive demand, export, last period";
    ApparentDemandImportAvgCurrent, "apparent_demand_import_avg_current", (1, 0, 9, 4, 0), KiloVoltAmpere, Number, "Average apparent demand, import, running period";
    ApparentDemandImportAvgLast, "apparent_demand_import_avg_last", (1, 0, 9, 5, 0), KiloVoltAmpere, Number, "Average apparent demand, import, last period";
    ApparentDemandExportAvgCurrent, "apparent_demand_export_avg_current", (1, 0, 10, 4, 0), KiloVoltAmpere, Number, "Average apparent demand, export, running period";
    ApparentDemandExportAvgLast, "apparent_demand_export_avg_last", (1, 0, 10, 5, 0), KiloVoltAmpere, Number, "Average apparent demand, export, last period";
    DemandImportAvgPeriod, "demand_import_avg_period", (1, 0, 1, 24, 0), KiloWatt, Number, "Average demand, import, over the averaging period";
    DemandAbsoluteAvgPeriod, "demand_absolute_avg_period", (1, 0, 15, 24, 0), KiloWatt, Number, "Average demand, total, over the averaging period";
    DemandNetAvgPeriod, "demand_net_avg_period", (1, 0, 16, 24, 0), KiloWatt, Number, "Average demand, net, over the averaging period";
    CtRatio, "ct_ratio", (1, 0, 0, 4, 2), One, Number, "Current transformer ratio";
    VtRatio, "vt_ratio", (1, 0, 0, 4, 3), One, Number, "Voltage transformer ratio";
    AveragePeriod, "average_period", (1, 0, 0, 8, 2), Second, Number, "Averaging period";
    PowerFailures, "power_failures", (0, 0, 96, 7, 21), One, Counter, "Power failures";
    LongPowerFailures, "long_power_failures", (0, 0, 96, 7, 9), One, Counter, "Long power failures";
    VoltageSagsL1, "voltage_sags_l1", (1, 0, 32, 32, 0), One, Counter, "Voltage sags, phase L1";
    VoltageSwellsL1, "voltage_swells_l1", (1, 0, 32, 36, 0), One, Counter, "Voltage swells, phase L1";
    VoltageSagsL2, "voltage_sags_l2", (1, 0, 52, 32, 0), One, Counter, "Voltage sags, phase L2";
    VoltageSwellsL2, "voltage_swells_l2", (1, 0, 52, 36, 0), One, Counter, "Voltage swells, phase L2";
    VoltageSagsL3, "voltage_sags_l3", (1, 0, 72, 32, 0), One, Counter, "Voltage sags, phase L3";
    VoltageSwellsL3, "voltage_swells_l3", (1, 0, 72, 36, 0), One, Counter, "Voltage swells, phase L3";
    LimiterThreshold, "limiter_threshold", (0, 0, 17, 0, 0), KiloWatt, Limit, "Power limit";
    DemandImportMax, "demand_import_max", (1, 0, 1, 6, 0), KiloWatt, Peak, "Highest demand of the month, import";
    DemandExportMax, "demand_export_max", (1, 0, 2, 6, 0), KiloWatt, Peak, "Highest demand of the month, export";
    P1Version, "p1_version", (1, 3, 0, 2, 8), One, Text, "Version of the P1 standard";
    P1VersionBe, "p1_version_be", (0, 0, 96, 1, 4), One, Text, "Version of e-MUCS-P1";
    MeterId, "meter_id", (0, 0, 96, 1, 1), One, Id, "Equipment identifier";
    MeterIdAlt, "meter_id_alt", (0, 0, 96, 1, 0), One, Id, "Equipment identifier, second form";
    LogicalDeviceName, "logical_device_name", (0, 0, 42, 0, 0), One, Id, "COSEM logical device name";
    Ean, "ean", (0, 0, 96, 1, 2), One, Id, "EAN of the connection";
    GridConfiguration, "grid_configuration", (1, 0, 94, 32, 1), One, Text, "Grid configuration";
    Tariff, "tariff", (0, 0, 96, 14, 0), One, Tariff, "Active tariff";
    Breaker, "breaker", (0, 0, 96, 3, 10), One, Switch, "Breaker";
    Relay1, "relay_1", (0, 1, 96, 3, 10), One, Switch, "Relay 1";
    Relay2, "relay_2", (0, 2, 96, 3, 10), One, Switch, "Relay 2";
    Relay3, "relay_3", (0, 3, 96, 3, 10), One, Switch, "Relay 3";
    Relay4, "relay_4", (0, 4, 96, 3, 10), One, Switch, "Relay 4";
    BreakerState, "breaker_state", (0, 0, 96, 50, 68), One, Switch, "Breaker state";
    MessageCode, "message_code", (0, 0, 96, 13, 1), One, Message, "Message code";
    MessageText, "message_text", (0, 0, 96, 13, 0), One, Message, "Text message";
    MessageConsumer2, "message_consumer_2", (0, 0, 96, 13, 2), One, Message, "Message for consumer 2";
    MessageConsumer3, "message_consumer_3", (0, 0, 96, 13, 3), One, Message, "Message for consumer 3";
    MessageConsumer4, "message_consumer_4", (0, 0, 96, 13, 4), One, Message, "Message for consumer 4";
    MessageConsumer5, "message_consumer_5", (0, 0, 96, 13, 5), One, Message, "Message for consumer 5";
    PowerFailureLog, "power_failure_log", (1, 0, 99, 97, 0), One, Profile, "Log of long power failures";
    DemandPeakHistory, "demand_peak_history", (0, 0, 98, 1, 0), One, Profile, "Peaks of past months";
    MonthEndEnergies, "month_end_energies", (0, 0, 98, 1, 1), One, Profile, "Energies at the ends of past months";
    LoadProfile, "load_profile", (1, 0, 99, 1, 0), One, Profile, "Load profile of the last interval";
    CurrentLimits, "current_limits", (1, 1, 31, 4, 0), One, Profile, "Current limits";
    FirmwareCore, "firmware_core", (1, 0, 0, 2, 0), One, Text, "Firmware of the core";
    FirmwareCoreSignature, "firmware_core_signature", (1, 0, 0, 2, 8), One, Text, "Signature of the core's firmware";
    FirmwareModule, "firmware_module", (1, 1, 0, 2, 0), One, Text, "Firmware of the module";
    FirmwareModuleSignature, "firmware_module_signature", (1, 1, 0, 2, 8), One, Text, "Signature of the module's firmware";
    ClockTime, "clock_time", (1, 0, 0, 9, 1), One, Clock, "Clock time";
    ClockDate, "clock_date", (1, 0, 0, 9, 2), One, Clock, "Clock date";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique() {
        for (i, register) in REGISTERS.iter().enumerate() {
            assert_eq!(register.field as usize, i);
            assert_eq!(Field::from_name(register.name), Some(register.field));
            assert_eq!(Field::from_obis(register.obis), Some(register.field));
            for other in &REGISTERS[i + 1..] {
                assert_ne!(register.obis, other.obis, "{} and {}", register.name, other.name);
                assert_ne!(register.name, other.name);
            }
        }
    }

    #[test]
    fn codes_are_compared_exactly() {
        assert_eq!(Field::from_obis(Obis::new(0, 0, 96, 14, 1)), Some(Field::Tariff));
        assert_eq!(Field::from_obis(Obis::new(1, 0, 1, 8, 11)), Some(Field::EnergyImportT11));
        assert_eq!(Field::from_obis(Obis::new(1, 1, 1, 8, 1)), None);
        assert_eq!(Field::from_obis(Obis::new(255, 255, 255, 255, 255)), None);
    }
}
