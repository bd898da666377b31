//! The pages for people: their tables are shown as tables.

use std::path::Path;

use super::File;

/// The pages of the repository.
fn pages() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = [root.to_owned(), root.join("fixtures")].map(|folder| std::fs::read_dir(folder).unwrap());
    entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rst"))
        .map(|path| File { text: std::fs::read_to_string(&path).unwrap(), path: path.display().to_string() })
        .collect()
}

/// Lines of simple tables with text where a border has the gap between two columns: such a table is an error to
/// whoever shows it. The last column has no end.
fn crooked(file: &File) -> Vec<String> {
    let mut gaps: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for (place, line) in file.text.lines().enumerate() {
        let border = line.trim();
        if border.starts_with("==")
            && border.contains(' ')
            && border.bytes().all(|b| matches!(b, b'=' | b' '))
        {
            gaps = line.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at).collect();
            let indent = line.len() - line.trim_start().len();
            gaps.retain(|gap| *gap >= indent);
        } else if line.is_empty() {
            gaps.clear();
        } else if gaps.iter().any(|gap| line.chars().nth(*gap).is_some_and(|c| c != ' ')) {
            found.push(format!("{}:{}: text between two columns", file.path, place + 1));
        }
    }
    found
}

#[test]
fn tables_on_pages_are_tables() {
    let pages = pages();
    assert!(pages.len() >= 6, "the pages were not found");
    let found = super::problems(&pages, crooked);
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn text_between_columns_is_found() {
    let page = |line: &str| File {
        path: "A.rst".into(),
        text: format!("  === ===\n  one two\n  === ===\n  {line}\n  === ===\n"),
    };
    assert!(crooked(&page("··· a long last column")).is_empty());
    assert_eq!(crooked(&page("four 5")), ["A.rst:4: text between two columns"]);
}
