//! The tables there are, with their columns and units: what SQLite is told of them, and what people are.

use super::source::{Source, is_whole, symbol};
use super::spans;
use crate::meter::shown::{ShownColumn, ShownKind};
use crate::store::query::Resolution;

/// A table, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What a row of it is.
    pub about: &'static str,
    /// Its columns in their order.
    pub columns: Vec<DescribedColumn>,
}

/// A column, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedColumn {
    /// Its name.
    pub name: String,
    /// `INTEGER`, `REAL` or `TEXT`.
    pub kind: &'static str,
    /// The unit of its numbers; empty for none.
    pub unit: String,
}

impl Described {
    pub(super) fn declaration(&self) -> String {
        let column = |column: &DescribedColumn| format!("\"{}\" {}", column.name, column.kind);
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        format!("CREATE TABLE x ({})", columns.join(", "))
    }
}

fn fixed(name: &str, kind: &'static str, unit: &str) -> DescribedColumn {
    DescribedColumn { name: name.to_owned(), kind, unit: unit.to_owned() }
}

/// What both begin with; places as in [`super::plan`].
fn head() -> Vec<DescribedColumn> {
    vec![
        fixed("time", "INTEGER", "s since 1970-01-01 00:00 UTC"),
        fixed("time_utc", "TEXT", ""),
        fixed("time_local", "TEXT", ""),
        fixed("meter", "TEXT", ""),
        fixed("equipment_id", "TEXT", ""),
    ]
}

fn kind(column: &ShownColumn) -> &'static str {
    match column.kind {
        ShownKind::Number if is_whole(column) => "INTEGER",
        ShownKind::Number => "REAL",
        ShownKind::Text | ShownKind::Time => "TEXT",
    }
}

pub(super) fn reading(source: &Source) -> Described {
    let mut columns = head();
    columns.push(fixed("received_at", "INTEGER", "ms since 1970-01-01 00:00 UTC"));
    columns.push(fixed("proof", "TEXT", ""));
    columns.extend(source.shown.iter().map(|column| DescribedColumn {
        name: column.name.clone(),
        kind: kind(column),
        unit: symbol(column.unit),
    }));
    Described { name: "reading".to_owned(), about: "every reading", columns }
}

pub(super) fn spans(source: &Source, resolution: Resolution) -> Described {
    let mut columns = head();
    columns.push(fixed("end_time", "INTEGER", "s since 1970-01-01 00:00 UTC"));
    columns.extend(spans::measured(&source.shown).map(|(column, measure)| {
        let name = format!("{}_{}", column.name, measure.name());
        // A mean of whole numbers is one of the meter's own resolution.
        DescribedColumn { name, kind: kind(column), unit: symbol(column.unit) }
    }));
    let about = match resolution {
        Resolution::Raw => "",
        Resolution::Minute => {
            "what the readings of a minute come to; one without any is there where something counted in it that is looked at"
        }
        Resolution::Quarter => "what the readings of a quarter of an hour come to",
        Resolution::Hour => "what the readings of an hour come to",
        Resolution::Day => "what the readings of a calendar day come to",
        Resolution::Month => "what the readings of a calendar month come to",
        Resolution::Year => "what the readings of a calendar year come to",
    };
    Described { name: resolution.name().to_owned(), about, columns }
}

/// Views of the plain tables, which stand before those of the same name. They take in what is in the journal alone, by
/// the tables of [`super::tail`].
pub(super) const VIEWS: [(&str, &str, &str); 7] = [
    (
        "epoch",
        "equipment behind a meter's name, and its readings; its id is none before its first block is stored",
        "SELECT max(id) AS id, meter, nullif(equipment_id, '') AS equipment_id, min(first) AS first_time,
                max(last) AS last_time, sum(count) AS readings
         FROM (SELECT e.id, e.meter, e.equipment_id, b.first, b.last, b.count
               FROM main.epoch e LEFT JOIN main.block b ON b.epoch = e.id
               UNION ALL
               SELECT NULL, meter, ifnull(equipment_id, ''), first, last, count FROM temp.tail_block)
         GROUP BY meter, equipment_id",
    ),
    (
        "block",
        "packed readings of an hour, without what is in them; those without an id are in the journal still",
        "SELECT b.id, e.meter, nullif(e.equipment_id, '') AS equipment_id, b.hour * 3600 AS time,
                b.first AS first_time, b.last AS last_time, b.count AS readings, b.ordered, b.level, b.codec,
                length(b.data) AS bytes
         FROM main.block b JOIN main.epoch e ON e.id = b.epoch
         UNION ALL
         SELECT NULL, meter, equipment_id, hour * 3600, first, last, count, ordered, 0, codec, bytes
         FROM temp.tail_block",
    ),
    (
        "counter",
        "what has positions, up to the last reading; its id is none before it is stored",
        "SELECT id, meter, nullif(equipment, '') AS equipment_id, register, generation, unit, first_time,
                CAST(first_value AS REAL) AS first_value, last_time, CAST(last_value AS REAL) AS last_value
         FROM temp.tail_counter",
    ),
    (
        "position",
        "the last position known at a quarter-hour, and for how long by then",
        "SELECT p.quarter * 900 AS time, c.meter, nullif(c.equipment, '') AS equipment_id, c.register, c.generation,
                c.unit,
                iif(typeof(p.value) = 'text', CAST(p.value AS REAL), p.value / CAST('1e' || c.scale AS REAL)) AS value,
                p.age
         FROM main.position p JOIN main.counter c ON c.id = p.counter
         WHERE NOT EXISTS (SELECT 1 FROM temp.tail_void v WHERE v.counter = p.counter AND p.quarter > v.quarter)
           AND NOT EXISTS (SELECT 1 FROM temp.tail_position t WHERE t.counter = p.counter AND t.quarter = p.quarter)
         UNION ALL
         SELECT p.quarter * 900, c.meter, nullif(c.equipment, ''), c.register, c.generation, c.unit,
                iif(typeof(p.value) = 'text', CAST(p.value AS REAL), p.value / CAST('1e' || c.scale AS REAL)), p.age
         FROM temp.tail_position p JOIN temp.tail_counter c ON c.meter = p.meter AND c.place = p.place",
    ),
    (
        "price",
        "dynamic prices, of a unit",
        "SELECT CASE kind WHEN 0 THEN 'electricity' WHEN 1 THEN 'electricity_return' WHEN 2 THEN 'gas' END AS kind,
                start AS time, start + length AS end_time, mantissa / CAST('1e' || scale AS REAL) AS price
         FROM main.price",
    ),
    (
        "note",
        "what someone wrote about a day, in the program that the history came from",
        "SELECT meter, day, text, origin FROM main.note",
    ),
    (
        "inherited",
        "what else the program that the history came from told: of days, peaks, temperatures; JSON with its own names",
        "SELECT meter, kind, start AS time, origin, data FROM main.inherited",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::meter::{REGISTERS, shown};
    use crate::store::query::Measure;

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let mut keys: BTreeSet<String> = REGISTERS.iter().map(|register| register.name.to_owned()).collect();
        keys.extend(["mbus/1/type=3", "mbus/2/type=3", "mbus/1/id", "mbus/3"].map(str::to_owned));
        let shown = shown::columns(&keys);
        let names: Vec<String> = spans::measured(&shown)
            .map(|(column, measure): (_, Measure)| format!("{}_{}", column.name, measure.name()))
            .collect();
        assert!(names.len() > 100);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
