//! Telegrams to test with: the project's own fixtures, and the public corpus where it is.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the project's own fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The public corpus: `DSMRD_CORPUS`, or `../shared/telegrams`. `None`, said aloud, where it is not. Any part
/// of it will do, so that nothing may be asked of the number of its files.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/telegrams");
    #[expect(clippy::disallowed_methods, reason = "a test is told where the corpus is")]
    let folder = std::env::var_os("DSMRD_CORPUS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no telegram corpus at {}; set DSMRD_CORPUS", folder.display());
    None
}

/// The files of a folder with this extension, sorted; none where the folder is not.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// A file's name without its extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// A description of the corpus, or what stands beside a fixture.
pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
