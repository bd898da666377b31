//! Rules of the house that neither the compiler nor clippy knows: who may import whom, which crate lives
//! where, no floating point in the record, no file too long to read, no table on a page that does not show.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod prose;
mod rules;
mod scan;
mod table;

use std::path::Path;

/// A file of the repository: its path from the root, and its text.
struct File {
    path: String,
    text: String,
}

/// Where people's code is. `target`, fixtures and fuzzing corpora are not.
const FOLDERS: [&str; 7] = ["src", "tests", "benches", "examples", "fuzz", "provisioning", "supervisor"];

/// Never entered.
const SKIPPED: [&str; 4] = ["target", "corpus", "artifacts", "fixtures"];

fn repository() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        gather(root, &root.join(folder), &mut files);
    }
    files
}

fn gather(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            if !SKIPPED.contains(&&*name) {
                gather(root, &path, files);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            files.push(File { path, text });
        }
    }
}

/// Every problem of these files under a rule, one a line.
fn problems(files: &[File], rule: impl Fn(&File) -> Vec<String>) -> String {
    let mut problems: Vec<_> = files.iter().flat_map(rule).collect();
    problems.sort();
    problems.join("\n")
}

/// Fails with every problem of the repository under a rule.
fn hold(rule: impl Fn(&File) -> Vec<String>) {
    let found = problems(&repository(), rule);
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn imports_run_downwards() {
    let manifest = include_str!("../../Cargo.toml");
    let files = repository();
    assert!(files.iter().any(|file| file.path == "src/p1/mod.rs"), "the walk found no source");
    let found = problems(&files, |file| rules::imports(file, &rules::dependencies(manifest)));
    assert!(found.is_empty(), "\n{found}\n(the table is in tests/it/tidy/table.rs)");
}

#[test]
fn every_crate_has_a_home() {
    let dependencies = rules::dependencies(include_str!("../../Cargo.toml"));
    let homeless = rules::homeless(&dependencies);
    assert!(homeless.is_empty(), "in Cargo.toml, but not in tests/it/tidy/table.rs: {homeless:?}");
}

#[test]
fn no_floating_point_below_formatting() {
    hold(rules::floats);
}

#[test]
fn files_are_short_or_say_why() {
    let files = repository();
    let found = problems(&files, |file| rules::length(file, table::LONG));
    assert!(found.is_empty(), "\n{found}");
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    for (path, _) in table::LONG {
        assert!(paths.contains(path), "{path} is listed as long and does not exist");
    }
}

#[test]
fn nothing_is_left_undone() {
    hold(rules::unfinished);
}

#[test]
fn the_table_of_contents_is_complete() {
    let files = repository();
    let missing = rules::unlisted(&files);
    assert!(missing.is_empty(), "not in tests/it/main.rs: {missing:?}");
}
