//! Every key of the configuration, once: what it means, what it takes, what it is when it is not set.
//!
//! Reading the file, the names of the environment variables, the sample, `config show`, the help and
//! the man page `dsmrd.toml(5)` all follow [`KEYS`] (`rows`) and [`Table`] (`tables`). A new key is one row there and
//! one line where [`mod@super::resolve`] uses it.

mod rows;
mod tables;

use std::time::Duration;

use crate::meter::Country;

pub use rows::KEYS;
pub use tables::Table;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One level of a topic.
    Name,
    /// Text that is not empty.
    Text,
    /// Text that is never shown.
    Secret,
    /// A key of 128 bits in hex digits; it is never shown.
    MeterKey,
    /// Where to listen: an address and a port.
    Listen,
    /// A path, relative to the file.
    Path,
    /// A length of time between the two, whole milliseconds.
    Duration(Duration, Duration),
    /// A whole number between the two.
    Integer(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of some of these words.
    Choices(&'static [&'static str]),
    /// Where telegrams come from.
    Source,
    /// Where a broker listens.
    Broker,
    /// A name of the IANA time zone database.
    TimeZone,
    /// What topics begin with.
    Prefix,
    /// A topic that may have placeholders in braces.
    Topic,
    /// A price in the currency, exactly as written; `false` takes none below zero.
    Price(bool),
    /// A share of a hundred, with its sign: `21%`.
    Percent,
    /// A day of the calendar.
    Day,
    /// A code of ISO 4217.
    Currency,
    /// A time of the day.
    TimeOfDay,
    /// A program and its arguments, which may be secret and are never shown.
    Command,
    /// A list of fields of the layout dsmr-reader with the names they have instead.
    Mappings,
}

/// What a key is when it is not set.
#[derive(Clone, Copy, Debug)]
pub enum Unset {
    /// It must be set.
    Required,
    /// This, as the file would have it.
    Value(&'static str),
    /// Made from the rest, as the sentence says.
    Derived(&'static str),
    /// Nothing.
    Nothing,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The table it stands in.
    pub table: Table,
    /// Its name in the file.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when it is not set.
    pub unset: Unset,
    /// A believable value that is not the default, as the file would have it.
    pub example: &'static str,
    /// What it means, in plain sentences.
    pub doc: &'static str,
}

impl Key {
    /// Its path for people: `store.path`, or `mqtt[1].url` for the second broker.
    pub fn path(&self, index: Option<usize>) -> String {
        format!("{}.{}", self.table.path(index), self.name)
    }

    /// The environment variable that overrides it: `DSMRD_STORE_PATH`, `DSMRD_MQTT_1_URL`,
    /// `DSMRD_METER_0_SHARE_LISTEN`.
    pub fn variable(&self, index: Option<usize>) -> String {
        let place = self.table.path(index).replace(['[', '.'], "_").replace(']', "");
        format!("DSMRD_{place}_{}", self.name).to_uppercase()
    }
}

/// The key of a table by its name.
pub fn find(table: Table, name: &str) -> Option<&'static Key> {
    table.keys().find(|key| key.name == name)
}

/// Line settings by their names in the file, `auto` first.
pub const LINES: &[&str] = &["auto", "115200 8N1", "9600 7E1", "115200 7E1", "115200 8E1"];
/// Countries by their names in the file, `auto` first.
pub const COUNTRIES: &[&str] = &{
    let mut words = ["auto"; Country::ALL.len() + 1];
    let mut at = 0;
    while at < Country::ALL.len() {
        words[at + 1] = Country::ALL[at].code();
        at += 1;
    }
    words
};
/// What a share sends of encrypted telegrams, by the names in the file.
pub const ENCRYPTED: &[&str] = &["decrypted", "untouched"];
/// Layouts by their names in the file.
pub const LAYOUTS: &[&str] = &["dsmrd", "dsmr-reader"];
/// Payload formats by their names in the file.
pub const PAYLOADS: &[&str] = &["value", "value-timestamp", "json"];
/// Log levels by their names in the file.
pub const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
/// Log formats by their names in the file.
pub const FORMATS: &[&str] = &["text", "json"];
/// What a table of dynamic prices prices, by the names in the file.
pub const DYNAMIC: &[&str] = &["import", "export", "gas"];
/// What a topic's prices are of, by the names in the file.
pub const PRICE_KINDS: &[&str] = &["electricity", "electricity-export", "gas"];
/// What a topic's prices are a price of, by the names in the file.
pub const PRICE_UNITS: &[&str] = &["kWh", "MWh", "m3"];
