//! Times without a flag in the hour that the autumn doubles: what came before tells which of the two it is.
//!
//! The zone alone settles every other hour. In this one a wall clock that goes on from summer time is still
//! summer time, and one that jumps back says that winter time began. Where telegrams are missing in between, the
//! time that passed between arrivals tells, for it is one hour longer when winter time began meanwhile. What
//! nothing settles is left without an instant.

use crate::meter::reading::{MbusReading, Quantity, Reading, UnixMillis};
use crate::meter::zone::{Instants, Zone};

/// How far the time between two arrivals may be from the time between two wall clocks, in seconds: telegrams
/// take a second at most, but clocks get set.
const SAME_INTERVAL_S: i64 = 60;
/// Telegrams this close in wall time follow each other, whatever the time of arrival says, and a wall clock set
/// back by no more than this was corrected, in seconds.
const CLOSE_S: i64 = 120;
/// How far the meter's clock may be from ours to tell by our clock alone which of two hours it is, in seconds.
/// Should ours be wrong nothing is lost: it is what counts for a time without an instant.
const SAME_TIME_S: i64 = 600;
/// A sub-meter's reading may be this old when it first appears, in seconds.
const FRESH_S: i64 = 2 * 3_600;
/// Readings of sub-meters that are followed: nine channels with several each.
const MAX_FOLLOWED: usize = 64;

/// What the clocks of one meter and its sub-meters showed last.
#[derive(Clone, Debug, Default)]
pub(super) struct Continuity {
    clock: Option<Shown>,
    sub_meters: Vec<Followed>,
}

/// What a clock showed.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// The wall clock, as seconds in UTC.
    wall: i64,
    /// The instant, where zone or continuity settle it.
    utc: Option<i64>,
    arrived: i64,
}

/// A reading of a sub-meter: its channel, its place among the channel's readings.
#[derive(Clone, Copy, Debug)]
struct Followed {
    channel: u8,
    place: usize,
    shown: Shown,
    value: Option<Quantity>,
}

impl Continuity {
    /// Settles the meter's own time.
    pub(super) fn clock(&mut self, reading: &mut Reading, zone: &Zone) {
        let arrived = seconds(reading.received_at);
        let Some(time) = reading.time.as_mut().filter(|time| time.local.dst.is_none()) else { return };
        let wall = time.local.seconds_as_utc();
        let mut settled = time.utc;
        if settled.is_none()
            && let Instants::Two { first, second } = zone.instants(time.local)
        {
            settled = self.clock.and_then(|last| last.leads_to(wall, first, second, arrived));
            // Not remembered: our clock may be set in the next minute.
            time.utc = settled.or_else(|| by_arrival(first, second, arrived));
        }
        self.clock = Some(Shown { wall, utc: settled, arrived });
    }

    /// Settles the times of the sub-meters' readings, behind the meter's own.
    pub(super) fn sub_meters(&mut self, reading: &mut Reading, zone: &Zone) {
        let now = reading.utc_seconds();
        for device in &mut reading.mbus {
            for (place, reading) in device.readings.iter_mut().enumerate() {
                self.sub_meter(device.channel, place, reading, zone, now);
            }
        }
    }

    fn sub_meter(&mut self, channel: u8, place: usize, reading: &mut MbusReading, zone: &Zone, now: i64) {
        let Some(time) = reading.time.as_mut().filter(|time| time.local.dst.is_none()) else { return };
        let known = self.sub_meters.iter().position(|last| (last.channel, last.place) == (channel, place));
        let last = known.map(|known| self.sub_meters[known]);
        if time.utc.is_none()
            && let Instants::Two { first, second } = zone.instants(time.local)
        {
            let wall = time.local.seconds_as_utc();
            time.utc = match last {
                Some(last) => last.leads_to(wall, reading.value, first, second, now),
                None => not_yet(first, second, now).then_some(first),
            };
        }
        let shown = Shown { wall: time.local.seconds_as_utc(), utc: time.utc, arrived: now };
        let followed = Followed { channel, place, shown, value: reading.value };
        match known {
            Some(known) => self.sub_meters[known] = followed,
            None if self.sub_meters.len() < MAX_FOLLOWED => self.sub_meters.push(followed),
            None => {}
        }
    }
}

impl Shown {
    /// Which of two instants a wall clock stands for that was shown after this one.
    fn leads_to(&self, wall: i64, first: i64, second: i64, arrived: i64) -> Option<i64> {
        let Some(utc) = self.utc else {
            // Whichever it was before: a clock that jumps back within this hour says that winter time began.
            return (wall < self.wall - CLOSE_S).then_some(second);
        };
        let passed = arrived - self.arrived;
        let agrees = |instant: &i64| (instant - utc - passed).abs() <= SAME_INTERVAL_S;
        [first, second].into_iter().find(agrees).or_else(|| {
            // The times of arrival are of no use: a recording, or our clock was set.
            let ahead = first - utc;
            if ahead < -CLOSE_S { Some(second) } else { (ahead <= CLOSE_S).then_some(first) }
        })
    }
}

impl Followed {
    /// Which of two instants a reading is of that came after this one.
    fn leads_to(&self, wall: i64, value: Option<Quantity>, first: i64, second: i64, now: i64) -> Option<i64> {
        if self.shown.utc.is_some_and(|utc| utc > first) {
            return Some(second);
        }
        // It cannot be of the future.
        if not_yet(first, second, now) {
            return Some(first);
        }
        if wall == self.shown.wall {
            // Readings of the hour come under the same time twice: another value is another reading. The same
            // one may be either, and says the same.
            let another = value.is_some() && self.value.is_some() && value != self.value;
            return if another { Some(second) } else { self.shown.utc };
        }
        // A time that jumps back, or a new reading: that is the latest there can be by now.
        if wall < self.shown.wall || (second - SAME_INTERVAL_S..second + FRESH_S).contains(&now) {
            return Some(second);
        }
        // Our clock is of no use: the next reading follows within the hour.
        self.shown.utc.filter(|utc| first - utc <= 3_600).map(|_| first)
    }
}

/// Whether it is the first of two instants or later, and not yet the second.
fn not_yet(first: i64, second: i64, now: i64) -> bool {
    (first - SAME_INTERVAL_S..second - SAME_INTERVAL_S).contains(&now)
}

/// Which of two instants our own clock says it is, if one of them.
fn by_arrival(first: i64, second: i64, arrived: i64) -> Option<i64> {
    [first, second].into_iter().find(|instant| (instant - arrived).abs() <= SAME_TIME_S)
}

fn seconds(millis: UnixMillis) -> i64 {
    millis.div_euclid(1_000)
}
