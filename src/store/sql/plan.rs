//! What of a WHERE clause leads to fewer hours being read. SQLite looks at every row again, so that what is taken here
//! may be too much and never too little.

use jiff::civil::Date;
use rusqlite::Result;
use rusqlite::types::ValueRef;
use rusqlite::vtab::{Filters, IndexConstraintOp as Op, IndexInfo};

use crate::store::query::Range;

/// The columns that every virtual table begins with.
pub(super) const TIME: i32 = 0;
pub(super) const TIME_UTC: i32 = 1;
pub(super) const TIME_LOCAL: i32 = 2;
pub(super) const METER: i32 = 3;
pub(super) const EQUIPMENT: i32 = 4;

const HOUR: i64 = 3_600;

/// What a cursor is asked for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) range: Range,
    /// The columns that are looked at, one a bit; the last bit stands for all beyond.
    pub(super) used: u64,
    pub(super) descending: bool,
    /// Something is compared with NULL: no row is asked for.
    pub(super) nothing: bool,
}

/// Tells SQLite what a table makes use of; rows come in order of time, forwards or backwards.
pub(super) fn choose(info: &mut IndexInfo) -> Result<()> {
    let mut chosen = Vec::new();
    for (place, constraint) in info.constraints().enumerate() {
        if !constraint.is_usable() {
            continue;
        }
        let (column, op) = (constraint.column(), constraint.operator());
        let mark = match (column, op) {
            (TIME | TIME_UTC | TIME_LOCAL | METER | EQUIPMENT, Op::SQLITE_INDEX_CONSTRAINT_EQ) => "=",
            (TIME | TIME_UTC | TIME_LOCAL, Op::SQLITE_INDEX_CONSTRAINT_GT) => ">",
            (TIME | TIME_UTC | TIME_LOCAL, Op::SQLITE_INDEX_CONSTRAINT_GE) => ">=",
            (TIME | TIME_UTC | TIME_LOCAL, Op::SQLITE_INDEX_CONSTRAINT_LT) => "<",
            (TIME | TIME_UTC | TIME_LOCAL, Op::SQLITE_INDEX_CONSTRAINT_LE) => "<=",
            (TIME_UTC | TIME_LOCAL, Op::SQLITE_INDEX_CONSTRAINT_LIKE | Op::SQLITE_INDEX_CONSTRAINT_GLOB) => {
                "~"
            }
            _ => continue,
        };
        // `meter = 'HOME' COLLATE NOCASE` is another question.
        if matches!(column, METER | EQUIPMENT) && info.collation(place)? != "BINARY" {
            continue;
        }
        chosen.push((place, column, mark));
    }
    let (mut cost, mut tokens) = (1e7, format!("{:x}", info.col_used()));
    for (argument, (place, column, mark)) in chosen.into_iter().enumerate() {
        info.constraint_usage(place).set_argv_index(i32::try_from(argument + 1).unwrap_or(i32::MAX));
        tokens.push_str(&format!(" {column}{mark}"));
        cost /= if column >= METER {
            2.0
        } else if matches!(mark, "=" | "~") {
            1_000.0
        } else {
            30.0
        };
    }
    let mut order = info.order_bys();
    let descending = match (order.next(), order.next()) {
        (Some(first), None) if first.column() == TIME => Some(first.is_order_by_desc()),
        _ => None,
    };
    if let Some(descending) = descending {
        info.set_order_by_consumed(true);
        info.set_idx_num(i32::from(descending));
    }
    info.set_idx_str(&tokens);
    info.set_estimated_cost(cost);
    info.set_estimated_rows(cost as i64 + 1);
    Ok(())
}

/// What was chosen, with its values.
pub(super) fn read(idx_num: i32, idx_str: Option<&str>, args: &Filters<'_>) -> Result<Plan> {
    let mut tokens = idx_str.unwrap_or_default().split(' ');
    let used = tokens.next().and_then(|used| u64::from_str_radix(used, 16).ok()).unwrap_or(u64::MAX);
    let mut plan = Plan { used, descending: idx_num == 1, ..Plan::default() };
    for (token, value) in tokens.zip(args.iter()) {
        let (column, mark) = token.split_at(1);
        if value == ValueRef::Null {
            plan.nothing = true;
        }
        match column.parse().unwrap_or(-1) {
            TIME => plan.time(mark, value)?,
            TIME_UTC | TIME_LOCAL => plan.date(mark, value),
            METER => {
                if let Ok(name) = value.as_str() {
                    plan.range.meter = Some(name.to_owned());
                }
            }
            _ => {
                if let Ok(id) = value.as_str() {
                    plan.range.equipment_id = Some(id.to_owned());
                }
            }
        }
    }
    Ok(plan)
}

impl Plan {
    /// Whether a column is looked at.
    pub(super) fn uses(&self, column: usize) -> bool {
        self.used & (1 << column.min(63)) != 0
    }

    fn time(&mut self, mark: &str, value: ValueRef<'_>) -> Result<()> {
        let (low, high) = match value {
            ValueRef::Integer(seconds) => (seconds, seconds),
            // A little more, whatever lies behind the point.
            ValueRef::Real(seconds) => {
                ((seconds as i64).saturating_sub(1), (seconds as i64).saturating_add(1))
            }
            ValueRef::Null => return Ok(()),
            _ => {
                return Err(rusqlite::Error::ModuleError(
                    "time is a number, seconds since 1970-01-01 00:00 UTC: compare it with \
                     unixepoch('2026-11-21'), or compare time_local with '2026-11-21'"
                        .to_owned(),
                ));
            }
        };
        match mark {
            "=" => self.between(low, high.saturating_add(1)),
            ">" => self.between(low.saturating_add(1), i64::MAX),
            ">=" => self.between(low, i64::MAX),
            "<" => self.between(i64::MIN, high),
            _ => self.between(i64::MIN, high.saturating_add(1)),
        }
        Ok(())
    }

    /// A text with a date in front: local times lie at most a day from it.
    fn date(&mut self, mark: &str, value: ValueRef<'_>) {
        let Some((first, last)) = value.as_str().ok().and_then(days) else { return };
        let (low, high) = (first * 24 * HOUR - 14 * HOUR, (last + 1) * 24 * HOUR + 14 * HOUR);
        match mark {
            "=" | "~" => self.between(low, high),
            ">" | ">=" => self.between(low, i64::MAX),
            _ => self.between(i64::MIN, high),
        }
    }

    fn between(&mut self, from: i64, to: i64) {
        let range = &mut self.range;
        if from > i64::MIN {
            range.from = Some(range.from.map_or(from, |known| known.max(from)));
        }
        if to < i64::MAX {
            range.to = Some(range.to.map_or(to, |known| known.min(to)));
        }
    }
}

/// The first and the last day that a text begins with, from 1970-01-01 on: `2026-11-21…` or `2026-11…`.
fn days(text: &str) -> Option<(i64, i64)> {
    let day = |date: Date| (date - Date::constant(1970, 1, 1)).get_days();
    let date = |text: &str| text.parse::<Date>().ok();
    if let Some(date) = text.get(..10).and_then(date) {
        let day = i64::from(day(date));
        return Some((day, day));
    }
    let first = date(&format!("{}-01", text.get(..7)?))?;
    Some((i64::from(day(first)), i64::from(day(first.last_of_month()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_with_days_and_months() {
        assert_eq!(days("1970-01-02T10:00:00+01:00"), Some((1, 1)));
        assert_eq!(days("1970-02%"), Some((31, 58)));
        for text in ["", "2026", "%-11-21", "2026-13-01", "19700102"] {
            assert_eq!(days(text), None, "{text}");
        }
    }

    #[test]
    fn limits_narrow_a_range_and_never_widen_it() {
        let mut plan = Plan::default();
        plan.time(">=", ValueRef::Integer(100)).expect("a number");
        plan.time(">", ValueRef::Integer(50)).expect("a number");
        plan.time("<", ValueRef::Integer(200)).expect("a number");
        plan.date("<", ValueRef::Text(b"1970-01-05"));
        assert_eq!((plan.range.from, plan.range.to), (Some(100), Some(200)));
        assert!(plan.time("=", ValueRef::Text(b"2026-11-21")).is_err());
        plan.date("~", ValueRef::Text(b"%11-21%"));
        assert_eq!((plan.range.from, plan.range.to), (Some(100), Some(200)));
    }
}
