//! Times as tables write them: with an offset, as seconds since 1970, or where the meter stands.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;

use super::shown;
use crate::meter::Zone;

/// Tables are of this century: a number that is no time since 1970 is told from one that is.
const YEARS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Whole numbers from here on are milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;

/// Seconds east of Greenwich, where a text has letters for its offset.
const OFFSETS: &[(&str, i64)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEST", 3_600),
    ("CET", 3_600),
    ("MEZ", 3_600),
    ("CEST", 7_200),
    ("MESZ", 7_200),
    ("EET", 7_200),
    ("EEST", 10_800),
];

/// Which clock a time without an offset is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'a> {
    /// The table says that it is UTC.
    pub(super) utc: bool,
    /// That of this zone.
    pub(super) zone: Option<&'a Zone>,
}

/// Reads a time, in seconds since 1970-01-01 00:00 UTC.
///
/// # Errors
/// What is wrong with it and what to do.
pub(super) fn instant(text: &str, clock: Clock<'_>) -> Result<i64, String> {
    let text = text.trim();
    let utc = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        since_epoch(text)?
    } else if let Ok(instant) = text.parse::<Timestamp>() {
        // Tables that tell the last millisecond of an hour mean its end.
        instant.as_second() + i64::from(instant.subsec_millisecond() >= 500)
    } else {
        local(text, clock)?
    };
    if !YEARS.contains(&utc) {
        return Err(format!("the time {} is not between 2000 and 2100", shown(text)));
    }
    Ok(utc)
}

/// Whether a text is a time at all, whatever its clock.
pub(super) fn is_instant(text: &str) -> bool {
    instant(text, Clock { utc: true, zone: None }).is_ok()
}

fn since_epoch(text: &str) -> Result<i64, String> {
    let number: i64 = text.parse().map_err(|_| no_time(text))?;
    let seconds = if number >= MILLISECONDS { number / 1_000 } else { number };
    if YEARS.contains(&seconds) { Ok(seconds) } else { Err(no_time(text)) }
}

fn no_time(text: &str) -> String {
    format!(
        "{} is not a time; write it as 2026-01-31T14:00+01:00, or as seconds or milliseconds since 1970",
        shown(text)
    )
}

/// A time without an offset in digits.
fn local(text: &str, clock: Clock<'_>) -> Result<i64, String> {
    let (plain, letters) = split_letters(text);
    let local = civil(plain).ok_or_else(|| no_time(text))?;
    let as_utc = || local.to_zoned(jiff::tz::TimeZone::UTC).map(|time| time.timestamp().as_second());
    let as_utc = as_utc().map_err(|_| no_time(text))?;
    if let Some(letters) = letters {
        let offset = OFFSETS.iter().find(|(name, _)| name.eq_ignore_ascii_case(letters));
        return offset.map(|(_, offset)| as_utc - offset).ok_or_else(|| no_time(text));
    }
    if clock.utc {
        return Ok(as_utc);
    }
    let Some(zone) = clock.zone else {
        return Err(format!(
            "the time {} has no offset; write it as in 2026-01-31T14:00+01:00, or tell the time zone of the table \
             (--timezone)",
            shown(text)
        ));
    };
    match zone.time_zone().to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(as_utc - i64::from(offset.seconds())),
        AmbiguousOffset::Gap { .. } => Err(format!(
            "the time {} never was: clocks went forward over it; is this the time zone of the table?",
            shown(text)
        )),
        AmbiguousOffset::Fold { .. } => Err(format!(
            "the time {} was there twice, when clocks went back; write the times of that day with their offset, as \
             in 2026-10-25T02:00+02:00",
            shown(text)
        )),
    }
}

/// Letters at the end, in brackets or behind a space: `26/10/2025 02:00:00 (CEST)`.
fn split_letters(text: &str) -> (&str, Option<&str>) {
    let Some((plain, last)) = text.rsplit_once(' ') else { return (text, None) };
    let letters = last.strip_prefix('(').and_then(|last| last.strip_suffix(')')).unwrap_or(last);
    match letters.bytes().all(|byte| byte.is_ascii_alphabetic()) && !letters.is_empty() {
        true => (plain.trim_end(), Some(letters)),
        false => (text, None),
    }
}

/// `2026-01-31 14:00`, `31-01-2026 14:00:00`, with `/` or `.` as well; the day stands before the month. A date alone is
/// its midnight.
fn civil(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let mut parts = date.split(['-', '/', '.']);
    let (first, month, last) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    if year.len() != 4 || day.len() > 2 || month.len() > 2 {
        return None;
    }
    // An hour alone counts from 0 for some and from 1 for others.
    if !time.is_empty() && !time.contains(':') {
        return None;
    }
    let mut clock = time.trim().split(':');
    let mut next = || match clock.next() {
        None | Some("") => Some(0),
        Some(part) => digits(part),
    };
    let (hour, minute) = (next()?, next()?);
    // Thousandths of a second are zeros in tables.
    let second = clock.next().map_or("0", |part| part.trim_end_matches(".000").trim_end_matches(".0"));
    let second = digits(second)?;
    if clock.next().is_some() {
        return None;
    }
    let year = year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse().ok()).flatten()?;
    DateTime::new(year, digits(month)?, digits(day)?, hour, minute, second, 0).ok()
}

fn digits(text: &str) -> Option<i8> {
    let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_769_857_200;

    fn read(text: &str) -> Result<i64, String> {
        instant(text, Clock { utc: false, zone: None })
    }

    fn amsterdam(text: &str) -> Result<i64, String> {
        instant(text, Clock { utc: false, zone: Some(&Zone::new("Europe/Amsterdam").expect("known")) })
    }

    #[test]
    fn times_with_an_offset_stand_for_themselves() {
        for text in [
            "2026-01-31T11:00:00Z",
            "2026-01-31T12:00+01:00",
            "2026-01-31 12:00:00+01:00",
            "2026-01-31T12:00:00+0100",
            "2026-01-31T12:00:00.000+01:00[Europe/Amsterdam]",
            "2026-01-31T10:59:59.999Z",
            "2026-01-31 11:00:00 UTC",
            "31/01/2026 12:00:00 (CET)",
            "31.01.2026 13:00 CEST",
            "1769857200",
            "1769857200000",
        ] {
            assert_eq!(read(text), Ok(NOON), "{text}");
        }
    }

    #[test]
    fn times_of_the_zone_are_told_by_it() {
        for text in ["2026-01-31T12:00", "2026-01-31 12:00:00", "31-1-2026 12:00", "31.01.2026 12:00:00.000"]
        {
            assert_eq!(amsterdam(text), Ok(NOON), "{text}");
        }
        assert_eq!(amsterdam("2026-01-31"), Ok(NOON - 12 * 3_600));
        assert_eq!(amsterdam("2026-07-01"), read("2026-06-30T22:00Z"));
        assert_eq!(instant("2026-01-31 11:00", Clock { utc: true, zone: None }), Ok(NOON));
    }

    #[test]
    fn a_time_that_is_none_or_two_is_told() {
        let no_offset = read("2026-01-31 12:00").expect_err("no zone");
        assert!(no_offset.contains("has no offset") && no_offset.contains("2026-01-31 12:00"), "{no_offset}");
        assert!(amsterdam("2026-10-25 02:30").is_err_and(|text| text.contains("twice")));
        assert!(amsterdam("2026-03-29 02:30").is_err_and(|text| text.contains("never was")));
        assert_eq!(amsterdam("2026-10-25 02:30 (CEST)"), read("2026-10-25T00:30Z"));
        for text in [
            "",
            "noon",
            "20260131",
            "12:00",
            "2026-13-01",
            "31-31-2026",
            "2026-01-31 25:00",
            "2026-01-31 5",
            "-5",
        ] {
            assert!(amsterdam(text).is_err_and(|text| text.contains("is not a time")), "{text}");
        }
        assert!(read("1999-12-31T23:59:59Z").is_err_and(|text| text.contains("between 2000 and 2100")));
        assert!(read("2026-01-31 12:00 (PST)").is_err());
    }
}
