//! A block the other way round: the numbers of one column after the other, for those who ask for some of them.

use super::codec::Row;
use crate::meter::Unit;
use crate::meter::record::{FlatValue, Key};

/// Numbers of a block by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// The time of every row in the order in which the rows came, in seconds since 1970-01-01 00:00 UTC: that of the
    /// meter where it tells one, as [`crate::meter::Reading::utc_seconds`].
    pub(crate) times: Vec<i64>,
    /// The columns that were asked for, in the order in which the block met them. A key whose unit or scale changed
    /// has several.
    pub(crate) numbers: Vec<NumberColumn>,
}

/// The numbers of one key, unit and scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberColumn {
    /// As [`crate::meter::record::flatten`] writes it.
    pub(crate) key: Key,
    /// Their unit.
    pub(crate) unit: Unit,
    /// Digits behind the point.
    pub(crate) scale: u8,
    /// The rows that have one, by their places, rising; empty when every row has.
    pub(crate) rows: Vec<u32>,
    /// Without their points.
    pub(crate) values: Numbers,
}

/// Numbers of a column, in the order of the rows.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    /// So many times the same.
    Same(i64, usize),
    /// One by one.
    Each(Vec<i64>),
    /// Those of which some fit in no `i64`.
    Wide(Vec<i128>),
}

/// However they are kept.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && (0..self.len()).all(|place| self.at(place) == other.at(place))
    }
}

impl Eq for Numbers {}

impl Default for Numbers {
    fn default() -> Self {
        Self::Same(0, 0)
    }
}

impl Numbers {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Same(_, count) => *count,
            Self::Each(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// The number at a place, which must be below [`Numbers::len`].
    pub(crate) fn at(&self, place: usize) -> i128 {
        match self {
            Self::Same(value, _) => (*value).into(),
            Self::Each(values) => values[place].into(),
            Self::Wide(values) => values[place],
        }
    }

    /// Adds one, of as many as are to be expected.
    pub(crate) fn push(&mut self, value: i128, expected: usize) {
        match (&mut *self, i64::try_from(value)) {
            (Self::Same(same, count), Ok(value)) if *count == 0 || *same == value => {
                (*same, *count) = (value, *count + 1);
            }
            (Self::Same(same, count), Ok(value)) => {
                let mut values = Vec::with_capacity(expected.max(*count + 1));
                values.resize(*count, *same);
                values.push(value);
                *self = Self::Each(values);
            }
            (Self::Each(values), Ok(value)) => values.push(value),
            (Self::Wide(values), _) => values.push(value),
            (_, Err(_)) => {
                let values = (0..self.len()).map(|place| self.at(place)).chain([value]).collect();
                *self = Self::Wide(values);
            }
        }
    }
}

impl NumberColumn {
    /// The row and the number of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, i128)> + '_ {
        let place = |n: usize| self.rows.get(n).map_or(n, |row| *row as usize);
        (0..self.values.len()).map(move |n| (place(n), self.values.at(n)))
    }
}

impl Columns {
    /// Those of rows.
    pub(crate) fn of(rows: &[Row], wanted: &dyn Fn(&str) -> bool) -> Self {
        let mut columns = Self::default();
        for (place, row) in rows.iter().enumerate() {
            for (key, value) in row.items.iter().filter(|(key, _)| wanted(key)) {
                if let FlatValue::Number(quantity) = value {
                    let (unit, scale) = (quantity.unit, quantity.value.scale());
                    let column = columns.column(key, unit, scale);
                    column.rows.push(place as u32);
                    column.values.push(quantity.value.mantissa(), rows.len());
                }
            }
            columns.times.push(row.clone().into_reading().utc_seconds());
        }
        for column in &mut columns.numbers {
            if column.rows.iter().copied().eq(0..rows.len() as u32) {
                column.rows.clear();
            }
        }
        columns
    }

    fn column(&mut self, key: &Key, unit: Unit, scale: u8) -> &mut NumberColumn {
        let known = self
            .numbers
            .iter()
            .position(|column| column.key == *key && column.unit == unit && column.scale == scale);
        let place = known.unwrap_or_else(|| {
            let (rows, values) = (Vec::new(), Numbers::default());
            self.numbers.push(NumberColumn { key: key.clone(), unit, scale, rows, values });
            self.numbers.len() - 1
        });
        &mut self.numbers[place]
    }
}
