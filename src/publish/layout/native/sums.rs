//! Topics of what the readings come to: `today/…`, `month/…`, `year/…`, `quarter/…`, `peak/…` and `cost/…`.
//!
//! Totals change with nearly every telegram, and nobody reads a year's energy every second: a group of topics speaks
//! at its own pace by the meter's clock, at once when its period begins and when its meter is another. What a
//! period has not got is no topic; what only the period before it had is cleared as it begins, so that no earlier
//! total passes for one of now.

use super::super::slot::Topic;
use super::super::text;
use super::item::{Item, Span};
use super::object::{Money, Object};
use super::writer::{Shape, Writer};
use crate::meter::{Field, Unit};
use crate::p1::Decimal;
use crate::prices::{Amount, Price, PriceSource};
use crate::publish::Message;
use crate::totals::{CostLine, Costs, Period, PeriodCost, Totals};

/// How often what moves fast is said, in seconds of the meter's time: a running day or quarter-hour.
pub(super) const FAST: i64 = 10;
/// How often what moves slowly is said: a running month or year.
pub(super) const SLOW: i64 = 60;

/// The digits behind the point of a sum of money, of a cost an hour, and the most of a price.
const CENTS: u8 = 2;
const RATE: u8 = 4;
const PRICE: u8 = 6;
/// Of a power.
const WATTS: u8 = 3;

/// The topics of one meter's totals.
#[derive(Debug)]
pub(super) struct Sums {
    spans: [Group; 3],
    quarter: Group,
    peaks: Group,
    rate: Group,
    prices: Group,
    money: Money,
    /// What peaks and prices were when they were said.
    said: Option<Totals>,
}

/// Topics that are said together.
#[derive(Debug, Default)]
struct Group {
    every: i64,
    /// When it spoke, by the meter's clock.
    last: Option<i64>,
    /// The period that it spoke of, by its start.
    period: i64,
    /// Whether that had a bill.
    priced: bool,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    item: Item,
    topic: Option<Topic>,
    said: bool,
}

/// What it takes to say something.
pub(super) struct Out<'a> {
    pub(super) base: &'a str,
    pub(super) writer: &'a mut Writer,
    pub(super) messages: &'a mut Vec<Message>,
}

impl Default for Sums {
    fn default() -> Self {
        let every = |every| Group { every, ..Group::default() };
        Self {
            spans: [every(FAST), every(SLOW), every(SLOW)],
            quarter: every(FAST),
            peaks: every(SLOW),
            rate: every(FAST),
            prices: every(SLOW),
            money: Money::default(),
            said: None,
        }
    }
}

impl Sums {
    fn groups(&mut self) -> impl Iterator<Item = &mut Group> {
        let others = [&mut self.quarter, &mut self.peaks, &mut self.rate, &mut self.prices];
        self.spans.iter_mut().chain(others)
    }

    /// Every topic.
    pub(super) fn topics(&mut self) -> impl Iterator<Item = &mut Topic> {
        self.groups().flat_map(|group| group.slots.iter_mut().filter_map(|slot| slot.topic.as_mut()))
    }

    /// Another meter speaks: everything is said at once.
    pub(super) fn hurry(&mut self) {
        self.groups().for_each(|group| group.last = None);
    }

    pub(super) fn messages(&mut self, totals: Option<&Totals>, out: &mut Out<'_>) {
        let Some(totals) = totals else {
            self.groups().for_each(|group| group.end(false, out));
            return;
        };
        self.money.set(&totals.currency);
        for ((span, period), group) in
            Span::ALL.into_iter().zip([&totals.today, &totals.month, &totals.year]).zip(&mut self.spans)
        {
            if let Some(rolled) = group.due(totals.time, period.start, false) {
                self::period(group, span, period, &self.money, out);
                // A bill that is no more was not of this contract: it must not stand there for an hour.
                let priced = period.cost.is_some();
                let lost = std::mem::replace(&mut group.priced, priced) && !priced;
                group.end(rolled || lost, out);
            }
        }
        self.quarter(totals, out);
        let said = self.said.as_ref();
        let news = said.is_none_or(|said| said.peaks != totals.peaks);
        let prices_news = said.is_none_or(|said| !same_prices(said.costs.as_ref(), totals.costs.as_ref()));
        if let Some(rolled) = self.peaks.due(totals.time, totals.month.start, news) {
            peaks(&mut self.peaks, totals, out);
            self.peaks.end(rolled, out);
        }
        if let Some(costs) = &totals.costs {
            if self.rate.due(totals.time, 0, false).is_some() {
                if let Some(rate) = costs.per_hour {
                    self.rate.amount(Item::Rate, rate, RATE, Shape::Money(self.money.an_hour()), out);
                }
                self.rate.end(false, out);
            }
        } else {
            // No contract holds: nothing costs anything, nor nothing.
            self.rate.end(true, out);
            self.rate.last = None;
        }
        if self.prices.due(totals.time, 0, prices_news).is_some() {
            prices(&mut self.prices, totals, &mut self.money, out);
            self.prices.end(true, out);
        }
        if news || prices_news {
            let (peaks, costs) = (totals.peaks, totals.costs.clone());
            self.said = Some(Totals { peaks, costs, ..Totals::default() });
        }
    }

    fn quarter(&mut self, totals: &Totals, out: &mut Out<'_>) {
        let (group, quarter) = (&mut self.quarter, &totals.quarter);
        let Some(rolled) = group.due(totals.time, quarter.start, false) else { return };
        if has_begun(quarter) {
            group.time(Item::QuarterStart, quarter.start, out);
            for (field, item) in [
                (Field::EnergyImportTotal, Item::QuarterImport),
                (Field::EnergyExportTotal, Item::QuarterExport),
            ] {
                if let Some(energy) = quarter.usage.energy(field) {
                    group.number(item, energy, Shape::Number(Unit::KiloWattHour), out);
                }
            }
        }
        if let Some(demand) = totals.demand {
            group.power(Item::QuarterAverage, demand.average, out);
            group.power(Item::QuarterForecast, demand.forecast, out);
        }
        if let Some(last) = totals.last_quarter {
            group.power(Item::LastAverage, last.average_import, out);
            group.time(Item::LastStart, last.start, out);
        }
        group.end(rolled, out);
    }
}

fn same_prices(one: Option<&Costs>, other: Option<&Costs>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            (one.import, one.export, &one.devices) == (other.import, other.export, &other.devices)
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Whether anything is known of a period.
fn has_begun(period: &Period) -> bool {
    !period.usage.energy.is_empty() || !period.usage.devices.is_empty() || period.cost.is_some()
}

/// Whether a bill tells anything: nothing has a price where there is but a fixed cost of zero.
fn is_told(cost: &PeriodCost) -> bool {
    cost.lines.iter().any(|(line, amount)| *line != CostLine::Fixed || *amount != Amount::ZERO)
}

fn period(group: &mut Group, span: Span, period: &Period, money: &Money, out: &mut Out<'_>) {
    if !has_begun(period) {
        return;
    }
    group.time(Item::Start(span), period.start, out);
    let mut json = Object::default();
    json.open(None);
    json.time("start", period.start);
    json.time("end", period.end);
    json.number("missing_s", Decimal::new(period.missing_s.into(), 0).unwrap_or_default());
    json.open(Some("usage"));
    for &(field, energy) in &period.usage.energy {
        let item = Item::Energy(span, field);
        json.number(item.leaf(), energy);
        group.number(item, energy, Shape::Number(field.unit()), out);
    }
    for &(class, quantity) in &period.usage.devices {
        let item = Item::Device(span, class);
        json.number(item.leaf(), quantity.value);
        group.number(item, quantity.value, Shape::Number(quantity.unit), out);
    }
    json.close();
    if let Some(cost) = period.cost.as_ref().filter(|cost| is_told(cost)) {
        json.open(Some("cost"));
        self::cost(group, span, cost, money, &mut json, out);
        json.text("currency", money.total());
        json.truth("fallback", cost.fallback);
        json.truth("unpriced", cost.unpriced);
        json.close();
    }
    json.close();
    group.object(Item::Json(span), &json, out);
}

/// The lines of a bill. What is given is told as what it earns.
fn cost(
    group: &mut Group,
    span: Span,
    cost: &PeriodCost,
    money: &Money,
    json: &mut Object,
    out: &mut Out<'_>,
) {
    let mut line = |item: Item, amount: Amount, has_topic: bool| {
        if let Some(value) = amount.rounded(CENTS) {
            json.number(item.cost_key(), value);
        }
        if has_topic {
            group.amount(item, amount, CENTS, Shape::Money(money.total()), out);
        }
    };
    line(Item::Cost(span), cost.total(), true);
    // The parts of a day are what an energy dashboard adds up; of longer periods the JSON has them.
    let parts = span == Span::Today;
    let import = |line| matches!(line, CostLine::Import(_));
    let export = |line| matches!(line, CostLine::Export(_));
    if cost.lines.iter().any(|(line, _)| import(*line)) {
        line(Item::CostImport, cost.sum(import), parts);
    }
    if cost.lines.iter().any(|(line, _)| export(*line)) {
        line(Item::CostExport, -cost.sum(export), parts);
    }
    for &(what, amount) in &cost.lines {
        match what {
            CostLine::Import(Field::EnergyImportTotal) | CostLine::Export(Field::EnergyExportTotal) => {}
            CostLine::Import(field) => line(Item::CostRegister(field), amount, parts),
            CostLine::Export(field) => line(Item::CostRegister(field), -amount, parts),
            CostLine::Device(class) => line(Item::CostDevice(class), amount, parts),
            CostLine::FeedIn => line(Item::FeedIn, amount, false),
            CostLine::Fixed => line(Item::Fixed, amount, false),
            CostLine::Capacity => line(Item::Capacity, amount, false),
        }
    }
}

fn peaks(group: &mut Group, totals: &Totals, out: &mut Out<'_>) {
    if let Some(peak) = totals.peaks.month {
        group.power(Item::PeakMonth, peak.value, out);
        if let Some(time) = peak.time {
            group.time(Item::PeakTime, time, out);
        }
    }
    if let Some(mean) = totals.peaks.mean {
        group.power(Item::PeakMean, mean, out);
        let months = Decimal::new(totals.peaks.months.into(), 0).unwrap_or_default();
        group.number(Item::PeakMonths, months, Shape::Number(Unit::One), out);
    }
}

fn prices(group: &mut Group, totals: &Totals, money: &mut Money, out: &mut Out<'_>) {
    let Some(costs) = &totals.costs else { return };
    let energy = [(Item::PriceImport, costs.import), (Item::PriceExport, costs.export)];
    let energy = energy.into_iter().filter_map(|(item, price)| Some((item, price?, Unit::KiloWattHour)));
    let devices = costs.devices.iter().map(|&(class, price)| {
        let unit = totals.year.usage.device(class).map_or(Unit::One, |quantity| quantity.unit);
        (Item::PriceDevice(class), price, unit)
    });
    let mut source = None;
    for (item, Price { price, source: of }, unit) in energy.chain(devices) {
        if let Some(price) = short(price) {
            group.number(item, price, Shape::Money(money.per(unit)), out);
        }
        // One that is not what it should be is what has to be seen.
        source = source.max(Some(rank(of)));
    }
    if let Some((_, word)) = source {
        group.word(Item::PriceSource, word, out);
        group.word(Item::Currency, money.total(), out);
    }
}

/// A price with two digits behind the point, or as many more as it takes.
fn short(price: Decimal) -> Option<Decimal> {
    let price = price.rounded(price.scale().min(PRICE))?;
    (2..=PRICE).find_map(|scale| price.rescaled(scale))
}

fn rank(source: PriceSource) -> (u8, &'static str) {
    match source {
        PriceSource::Contract => (0, "contract"),
        PriceSource::Dynamic => (1, "dynamic"),
        PriceSource::Fallback => (2, "fallback"),
    }
}

impl Group {
    /// Whether it speaks, and whether that is of another period than when it spoke last.
    fn due(&mut self, now: i64, period: i64, news: bool) -> Option<bool> {
        let rolled = self.period != period;
        let is_due = self.last.is_none_or(|last| now < last || now - last >= self.every);
        if !(is_due || rolled || news) {
            return None;
        }
        (self.last, self.period) = (Some(now), period);
        Some(rolled)
    }

    /// Ends what was said: the rest is missing, or cleared at once.
    fn end(&mut self, clear: bool, out: &mut Out<'_>) {
        for slot in &mut self.slots {
            match &mut slot.topic {
                Some(topic) if !slot.said && clear => topic.clear(out.messages),
                Some(topic) if !slot.said => topic.miss(out.writer.now, out.messages),
                _ => {}
            }
            slot.said = false;
        }
    }

    fn slot(&mut self, item: Item) -> &mut Option<Topic> {
        let place = self.slots.iter().position(|slot| slot.item == item).unwrap_or_else(|| {
            self.slots.push(Slot { item, topic: None, said: false });
            self.slots.len() - 1
        });
        self.slots[place].said = true;
        &mut self.slots[place].topic
    }

    fn put(&mut self, item: Item, shape: Shape<'_>, out: &mut Out<'_>) {
        let name = || format!("{}/{}", out.base, item.name());
        out.writer.say(self.slot(item), name, shape, out.messages);
    }

    fn number(&mut self, item: Item, value: Decimal, shape: Shape<'_>, out: &mut Out<'_>) {
        text::decimal(&mut out.writer.value, value);
        self.put(item, shape, out);
    }

    fn power(&mut self, item: Item, value: Decimal, out: &mut Out<'_>) {
        self.number(item, value.rounded(WATTS).unwrap_or(value), Shape::Number(Unit::KiloWatt), out);
    }

    fn amount(&mut self, item: Item, amount: Amount, digits: u8, shape: Shape<'_>, out: &mut Out<'_>) {
        if let Some(value) = amount.rounded(digits) {
            self.number(item, value, shape, out);
        }
    }

    fn time(&mut self, item: Item, seconds: i64, out: &mut Out<'_>) {
        text::utc(&mut out.writer.value, seconds);
        self.put(item, Shape::Text, out);
    }

    fn word(&mut self, item: Item, word: &str, out: &mut Out<'_>) {
        out.writer.value.extend_from_slice(word.as_bytes());
        self.put(item, Shape::Text, out);
    }

    fn object(&mut self, item: Item, json: &Object, out: &mut Out<'_>) {
        let name = || format!("{}/{}", out.base, item.name());
        out.writer.say_object(self.slot(item), name, json, out.messages);
    }
}
