//! Epochs: which equipment stood behind a meter's name.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::store::pending::Finished;

/// The epoch a block belongs to: that of its equipment identifier, which is empty for a meter that never told one.
/// Equipment that comes back goes on in its own.
pub(in crate::store) fn of(transaction: &Transaction<'_>, block: &Finished) -> rusqlite::Result<i64> {
    let epoch = params![block.meter, block.equipment.as_deref().unwrap_or("")];
    let known = "SELECT id FROM epoch WHERE meter = ?1 AND equipment_id = ?2";
    if let Some(id) = transaction.query_row(known, epoch, |row| row.get(0)).optional()? {
        return Ok(id);
    }
    transaction.execute("INSERT INTO epoch (meter, equipment_id) VALUES (?1, ?2)", epoch)?;
    Ok(transaction.last_insert_rowid())
}

/// The equipment heard last behind every meter that has told one: that of its latest block.
pub(in crate::store) fn heard(connection: &Connection) -> rusqlite::Result<HashMap<Arc<str>, String>> {
    let mut meters = connection.prepare("SELECT DISTINCT meter FROM epoch")?;
    let mut latest = connection.prepare(
        "SELECT equipment_id FROM epoch WHERE id = (
             SELECT epoch FROM block WHERE epoch IN (SELECT id FROM epoch WHERE meter = ?1)
             ORDER BY hour DESC, last DESC, id DESC LIMIT 1)",
    )?;
    let mut heard = HashMap::new();
    for meter in meters.query_map([], |row| row.get::<_, String>(0))? {
        let meter = meter?;
        let id = latest.query_row([&meter], |row| row.get::<_, String>(0)).optional()?;
        heard.extend(id.filter(|id| !id.is_empty()).map(|id| (meter.into(), id)));
    }
    Ok(heard)
}
