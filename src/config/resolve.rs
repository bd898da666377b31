//! From what was typed to what it means: defaults, derived values, and what must agree between keys.

use std::io;
use std::path::Path;

use super::broker;
use super::keys::{Key, Table, Unset};
use super::raw::{self, Section, Typed};
use super::report::{ConfigError, Origin, Report};
use super::settings::{LogFormat, LogSettings, MeterSettings, Settings};
use super::value::{self, Value};
use crate::source::{Line, LineSettings, SourceSettings, SourceUrl};
use crate::store::StoreSettings;

/// What the configuration wants to know of the machine.
pub struct Facts<'a> {
    /// Its name, with or without the domain.
    pub hostname: String,
    /// What tells it from every other machine, such as `/etc/machine-id`; never shown as it is.
    pub machine_id: String,
    /// Its files.
    pub files: &'a dyn Files,
}

/// The files that a configuration names.
pub trait Files {
    /// Everything in a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether a file is there and can be read; recordings are too large to read for that.
    fn can_read(&self, path: &Path) -> io::Result<()>;
    /// Whether users who are neither owner nor group can read it.
    fn is_open_to_all(&self, path: &Path) -> bool;
}

/// A key with the value it has and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The key.
    pub key: &'static Key,
    /// Which of several tables, from 0.
    pub index: Option<usize>,
    /// The value as the file would have it; none for a secret, and for a key that has no value.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table && self.name == other.name
    }
}

impl Eq for Key {}

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// Every key of every table, in the order of the sample.
    pub resolved: Vec<Resolved>,
    /// What is worth knowing, each with its place.
    pub warnings: Vec<String>,
}

/// Resolves a configuration. `file` is for messages, and relative paths are relative to it; `env` is the
/// whole environment, from which variables that begin with `DSMRD_` are taken.
///
/// # Errors
///
/// Every problem at once, each with its place and what would be right.
pub fn resolve(
    text: &str,
    file: &Path,
    env: &[(String, String)],
    facts: &Facts<'_>,
) -> Result<Loaded, ConfigError> {
    let mut report = Report::new(file);
    let mut resolved = Vec::new();
    let settings = raw::read(text, env, &mut report).and_then(|sections| {
        let context = Context { file, env, facts };
        all(&sections, &context, &mut report, &mut resolved)
    });
    let clean = report.is_clean();
    let (mut problems, warnings) = report.finish();
    match settings {
        Some(settings) if clean => Ok(Loaded { settings, resolved, warnings }),
        _ => {
            if problems.is_empty() {
                problems.push(format!("{}: a value is missing", file.display()));
            }
            Err(ConfigError { problems })
        }
    }
}

/// What stays the same for all tables.
pub(super) struct Context<'a> {
    pub(super) file: &'a Path,
    pub(super) env: &'a [(String, String)],
    pub(super) facts: &'a Facts<'a>,
}

fn all(
    sections: &[Section],
    context: &Context<'_>,
    report: &mut Report,
    resolved: &mut Vec<Resolved>,
) -> Option<Settings> {
    let of = |table| sections.iter().filter(move |section| section.table == table);

    // A macro rather than a closure, since each reader borrows the report anew.
    macro_rules! reader {
        ($section:expr) => {
            &mut Reader { section: $section, context, report, resolved }
        };
    }
    let hostname = of(Table::Process).next().and_then(|section| hostname(reader!(section)));
    let watchdog = of(Table::Process).next().and_then(|section| reader!(section).duration("watchdog"));
    let meters: Vec<Option<MeterSettings>> =
        of(Table::Meter).map(|section| meter(reader!(section))).collect();
    let store = of(Table::Store).next().and_then(|section| store(reader!(section)));
    let log = of(Table::Log).next().and_then(|section| log(reader!(section)));
    let known: Vec<MeterSettings> = meters.iter().flatten().cloned().collect();
    let all_known = known.len() == meters.len();
    let hostname = hostname.unwrap_or_default();
    let brokers: Vec<Option<_>> = of(Table::Mqtt)
        .map(|section| broker::resolve(reader!(section), &hostname, &known, all_known))
        .collect();

    if meters.is_empty() {
        report.problem(&Origin::Default, "", raw::NO_METER);
    }
    twice(sections, Table::Meter, "name", |_| true, report);
    twice(sections, Table::Meter, "source", |typed| !typed.starts_with("simulate:"), report);
    twice(sections, Table::Mqtt, "name", |_| true, report);
    broker::same_client(sections, &brokers, report);

    resolved.sort_by_key(|row| {
        let place = super::keys::KEYS.iter().position(|key| key == row.key);
        (row.key.table, row.index, place)
    });
    Some(Settings {
        meters: meters.into_iter().collect::<Option<_>>()?,
        store: store?,
        mqtt: brokers.into_iter().collect::<Option<_>>()?,
        log: log?,
        watchdog: watchdog?,
    })
}

/// Reports a value that must be unlike in all tables of a kind and is not, with both places.
fn twice(sections: &[Section], table: Table, name: &str, counts: fn(&str) -> bool, report: &mut Report) {
    let mut seen: Vec<(&str, &Origin)> = Vec::new();
    for section in sections.iter().filter(|section| section.table == table) {
        let Some(entry) = section.entries.iter().find(|entry| entry.key.name == name) else { continue };
        let (Typed::Text(text) | Typed::Variable(text)) = &entry.typed else { continue };
        if !counts(text) {
            continue;
        }
        match seen.iter().find(|(earlier, _)| earlier == text) {
            Some((_, first)) => report.problem(
                &entry.origin,
                &entry.key.path(section.index),
                format_args!(
                    "{} is taken already ({first}); each {} needs its own",
                    value::quote(text),
                    table.header()
                ),
            ),
            None => seen.push((text, &entry.origin)),
        }
    }
}

/// Reads the keys of one table: what is set, else the default; problems go to the report.
pub(super) struct Reader<'a, 'b> {
    pub(super) section: &'a Section,
    pub(super) context: &'a Context<'b>,
    pub(super) report: &'a mut Report,
    resolved: &'a mut Vec<Resolved>,
}

impl Reader<'_, '_> {
    /// Where a key was set.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.section
            .entries
            .iter()
            .find(|entry| entry.key.name == name)
            .map_or(Origin::Default, |e| e.origin.clone())
    }

    /// Whether somebody set it.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.section.entries.iter().any(|entry| entry.key.name == name)
    }

    /// A problem with a key, at the place where it was set, else where its table begins.
    pub(super) fn problem(&mut self, name: &str, message: impl std::fmt::Display) {
        let (origin, path) = self.place(name);
        self.report.problem(&origin, &path, message);
    }

    /// Something worth knowing of a key.
    pub(super) fn warning(&mut self, name: &str, message: impl std::fmt::Display) {
        let (origin, path) = self.place(name);
        self.report.warning(&origin, &path, message);
    }

    fn place(&self, name: &str) -> (Origin, String) {
        let origin = if self.is_set(name) { self.origin(name) } else { self.section.origin.clone() };
        (origin, self.key(name).path(self.section.index))
    }

    fn key(&self, name: &str) -> &'static Key {
        super::keys::find(self.section.table, name).expect("only keys of the table are asked for")
    }

    /// The value of a key, and its row in the list of what was resolved.
    fn value(&mut self, name: &str) -> Option<Value> {
        let key = self.key(name);
        let folder = raw::folder(self.context.file);
        let entry = self.section.entries.iter().find(|entry| entry.key == key);
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
                    other => unreachable!("{name} is not read as what it is: {other:?}"),
                }
            })*
        }
    };
}

typed_reads! {
    text: Text => String;
    secret: Secret => String;
    path: Path => std::path::PathBuf;
    duration: Duration => std::time::Duration;
    integer: Integer => u64;
    truth: Bool => bool;
    choice: Choice => &'static str;
    choices: Choices => Vec<&'static str>;
    source: Source => SourceUrl;
    broker: Broker => super::url::BrokerUrl;
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
        _ => Typed::Integer(toml.to_owned()),
    }
}

fn hostname(reader: &mut Reader<'_, '_>) -> Option<String> {
    let machine = reader.context.facts.hostname.clone();
    reader.text("hostname").or_else(|| reader.derive_text("hostname", machine))
}

fn meter(reader: &mut Reader<'_, '_>) -> Option<MeterSettings> {
    let name = reader.text("name");
    let url = reader.source("source");
    let line = reader.choice("line");
    let max_telegram = reader.integer("max_telegram");
    let silence = reader.duration("silence");
    let timezone = reader.text("timezone");
    if let (Some(url), Some(line)) = (&url, line)
        && line != "auto"
        && !matches!(url, SourceUrl::Serial(_))
    {
        reader.warning("line", "only a serial port has a line setting; it is ignored");
    }
    if let Some(SourceUrl::File(path)) = &url
        && let Err(error) = reader.context.facts.files.can_read(path)
    {
        let message = format!("cannot read {}: {error}; name a recording that is there", path.display());
        reader.problem("source", message);
    }
    let source = SourceSettings {
        url: url?,
        line: line_settings(line?),
        max_telegram: usize::try_from(max_telegram?).unwrap_or(usize::MAX),
        silence: silence?,
        timezone: timezone?,
    };
    Some(MeterSettings { name: name?, source })
}

fn line_settings(name: &str) -> Line {
    match name {
        "115200 8N1" => Line::Fixed(LineSettings::M115200_8N1),
        "9600 7E1" => Line::Fixed(LineSettings::M9600_7E1),
        "115200 7E1" => Line::Fixed(LineSettings::M115200_7E1),
        "115200 8E1" => Line::Fixed(LineSettings::M115200_8E1),
        _ => Line::Auto,
    }
}

fn store(reader: &mut Reader<'_, '_>) -> Option<StoreSettings> {
    let path = reader.path("path");
    let sync_interval = reader.duration("sync_interval");
    Some(StoreSettings { path: path?, sync_interval: sync_interval? })
}

fn log(reader: &mut Reader<'_, '_>) -> Option<LogSettings> {
    let level = reader.choice("level").map(|level| match level {
        "error" => tracing::Level::ERROR,
        "warn" => tracing::Level::WARN,
        "debug" => tracing::Level::DEBUG,
        "trace" => tracing::Level::TRACE,
        _ => tracing::Level::INFO,
    });
    let format = reader
        .choice("format")
        .map(|format| if format == "json" { LogFormat::Json } else { LogFormat::Text });
    Some(LogSettings { level: level?, format: format? })
}
