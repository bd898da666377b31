//! The tables of the file.

use super::{KEYS, Key};

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// `[[meter]]`, one for each meter.
    Meter,
    /// `[meter.share]`, one below each `[[meter]]`.
    Share,
    /// `[store]`.
    Store,
    /// `[backup]`.
    Backup,
    /// `[[mqtt]]`, one for each broker.
    Mqtt,
    /// `[prices]`.
    Prices,
    /// `[[contract]]`, one for each contract with a supplier.
    Contract,
    /// `[log]`.
    Log,
    /// `[process]`.
    Process,
}

impl Table {
    /// In the order of the sample.
    pub const ALL: [Self; 9] = [
        Self::Meter,
        Self::Share,
        Self::Store,
        Self::Backup,
        Self::Mqtt,
        Self::Prices,
        Self::Contract,
        Self::Log,
        Self::Process,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meter => "meter",
            Self::Share => "share",
            Self::Store => "store",
            Self::Backup => "backup",
            Self::Mqtt => "mqtt",
            Self::Prices => "prices",
            Self::Contract => "contract",
            Self::Log => "log",
            Self::Process => "process",
        }
    }

    /// The table it stands in, which has one of it each time.
    pub fn parent(self) -> Option<Self> {
        (self == Self::Share).then_some(Self::Meter)
    }

    /// The table that stands in it.
    pub fn child(self) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.parent() == Some(self))
    }

    /// Whether the file may have several of it, told apart by an index: its own, or that of its parent.
    pub fn repeated(self) -> bool {
        matches!(self, Self::Meter | Self::Share | Self::Mqtt | Self::Contract)
    }

    /// Its line in the file.
    pub fn header(self) -> String {
        match self.parent() {
            Some(parent) => format!("[{}.{}]", parent.name(), self.name()),
            None if self.repeated() => format!("[[{}]]", self.name()),
            None => format!("[{}]", self.name()),
        }
    }

    /// What stands in front of its keys for people: `store`, `mqtt[1]`, `meter[0].share`.
    pub fn path(self, index: Option<usize>) -> String {
        let place = |table: Self| match index {
            Some(index) => format!("{}[{index}]", table.name()),
            None => table.name().to_owned(),
        };
        match self.parent() {
            Some(parent) => format!("{}.{}", place(parent), self.name()),
            None => place(self),
        }
    }

    /// What it is for, in plain sentences.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Meter => "A meter. Repeat the table for each further one.",
            Self::Share => {
                "The telegrams of the meter above for other readers (Home Assistant, evcc, DSMR-reader), over TCP, as \
                 ser2net would send them. It stands below the [[meter]] that it belongs to."
            }
            Self::Store => "The record: every reading is kept in SQLite.",
            Self::Backup => {
                "Backups of the record, made while dsmrd runs: one file each, compressed, read back before it counts. \
                 dsmrd restore puts one in the place of the record. Each is the whole record, and while it is made \
                 the folder takes twice that: a folder on the SD card that the record is on wears that card and dies \
                 with it. Better is a USB stick, a disk, or a share of another machine. dsmrd's user must be able to \
                 write there; under systemd the folder also belongs in ReadWritePaths= (systemctl edit dsmrd)."
            }
            Self::Mqtt => {
                "A broker to publish to. Repeat the table for each further one; without any, nothing is published."
            }
            Self::Prices => "What energy costs, apart from the contracts.",
            Self::Contract => {
                "A contract with a supplier: what energy costs, and from when to when. Repeat the table for each further \
                 one, past ones too: a change counts for the past as well. Contracts for one meter do not overlap; days \
                 without one have no costs. Prices are a kWh, for gas and water a m³, for heat and cooling a GJ, with \
                 everything that is paid for it: taxes, fees and value-added tax."
            }
            Self::Log => "The log, on standard error.",
            Self::Process => "The process itself.",
        }
    }

    /// How it may look, for people to copy from; empty where the keys say enough.
    pub fn example(self) -> &'static str {
        match self {
            Self::Contract => CONTRACTS,
            _ => "",
        }
    }

    /// Its keys.
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.table == self)
    }
}

/// Contracts as people have them.
const CONTRACTS: &str = r#"# The Netherlands: two tariffs, gas, a fixed amount a day.
[[contract]]
name = "Stroom en gas 2026"
start = 2026-01-01
end = 2027-01-01        # the first day on which it no longer holds
import_t1 = 0.2412      # tariff 1 is the low one in the Netherlands
import_t2 = 0.2631
export_t1 = 0.2412      # salderen: what is given is set off, so it earns what taking costs;
export_t2 = 0.2631      # from 2027 on it has a price of its own
feed_in = 0.0150        # terugleverkosten: what one pays for each kWh that is given
gas = 1.2795
fixed = 0.6841          # a day: supply and grid, less the tax that is given back

# The market's price by the hour, for what is taken and what is given.
[[contract]]
name = "Dynamic 2027"
start = 2027-01-01
dynamic = ["import", "export"]
dynamic_markup_import = 0.12599
dynamic_markup_export = -0.0150
dynamic_vat = "21%"
dynamic_vat_export = "0%"
import = 0.25           # counts for hours of which no price is known
export = 0.05
gas = 1.2795
fixed = -0.85           # below zero where more is given back than is taken

# Belgium: tariff 1 is the high one, what is given follows the market, and the peaks of the months cost.
[[contract]]
name = "Energie 2026"
start = 2026-01-01
import_t1 = 0.3127
import_t2 = 0.2719
dynamic = ["export"]
dynamic_markup_export = -0.0130
export = 0.0421
capacity = 51.92        # a kW of the mean of twelve months' peaks, a year
"#;
