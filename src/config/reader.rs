//! Reads one table key by key, and keeps the list of what every key came to.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Time};

use super::keys::{self, Key, Unset};
use super::raw::{self, Section, Typed};
use super::report::{Origin, Report};
use super::resolve::{Context, Resolved};
use super::url::{BrokerUrl, ListenAt};
use super::value::{self, Value};
use crate::mqtt::Secret;
use crate::p1::Decimal;
use crate::p1::cipher::Key as MeterKey;
use crate::publish::Mapping;
use crate::source::SourceUrl;

/// Reads the keys of one table: what is set, else the default; problems go to the report.
pub(super) struct Reader<'a, 'b> {
    pub(super) section: &'a Section,
    pub(super) context: &'a Context<'b>,
    pub(super) report: &'a mut Report,
    pub(super) resolved: &'a mut Vec<Resolved>,
}

impl Reader<'_, '_> {
    /// Where a key was set.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.section.entry(name).map_or(Origin::Default, |e| e.origin.clone())
    }

    /// Whether somebody set it.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.section.entry(name).is_some()
    }

    /// A problem with a key, at the place where it was set, else where its table begins.
    pub(super) fn problem(&mut self, name: &str, message: impl fmt::Display) {
        let (origin, path) = self.place(name);
        self.report.problem(&origin, &path, message);
    }

    /// Something worth knowing of a key.
    pub(super) fn warning(&mut self, name: &str, message: impl fmt::Display) {
        let (origin, path) = self.place(name);
        self.report.warning(&origin, &path, message);
    }

    fn place(&self, name: &str) -> (Origin, String) {
        let origin = if self.is_set(name) { self.origin(name) } else { self.section.origin.clone() };
        (origin, self.key(name).path(self.section.index))
    }

    fn key(&self, name: &str) -> &'static Key {
        keys::find(self.section.table, name).expect("only keys of the table are asked for")
    }

    /// The value of a key, and its row in the list of what was resolved.
    fn value(&mut self, name: &str) -> Option<Value> {
        let key = self.key(name);
        let folder = raw::folder(self.context.file);
        let entry = self.section.entry(name);
        let (typed, origin) = match (entry, key.unset) {
            (Some(entry), _) => (entry.typed.clone(), entry.origin.clone()),
            (None, Unset::Value(default)) => (default_of(default), Origin::Default),
            (None, Unset::Required) => {
                let message = format!("it is missing; write {} = {}", key.name, key.example);
                self.problem(name, message);
                return None;
            }
            (None, Unset::Derived(_)) => return None,
            (None, Unset::Nothing) => {
                self.record(key, None, Origin::Default);
                return None;
            }
        };
        match value::read(key.kind, &typed, folder) {
            Ok(value) => {
                self.record(key, value.to_toml(), origin);
                Some(value)
            }
            Err(message) => {
                self.problem(name, message);
                None
            }
        }
    }

    fn record(&mut self, key: &'static Key, value: Option<String>, origin: Origin) {
        self.resolved.push(Resolved { key, index: self.section.index, value, origin });
    }

    /// Says what a key is that nobody set and that is made from the rest. What somebody set wrongly stays a problem.
    pub(super) fn derive(&mut self, name: &str, value: Value) -> Option<Value> {
        if self.is_set(name) {
            return None;
        }
        self.record(self.key(name), value.to_toml(), Origin::Default);
        Some(value)
    }

    /// Says that a key that nobody set comes to nothing here.
    pub(super) fn derive_nothing(&mut self, name: &str) {
        self.record(self.key(name), None, Origin::Default);
    }

    /// As [`Self::derive`], for text.
    pub(super) fn derive_text(&mut self, name: &str, text: String) -> Option<String> {
        self.derive(name, Value::Text(text.clone())).map(|_| text)
    }

    /// Puts another value in the list of what was resolved, where a value is completed by others.
    pub(super) fn complete(&mut self, name: &str, value: &Value) {
        let (key, index) = (self.key(name), self.section.index);
        if let Some(row) = self.resolved.iter_mut().find(|row| row.key == key && row.index == index) {
            row.value = value.to_toml();
        }
    }
}

macro_rules! typed_reads {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        impl Reader<'_, '_> {
            $($(#[$doc])* pub(super) fn $name(&mut self, name: &str) -> Option<$type> {
                match self.value(name)? {
                    Value::$variant(value) => Some(value),
                    // The kind in the table of keys decides the variant; a test reads every key.
                    _ => unreachable!("{name} is not read as what it is"),
                }
            })*
        }
    };
}

typed_reads! {
    text: Text => String;
    secret: Secret => Secret;
    meter_key: MeterKey => MeterKey;
    listen: Listen => ListenAt;
    path: Path => PathBuf;
    duration: Duration => Duration;
    integer: Integer => u64;
    truth: Bool => bool;
    choice: Choice => &'static str;
    choices: Choices => Vec<&'static str>;
    source: Source => SourceUrl;
    broker: Broker => BrokerUrl;
    price: Price => Decimal;
    percent: Percent => Decimal;
    day: Day => Date;
    mappings: Mappings => Vec<Mapping>;
    time_of_day: TimeOfDay => Time;
    command: Command => Vec<String>;
}

/// The default of a key, from its form in the table of keys.
fn default_of(toml: &'static str) -> Typed {
    let words = |text: &str| {
        text.split(',').map(|word| Typed::Text(word.trim().trim_matches('"').to_owned())).collect()
    };
    match (toml.strip_prefix('"'), toml.strip_prefix('[')) {
        (Some(text), _) => Typed::Text(text.trim_end_matches('"').to_owned()),
        (_, Some(list)) => Typed::List(words(list.trim_end_matches(']'))),
        _ if toml == "true" || toml == "false" => Typed::Bool(toml == "true"),
        _ if toml.contains('.') => Typed::Float(toml.to_owned()),
        _ => Typed::Integer(toml.to_owned()),
    }
}
