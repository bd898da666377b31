//! The configuration as typed: the file with a place for every key; the environment is laid over it.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment;
use super::keys::{self, KEYS, Key, Table};
use super::report::{Origin, Report, nearest};
use super::value::{quote, shorten};

/// A value as typed. It has no `Debug`, since it may be a password.
#[derive(Clone)]
pub(super) enum Typed {
    /// A string of the file.
    Text(String),
    /// A whole number of the file, in decimal digits.
    Integer(String),
    /// A decimal number of the file, letter by letter.
    Float(String),
    /// A date or time of the file, letter by letter.
    Date(String),
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
            Self::Integer(text) | Self::Float(text) | Self::Date(text) => shorten(text),
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
    pub(super) fn new(table: Table, index: Option<usize>, origin: Origin) -> Self {
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
            format_args!(
                "this is not TOML: {}{}",
                error.message().replace('\n', "; "),
                error.span().map_or("", |span| decimal_comma(text, span.start)),
            ),
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
    environment::overlay(env, &mut sections, report);
    for table in Table::ALL.into_iter().filter(|table| !table.repeated()) {
        if !sections.iter().any(|section| section.table == table) {
            sections.push(Section::new(table, None, Origin::Default));
        }
    }
    complete_children(&mut sections);
    sections.sort_by_key(|section| (section.table, section.index));
    Some(sections)
}

/// What helps somebody whose language writes 0,25.
fn decimal_comma(text: &str, byte: usize) -> &'static str {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let text = text.as_bytes();
    let comma = byte > 0 && text.get(byte) == Some(&b',');
    if comma && is_digit(text.get(byte - 1)) && is_digit(text.get(byte + 1)) {
        "; a number has a point where this has a comma"
    } else {
        ""
    }
}

/// Every table that can have another within has it, set or not.
fn complete_children(sections: &mut Vec<Section>) {
    let has = |sections: &[Section], table, index| {
        sections.iter().any(|section| section.table == table && section.index == index)
    };
    let missing: Vec<Section> = sections
        .iter()
        .filter_map(|section| {
            let child = section.table.child().filter(|&child| !has(sections, child, section.index))?;
            Some(Section::new(child, section.index, section.origin.clone()))
        })
        .collect();
    sections.extend(missing);
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
    let at_top = |table: &Table| table.parent().is_none() && table.name() == name;
    let Some(table) = Table::ALL.into_iter().find(at_top) else {
        report.problem(origin, &shown(name), unknown_at_top(name));
        return;
    };
    match value.get_ref() {
        DeValue::Table(entries) if !table.repeated() => {
            read_section(text, table, None, origin.clone(), entries, sections, report);
        }
        DeValue::Array(items) if table.repeated() => {
            for (index, item) in items.iter().enumerate() {
                let origin = place(text, item.span().start);
                match item.get_ref() {
                    DeValue::Table(entries) => {
                        read_section(text, table, Some(index), origin, entries, sections, report);
                    }
                    _ => report.problem(
                        &origin,
                        name,
                        format_args!("this is no table; write {}", table.header()),
                    ),
                }
            }
        }
        DeValue::Table(entries) if only_child(table, entries).is_some() => {
            let child = only_child(table, entries).map(Table::header).unwrap_or_default();
            let message =
                format!("{child} stands before the {} that it belongs to; move it below", table.header());
            report.problem(origin, name, message);
        }
        _ => {
            let several =
                if table.repeated() { ", since there can be several" } else { ", since there is only one" };
            report.problem(origin, name, format_args!("write the table as {}{several}", table.header()));
            // Its keys are looked at all the same, so that one slip does not hide the next.
            if let (DeValue::Table(entries), true) = (value.get_ref(), table.repeated()) {
                read_section(text, table, Some(0), origin.clone(), entries, sections, report);
            }
        }
    }
}

/// The table within, when there is nothing else.
fn only_child(table: Table, entries: &DeTable<'_>) -> Option<Table> {
    let child = table.child()?;
    entries.keys().all(|name| name.get_ref() == child.name()).then_some(child)
}

fn unknown_at_top(name: &str) -> String {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return format!("this key stands outside of its table; it belongs under {}", key.table.header());
    }
    if let Some((child, parent)) = Table::ALL
        .iter()
        .find_map(|child| Some((child, child.parent()?)))
        .filter(|(child, _)| child.name() == name)
    {
        return format!(
            "write the table as {}, below the {} that it belongs to",
            child.header(),
            parent.header()
        );
    }
    match nearest(name, Table::ALL.map(Table::name)) {
        Some(near) => format!("unknown table; did you mean `{near}`?"),
        None => format!("unknown table; there are {}", Table::ALL.map(Table::header).join(", ")),
    }
}

/// Reads a table, and the one within.
fn read_section(
    text: &str,
    table: Table,
    index: Option<usize>,
    origin: Origin,
    entries: &DeTable<'_>,
    sections: &mut Vec<Section>,
    report: &mut Report,
) {
    let mut section = Section::new(table, index, origin);
    for (name, value) in entries {
        let origin = place(text, name.span().start);
        if let Some(child) = table.child().filter(|child| name.get_ref() == child.name()) {
            match value.get_ref() {
                DeValue::Table(entries) => {
                    read_section(text, child, index, origin, entries, sections, report);
                }
                _ => {
                    let message = format!("write the table as {}, since there is only one", child.header());
                    report.problem(&origin, &child.path(index), message);
                }
            }
            continue;
        }
        match keys::find(table, name.get_ref()) {
            Some(key) => section.entries.push(Entry { key, typed: typed(value.get_ref()), origin }),
            None => {
                let path = format!("{}.{}", table.path(index), shown(name.get_ref()));
                report.problem(&origin, &path, unknown_key(table, name.get_ref()));
            }
        }
    }
    sections.push(section);
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
    (Table::Meter, "decryption_key", "here it is `key`, or better `key_file`"),
    (Table::Meter, "authentication_key", "here it is `auth_key`, or better `auth_key_file`"),
    (Table::Share, "port", "write it as listen = \"0.0.0.0:PORT\""),
    (Table::Share, "host", "write it as listen = \"ADDRESS:PORT\""),
    (Table::Share, "address", "write it as listen = \"ADDRESS:PORT\""),
    (Table::Store, "file", "here it is `path`"),
    (Table::Contract, "from", "here it is `start`"),
    (Table::Contract, "until", "here it is `end`, the first day on which it no longer holds"),
    (Table::Contract, "price", "here it is `import`, and `export` for what is given"),
    (Table::Contract, "vat", "prices have it in them already; of dynamic prices it is `dynamic_vat`"),
    (Table::Contract, "currency", "it belongs under [prices], for all contracts"),
    (Table::Contract, "electricity_delivered_1_price", "here it is `import_t1`"),
    (Table::Contract, "electricity_delivered_2_price", "here it is `import_t2`"),
    (Table::Contract, "electricity_returned_1_price", "here it is `export_t1`"),
    (Table::Contract, "electricity_returned_2_price", "here it is `export_t2`"),
    (Table::Contract, "gas_price", "here it is `gas`"),
    (Table::Contract, "fixed_daily_cost", "here it is `fixed`"),
];

pub(super) fn unknown_key(table: Table, name: &str) -> String {
    if let Some((_, _, hint)) = ELSEWHERE.iter().find(|(at, word, _)| *at == table && *word == name) {
        return format!("unknown key; {hint}");
    }
    let relative = [table.parent(), table.child()]
        .into_iter()
        .flatten()
        .find(|&other| keys::find(other, name).is_some());
    if let Some(relative) = relative {
        return format!("it belongs under {}, not under {}", relative.header(), table.header());
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
        DeValue::Float(number) => Typed::Float(number.as_str().to_owned()),
        DeValue::Datetime(date) => Typed::Date(date.to_string()),
        DeValue::Table(_) => Typed::Other("a table"),
    }
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
