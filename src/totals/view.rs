//! What is told of a meter's totals with each reading.

use std::sync::Arc;

use crate::meter::{Field, MbusClass, Quantity};
use crate::p1::Decimal;
use crate::prices::{Amount, Price};

/// What was used between two instants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In kWh, by register, in the order of the table: each tariff that the meter has, and both totals; the total is
    /// the meter's own where it has one, else the sum of the tariffs.
    pub energy: Vec<(Field, Decimal)>,
    /// What the devices of a class counted together, in their unit.
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
    /// The fixed cost of the days so far; today counts as a whole.
    Fixed,
    /// The capacity tariff, of the days so far.
    Capacity,
}

/// What a period cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeriodCost {
    /// The lines, each once. What is earned is below zero.
    pub lines: Vec<(CostLine, Amount)>,
    /// Whether a price of the table was missing and the contract's fixed one was taken.
    pub fallback: bool,
    /// Whether something was used that has no price at all.
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
    /// What that cost; `None` when no contract held at any time of it.
    pub cost: Option<PeriodCost>,
    /// For how many of its seconds so far there was no reading, by whole quarter-hours: what was used then counts where
    /// the next reading lies.
    pub missing_s: i64,
}

/// A quarter-hour that is over.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The average power taken since its start, in kW: the meter's own (1-0:1.4.0) where it has it.
    pub average: Decimal,
    /// What the average will be at its end when the power of now lasts, in kW.
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
    /// Of the running month: the meter's own (1-0:1.6.0) where it has it.
    pub month: Option<MonthPeak>,
    /// The mean of the peaks of the last twelve months, the running one among them, in kW, three decimals; of as many as
    /// are known when they are fewer.
    pub mean: Option<Decimal>,
    /// How many months the mean is of, 1 to 12.
    pub months: u8,
}

/// Prices and costs of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// What the power of now costs in an hour; below zero when it earns.
    pub per_hour: Option<Amount>,
    /// The price of a kWh taken now, at the tariff of now.
    pub import: Option<Price>,
    /// What a kWh given now earns.
    pub export: Option<Price>,
    /// The prices of tariffs 1 and 2, taken, then given, whatever the tariff of now.
    pub tariffs: [[Option<Price>; 2]; 2],
    /// The price of a unit of gas, water, heat.
    pub devices: Vec<(MbusClass, Price)>,
}

/// Everything that is told with a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The instant of the reading, in seconds since 1970-01-01 00:00 UTC.
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
