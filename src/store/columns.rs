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
    pub(crate) values: Vec<i128>,
}

impl NumberColumn {
    /// The row and the number of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, i128)> + '_ {
        let place = |n: usize| self.rows.get(n).map_or(n, |row| *row as usize);
        self.values.iter().enumerate().map(move |(n, value)| (place(n), *value))
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
                    column.values.push(quantity.value.mantissa());
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
            let (rows, values) = (Vec::new(), Vec::new());
            self.numbers.push(NumberColumn { key: key.clone(), unit, scale, rows, values });
            self.numbers.len() - 1
        });
        &mut self.numbers[place]
    }
}
