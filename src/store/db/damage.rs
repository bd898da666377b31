//! Damage that SQLite calls by another name, or does not see: a header that tells of another format, a schema that is
//! not the one its number stands for, a file of no length beside a full log.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};

use super::migrate::MIGRATIONS;
use super::{beside, schema};

/// Numbers of schemas this far ahead may be a later program's.
const LATER: i64 = 100;

/// An error that says that a file is damaged.
pub(super) fn error(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what.to_owned()))
}

/// An error that a sound file of this schema does not give: what the system refuses is another matter.
fn told(failed: rusqlite::Error) -> rusqlite::Error {
    use ErrorCode::*;
    match failed.sqlite_error_code() {
        None | Some(DatabaseCorrupt | NotADatabase | Unknown | TypeMismatch) => error(&failed.to_string()),
        Some(_) => failed,
    }
}

/// Fails when what was opened is not a record of the schema that it tells.
pub(super) fn of_tables(connection: &Connection) -> rusqlite::Result<()> {
    of_schema(connection).map_err(told)
}

/// Fails when what every start needs makes no sense.
pub(super) fn of_content(connection: &Connection) -> rusqlite::Result<()> {
    of_rows(connection).map_err(told)
}

/// What is wrong with a file before SQLite has seen it.
pub(super) fn of_file(path: &Path) -> Option<&'static str> {
    let length = path.metadata().map_or(0, |metadata| metadata.len());
    if length == 0 {
        // SQLite would delete the log, which may be all there is.
        let log = beside(path, "-wal").metadata().map_or(0, |metadata| metadata.len());
        if log == 0 && path.exists() {
            // A start that was cut off right at its beginning leaves one, too: there is nothing to be set aside.
            tracing::warn!(
                database = %path.display(),
                "the database is an empty file: if it ever held readings they are lost; \"dsmrd restore\" brings a backup back"
            );
        }
        return (log > 0).then_some("the file is empty or gone, its log is not");
    }
    let mut head = [0u8; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    // What cannot be opened is told by SQLite.
    match read {
        Ok(()) => of_header(&head),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Some("the file is cut off"),
        Err(_) => None,
    }
}

/// What is wrong with the first bytes of a file: of those that SQLite would take for a format that it does not know,
/// refusing the file without calling it damaged.
fn of_header(head: &[u8; 100]) -> Option<&'static str> {
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if &head[..16] != b"SQLite format 3\0" {
        return Some("the file is no database");
    }
    let page = u16::from_be_bytes([head[16], head[17]]);
    let is_page = page == 1 || (page >= 512 && page.is_power_of_two());
    let is_sound = is_page
        && (1..=2).contains(&head[18])
        && (1..=2).contains(&head[19])
        && head[21..24] == [64, 32, 32]
        && word(44) <= 4
        && word(56) <= 1
        && head[72..92].iter().all(|byte| *byte == 0);
    (!is_sound).then_some("the header of the file makes no sense")
}

/// Fails when the tables are not those that the schema's number stands for, or what is read at every start cannot be.
/// Another program's, and a later one's, are left to be told.
fn of_schema(connection: &Connection) -> rusqlite::Result<()> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let shape = shape(connection)?;
    let known = MIGRATIONS.len() as i64;
    let model = Connection::open_in_memory()?;
    let (mut real, mut expected) = (0, BTreeSet::new());
    for (place, sql) in MIGRATIONS.iter().enumerate() {
        model.execute_batch(sql)?;
        expected = self::shape(&model)?;
        // Tables of others may stand beside ours.
        if expected.is_subset(&shape) {
            real = place as i64 + 1;
        }
    }
    let is_foreign = expected.is_disjoint(&shape) && !shape.is_empty();
    let is_later = (known + 1..=known + LATER).contains(&found) && shape != expected;
    if real != found && !is_foreign && !is_later {
        return Err(error("the tables are not those of its schema"));
    }
    Ok(())
}

/// Fails when what every start needs makes no sense.
fn of_rows(connection: &Connection) -> rusqlite::Result<()> {
    // Few rows, of which one wrong letter would give all readings to another meter. An index says everything again.
    for table in ["epoch", "layout", "counter"] {
        let mut check = connection.prepare("SELECT * FROM pragma_integrity_check(?1)")?;
        let verdict: String = check.query_row([table], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(error(&verdict));
        }
    }
    let progress = connection.query_row("SELECT sequence, guard, totals FROM progress", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let (sequence, guard, _) = progress?;
    super::epoch::heard(connection)?;
    if sequence < 0 || guard != !sequence {
        return Err(error("how far it has come makes no sense"));
    }
    Ok(())
}

/// Every column of every table with its default, what refers to which, every index, and what is checked of rows.
fn shape(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare(
        "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.[notnull] || ' ' || c.pk || ' '
             || ifnull(c.dflt_value, '')
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
         UNION ALL SELECT m.name || '.' || f.[from] || ' is of ' || f.[table] || '.' || ifnull(f.[to], '') || ' ' || f.on_delete
         FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
         UNION ALL SELECT m.name || ' on ' || m.tbl_name FROM sqlite_master m WHERE m.type = 'index'",
    )?;
    let mut shape: BTreeSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut tables = connection
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE '%CHECK%'")?;
    let mut tables = tables.query([])?;
    while let Some(row) = tables.next()? {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        shape.extend(schema::checks(&sql).into_iter().map(|check| format!("{name} checks {check}")));
    }
    Ok(shape)
}
