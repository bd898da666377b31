//! In which quarter-hour, hour, day, month and year an instant lies.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::account::Direction;
use crate::meter::Zone;
use crate::totals::counter::CounterState;
use crate::totals::tally::QUARTER;

/// The last instant with a calendar; no meter will see it. It keeps the sums of dates within their range.
const LATEST: i64 = 221_845_392_000;

/// From an instant to another, in seconds since 1970-01-01 00:00 UTC; the end is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Span {
    pub(super) fn contains(self, utc: i64) -> bool {
        self.start <= utc && utc < self.end
    }
}

/// The five periods around an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Quarter-hour, hour, day, month, year.
    pub(super) spans: [Span; 5],
    /// The local day.
    pub(super) date: Date,
}

/// The places of the periods in [`Calendar::spans`].
pub(super) const QUARTER_HOUR: usize = 0;
pub(super) const HOUR: usize = 1;
pub(super) const TODAY: usize = 2;
pub(super) const MONTH: usize = 3;
pub(super) const YEAR: usize = 4;

impl Calendar {
    pub(super) fn at(zone: &Zone, utc: i64) -> Self {
        let quarter = utc.div_euclid(QUARTER) * QUARTER;
        // Clock hours begin with the minutes of the zone's offset.
        let offset = i64::from(zone.time_zone().to_offset(timestamp(utc)).seconds());
        let hour = (utc + offset).div_euclid(3_600) * 3_600 - offset;
        let date = date(zone, utc);
        let month = date.first_of_month();
        let year = date.first_of_year();
        let span = |from: Date, to: Date| Span { start: start_of(zone, from), end: start_of(zone, to) };
        Self {
            spans: [
                Span { start: quarter, end: quarter + QUARTER },
                Span { start: hour, end: hour + 3_600 },
                span(date, date.saturating_add(1.day())),
                span(month, month.saturating_add(1.month())),
                span(year, year.saturating_add(1.year())),
            ],
            date,
        }
    }

    /// When the month began that lies so many months before this one.
    pub(super) fn month_before(&self, zone: &Zone, months: i32) -> i64 {
        start_of(zone, self.date.first_of_month().saturating_sub(months.months()))
    }

    /// From when on positions of the past are told of: the year, and thirteen months for the peaks.
    pub(super) fn needs_from(&self, zone: &Zone) -> i64 {
        self.spans[YEAR].start.min(start_of(zone, self.date.saturating_sub(13.months())))
    }
}

/// The boundary that closes the quarter-hour in which something was known: the first that is not before it.
pub(super) fn boundary(time: i64) -> i64 {
    -(-time).div_euclid(QUARTER) * QUARTER
}

/// The local day of an instant.
pub(super) fn date(zone: &Zone, utc: i64) -> Date {
    zone.time_zone().to_datetime(timestamp(utc)).date()
}

/// The first local day of which the record knows something: that of the first position of electricity, or of a device
/// where there is no electricity. Before it no day costs anything.
pub(super) fn first_day(zone: &Zone, counters: &[CounterState]) -> Option<Date> {
    let energy = counters.iter().filter(|counter| Direction::of(counter.key.register).is_some());
    let first = energy.map(|counter| counter.first.time).min();
    let first = first.or_else(|| counters.iter().map(|counter| counter.first.time).min());
    first.map(|time| date(zone, time))
}

/// The local day of an instant as a span of 23, 24 or 25 hours.
pub(super) fn day(zone: &Zone, utc: i64) -> Span {
    let date = date(zone, utc);
    Span { start: start_of(zone, date), end: start_of(zone, date.saturating_add(1.day())) }
}

/// When a local day begins.
fn start_of(zone: &Zone, date: Date) -> i64 {
    let midnight = date.to_zoned(zone.time_zone().clone());
    midnight.map_or(LATEST, |midnight| midnight.timestamp().as_second())
}

fn timestamp(utc: i64) -> Timestamp {
    Timestamp::from_second(utc.clamp(0, LATEST)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amsterdam() -> Zone {
        Zone::new("Europe/Amsterdam").expect("known")
    }

    #[test]
    fn a_boundary_closes_what_was_known_at_it() {
        assert_eq!(boundary(899), 900);
        assert_eq!(boundary(900), 900);
        assert_eq!(boundary(901), 1_800);
        assert_eq!(boundary(0), 0);
    }

    #[test]
    fn days_have_23_24_and_25_hours() {
        let hours = |utc| {
            let day = day(&amsterdam(), utc);
            (day.end - day.start) / 3_600
        };
        // 2026-03-29, 2026-06-01 and 2026-10-25, at noon.
        assert_eq!(hours(1_774_778_400), 23);
        assert_eq!(hours(1_780_308_000), 24);
        assert_eq!(hours(1_792_926_000), 25);
    }

    #[test]
    fn a_year_begins_at_local_midnight() {
        // 2025-12-31 23:00 UTC.
        let at = |utc| Calendar::at(&amsterdam(), utc);
        let newyear = 1_767_222_000;
        assert_eq!(at(newyear).spans[YEAR].start, newyear);
        assert_eq!(at(newyear - 1).spans[YEAR].end, newyear);
        assert_eq!(at(newyear).spans.map(|span| span.start), [newyear; 5]);
        assert_eq!(at(newyear - 1).date, jiff::civil::date(2025, 12, 31));
    }

    #[test]
    fn the_past_that_is_needed_is_the_year_or_thirteen_months() {
        let needs = |utc| date(&amsterdam(), Calendar::at(&amsterdam(), utc).needs_from(&amsterdam()));
        // 2026-03-29 and 2026-12-31, at noon.
        assert_eq!(needs(1_774_778_400), jiff::civil::date(2025, 2, 28));
        assert_eq!(needs(1_798_714_800), jiff::civil::date(2025, 11, 30));
    }

    #[test]
    fn hours_are_those_of_the_clock() {
        let kolkata = Zone::new("Asia/Kolkata").expect("known");
        // 05:30 UTC is 11:00 there.
        assert_eq!(Calendar::at(&kolkata, 5 * 3_600 + 1_800 + 7).spans[HOUR].start, 5 * 3_600 + 1_800);
    }
}
