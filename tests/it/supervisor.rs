//! dsmrd under a real supervisord, and the script that installs it.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod install;
mod program;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test.
fn dsmrd() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_dsmrd"))
}

/// Whether a program is on the path; says so when a test skips for the lack of it.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed (provisioning/test installs it)");
    }
    found
}

/// Both streams as one text, for messages.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn write(path: PathBuf, contents: impl AsRef<[u8]>) -> PathBuf {
    std::fs::write(&path, contents).unwrap();
    path
}
