//! The time zone a meter stands in.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::reading::MeterTime;
use crate::p1::timestamp::LocalTime;

/// A time zone, for what a telegram leaves out: which offset its `S` and `W` stand for, and which offset
/// holds where there is neither.
#[derive(Clone, Debug)]
pub struct Zone {
    zone: TimeZone,
    /// Seconds east of Greenwich in winter.
    standard_offset: i32,
}

/// The name is not one of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone {
    /// The name.
    pub name: String,
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown time zone \"{}\"; use an IANA name such as Europe/Amsterdam", self.name)
    }
}

impl std::error::Error for UnknownZone {}

impl Zone {
    /// The zone of an IANA name.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone { name: name.to_owned() })?;
        // The offset in a winter of either hemisphere. Meters came after the last changes of standard time.
        let standard_offset = [1_767_225_600, 1_782_864_000]
            .into_iter()
            .filter_map(|second| Timestamp::from_second(second).ok())
            .map(|instant| zone.to_offset_info(instant))
            .find(|info| info.dst().is_std())
            .map_or(0, |info| info.offset().seconds());
        Ok(Self { zone, standard_offset })
    }

    /// Seconds east of Greenwich when summer time does not hold.
    pub fn standard_offset(&self) -> i32 {
        self.standard_offset
    }

    /// The zone itself, for local dates.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The meter's time as an instant. The flag decides where there is one; without it the zone does, except
    /// in the hour that the autumn doubles and the one that the spring leaves out.
    #[inline]
    pub fn meter_time(&self, local: LocalTime) -> MeterTime {
        let utc = match local.utc_seconds(self.standard_offset) {
            Some(utc) => Some(utc),
            None => self.unflagged(local),
        };
        MeterTime { local, utc }
    }

    fn unflagged(&self, local: LocalTime) -> Option<i64> {
        match self.instants(local) {
            Instants::One(utc) => Some(utc),
            Instants::Two { .. } | Instants::None => None,
        }
    }

    /// When the wall clocks of the zone show a time, whatever its flag says.
    pub fn instants(&self, local: LocalTime) -> Instants {
        let field = |value: u8| value as i8;
        let (month, day) = (field(local.month), field(local.day));
        let (hour, minute, second) = (field(local.hour), field(local.minute), field(local.second));
        let Ok(time) = DateTime::new(local.year as i16, month, day, hour, minute, second, 0) else {
            return Instants::None;
        };
        let at = |offset: Offset| local.seconds_as_utc() - i64::from(offset.seconds());
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => Instants::One(at(offset)),
            AmbiguousOffset::Gap { .. } => Instants::None,
            AmbiguousOffset::Fold { before, after } => Instants::Two { first: at(before), second: at(after) },
        }
    }
}

/// When wall clocks show a time, in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instants {
    /// Once.
    One(i64),
    /// Twice: in the hour that the autumn doubles.
    Two {
        /// While summer time holds.
        first: i64,
        /// After it.
        second: i64,
    },
    /// Never: in the hour that the spring leaves out.
    None,
}

/// The zone where nothing tells which.
pub const DEFAULT: &str = "Europe/Amsterdam";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_winter_and_summer() {
        let amsterdam = Zone::new("Europe/Amsterdam").expect("known");
        assert_eq!(amsterdam.standard_offset(), 3_600);
        assert_eq!(Zone::new("Europe/Vilnius").expect("known").standard_offset(), 7_200);
        assert_eq!(Zone::new("UTC").expect("known").standard_offset(), 0);
        let unknown = Zone::new("Europe/Rotterdam").expect_err("not there");
        assert!(unknown.to_string().contains("Europe/Rotterdam"));
    }

    #[test]
    fn the_zone_decides_only_where_no_flag_does() {
        let zone = Zone::new("Europe/Brussels").expect("known");
        let at =
            |month, day, hour, dst| LocalTime { year: 2026, month, day, hour, minute: 30, second: 0, dst };
        let utc = |time: LocalTime| zone.meter_time(time).utc.map(|utc| time.seconds_as_utc() - utc);
        assert_eq!(utc(at(7, 1, 12, None)), Some(7_200));
        assert_eq!(utc(at(12, 1, 12, None)), Some(3_600));
        assert_eq!(utc(at(10, 25, 2, None)), None);
        assert_eq!(utc(at(3, 29, 2, None)), None);
        assert_eq!(utc(at(10, 25, 2, Some(true))), Some(7_200));
        assert_eq!(utc(at(7, 1, 12, Some(false))), Some(3_600));
    }

    #[test]
    fn the_doubled_hour_is_there_twice_and_the_spring_one_never() {
        let zone = Zone::new("Europe/Brussels").expect("known");
        let at =
            |month, day, hour| LocalTime { year: 2026, month, day, hour, minute: 0, second: 0, dst: None };
        let wall = at(10, 25, 2).seconds_as_utc();
        assert_eq!(zone.instants(at(10, 25, 2)), Instants::Two { first: wall - 7_200, second: wall - 3_600 });
        assert_eq!(zone.instants(at(3, 29, 2)), Instants::None);
        assert_eq!(zone.instants(at(3, 29, 3)), Instants::One(at(3, 29, 1).seconds_as_utc()));
    }
}
