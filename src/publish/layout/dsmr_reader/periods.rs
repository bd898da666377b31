//! `day-consumption/*`, `current-month/*` and `current-year/*`: usage and cost of the running day, month and year, once
//! a minute.

use super::super::LayoutError;
use super::super::native::mbus::plain;
use super::fields::{Names, Set, names};
use super::group::{Form, Group};
use super::{fixed, local_time};
use crate::meter::{Field, MbusClass, Reading, Zone};
use crate::p1::Decimal;
use crate::prices::Amount;
use crate::publish::Message;
use crate::totals::{CostLine, Period, PeriodCost, Totals};

/// Taken or given: the registers of tariffs 1 and 2 and of both together.
#[derive(Clone, Copy, Debug)]
struct Side {
    tariffs: [Field; 2],
    total: Field,
    /// Its row in [`Costs::tariffs`](crate::totals::Costs::tariffs).
    prices: usize,
}

const TAKEN: Side = Side {
    tariffs: [Field::EnergyImportT1, Field::EnergyImportT2],
    total: Field::EnergyImportTotal,
    prices: 0,
};

const GIVEN: Side = Side {
    tariffs: [Field::EnergyExportT1, Field::EnergyExportT2],
    total: Field::EnergyExportTotal,
    prices: 1,
};

/// Where a field comes from. A tariff is 0 or 1.
#[derive(Clone, Copy, Debug)]
enum From {
    Energy(Side, usize),
    EnergyTotal(Side),
    EnergyCost(usize),
    EnergyCostTotal,
    Gas,
    GasCost,
    FixedCost,
    TotalCost,
    Price(Side, usize),
    GasPrice,
    Day,
    FixedPrice,
    /// The register when the day began.
    Start(Side, usize),
    /// The register now.
    End(Side, usize),
    GasStart,
    GasEnd,
}

const DAY_FIELDS: [(&str, From); 18] = [
    ("electricity1", From::Energy(TAKEN, 0)),
    ("electricity2", From::Energy(TAKEN, 1)),
    ("electricity1_returned", From::Energy(GIVEN, 0)),
    ("electricity2_returned", From::Energy(GIVEN, 1)),
    ("electricity_merged", From::EnergyTotal(TAKEN)),
    ("electricity_returned_merged", From::EnergyTotal(GIVEN)),
    ("electricity1_cost", From::EnergyCost(0)),
    ("electricity2_cost", From::EnergyCost(1)),
    ("electricity_cost_merged", From::EnergyCostTotal),
    ("total_cost", From::TotalCost),
    ("gas", From::Gas),
    ("gas_cost", From::GasCost),
    ("fixed_cost", From::FixedCost),
    ("energy_supplier_price_electricity_delivered_1", From::Price(TAKEN, 0)),
    ("energy_supplier_price_electricity_delivered_2", From::Price(TAKEN, 1)),
    ("energy_supplier_price_electricity_returned_1", From::Price(GIVEN, 0)),
    ("energy_supplier_price_electricity_returned_2", From::Price(GIVEN, 1)),
    ("energy_supplier_price_gas", From::GasPrice),
];

/// Those that DSMR-reader has and its templates do not.
const FURTHER_FIELDS: [(&str, From); 12] = [
    ("day", From::Day),
    ("energy_supplier_price_fixed_daily_cost", From::FixedPrice),
    ("electricity1_start", From::Start(TAKEN, 0)),
    ("electricity1_end", From::End(TAKEN, 0)),
    ("electricity2_start", From::Start(TAKEN, 1)),
    ("electricity2_end", From::End(TAKEN, 1)),
    ("electricity1_returned_start", From::Start(GIVEN, 0)),
    ("electricity1_returned_end", From::End(GIVEN, 0)),
    ("electricity2_returned_start", From::Start(GIVEN, 1)),
    ("electricity2_returned_end", From::End(GIVEN, 1)),
    ("gas_start", From::GasStart),
    ("gas_end", From::GasEnd),
];

const PERIOD_FIELDS: [(&str, From); 13] = [
    ("electricity1", From::Energy(TAKEN, 0)),
    ("electricity1_cost", From::EnergyCost(0)),
    ("electricity1_returned", From::Energy(GIVEN, 0)),
    ("electricity2", From::Energy(TAKEN, 1)),
    ("electricity2_cost", From::EnergyCost(1)),
    ("electricity2_returned", From::Energy(GIVEN, 1)),
    ("electricity_merged", From::EnergyTotal(TAKEN)),
    ("electricity_cost_merged", From::EnergyCostTotal),
    ("electricity_returned_merged", From::EnergyTotal(GIVEN)),
    ("gas", From::Gas),
    ("gas_cost", From::GasCost),
    ("fixed_cost", From::FixedCost),
    ("total_cost", From::TotalCost),
];

/// Usage and cost of today.
pub(super) const DAY: Set = Set {
    json: Some("day-consumption"),
    parts: &[("day-consumption/", "")],
    fields: &names(&DAY_FIELDS),
    further: &names(&FURTHER_FIELDS),
    sparse: true,
};

/// Usage and cost of the running month, and then of the running year.
pub(super) const PERIOD: Set = Set {
    json: Some("current-period"),
    parts: &[("current-month/", "current_month_"), ("current-year/", "current_year_")],
    fields: &names(&PERIOD_FIELDS),
    further: &[],
    sparse: true,
};

/// The topics of the day, the month and the year.
#[derive(Debug)]
pub(super) struct Periods {
    day: Group,
    period: Group,
    /// The minute in which they spoke last.
    minute: Option<i64>,
    payload: Vec<u8>,
}

impl Periods {
    pub(super) fn new(names: &mut Names<'_>) -> Result<Self, LayoutError> {
        let (day, period) = (names.group(&DAY)?, names.group(&PERIOD)?);
        Ok(Self { day, period, minute: None, payload: Vec::new() })
    }

    pub(super) fn messages(
        &mut self,
        zone: &Zone,
        reading: &Reading,
        totals: &Totals,
        out: &mut Vec<Message>,
    ) {
        let minute = totals.time.div_euclid(60);
        if self.minute.replace(minute) == Some(minute) {
            return;
        }
        let now = Now { zone, reading, totals };
        self.day.begin(out);
        for (place, (_, from)) in DAY_FIELDS.iter().chain(&FURTHER_FIELDS).enumerate() {
            if self.day.wants(place) {
                self.payload.clear();
                let form = now.write(*from, &totals.today, &mut self.payload);
                self.day.put(place, &self.payload, form, out);
            }
        }
        self.day.end(out);
        self.period.begin(out);
        let both = [&totals.month, &totals.year].into_iter();
        let each = both.flat_map(|period| PERIOD_FIELDS.iter().map(move |(_, from)| (period, *from)));
        for (place, (period, from)) in each.enumerate() {
            if self.period.wants(place) {
                self.payload.clear();
                let form = now.write(from, period, &mut self.payload);
                self.period.put(place, &self.payload, form, out);
            }
        }
        self.period.end(out);
    }
}

/// What there is to tell of.
#[derive(Clone, Copy)]
struct Now<'a> {
    zone: &'a Zone,
    reading: &'a Reading,
    totals: &'a Totals,
}

impl Now<'_> {
    /// Writes a value; nothing where there is none.
    fn write(self, from: From, period: &Period, out: &mut Vec<u8>) -> Form {
        match from {
            From::Energy(side, tariff) => fixed(out, energy(period, side, tariff), 3),
            From::EnergyTotal(side) => fixed(out, period.usage.energy(side.total), 3),
            From::EnergyCost(tariff) => {
                let is_of = |field: Field| {
                    let total = [TAKEN.total, GIVEN.total].contains(&field);
                    [TAKEN, GIVEN].iter().any(|side| side.tariffs[tariff] == field) || (tariff == 0 && total)
                };
                cost(period, out, |line| match line {
                    CostLine::Import(field) | CostLine::Export(field) => is_of(field),
                    _ => false,
                });
            }
            From::EnergyCostTotal => cost(period, out, |line| {
                matches!(line, CostLine::Import(_) | CostLine::Export(_) | CostLine::FeedIn)
            }),
            From::Gas => fixed(out, gas(period), 3),
            From::GasCost => {
                if gas(period).is_some() {
                    cost(period, out, |line| line == CostLine::Device(MbusClass::Gas));
                }
            }
            From::FixedCost => cost(period, out, |line| line == CostLine::Fixed),
            From::TotalCost => cost(period, out, |_| true),
            From::Price(side, tariff) => {
                let costs = self.totals.costs.as_ref();
                return price(
                    costs.map(|costs| costs.tariffs[side.prices][tariff].map(|price| price.price)),
                    out,
                );
            }
            From::GasPrice => {
                let of_gas = |(class, price): &(MbusClass, crate::prices::Price)| {
                    (*class == MbusClass::Gas).then_some(price.price)
                };
                let costs = self.totals.costs.as_ref();
                return price(costs.map(|costs| costs.devices.iter().find_map(of_gas)), out);
            }
            From::FixedPrice => {
                let fixed = period.cost.as_ref().map(|cost| cost.line(CostLine::Fixed));
                return price(fixed.map(|amount| amount.and_then(|amount| amount.rounded(6))), out);
            }
            From::Day => {
                local_time(out, self.zone, period.start);
                out.truncate("2026-11-21".len());
            }
            From::Start(side, tariff) => {
                let used = energy(period, side, tariff);
                fixed(
                    out,
                    self.register(side, tariff).zip(used).and_then(|(end, used)| end.checked_sub(used)),
                    3,
                );
            }
            From::End(side, tariff) => fixed(out, self.register(side, tariff), 3),
            From::GasStart => {
                fixed(out, self.gas().zip(gas(period)).and_then(|(end, used)| end.checked_sub(used)), 3);
            }
            From::GasEnd => fixed(out, self.gas(), 3),
        }
        Form::Quoted
    }

    fn register(self, side: Side, tariff: usize) -> Option<Decimal> {
        let own = self.reading.number(side.tariffs[tariff]);
        own.or_else(|| if tariff == 0 { self.reading.number(side.total) } else { Some(Decimal::ZERO) })
    }

    fn gas(self) -> Option<Decimal> {
        plain(self.reading, Some(MbusClass::Gas))?.newest()?.value.map(|quantity| quantity.value)
    }
}

/// The usage of a tariff. A meter without tariffs counts in the first, and nothing in the second.
fn energy(period: &Period, side: Side, tariff: usize) -> Option<Decimal> {
    let usage = &period.usage;
    let total = usage.energy(side.total);
    usage.energy(side.tariffs[tariff]).or(if tariff == 0 { total } else { total.map(|_| Decimal::ZERO) })
}

fn gas(period: &Period) -> Option<Decimal> {
    period.usage.device(MbusClass::Gas).map(|quantity| quantity.value)
}

/// Writes the sum of some lines of the bill; zero without a contract, as DSMR-reader has it.
fn cost(period: &Period, out: &mut Vec<u8>, which: impl Fn(CostLine) -> bool) {
    let cost = |cost: &PeriodCost| cost.sum(which);
    fixed(out, period.cost.as_ref().map_or(Amount::ZERO, cost).rounded(2), 2);
}

/// Writes a price, zero where the contract has none; a bare zero where there is no contract.
fn price(price: Option<Option<Decimal>>, out: &mut Vec<u8>) -> Form {
    match price {
        Some(price) => {
            fixed(out, Some(price.unwrap_or(Decimal::ZERO)), 6);
            Form::Quoted
        }
        None => {
            out.push(b'0');
            Form::Bare
        }
    }
}
