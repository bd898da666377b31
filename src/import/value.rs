//! Numbers, times and dates as other programs write them: exactly, or not at all.

use jiff::civil::Date;

use crate::meter::zone::Instants;
use crate::meter::{MeterTime, Zone};
use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;

/// A number such as `4123.456`, `-0.5`, `.5`, `1e-05`, to the digit. `None` for anything else.
pub fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i8>().ok()?),
        None => (text, 0),
    };
    let (negative, number) = match number.strip_prefix(['-', '+']) {
        Some(rest) => (number.starts_with('-'), rest),
        None => (false, number),
    };
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && rest.is_empty() || !digits(whole) || !digits(rest) {
        return None;
    }
    let mut magnitude = 0_u64;
    for digit in whole.bytes().chain(rest.bytes()) {
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    let value = Decimal::from_parts(negative, magnitude, u8::try_from(rest.len()).ok()?)?;
    if exponent == 0 { Some(value) } else { value.shifted(exponent) }
}

/// An instant as PostgreSQL and ISO 8601 write it, in milliseconds since 1970-01-01 00:00 UTC:
/// `2026-10-23 18:00:10+00`, `2018-01-01T00:00:00.5+05:30`, `…Z`. `None` without an offset.
pub fn instant(text: &str) -> Option<i64> {
    let (seconds, millis, rest) = civil(text)?;
    let offset = match rest {
        "Z" | "z" | " UTC" => 0,
        rest => {
            let sign = match rest.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let digits = rest[1..].replace(':', "");
            if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse::<i64>().ok());
            sign * (part(0)? * 3_600 + part(2)? * 60 + part(4)?)
        }
    };
    (seconds - offset).checked_mul(1_000)?.checked_add(millis)
}

/// The same of a database that keeps all times in UTC and, if it is MySQL, does not say so: `2026-10-23 18:00:10.000000`.
pub fn utc(text: &str) -> Option<i64> {
    instant(text).or_else(|| {
        let (seconds, millis) = wall(text)?;
        seconds.checked_mul(1_000)?.checked_add(millis)
    })
}

/// A wall clock without an offset, in seconds as if it stood in UTC, with milliseconds: `2026-10-23 18:00:10`.
pub fn wall(text: &str) -> Option<(i64, i64)> {
    civil(text).filter(|(.., rest)| rest.is_empty()).map(|(seconds, millis, _)| (seconds, millis))
}

/// Seconds, milliseconds, and what stands behind the time.
fn civil(text: &str) -> Option<(i64, i64, &str)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, marks: &[u8]| bytes.get(at).is_some_and(|byte| marks.contains(byte));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b" T") && mark(13, b":")) {
        return None;
    }
    let day = day_seconds(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let (second, mut at) = if mark(16, b":") { (number(17, 19)?, 19) } else { (0, 16) };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut millis = 0;
    if mark(at, b".") {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        for place in 0..3 {
            millis = millis * 10 + if place < digits { i64::from(bytes[at + 1 + place] - b'0') } else { 0 };
        }
        at += 1 + digits;
    }
    Some((day + hour * 3_600 + minute * 60 + second, millis, text.get(at..)?))
}

fn day_seconds(year: i64, month: i64, day: i64) -> Option<i64> {
    let date =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let local = LocalTime {
        year: u16::try_from(year).ok()?,
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
        hour: 0,
        minute: 0,
        second: 0,
        dst: None,
    };
    Some(local.seconds_as_utc())
}

/// A date such as `2026-10-24`.
pub fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// The instant of a local midnight, in seconds since 1970-01-01 00:00 UTC.
pub fn midnight(day: Date, zone: &Zone) -> Option<i64> {
    Some(day.to_zoned(zone.time_zone().clone()).ok()?.timestamp().as_second())
}

/// The instants of wall clocks that come in order: of the two in the hour that the autumn doubles, the one that
/// goes on. The hour that the spring leaves out has none.
#[derive(Debug)]
pub struct WallClock {
    zone: Zone,
    last: Option<i64>,
}

impl WallClock {
    /// Clocks of a zone.
    pub fn new(zone: Zone) -> Self {
        Self { zone, last: None }
    }

    /// The instant at which the clock shows `seconds`, as if they stood in UTC.
    pub fn instant(&mut self, seconds: i64) -> Option<i64> {
        let local = LocalTime::from_seconds_as_utc(seconds, None)?;
        let instant = match self.zone.instants(local) {
            Instants::One(instant) => instant,
            Instants::Two { first, second } => {
                if self.last.is_some_and(|last| last >= first) {
                    second
                } else {
                    first
                }
            }
            Instants::None => return None,
        };
        self.last = Some(instant);
        Some(instant)
    }
}

/// The clocks of a zone at instants that lie close together: the offset is looked up once an hour.
#[derive(Debug)]
pub struct LocalClock {
    zone: Zone,
    hour: i64,
    offset: i64,
    dst: bool,
}

impl LocalClock {
    /// Clocks of a zone.
    pub fn new(zone: Zone) -> Self {
        Self { zone, hour: i64::MIN, offset: 0, dst: false }
    }

    /// What a meter's clock shows at an instant in seconds since 1970-01-01 00:00 UTC.
    pub fn at(&mut self, utc: i64) -> Option<MeterTime> {
        // Offsets change at full hours of UTC.
        let hour = utc.div_euclid(3_600);
        if hour != self.hour {
            let instant = jiff::Timestamp::from_second(utc).ok()?;
            let info = self.zone.time_zone().to_offset_info(instant);
            (self.hour, self.offset, self.dst) =
                (hour, i64::from(info.offset().seconds()), info.dst().is_dst());
        }
        let local = LocalTime::from_seconds_as_utc(utc + self.offset, Some(self.dst))?;
        Some(MeterTime { local, utc: Some(utc) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let number = |text: &str| decimal(text).map(|value| value.to_string());
        assert_eq!(number("4123.450").as_deref(), Some("4123.450"));
        assert_eq!(number("-0.5").as_deref(), Some("-0.5"));
        assert_eq!(number("1e-05").as_deref(), Some("0.00001"));
        assert_eq!(number("7").as_deref(), Some("7"));
        for wrong in ["", ".", "1.2.3", "NaN", "1,5", "0x10", "99999999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn instants_take_every_offset_and_refuse_none() {
        assert_eq!(instant("1970-01-01 00:00:10+00"), Some(10_000));
        assert_eq!(instant("1970-01-01 01:00:10.123456+01"), Some(10_123));
        assert_eq!(instant("1970-01-01T05:30:00+05:30"), Some(0));
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("1969-12-31 18:00:00-06"), Some(0));
        for wrong in ["1970-01-01 00:00:10", "1970-02-30 00:00:00+00", "infinity", "1970-01-01", "x"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
        assert_eq!(wall("1970-01-01 00:01"), Some((60, 0)));
    }

    #[test]
    fn the_doubled_hour_goes_on_in_order() {
        let zone = Zone::new("Europe/Amsterdam").expect("known");
        let mut clock = WallClock::new(zone);
        let at = |text: &str| wall(text).expect("a time").0;
        let first = clock.instant(at("2026-10-25 02:00:00")).expect("there");
        assert_eq!(clock.instant(at("2026-10-25 02:30:00")), Some(first + 1_800));
        assert_eq!(clock.instant(at("2026-10-25 02:00:00")), Some(first + 3_600), "once more");
        assert_eq!(clock.instant(at("2026-10-25 03:00:00")), Some(first + 7_200));
        assert_eq!(clock.instant(at("2027-03-28 02:30:00")), None);
    }
}
