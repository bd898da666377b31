//! A connection that answers SQL, and can do nothing else.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::Value;
use rusqlite::vtab::Module;
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use super::reading::ReadingTable;
use super::schema::{self, Described, DescribedColumn, VIEWS};
use super::source::Source;
use super::spans::SpanTable;
use super::{statements, tail};
use crate::meter::shown;
use crate::meter::{Zone, zone};
use crate::store::db;
use crate::store::error::{OpenError, ReadError};
use crate::store::query::{Archive, Range, Resolution};

/// Commits that may come in between before what is seen is taken as it is: one comes every second hour, but in a replay.
const ATTEMPTS: usize = 100;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The record cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The record cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// SQLite did not like the statement, here.
    #[error("{message}\n{line}\n{mark:>at$}", mark = "^", at = .at + 1)]
    Statement {
        /// What it says.
        message: String,
        /// The line of the statement.
        line: String,
        /// Characters before the place.
        at: usize,
    },
    /// It takes more memory than it may, in MB.
    #[error("it takes more than {0} MB of memory: ask for fewer rows, sort or group fewer, or see --memory")]
    Memory(i64),
    /// There is no such table.
    #[error("{0}; --schema lists the tables")]
    Table(String),
    /// The statement is none.
    #[error("{0}")]
    Shape(&'static str),
    /// It took too long, or someone had enough.
    #[error("interrupted")]
    Interrupted,
    /// The rows cannot be written.
    #[error(transparent)]
    Write(io::Error),
    /// SQLite failed.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

/// Who takes an answer.
pub trait SqlRows {
    /// The names of the columns, before any row.
    ///
    /// # Errors
    /// They cannot be written; the query ends.
    fn names(&mut self, names: &[String]) -> io::Result<()>;

    /// A row.
    ///
    /// # Errors
    /// It cannot be written; the query ends.
    fn row(&mut self, row: Vec<Value>) -> io::Result<()>;
}

/// The record as tables.
#[derive(Debug)]
pub struct Sql {
    connection: Connection,
    /// The bound of [`Sql::limit_memory`], in bytes.
    bound: Cell<i64>,
    source: Arc<Source>,
}

const READING: Module<'static, ReadingTable> = Module::eponymous_only_module();
const SPANS: Module<'static, SpanTable> = Module::eponymous_only_module();

impl Sql {
    /// Opens the record for reading, beside a running daemon or alone. Days are those of the first meter's zone.
    ///
    /// # Errors
    /// The record cannot be opened or read.
    pub fn open(path: &Path, zone_of: impl Fn(&str) -> Option<Zone>) -> Result<Self, SqlError> {
        let mut attempts = 0;
        let (archive, mut connection) = loop {
            attempts += 1;
            let archive = Archive::open_fixed(path)?;
            let connection = db::open_to_read(path)?;
            // What is sorted must not be written to the card.
            connection.execute_batch("PRAGMA temp_store = MEMORY").map_err(SqlError::Sqlite)?;
            // Both see the same blocks: the first read takes the snapshot.
            connection.execute_batch("BEGIN").map_err(SqlError::Sqlite)?;
            let same = db::sequence(&connection).map_err(SqlError::Sqlite)?
                == archive.sequence().map_err(SqlError::Sqlite)?;
            if same || attempts >= ATTEMPTS {
                break (archive, connection);
            }
        };
        let meters = archive.meters()?;
        let zones: BTreeMap<String, Zone> =
            meters.into_iter().filter_map(|meter| zone_of(&meter).map(|zone| (meter, zone))).collect();
        let zone = zones.values().next().cloned().map_or_else(|| Zone::new(zone::DEFAULT), Ok);
        let zone = zone.map_err(|error| SqlError::Sqlite(rusqlite::Error::ModuleError(error.to_string())))?;
        let everything = archive.epochs(&Range::default())?;
        let epochs = everything.into_iter().map(|epoch| (epoch.meter, epoch.equipment_id)).collect();
        tail::fill(&connection, &archive).map_err(SqlError::Sqlite)?;
        let shown = shown::columns(&archive.columns(&Range::default())?);
        let source = Source::new(archive, shown, epochs, zones, zone);
        prepare(&mut connection, &source).map_err(SqlError::Sqlite)?;
        Ok(Self { connection, bound: Cell::new(i64::MAX), source })
    }

    /// Bounds what SQLite takes of memory, in bytes, in this whole process and for good: what has to be sorted or told
    /// apart is held there.
    ///
    /// # Errors
    /// SQLite cannot be told so.
    pub fn limit_memory(&self, bytes: u64) -> Result<(), SqlError> {
        let limit = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.bound.set(limit);
        let limited = self.connection.query_row(&format!("PRAGMA hard_heap_limit = {limit}"), [], |_| Ok(()));
        limited.map_err(SqlError::Sqlite)
    }

    /// Answers statements, one after the other.
    ///
    /// # Errors
    /// SQLite does not like one of them, or cannot read on; or the rows cannot be written. Those before it are answered.
    pub fn run(&self, sql: &str, to: &mut dyn SqlRows) -> Result<(), SqlError> {
        let statements = statements::split(sql);
        if statements.is_empty() {
            return Err(SqlError::Shape("there is no SELECT in it"));
        }
        if sql.trim_start().starts_with('.') {
            return Err(SqlError::Shape(
                "there are no commands with a point in front; --schema lists tables and columns",
            ));
        }
        statements.into_iter().try_for_each(|(start, statement)| self.run_one(sql, start, statement, to))
    }

    fn run_one(
        &self,
        sql: &str,
        start: usize,
        statement: &str,
        to: &mut dyn SqlRows,
    ) -> Result<(), SqlError> {
        let told = |error| self.told(sql, start, error);
        let mut statement = self.connection.prepare(statement).map_err(told)?;
        if statement.column_count() == 0 {
            return Err(SqlError::Shape("there is no SELECT in it"));
        }
        if !statement.readonly() {
            return Err(SqlError::Shape("it would write: this only reads"));
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        to.names(&names).map_err(SqlError::Write)?;
        let mut rows = statement.query([]).map_err(told)?;
        while let Some(row) = rows.next().map_err(told)? {
            let cells =
                (0..names.len()).map(|place| row.get(place)).collect::<Result<_, _>>().map_err(told)?;
            to.row(cells).map_err(SqlError::Write)?;
        }
        Ok(())
    }

    /// An error with its place in all statements, of which this one begins at `start`.
    fn told(&self, sql: &str, start: usize, error: rusqlite::Error) -> SqlError {
        match error {
            rusqlite::Error::SqlInputError { msg, offset, .. } => {
                let at = start + usize::try_from(offset).unwrap_or(0);
                let before = sql.get(..at).unwrap_or_default();
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                let line = sql[start..].lines().next().unwrap_or_default().to_owned();
                SqlError::Statement { message: msg, line, at: before[start..].chars().count() }
            }
            rusqlite::Error::SqliteFailure(_, Some(message)) if message.starts_with("no such table") => {
                SqlError::Table(message)
            }
            error => match error.sqlite_error_code() {
                Some(ErrorCode::AuthorizationForStatementDenied) if error.to_string() == "not authorized" => {
                    SqlError::Shape("not authorized: this only reads")
                }
                Some(ErrorCode::OperationInterrupted) => SqlError::Interrupted,
                Some(ErrorCode::OutOfMemory) => SqlError::Memory(self.bound.get() >> 20),
                _ => SqlError::Sqlite(error),
            },
        }
    }

    /// What ends a statement from another thread.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// What could not be read, and is missing from the answers since this was last asked.
    pub fn take_problems(&self) -> Vec<String> {
        self.source.take_problems().into_iter().collect()
    }

    /// How many hours of readings, and stretches of spans, were read so far.
    pub fn hours_read(&self) -> u64 {
        self.source.hours()
    }

    /// The tables and their columns.
    ///
    /// # Errors
    /// SQLite cannot read its own schema.
    pub fn schema(&self) -> Result<Vec<Described>, SqlError> {
        let mut tables = vec![schema::reading(&self.source)];
        tables.extend(spans().map(|resolution| schema::spans(&self.source, resolution)));
        for (name, about, _) in VIEWS {
            let statement =
                self.connection.prepare(&format!("SELECT * FROM {name}")).map_err(SqlError::Sqlite)?;
            let column = |name: &str| DescribedColumn {
                name: name.to_owned(),
                kind: match name {
                    "meter" | "equipment_id" | "register" | "unit" | "kind" | "day" | "text" | "origin"
                    | "data" => "TEXT",
                    "value" | "price" | "first_value" | "last_value" => "REAL",
                    _ => "INTEGER",
                },
                unit: match name {
                    "time" | "end_time" | "first_time" | "last_time" => "s since 1970-01-01 00:00 UTC",
                    "age" => "s",
                    _ => "",
                }
                .to_owned(),
            };
            let columns = statement.column_names().map(column).collect();
            tables.push(Described { name: name.to_owned(), about, columns });
        }
        Ok(tables)
    }
}

fn spans() -> impl Iterator<Item = Resolution> {
    Resolution::ALL.into_iter().filter(|resolution| *resolution != Resolution::Raw)
}

/// Puts the tables on a connection, and takes everything but reading from it.
fn prepare(connection: &mut Connection, source: &Arc<Source>) -> rusqlite::Result<()> {
    connection.create_module(c"reading", &READING, Some(Arc::clone(source)))?;
    for resolution in spans() {
        connection.create_module(resolution.name(), &SPANS, Some((Arc::clone(source), resolution)))?;
    }
    for (name, _, text) in VIEWS {
        connection.execute_batch(&format!("CREATE TEMP VIEW {name} AS {text}"))?;
    }
    // A name that is misspelt in quotes is an error, and not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.authorizer(Some(|asked: AuthContext<'_>| authorize(&asked)))
}

/// Selecting, reading columns and calling functions; of pragmas those that tell of tables.
fn authorize(asked: &AuthContext<'_>) -> Authorization {
    match asked.action {
        // What a block holds is for its codec alone. Views look at its length.
        AuthAction::Read { table_name: "block" | "summary", column_name: "data" }
            if asked.accessor != Some("block") =>
        {
            Authorization::Deny
        }
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive
        | AuthAction::Pragma { pragma_name: "hard_heap_limit", .. }
        | AuthAction::Pragma {
            pragma_name: "table_info" | "table_xinfo" | "table_list" | "function_list",
            ..
        } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}
