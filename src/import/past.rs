//! Positions of registers worked out backwards from what was used in days and hours.
//!
//! What a day used lies between its position and that of the next day. A position that the meter told at the start of
//! a day is taken as it is. Where a day has none it is what the next known position leaves, less what the days between
//! used. Within a day the positions go up by what its hours used; what the hours leave out is in the last of them. A
//! position is never beyond that of the next day.

use std::collections::BTreeMap;

use crate::meter::Unit;
use crate::p1::Decimal;
use crate::store::intake::PastCounter;
use crate::totals::{QUARTER, Register};

/// What is known of a register in a day, in thousandths of its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    /// Its midnights: the start, and the start of the next, in seconds since 1970-01-01 00:00 UTC.
    pub(super) span: (i64, i64),
    /// Its position at the start, and when the meter told it.
    pub(super) told: Option<(i64, i64)>,
    /// What was used.
    pub(super) used: Option<i64>,
}

/// Digits behind the point of what other programs tell.
pub(super) const SCALE: u8 = 3;

/// A value in thousandths, where it has no more digits.
pub(super) fn thousandths(value: Decimal) -> Option<i64> {
    i64::try_from(value.rescaled(SCALE)?.mantissa()).ok()
}

/// Whose positions they are.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub(super) equipment: String,
    pub(super) register: Register,
    pub(super) unit: Unit,
}

/// The positions of a register before its first known one, `anchor`, in order of time, one counter for each meter that
/// was there: a position that falls says that the meter was replaced. `hours` are what was used in the hours that begin
/// at these instants.
pub(super) fn counters(
    of: &Of,
    days: &BTreeMap<i64, Day>,
    hours: &BTreeMap<i64, i64>,
    anchor: Option<(i64, i64)>,
) -> Vec<PastCounter> {
    let mut made: Vec<BTreeMap<i64, i64>> = vec![BTreeMap::new()];
    let limit = anchor.map_or(i64::MAX, |(time, _)| time);
    // The next known position, from the later days; backwards.
    let mut next = anchor;
    for day in days.values().rev().filter(|day| day.span.0 < limit) {
        let (start, end) = day.span;
        let told = day.told.map(|(time, value)| (boundary(start, time), value));
        // Of a day in which the readings begin, what its hours before them used.
        let used = day.used.filter(|_| end <= limit);
        let used = used.unwrap_or_else(|| of_hours(hours, start, end.min(limit))).max(0);
        if day.told.is_none() && used == 0 && end > limit {
            // It begins with the first known position, and what is older with the day before.
            continue;
        }
        // A meter that was replaced: what this day ends with is not what the next begins with. Where no position was
        // told that shows where it would be below zero.
        let replaced = next.is_some_and(|(_, next)| told.map_or(used, |(_, told)| told) > next);
        let ends = match (next, told) {
            (Some((time, next)), Some((_, told))) if !replaced && time > end + QUARTER => {
                next.min(told + used)
            }
            (Some((_, next)), _) if !replaced => next,
            (_, Some((_, told))) => told + used,
            (_, None) => reckoned(days, end, hours),
        };
        if replaced && made.last().is_some_and(|segment| !segment.is_empty()) {
            made.push(BTreeMap::new());
        }
        let begins = told.map_or_else(|| (ends - used).max(0), |(_, told)| told);
        let first = told.map_or(start, |(boundary, _)| boundary);
        let Some(segment) = made.last_mut() else { break };
        let mut at = begins;
        if first < limit {
            segment.insert(first, begins);
        }
        for (hour, used) in hours.range(start..end) {
            at = (at + used.max(&0)).min(ends);
            let behind = hour + 3_600;
            if behind > first && behind < end.min(limit) {
                segment.insert(behind, at);
            }
        }
        if end < limit {
            segment.entry(end).or_insert(ends);
        }
        next = Some((first, begins));
    }
    let newest = made.len();
    made.into_iter()
        .enumerate()
        .rev()
        .filter(|(_, segment)| !segment.is_empty())
        .map(|(place, segment)| {
            // The newest goes on in what the record has; older ones are meters of their own.
            let equipment = match (place, segment.keys().next_back()) {
                (0, _) | (_, None) => of.equipment.clone(),
                (place, Some(_)) => {
                    format!("{} (before, {})", of.equipment, newest - place).trim().to_owned()
                }
            };
            let mut highest = i64::MIN;
            let positions = segment.into_iter().enumerate().filter_map(|(place, (time, value))| {
                highest = highest.max(value);
                // It is known from the first second on: the quarter-hour before has nothing to do with it.
                Some((time + i64::from(place == 0), Decimal::new(highest.into(), SCALE)?))
            });
            PastCounter { equipment, register: of.register, unit: of.unit, positions: positions.collect() }
        })
        .collect()
}

/// Where a position counts that the meter told just after midnight: at midnight; later at the next quarter-hour.
fn boundary(midnight: i64, time: i64) -> i64 {
    if (time - midnight).abs() < QUARTER { midnight } else { time + (-time).rem_euclid(QUARTER) }
}

/// What the hours used that lie in a span as a whole: what an hour used in which the readings begin is in these.
fn of_hours(hours: &BTreeMap<i64, i64>, start: i64, end: i64) -> i64 {
    let whole = hours.range(start..end).filter(|(hour, _)| **hour + 3_600 <= end);
    whole.map(|(_, used)| used.max(&0)).sum()
}

/// The position at the end of a day that no later one tells: what was used since the last told one, or since zero
/// before the first day.
fn reckoned(days: &BTreeMap<i64, Day>, end: i64, hours: &BTreeMap<i64, i64>) -> i64 {
    let mut sum = 0_i64;
    for day in days.range(..end).rev().map(|(_, day)| day) {
        let used = day.used.unwrap_or_else(|| of_hours(hours, day.span.0, day.span.1)).max(0);
        sum = sum.saturating_add(used);
        if let Some((_, told)) = day.told {
            return sum.saturating_add(told);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Field;

    const DAY: i64 = 86_400;

    fn of() -> Of {
        let register = Register::Energy(Field::EnergyImportT1);
        Of { equipment: "A".to_owned(), register, unit: Unit::KiloWattHour }
    }

    fn day(number: i64, told: Option<i64>, used: i64) -> (i64, Day) {
        let start = number * DAY;
        let told = told.map(|told| (start + 10, told));
        (start, Day { span: (start, start + DAY), told, used: Some(used) })
    }

    fn shown(counter: &PastCounter) -> Vec<(i64, i128)> {
        counter.positions.iter().map(|(time, value)| (*time, value.mantissa())).collect()
    }

    #[test]
    fn days_without_positions_are_reckoned_back_from_the_next_known_one() {
        let days = BTreeMap::from([day(0, None, 5), day(1, None, 7), day(2, Some(100), 3)]);
        let hours = BTreeMap::from([(DAY + 3_600, 4), (DAY + 7_200, 2)]);
        let made = counters(&of(), &days, &hours, Some((3 * DAY + 60, 103)));
        assert_eq!(made.len(), 1);
        let expected =
            [(1, 88), (DAY, 93), (DAY + 7_200, 97), (DAY + 10_800, 99), (2 * DAY, 100), (3 * DAY, 103)];
        assert_eq!(shown(&made[0]), expected);
    }

    #[test]
    fn what_the_hours_leave_out_is_in_the_last_and_no_hour_goes_beyond_the_day() {
        let days = BTreeMap::from([day(0, Some(10), 6), day(1, Some(20), 5)]);
        let hours = BTreeMap::from([(0, 3), (3_600, 99)]);
        let made = counters(&of(), &days, &hours, None);
        assert_eq!(shown(&made[0]), [(1, 10), (3_600, 13), (7_200, 20), (DAY, 20), (2 * DAY, 25)]);
    }

    #[test]
    fn where_no_position_was_told_a_sum_beyond_the_position_is_of_another_meter() {
        let days = BTreeMap::from([day(0, Some(700), 5), day(1, None, 6), day(2, None, 7), day(3, None, 8)]);
        let made = counters(&of(), &days, &BTreeMap::new(), Some((4 * DAY + 60, 10)));
        assert_eq!(made.len(), 2, "nothing is lost");
        assert_eq!(shown(&made[0]), [(1, 700), (DAY, 705), (2 * DAY, 711), (3 * DAY, 718)]);
        assert_eq!(shown(&made[1]), [(3 * DAY + 1, 2), (4 * DAY, 10)]);
    }

    #[test]
    fn an_hour_in_which_the_readings_begin_is_not_counted_before_them() {
        let days = BTreeMap::from([day(0, None, 5), day(1, None, 9)]);
        let hours = BTreeMap::from([(DAY + 3_600, 4), (DAY + 7_200, 5)]);
        let made = counters(&of(), &days, &hours, Some((DAY + 9_000, 100)));
        let expected = [(1, 91), (DAY, 96), (DAY + 7_200, 100)];
        assert_eq!(shown(&made[0]), expected, "the second hour lies behind the first reading");
        // Nothing used before them: the day before ends with what they begin with.
        let made = counters(&of(), &days, &BTreeMap::from([(DAY + 7_200, 5)]), Some((DAY + 9_000, 100)));
        assert_eq!(shown(&made[0]), [(1, 95), (DAY, 100)]);
    }

    #[test]
    fn a_position_that_falls_is_another_meter() {
        let days = BTreeMap::from([day(0, Some(900), 4), day(1, Some(3), 2)]);
        let made = counters(&of(), &days, &BTreeMap::new(), None);
        assert_eq!(made.len(), 2);
        assert_eq!(
            (shown(&made[0]), made[0].equipment.as_str()),
            (vec![(1, 900), (DAY, 904)], "A (before, 1)")
        );
        assert_eq!((shown(&made[1]), made[1].equipment.as_str()), (vec![(DAY + 1, 3), (2 * DAY, 5)], "A"));
    }

    #[test]
    fn without_any_position_usage_counts_from_zero() {
        let days = BTreeMap::from([day(0, None, 4), day(1, None, 2)]);
        let made = counters(&of(), &days, &BTreeMap::new(), None);
        assert_eq!(shown(&made[0]), [(1, 0), (DAY, 4), (2 * DAY, 6)]);
    }
}
