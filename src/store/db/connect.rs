//! Connections of those who do not own the record: readers, and whoever puts prices into it.

use std::cmp::Ordering;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrate::MIGRATIONS;
use super::{BUSY, beside};
use crate::store::error::OpenError;

/// A connection that only reads, beside a writing one or alone.
pub(in crate::store) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(OpenError::Missing(path.to_owned())),
        Err(error) => return Err(OpenError::Unreadable { path: path.to_owned(), error }),
    }
    let fail = |error: rusqlite::Error| match readable(path) {
        Err(denied) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
            OpenError::Unreadable { path: path.to_owned(), error: denied }
        }
        _ => OpenError::Sqlite { path: path.to_owned(), error },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        version(&connection).map(|version| (connection, version))
    });
    let (connection, found) = match opened {
        // Where we may not write beside it SQLite cannot make the shared memory that it wants. With no log
        // beside it nobody is writing, and the file can be read as it is.
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
                && !beside(path, "-wal").exists() =>
        {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(uri(path), flags).map_err(fail)?;
            let found = version(&connection).map_err(fail)?;
            (connection, found)
        }
        opened => opened.map_err(fail)?,
    };
    ours(path, found)?;
    Ok(connection)
}

/// A connection that writes a little, beside a process that owns the record or alone. It makes and migrates nothing.
pub(in crate::store) fn open_beside(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let fail = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    ours(path, version(&connection).map_err(fail)?)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
    Ok(connection)
}

/// Whether we may read a file. It is not opened for that: closing it would take SQLite's locks on it from this process.
fn readable(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends with a zero.
    match unsafe { libc::access(path.as_ptr(), libc::R_OK) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn ours(path: &Path, found: i64) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    match found.cmp(&known) {
        Ordering::Greater => Err(OpenError::Newer { path: path.to_owned(), found, known }),
        Ordering::Less => Err(OpenError::Older { path: path.to_owned(), found, known }),
        Ordering::Equal => Ok(()),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

pub(super) fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}
