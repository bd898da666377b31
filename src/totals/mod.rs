//! What the numbers mean over time: usage, peaks and costs of quarters, days, months and years. Pure, no I/O.
//!
//! Everything follows from *positions at boundaries*: at each quarter-hour the last known position of a register
//! closes the interval before it and opens the next, so that the intervals of a year add up to the difference of the
//! registers. In reading order: [`counter`], what has positions; [`tally`], from readings to positions at
//! boundaries, which the record keeps; [`view`], what is told of them; [`ledger`], from both to the view.

pub mod counter;
pub mod ledger;
pub mod tally;
pub mod view;

pub use counter::{CounterKey, CounterState, Position, Register};
pub use ledger::{Ledger, LedgerSettings, PastPeriods, Step, in_total};
pub use tally::{Entry, QUARTER, Settled, Tally};
pub use view::{CostLine, Costs, Demand, MonthPeak, Peaks, Period, PeriodCost, Quarter, Totals, Usage};
