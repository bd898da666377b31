//! Plain dumps of databases, row by row: PostgreSQL's `COPY … FROM stdin` blocks and the `INSERT` statements of
//! `pg_dump --inserts`, and those of MySQL and MariaDB.
//!
//! In reading order: [`copy`], the text format of `COPY`; [`statement`], names and values in statements; [`Dump`],
//! which goes through a file in one line's memory. Schema names are left out: `public.dsmr_stats_note` and
//! `dsmr_stats_note` are one table. Statements that make or change tables tell the order of columns and no more.
//!
//! A dump of MySQL is told by its heading, or by names in backticks: in its strings a backslash means something.

pub mod copy;
pub mod statement;

use std::collections::HashMap;
use std::rc::Rc;

use super::input::{Input, Line};
use statement::Tuple;

/// Problems that are told one by one.
const TOLD: usize = 10;

/// A table of the dump, as the header of its rows says.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, without a schema.
    pub name: String,
    /// Its columns in the order of its rows; empty where nothing tells.
    pub columns: Vec<String>,
}

impl Table {
    /// The place of a column.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Rows of a table follow. It may come again.
    Table(Rc<Table>),
    /// A row of it; [`Dump::row`] has it.
    Row,
    /// There is no more.
    End,
}

/// Where each value of a row lies in its text; none for NULL.
pub type Fields = Vec<Option<(usize, usize)>>;

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    text: &'a [u8],
    fields: &'a [Option<(usize, usize)>],
}

impl<'a> Row<'a> {
    /// The value in a place; `None` for NULL and for a place that is not there.
    pub fn get(&self, place: Option<usize>) -> Option<&'a str> {
        let (from, to) = (*self.fields.get(place?)?)?;
        std::str::from_utf8(self.text.get(from..to)?).ok()
    }
}

/// What could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// How many lines or rows.
    pub count: u64,
    /// The first, each with the number of its line.
    pub first: Vec<(u64, String)>,
}

impl Problems {
    /// Counts one.
    pub fn add(&mut self, line: u64, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push((line, what()));
        }
    }
}

enum State {
    Between,
    /// Rows of a table; whether anyone wants them.
    Copy(Rc<Table>, bool),
    /// Values of a statement from a place in `line` on.
    Insert(Rc<Table>, bool, usize),
    /// Columns of a table that is made.
    Create(String, Vec<String>),
}

/// A dump that is gone through.
pub struct Dump {
    input: Input,
    wanted: fn(&str) -> bool,
    state: State,
    line: Vec<u8>,
    /// The line at which what is in `line` began, and how many bytes are before it.
    started: u64,
    began: u64,
    text: Vec<u8>,
    fields: Fields,
    created: HashMap<String, Vec<String>>,
    /// The table of the last `INSERT`, which the next is mostly of as well.
    inserted: Option<Rc<Table>>,
    problems: Problems,
    /// Of MySQL or MariaDB.
    is_mysql: bool,
    is_dump: bool,
    is_begun: bool,
    is_complete: bool,
    cut: Option<String>,
}

impl Dump {
    /// Goes through a file for the rows of the tables that are wanted.
    pub fn new(input: Input, wanted: fn(&str) -> bool) -> Self {
        Self {
            input,
            wanted,
            state: State::Between,
            line: Vec::new(),
            started: 0,
            began: 0,
            text: Vec::new(),
            fields: Vec::new(),
            created: HashMap::new(),
            inserted: None,
            problems: Problems::default(),
            is_mysql: false,
            is_dump: false,
            is_begun: false,
            is_complete: false,
            cut: None,
        }
    }

    /// The row that [`Event::Row`] told of.
    pub fn row(&self) -> Row<'_> {
        Row { text: &self.text, fields: &self.fields }
    }

    /// The line the last row began in, from 1.
    pub fn line_number(&self) -> u64 {
        self.started
    }

    /// Bytes of the unpacked file before the line that the last row began in.
    pub fn position(&self) -> u64 {
        self.began
    }

    /// The file.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// What could not be read.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Counts a row whose values make no sense.
    pub fn problem(&mut self, what: impl FnOnce() -> String) {
        self.problems.add(self.started, what);
    }

    /// Whether anything in it looked like a dump.
    pub fn is_dump(&self) -> bool {
        self.is_dump
    }

    /// Whether its heading was there: then its last line is to come.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Whether its last line was there, of several dumps in one file that of the last.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The table in which the file broke off.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Goes on to what comes next.
    #[expect(
        clippy::should_implement_trait,
        reason = "what it hands out lies in the dump, which no iterator can say"
    )]
    pub fn next(&mut self) -> Event {
        loop {
            if let State::Insert(..) = self.state {
                if let Some(event) = self.values() {
                    return event;
                }
                continue;
            }
            self.line.clear();
            self.began = self.input.position();
            let what = self.input.line(&mut self.line);
            self.started = self.input.line_number();
            match (what, &self.state) {
                (Line::End, State::Copy(table, _)) => {
                    self.cut = Some(table.name.clone());
                    self.state = State::Between;
                    return Event::End;
                }
                (Line::End, _) => return Event::End,
                (Line::Cut, State::Copy(table, _)) if self.line != b"\\." => {
                    // Half a row may look like a whole one.
                    self.cut = Some(table.name.clone());
                    self.state = State::Between;
                    self.problems.add(self.started, || "the file breaks off in this row".to_owned());
                    return Event::End;
                }
                (Line::TooLong, _) => {
                    self.problems.add(self.started, || "the line is too long".to_owned());
                    continue;
                }
                _ => {}
            }
            if let Some(event) = self.take_line() {
                return event;
            }
        }
    }

    fn take_line(&mut self) -> Option<Event> {
        match &mut self.state {
            State::Copy(..) if self.line == b"\\." => self.state = State::Between,
            State::Copy(_, false) => {}
            State::Copy(table, true) => {
                if std::str::from_utf8(&self.line).is_err() {
                    // Of a database in another encoding, nearly always this one: nothing but a note has such letters.
                    self.line =
                        self.line.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes();
                }
                copy::split(&self.line, &mut self.text, &mut self.fields);
                if self.fields.len() == table.columns.len() {
                    return Some(Event::Row);
                }
                let (found, wanted, name) = (self.fields.len(), table.columns.len(), table.name.clone());
                self.problems.add(self.started, || {
                    format!("{name} has {wanted} columns, this row {found}; it is left out")
                });
            }
            State::Create(name, columns) => {
                if self.line.starts_with(b")") {
                    self.created.insert(std::mem::take(name), std::mem::take(columns));
                    self.state = State::Between;
                } else {
                    columns.extend(statement::created_column(&self.line, self.is_mysql));
                }
            }
            State::Between | State::Insert(..) => return self.statement(),
        }
        None
    }

    fn statement(&mut self) -> Option<Event> {
        let line = &self.line;
        if line.starts_with(b"COPY ") {
            let table = statement::copy(line)?;
            return Some(self.begin(table, State::Copy));
        }
        if let Some(behind) = statement::insert_into(line) {
            self.is_mysql |= line.get(behind) == Some(&b'`');
            let (table, at) = statement::insert(line, behind)?;
            let same = self.inserted.as_ref().filter(|last| {
                last.name == table.name && (table.columns.is_empty() || last.columns == table.columns)
            });
            if let Some(same) = same {
                let wanted = (self.wanted)(&same.name);
                self.state = State::Insert(Rc::clone(same), wanted, at);
                return None;
            }
            let event = self.begin(table, |table, wanted| State::Insert(table, wanted, at));
            if let Event::Table(table) = &event {
                self.inserted = Some(Rc::clone(table));
            }
            return Some(event);
        }
        if line.starts_with(b"CREATE TABLE ") && line.ends_with(b"(") {
            if let Some(name) = statement::created(line) {
                self.state = State::Create(name, Vec::new());
            }
        } else if line.starts_with(b"-- PostgreSQL database dump") {
            self.is_dump = true;
            self.is_begun = true;
            self.is_complete = line.ends_with(b"complete");
        } else if line.starts_with(b"-- MySQL dump") || line.starts_with(b"-- MariaDB dump") {
            (self.is_dump, self.is_mysql, self.is_begun, self.is_complete) = (true, true, true, false);
        } else if line.starts_with(b"-- Dump completed") {
            self.is_complete = true;
        }
        None
    }

    fn begin(&mut self, mut table: Table, state: impl FnOnce(Rc<Table>, bool) -> State) -> Event {
        self.is_dump = true;
        // Rows of another table came in between: whose the next are has to be told again.
        self.inserted = None;
        if table.columns.is_empty()
            && let Some(columns) = self.created.get(&table.name)
        {
            table.columns.clone_from(columns);
        }
        let wanted = (self.wanted)(&table.name);
        let table = Rc::new(table);
        self.state = state(Rc::clone(&table), wanted);
        Event::Table(table)
    }

    /// The next row of a statement.
    fn values(&mut self) -> Option<Event> {
        let State::Insert(table, wanted, at) = &mut self.state else { return None };
        match statement::tuple(&self.line, *at, self.is_mysql, &mut self.text, &mut self.fields) {
            Tuple::Row(next) => {
                *at = next;
                if !*wanted {
                    return None;
                }
                if self.fields.len() == table.columns.len() {
                    return Some(Event::Row);
                }
                let (found, columns, name) = (self.fields.len(), table.columns.len(), table.name.clone());
                self.problems.add(self.started, || {
                    format!("{name} has {columns} columns, this row {found}; it is left out")
                });
                None
            }
            Tuple::End => {
                self.state = State::Between;
                None
            }
            Tuple::Incomplete => {
                self.line.drain(..*at);
                *at = 0;
                self.line.push(b'\n');
                let what = match self.line.len() > super::input::MAX_LINE {
                    true => Line::TooLong,
                    false => self.input.line(&mut self.line),
                };
                if matches!(what, Line::End | Line::TooLong) {
                    self.cut = Some(table.name.clone());
                    self.state = State::Between;
                    self.problems.add(self.started, || "the statement does not end".to_owned());
                }
                None
            }
            Tuple::Wrong => {
                self.problems.add(self.started, || "the statement makes no sense; it is left out".to_owned());
                self.state = State::Between;
                None
            }
        }
    }
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump").field("line", &self.started).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
