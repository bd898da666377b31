//! Which topics there are: said by the layouts themselves, of what the record has.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use dsmrd::app::books::ledger;
use dsmrd::config::Settings;
use dsmrd::meter::{Reading, Zone};
use dsmrd::mqtt::BrokerSettings;
use dsmrd::publish::layout::native::table;
use dsmrd::publish::layout::{describe, mappable_fields};
use dsmrd::publish::topic::level;
use dsmrd::publish::{Context, Discovery, Layout, LayoutSettings, Message, PayloadFormat, check_prefix};
use dsmrd::store::{Archive, Range};
use dsmrd::totals::Totals;

/// How long a topic is told whose value no longer comes, in seconds: what the layout shows is what was said since.
const SHOWN: i64 = 3_600;

/// A topic.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) broker: String,
    pub(super) layout: &'static str,
    pub(super) meter: String,
    pub(super) topic: String,
    pub(super) unit: String,
    pub(super) meaning: String,
    pub(super) reader: &'static str,
    pub(super) sent: &'static str,
}

impl Line {
    /// What it is listed under.
    pub(super) fn group(&self) -> (&str, &str, &str) {
        (&self.broker, self.layout, &self.meter)
    }
}

/// What the record has of a meter: the readings of its last hour, and what they come to.
struct Heard {
    meter: String,
    readings: Vec<Reading>,
    totals: Option<Totals>,
}

/// Every topic of a configuration.
pub(super) fn of_settings(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let mut heard = Vec::new();
    let archive = match settings.store.path.exists() {
        true => Some(Archive::open(&settings.store.path)?),
        false => None,
    };
    for meter in &settings.meters {
        let name = &meter.name;
        let of_meter = match &archive {
            Some(archive) => hear(archive, settings, name, meter.source.zone_name())
                .with_context(|| format!("{}: meter {name}", settings.store.path.display()))?,
            None => Heard { meter: name.clone(), readings: Vec::new(), totals: None },
        };
        if of_meter.readings.is_empty() {
            complain!("meter {name}: no readings in the record yet; these are all topics that it may have");
        }
        heard.push(of_meter);
    }
    let mut lines = Vec::new();
    for broker in &settings.mqtt {
        if broker.enabled {
            of_broker(broker, &settings.prices.currency, &heard, &mut lines)?;
        } else {
            complain!("broker {}: it is switched off and gets nothing", broker.name);
        }
    }
    Ok(lines)
}

/// Every topic that there is.
pub(super) fn of_all() -> Vec<Line> {
    let mut lines = vec![process("", "dsmrd/status"), record("", "dsmrd")];
    let native = LayoutSettings::Native {
        prefix: "dsmrd".into(),
        payload: PayloadFormat::Value,
        discovery: Discovery { enabled: true, node: "<node>".into(), ..Discovery::off() },
    };
    let dsmr_reader = LayoutSettings::DsmrReader {
        meter: "home".into(),
        timezone: "Europe/Amsterdam".into(),
        prefix: "dsmr".into(),
        mapping: Vec::new(),
    };
    for layout in [native, dsmr_reader] {
        general("", &layout, "home", "EUR", &mut lines);
    }
    lines
}

/// The topic that tells whether the process lives.
fn process(broker: &str, topic: &str) -> Line {
    Line {
        broker: broker.to_owned(),
        layout: "process",
        topic: topic.to_owned(),
        meaning: "Whether dsmrd lives; what is said when it does not is the will".to_owned(),
        reader: "Home Assistant: availability",
        sent: "connection",
        ..Line::default()
    }
}

/// The topic that tells how the record is.
fn record(broker: &str, prefix: &str) -> Line {
    Line {
        broker: broker.to_owned(),
        layout: "process",
        topic: format!("{prefix}/store"),
        meaning: "Whether readings can be stored, and if not why and since when".to_owned(),
        reader: "alerts: the SD card is full or worn out",
        sent: "change",
        ..Line::default()
    }
}

fn of_broker(
    broker: &BrokerSettings,
    currency: &str,
    heard: &[Heard],
    lines: &mut Vec<Line>,
) -> anyhow::Result<()> {
    lines.push(process(&broker.name, &broker.status_topic));
    for settings in &broker.layouts {
        if matches!(settings, LayoutSettings::Withdrawn { .. }) {
            continue;
        }
        if let LayoutSettings::Native { prefix, .. } = settings {
            lines.push(record(&broker.name, prefix));
        }
        for of_meter in heard {
            if let LayoutSettings::DsmrReader { meter, .. } = settings
                && *meter != of_meter.meter
            {
                continue;
            }
            // DSMR-reader's layout has all its topics whatever the meter sends: empty where it has no value, those of
            // gas and of quarter-hours once there is something to say.
            let is_fixed = matches!(settings, LayoutSettings::DsmrReader { .. });
            if is_fixed || of_meter.readings.is_empty() {
                general(&broker.name, settings, &of_meter.meter, currency, lines);
            } else {
                said(&broker.name, settings, of_meter, currency, lines)?;
            }
        }
    }
    Ok(())
}

/// What the record has of a meter.
fn hear(archive: &Archive, settings: &Settings, meter: &str, zone: &str) -> anyhow::Result<Heard> {
    let of_meter = Range { meter: Some(meter.to_owned()), ..Range::default() };
    let last = archive.epochs(&of_meter)?.iter().map(|epoch| epoch.last).max();
    let Some(last) = last else {
        return Ok(Heard { meter: meter.to_owned(), readings: Vec::new(), totals: None });
    };
    let range = Range { from: Some(last.saturating_sub(SHOWN)), ..of_meter };
    // What is damaged says nothing; the readings around it do.
    let told = archive.readings(range)?.filter_map(|stored| {
        stored.map_err(|problem| complain!("{}: {problem}", settings.store.path.display())).ok()
    });
    let readings: Vec<Reading> = told.map(|stored| stored.reading).collect();
    let zone = Zone::new(zone)?;
    let (mut ledger, _) = ledger(archive, meter, &zone, &settings.prices)?;
    // A record of before there were totals has no counters: then they begin with these readings, as they do when the
    // daemon starts.
    let known = if archive.counters(meter)?.is_empty() { 0 } else { readings.len().saturating_sub(1) };
    let totals = readings[known..].iter().map(|reading| ledger.take(reading)).last();
    Ok(Heard { meter: meter.to_owned(), readings, totals })
}

/// What our own layout says of a meter that was heard, as the broker holds it in the end.
fn said(
    broker: &str,
    settings: &LayoutSettings,
    heard: &Heard,
    currency: &str,
    lines: &mut Vec<Line>,
) -> anyhow::Result<()> {
    let mut layout = Layout::new(settings)?;
    let mut topics: BTreeMap<Arc<str>, bool> = BTreeMap::new();
    let mut out: Vec<Message> = Vec::new();
    layout.link(&heard.meter, true, &mut out);
    for reading in &heard.readings {
        let context = Context { meter: &heard.meter, rejected: 0, totals: heard.totals.as_ref() };
        layout.messages(context, reading, &mut out);
        for message in out.drain(..) {
            topics.insert(message.topic, message.payload.is_empty());
        }
    }
    let line = |topic: &str| line(broker, settings, &heard.meter, topic, currency, heard.readings.last());
    // An empty payload clears what is no topic any more.
    lines.extend(topics.iter().filter(|(_, empty)| !**empty).map(|(topic, _)| line(topic)));
    Ok(())
}

/// Every topic that a layout may say of a meter.
fn general(broker: &str, settings: &LayoutSettings, meter: &str, currency: &str, lines: &mut Vec<Line>) {
    let line = |topic: &str| line(broker, settings, meter, topic, currency, None);
    match settings {
        LayoutSettings::Native { discovery, .. } => {
            let base = base(settings, meter);
            lines.extend(table::rows().map(|row| {
                let (unit, meaning) = (row.unit().replace("EUR", currency), row.meaning.replace("``", ""));
                Line { unit, meaning, ..line(&format!("{base}/{}", row.topic)) }
            }));
            if discovery.enabled {
                lines.push(line(&format!("{}/device/{}/<device>/config", discovery.prefix, discovery.node)));
            }
        }
        LayoutSettings::Withdrawn { .. } => {}
        LayoutSettings::DsmrReader { .. } => {
            let fields = mappable_fields().into_iter().filter(|field| !field.name.contains('#'));
            lines.extend(fields.filter_map(|named| {
                let described = describe(&named.name)?;
                let unit = described.unit().replace("EUR", currency);
                let (sent, meaning) = (described.sent, described.source.replace("``", ""));
                Some(Line { unit, sent, meaning, ..line(&field(settings, &named.name)?) })
            }));
        }
    }
}

/// The topic of a field of DSMR-reader; none where it is left out.
fn field(settings: &LayoutSettings, name: &str) -> Option<String> {
    let LayoutSettings::DsmrReader { prefix, mapping, .. } = settings else { return None };
    match mapping.iter().find(|mapping| mapping.field == name) {
        Some(mapping) => mapping.name.clone(),
        None => {
            let is_default = mappable_fields().iter().any(|field| field.name == name && field.default);
            is_default.then(|| format!("{}/{name}", prefix.trim_end_matches('/')))
        }
    }
}

fn base(settings: &LayoutSettings, meter: &str) -> String {
    let LayoutSettings::Native { prefix, .. } = settings else { return String::new() };
    format!("{}/{}", check_prefix(prefix).unwrap_or_default(), level(meter))
}

/// A topic with what is known of it.
fn line(
    broker: &str,
    settings: &LayoutSettings,
    meter: &str,
    topic: &str,
    currency: &str,
    reading: Option<&Reading>,
) -> Line {
    let line = Line {
        broker: broker.to_owned(),
        meter: meter.to_owned(),
        topic: topic.to_owned(),
        ..Line::default()
    };
    let LayoutSettings::Native { discovery, .. } = settings else {
        return Line { layout: "dsmr-reader", reader: "clients of DSMR-reader", ..line };
    };
    let ours = topic.strip_prefix(&base(settings, meter)).and_then(|rest| rest.strip_prefix('/'));
    if let Some(known) = ours.and_then(table::describe) {
        let device = known.class.zip(reading).and_then(|(class, reading)| reading.mbus_of(class));
        let unit = device.and_then(|(_, found)| found.value).map(|quantity| quantity.unit);
        return Line {
            layout: "dsmrd",
            unit: known.unit(currency, unit),
            meaning: known.meaning(),
            reader: known.row.reader,
            sent: known.row.sent.name(),
            ..line
        };
    }
    let is_discovery = topic.strip_prefix(&discovery.prefix).is_some_and(|rest| rest.starts_with('/'));
    let meaning = if is_discovery { "Describes a device and its entities" } else { "" };
    Line {
        layout: "dsmrd",
        meaning: meaning.to_owned(),
        reader: if is_discovery { "Home Assistant: discovery" } else { "" },
        sent: if is_discovery { "change" } else { "" },
        ..line
    }
}
