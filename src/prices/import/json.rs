//! Tables as JSON: lists of objects wherever they lie, columns side by side, or times as names.
//!
//! Values stay the text they are, so that no price goes through floating point.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::csv::kind;
use super::names::{self, Columns};
use super::time::{self, Clock};
use super::unit::{exponent, is_told};
use super::{ImportError, MAX_SLOTS, Place, Row, Terms, listed, number, shown};
use crate::prices::PriceKind;

/// Tables lie at most this deep.
const DEPTH: usize = 8;

type Object<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The rows of a table.
pub(super) fn rows(text: &str, terms: Terms<'_>) -> Result<Vec<Row>, ImportError> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| {
        let place = Place::Line(error.line());
        ImportError::at(place, format!("this is not JSON, from column {}: {error}", error.column()))
    })?;
    let mut walk = Walk { terms, rows: Vec::new(), unit: None, passed_over: None };
    walk.value(whole, "", DEPTH)?;
    if walk.rows.is_empty() {
        return Err(ImportError::whole(match walk.passed_over {
            Some(path) => format!(
                "it has prices under {} alone, which are not of {}; is this the kind to import?",
                shown(&path),
                terms.kind
            ),
            None => {
                "nothing in it has a time and a price; times are under \"start\" (or from, timestamp and so \
                     on), prices under \"price\" (or value, total and so on)"
                    .to_owned()
            }
        }));
    }
    Ok(walk.rows)
}

/// What an object tells of a slot.
struct Item<'a> {
    start: &'a str,
    /// Whether its times are in UTC, as their name says.
    utc: bool,
    end: Option<&'a str>,
    kind: PriceKind,
    price: &'a RawValue,
    unit: Option<&'a str>,
}

struct Walk<'a> {
    terms: Terms<'a>,
    rows: Vec<Row>,
    /// The unit that an object tells of all that is in it.
    unit: Option<String>,
    /// A table of another kind.
    passed_over: Option<String>,
}

impl Walk<'_> {
    fn value(&mut self, value: &RawValue, path: &str, depth: usize) -> Result<(), ImportError> {
        if depth == 0 {
            return Ok(());
        }
        if let Some(list) = list(value) {
            if list.first().is_some_and(|first| slot_names(first).is_some()) {
                return self.list(&list, path);
            }
            for (index, member) in list.into_iter().enumerate() {
                self.value(member, &format!("{path}[{index}]"), depth - 1)?;
            }
        } else if let Some(object) = object(value) {
            if let Some(columns) = slot_names(value)
                && are_slots(&object, columns)
            {
                if !self.is_of_kind(path) {
                    return Ok(());
                }
                return self.columns(&object, columns, path);
            }
            if !object.is_empty() && object.keys().all(|name| time::is_instant(name)) {
                return self.map(&object, path);
            }
            let told =
                object.iter().find(|(name, _)| names::is_unit(name)).and_then(|(_, unit)| scalar(unit));
            let outer = self.unit.clone();
            if let Some(unit) = told.filter(|unit| is_told(unit)) {
                self.unit = Some(unit.into_owned());
            }
            for (name, member) in object {
                let path = if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") };
                self.value(member, &path, depth - 1)?;
            }
            self.unit = outer;
        }
        Ok(())
    }

    /// Whether a table is of the kind that is wanted: some lie beside those of gas, and their names say so.
    fn is_of_kind(&mut self, path: &str) -> bool {
        let name = path.to_lowercase();
        let electricity = ["elec", "stroom", "strom", "power"].iter().any(|part| name.contains(part));
        let gas = name.contains("gas");
        let other = match self.terms.kind {
            PriceKind::Gas => electricity && !gas,
            PriceKind::Electricity | PriceKind::ElectricityExport => gas && !electricity,
        };
        if other {
            self.passed_over = Some(path.to_owned());
        }
        !other
    }

    fn push(&mut self, row: Row) -> Result<(), ImportError> {
        if self.rows.len() == MAX_SLOTS {
            let problem = format!("there are more than {MAX_SLOTS} prices; import them in parts");
            return Err(ImportError::at(row.place, problem));
        }
        self.rows.push(row);
        Ok(())
    }

    fn list(&mut self, list: &[&RawValue], path: &str) -> Result<(), ImportError> {
        if !self.is_of_kind(path) {
            return Ok(());
        }
        let path: Rc<str> = path.into();
        for (index, member) in list.iter().enumerate() {
            let place = Place::Item(Rc::clone(&path), index);
            let fail = |problem: String| ImportError::at(&place, problem);
            let object = object(member).ok_or_else(|| fail("this is no object".to_owned()))?;
            let names: Vec<&str> = object.keys().map(Cow::as_ref).collect();
            let columns = names::columns(&names, false).map_err(|_| {
                fail("it has no time or no price, which the first of the list has".to_owned())
            })?;
            let row = self.item(&object, columns, place.clone()).map_err(fail)?;
            self.push(row)?;
        }
        Ok(())
    }

    /// An object with a time and a price; or with as many times as prices.
    fn columns(&mut self, object: &Object<'_>, columns: Columns, path: &str) -> Result<(), ImportError> {
        let place = Place::Member(path.into());
        let fail = |problem: String| ImportError::at(&place, problem);
        let values: Vec<(&Cow<'_, str>, &&RawValue)> = object.iter().collect();
        let (Some(starts), Some(prices)) = (list(values[columns.start].1), list(values[columns.price].1))
        else {
            let row = self.item(object, columns, place.clone()).map_err(fail)?;
            return self.push(row);
        };
        if starts.len() != prices.len() {
            return Err(fail(format!("it has {} times and {} prices", starts.len(), prices.len())));
        }
        let ends = columns.end.and_then(|end| list(values[end].1));
        let name: Rc<str> = match path {
            "" => values[columns.price].0.as_ref().into(),
            path => format!("{path}.{}", values[columns.price].0).into(),
        };
        for (index, (start, price)) in starts.into_iter().zip(prices).enumerate() {
            let place = Place::Item(Rc::clone(&name), index);
            let mut item: Object<'_> = [(Cow::from("price"), price), (Cow::from("start"), start)].into();
            if let Some(end) = ends.as_ref().and_then(|ends| ends.get(index)) {
                item.insert(Cow::from("end"), end);
            }
            if let Some(unit) = columns.unit {
                item.insert(Cow::from("unit"), values[unit].1);
            }
            let names: Vec<&str> = item.keys().map(Cow::as_ref).collect();
            let row = match names::columns(&names, false) {
                Ok(columns) => self.item(&item, columns, place.clone()),
                Err(_) => continue,
            };
            self.push(row.map_err(|problem| ImportError::at(place, problem))?)?;
        }
        Ok(())
    }

    /// Times as names.
    fn map(&mut self, object: &Object<'_>, path: &str) -> Result<(), ImportError> {
        if !self.is_of_kind(path) {
            return Ok(());
        }
        for (name, value) in object {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            let place = Place::Member(path.into());
            let row =
                Item { start: name, utc: false, end: None, kind: self.terms.kind, price: value, unit: None };
            let row = self.row(place.clone(), &row);
            self.push(row.map_err(|problem| ImportError::at(place, problem))?)?;
        }
        Ok(())
    }

    fn item(&self, object: &Object<'_>, columns: Columns, place: Place) -> Result<Row, String> {
        let values: Vec<&RawValue> = object.values().copied().collect();
        let text = |column: usize| scalar(values[column]).unwrap_or_default();
        let told = |column: Option<usize>| column.map(text).filter(|text| !text.is_empty());
        let start = match columns.clock {
            None => text(columns.start),
            Some(clock) => match (text(columns.start), text(clock)) {
                (day, clock) if clock.is_empty() || day.len() > "2026-01-31".len() => day,
                (_, clock) if clock.len() > "00:00:00".len() => clock,
                (day, clock) => format!("{day} {clock}").into(),
            },
        };
        let kind = match told(columns.kind) {
            Some(name) => kind(&name)?,
            None => self.terms.kind,
        };
        let (end, unit) = (told(columns.end), told(columns.unit));
        let utc = object.keys().nth(columns.start).is_some_and(|name| names::is_utc(name));
        let price = values[columns.price];
        self.row(place, &Item { start: &start, utc, end: end.as_deref(), kind, price, unit: unit.as_deref() })
    }

    fn row(&self, place: Place, item: &Item<'_>) -> Result<Row, String> {
        let clock = Clock { utc: item.utc, zone: self.terms.zone };
        let start = time::instant(item.start, clock)?;
        let end = item.end.map(|end| time::instant(end, clock)).transpose()?;
        let (kind, price) = (item.kind, item.price);
        let unit = item.unit.filter(|unit| is_told(unit)).or(self.unit.as_deref());
        // A price for each area, where there is one area.
        let areas = object(price);
        let price = match &areas {
            Some(areas) if areas.len() == 1 => areas.values().next().copied().unwrap_or(price),
            Some(areas) => {
                let names = listed(areas.keys().map(Cow::as_ref));
                return Err(format!(
                    "there are prices of several areas ({names}); leave the one that counts"
                ));
            }
            None => price,
        };
        let price = match scalar(price) {
            Some(text) if text.is_empty() => None,
            Some(text) => {
                let exponent = exponent(self.terms.unit, unit, kind)?;
                let price = number::price(text.trim(), false, exponent);
                Some(price.map_err(|problem| format!("price: {problem}"))?)
            }
            None => return Err(format!("price: {} is not a number", shown(price.get()))),
        };
        Ok(Row { place, kind, start, end, price })
    }
}

/// A list's members.
fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    value.get().starts_with('[').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// An object's members; of a name that stands twice the last.
fn object(value: &RawValue) -> Option<Object<'_>> {
    value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// A text or number as text, nothing for null; `None` for what holds other values, or is true or false.
fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value.get())),
        b'n' => Some(Cow::Borrowed("")),
        _ => None,
    }
}

/// Whether an object with names of both has one time and one price, or lists of both: else it only speaks of them.
fn are_slots(object: &Object<'_>, columns: Columns) -> bool {
    let value = |column: usize| object.values().nth(column).map(|value| value.get());
    let (Some(start), Some(price)) = (value(columns.start), value(columns.price)) else { return false };
    start.starts_with('[') == price.starts_with('[') && !start.starts_with('{')
}

/// The columns of an object with a time and a price.
fn slot_names(value: &RawValue) -> Option<Columns> {
    let object = object(value)?;
    let names: Vec<&str> = object.keys().map(Cow::as_ref).collect();
    names::columns(&names, false).ok()
}
