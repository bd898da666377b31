//! The topics of DSMR-reader, payloads to the byte, so that what listens to it need not be changed.
//!
//! Where it has faults, names, formats and meaning stay and the faults do not; `DSMR-READER.rst` lists every
//! difference. In reading order: [`group`], fields that are said together; [`fields`], their names and where they go;
//! [`reading`], [`stats`], [`gas`], [`periods`] and [`quarter`], what is said; [`mod@describe`], all of it for people.

mod describe;
mod fields;
mod gas;
mod group;
mod periods;
mod quarter;
mod reading;
mod stats;

use jiff::Timestamp;

pub use self::describe::{Description, describe};
pub use self::fields::{MappableField, mappable_fields};
use super::slot::Topic;
use super::{Context, LayoutError, text};
use crate::meter::{MeterTime, Reading, Zone};
use crate::p1::Decimal;
use crate::publish::{Mapping, Message};

/// The layout, of one meter.
#[derive(Debug)]
pub(super) struct DsmrReader {
    meter: String,
    zone: Zone,
    raw: Option<Topic>,
    readings: reading::Readings,
    stats: stats::Stats,
    gas: gas::Gas,
    periods: periods::Periods,
    quarter: quarter::LastQuarter,
    payload: Vec<u8>,
}

impl DsmrReader {
    pub(super) fn new(
        meter: &str,
        zone: Zone,
        prefix: &str,
        mapping: &[Mapping],
    ) -> Result<Self, LayoutError> {
        let mut names = fields::Names::new(prefix, mapping)?;
        Ok(Self {
            meter: meter.to_owned(),
            zone,
            raw: names.topic(fields::RAW, true)?,
            readings: reading::Readings::new(&mut names)?,
            stats: stats::Stats::new(&mut names)?,
            gas: gas::Gas::new(&mut names)?,
            periods: periods::Periods::new(&mut names)?,
            quarter: quarter::LastQuarter::new(&mut names)?,
            payload: Vec::new(),
        })
    }

    pub(super) fn messages(&mut self, context: Context<'_>, reading: &Reading, out: &mut Vec<Message>) {
        if context.meter != self.meter {
            return;
        }
        if let (Some(topic), Some(raw)) = (&mut self.raw, &reading.raw) {
            // Telegrams are Latin-1, payloads UTF-8.
            self.payload.clear();
            for &byte in raw.trim_ascii_end() {
                self.payload.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
            }
            topic.say(&self.payload, 0, out);
        }
        self.readings.messages(&self.zone, reading, out);
        self.stats.messages(context, reading, out);
        self.gas.messages(&self.zone, reading, context.totals, out);
        if let Some(totals) = context.totals {
            self.periods.messages(&self.zone, reading, totals, out);
            self.quarter.messages(&self.zone, totals, out);
        }
    }
}

/// A number with so many decimals; nothing where there is none, which clears the topic.
fn fixed(out: &mut Vec<u8>, value: Option<Decimal>, scale: u8) {
    if let Some(value) = value.and_then(|value| value.rounded(scale)) {
        text::decimal(out, value);
    }
}

/// The instant of a meter's time; of one that does not tell which offset holds, by the zone.
fn instant(zone: &Zone, time: MeterTime) -> Option<i64> {
    time.utc.or_else(|| {
        let wall = Timestamp::from_second(time.local.seconds_as_utc()).ok()?;
        let wall = jiff::tz::Offset::UTC.to_datetime(wall);
        Some(zone.time_zone().to_ambiguous_timestamp(wall).compatible().ok()?.as_second())
    })
}

/// Appends an instant in the zone's local time.
fn local_time(out: &mut Vec<u8>, zone: &Zone, seconds: i64) {
    let offset =
        Timestamp::from_second(seconds).map_or(0, |instant| zone.time_zone().to_offset(instant).seconds());
    text::with_offset(out, seconds, offset);
}
