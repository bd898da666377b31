//! What each table of the record is to a salvage.

/// What is saved of a table, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Saved {
    /// Blocks: each proves itself by its checksum, wherever it is found.
    Blocks,
    /// Which equipment stood behind which name.
    Epochs,
    /// Made anew: the readings tell their columns.
    MadeAnew,
    /// Counters, and with them the positions: all of them or none.
    Totals,
    /// Prices: those that the new database has come first.
    Prices,
    /// Nothing: it is about the file that it stands in.
    Own,
    /// Rows as they are, where the new database has none with the same key.
    Rows,
}

/// Every table of the schema. A test holds it against the database.
pub(in crate::store) const TABLES: &[(&str, Saved)] = &[
    ("block", Saved::Blocks),
    ("epoch", Saved::Epochs),
    ("layout", Saved::MadeAnew),
    ("counter", Saved::Totals),
    ("position", Saved::Totals),
    ("price", Saved::Prices),
    ("progress", Saved::Own),
    // An import that is made again brings what was lost: what is there stays out.
    ("import", Saved::Own),
    ("note", Saved::Rows),
    ("inherited", Saved::Rows),
];

/// What is saved of a table; what is not in the list is copied row by row.
pub(in crate::store) fn saved(table: &str) -> Saved {
    TABLES.iter().find(|(name, _)| *name == table).map_or(Saved::Rows, |(_, saved)| *saved)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::db::Database;

    #[test]
    fn every_table_of_the_schema_is_saved_or_left_for_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dsmrd.sqlite");
        let _database = Database::open(&path, None, 0).expect("a new database");
        let connection = rusqlite::Connection::open(&path).expect("it is there");
        let mut names = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .expect("it has tables");
        let names = names.query_map([], |row| row.get::<_, String>(0)).expect("it reads");
        let names: BTreeSet<String> = names.map(|name| name.expect("a name")).collect();
        let known: BTreeSet<String> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names, known, "a table of the schema that a salvage does not know");
    }
}
