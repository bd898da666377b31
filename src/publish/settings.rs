//! Which topics are published, and how their payloads look.

/// How the native layout writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum PayloadFormat {
    /// `1.193`.
    #[default]
    Value,
    /// `1.193 1700000000`: value and Unix time of the telegram, as Graphite's line protocol has it.
    ValueTimestamp,
    /// `{"value": 1.193, "unit": "kW", "time": "2026-11-21T04:57:30Z"}`.
    Json,
}

/// Home Assistant's discovery: what it needs to make devices and entities of our topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Off, what an earlier run published is removed.
    pub enabled: bool,
    /// The first level of the topics: `homeassistant` by default.
    pub prefix: String,
    /// The level that makes the topics those of this machine: letters, digits, `-` and `_`, the same over restarts and
    /// unlike that of any other.
    pub node: String,
    /// Where the process tells whether it lives.
    pub status_topic: String,
    /// What it says there while it does.
    pub status_online: String,
    /// What it says there when it does not.
    pub status_offline: String,
    /// The configured meters: entities of any other are left over and go.
    pub meters: Vec<String>,
}

impl Discovery {
    /// None, and nothing to remove.
    pub fn off() -> Self {
        Self {
            enabled: false,
            prefix: "homeassistant".into(),
            node: String::new(),
            status_topic: String::new(),
            status_online: String::new(),
            status_offline: String::new(),
            meters: Vec::new(),
        }
    }
}

/// A field of DSMR-reader's layout under another name, or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The default topic without its prefix, `reading/id`; with `#` and a key behind it a key of a JSON topic,
    /// `json#id`.
    pub field: String,
    /// The topic in its place, in full, or the key; none leaves the field out.
    pub name: Option<String>,
}

/// A layout and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutSettings {
    /// dsmrd's own topics: `<prefix>/<meter>/<field>`.
    Native {
        /// `dsmrd` by default; may have several levels.
        prefix: String,
        /// How a value is written.
        payload: PayloadFormat,
        /// How Home Assistant learns of it.
        discovery: Discovery,
    },
    /// dsmrd's own topics are not chosen: what the discovery of them left is removed, or Home Assistant would show for ever
    /// what was said last.
    Withdrawn {
        /// What they began with.
        prefix: String,
        /// How Home Assistant learned of them.
        discovery: Discovery,
    },
    /// The topics of DSMR-reader, `dsmr/reading/…` and so on, for one meter.
    DsmrReader {
        /// The meter whose readings they show.
        meter: String,
        /// Its time zone as an IANA name; gas times are local.
        timezone: String,
        /// What topics begin with: `dsmr` by default.
        prefix: String,
        /// Fields that have another name, or none; see [`Mapping`].
        mapping: Vec<Mapping>,
    },
}
