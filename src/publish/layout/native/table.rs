//! Every topic of a meter in dsmrd's layout: what it shows, in which unit, for whom and when it is sent.
//!
//! `TOPICS.rst` and `dsmrd topics` are made of it, and who has to know a topic by its name asks [`describe`].

use super::{rows, rows_totals};
use crate::meter::{Field, MbusClass, Unit};
use crate::p1::Obis;

/// Topics that belong together on the page.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What is to be said of all of them, in reStructuredText.
    pub intro: &'static str,
    /// The topics.
    pub rows: &'static [Row],
}

/// A topic, or several that differ in a phase, tariff, quadrant or kind of device only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Below the topic of the meter; of several the first, as [`fold`] has it.
    pub topic: &'static str,
    /// What it is of.
    pub what: What,
    /// In which unit.
    pub unit: TopicUnit,
    /// What it shows, in reStructuredText.
    pub meaning: &'static str,
    /// Who reads it.
    pub reader: &'static str,
    /// When it is sent.
    pub sent: Sent,
}

/// What a topic is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The telegram: a field of the reading, or what follows from several.
    Reading,
    /// The link to the meter.
    Link,
    /// A device on the M-Bus.
    Device,
    /// What was used since the start of a running period; it grows, and begins anew with the period.
    Usage,
    /// An instant: RFC 3339 in UTC.
    Instant,
    /// A JSON object: see [`Row::meaning`].
    Object,
    /// An average or highest power.
    Power,
    /// A number of things.
    Count,
    /// What the power of now costs in an hour.
    Rate,
    /// What a running period cost so far; it may fall.
    Cost,
    /// What a running period earned so far; it may fall.
    Earned,
    /// The price of a unit now.
    Price,
    /// A word.
    Word,
}

/// The unit of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicUnit {
    /// None: a text, a number of things, a JSON document.
    None,
    /// That of the register of the topic's name.
    Register,
    /// A unit.
    Of(Unit),
    /// Watts, which no register has.
    Watt,
    /// As the meter has it: kW, kVA or A.
    Limit,
    /// As the device counts: kWh, m³ or GJ.
    Device,
    /// The currency of the contract.
    Money,
    /// The currency an hour.
    MoneyAnHour,
    /// The currency a unit.
    MoneyPer(Unit),
    /// The currency a unit of the device.
    MoneyPerDevice,
}

/// When a topic is sent: always and at once when the connection is made, and then so. A payload that is the one the
/// broker holds is sent anew once `refresh_after` is over, an hour by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// With each telegram, when its payload changed.
    Telegram,
    /// At once when its payload changed.
    Change,
    /// Every 10 s of the meter's clock, when its payload changed, and as its period begins.
    TenSeconds,
    /// Every 60 s of the meter's clock, when its payload changed, and as its period begins.
    Minute,
    /// As the link to the meter comes up or goes down.
    Link,
}

/// A topic by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its row.
    pub row: &'static Row,
    /// The register that it shows, counts or prices, where there is one.
    pub field: Option<Field>,
    /// The kind of devices that it is of, where it is of one.
    pub class: Option<MbusClass>,
}

impl Row {
    /// The OBIS code that it comes from, where it is one.
    pub fn obis(&self) -> Option<Obis> {
        match self.topic {
            "gas/reading" => Some(Obis::new(0, 1, 24, 2, 1)),
            "gas/id" => Some(Obis::new(0, 1, 96, 1, 0)),
            "gas/ean" => Some(Obis::new(0, 1, 96, 1, 2)),
            "gas/valve" => Some(Obis::new(0, 1, 24, 4, 0)),
            "current_limit_import" | "current_limit_export" => Some(Field::CurrentLimits.register().obis),
            "month_end" => Some(Field::DemandPeakHistory.register().obis),
            topic => Field::from_name(topic).map(|field| field.register().obis),
        }
    }

    /// Its unit for people; money is in EUR here.
    pub fn unit(&'static self) -> String {
        let field = Field::from_name(self.topic);
        Described { row: self, field, class: None }.unit("EUR", None)
    }
}

impl Described {
    /// Its unit for people: of money with this currency, of a device as it counts, where that is known.
    pub fn unit(&self, currency: &str, device: Option<Unit>) -> String {
        let per =
            |unit: &str| if unit.is_empty() { currency.to_owned() } else { format!("{currency}/{unit}") };
        match (self.row.unit, device) {
            (TopicUnit::None, _) => String::new(),
            (TopicUnit::Register, _) => self.field.map_or("", |field| field.unit().symbol()).to_owned(),
            (TopicUnit::Of(unit), _) | (TopicUnit::Device, Some(unit)) => unit.symbol().to_owned(),
            (TopicUnit::Watt, _) => "W".to_owned(),
            (TopicUnit::Limit, _) => "kW, kVA, A".to_owned(),
            (TopicUnit::Device, None) => "m3, kWh, GJ".to_owned(),
            (TopicUnit::Money, _) => currency.to_owned(),
            (TopicUnit::MoneyAnHour, _) => per("h"),
            (TopicUnit::MoneyPer(unit), _) | (TopicUnit::MoneyPerDevice, Some(unit)) => per(unit.symbol()),
            (TopicUnit::MoneyPerDevice, None) => per("m3, …"),
        }
    }

    /// What it shows, for people.
    pub fn meaning(&self) -> String {
        let class = self.class.map(|class| class.name().replace('_', " "));
        match (self.row.what, self.field, class) {
            (What::Reading, Some(field), _) => field.register().label.to_owned(),
            (What::Usage, _, Some(class)) => format!("What the devices for {class} counted"),
            (What::Cost, _, Some(class)) => format!("What the {class} of today cost"),
            (What::Price, _, Some(class)) => format!("The price of a unit of {class}"),
            _ => self.row.meaning.replace("``", ""),
        }
    }
}

impl Sent {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Change => "change",
            Self::TenSeconds => "10 s",
            Self::Minute => "minute",
            Self::Link => "link",
        }
    }
}

/// All of them, in the order of the page.
pub fn sections() -> impl Iterator<Item = &'static Section> {
    rows::SECTIONS.iter().chain(rows_totals::SECTIONS)
}

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    sections().flat_map(|section| section.rows)
}

/// What a topic below that of a meter is: `today/water`, `power_import_l2`, `gas/G0042/reading`. None for one that the
/// layout never says.
pub fn describe(name: &str) -> Option<Described> {
    let topic = fold(name)?;
    let row = rows().find(|row| row.topic == topic)?;
    let (head, leaf) = name.split_once('/').unwrap_or(("", name));
    let (field, class) = match row.what {
        What::Device => (None, class(head)),
        What::Usage | What::Price | What::Cost | What::Earned => {
            let of = leaf.trim_start_matches("today_").trim_start_matches("price_");
            (energy(of), class(of))
        }
        _ if head.is_empty() => (Field::from_name(name), None),
        _ => (None, None),
    };
    Some(Described { row, field, class })
}

/// The topic that stands for this one in the table: of phases, tariffs and quadrants the first, of devices gas. None
/// when its levels are none of ours.
pub fn fold(topic: &str) -> Option<String> {
    let Some((head, rest)) = topic.split_once('/') else {
        return Some(fold_numbers(topic));
    };
    let leaf = match head {
        "today" | "month" | "year" if class(rest).is_some() => "gas".to_owned(),
        "cost" => match rest.strip_prefix("today_").or_else(|| rest.strip_prefix("price_")) {
            Some(of) if class(of).is_some() => rest.replace(of, "gas"),
            _ => fold_numbers(rest),
        },
        "today" | "month" | "year" | "quarter" | "peak" => fold_numbers(rest),
        _ if head == "mbus" || class(head).is_some() => {
            return Some(format!("gas/{}", rest.rsplit('/').next()?));
        }
        _ => return None,
    };
    Some(format!("{head}/{leaf}"))
}

fn fold_numbers(topic: &str) -> String {
    let is_number = |text: &str| text.parse::<u8>().is_ok();
    match topic.rsplit_once('_') {
        Some(("relay", _)) => return "relay_1".to_owned(),
        Some(("message_consumer", _)) => return "message_consumer_2".to_owned(),
        _ => {}
    }
    let parts: Vec<String> = topic
        .split('_')
        .map(|part| match part.split_at_checked(1) {
            Some((letter @ ("l" | "t" | "q"), rest)) if is_number(rest) => format!("{letter}1"),
            _ => part.to_owned(),
        })
        .collect();
    parts.join("_")
}

fn class(name: &str) -> Option<MbusClass> {
    MbusClass::ALL.into_iter().find(|class| class.name() == name)
}

/// The energy register of `import`, `export_t2`, `energy_import_t1`.
fn energy(name: &str) -> Option<Field> {
    let name = name.trim_start_matches("energy_");
    Field::from_name(&format!("energy_{name}")).or_else(|| Field::from_name(&format!("energy_{name}_total")))
}
