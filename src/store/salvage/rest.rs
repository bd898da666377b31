//! What is not a block: prices, and rows of tables that a salvage knows by name alone.

use rusqlite::types::Value as Sql;
use rusqlite::{Transaction, params_from_iter};

use super::cells::{self, Kind, Value};
use super::pages::Pages;
use super::scan::{Scan, Trust};
use super::tables::{Saved, saved};
use crate::p1::Decimal;
use crate::prices::Slot;
use crate::store::db::prices::kind_of;

/// The records of a page and their row numbers.
pub(super) fn records(pages: &Pages, number: u32) -> Vec<(i64, Vec<Value>)> {
    let Some(page) = pages.get(number) else { return Vec::new() };
    let Some(kind) = Kind::of(&page, number).filter(|kind| *kind != Kind::Inner) else { return Vec::new() };
    let (places, _) = cells::places(&page, number, kind);
    let cells = places.into_iter().filter_map(|place| cells::cell(&page, kind, place));
    cells.filter_map(|cell| Some((cell.rowid, cells::values(&cell.record(&page, pages)?)?))).collect()
}

/// The prices of a page.
fn slots(pages: &Pages, number: u32) -> Vec<Slot> {
    let slot = |(_, values): (i64, Vec<Value>)| {
        let [kind, start, length, mantissa, scale] = &values[..] else { return None };
        let (start, length) = (start.integer()?, length.integer().filter(|length| *length > 0)?);
        let price = Decimal::new(mantissa.integer()?.into(), u8::try_from(scale.integer()?).ok()?)?;
        Some(Slot { kind: kind_of(kind.integer()?)?, start, end: start.checked_add(length)?, price })
    };
    records(pages, number).into_iter().filter_map(slot).collect()
}

/// Every price that is found: those of the tree of their table come last, so that they take the place of others.
pub(super) fn prices(scan: &Scan, pages: &Pages) -> Vec<Slot> {
    // Free pages may hold prices that were taken back, which nothing tells apart from others.
    let of = |trust: Trust| {
        scan.price_pages
            .iter()
            .filter(move |page| scan.trust(**page, "price") == trust)
            .flat_map(|page| slots(pages, *page))
    };
    of(Trust::Orphan).chain(of(Trust::Live)).collect()
}

/// Copies the rows of tables that the list does not treat otherwise. Rows whose key is there already stay as they are.
pub(super) fn rows(transaction: &Transaction<'_>, scan: &Scan, pages: &Pages) -> rusqlite::Result<u64> {
    let mut tables = transaction.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut copied = 0;
    for table in tables.iter().filter(|table| saved(table) == Saved::Rows && !table.starts_with("sqlite_")) {
        copied += copy(transaction, table, scan, pages)?;
    }
    Ok(copied)
}

fn copy(transaction: &Transaction<'_>, table: &str, scan: &Scan, pages: &Pages) -> rusqlite::Result<u64> {
    let mut columns = transaction.prepare("SELECT name, pk, type FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns: Vec<(String, i64, String)> = columns
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut copied = 0;
    for page in scan.pages_of(table) {
        let Some(bytes) = pages.get(page) else { continue };
        let is_keyed = matches!(Kind::of(&bytes, page), Some(Kind::KeyLeaf | Kind::KeyInner));
        // A table without row numbers stores its key first.
        let mut order: Vec<usize> = (0..columns.len()).collect();
        if is_keyed {
            order.sort_by_key(|place| match columns[*place].1 {
                0 => i64::MAX,
                key => key,
            });
        }
        for (rowid, values) in records(pages, page) {
            if values.len() > columns.len() {
                continue;
            }
            // Columns that were added later have their default.
            let names = order.iter().take(values.len()).map(|place| format!("\"{}\"", columns[*place].0));
            let marks = vec!["?"; values.len()].join(", ");
            let names = names.collect::<Vec<_>>().join(", ");
            let sql = format!("INSERT OR IGNORE INTO \"{table}\" ({names}) VALUES ({marks})");
            let bound = values.into_iter().enumerate().map(|(n, value)| {
                let (_, key, kind) = &columns[order[n]];
                // The number of a row stands in its cell, not in its record.
                let is_rowid = !is_keyed && *key == 1 && kind.eq_ignore_ascii_case("INTEGER");
                if is_rowid && value == Value::Null { Sql::Integer(rowid) } else { sql_of(value) }
            });
            // A row that the table refuses is a damaged one.
            match transaction.prepare_cached(&sql)?.execute(params_from_iter(bound)) {
                Ok(count) => copied += count as u64,
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(copied)
}

fn sql_of(value: Value) -> Sql {
    match value {
        Value::Null | Value::Beyond { .. } => Sql::Null,
        Value::Integer(number) => Sql::Integer(number),
        Value::Blob(bytes) => Sql::Blob(bytes),
        Value::Text(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Sql::Text(text),
            Err(error) => Sql::Blob(error.into_bytes()),
        },
    }
}
