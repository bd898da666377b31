//! A simulated meter: a household on three phases with solar panels, gas and water, believable over days.
//!
//! Everything follows from the seed and the instant: equal seeds give equal telegrams, and a meter that is
//! started again shows the registers it would have come to. There is no floating point in it.
//!
//! In reading order: [`random`] numbers; [`calendar`], local days; [`sun`]; [`household`], what happens on one
//! day; [`meter`], which adds it up second by second; [`telegram`], what it says on the port; [`live`], the
//! same in real time.

mod calendar;
mod household;
mod live;
mod meter;
mod random;
mod sun;
mod telegram;

pub(super) use live::Live;

use meter::Meter;
use telegram::Speaker;

/// A simulated DSMR 5 meter.
#[derive(Debug)]
pub struct Simulator {
    meter: Meter,
    speaker: Speaker,
}

impl Simulator {
    /// The meter at `start`, in seconds since 1970-01-01 00:00 UTC. Its life is 2024 to 2099; a start outside
    /// is taken as the nearest end. Takes some milliseconds a year of that life.
    pub fn new(seed: u64, start: i64) -> Self {
        Self { meter: Meter::new(seed, start), speaker: Speaker::new(seed) }
    }

    /// The first and the last second of the meter's life, since 1970-01-01 00:00 UTC.
    pub fn life() -> std::ops::RangeInclusive<i64> {
        let last = calendar::Day::new(meter::LAST);
        calendar::Day::new(meter::INSTALLED).start..=last.start + i64::from(last.length) - 1
    }

    /// The second of the next telegram, since 1970-01-01 00:00 UTC.
    pub fn utc(&self) -> i64 {
        self.meter.utc()
    }

    /// The telegram of that second, with a valid CRC; then the meter is a second further.
    pub fn next_telegram(&mut self) -> Vec<u8> {
        self.speaker.speak(&self.meter.tick())
    }
}

#[cfg(test)]
mod tests;
