//! The text of the schema held against the one that the migrations make: a flipped byte in it is still SQL more often than
//! not, and SQLite goes by it. A default that is another one changes every row of before its column was there.

use rusqlite::{Connection, OptionalExtension};

use super::migrate::MIGRATIONS;

/// Tables and indices whose text is not that of this program's schema, comments and spaces apart; each with the text it
/// has, none where it is missing. What others have put beside ours is not looked at.
pub(in crate::store) fn differences(
    connection: &Connection,
) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let model = Connection::open_in_memory()?;
    MIGRATIONS.iter().try_for_each(|sql| model.execute_batch(sql))?;
    let mut wanted =
        model.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")?;
    let mut found = connection.prepare("SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2")?;
    let (mut wanted, mut differences) = (wanted.query([])?, Vec::new());
    while let Some(row) = wanted.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let text: Option<String> = found.query_row([&kind, &name], |row| row.get(0)).optional()?.flatten();
        if text.as_deref().map(bare) != Some(bare(&sql)) {
            differences.push((format!("{kind} {name}"), text.as_deref().map(bare)));
        }
    }
    Ok(differences)
}

/// What a table's text says in its CHECK clauses, which no pragma tells.
pub(super) fn checks(sql: &str) -> Vec<String> {
    let sql = bare(sql);
    let mut checks = Vec::new();
    for (at, _) in sql.match_indices("CHECK (") {
        let inner = &sql[at + "CHECK (".len()..];
        let mut depth = 1;
        let end = inner.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        checks.push(inner[..end.unwrap_or(inner.len())].to_owned());
    }
    checks
}

/// SQL without comments, with one space where there are any.
fn bare(sql: &str) -> String {
    let mut bare = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let end_of =
            |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |at| from + at + mark.len());
        let length = match c {
            '-' if rest.starts_with("--") => end_of("\n", 2),
            '/' if rest.starts_with("/*") => end_of("*/", 2),
            '\'' | '"' => end_of(c.encode_utf8(&mut [0; 4]), 1),
            _ => c.len_utf8(),
        };
        let (piece, further) = rest.split_at(length);
        rest = further;
        if piece.trim().is_empty() || piece.starts_with("--") || piece.starts_with("/*") {
            if !bare.ends_with(' ') {
                bare.push(' ');
            }
        } else {
            bare.push_str(piece);
        }
    }
    bare.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_spaces_are_left_out_and_what_is_quoted_is_not() {
        let sql = "CREATE TABLE t (\n    a TEXT, -- the first, 'quoted'\n    b TEXT /* or\n none */ DEFAULT 'x -- y  z')";
        assert_eq!(bare(sql), "CREATE TABLE t ( a TEXT, b TEXT DEFAULT 'x -- y  z')");
        assert_eq!(bare("-- nothing"), "");
        assert_eq!(bare("'é"), "'é");
    }

    #[test]
    fn checks_are_found() {
        assert_eq!(
            checks("CREATE TABLE t (id INTEGER CHECK (id IN (1, 2)), b CHECK (b > 0))"),
            ["id IN (1, 2)", "b > 0"]
        );
        assert!(checks("CREATE TABLE t (id INTEGER)").is_empty());
    }

    #[test]
    fn the_schema_is_its_own() {
        let connection = Connection::open_in_memory().expect("memory is there");
        MIGRATIONS.iter().try_for_each(|sql| connection.execute_batch(sql)).expect("it is SQL");
        assert_eq!(differences(&connection), Ok(Vec::new()));
        // Of others.
        connection
            .execute_batch("CREATE TABLE mine (id INTEGER); DROP INDEX block_by_hour")
            .expect("it is SQL");
        assert_eq!(differences(&connection), Ok(vec![("index block_by_hour".to_owned(), None)]));
    }
}
