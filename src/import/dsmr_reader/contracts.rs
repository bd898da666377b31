//! Contracts as tables for the configuration.
//!
//! DSMR-reader lets contracts lie over each other, one for electricity and one for gas, and puts them together price by
//! price; a price of zero is none. dsmrd has one contract a day. So time is cut where any of them begins or ends.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::civil::Date;

use crate::import::value;
use crate::p1::Decimal;

/// Where a contract's last day lies further from its first than this, nobody meant an end.
const FAR_YEARS: i16 = 9;

/// The names of prices in DSMR-reader before and behind `_price`, and in the configuration.
const PRICES: [(&str, &str); 6] = [
    ("electricity_delivered_1_price", "import_t1"),
    ("electricity_delivered_2_price", "import_t2"),
    ("electricity_returned_1_price", "export_t1"),
    ("electricity_returned_2_price", "export_t2"),
    ("gas_price", "gas"),
    ("fixed_daily_cost", "fixed"),
];

/// A contract of DSMR-reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    start: Date,
    /// The last day.
    end: Option<Date>,
    name: String,
    prices: [Option<Decimal>; 6],
}

impl Price {
    /// Of the columns of its row; none without a first day.
    pub fn of<'a>(column: &dyn Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let start = column("start").and_then(value::date)?;
        let end = column("end")
            .and_then(value::date)
            .filter(|end| end.year() - start.year() <= FAR_YEARS && end.year() < 2090);
        let prices = PRICES.map(|(name, _)| {
            let price = column(name).and_then(value::decimal)?;
            (!price.is_zero()).then_some(price)
        });
        let name = column("description").unwrap_or_default().trim().to_owned();
        Some(Self { start, end, name, prices })
    }

    fn holds(&self, day: Date) -> bool {
        self.start <= day && self.end.is_none_or(|end| day <= end)
    }
}

/// The tables, ready to be put into the configuration; empty without contracts. `meter` where there are several.
pub fn toml(prices: &[Price], meter: Option<&str>) -> String {
    let mut cuts: BTreeSet<Date> = prices.iter().map(|price| price.start).collect();
    cuts.extend(prices.iter().filter_map(|price| price.end?.tomorrow().ok()));
    let mut text = String::new();
    let mut cuts = cuts.into_iter().peekable();
    while let Some(start) = cuts.next() {
        let mut holding: Vec<&Price> = prices.iter().filter(|price| price.holds(start)).collect();
        if holding.is_empty() {
            continue;
        }
        // Of two that set one price the one that began later counts.
        holding.sort_by_key(|price| price.start);
        let mut names: Vec<&str> = holding.iter().map(|price| price.name.as_str()).collect();
        names.retain(|name| !name.is_empty());
        names.dedup();
        let name = if names.is_empty() { format!("Contract from {start}") } else { names.join(" + ") };
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "[[contract]]\nname = {}", quoted(&name));
        if let Some(meter) = meter {
            let _ = writeln!(text, "meter = {}", quoted(meter));
        }
        let _ = writeln!(text, "start = {start}");
        // It ends where the next begins, or where none holds any more.
        if let Some(end) = cuts.peek() {
            let _ = writeln!(text, "end = {end}");
        }
        for (place, (_, key)) in PRICES.iter().enumerate() {
            let mut set = holding.iter().filter_map(|price| price.prices[place]);
            let first = set.next();
            let last = set.next_back();
            if let (Some(first), Some(last)) = (first, last)
                && first != last
            {
                let _ = writeln!(text, "# two contracts set this price; the other says {}", plain(first));
            }
            if let Some(price) = last.or(first) {
                let _ = writeln!(text, "{key} = {}", plain(price));
            }
        }
    }
    text
}

/// Without the zeros at its end.
fn plain(price: Decimal) -> String {
    let text = price.to_string();
    if !text.contains('.') {
        return text;
    }
    let cut = text.trim_end_matches('0');
    if cut.ends_with('.') { format!("{cut}0") } else { cut.to_owned() }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(start: &str, end: &str, name: &str, electricity: &str, gas: &str) -> Price {
        Price::of(&|column: &str| match column {
            "start" => Some(start),
            "end" => Some(end),
            "description" => Some(name),
            "electricity_delivered_1_price" => Some(electricity),
            "gas_price" => Some(gas),
            _ => None,
        })
        .expect("a contract")
    }

    #[test]
    fn a_contract_ends_on_the_day_after_its_last_and_one_without_end_does_not() {
        let text = toml(
            &[
                price("2025-01-01", "2025-12-31", "Old \"one\"", "0.250000", "1.1"),
                price("2026-01-01", "2099-12-31", "New", "0.3", "0"),
            ],
            None,
        );
        let expected = "[[contract]]\nname = \"Old \\\"one\\\"\"\nstart = 2025-01-01\nend = 2026-01-01\n\
                        import_t1 = 0.25\ngas = 1.1\n\n[[contract]]\nname = \"New\"\nstart = 2026-01-01\nimport_t1 = 0.3\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn contracts_that_lie_over_each_other_are_cut_and_put_together() {
        let text = toml(
            &[
                price("2025-01-01", "2025-12-31", "Power", "0.25", "0"),
                price("2025-07-01", "2026-06-30", "Gas", "0", "1.1"),
            ],
            Some("home"),
        );
        let starts: Vec<&str> = text.lines().filter(|line| line.starts_with("start")).collect();
        assert_eq!(starts, ["start = 2025-01-01", "start = 2025-07-01", "start = 2026-01-01"]);
        assert!(
            text.contains("name = \"Power + Gas\"\nmeter = \"home\"\nstart = 2025-07-01\nend = 2026-01-01\n")
        );
        assert!(text.trim_end().ends_with("end = 2026-07-01\ngas = 1.1"));
    }
}
