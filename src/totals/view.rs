//! What is told of a meter's totals with each reading.

use std::sync::Arc;

use crate::meter::{Field, MbusClass, Quantity};
use crate::p1::Decimal;
use crate::prices::{Amount, Price};

/// What was used between two instants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In kWh, by register, in the order of the table: each tariff that the meter has, and both totals. The total is
    /// the meter's own register where that was there as early as the tariffs, else the sum of the tariffs. A register is
    /// told of when the reading has it or something of it came in the period.
    pub energy: Vec<(Field, Decimal)>,
    /// What the devices of a class counted together, in the unit of the one heard last; by class. What a device counted
    /// lands by its own stamps: after midnight today's gas is zero until a stamp after midnight comes.
    pub devices: Vec<(MbusClass, Quantity)>,
}

impl Usage {
    /// Of a register, in kWh.
    pub fn energy(&self, field: Field) -> Option<Decimal> {
        self.energy.iter().find(|(of, _)| *of == field).map(|(_, value)| *value)
    }

    /// Of a class of devices.
    pub fn device(&self, class: MbusClass) -> Option<Quantity> {
        self.devices.iter().find(|(of, _)| *of == class).map(|(_, value)| *value)
    }
}

/// One line of a bill. Lines are told in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CostLine {
    /// What was taken by a register: a tariff, or the total of a meter without tariffs. A cost.
    Import(Field),
    /// What was given by a register. It is earned, so that the amount is below zero when the price is above.
    Export(Field),
    /// What was given, where giving costs.
    FeedIn,
    /// Gas, water, heat.
    Device(MbusClass),
    /// The fixed cost of the days so far, each by the contract of that day; today counts as a whole. Days count from the
    /// first of which the record knows something, the start of the period or that of the contract, whichever is the
    /// latest; after it also those without a reading.
    Fixed,
    /// The capacity tariff, of the days so far, today as a whole: its price times the mean of the peaks of now, of which
    /// each counts as the contract's least at least, over the days of the year. Before a peak is known the least counts.
    Capacity,
}

/// What a period cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeriodCost {
    /// The lines, each once. What is earned is below zero.
    pub lines: Vec<(CostLine, Amount)>,
    /// Whether a price of the table was missing and the contract's fixed one was taken.
    pub fallback: bool,
    /// Whether something was used that has no price at all. What no contract ever prices is not part of the bill and
    /// not meant: water, or what is given by a household that nobody pays for it.
    pub unpriced: bool,
}

impl PeriodCost {
    /// The sum of all lines.
    pub fn total(&self) -> Amount {
        self.sum(|_| true)
    }

    /// The sum of some lines.
    pub fn sum(&self, which: impl Fn(CostLine) -> bool) -> Amount {
        self.lines.iter().filter(|(line, _)| which(*line)).map(|(_, amount)| *amount).sum()
    }

    /// One line; `None` where the bill has no such line.
    pub fn line(&self, line: CostLine) -> Option<Amount> {
        self.lines.iter().find(|(of, _)| *of == line).map(|(_, amount)| *amount)
    }
}

/// A quarter-hour, hour, day, month or year that has not ended yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Its start, in seconds since 1970-01-01 00:00 UTC. Days, months and years are those of the meter's zone.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// What was used since its start.
    pub usage: Usage,
    /// What that cost; `None` when no contract held on any of its days up to today. Quarter-hours and hours bear no
    /// fixed cost and no capacity tariff; today bears those of one day.
    pub cost: Option<PeriodCost>,
    /// For how many of its seconds so far there was no reading, by whole quarter-hours: what was used then counts where
    /// the next reading lies. The time before the meter's very first reading is not missing.
    pub missing_s: i64,
}

/// A quarter-hour that is over: one with a position at each of its ends, or at most 60 s before it, and without a register
/// that began in it. Its averages are the energy between these positions over a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarter {
    /// Its start, in seconds since 1970-01-01 00:00 UTC; it ends 900 s later.
    pub start: i64,
    /// The average power taken, in kW, three decimals, half away from zero.
    pub average_import: Decimal,
    /// The average power given, likewise.
    pub average_export: Decimal,
}

/// The running quarter-hour.
///
/// The average so far is of the whole quarter-hour, as block demand is in e-MUCS-P1 and in the meters of Fluvius and
/// ORES: it starts from zero and rises to the average that the quarter-hour will have had. (A meter at 40 W tells 0.001 kW
/// 26 s after the start.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The energy taken since its start over a quarter of an hour, in kW: the meter's own (1-0:1.4.0) where it has it and
    /// does not tell another period (1-0:0.8.2).
    pub average: Decimal,
    /// What the average will be at its end when the power of now lasts, in kW: the average so far, and the power for the
    /// seconds left over 900 s. Three decimals, half away from zero.
    pub forecast: Decimal,
}

/// The highest quarter-hour of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthPeak {
    /// The average power taken in it, in kW.
    pub value: Decimal,
    /// Its end, in seconds since 1970-01-01 00:00 UTC, where it is known.
    pub time: Option<i64>,
}

/// Peaks of months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Of the running month: the meter's own (1-0:1.6.0) where it has one that was reached in this month, else the highest
    /// quarter-hour of which both ends are known ([`Quarter`]).
    pub month: Option<MonthPeak>,
    /// The mean of the peaks of the last twelve months, the running one among them, in kW, three decimals; of as many as
    /// are known when they are fewer. Those before the running one are the meter's own (0-0:98.1.0) where it lists any.
    pub mean: Option<Decimal>,
    /// How many months the mean is of, 1 to 12.
    pub months: u8,
}

/// Prices and costs of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// What the power of now costs in an hour, without fixed costs; below zero when it earns. `None` while no power is
    /// known, or power is taken that has no price.
    pub per_hour: Option<Amount>,
    /// The price of a kWh taken now, at the tariff of now; of the total for a meter without a register of that tariff.
    pub import: Option<Price>,
    /// What a kWh given now earns; the cost of giving is not taken off.
    pub export: Option<Price>,
    /// The prices of tariffs 1 and 2, whatever the tariff of now: first those of what is taken, then of what is given.
    pub tariffs: [[Option<Price>; 2]; 2],
    /// The price of a unit of gas, water, heat.
    pub devices: Vec<(MbusClass, Price)>,
}

/// Everything that is told with a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The instant at which the reading counts, in seconds since 1970-01-01 00:00 UTC. It is the reading's own but for a
    /// clock that leaps.
    pub time: i64,
    /// The running quarter-hour.
    pub quarter: Period,
    /// The running hour.
    pub hour: Period,
    /// The running day.
    pub today: Period,
    /// The running month.
    pub month: Period,
    /// The running year.
    pub year: Period,
    /// The last quarter-hour that ended with readings on both sides of its ends.
    pub last_quarter: Option<Quarter>,
    /// The running quarter-hour as a demand; `None` while its start is not known.
    pub demand: Option<Demand>,
    /// Peaks.
    pub peaks: Peaks,
    /// Prices and costs of now; `None` when no contract holds.
    pub costs: Option<Costs>,
    /// The currency of all amounts.
    pub currency: Arc<str>,
}
