//! One meter's telegrams in their order: what a single telegram leaves open, those before it tell.

use super::country::Country;
use super::interpret::{self, Interpreted};
use super::reading::UnixMillis;
use super::zone::{Zone, zone_of};
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
#[derive(Clone, Debug)]
pub struct Interpreter {
    settings: InterpreterSettings,
}

impl Interpreter {
    /// An interpreter that has seen no telegram.
    pub fn new(settings: InterpreterSettings) -> Self {
        Self { settings }
    }

    /// Reads a frame. `received_at` is when its last byte arrived.
    pub fn read(&mut self, frame: &Frame<'_>, received_at: UnixMillis) -> Interpreted {
        self.interpret(&Telegram::read(frame), received_at)
    }

    /// What a telegram means. Unknown objects are left out: the telegram still has them.
    pub fn interpret(&mut self, telegram: &Telegram<'_>, received_at: UnixMillis) -> Interpreted {
        match &self.settings.zone {
            Some(zone) => interpret::interpret(telegram, zone, received_at),
            None => {
                let name = self.settings.country.map_or_else(|| zone_of(telegram), Country::zone_name);
                let zone = Zone::new(name).expect("the zone database is compiled in");
                interpret::interpret(telegram, &zone, received_at)
            }
        }
    }

    /// Whose rules the last telegram was read by; `None` while nothing tells.
    pub fn country(&self) -> Option<Country> {
        self.settings.country
    }
}
