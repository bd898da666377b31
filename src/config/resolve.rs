//! From what was typed to what it means: defaults, derived values, and what must agree between keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backup;
use super::broker;
use super::contract;
use super::keys::{Key, Table};
use super::meter;
use super::raw::{self, Section};
use super::reader::Reader;
use super::report::{ConfigError, Origin, Report};
use super::settings::{LogFormat, LogSettings, MeterSettings, PriceSettings, Settings};
use crate::source::SourceUrl;
use crate::store::{Retention, StoreSettings};

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
    /// Whether this is an ordinary file: no device, no folder, and there.
    fn is_regular(&self, path: &Path) -> bool;
    /// A name for the disk that a file or folder is on, or will be; none where that is not known.
    fn disk_of(&self, _path: &Path) -> Option<String> {
        None
    }
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
            Err(ConfigError { problems, warnings })
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
    let machine = hostname.as_deref().unwrap_or(&context.facts.hostname);
    let mut meters: Vec<Option<MeterSettings>> =
        of(Table::Meter).map(|section| meter::resolve(reader!(section))).collect();
    let shares: Vec<Option<_>> = of(Table::Share)
        .zip(&meters)
        .map(|(section, meter)| meter::share(reader!(section), meter.as_ref(), machine))
        .collect();
    let listens: Vec<_> =
        shares.iter().map(|share| share.as_ref().map(|(listen, _)| listen.clone())).collect();
    meter::same_port(sections, &listens, report);
    for (meter, share) in meters.iter_mut().zip(shares) {
        if let Some(meter) = meter {
            meter.share = share.map(|(_, settings)| settings);
        }
    }
    let store = of(Table::Store).next().and_then(|section| store(reader!(section)));
    let tail = of(Table::Store).next().and_then(|section| tail(reader!(section)));
    let retention = of(Table::Store).next().and_then(|section| retention(reader!(section)));
    let zone = meters.iter().flatten().next().map(|meter| meter.source.zone_name().to_owned());
    let backup = of(Table::Backup)
        .next()
        .and_then(|section| backup::resolve(reader!(section), machine, zone.as_deref(), store.as_ref()));
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
    let currency = of(Table::Prices).next().and_then(|section| contract::currency(reader!(section)));
    let contracts: Vec<Option<_>> = of(Table::Contract)
        .map(|section| contract::resolve(reader!(section), currency.as_deref(), &known, all_known))
        .collect();
    // With one left out for a problem of its own, what the others say of each other waits.
    let contracts: Option<Vec<_>> = contracts.into_iter().collect();
    if let Some(contracts) = &contracts {
        contract::overlapping(sections, contracts, report);
    }

    let typed = |table, name| of(table).map(|section| section.text(name)).collect::<Vec<_>>();
    twice(sections, Table::Meter, "name", &typed(Table::Meter, "name"), report);
    twice(sections, Table::Mqtt, "name", &typed(Table::Mqtt, "name"), report);
    twice(sections, Table::Contract, "name", &typed(Table::Contract, "name"), report);
    // Simulated meters do not get in each other's way, even with equal seeds.
    let real = |meter: &&MeterSettings| !matches!(meter.source.url, SourceUrl::Simulate { .. });
    let sources: Vec<Option<&SourceUrl>> =
        meters.iter().map(|meter| meter.as_ref().filter(real).map(|meter| &meter.source.url)).collect();
    twice(sections, Table::Meter, "source", &sources, report);
    broker::same_client(sections, &brokers, report);

    resolved.sort_by_key(|row| {
        let place = super::keys::KEYS.iter().position(|key| key == row.key);
        // A table within another comes right behind it.
        (row.key.table.parent().unwrap_or(row.key.table), row.index, row.key.table, place)
    });
    Some(Settings {
        meters: meters.into_iter().collect::<Option<_>>()?,
        store: store?,
        tail,
        retention: retention?,
        backup: backup?,
        mqtt: brokers.into_iter().collect::<Option<_>>()?,
        prices: PriceSettings { currency: currency?, contracts: contract::sorted(contracts?) },
        log: log?,
        watchdog: watchdog?,
    })
}

/// Reports a value that must be unlike in all tables of a kind and is not, with both places. None is a value that
/// does not count.
fn twice<T: PartialEq>(
    sections: &[Section],
    table: Table,
    name: &str,
    values: &[Option<T>],
    report: &mut Report,
) {
    let sections: Vec<&Section> = sections.iter().filter(|section| section.table == table).collect();
    for (at, value) in values.iter().enumerate() {
        let first = values[..at].iter().position(|earlier| earlier.is_some() && earlier == value);
        let both = first.and_then(|first| Some((sections[first].entry(name)?, sections[at].entry(name)?)));
        let Some((first, entry)) = both else { continue };
        let (shown, first, header) = (entry.typed.describe(), &first.origin, table.header());
        let message = format!("{shown} is taken already ({first}); each {header} needs its own");
        report.problem(&entry.origin, &entry.key.path(sections[at].index), message);
    }
}

fn hostname(reader: &mut Reader<'_, '_>) -> Option<String> {
    let machine = reader.context.facts.hostname.clone();
    reader.text("hostname").or_else(|| reader.derive_text("hostname", machine))
}

/// Syncs that come faster than this are told what they cost.
const BRISK: Duration = Duration::from_secs(60);

fn store(reader: &mut Reader<'_, '_>) -> Option<StoreSettings> {
    let path = reader.path("path");
    let sync_interval = reader.duration("sync_interval");
    if sync_interval.is_some_and(|interval| interval < BRISK) {
        reader.warning(
            "sync_interval",
            "each sync wears the card with some 20 kB, whatever is in it: at one a minute 30 MB a day, at one a second \
             1.8 GB; \"4m\" is easy on it, and costs no reading when dsmrd is killed",
        );
    }
    Some(StoreSettings { path: path?, sync_interval: sync_interval? })
}

fn retention(reader: &mut Reader<'_, '_>) -> Option<Retention> {
    let mut days = |name| -> Option<Option<u32>> {
        if !reader.is_set(name) {
            reader.derive_nothing(name);
            return Some(None);
        }
        Some(Some(u32::try_from(reader.integer(name)?).unwrap_or(u32::MAX)))
    };
    let (raw_days, minute_days) = (days("raw_days")?, days("minute_days")?);
    if minute_days.is_some_and(|minutes| raw_days.is_none_or(|raw| minutes <= raw)) {
        reader.problem("minute_days", "minutes are made of readings first: set raw_days too, to fewer days");
        return None;
    }
    Some(Retention { raw_days, minute_days })
}

fn tail(reader: &mut Reader<'_, '_>) -> Option<PathBuf> {
    if !reader.is_set("tail") {
        reader.derive_nothing("tail");
        return None;
    }
    reader.path("tail")
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
