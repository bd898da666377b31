//! What can go wrong with the record.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path}: another dsmrd is using this store; stop it first, or give this one a store.path of its own", path = .0.display())]
    InUse(PathBuf),
    /// A later program wrote it.
    #[error("{path}: written by a later dsmrd (schema {found}, this one knows {known}); install that version again, or move the file away", path = .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// An earlier program wrote it, or this one has only just begun to.
    #[error("{path}: {}", if *.found == 0 { "nothing is stored in it yet".to_owned() } else {
        format!("written by an earlier dsmrd (schema {found}, this one reads {known}); start dsmrd once, it converts it")
    }, path = .path.display())]
    Older {
        /// The database.
        path: PathBuf,
        /// Its schema; 0 before anything is stored.
        found: i64,
        /// The schema this program reads.
        known: i64,
    },
    /// It is a database, but not of this program.
    #[error("{path}: this database belongs to another program; give store.path a file of its own", path = .0.display())]
    Foreign(PathBuf),
    /// There is no database to read.
    #[error("{path}: no such database; check store.path", path = .0.display())]
    Missing(PathBuf),
    /// We may not read it.
    #[error("{path}: {error}; run this as the user that dsmrd runs as, or as one of its group", path = .path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The system refused.
    #[error("{path}: {error}{hint}", path = .path.display(), hint = hint(.error))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// SQLite refused.
    #[error("{path}: {error}{hint}", path = .path.display(), hint = sqlite_hint(.error))]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
}

impl OpenError {
    /// Whether it may pass without anybody doing something about the configuration: a medium that is full, read-only, or
    /// cannot be read or written at this moment.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io { error, .. } => {
                let kinds = [
                    io::ErrorKind::StorageFull,
                    io::ErrorKind::ReadOnlyFilesystem,
                    io::ErrorKind::QuotaExceeded,
                ];
                kinds.contains(&error.kind()) || error.raw_os_error() == Some(libc::EIO)
            }
            Self::Sqlite { error, .. } => {
                let codes = [ErrorCode::DiskFull, ErrorCode::ReadOnly, ErrorCode::SystemIoFailure];
                error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
            }
            Self::InUse(_)
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Foreign(_)
            | Self::Unreadable { .. }
            | Self::Missing(_) => false,
        }
    }
}

/// What to do about it, to be put behind it.
pub(super) fn hint(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(libc::EIO) {
        return FAILS;
    }
    match error.kind() {
        io::ErrorKind::NotFound => "; create the folder, or correct store.path",
        io::ErrorKind::PermissionDenied => "; the user dsmrd runs as must be able to write there",
        io::ErrorKind::StorageFull => FULL,
        io::ErrorKind::QuotaExceeded => FULL,
        io::ErrorKind::ReadOnlyFilesystem => READ_ONLY,
        _ => "",
    }
}

/// As [`hint`], of what SQLite says.
pub(super) fn sqlite_hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FULL,
        Some(ErrorCode::ReadOnly) => READ_ONLY,
        Some(ErrorCode::SystemIoFailure) => FAILS,
        _ => "",
    }
}

const FULL: &str = "; free some space";
const READ_ONLY: &str =
    "; the medium is read-only: after an error of the card the system makes it so, see dmesg";
const FAILS: &str = "; the medium fails, or went read-only: see dmesg, and have another one at hand";

/// Why stored readings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A block fails its checksum or makes no sense; readings after it can still be read.
    #[error("block {block} of meter {meter}, readings of the hour from {}, is damaged", hour_of(*hour_start))]
    Damaged {
        /// Its number in the table `block`.
        block: i64,
        /// Whose.
        meter: String,
        /// The start of its hour, seconds since 1970-01-01 00:00 UTC.
        hour_start: i64,
    },
    /// The table of counters makes no sense.
    #[error("the counters of the totals cannot be read; stop dsmrd and run \"dsmrd totals rebuild\"")]
    Totals,
    /// A question has a field that the record cannot have.
    #[error("there is no field {field:?}{}", instead(nearest.as_deref(), known))]
    Field {
        /// As it was asked for.
        field: String,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// Those that the record has.
        known: Vec<String>,
    },
    /// A question asks of a field what there is not.
    #[error("{field} has no {}: {why}", measure.name())]
    Measure {
        /// The field.
        field: String,
        /// What was asked of it.
        measure: super::query::Measure,
        /// Why there is none.
        why: &'static str,
    },
    /// It could not be opened again, in the middle of a long answer.
    #[error("{0}")]
    Open(Box<OpenError>),
    /// Another record came in its place, or its totals were made anew, in the middle of a long answer.
    #[error("the record is another one than when the answer began; ask again")]
    Replaced,
    /// SQLite failed.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
}

fn instead(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(name) => format!("; do you mean {name}?"),
        None if known.is_empty() => String::new(),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// A time for people.
fn hour_of(start: i64) -> String {
    match jiff::Timestamp::from_second(start) {
        Ok(instant) => instant.to_string(),
        Err(_) => format!("{start} seconds after 1970"),
    }
}

/// Readings that could not be made safe; the store keeps trying.
#[derive(Debug, thiserror::Error)]
#[error("the store could not write: {0}")]
pub struct FlushError(pub String);
