//! When a backup is due, and which ones are given up. Pure: times come in and go out.

use std::collections::HashSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How many backups stay. A backup holds everything that the ones before it hold; old ones are for what is noticed late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The last ones of so many days that have any.
    pub daily: u32,
    /// The last ones of so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The last ones of so many months.
    pub monthly: u32,
}

/// A backup whose time lies further ahead was made while the clock was wrong: it is never deleted, and keeps no other
/// one from being made.
const AHEAD: i64 = 86_400;

fn date(time: i64, zone: &TimeZone) -> Date {
    Timestamp::from_second(time).unwrap_or_default().to_zoned(zone.clone()).date()
}

/// Of backups made at these times, in seconds since 1970-01-01 00:00 UTC, those that are given up. The newest is never
/// among them.
pub fn given_up(times: &[i64], keep: Keep, zone: &TimeZone, now: i64) -> Vec<i64> {
    let mut times: Vec<i64> = times.iter().copied().filter(|time| *time <= now + AHEAD).collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    let mut kept: HashSet<i64> = times.first().copied().into_iter().collect();
    let mut last_of_each = |count: u32, period: &dyn Fn(Date) -> (i16, i8, i8)| {
        let mut seen = Vec::new();
        for time in &times {
            let period = period(date(*time, zone));
            if seen.last() != Some(&period) {
                if seen.len() >= count as usize {
                    break;
                }
                seen.push(period);
                kept.insert(*time);
            }
        }
    };
    last_of_each(keep.daily, &|date| (date.year(), date.month(), date.day()));
    last_of_each(keep.weekly, &|date| {
        let week = date.iso_week_date();
        (week.year(), week.week(), 0)
    });
    last_of_each(keep.monthly, &|date| (date.year(), date.month(), 0));
    times.retain(|time| !kept.contains(time));
    times.reverse();
    times
}

/// When the next backup is due, in seconds since 1970-01-01 00:00 UTC: at a time of the day, every so many days. `made`
/// has the times of those that are there. One that was missed is due at once, and so is the first.
pub fn due(made: &[i64], at: Time, every: u32, zone: &TimeZone, now: i64) -> i64 {
    let Some(last) = made.iter().copied().filter(|time| *time <= now + AHEAD).max() else { return now };
    let first = date(last, zone);
    let slot = |date: Date| {
        date.to_datetime(at).to_zoned(zone.clone()).map_or(now, |zoned| zoned.timestamp().as_second())
    };
    // A backup counts for the slot that it comes after: one made up for at noon does not put off the next night's.
    let own = if slot(first) <= last { first } else { first.yesterday().unwrap_or(first) };
    let next = own.checked_add(Span::new().days(i64::from(every.max(1)))).unwrap_or(own);
    slot(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    fn amsterdam() -> TimeZone {
        TimeZone::get("Europe/Amsterdam").expect("it is known")
    }

    fn at(text: &str) -> i64 {
        let time: jiff::civil::DateTime = text.parse().expect("a time");
        time.to_zoned(amsterdam()).expect("it is in range").timestamp().as_second()
    }

    #[test]
    fn a_year_of_nights_leaves_days_weeks_and_months() {
        let keep = Keep { daily: 7, weekly: 4, monthly: 3 };
        let mut there = Vec::new();
        for day in 0..365 {
            let now = at("2025-11-22T04:00") + day * DAY;
            there.push(now);
            let gone = given_up(&there, keep, &amsterdam(), now);
            there.retain(|time| !gone.contains(time));
        }
        let days: Vec<String> = there.iter().map(|time| date(*time, &amsterdam()).to_string()).collect();
        let expected = [
            "2026-09-30",
            "2026-10-31", // The last of its month.
            "2026-11-01",
            "2026-11-08", // Sundays.
            "2026-11-15",
            "2026-11-16",
            "2026-11-17",
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
            "2026-11-21",
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn one_is_due_each_night_and_one_that_was_missed_at_once() {
        let four = Time::constant(4, 0, 0, 0);
        let next = |made: &[&str], every: u32, now: &str| {
            let made: Vec<i64> = made.iter().map(|time| at(time)).collect();
            due(&made, four, every, &amsterdam(), at(now))
        };
        assert_eq!(next(&[], 1, "2026-11-21T12:00"), at("2026-11-21T12:00"));
        assert_eq!(next(&["2026-11-21T04:00:20"], 1, "2026-11-21T12:00"), at("2026-11-22T04:00"));
        assert_eq!(next(&["2026-11-21T12:00"], 1, "2026-11-21T12:30"), at("2026-11-22T04:00"));
        assert_eq!(next(&["2026-11-21T01:00"], 1, "2026-11-21T01:10"), at("2026-11-21T04:00"));
        assert_eq!(next(&["2026-11-21T04:00:20"], 7, "2026-11-21T12:00"), at("2026-11-28T04:00"));
        // Three nights were missed: it is past.
        assert!(next(&["2026-11-18T04:00:20"], 1, "2026-11-21T12:00") < at("2026-11-21T12:00"));
        // The night has 23 hours, and the time of the day holds.
        assert_eq!(next(&["2026-03-28T04:00"], 1, "2026-03-28T05:00"), at("2026-03-29T04:00"));
        // A clock that was wrong once.
        assert_eq!(next(&["2038-01-01T04:00"], 1, "2026-11-21T12:00"), at("2026-11-21T12:00"));
    }

    #[test]
    fn a_night_with_an_hour_twice_or_without_it_has_one_backup() {
        for (from, time) in
            [("2026-03-27T12:00", "02:30"), ("2026-10-23T12:00", "02:30"), ("2026-10-23T12:00", "03:00")]
        {
            let (start, time): (i64, Time) = (at(from), time.parse().expect("a time"));
            let mut made = vec![start];
            for now in (start..start + 4 * DAY).step_by(60) {
                if due(&made, time, 1, &amsterdam(), now) <= now {
                    made.push(now);
                }
            }
            let days: Vec<Date> = made.iter().map(|time| date(*time, &amsterdam())).collect();
            let first = date(start, &amsterdam());
            let expected: Vec<Date> = first.series(Span::new().days(1)).take(5).collect();
            assert_eq!(days, expected, "{from} {time}");
        }
    }

    proptest! {
        #[test]
        fn what_stays_is_the_newest_and_no_more_than_asked_for(
            offsets in proptest::collection::vec(0..800 * DAY, 0..60),
            daily in 0u32..9, weekly in 0u32..6, monthly in 0u32..5,
        ) {
            let (zone, now) = (amsterdam(), at("2026-11-21T12:00"));
            let mut times: Vec<i64> = offsets.iter().map(|offset| now - offset).collect();
            times.sort_unstable();
            times.dedup();
            let keep = Keep { daily, weekly, monthly };
            let gone = given_up(&times, keep, &zone, now);
            let kept: Vec<i64> = times.iter().copied().filter(|time| !gone.contains(time)).collect();
            prop_assert_eq!(kept.last(), times.last());
            prop_assert!(gone.iter().all(|time| times.contains(time)));
            prop_assert!(kept.len() <= (daily + weekly + monthly).max(1) as usize);
            // Every one of the last days that have any keeps its last.
            let mut days: Vec<Date> = times.iter().map(|time| date(*time, &zone)).collect();
            days.dedup();
            for day in days.iter().rev().take(daily as usize) {
                let last = times.iter().rfind(|time| date(**time, &zone) == *day).expect("the day has one");
                prop_assert!(kept.contains(last));
            }
            // Asked again it gives up no more.
            prop_assert_eq!(given_up(&kept, keep, &zone, now), Vec::<i64>::new());
        }

        #[test]
        fn the_next_comes_within_the_days_asked_for(back in 0..40 * DAY, every in 1u32..30, hour in 0i8..24) {
            let (zone, now) = (amsterdam(), at("2026-11-21T12:00"));
            let last = now - back;
            let due = due(&[last], Time::constant(hour, 30, 0, 0), every, &zone, now);
            prop_assert!(due > last);
            prop_assert!(due <= last + i64::from(every) * DAY + 3_600);
        }
    }
}
