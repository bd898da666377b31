//! What usage costs: one price a quarter-hour and register, lines of a bill, what days cost whatever is used.

use jiff::civil::Date;

use super::account::{Direction, Role};
use crate::meter::MbusClass;
use crate::p1::Decimal;
use crate::prices::{Amount, Contract, Price, PriceBook, PriceSource};
use crate::totals::counter::Register;
use crate::totals::view::CostLine;

/// The lines of a bill, with a count of what was priced by a fallback or not at all; counts rather than flags, so
/// that what was void can be taken out again.
#[derive(Clone, Debug, Default)]
pub(super) struct Bill {
    pub(super) lines: Vec<(CostLine, Amount)>,
    pub(super) fallback: i64,
    pub(super) unpriced: i64,
}

impl Bill {
    /// Adds to a line.
    pub(super) fn add(&mut self, line: CostLine, amount: Amount) {
        match self.lines.iter_mut().find(|(of, _)| *of == line) {
            Some((_, sum)) => *sum += amount,
            None => self.lines.push((line, amount)),
        }
    }

    /// Adds all of another.
    pub(super) fn merge(&mut self, other: &Self) {
        for (line, amount) in &other.lines {
            self.add(*line, *amount);
        }
        self.fallback += other.fallback;
        self.unpriced += other.unpriced;
    }

    /// Adds what a charge makes of a usage, or takes it out again.
    pub(super) fn post(&mut self, charge: &Charge, usage: Decimal, out: bool) {
        if usage.is_zero() {
            return;
        }
        let sign = if out { -1 } else { 1 };
        self.fallback += sign * i64::from(charge.fallback);
        self.unpriced += sign * i64::from(charge.unpriced);
        for (line, price) in charge.lines.iter().flatten() {
            let amount = product(usage, *price);
            self.add(*line, if out { -amount } else { amount });
        }
    }
}

/// What the usage of one counter in one quarter-hour costs, a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Charge {
    /// Its lines: the price, below zero for what is earned, and what giving costs.
    pub(super) lines: [Option<(CostLine, Decimal)>; 2],
    /// Whether the price of the table was missing.
    pub(super) fallback: bool,
    /// Whether there is no price at all.
    pub(super) unpriced: bool,
}

impl Charge {
    /// The charge of a counter for a quarter-hour, by its start.
    pub(super) fn of(prices: &PriceBook, register: Register, role: Role, quarter: i64) -> Self {
        if !role.priced || prices.contracts.is_empty() {
            return Self::default();
        }
        match (register, role.direction) {
            (Register::Energy(field), Some(direction)) => {
                let price = prices.energy(quarter, field);
                let mut charge = match direction {
                    Direction::Import => Self::priced(CostLine::Import(field), price, true),
                    Direction::Export => {
                        let mut charge = Self::priced(CostLine::Export(field), price, pays_export(prices));
                        charge.lines[0] = charge.lines[0].map(|(line, price)| (line, negative(price)));
                        charge
                    }
                };
                if direction == Direction::Export {
                    let feed_in = prices.contract(quarter).map(|contract| contract.feed_in);
                    let feed_in = feed_in.filter(|price| !price.is_zero());
                    charge.lines[1] = feed_in.map(|price| (CostLine::FeedIn, price));
                }
                charge
            }
            (Register::Device { class, .. }, _) => {
                let price = prices.device(quarter, class);
                Self::priced(CostLine::Device(class), price, pays_device(prices, class))
            }
            (Register::Energy(_), None) => Self::default(),
        }
    }

    fn priced(line: CostLine, price: Option<Price>, expected: bool) -> Self {
        Self {
            lines: [price.map(|price| (line, price.price)), None],
            fallback: price.is_some_and(|price| price.source == PriceSource::Fallback),
            unpriced: price.is_none() && expected,
        }
    }
}

/// Whether any contract pays what is given. Where none does, giving is not a thing without a price.
fn pays_export(prices: &PriceBook) -> bool {
    let pays = |contract: &Contract| {
        contract.export.is_some()
            || contract.export_tariffs.iter().any(Option::is_some)
            || contract.dynamic.as_ref().is_some_and(|dynamic| dynamic.export)
    };
    prices.contracts.iter().any(pays)
}

/// Whether any contract prices what devices of a class count: water is often another supplier's.
fn pays_device(prices: &PriceBook, class: MbusClass) -> bool {
    let pays = |contract: &Contract| {
        contract.devices.iter().any(|(of, _)| *of == class)
            || class == MbusClass::Gas && contract.dynamic.as_ref().is_some_and(|dynamic| dynamic.gas)
    };
    prices.contracts.iter().any(pays)
}

/// The same below zero.
fn negative(price: Decimal) -> Decimal {
    Decimal::from_parts(!price.is_negative(), price.magnitude(), price.scale()).unwrap_or(price)
}

/// Usage times price. Where a meter of many digits and a price of many make more than an amount can hold, the last
/// one is rounded.
pub(super) fn product(usage: Decimal, price: Decimal) -> Amount {
    let rounded = || {
        let excess = (usage.scale() + price.scale()).checked_sub(Amount::SCALE)?;
        let product = usage.mantissa().checked_mul(price.mantissa())?;
        Some(Amount::from_pico(divided(product, 10_i128.checked_pow(excess.into())?)))
    };
    Amount::of(usage, price).or_else(rounded).unwrap_or_default()
}

/// What the days of a period cost whatever is used: from its first day, or the first that the record knows of, to today,
/// both counted whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Whether a contract held on any of the days.
    pub(super) contract: bool,
    /// The sum of the fixed costs.
    pub(super) fixed: Amount,
    /// The price of a kW a year, the least a month's peak counts, and for how many days; by contract.
    capacity: Vec<(Decimal, Decimal, i64)>,
}

impl Standing {
    /// Of a period shorter than a day, which bears none of it.
    pub(super) fn held(contract: bool) -> Self {
        Self { contract, ..Self::default() }
    }

    /// Of the days from `first` to `today`; none where `first` is the later.
    pub(super) fn of(prices: &PriceBook, first: Date, today: Date) -> Self {
        let mut standing = Self::default();
        for contract in &prices.contracts {
            let days = days_held(contract, first, today);
            if days == 0 {
                continue;
            }
            standing.contract = true;
            let days_so_far = Decimal::new(i128::from(days), 0).unwrap_or_default();
            standing.fixed += product(days_so_far, contract.fixed);
            if let Some(price) = contract.capacity {
                standing.capacity.push((price, contract.capacity_minimum, days));
            }
        }
        standing
    }

    /// The capacity tariff for those days: the mean of the peaks, each counted as its contract's least at least,
    /// times the price of a year, divided by the days of the year. `None` where no contract has it.
    pub(super) fn capacity(&self, peaks: &[Decimal], days_in_year: i64) -> Option<Amount> {
        if self.capacity.is_empty() {
            return None;
        }
        let share = |(price, least, days): &(Decimal, Decimal, i64)| {
            let counted = |peak: Decimal| if peak.cmp_value(*least).is_lt() { *least } else { peak };
            // Before any peak is known the least of the contract is what will be charged.
            let known = peaks.iter().try_fold(Decimal::ZERO, |sum, peak| sum.checked_add(counted(*peak)));
            let (sum, months) =
                if peaks.is_empty() { (*least, 1) } else { (known?, i64::try_from(peaks.len()).ok()?) };
            let product = price.mantissa().checked_mul(sum.mantissa())?.checked_mul(i128::from(*days))?;
            let scale = price.scale().checked_add(sum.scale())?;
            let unit = 10_i128.checked_pow(Amount::SCALE.checked_sub(scale)?.into())?;
            let share = divided(product.checked_mul(unit)?, i128::from(months * days_in_year));
            Some(Amount::from_pico(share))
        };
        Some(self.capacity.iter().filter_map(share).sum())
    }
}

/// For how many of the days a contract holds.
fn days_held(contract: &Contract, first: Date, today: Date) -> i64 {
    let tomorrow = today.tomorrow().unwrap_or(today);
    let from = first.max(contract.start);
    let to = contract.end.map_or(tomorrow, |end| end.min(tomorrow));
    (to - from).get_days().max(0).into()
}

/// A quotient, half away from zero; `by` is above zero.
pub(super) fn divided(number: i128, by: i128) -> i128 {
    let (whole, rest) = (number / by, number % by);
    whole + if rest.abs() * 2 >= by { number.signum() } else { 0 }
}
