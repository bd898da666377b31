//! Letters of the schema that are others, and still SQL.

use dsmrd::store::check;

use super::record::{Original, check as check_start, scratch, set_aside};

fn with_schema(original: &Original, from: &str, to: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = scratch();
    let path = original.write(folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA writable_schema = ON").unwrap();
    let sql = "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) WHERE instr(sql, ?1)";
    assert_eq!(connection.execute(sql, [from, to]).unwrap(), 1, "{from}");
    drop(connection);
    (folder, path)
}

#[test]
fn a_check_or_a_default_that_is_another_one_is_told_and_goes_aside() {
    let original = Original::clean();
    for (from, to) in [
        // No block could be stored any more.
        ("CHECK (id = 1)", "CHECK (id = 9)"),
        // Hours that were stored before there were levels would be quarter-hours.
        ("level INTEGER NOT NULL DEFAULT 0", "level INTEGER NOT NULL DEFAULT 2"),
        ("ON DELETE CASCADE", "ON DELETE RESTRICT"),
    ] {
        let (_folder, path) = with_schema(&original, from, to);
        let checked = check::run(&path, true, |_, _| ()).unwrap();
        let told = checked.problems.join("\n");
        assert!(told.contains("is not the one that dsmrd makes") && told.contains(to), "{from}: {told}");
        assert!(check_start(&original, &path, to) >= 1.0, "{from}");
        assert!(!set_aside(&path).is_empty(), "{from}");
    }
}

#[test]
fn what_a_comment_says_and_what_others_add_is_their_business() {
    let original = Original::clean();
    let (_folder, path) = with_schema(&original, "-- the earliest time", "-- the earliesT time");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE mine (n INTEGER CHECK (n > 0)); CREATE INDEX ours ON block (count)")
        .unwrap();
    drop(connection);
    let checked = check::run(&path, true, |_, _| ()).unwrap();
    assert!(checked.is_sound(), "{:?}", checked.problems);
    assert!(check_start(&original, &path, "a comment") >= 1.0);
    assert!(set_aside(&path).is_empty());
}
