//! The schema: numbered steps, all that are missing in one transaction, after a copy was made.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{beside, stamp};
use crate::meter::UnixMillis;
use crate::store::error::OpenError;

/// Each in a transaction of its own, never edited once released; the place plus one is the schema's number.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_blocks.sql"),
    include_str!("../migrations/0002_totals.sql"),
    include_str!("../migrations/0003_levels.sql"),
];

/// Brings the schema to the one that this program knows.
pub(super) fn migrate(connection: &mut Connection, path: &Path, now: UnixMillis) -> Result<(), OpenError> {
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let known = MIGRATIONS.len() as i64;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
    if found > known || found < 0 {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    let tables = "SELECT count(*) FROM sqlite_master";
    if found == 0 && connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(fail)? > 0 {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if found > 0 && found < known {
        let copy = beside(path, &format!(".before-migration-{}", stamp(now)));
        let name = copy.to_string_lossy().into_owned();
        connection.execute("VACUUM INTO ?1", [&name]).map_err(fail)?;
        tracing::info!(copy = %name, from = found, to = known, "copied the database before migrating it");
    }
    let apply = |connection: &mut Connection| {
        // All of them or none: whoever looks meanwhile, or after a power cut, finds the one or the other.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for sql in MIGRATIONS.iter().skip(found as usize) {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()
    };
    if found < known {
        apply(connection).map_err(fail)?;
    }
    Ok(())
}
