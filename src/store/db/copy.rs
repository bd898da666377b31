//! Databases that nobody writes to but us: copies that are being made, and copies that are looked at.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{BUSY, Database, connect};
use crate::store::error::OpenError;

impl Database {
    /// A copy of a database that is still being made, and is thrown away when that fails: it has neither a log nor
    /// syncs, which shares of a network may lack, and nobody else looks at it.
    pub(in crate::store) fn of_copy(path: &Path) -> Result<Self, OpenError> {
        let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        let configure = || {
            connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
            connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            connection.pragma_update(None, "cache_size", -512)
        };
        configure().map_err(fail)?;
        Ok(Self { path: path.to_owned(), vfs: None, connection })
    }
}

/// A connection that only reads, whatever the schema.
pub(in crate::store) fn open_any(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    connection.pragma_update(None, "cache_size", -512).map_err(fail)?;
    Ok(connection)
}

/// A connection to a file that nobody changes: nothing is locked, nothing put beside it.
pub(in crate::store) fn open_still(path: &Path) -> Result<Connection, OpenError> {
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(connect::uri(path), flags).map_err(fail)?;
    connection.pragma_update(None, "cache_size", -512).map_err(fail)?;
    Ok(connection)
}

/// The newest schema that this program knows.
pub(in crate::store) fn newest_schema() -> i64 {
    super::migrate::MIGRATIONS.len() as i64
}
