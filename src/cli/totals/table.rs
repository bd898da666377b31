//! Periods as a table for people, as CSV and as JSON.

use std::io::{self, Write};

use jiff::Timestamp;

use dsmrd::meter::{Field, MbusClass, Unit, Zone};
use dsmrd::p1::Decimal;
use dsmrd::prices::Amount;
use dsmrd::totals::{CounterState, Period, Register, Step};

use super::Format;

/// Digits behind the point of money.
const CENTS: u8 = 2;

/// The columns that the counters of a record need.
pub(super) struct Columns {
    energy: Vec<Field>,
    devices: Vec<(MbusClass, Unit)>,
    currency: Option<String>,
}

/// A period with what it takes to write it.
pub(super) struct Row<'a> {
    pub(super) meter: &'a str,
    pub(super) period: &'a Period,
    pub(super) zone: &'a Zone,
    pub(super) step: Step,
}

/// The lines of a table, whose widths are known at its end.
#[derive(Default)]
pub(super) struct Rows {
    cells: Vec<Vec<String>>,
    sums: Vec<Option<Decimal>>,
    cost: Amount,
    missing_s: i64,
    /// Whether a price of the table, or any price, was missing somewhere.
    marks: [bool; 2],
}

impl Columns {
    pub(super) fn of(counters: &[CounterState], currency: Option<String>) -> Self {
        let (mut energy, mut devices) = (Vec::new(), Vec::new());
        for counter in counters.iter().filter(|counter| counter.counts()) {
            match counter.key.register {
                Register::Energy(field) => {
                    let export = (Field::EnergyExportTotal..=Field::EnergyExportT13).contains(&field);
                    energy.push(field);
                    energy.push(if export { Field::EnergyExportTotal } else { Field::EnergyImportTotal });
                }
                Register::Device { class, .. } => devices.push((class, counter.unit)),
            }
        }
        energy.sort();
        energy.dedup();
        devices.sort();
        devices.dedup_by_key(|(class, _)| *class);
        Self { energy, devices, currency }
    }

    /// The value of each column.
    fn values(&self, period: &Period) -> Vec<Option<Decimal>> {
        let energy = self.energy.iter().map(|field| period.usage.energy(*field));
        let devices = self.devices.iter().map(|(class, _)| period.usage.device(*class));
        energy.chain(devices.map(|quantity| quantity.map(|quantity| quantity.value))).collect()
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        let devices = self.devices.iter().map(|(class, _)| class.name());
        self.energy.iter().map(|field| field.name()).chain(devices)
    }

    /// The names for people, with their units.
    fn titles(&self) -> Vec<String> {
        let short = |name: &str| name.trim_start_matches("energy_").replace('_', " ");
        let energy = self.energy.iter().map(|field| format!("{} {}", short(field.name()), field.unit()));
        let devices = self.devices.iter().map(|(class, unit)| format!("{} {unit}", short(class.name())));
        energy.chain(devices).collect()
    }

    /// What stands before the first row.
    pub(super) fn begin(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        if format != Format::Csv {
            return Ok(());
        }
        write!(out, "meter,start,end")?;
        for name in self.names() {
            write!(out, ",{name}")?;
        }
        if self.currency.is_some() {
            write!(out, ",cost,currency,cost_note")?;
        }
        write!(out, ",missing_s\r\n")
    }

    pub(super) fn csv(&self, row: &Row<'_>, out: &mut impl Write) -> io::Result<()> {
        let period = row.period;
        // A name is one topic level; one with a comma or a quote is written as RFC 4180 has it.
        let meter = match row.meter.contains([',', '"']) {
            true => format!("\"{}\"", row.meter.replace('"', "\"\"")),
            false => row.meter.to_owned(),
        };
        write!(out, "{meter},{},{}", at(row.zone, period.start), at(row.zone, period.end))?;
        for value in self.values(period) {
            match value {
                Some(value) => write!(out, ",{value}")?,
                None => write!(out, ",")?,
            }
        }
        if let Some(currency) = &self.currency {
            let cost = cost(period).map_or_else(String::new, |cost| cost.to_string());
            write!(out, ",{cost},{currency},{}", note(period))?;
        }
        write!(out, ",{}\r\n", period.missing_s)
    }

    /// Numbers are written digit by digit: no float comes between the meter and the file.
    pub(super) fn json(&self, row: &Row<'_>, out: &mut impl Write) -> io::Result<()> {
        let period = row.period;
        write!(out, "{{\"meter\":{}", serde_json::to_string(row.meter)?)?;
        write!(
            out,
            ",\"start\":\"{}\",\"end\":\"{}\"",
            at(row.zone, period.start),
            at(row.zone, period.end)
        )?;
        for (name, value) in self.names().zip(self.values(period)) {
            if let Some(value) = value {
                write!(out, ",\"{name}\":{value}")?;
            }
        }
        if let (Some(currency), Some(cost)) = (&self.currency, cost(period)) {
            write!(out, ",\"cost\":{cost},\"currency\":{}", serde_json::to_string(currency)?)?;
            if !note(period).is_empty() {
                write!(out, ",\"cost_note\":\"{}\"", note(period))?;
            }
        }
        writeln!(out, ",\"missing_s\":{}}}", period.missing_s)
    }
}

impl Rows {
    pub(super) fn push(&mut self, columns: &Columns, row: &Row<'_>) -> io::Result<()> {
        let period = row.period;
        let values = columns.values(period);
        self.sums.resize(values.len(), None);
        for (sum, value) in self.sums.iter_mut().zip(&values) {
            *sum = match (*sum, *value) {
                (Some(sum), Some(value)) => sum.checked_add(value),
                (sum, value) => sum.or(value),
            };
        }
        let mut cells = vec![label(row)];
        cells.extend(
            values.into_iter().map(|value| value.map_or_else(String::new, |value| value.to_string())),
        );
        if columns.currency.is_some() {
            let mark = match note(period) {
                "unpriced" => "?",
                "fallback" => "~",
                _ => "",
            };
            self.marks[0] |= mark == "~";
            self.marks[1] |= mark == "?";
            self.cost += period.cost.as_ref().map_or(Amount::ZERO, |cost| cost.total());
            cells.push(cost(period).map_or_else(String::new, |cost| format!("{mark}{cost}")));
        }
        self.missing_s += period.missing_s;
        cells.push(gap(period.missing_s));
        self.cells.push(cells);
        Ok(())
    }

    pub(super) fn print(self, columns: &Columns, meter: &str, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{meter}")?;
        if self.cells.is_empty() {
            return writeln!(out, "  no totals in this range");
        }
        let mut head = vec![String::new()];
        head.extend(columns.titles());
        let mut foot = vec!["sum".to_owned()];
        foot.extend(self.sums.iter().map(|sum| sum.map_or_else(String::new, |sum| sum.to_string())));
        if let Some(currency) = &columns.currency {
            head.push(format!("cost {currency}"));
            foot.push(self.cost.rounded(CENTS).map_or_else(String::new, |cost| cost.to_string()));
        }
        head.push("no readings".to_owned());
        foot.push(gap(self.missing_s));
        let lines: Vec<&Vec<String>> = [&head].into_iter().chain(&self.cells).chain([&foot]).collect();
        let widths: Vec<usize> = (0..head.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        for line in &lines {
            let mut text = format!("{:<1$}", line[0], widths[0]);
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                text.push_str(&format!("  {cell:>width$}"));
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        if self.marks[0] {
            writeln!(out, "~ with the contract's price where the table of prices has none")?;
        }
        if self.marks[1] {
            writeln!(out, "? without what has no price")?;
        }
        if self.missing_s > 0 {
            writeln!(out, "What was used while there were no readings counts where the next reading lies.")?;
        }
        Ok(())
    }
}

fn cost(period: &Period) -> Option<Decimal> {
    period.cost.as_ref()?.total().rounded(CENTS)
}

/// What is to be known of a cost: that something had no price, or not that of the table.
fn note(period: &Period) -> &'static str {
    match &period.cost {
        Some(cost) if cost.unpriced => "unpriced",
        Some(cost) if cost.fallback => "fallback",
        _ => "",
    }
}

/// A span of time by its quarter-hours: `1h15m`; empty for none.
fn gap(seconds: i64) -> String {
    match (seconds / 3_600, seconds % 3_600 / 60) {
        (0, 0) => String::new(),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}

/// ISO 8601 with the zone's offset.
fn at(zone: &Zone, utc: i64) -> String {
    let instant = Timestamp::from_second(utc).unwrap_or_default();
    instant.display_with_offset(zone.time_zone().to_offset(instant)).to_string()
}

/// What a period is called.
fn label(row: &Row<'_>) -> String {
    let instant = Timestamp::from_second(row.period.start).unwrap_or_default();
    let local = instant.to_zoned(row.zone.time_zone().clone());
    let form = match row.step {
        Step::Year => "%Y",
        Step::Month => "%Y-%m",
        Step::Day => "%Y-%m-%d",
        // The hour that the autumn doubles is told by its offset.
        Step::Hour | Step::Quarter => "%Y-%m-%d %H:%M %:z",
    };
    local.strftime(form).to_string()
}
