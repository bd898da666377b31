//! The household's clock: Central European time with summer time by the rule of directive 2000/84/EC.

use crate::p1::timestamp::LocalTime;

/// Seconds of a day without a change of the clock.
pub(super) const DAY: i32 = 86_400;
const HOUR: i32 = 3_600;

/// Days since 1970-01-01 of a date.
const fn days(year: u16, month: u8, day: u8) -> i64 {
    let midnight = LocalTime { year, month, day, hour: 0, minute: 0, second: 0, dst: None };
    midnight.seconds_as_utc() / DAY as i64
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (u16, u8, u8) {
    // Civil from days: the year starts in March, so that the leap day is its last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let doe = days.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let month = (5 * doy + 2) / 153;
    let day = doy - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (yoe, month + 3) } else { (yoe + 1, month - 9) };
    ((year + era * 400) as u16, month as u8, day as u8)
}

/// The last Sunday of a month of 31 days, in days since 1970-01-01.
fn last_sunday(year: u16, month: u8) -> i64 {
    let last = days(year, month, 31);
    // 1970-01-01 was a Thursday.
    last - (last + 4).rem_euclid(7)
}

/// One local day.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// The local date in days since 1970-01-01.
    pub(super) number: i64,
    /// Local midnight in seconds since 1970-01-01 00:00 UTC.
    pub(super) start: i64,
    /// 82,800, 86,400 or 90,000 seconds.
    pub(super) length: i32,
    /// Saturday or Sunday.
    pub(super) weekend: bool,
    /// 1 to 366.
    pub(super) of_year: i32,
    date: (u16, u8, u8),
    /// Seconds after midnight at which the clock changes, and by how much.
    change: Option<(i32, i32)>,
    summer_at_start: bool,
}

impl Day {
    /// The local date `number` days after 1970-01-01.
    pub(super) fn new(number: i64) -> Self {
        let date = date(number);
        let (spring, autumn) = (last_sunday(date.0, 3), last_sunday(date.0, 10));
        let summer_at_start = number > spring && number <= autumn;
        // The clock changes at 01:00 UTC: at 02:00 in spring, at 03:00 (then 02:00 again) in autumn.
        let change = match number {
            n if n == spring => Some((2 * HOUR, HOUR)),
            n if n == autumn => Some((3 * HOUR, -HOUR)),
            _ => None,
        };
        let offset = if summer_at_start { 2 * HOUR } else { HOUR };
        Self {
            number,
            start: number * i64::from(DAY) - i64::from(offset),
            length: DAY - change.map_or(0, |(_, by)| by),
            weekend: (number + 3).rem_euclid(7) >= 5,
            of_year: (number - days(date.0, 1, 1) + 1) as i32,
            date,
            change,
            summer_at_start,
        }
    }

    /// The local day that holds an instant.
    pub(super) fn containing(utc: i64) -> Self {
        let day = Self::new((utc + i64::from(HOUR)).div_euclid(i64::from(DAY)));
        // In the last hour of a summer day the date by winter time is a day behind.
        if utc >= day.start + i64::from(day.length) { Self::new(day.number + 1) } else { day }
    }

    /// Seconds after the start of the day at which the clock first shows `local` seconds after midnight; of a
    /// time that is skipped in spring, the moment of the change.
    pub(super) fn at(&self, local: i32) -> i32 {
        match self.change {
            Some((at, by)) if by > 0 && local >= at => (local - by).max(at),
            Some((at, by)) if by < 0 && local >= at => local - by,
            _ => local,
        }
    }

    /// What the clock shows `elapsed` seconds after the start of the day.
    pub(super) fn local_time(&self, elapsed: i32) -> LocalTime {
        let by = self.change.map_or(0, |(at, by)| if elapsed >= at { by } else { 0 });
        let second = elapsed + by;
        let (year, month, day) = self.date;
        LocalTime {
            year,
            month,
            day,
            hour: (second / HOUR) as u8,
            minute: (second % HOUR / 60) as u8,
            second: (second % 60) as u8,
            dst: Some(if by == 0 { self.summer_at_start } else { by > 0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(utc: i64) -> String {
        let day = Day::containing(utc);
        let t = day.local_time((utc - day.start) as i32);
        let flag = if t.dst == Some(true) { 'S' } else { 'W' };
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{flag}",
            t.year, t.month, t.day, t.hour, t.minute, t.second
        )
    }

    #[test]
    fn the_clock_changes_as_in_the_netherlands() {
        // 2026-03-29 and 2026-10-25, both at 01:00 UTC.
        assert_eq!(shown(1_774_745_999), "2026-03-29 01:59:59W");
        assert_eq!(shown(1_774_746_000), "2026-03-29 03:00:00S");
        assert_eq!(shown(1_792_889_999), "2026-10-25 02:59:59S");
        assert_eq!(shown(1_792_890_000), "2026-10-25 02:00:00W");
        assert_eq!(shown(1_792_879_200 - 1), "2026-10-24 23:59:59S");
        assert_eq!(shown(1_792_879_200), "2026-10-25 00:00:00S");
    }

    #[test]
    fn every_second_of_two_years_is_the_instant_its_flag_says() {
        // Steps of 1,799 s meet every hour and, over two years, every kind of minute.
        for utc in (1_704_067_200..1_767_225_600).step_by(1_799) {
            let day = Day::containing(utc);
            let elapsed = (utc - day.start) as i32;
            assert!((0..day.length).contains(&elapsed), "{utc}");
            assert_eq!(day.local_time(elapsed).utc_seconds(3_600), Some(utc));
        }
    }

    #[test]
    fn days_follow_each_other_without_a_gap() {
        let mut lengths = [0; 3];
        for number in 19_723..19_723 + 731 {
            let day = Day::new(number);
            assert_eq!(day.start + i64::from(day.length), Day::new(number + 1).start);
            lengths[(day.length / HOUR - 23) as usize] += 1;
            assert_eq!(day.local_time(day.at(12 * HOUR)).hour, 12);
        }
        assert_eq!(lengths, [2, 727, 2]);
        assert!(Day::new(19_729).weekend && !Day::new(19_730).weekend, "2024-01-07 was a Sunday");
        assert_eq!(Day::new(19_723 + 59).date, (2024, 2, 29));
        assert_eq!(Day::new(19_723 + 59).of_year, 60);
    }
}
