//! One meter's telegrams in their order: what a single telegram leaves open, those before it tell.

mod continuity;

use std::fmt;

use self::continuity::Continuity;
use super::country::{Certainty, Country, Detection, detect};
use super::interpret::{self, Interpreted};
use super::reading::{Reading, UnixMillis};
use super::zone::{self, Zone};
use crate::p1::{Frame, Telegram};

/// What is known of a meter beforehand.
#[derive(Clone, Debug, Default)]
pub struct InterpreterSettings {
    /// Whose rules it follows; by default what its objects tell.
    pub country: Option<Country>,
    /// Its time zone; by default that of its country.
    pub zone: Option<Zone>,
    /// How far the meter's clock may be from the time of arrival, in seconds, before the time of arrival
    /// counts instead; by default the meter's clock is believed whatever it says.
    pub clock_tolerance_s: Option<u32>,
}

/// Reads the telegrams of one meter.
///
/// A time that the meter gave without saying which offset holds, and a clock too far from the time of arrival,
/// stay in the reading as the wall clock showed them, without an instant ([`MeterTime::utc`] is none), so that
/// [`Reading::utc_seconds`] is the time of arrival.
///
/// [`MeterTime::utc`]: super::MeterTime::utc
#[derive(Clone, Debug)]
pub struct Interpreter {
    settings: InterpreterSettings,
    detection: Detection,
    /// The equipment identifier that the detection is of, as it stood in the telegram; empty before one came.
    equipment: Vec<u8>,
    /// The zone in use, kept: finding one costs more than reading a telegram.
    zone: Zone,
    continuity: Continuity,
    doubt: Doubt,
}

/// Why the time of arrival counts, and not the meter's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockDoubt {
    /// The clock is further from the time of arrival than the settings allow.
    Off {
        /// What it shows, in seconds since 1970-01-01 00:00 UTC.
        clock_s: i64,
        /// Seconds by which it is ahead of the time of arrival; negative when it is behind.
        ahead_s: i64,
    },
    /// The clock shows no date: it says "never", or what it says is none.
    NoDate,
}

impl fmt::Display for ClockDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Off { ahead_s, .. } = *self else { return f.write_str("the meter's clock shows no date") };
        let off_s = ahead_s.unsigned_abs();
        let direction = if ahead_s < 0 { "behind" } else { "ahead" };
        write!(f, "the meter's clock is {off_s} s {direction}")?;
        // One or two whole hours, give or take a minute: a wrong zone rather than a wrong clock.
        if [3_600, 7_200].iter().any(|hours| off_s.abs_diff(*hours) <= 60) {
            f.write_str(": does `country` or `timezone` fit the meter?")?;
        }
        Ok(())
    }
}

/// Whether the clock is in doubt, and what has been said of it.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    lasts: bool,
    untold: Option<ClockDoubt>,
}

impl Interpreter {
    /// An interpreter that has seen no telegram.
    pub fn new(settings: InterpreterSettings) -> Self {
        let zone = zone_for(&settings, None);
        Self {
            settings,
            detection: Detection::NOTHING,
            equipment: Vec::new(),
            zone,
            continuity: Continuity::default(),
            doubt: Doubt::default(),
        }
    }

    /// Reads a frame. `received_at` is when its last byte arrived.
    pub fn read(&mut self, frame: &Frame<'_>, received_at: UnixMillis) -> Interpreted {
        self.interpret(&Telegram::read(frame), received_at)
    }

    /// What a telegram means. Unknown objects are left out: the telegram still has them.
    pub fn interpret(&mut self, telegram: &Telegram<'_>, received_at: UnixMillis) -> Interpreted {
        if self.detection.certainty < Certainty::Sure {
            self.learn(telegram);
        }
        let mut read = interpret::objects(telegram, &self.zone, received_at);
        if self.another_meter(&read.reading) {
            // Whatever was learnt was of the other one. What this one does not tell stays.
            let before = std::mem::replace(&mut self.detection, Detection::NOTHING);
            self.continuity = Continuity::default();
            if !self.learn(telegram) {
                self.detection = Detection { certainty: before.certainty.min(Certainty::Likely), ..before };
            }
            read = interpret::objects(telegram, &self.zone, received_at);
        }
        let reading = &mut read.reading;
        reading.country = self.country();
        if let Some(country) = reading.country
            && interpret::has_phase_currents(reading)
        {
            interpret::name_phase_currents(reading, country);
        }
        self.continuity.clock(reading, &self.zone);
        self.check_clock(reading, read.undated);
        self.continuity.sub_meters(reading, &self.zone);
        read
    }

    /// Whose rules the last telegram was read by; `None` while nothing tells.
    pub fn country(&self) -> Option<Country> {
        self.settings.country.or(self.detection.country)
    }

    /// What the telegrams told of their country, whatever the settings say.
    pub fn detection(&self) -> &Detection {
        &self.detection
    }

    /// What the telegrams surely told, where the settings say otherwise: worth a word in the log.
    pub fn contradiction(&self) -> Option<&Detection> {
        let found = &self.detection;
        let other = self.settings.country.is_some_and(|set| found.country != Some(set));
        (other && found.certainty == Certainty::Sure).then_some(found)
    }

    /// The zone by which the last telegram was read.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// That the meter's clock came into doubt, once each time it does.
    pub fn clock_doubt(&mut self) -> Option<ClockDoubt> {
        self.doubt.untold.take()
    }

    /// Takes what a telegram tells of its country, where that is more than is known; whether it was.
    fn learn(&mut self, telegram: &Telegram<'_>) -> bool {
        let found = detect(telegram);
        let more = found.certainty > self.detection.certainty;
        // Why a country is open is worth telling too.
        if more || (self.detection == Detection::NOTHING) {
            self.detection = found;
        }
        if more {
            self.zone = zone_for(&self.settings, self.detection.country);
        }
        more
    }

    /// Whether the telegram is another meter's than those before it. One without an identifier tells nothing.
    fn another_meter(&mut self, reading: &Reading) -> bool {
        match reading.equipment_id_raw() {
            Some(id) if id != self.equipment => {
                let first = self.equipment.is_empty();
                self.equipment.clear();
                self.equipment.extend_from_slice(id);
                !first
            }
            _ => false,
        }
    }

    /// Lets the time of arrival count where the meter's clock is too far from it.
    fn check_clock(&mut self, reading: &mut Reading, undated: bool) {
        if undated {
            self.doubt.begin(ClockDoubt::NoDate);
        }
        let arrived = reading.received_at.div_euclid(1_000);
        let Some(time) = &mut reading.time else { return };
        let Some(clock_s) = time.utc else { return };
        let ahead_s = clock_s - arrived;
        let tolerance = self.settings.clock_tolerance_s.map_or(i64::MAX, i64::from);
        if ahead_s.abs() > tolerance {
            time.utc = None;
            self.doubt.begin(ClockDoubt::Off { clock_s, ahead_s });
        } else if ahead_s.abs() <= tolerance / 2 {
            // Well within: a clock at the edge would come and go.
            self.doubt.lasts = false;
        }
    }
}

impl Doubt {
    fn begin(&mut self, doubt: ClockDoubt) {
        if !std::mem::replace(&mut self.lasts, true) {
            self.untold = Some(doubt);
        }
    }
}

/// The zone by the settings, else by the country.
fn zone_for(settings: &InterpreterSettings, detected: Option<Country>) -> Zone {
    let by_name = || {
        let name = settings.country.or(detected).map_or(zone::DEFAULT, Country::zone_name);
        Zone::new(name).expect("the zone database is compiled in")
    };
    settings.zone.clone().unwrap_or_else(by_name)
}

#[cfg(test)]
mod tests;
