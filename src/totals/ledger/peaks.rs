//! Averages of quarter-hours: the running one, its forecast, and the peaks of months.

use super::account::difference;
use super::bill::divided;
use super::calendar::{Calendar, MONTH, QUARTER_HOUR};
use super::days::Highest;
use crate::meter::{Field, Reading, Zone};
use crate::p1::Decimal;
use crate::totals::tally::QUARTER;
use crate::totals::view::{Demand, MonthPeak, Peaks};

/// How long before a boundary a position may have been known to be taken for the position at it, in seconds. Every
/// meter sends at least every ten.
pub(super) const NEAR: i64 = 60;

/// How far the end of a month in the meter's list may be from midnight, in seconds: some write the wrong offset.
const MONTH_END: i64 = 12 * 3_600;

/// The months before the running one that count.
const MONTHS_BEFORE: usize = 11;

/// Energy in a whole quarter-hour as average power in kW, three decimals, half away from zero.
pub(super) fn average(energy: Decimal) -> Decimal {
    let quadruple = Decimal::new(energy.mantissa() * 4, energy.scale());
    quadruple.and_then(|power| power.rounded(3)).unwrap_or_default()
}

/// The power taken and given now, in kW, neither below zero. A meter that tells only their difference tells both.
pub(super) fn powers(reading: &Reading) -> Option<(Decimal, Decimal)> {
    let (import, export) = (reading.number(Field::PowerImport), reading.number(Field::PowerExport));
    if import.is_some() || export.is_some() {
        return Some((import.unwrap_or_default(), export.unwrap_or_default()));
    }
    let net = reading.number(Field::PowerNet)?;
    let turned = difference(Decimal::ZERO, net);
    Some(if net.is_negative() { (Decimal::ZERO, turned) } else { (net, Decimal::ZERO) })
}

/// The running quarter-hour. `energy` is what was taken since its start, where that is known.
///
/// The average so far is of the whole quarter-hour, as Belgium's meters have it in 1-0:1.4.0: it rises from zero to
/// the average that the quarter-hour will have had.
pub(super) fn demand(
    reading: &Reading,
    calendar: &Calendar,
    energy: Option<Decimal>,
    time: i64,
) -> Option<Demand> {
    let quarter = calendar.spans[QUARTER_HOUR];
    let own = reading.number(Field::DemandImportAvgCurrent).filter(|_| averages_quarters(reading));
    let so_far = match (own, energy) {
        (Some(own), _) => own,
        (None, energy) => Decimal::new(energy?.mantissa() * 4, energy?.scale())?,
    };
    let left = (quarter.end - time).clamp(0, QUARTER);
    let expected = match powers(reading) {
        Some((power, _)) => {
            // kW for `left` of 900 seconds.
            let share = power.mantissa() * i128::from(left) * thousands(power.scale())?;
            Decimal::new(divided(share, i128::from(QUARTER)), power.scale().max(MILLI))?
        }
        // Without a power, as it went so far.
        None if left < QUARTER => {
            let share = so_far.mantissa() * i128::from(left) * thousands(so_far.scale())?;
            Decimal::new(divided(share, i128::from(QUARTER - left)), so_far.scale().max(MILLI))?
        }
        None => Decimal::ZERO,
    };
    let forecast = so_far.checked_add(expected)?.rounded(MILLI)?;
    Some(Demand { average: so_far.rounded(MILLI.max(own.map_or(0, Decimal::scale)))?, forecast })
}

/// The digits behind the point of an average.
const MILLI: u8 = 3;

/// The factor that brings a number of fewer digits to three.
fn thousands(scale: u8) -> Option<i128> {
    10_i128.checked_pow(u32::from(MILLI.saturating_sub(scale)))
}

/// Whether the meter's demands are of quarter-hours: where it tells their length it must be that.
fn averages_quarters(reading: &Reading) -> bool {
    let period = reading.number(Field::AveragePeriod);
    period.is_none_or(|period| Decimal::new(QUARTER.into(), 0).is_some_and(|q| period.cmp_value(q).is_eq()))
}

/// The months that count for the mean, and their peaks.
#[derive(Clone, Debug, Default)]
pub(super) struct Months {
    /// The peak of the running month by our own quarter-hours.
    pub(super) running: Option<Highest>,
    /// Those of the eleven months before, as far as there are any.
    pub(super) before: Vec<Decimal>,
    /// When the first of the eleven months ended.
    pub(super) first_end: i64,
}

/// The meter's own list of past months, read anew only when it changes.
#[derive(Debug, Default)]
pub(super) struct History {
    text: Vec<u8>,
    peaks: Vec<(i64, Decimal)>,
}

impl History {
    /// The peaks of the months that ended in a span, newest first.
    fn within(
        &mut self,
        reading: &Reading,
        zone: &Zone,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = Decimal> + use<'_> {
        let text = reading.text(Field::DemandPeakHistory).unwrap_or_default();
        if self.text != text {
            self.text.clear();
            self.text.extend_from_slice(text);
            let list = reading.demand_peak_history(zone);
            let known = list.iter().filter_map(|peak| {
                peak.occurred?;
                Some((peak.period_end?.utc?, peak.demand?.value))
            });
            self.peaks = known.collect();
            self.peaks.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
            self.peaks.dedup_by_key(|(end, _)| *end);
        }
        let counts = move |end: i64| from - MONTH_END <= end && end <= to + MONTH_END;
        self.peaks.iter().filter(move |(end, _)| counts(*end)).map(|(_, peak)| *peak).take(MONTHS_BEFORE)
    }
}

/// The peaks, and those of each month that counts, for the capacity tariff. `of_months` is cleared first.
pub(super) fn peaks(
    reading: &Reading,
    zone: &Zone,
    calendar: &Calendar,
    months: &Months,
    history: &mut History,
    of_months: &mut Vec<Decimal>,
) -> Peaks {
    of_months.clear();
    let month = calendar.spans[MONTH];
    of_months.extend(history.within(reading, zone, months.first_end, month.start));
    if of_months.is_empty() {
        of_months.extend_from_slice(&months.before);
    }
    let running = own_month(reading, month.start, month.end)
        .or_else(|| months.running.map(|(value, end)| MonthPeak { value, time: Some(end) }));
    of_months.extend(running.map(|peak| peak.value));
    let mean = mean(of_months);
    Peaks { month: running, mean, months: if mean.is_some() { of_months.len() as u8 } else { 0 } }
}

/// The meter's own peak of the running month. After the turn of the month it still tells that of the one before,
/// and before its first one a time of long ago.
fn own_month(reading: &Reading, start: i64, end: i64) -> Option<MonthPeak> {
    let value = reading.number(Field::DemandImportMax).filter(|_| averages_quarters(reading))?;
    let reached = reading.peak_times.iter().find(|(field, _)| *field == Field::DemandImportMax);
    match reached.and_then(|(_, time)| time.utc) {
        Some(time) if start < time && time <= end => Some(MonthPeak { value, time: Some(time) }),
        Some(_) => None,
        // Zero at no time is what it tells before the first quarter-hour ended.
        None => (!value.is_zero()).then_some(MonthPeak { value, time: None }),
    }
}

/// The mean, three decimals, half away from zero.
fn mean(peaks: &[Decimal]) -> Option<Decimal> {
    let sum = peaks.iter().try_fold(Decimal::ZERO, |sum, peak| sum.checked_add(*peak))?;
    let scale = sum.scale().max(MILLI);
    let count = i128::try_from(peaks.len()).ok().filter(|count| *count > 0)?;
    // One rounding: the digits beyond the third are part of the division.
    let beyond = 10_i128.checked_pow(u32::from(scale - MILLI))?;
    Decimal::new(divided(sum.rescaled(scale)?.mantissa(), count.checked_mul(beyond)?), MILLI)
}
