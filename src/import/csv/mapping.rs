//! Which column is what.

use serde::Deserialize;

use crate::import::value;
use crate::meter::{Field, Zone};
use crate::p1::Decimal;

/// Mappings for files of programs that are known, by their names. `dsmr-reader` is for its table of readings, copied out.
pub const BUILT_IN: [(&str, &str); 2] = [
    (
        "homewizard",
        "[time]\ncolumn = \"time\"\n\
         [[value]]\ncolumn = \"Import T1 kWh\"\nfield = \"energy_import_t1\"\n\
         [[value]]\ncolumn = \"Import T2 kWh\"\nfield = \"energy_import_t2\"\n\
         [[value]]\ncolumn = \"Export T1 kWh\"\nfield = \"energy_export_t1\"\n\
         [[value]]\ncolumn = \"Export T2 kWh\"\nfield = \"energy_export_t2\"\n",
    ),
    ("dsmr-reader", include_str!("dsmr_reader.toml")),
];

/// Why a mapping is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MappingError(String);

/// The length of the interval in which something was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// A quarter-hour.
    Quarter,
    /// An hour.
    Hour,
    /// A local day.
    Day,
}

/// A column by its name in the header, or by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Name {
    Number(usize),
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTime {
    column: Name,
    format: Option<String>,
    zone: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    column: Name,
    field: String,
    factor: Option<String>,
    usage: Option<Span>,
    when: Option<RawWhen>,
    time: Option<Name>,
}

/// The rows that a value is taken of: those where a column says this.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWhen {
    column: Name,
    equals: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    delimiter: Option<char>,
    decimal: Option<char>,
    #[serde(default)]
    skip: u64,
    time: RawTime,
    value: Vec<RawValue>,
}

/// What a column tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A field of readings.
    Field(Field),
    /// The gas meter.
    Gas,
}

/// What the numbers of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) column: Column,
    pub(super) factor: Option<Decimal>,
    pub(super) usage: Option<Span>,
}

/// A column that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    name: Name,
    pub(super) value: Value,
    when: Option<(Name, String)>,
    time: Option<Name>,
    /// Where they are in the header that was found.
    pub(super) at: usize,
    /// What stands above the column, for messages.
    pub(super) shown: String,
    /// The column that has to say something, and what.
    pub(super) only: Option<(usize, String)>,
    /// The column of the time at which a device was read.
    pub(super) stamp: Option<usize>,
}

/// A mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    delimiter: u8,
    comma: bool,
    skip: u64,
    time: Name,
    format: Option<String>,
    zone: Option<Zone>,
    values: Vec<Place>,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// It is no TOML, has a key that is none, or names a field or zone that is not there.
    pub fn read(text: &str) -> Result<Self, MappingError> {
        let raw: Raw =
            toml::from_str(text).map_err(|error| MappingError(error.to_string().trim().to_owned()))?;
        let wrong = |what: String| Err(MappingError(what));
        let delimiter = match raw.delimiter.unwrap_or(',') {
            delimiter if delimiter.is_ascii() => delimiter as u8,
            other => return wrong(format!("delimiter: {other:?} is not one of ASCII")),
        };
        let comma = match raw.decimal.unwrap_or('.') {
            '.' => false,
            ',' => true,
            other => return wrong(format!("decimal: {other:?}; write \".\" or \",\"")),
        };
        let zone = match raw.time.zone.as_deref().map(Zone::new) {
            Some(Err(error)) => return wrong(format!("time.zone: {error}")),
            zone => zone.and_then(Result::ok),
        };
        let mut values = Vec::new();
        for (number, RawValue { column: name, field, factor, usage, when, time }) in (1..).zip(raw.value) {
            let wrong = |what: String| wrong(format!("[[value]] number {number}, {what}"));
            let column = match (field.as_str(), Field::from_name(&field)) {
                ("gas", _) => Column::Gas,
                (_, Some(field)) => Column::Field(field),
                (name, None) => {
                    return wrong(format!(
                        "field: no field is named {name:?}; names are those of dsmrd export, such as energy_import_t1, \
                         and gas"
                    ));
                }
            };
            if usage.is_some() && super::name(&column).is_none() {
                return wrong(format!(
                    "usage: {field:?} is nothing that is used up; it is of energy and gas"
                ));
            }
            if time.is_some() && (column != Column::Gas || usage.is_some()) {
                return wrong(format!(
                    "time: {field:?} is of the row's time; positions of gas alone have one of their own"
                ));
            }
            let factor = match factor.as_deref().map(|text| (text, value::decimal(text))) {
                Some((text, None)) => return wrong(format!("factor: {text:?} is no number")),
                factor => factor.and_then(|(_, factor)| factor),
            };
            let when = when.map(|RawWhen { column, equals }| (column, equals));
            let value = Value { column, factor, usage };
            values.push(Place {
                name,
                value,
                when,
                time,
                at: 0,
                shown: String::new(),
                only: None,
                stamp: None,
            });
        }
        if values.is_empty() {
            return wrong("there is no [[value]]: nothing would be read".to_owned());
        }
        let (time, format) = (raw.time.column, raw.time.format);
        Ok(Self { delimiter, comma, skip: raw.skip, time, format, zone, values })
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(super) fn has_comma(&self) -> bool {
        self.comma
    }

    pub(super) fn skip(&self) -> u64 {
        self.skip
    }

    pub(super) fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    pub(super) fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// Where the columns are in a header: that of the time, and those of values.
    pub(super) fn places(&self, header: &csv::StringRecord) -> Result<(usize, Vec<Place>), MappingError> {
        let clean = |text: &str| text.trim_start_matches('\u{feff}').trim().to_lowercase();
        let place = |name: &Name| match name {
            Name::Number(number) if (1..=header.len()).contains(number) => Ok(number - 1),
            Name::Number(number) => {
                Err(MappingError(format!("there is no column {number}; there are {}", header.len())))
            }
            Name::Text(name) => {
                header.iter().position(|known| clean(known) == clean(name)).ok_or_else(|| {
                    let known: Vec<&str> = header.iter().map(str::trim).collect();
                    MappingError(format!("there is no column {name:?}; there are: {}", known.join(", ")))
                })
            }
        };
        let values = self.values.iter().map(|value| {
            let at = place(&value.name)?;
            let only = value.when.as_ref().map(|(name, equals)| Ok((place(name)?, equals.clone())));
            let shown = header.get(at).unwrap_or_default().trim().to_owned();
            let stamp = value.time.as_ref().map(place).transpose()?;
            Ok(Place { at, shown, only: only.transpose()?, stamp, ..value.clone() })
        });
        Ok((place(&self.time)?, values.collect::<Result<_, MappingError>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_and_mistakes_in_them_named() {
        for (name, text) in BUILT_IN {
            assert!(Mapping::read(text).is_ok(), "{name}");
        }
        let wrong = |text: &str| Mapping::read(text).expect_err("wrong").to_string();
        let head = "[time]\ncolumn = 1\n";
        assert!(wrong("").contains("time"));
        assert!(
            wrong(&format!("{head}[[value]]\ncolumn = 2\nfield = \"energy\"")).contains("energy_import_t1")
        );
        assert!(
            wrong(&format!("{head}[[value]]\ncolumn = 2\nfield = \"gas\"\nfactor = \"x\""))
                .contains("no number")
        );
        assert!(
            wrong(&format!("{head}[[value]]\ncolumn = 2\nfield = \"power_import\"\nusage = \"hour\""))
                .contains("used up")
        );
        assert!(
            wrong(&format!(
                "{head}[[value]]\ncolumn = 2\nfield = \"gas\"\n[[value]]\ncolumn = 3\nfield = \"x\""
            ))
            .contains("[[value]] number 2, field")
        );
        assert!(wrong("[time]\ncolumn = 1\nfromat = \"%H\"\n").contains("line 3, column 1"));
        assert!(wrong("value = []\n[time]\ncolumn = 1").contains("nothing would be read"));
    }
}
