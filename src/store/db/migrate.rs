//! The schema: numbered steps, all that are missing in one transaction, after a copy was made.

use std::io;
use std::path::{Path, PathBuf};

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

/// Copies the database under a name of its own. Until it is whole it has another one, which the next attempt takes over.
fn copy(connection: &Connection, path: &Path, now: UnixMillis) -> Result<PathBuf, OpenError> {
    let half = beside(path, ".before-migration-part");
    match std::fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(OpenError::Io { path: half, error });
        }
        _ => {}
    }
    connection
        .execute("VACUUM INTO ?1", [half.to_string_lossy()])
        .map_err(|error| OpenError::Sqlite { path: path.to_owned(), error })?;
    let stamp = stamp(now);
    // A machine without a clock begins every time at the same instant.
    let copy = (1..)
        .map(|n| if n == 1 { stamp.clone() } else { format!("{stamp}-{n}") })
        .map(|end| beside(path, &format!(".before-migration-{end}")))
        .find(|copy| !copy.exists())
        .unwrap_or_else(|| half.clone());
    std::fs::rename(&half, &copy).map_err(|error| OpenError::Io { path: half, error })?;
    Ok(copy)
}

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
        let copy = copy(connection, path, now)?;
        tracing::info!(
            copy = %copy.display(), from = found, to = known,
            "copied the database before migrating it"
        );
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
