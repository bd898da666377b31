//! At which instant a reading counts. Clocks are set, reset and wrong; positions are cumulative, so that a reading left
//! out costs the place of its energy in time and never the energy.
//!
//! | the reading's clock | what happens |
//! | --- | --- |
//! | at most a day on | it counts |
//! | further on, as the time of arrival | it counts |
//! | further on, alone | the time of arrival, if that agreed before and goes on; else held until it goes on itself |
//! | back by two minutes or less | time stands still: a clock that is corrected |
//! | back by a day or less | held until it goes on, or the time of arrival bears it out; then what follows it is void |
//! | further back, borne out by the time of arrival | the same: the clock was far ahead before |
//! | further back, alone | the time of arrival, if that goes on, or is later and does so while it is held; else time stands still |
//!
//! A reading set back that has a lower position is an old one, told late, and is left out. One that has the same
//! positions tells nothing. A meter without a clock, whose readings have the time of arrival, never steps back: a
//! computer without a battery starts with an old time, and what it voided then would be good.

use std::cmp::Ordering;

use crate::meter::Reading;

const DAY: i64 = 86_400;
/// A step back that is a correction, in seconds.
const CORRECTION_S: i64 = 120;
/// How near the time of arrival bears out a step back within a day, in seconds.
const BORNE_OUT_S: i64 = 900;
/// How long a leap has to go on, in seconds, in at least [`HOLD_READINGS`] readings.
const HOLD_S: i64 = 60;
const HOLD_READINGS: u32 = 3;

/// What a reading says of time, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The meter's own clock.
    own: Option<i64>,
    arrived: i64,
}

/// When a reading counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instant {
    /// At an instant not before the last.
    At(i64),
    /// At one before it: the clock was set back.
    Back(i64),
    /// Not at all, or not yet.
    Held,
}

/// What is known of a meter's clock and of ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    held: Option<Hold>,
    /// The same of the times of arrival, of a meter that lost its clock while it was silent.
    arrivals: Option<Hold>,
    /// Whether the last reading that counted by its own clock arrived at that time.
    agreed: bool,
}

/// A leap that is not believed yet.
#[derive(Clone, Copy, Debug)]
struct Hold {
    since: i64,
    last: i64,
    readings: u32,
}

impl Told {
    pub(super) fn of(reading: &Reading) -> Self {
        Self { own: reading.time.and_then(|time| time.utc), arrived: reading.received_at.div_euclid(1_000) }
    }

    fn clock(self) -> i64 {
        self.own.unwrap_or(self.arrived)
    }

    /// Whether clock and arrival are within a day of each other.
    fn agrees(self) -> bool {
        self.own.is_some_and(|own| own.abs_diff(self.arrived) <= DAY.unsigned_abs())
    }

    /// Whether the time of arrival goes on from an instant.
    fn arrival_goes_on(self, last: i64) -> bool {
        (last - CORRECTION_S..=last.saturating_add(DAY)).contains(&self.arrived)
    }

    /// When the first reading of a meter counts, after another meter that reached an instant.
    pub(super) fn first(self, other: Option<i64>) -> i64 {
        match other {
            Some(last) if !self.agrees() && self.arrival_goes_on(last) => self.arrived.max(last),
            _ => self.clock(),
        }
    }
}

impl Clock {
    /// When a reading counts whose meter reached an instant. `order` tells whether its positions are later.
    pub(super) fn judge(&mut self, told: Told, last: i64, order: impl FnOnce() -> Ordering) -> Instant {
        let clock = told.clock();
        if (last..=last.saturating_add(DAY)).contains(&clock) || clock > last && told.agrees() {
            return self.believe(told);
        }
        if clock > last {
            return self.ahead(told, last);
        }
        if clock >= last - CORRECTION_S {
            self.held = None;
            return Instant::At(last);
        }
        self.behind(told, last, order())
    }

    fn believe(&mut self, told: Told) -> Instant {
        *self = Self { agreed: told.agrees(), ..Self::default() };
        Instant::At(told.clock())
    }

    /// More than a day on, and not at that time.
    fn ahead(&mut self, told: Told, last: i64) -> Instant {
        if self.agreed && told.own.is_some() && told.arrival_goes_on(last) {
            return Instant::At(told.arrived.max(last));
        }
        if hold(&mut self.held, told.clock()) { self.believe(told) } else { Instant::Held }
    }

    /// Set back, by more than a correction.
    fn behind(&mut self, told: Told, last: i64, order: Ordering) -> Instant {
        if order == Ordering::Less {
            return Instant::Held;
        }
        let Some(own) = told.own else { return Instant::At(last) };
        let goes_on = hold(&mut self.held, own);
        let far = own < last - DAY;
        let near = own.abs_diff(told.arrived);
        let borne_out = if far {
            told.agrees()
        } else {
            near <= BORNE_OUT_S.unsigned_abs() && near < last.abs_diff(told.arrived)
        };
        match order {
            Ordering::Greater if borne_out || !far && goes_on => {
                *self = Self { agreed: told.agrees(), ..Self::default() };
                Instant::Back(own)
            }
            // It may be an old one: the same positions, seen before.
            _ if borne_out || !far => Instant::Held,
            _ if told.arrival_goes_on(last) => Instant::At(told.arrived.max(last)),
            // It lost its clock in more than a day of silence, which ours knows of, if it is right.
            _ if told.arrived > last => match hold(&mut self.arrivals, told.arrived) {
                true => Instant::At(told.arrived),
                false => Instant::Held,
            },
            // Our clock leapt too; there is none to go by.
            _ => Instant::At(last),
        }
    }
}

/// Holds a leap; whether it has gone on for long enough.
fn hold(held: &mut Option<Hold>, clock: i64) -> bool {
    let hold = match *held {
        Some(held) if (held.last..=held.last.saturating_add(DAY)).contains(&clock) => {
            Hold { last: clock, readings: held.readings + 1, ..held }
        }
        _ => Hold { since: clock, last: clock, readings: 1 },
    };
    *held = Some(hold);
    hold.readings >= HOLD_READINGS && hold.last - hold.since >= HOLD_S
}
