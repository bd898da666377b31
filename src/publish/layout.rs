//! From readings to messages: which topics, which payloads.
//!
//! In reading order: [`text`], payloads without detours; [`slot`], topics built once; [`native`], dsmrd's own
//! topics; [`dsmr_reader`], those of DSMR-reader.

mod dsmr_reader;
pub mod native;
mod slot;
mod text;

use thiserror::Error;

pub use self::dsmr_reader::{Description, MappableField, describe, mappable_fields};

use super::Message;
use super::discovery::{Announcer, Source};
use super::settings::{Discovery, LayoutSettings, PayloadFormat};
use super::topic::{PrefixError, check_prefix};
use crate::meter::{Reading, Zone};
use crate::telemetry::StoreHealth;
use crate::totals::Totals;

/// What a reading does not tell about its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The meter's name in the configuration.
    pub meter: &'a str,
    /// Telegrams of this meter that were rejected since the start.
    pub rejected: u64,
    /// What the reading comes to over time; none where nobody adds up.
    pub totals: Option<&'a Totals>,
}

/// Why a layout can't be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// Its prefix is none.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// There is no such time zone.
    #[error("unknown time zone {0:?}; use an IANA name such as Europe/Amsterdam")]
    TimeZone(String),
    /// A mapping cannot be followed.
    #[error("the mapping of {field:?}: {problem}")]
    Mapping {
        /// The field that it names.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

/// A layout with what it remembers: its topics, built once, and what they said last.
#[derive(Debug)]
pub struct Layout(Inner);

#[derive(Debug)]
enum Inner {
    Native(Box<native::Native>, Box<Announcer>),
    Withdrawn(Box<Announcer>),
    DsmrReader(Box<dsmr_reader::DsmrReader>),
}

impl Layout {
    /// Builds a layout.
    ///
    /// # Errors
    ///
    /// When the prefix or the time zone is none.
    pub fn new(settings: &LayoutSettings) -> Result<Self, LayoutError> {
        Ok(Self(match settings {
            LayoutSettings::Native { prefix, payload, discovery } => {
                let prefix = check_prefix(prefix)?;
                let source = Source { prefix: prefix.clone(), format: *payload, plain: native::mbus::plain };
                let announcer = Announcer::new(discovery, source);
                Inner::Native(Box::new(native::Native::new(prefix, *payload)), Box::new(announcer))
            }
            LayoutSettings::Withdrawn { prefix, discovery } => {
                let (prefix, format) = (check_prefix(prefix)?, PayloadFormat::Value);
                let source = Source { prefix, format, plain: native::mbus::plain };
                let off = Discovery { enabled: false, ..discovery.clone() };
                Inner::Withdrawn(Box::new(Announcer::new(&off, source)))
            }
            LayoutSettings::DsmrReader { meter, timezone, prefix, mapping } => {
                let zone = Zone::new(timezone).map_err(|_| LayoutError::TimeZone(timezone.clone()))?;
                Inner::DsmrReader(Box::new(dsmr_reader::DsmrReader::new(meter, zone, prefix, mapping)?))
            }
        }))
    }

    /// Appends what a reading has to say. Unchanged values are among it; to drop them is the queue's work.
    pub fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        match &mut self.0 {
            Inner::Native(native, announcer) => {
                let from = out.len();
                native.messages(context, reading, out);
                announcer.observe(context, reading, from, out);
            }
            Inner::Withdrawn(_) => {}
            Inner::DsmrReader(dsmr_reader) => dsmr_reader.messages(context, reading, out),
        }
    }

    /// Appends what there is to say when the link to a meter came up or went down.
    pub fn link(&mut self, meter: &str, online: bool, out: &mut Vec<Message>) {
        match &mut self.0 {
            Inner::Native(native, _) => native.link(meter, online, out),
            // DSMR-reader has no topic for it.
            Inner::Withdrawn(_) | Inner::DsmrReader(_) => {}
        }
    }

    /// Appends what there is to say of the record.
    pub fn store(&mut self, health: &StoreHealth, out: &mut Vec<Message>) {
        match &mut self.0 {
            Inner::Native(native, announcer) => {
                native.store(health, out);
                announcer.appliance(out);
            }
            // DSMR-reader has no topic for it.
            Inner::Withdrawn(_) | Inner::DsmrReader(_) => {}
        }
    }

    /// The topic filters that it wants to hear of.
    pub fn subscriptions(&self) -> Vec<String> {
        match &self.0 {
            Inner::Native(_, announcer) | Inner::Withdrawn(announcer) => announcer.subscriptions(),
            Inner::DsmrReader(_) => Vec::new(),
        }
    }

    /// Appends what there is to answer to a message that the broker kept (`retained`) or passes on.
    pub fn heard(&mut self, topic: &str, payload: &[u8], retained: bool, out: &mut Vec<Message>) {
        match &mut self.0 {
            Inner::Native(_, announcer) | Inner::Withdrawn(announcer) => {
                announcer.heard(topic, payload, retained, out);
            }
            Inner::DsmrReader(_) => {}
        }
    }
}
