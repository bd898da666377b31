//! A JSON object written straight into a buffer, and the units of money.

use super::super::text;
use crate::meter::Unit;
use crate::p1::Decimal;

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, name: &str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        text::json_string(&mut self.0, name);
        self.0.push(b':');
    }

    /// Opens an object under a key, or the whole.
    pub(super) fn open(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.key(name);
        }
        self.0.push(b'{');
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.0.push(b'}');
    }

    pub(super) fn number(&mut self, name: &str, value: Decimal) {
        self.key(name);
        text::decimal(&mut self.0, value);
    }

    pub(super) fn time(&mut self, name: &str, seconds: i64) {
        self.key(name);
        self.0.push(b'"');
        text::utc(&mut self.0, seconds);
        self.0.push(b'"');
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        text::json_string(&mut self.0, value);
    }

    pub(super) fn truth(&mut self, name: &str, value: bool) {
        self.key(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }
}

/// The units of sums, rates and prices in one currency: `EUR`, `EUR/h`, `EUR/kWh`.
#[derive(Debug, Default)]
pub(super) struct Money {
    currency: String,
    an_hour: String,
    per: Vec<(Unit, String)>,
}

impl Money {
    /// In a currency. Nothing is built when it is the one it was.
    pub(super) fn set(&mut self, currency: &str) {
        if self.currency != currency {
            *self = Self { currency: currency.to_owned(), an_hour: format!("{currency}/h"), per: Vec::new() };
        }
    }

    pub(super) fn total(&self) -> &str {
        &self.currency
    }

    pub(super) fn an_hour(&self) -> &str {
        &self.an_hour
    }

    /// Of a price of something with a unit.
    pub(super) fn per(&mut self, unit: Unit) -> &str {
        let place = self.per.iter().position(|(known, _)| *known == unit).unwrap_or_else(|| {
            let symbol = unit.symbol();
            let slash = if symbol.is_empty() { "" } else { "/" };
            self.per.push((unit, format!("{}{slash}{symbol}", self.currency)));
            self.per.len() - 1
        });
        &self.per[place].1
    }
}
