//! One value: from what was typed to what it means, and back to how the file would have it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::{Date, Time};

use super::backup;
use super::keys::Kind;
use super::mapping;
use super::money;
use super::raw::Typed;
use super::topic;
use super::url::{self, BrokerUrl, ListenAt};
use crate::mqtt::Secret;
use crate::p1::Decimal;
use crate::p1::cipher::Key;
use crate::publish::Mapping;
use crate::source::SourceUrl;

/// A value that is right for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Secret(Secret),
    MeterKey(Key),
    Listen(ListenAt),
    Path(PathBuf),
    Duration(Duration),
    Integer(u64),
    Bool(bool),
    Choice(&'static str),
    Choices(Vec<&'static str>),
    Source(SourceUrl),
    Broker(BrokerUrl),
    Price(Decimal),
    Percent(Decimal),
    Day(Date),
    Mappings(Vec<Mapping>),
    TimeOfDay(Time),
    Command(Vec<String>),
}

impl Value {
    /// As the file would have it; a secret has no such form.
    pub(super) fn to_toml(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => string(text),
            Self::Secret(_) | Self::MeterKey(_) | Self::Command(_) => return None,
            Self::Listen(at) => string(&at.to_string()),
            Self::Path(path) => string(&path.to_string_lossy()),
            Self::Duration(duration) => string(&print_duration(*duration)),
            Self::Integer(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Choice(word) => string(word),
            Self::Choices(words) => {
                format!("[{}]", words.iter().map(|word| string(word)).collect::<Vec<_>>().join(", "))
            }
            Self::Source(url) => string(&url::print_source(url)),
            Self::Broker(url) => string(&url.to_string()),
            Self::Price(price) => price.to_string(),
            Self::Percent(fraction) => string(&money::print_percent(*fraction)),
            Self::Day(day) => string(&day.to_string()),
            Self::TimeOfDay(time) => string(&backup::print_time(*time)),
            Self::Mappings(mappings) => {
                format!(
                    "[{}]",
                    mappings.iter().map(|m| string(&mapping::print(m))).collect::<Vec<_>>().join(", ")
                )
            }
        })
    }
}

/// A basic string of TOML, on one line.
pub(super) fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Text for a message: in quotes, on one line, and no longer than a message should be.
pub(super) fn quote(text: &str) -> String {
    string(&shorten(text))
}

/// Text no longer than a message should be.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads what was typed for a key of this kind. The error says what is wrong and what would be right.
/// `folder` is what relative paths are relative to.
pub(super) fn read(kind: Kind, typed: &Typed, folder: &Path) -> Result<Value, String> {
    match kind {
        Kind::Name => topic::name(text(typed, "a name")?).map(Value::Text),
        Kind::Text => plain(text(typed, "text")?).map(Value::Text),
        Kind::Secret => secret(typed).map(|secret| Value::Secret(Secret::new(secret))),
        Kind::MeterKey => meter_key(typed).map(Value::MeterKey),
        Kind::Listen => listen(typed).map(Value::Listen),
        Kind::Path => path(text(typed, "a path")?, folder).map(Value::Path),
        Kind::Duration(least, most) => duration(typed, least, most).map(Value::Duration),
        Kind::Integer(least, most) => integer(typed, least, most).map(Value::Integer),
        Kind::Bool => boolean(typed).map(Value::Bool),
        Kind::Choice(known) => choice(text(typed, "one word")?, known).map(Value::Choice),
        Kind::Choices(known) => choices(typed, known).map(Value::Choices),
        Kind::Source => url::parse_source(text(typed, "a source")?, folder).map(Value::Source),
        Kind::Broker => url::parse_broker(text(typed, "a url")?).map(Value::Broker),
        Kind::TimeZone => time_zone(text(typed, "a time zone")?).map(Value::Text),
        Kind::Prefix => topic::prefix(text(typed, "a topic prefix")?).map(Value::Text),
        Kind::Topic => topic::name_of_topic(text(typed, "a topic")?).map(Value::Text),
        Kind::Price(negative) => money::price(typed, negative).map(Value::Price),
        Kind::Percent => money::percent(typed).map(Value::Percent),
        Kind::Day => money::day(typed).map(Value::Day),
        Kind::Currency => money::currency(text(typed, "a currency's code")?).map(Value::Text),
        Kind::Mappings => mapping::read(typed).map(Value::Mappings),
        Kind::TimeOfDay => backup::time(typed).map(Value::TimeOfDay),
        Kind::Command => backup::command(typed).map(Value::Command),
    }
}

pub(super) fn text<'a>(typed: &'a Typed, wanted: &str) -> Result<&'a str, String> {
    match typed {
        Typed::Text(text) | Typed::Variable(text) => Ok(text),
        Typed::Integer(_) | Typed::Float(_) | Typed::Date(_) => {
            Err(format!("{} where {wanted} belongs; put it in quotes", typed.describe()))
        }
        _ => Err(format!("{} where {wanted} in quotes belongs", typed.describe())),
    }
}

fn plain(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; write something, or leave the key out".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it has a control character in it; write printable text".to_owned());
    }
    if text.len() > 65_535 {
        return Err("it is too long; MQTT has room for 65535 bytes".to_owned());
    }
    Ok(text.to_owned())
}

/// Never tells what was typed, since that may be the secret.
fn secret(typed: &Typed) -> Result<String, String> {
    match typed {
        Typed::Text(text) | Typed::Variable(text) if text.is_empty() => {
            Err("it is empty; write the password, or leave the key out".to_owned())
        }
        Typed::Text(text) | Typed::Variable(text) if text.len() > 65_535 => {
            Err("it is too long; MQTT has room for 65535 bytes".to_owned())
        }
        Typed::Text(text) | Typed::Variable(text) => Ok(text.clone()),
        _ => Err("it is not text; put the password in quotes".to_owned()),
    }
}

/// Never tells what was typed either.
fn meter_key(typed: &Typed) -> Result<Key, String> {
    match typed {
        Typed::Text(text) | Typed::Variable(text) => text.parse::<Key>().map_err(|error| {
            let hint = if text.contains('/') { "; to name a file, write key_file" } else { "" };
            format!("{error}{hint}")
        }),
        _ => Err("it is not text; put the 32 hex digits in quotes".to_owned()),
    }
}

fn listen(typed: &Typed) -> Result<ListenAt, String> {
    match typed {
        Typed::Integer(port) => {
            Err(format!("a port alone; write the address too, such as \"0.0.0.0:{port}\""))
        }
        typed => url::parse_listen(text(typed, "an address with a port")?),
    }
}

fn path(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("it is not a path; write one such as \"/etc/dsmrd/file\"".to_owned());
    }
    Ok(folder.join(text))
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `1h`, `90s`, `1h30m`; a number alone is seconds.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<u64>() {
        return seconds.checked_mul(1000).map(Duration::from_millis);
    }
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        millis = millis.checked_add(number.checked_mul(*factor)?)?;
        rest = rest[letters..].trim_start();
    }
    (!text.trim().is_empty()).then(|| Duration::from_millis(millis))
}

/// In the largest unit that gives a whole number.
pub(super) fn print_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| millis >= *factor && millis % factor == 0)
        .copied()
        .unwrap_or(("s", 1_000));
    format!("{}{unit}", millis / factor)
}

fn duration(typed: &Typed, least: Duration, most: Duration) -> Result<Duration, String> {
    let shape = "write a number and its unit in quotes, such as \"500ms\", \"60s\", \"2m\", \"1h\" or \"1d\"";
    let parsed = match typed {
        Typed::Text(text) | Typed::Variable(text) => parse_duration(text),
        Typed::Integer(number) => parse_duration(number),
        _ => None,
    };
    let duration = parsed.ok_or_else(|| format!("{} is not a length of time; {shape}", typed.describe()))?;
    if duration < least || duration > most {
        let (least, most) = (print_duration(least), print_duration(most));
        return Err(format!("{} is out of range; it can be from {least} to {most}", typed.describe()));
    }
    Ok(duration)
}

fn integer(typed: &Typed, least: u64, most: u64) -> Result<u64, String> {
    let parsed = match typed {
        Typed::Integer(text) | Typed::Variable(text) => text.trim().parse::<u64>().ok(),
        _ => None,
    };
    parsed.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        format!("{} does not fit; write a whole number from {least} to {most}", typed.describe())
    })
}

fn boolean(typed: &Typed) -> Result<bool, String> {
    match typed {
        Typed::Bool(truth) => Ok(*truth),
        Typed::Variable(text) if text == "true" || text == "1" => Ok(true),
        Typed::Variable(text) if text == "false" || text == "0" => Ok(false),
        Typed::Text(text) if text == "true" || text == "false" => {
            Err(format!("{} is text; write {text} without quotes", typed.describe()))
        }
        _ => Err(format!("{} where true or false belongs", typed.describe())),
    }
}

fn choice(text: &str, known: &'static [&'static str]) -> Result<&'static str, String> {
    known.iter().find(|word| word.eq_ignore_ascii_case(text.trim())).copied().ok_or_else(|| {
        let list = known.join(", ");
        match super::report::nearest(text, known.iter().copied()) {
            Some(near) => {
                format!("unknown value {}; did you mean {}? It can be {list}", quote(text), quote(near))
            }
            None => format!("unknown value {}; it can be {list}", quote(text)),
        }
    })
}

fn choices(typed: &Typed, known: &'static [&'static str]) -> Result<Vec<&'static str>, String> {
    let shape = || format!("write a list such as [{}]", quote(known[0]));
    let words: Vec<&str> = match typed {
        Typed::List(items) => items
            .iter()
            .map(|item| match item {
                Typed::Text(text) => Ok(text.as_str()),
                other => Err(format!("{} in the list; {}", other.describe(), shape())),
            })
            .collect::<Result<_, _>>()?,
        Typed::Variable(text) => text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect(),
        _ => return Err(format!("{} where a list belongs; {}", typed.describe(), shape())),
    };
    if words.is_empty() {
        return Err(format!("the list is empty; it can have {}", known.join(", ")));
    }
    let mut chosen = Vec::new();
    for word in words {
        let word = choice(word, known)?;
        if chosen.contains(&word) {
            return Err(format!("{} stands in the list twice; write it once", quote(word)));
        }
        chosen.push(word);
    }
    Ok(chosen)
}

fn time_zone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(zone) => Ok(zone.iana_name().unwrap_or(text).to_owned()),
        Err(_) => {
            Err(format!("unknown time zone {}; write a name such as \"Europe/Amsterdam\"", quote(text)))
        }
    }
}
