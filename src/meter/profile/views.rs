//! Profiles whose meaning is known: power failures, peaks, the ends of months, the last interval.

use super::table::{self, MAX_ROWS, Profile, Row};
use super::{RawProfile, duration, split};
use crate::meter::reading::{MeterTime, Quantity, Reading};
use crate::meter::register::Field;
use crate::meter::zone::Zone;

/// A long power failure (DSMR P1 5.0.2, `1-0:99.97.0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerFailure {
    /// When it was over.
    pub end: Option<MeterTime>,
    /// How long it was, in seconds; `None` when that cannot be read or the meter does not know: it writes
    /// 2147483647 then.
    pub duration_s: Option<u64>,
}

impl PowerFailure {
    /// When it began, in seconds since 1970-01-01 00:00 UTC, where its end and its duration are known.
    pub fn start(&self) -> Option<i64> {
        let end = self.end?.utc?;
        end.checked_sub(i64::try_from(self.duration_s?).ok()?)
    }
}

/// The largest numbers of 31 and 32 bits: the failure's length is not known.
const UNKNOWN_DURATIONS: [u64; 2] = [i32::MAX as u64, u32::MAX as u64];

/// The highest demand of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// The end of the month.
    pub period_end: Option<MeterTime>,
    /// When the demand was reached; `None` when there was none.
    pub occurred: Option<MeterTime>,
    /// The demand.
    pub demand: Option<Quantity>,
}

impl Reading {
    /// A profile as a table: [`Field::PowerFailureLog`], [`Field::DemandPeakHistory`],
    /// [`Field::MonthEndEnergies`] or [`Field::LoadProfile`]. `None` when the telegram lacks it.
    pub fn profile(&self, field: Field, zone: &Zone) -> Option<Profile<'_>> {
        Some(Profile::new(&RawProfile::new(split(self.text(field)?)), zone))
    }

    /// The long power failures, as the meter lists them. Its number of entries is not believed: the entries
    /// are.
    pub fn power_failure_log(&self, zone: &Zone) -> Vec<PowerFailure> {
        let Some(text) = self.text(Field::PowerFailureLog) else { return Vec::new() };
        let raw = RawProfile::new(split(text));
        let mut cells = raw.cells.into_iter().peekable();
        let mut log = Vec::new();
        while let Some(cell) = cells.next() {
            // Where a group is missing, a time is a time and a duration a duration.
            let (end, length) = if table::is_time_shaped(cell) {
                (cell, cells.next_if(|next| !table::is_time_shaped(next)).unwrap_or_default())
            } else if cell.is_empty() || value_is_masked(cell) {
                (cell, cells.next().unwrap_or_default())
            } else {
                (&b""[..], cell)
            };
            if end.is_empty() && length.is_empty() || log.len() >= MAX_ROWS {
                continue;
            }
            let known = |seconds: &u64| !UNKNOWN_DURATIONS.contains(seconds);
            log.push(PowerFailure {
                end: table::time(end, zone),
                duration_s: duration(length).filter(known),
            });
        }
        log
    }

    /// The peaks of import of past months, where the meter lists them: in the form of e-MUCS-P1, or among
    /// others as the E660 does.
    pub fn demand_peak_history(&self, zone: &Zone) -> Vec<Peak> {
        self.peaks(Field::DemandImportMax, zone)
    }

    /// The peaks of export of past months, which the E660 lists besides.
    pub fn demand_export_peak_history(&self, zone: &Zone) -> Vec<Peak> {
        self.peaks(Field::DemandExportMax, zone)
    }

    fn peaks(&self, field: Field, zone: &Zone) -> Vec<Peak> {
        let Some(text) = self.text(Field::DemandPeakHistory) else { return Vec::new() };
        let raw = RawProfile::new(split(text));
        if raw.columns.is_empty() {
            return Vec::new();
        }
        let rows = Profile::new(&raw, zone).rows;
        let peak = |row: &Row<'_>| {
            let cell = row.cell(field)?;
            Some(Peak { period_end: row.time, occurred: cell.reached, demand: cell.value })
        };
        rows.iter().filter_map(peak).collect()
    }

    /// What Hungarian meters keep of the last month's end under the code of the peaks: energies and highest
    /// demands.
    pub fn month_end(&self, zone: &Zone) -> Option<Row<'_>> {
        let raw = RawProfile::new(split(self.text(Field::DemandPeakHistory)?));
        if !raw.columns.is_empty() {
            return None;
        }
        Profile::new(&raw, zone).rows.pop()
    }

    /// The energies at the ends of past months, as the E660 lists them.
    pub fn month_end_energies(&self, zone: &Zone) -> Vec<Row<'_>> {
        self.profile(Field::MonthEndEnergies, zone).map_or_else(Vec::new, |profile| profile.rows)
    }

    /// The last interval of the load profile, as Israel's meters send it.
    pub fn load_profile(&self, zone: &Zone) -> Vec<Row<'_>> {
        self.profile(Field::LoadProfile, zone).map_or_else(Vec::new, |profile| profile.rows)
    }
}

/// Whether someone put `xxx` or `***` where a time stood.
fn value_is_masked(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'x' | b'X' | b'*'))
}
