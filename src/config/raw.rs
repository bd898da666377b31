//! The configuration as typed: the file with a place for every key, and the environment laid over it.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Key, Table};
use super::report::{Origin, Report, nearest};
use super::value::quote;

/// A value as typed. It has no `Debug`, since it may be a password.
#[derive(Clone)]
pub(super) enum Typed {
    /// A string of the file.
    Text(String),
    /// A whole number of the file, in decimal digits.
    Integer(String),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Typed>),
    /// Something no key takes, by its name.
    Other(&'static str),
    /// What an environment variable holds: text whatever the key takes.
    Variable(String),
}

impl Typed {
    /// For messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(text) | Self::Variable(text) => quote(text),
            Self::Integer(number) => number.clone(),
            Self::Bool(truth) => truth.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// A key that somebody set.
pub(super) struct Entry {
    pub(super) key: &'static Key,
    pub(super) typed: Typed,
    pub(super) origin: Origin,
}

/// A table with the keys that somebody set.
pub(super) struct Section {
    pub(super) table: Table,
    /// Counted from 0, of tables that can stand several times.
    pub(super) index: Option<usize>,
    pub(super) origin: Origin,
    pub(super) entries: Vec<Entry>,
}

impl Section {
    fn new(table: Table, index: Option<usize>, origin: Origin) -> Self {
        Self { table, index, origin, entries: Vec::new() }
    }

    /// A key, if somebody set it.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    /// The text of a key as it was typed.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match &self.entry(name)?.typed {
            Typed::Text(text) | Typed::Variable(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads the file and the environment. None when the text is not TOML: nothing further can be said then.
pub(super) fn read(text: &str, env: &[(String, String)], report: &mut Report) -> Option<Vec<Section>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let origin = error.span().map_or(Origin::Default, |span| place(text, span.start));
        report.problem(
            &origin,
            "",
            format_args!("this is not TOML: {}", error.message().replace('\n', "; ")),
        );
    }
    if !errors.is_empty() {
        return None;
    }
    let mut sections = Vec::new();
    for (name, value) in document.get_ref() {
        let origin = place(text, name.span().start);
        read_table(text, name.get_ref(), &origin, value, &mut sections, report);
    }
    overlay(env, &mut sections, report);
    for table in Table::ALL.into_iter().filter(|table| !table.repeated()) {
        if !sections.iter().any(|section| section.table == table) {
            sections.push(Section::new(table, None, Origin::Default));
        }
    }
    sections.sort_by_key(|section| (section.table, section.index));
    Some(sections)
}

/// Line and column of a byte, both from 1.
fn place(text: &str, byte: usize) -> Origin {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Origin::File { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

fn read_table(
    text: &str,
    name: &str,
    origin: &Origin,
    value: &Spanned<DeValue<'_>>,
    sections: &mut Vec<Section>,
    report: &mut Report,
) {
    let Some(table) = Table::ALL.into_iter().find(|table| table.name() == name) else {
        report.problem(origin, &shown(name), unknown_at_top(name));
        return;
    };
    match value.get_ref() {
        DeValue::Table(entries) if !table.repeated() => {
            sections.push(read_section(text, table, None, origin.clone(), entries, report));
        }
        DeValue::Array(items) if table.repeated() => {
            for (index, item) in items.iter().enumerate() {
                let origin = place(text, item.span().start);
                match item.get_ref() {
                    DeValue::Table(entries) => {
                        sections.push(read_section(text, table, Some(index), origin, entries, report));
                    }
                    _ => report.problem(
                        &origin,
                        name,
                        format_args!("this is no table; write {}", table.header()),
                    ),
                }
            }
        }
        _ => {
            let several =
                if table.repeated() { ", since there can be several" } else { ", since there is only one" };
            report.problem(origin, name, format_args!("write the table as {}{several}", table.header()));
            // Its keys are looked at all the same, so that one slip does not hide the next.
            if let (DeValue::Table(entries), true) = (value.get_ref(), table.repeated()) {
                sections.push(read_section(text, table, Some(0), origin.clone(), entries, report));
            }
        }
    }
}

fn unknown_at_top(name: &str) -> String {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return format!("this key stands outside of its table; it belongs under {}", key.table.header());
    }
    match nearest(name, Table::ALL.map(Table::name)) {
        Some(near) => format!("unknown table; did you mean `{near}`?"),
        None => format!("unknown table; there are {}", Table::ALL.map(Table::header).join(", ")),
    }
}

fn read_section(
    text: &str,
    table: Table,
    index: Option<usize>,
    origin: Origin,
    entries: &DeTable<'_>,
    report: &mut Report,
) -> Section {
    let mut section = Section::new(table, index, origin);
    for (name, value) in entries {
        let origin = place(text, name.span().start);
        match keys::find(table, name.get_ref()) {
            Some(key) => section.entries.push(Entry { key, typed: typed(value.get_ref()), origin }),
            None => {
                let shown = shown(name.get_ref());
                let path = match index {
                    Some(index) => format!("{}[{index}].{shown}", table.name()),
                    None => format!("{}.{shown}", table.name()),
                };
                report.problem(&origin, &path, unknown_key(table, name.get_ref()));
            }
        }
    }
    section
}

/// A key that is not ours, as a message can have it: what needs quotes in the file has them here.
fn shown(name: &str) -> String {
    let bare = name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare && !name.is_empty() { name.to_owned() } else { quote(name) }
}

/// What people of other programs write, and what it is here.
const ELSEWHERE: &[(Table, &str, &str)] = &[
    (Table::Mqtt, "host", "write it as url = \"mqtt://HOST:PORT\""),
    (Table::Mqtt, "server", "write it as url = \"mqtt://HOST:PORT\""),
    (Table::Mqtt, "port", "write it as url = \"mqtt://HOST:PORT\""),
    (Table::Mqtt, "user", "here it is `username`"),
    (Table::Mqtt, "retain", "state is always retained"),
    (Table::Meter, "port", "here it is `source`"),
    (Table::Meter, "device", "here it is `source`"),
    (Table::Meter, "baudrate", "here it is `line`, such as \"115200 8N1\""),
    (Table::Store, "file", "here it is `path`"),
];

fn unknown_key(table: Table, name: &str) -> String {
    if let Some((_, _, hint)) = ELSEWHERE.iter().find(|(at, word, _)| *at == table && *word == name) {
        return format!("unknown key; {hint}");
    }
    match nearest(name, table.keys().map(|key| key.name)) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = table.keys().map(|key| key.name).collect();
            format!("unknown key; {} has {}", table.header(), names.join(", "))
        }
    }
}

fn typed(value: &DeValue<'_>) -> Typed {
    match value {
        DeValue::String(text) => Typed::Text(text.to_string()),
        DeValue::Integer(number) => Typed::Integer(
            i128::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| number.to_string(), |number| number.to_string()),
        ),
        DeValue::Boolean(truth) => Typed::Bool(*truth),
        DeValue::Array(items) => Typed::List(items.iter().map(|item| typed(item.get_ref())).collect()),
        DeValue::Float(_) => Typed::Other("a decimal number"),
        DeValue::Datetime(_) => Typed::Other("a date or time"),
        DeValue::Table(_) => Typed::Other("a table"),
    }
}

/// Variables that begin like ours and are no keys: they belong to the command line and to tests.
const NOT_KEYS: &[&str] =
    &["DSMRD_CONFIG", "DSMRD_CORPUS", "DSMRD_GOLDEN", "DSMRD_HISTORIES", "DSMRD_KILLS", "DSMRD_UPDATE"];

/// Lays the environment over the file. An empty variable counts as not set.
fn overlay(env: &[(String, String)], sections: &mut Vec<Section>, report: &mut Report) {
    let mut found: Vec<(Table, Option<usize>, &'static Key, &str, &str)> = Vec::new();
    for (variable, value) in env {
        if !variable.starts_with("DSMRD_") || NOT_KEYS.contains(&variable.as_str()) || value.is_empty() {
            continue;
        }
        match parse_variable(variable) {
            Variable::Key(table, index, key) => found.push((table, index, key, variable, value)),
            Variable::UnknownKey(table, index, name) => {
                let message = match nearest(&name, table.keys().map(|key| key.name)) {
                    Some(near) => {
                        let near = keys::find(table, near).map(|key| key.variable(index)).unwrap_or_default();
                        format!("unknown key; did you mean {near}?")
                    }
                    None => unknown_key(table, &name),
                };
                report.problem(&Origin::Environment(variable.clone()), "", message);
            }
            Variable::Unknown => {
                let near = KEYS
                    .iter()
                    .map(|key| key.variable(key.table.repeated().then_some(0)))
                    .collect::<Vec<_>>();
                let message = match nearest(variable, near.iter().map(String::as_str)) {
                    Some(near) => format!("no key has this variable, so it is ignored; did you mean {near}?"),
                    None => "no key has this variable, so it is ignored".to_owned(),
                };
                report.warning(&Origin::Environment(variable.clone()), "", message);
            }
        }
    }
    // In the order of their indexes, so that several tables can come from the environment alone.
    found.sort_by_key(|(table, index, ..)| (*table, *index));
    for (table, index, key, variable, value) in found {
        let origin = Origin::Environment(variable.to_owned());
        let there = sections.iter().filter(|section| section.table == table).count();
        let section = match sections
            .iter()
            .position(|section| section.table == table && section.index == index)
        {
            Some(at) => &mut sections[at],
            None if index.is_none_or(|index| index == there) => {
                sections.push(Section::new(table, index, origin.clone()));
                let last = sections.len() - 1;
                &mut sections[last]
            }
            None => {
                let next = key.variable(Some(there));
                report.problem(
                    &origin,
                    "",
                    format_args!("the tables {} are counted from 0 and the next is {next}", table.header()),
                );
                continue;
            }
        };
        section.entries.retain(|entry| entry.key.name != key.name);
        section.entries.push(Entry { key, typed: Typed::Variable(value.to_owned()), origin });
    }
}

enum Variable {
    Key(Table, Option<usize>, &'static Key),
    UnknownKey(Table, Option<usize>, String),
    Unknown,
}

fn parse_variable(variable: &str) -> Variable {
    let rest = variable.trim_start_matches("DSMRD_").to_lowercase();
    for table in Table::ALL {
        let Some(rest) = rest.strip_prefix(table.name()).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        let (index, name) = if table.repeated() {
            let Some((index, name)) = rest.split_once('_') else { continue };
            let Ok(index) = index.parse::<usize>() else { continue };
            (Some(index), name)
        } else {
            (None, rest)
        };
        return match keys::find(table, name) {
            Some(key) => Variable::Key(table, index, key),
            None => Variable::UnknownKey(table, index, name.to_owned()),
        };
    }
    Variable::Unknown
}

/// Whether the environment says enough to do without a file: a source for the first meter.
pub(super) fn stands_alone(env: &[(String, String)]) -> bool {
    env.iter().any(|(variable, value)| variable == "DSMRD_METER_0_SOURCE" && !value.is_empty())
}

/// What people see first when there is no meter.
pub(super) const NO_METER: &str = "there is no [[meter]]; write at least one, for example\n    \
     [[meter]]\n    name = \"home\"\n    source = \"/dev/ttyUSB0\"";

/// The place of the file itself.
pub(super) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
