//! Names and values in statements: `COPY`, `INSERT INTO … VALUES`, `CREATE TABLE`.

use super::{Fields, Table};

/// What comes next of a statement's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// A row; the place behind it.
    Row(usize),
    /// No more rows.
    End,
    /// The line ends within one.
    Incomplete,
    /// This is no row.
    Wrong,
}

/// The table of `COPY public.name (a, "b") FROM stdin;`.
pub fn copy(line: &[u8]) -> Option<Table> {
    let mut cursor = Cursor { text: line, at: 5 };
    let name = cursor.table()?;
    let columns = cursor.columns()?;
    cursor.word("FROM")?;
    cursor.word("stdin")?;
    Some(Table { name, columns })
}

/// The place behind the words that put rows in: `INSERT INTO`, `INSERT IGNORE INTO`, `REPLACE INTO`.
pub fn insert_into(line: &[u8]) -> Option<usize> {
    let words: [&[u8]; 3] = [b"INSERT INTO ", b"INSERT IGNORE INTO ", b"REPLACE INTO "];
    words
        .iter()
        .find(|words| line.get(..words.len()).is_some_and(|found| found.eq_ignore_ascii_case(words)))
        .map(|words| words.len())
}

/// The table of `INSERT INTO public.name (a, b) VALUES`, whose name is at a place, and the place behind it.
pub fn insert(line: &[u8], at: usize) -> Option<(Table, usize)> {
    let mut cursor = Cursor { text: line, at };
    let name = cursor.table()?;
    let columns = cursor.columns()?;
    for word in ["OVERRIDING", "SYSTEM", "VALUE"] {
        if cursor.word(word).is_none() {
            break;
        }
    }
    cursor.word("VALUES")?;
    Some((Table { name, columns }, cursor.at))
}

/// The name in `CREATE TABLE public.name (`.
pub fn created(line: &[u8]) -> Option<String> {
    let mut cursor = Cursor { text: line, at: 13 };
    for word in ["IF", "NOT", "EXISTS"] {
        if cursor.word(word).is_none() {
            break;
        }
    }
    cursor.table()
}

/// The column that a line within `CREATE TABLE` makes. MySQL's are in backticks, and its keys are lines as well.
pub fn created_column(line: &[u8], is_mysql: bool) -> Option<String> {
    let mut cursor = Cursor { text: line, at: 0 };
    let is_quoted = matches!(line.trim_ascii_start().first(), Some(b'"' | b'`'));
    if is_mysql && !is_quoted {
        return None;
    }
    let name = cursor.name()?;
    let words = ["constraint", "primary", "unique", "check", "foreign", "exclude", "like"];
    (is_quoted || !words.contains(&name.to_lowercase().as_str())).then_some(name)
}

/// Reads the row at a place: `(1, 'it''s', NULL, true)`, with a comma before it or the end of the statement behind. In
/// strings of MySQL a backslash means something, in others only where an `E` stands before them.
pub fn tuple(line: &[u8], at: usize, is_mysql: bool, text: &mut Vec<u8>, fields: &mut Fields) -> Tuple {
    let mut cursor = Cursor { text: line, at };
    cursor.skip();
    if cursor.eat(b',') {
        cursor.skip();
    }
    match cursor.peek() {
        None => return Tuple::Incomplete,
        Some(b'(') => cursor.at += 1,
        Some(b';') => return Tuple::End,
        // `ON CONFLICT DO NOTHING;`
        Some(b'O' | b'o') => return Tuple::End,
        Some(_) => return Tuple::Wrong,
    }
    text.clear();
    fields.clear();
    loop {
        cursor.skip();
        match value(&mut cursor, is_mysql, text, fields) {
            Some(Tuple::Row(_)) => {}
            Some(other) => return other,
            None => return Tuple::Incomplete,
        }
        cursor.skip();
        match cursor.peek() {
            None => return Tuple::Incomplete,
            Some(b',') => cursor.at += 1,
            Some(b')') => return Tuple::Row(cursor.at + 1),
            Some(_) => return Tuple::Wrong,
        }
    }
}

/// One value; `Row` when it is whole.
fn value(cursor: &mut Cursor<'_>, is_mysql: bool, text: &mut Vec<u8>, fields: &mut Fields) -> Option<Tuple> {
    let from = text.len();
    let mut escapes = is_mysql;
    if is_mysql && cursor.rest().starts_with(b"_binary '") {
        cursor.at += 8;
    }
    if matches!(cursor.peek()?, b'E' | b'e') && cursor.text.get(cursor.at + 1) == Some(&b'\'') {
        escapes = true;
        cursor.at += 1;
    }
    if cursor.eat(b'\'') {
        loop {
            let byte = cursor.peek()?;
            cursor.at += 1;
            match byte {
                b'\'' if cursor.peek() == Some(b'\'') => {
                    cursor.at += 1;
                    text.push(b'\'');
                }
                b'\'' => break,
                b'\\' if escapes => {
                    let next = cursor.peek()?;
                    cursor.at += 1;
                    text.push(match next {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'b' => 8,
                        b'f' => 12,
                        b'0' if is_mysql => 0,
                        b'Z' if is_mysql => 26,
                        other => other,
                    });
                }
                byte => text.push(byte),
            }
        }
        // A cast: '2026-10-24'::date.
        while !matches!(cursor.peek()?, b',' | b')') {
            cursor.at += 1;
        }
        fields.push(Some((from, text.len())));
        return Some(Tuple::Row(0));
    }
    let start = cursor.at;
    while !matches!(cursor.peek()?, b',' | b')' | b'\'' | b'(') {
        cursor.at += 1;
    }
    let word = cursor.text[start..cursor.at].trim_ascii_end();
    if word.is_empty() {
        return Some(Tuple::Wrong);
    }
    if word.eq_ignore_ascii_case(b"null") {
        fields.push(None);
    } else {
        text.extend_from_slice(word);
        fields.push(Some((from, text.len())));
    }
    Some(Tuple::Row(0))
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// A word, whatever its case.
    fn word(&mut self, word: &str) -> Option<()> {
        self.skip();
        let end = self.at + word.len();
        let found = self.text.get(self.at..end)?.eq_ignore_ascii_case(word.as_bytes());
        let whole = self.text.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        (found && whole).then(|| self.at = end)
    }

    /// A name, in quotes or not.
    fn name(&mut self) -> Option<String> {
        self.skip();
        let mut name = Vec::new();
        if let Some(quote @ (b'"' | b'`')) = self.peek() {
            self.at += 1;
            loop {
                let byte = self.peek()?;
                self.at += 1;
                if byte == quote && !self.eat(quote) {
                    break;
                }
                name.push(byte);
            }
        } else {
            while let Some(byte) = self.peek()
                && (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80)
            {
                name.push(byte);
                self.at += 1;
            }
        }
        (!name.is_empty()).then(|| String::from_utf8(name).ok()).flatten()
    }

    /// A table's name without its schema.
    fn table(&mut self) -> Option<String> {
        let mut name = self.name()?;
        while self.eat(b'.') {
            name = self.name()?;
        }
        Some(name)
    }

    /// Columns in parentheses; none where there are no parentheses.
    fn columns(&mut self) -> Option<Vec<String>> {
        self.skip();
        let mut columns = Vec::new();
        if !self.eat(b'(') {
            return Some(columns);
        }
        loop {
            columns.push(self.name()?);
            self.skip();
            if !self.eat(b',') {
                break;
            }
        }
        self.eat(b')').then_some(columns)
    }
}
