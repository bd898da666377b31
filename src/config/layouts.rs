//! The layouts of one `[[mqtt]]` table, and whose topics are whose.

use super::broker::fingerprint;
use super::mapping;
use super::reader::Reader;
use super::settings::MeterSettings;
use super::value::quote;
use crate::publish::{Discovery, LayoutSettings, Mapping, PayloadFormat};

/// What the rest of the table and the meters say, as far as it is right.
pub(super) struct Around<'a> {
    /// What the topics of the layout dsmrd begin with.
    pub(super) prefix: Option<&'a str>,
    pub(super) client_id: Option<&'a str>,
    pub(super) status_topic: Option<&'a str>,
    pub(super) status_online: Option<&'a str>,
    pub(super) status_offline: Option<&'a str>,
    pub(super) prices_topic: Option<&'a str>,
    pub(super) meters: &'a [MeterSettings],
    /// Whether `meters` is all of them: with one left out for a problem of its own, a name that is not among them may
    /// still be right.
    pub(super) all_meters: bool,
}

/// Resolves them.
pub(super) fn resolve(reader: &mut Reader<'_, '_>, around: &Around<'_>) -> Option<Vec<LayoutSettings>> {
    let chosen = reader.choices("layouts");
    let has = |layout: &str| chosen.as_ref().is_none_or(|chosen| chosen.contains(&layout));
    let payload = reader.choice("payload").map(|payload| match payload {
        "json" => PayloadFormat::Json,
        "value-timestamp" => PayloadFormat::ValueTimestamp,
        _ => PayloadFormat::Value,
    });
    let shown = dsmr_reader_meter(reader, around);
    let discovery = discovery(reader, around, has("dsmrd"));
    let other = dsmr_reader(reader, has("dsmr-reader"));
    let places = Places {
        native: around.prefix.filter(|_| has("dsmrd")),
        dsmr_reader: other.as_ref().filter(|_| has("dsmr-reader")).map(|(prefix, _)| prefix.as_str()),
        home_assistant: discovery.as_ref().map_or("homeassistant", |discovery| &discovery.prefix),
        around,
    };
    if places.prefixes(reader) {
        places.topics(reader);
    }
    if let (Some((prefix, mappings)), true) = (&other, has("dsmr-reader")) {
        for problem in mapping::check(mappings, prefix, |topic| places.whose(topic)) {
            reader.problem("dsmr_reader_mapping", problem);
        }
    }
    let twice = discovery.as_ref().is_some_and(|discovery| discovery.enabled) && !reader.is_set("discovery");
    if twice && places.native.is_some() && places.dsmr_reader == Some("dsmr") {
        let message = "Home Assistant finds what the layout dsmrd has by itself, so with its integration of \
                       DSMR-reader it has every value twice; write discovery = false, or discovery = true to have both";
        reader.warning("layouts", message);
    }
    let withdrawn = || -> Option<LayoutSettings> {
        Some(LayoutSettings::Withdrawn { prefix: around.prefix?.to_owned(), discovery: discovery.clone()? })
    };
    let withdrawn = if has("dsmrd") { None } else { Some(withdrawn()) };
    chosen?
        .into_iter()
        .map(|layout| match layout {
            "dsmr-reader" => {
                let (prefix, mapping) = other.clone()?;
                shown.map(|meter| LayoutSettings::DsmrReader {
                    meter: meter.name.clone(),
                    timezone: meter.source.zone_name().to_owned(),
                    prefix,
                    mapping,
                })
            }
            _ => Some(LayoutSettings::Native {
                prefix: around.prefix?.to_owned(),
                payload: payload?,
                discovery: discovery.clone()?,
            }),
        })
        .chain(withdrawn)
        .collect()
}

/// The meter that the layout dsmr-reader shows.
fn dsmr_reader_meter<'a>(reader: &mut Reader<'_, '_>, around: &Around<'a>) -> Option<&'a MeterSettings> {
    let meters = around.meters;
    match reader.text("dsmr_reader_meter") {
        Some(name) => {
            let found = meters.iter().find(|meter| meter.name == name);
            if found.is_none() && around.all_meters {
                reader.problem("dsmr_reader_meter", no_meter(&name, meters));
            }
            found
        }
        None => meters.first().inspect(|meter| {
            reader.derive_text("dsmr_reader_meter", meter.name.clone());
        }),
    }
}

/// A name that no meter has.
pub(super) fn no_meter(name: &str, meters: &[MeterSettings]) -> String {
    let known: Vec<&str> = meters.iter().map(|meter| meter.name.as_str()).collect();
    format!("there is no meter {}; there is {}", quote(name), known.join(", "))
}

/// The level of our documents among those of others. One client of a broker is one installation, and stays it when its
/// topics move: with another prefix the same documents are written anew, and entities stay what they are.
fn node(reader: &Reader<'_, '_>, around: &Around<'_>) -> Option<String> {
    Some(format!("dsmrd_{}", fingerprint(reader, around.client_id?)))
}

/// How Home Assistant learns of the layout dsmrd; `used` tells whether there is that layout.
fn discovery(reader: &mut Reader<'_, '_>, around: &Around<'_>, used: bool) -> Option<Discovery> {
    if !used {
        for name in ["discovery", "discovery_prefix"] {
            if !reader.is_set(name) {
                reader.derive_nothing(name);
                continue;
            }
            let off = if name == "discovery" { reader.truth(name) } else { reader.text(name).map(|_| true) };
            if off == Some(true) {
                reader.warning(
                    name,
                    "Home Assistant learns of the layout dsmrd alone, which is not there; it is ignored",
                );
            }
        }
        let prefix = match reader.is_set("discovery_prefix") {
            true => reader.text("discovery_prefix")?,
            false => Discovery::off().prefix,
        };
        return Some(Discovery { prefix, node: node(reader, around)?, ..Discovery::off() });
    }
    let enabled = reader.truth("discovery");
    let prefix = reader.text("discovery_prefix");
    Some(Discovery {
        enabled: enabled?,
        prefix: prefix?,
        node: node(reader, around)?,
        status_topic: around.status_topic?.to_owned(),
        status_online: around.status_online?.to_owned(),
        status_offline: around.status_offline?.to_owned(),
        meters: around.meters.iter().map(|meter| meter.name.clone()).collect(),
    })
}

/// Prefix and mapping of the layout dsmr-reader; `used` tells whether there is that layout.
fn dsmr_reader(reader: &mut Reader<'_, '_>, used: bool) -> Option<(String, Vec<Mapping>)> {
    const IGNORED: &str = "the layout dsmr-reader is not there; it is ignored";
    let prefix = if used || reader.is_set("dsmr_reader_prefix") {
        reader.text("dsmr_reader_prefix")
    } else {
        reader.derive_nothing("dsmr_reader_prefix");
        None
    };
    let mapping = reader.mappings("dsmr_reader_mapping");
    for name in ["dsmr_reader_prefix", "dsmr_reader_mapping"] {
        if !used && reader.is_set(name) {
            reader.warning(name, IGNORED);
        }
    }
    Some((prefix?, mapping.unwrap_or_default()))
}

/// Who publishes where on one broker.
struct Places<'a> {
    /// What the topics of the layout dsmrd begin with, where it is chosen.
    native: Option<&'a str>,
    /// What those of the layout dsmr-reader begin with, where it is chosen.
    dsmr_reader: Option<&'a str>,
    /// What those of Home Assistant's discovery begin with.
    home_assistant: &'a str,
    around: &'a Around<'a>,
}

/// Whether a topic is a prefix, or below it.
fn is_below(topic: &str, prefix: &str) -> bool {
    topic.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Places<'_> {
    /// Prefixes keep out of what others have. Whether ours does, without which nothing can be said of topics within.
    fn prefixes(&self, reader: &mut Reader<'_, '_>) -> bool {
        let mut fine = true;
        let home_assistant = self.home_assistant;
        if let Some(prefix) = self.around.prefix {
            if is_below(prefix, "dsmr") {
                let message =
                    "Home Assistant takes everything under dsmr/ for DSMR-reader; choose another prefix";
                reader.warning("prefix", message);
            }
            if let Some(theirs) =
                [home_assistant, "homeassistant"].into_iter().find(|theirs| is_below(prefix, theirs))
            {
                let message = format!(
                    "Home Assistant's own topics begin with {theirs}; choose another prefix, such as dsmrd"
                );
                reader.problem("prefix", message);
                fine = false;
            } else if self.native.is_some() && is_below(home_assistant, prefix) {
                let message =
                    format!("our own topics begin with {}; write Home Assistant's prefix", quote(prefix));
                reader.problem("discovery_prefix", message);
            }
        }
        let Some(prefix) = self.dsmr_reader else { return fine };
        if is_below(prefix, home_assistant) {
            let message = format!(
                "Home Assistant's own topics begin with {home_assistant}; choose another prefix, such as dsmr"
            );
            reader.problem("dsmr_reader_prefix", message);
        } else if self.native == Some(prefix) {
            let message =
                "the topics of the layout dsmrd begin with the same; choose another prefix, such as dsmr";
            reader.problem("dsmr_reader_prefix", message);
        } else if let Some(whose) = self.native.and_then(|native| self.meter_of(prefix, native)) {
            let message = format!("{} lies {whose}; choose another prefix, such as dsmr", quote(prefix));
            reader.problem("dsmr_reader_prefix", message);
        }
        fine
    }

    /// Single topics keep out of what others have.
    fn topics(&self, reader: &mut Reader<'_, '_>) {
        let around = self.around;
        for (name, topic, native, such) in [
            ("status_topic", around.status_topic, around.prefix, "dsmrd/status"),
            ("prices_topic", around.prices_topic, self.native, "energy/prices"),
        ] {
            let Some(topic) = topic else { continue };
            if self.is_home_assistants(topic) {
                let message =
                    format!("Home Assistant tells its own state there; choose another topic, such as {such}");
                reader.problem(name, message);
            } else if let Some(whose) = native.and_then(|native| self.meter_of(topic, native)) {
                reader
                    .problem(name, format_args!("{} lies {whose}; write one outside of them", quote(topic)));
            } else if self.dsmr_reader.is_some_and(|prefix| mapping::is_default(topic, prefix)) {
                let message = format!(
                    "{} is a topic of the layout dsmr-reader; write one such as {such}",
                    quote(topic)
                );
                reader.problem(name, message);
            }
        }
        if around.prices_topic.is_some() && around.prices_topic == around.status_topic {
            reader.problem(
                "prices_topic",
                "we tell there whether we live; choose another topic, such as energy/prices",
            );
        }
    }

    /// Whose a topic is that a field of the layout dsmr-reader would have.
    fn whose(&self, topic: &str) -> Option<String> {
        if self.is_home_assistants(topic) {
            Some("where Home Assistant tells its own state".to_owned())
        } else if self.around.status_topic == Some(topic) {
            Some("where we tell whether we live".to_owned())
        } else if self.around.prices_topic == Some(topic) {
            Some("where prices come from".to_owned())
        } else {
            self.meter_of(topic, self.native?)
        }
    }

    fn is_home_assistants(&self, topic: &str) -> bool {
        [self.home_assistant, "homeassistant"]
            .iter()
            .any(|prefix| topic.strip_prefix(prefix) == Some("/status"))
    }

    /// The meter among whose topics of the layout dsmrd something lies.
    fn meter_of(&self, topic: &str, native: &str) -> Option<String> {
        let rest = topic.strip_prefix(native)?.strip_prefix('/')?;
        let inside = |meter: &&MeterSettings| is_below(rest, &meter.name);
        let meter = self.around.meters.iter().find(inside)?;
        Some(format!("among the topics of the meter {}", quote(&meter.name)))
    }
}
