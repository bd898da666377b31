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

/// A layout and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutSettings {
    /// dsmrd's own topics: `<prefix>/<meter>/<field>`.
    Native {
        /// `dsmrd` by default; may have several levels.
        prefix: String,
        /// How a value is written.
        payload: PayloadFormat,
    },
    /// The topics of DSMR-reader, `dsmr/reading/…` and so on, for one meter.
    DsmrReader {
        /// The meter whose readings they show.
        meter: String,
        /// Its time zone as an IANA name; gas times are local.
        timezone: String,
    },
}
