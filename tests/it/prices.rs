//! Contracts, dynamic prices, and the tables they come from.

/// Money: exact sums and products.
mod amount;

/// Slots by their time: the price at any instant is that of the slot that was inserted last.
mod table;

/// Tables as people and markets write them, CSV and JSON.
mod import;

/// What is no table: which line, what is wrong, what to do.
mod problems;

/// What is written is read again, to the digit.
mod round_trip;

/// `dsmrd prices`, beside a running process too.
mod commands;

use dsmrd::meter::Zone;
use dsmrd::prices::import::read;
use dsmrd::prices::{ImportError, ImportFormat, PriceKind, Slot};
use jiff::Timestamp;

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_second()
}

fn amsterdam() -> Zone {
    Zone::new("Europe/Amsterdam").expect("known")
}

/// Reads a table of electricity whose unit is as it says itself.
fn electricity(text: &str, format: ImportFormat) -> Result<Vec<Slot>, ImportError> {
    read(text.as_bytes(), format, PriceKind::Electricity, None, Some(&amsterdam()))
}

/// Start, end and price of slots, in UTC.
fn told(slots: &[Slot]) -> Vec<String> {
    let time = |utc| Timestamp::from_second(utc).expect("in range").strftime("%m-%dT%H:%M").to_string();
    slots.iter().map(|slot| format!("{} {} {}", time(slot.start), time(slot.end), slot.price)).collect()
}
