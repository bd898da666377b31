//! The rules, each a function from a file to its problems. Each is tried on files that break it.

use super::{File, scan, table};

/// The names of the crates under `[dependencies]`, as code writes them.
pub(super) fn dependencies(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().replace('-', "_")))
        .collect()
}

/// Crates that the table does not know.
pub(super) fn homeless(dependencies: &[String]) -> Vec<&String> {
    dependencies.iter().filter(|name| table::CRATES.iter().all(|(known, _)| known != name)).collect()
}

/// The module path of a file of the library: `src/p1/obis.rs` is `["p1", "obis"]`.
fn module(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Vec<_> = path.split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    Some(module)
}

/// The first name below the crate's root that a path means, if it is one of this crate's own.
fn sibling<'a>(module: &[&'a str], path: &'a str) -> Option<&'a str> {
    let mut depth = module.len();
    for (index, segment) in path.split("::").enumerate() {
        match segment {
            "crate" if index == 0 => depth = 0,
            "super" => depth = depth.checked_sub(1)?,
            "self" => {}
            name if index > 0 => return (depth == 0).then_some(name),
            _ => return None,
        }
    }
    None
}

/// Imports against the tables: siblings, crates, and the standard library's doors to the world.
pub(super) fn imports(file: &File, dependencies: &[String]) -> Vec<String> {
    let Some(module) = module(&file.path) else { return Vec::new() };
    if module.last() == Some(&"tests") || module.contains(&"tests") {
        return Vec::new();
    }
    let binary = matches!(module[0], "cli" | "main");
    let code = scan::code(&file.text);
    let mut problems = Vec::new();
    let mut problem = |line: usize, text: String| problems.push(format!("{}:{line}: {text}", file.path));
    let allowed = table::MODULES.iter().find(|(name, _)| *name == module[0]).map(|(_, allowed)| *allowed);
    if allowed.is_none() && !binary && module[0] != "lib" {
        problem(1, format!("the module {} is not in the table", module[0]));
    }
    for (line, path) in scan::paths(scan::without_tests(&code)) {
        let first = path.split("::").next().unwrap_or_default();
        if dependencies.iter().any(|name| name == first) && path.contains("::") {
            let homes =
                table::CRATES.iter().find(|(name, _)| *name == first).map_or(&[][..], |(_, homes)| homes);
            let home = |home: &&str| file.path == **home || file.path.starts_with(&format!("{home}/"));
            if !homes.iter().any(home) {
                problem(line, format!("{first} may not be used here, only in {}", homes.join(", ")));
            }
        }
        if table::PURE.contains(&module[0])
            && table::WORLD.iter().any(|door| path == *door || path.starts_with(&format!("{door}::")))
        {
            problem(line, format!("{} is pure and may not use {path}", module[0]));
        }
        if let (Some(allowed), Some(name)) = (allowed, sibling(&module, &path))
            && name != module[0]
            && table::MODULES.iter().any(|(known, _)| *known == name)
            && !allowed.contains(&name)
        {
            problem(line, format!("{} may not import {name}", module[0]));
        }
    }
    problems
}

/// Floating point where the meter's own digits are kept.
pub(super) fn floats(file: &File) -> Vec<String> {
    if !table::EXACT.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let is_float = |word: &str| {
        let digits = word.trim_end_matches("f64").trim_end_matches("f32");
        word.len() > digits.len() && digits.chars().all(|c| c.is_ascii_digit() || c == '_')
    };
    scan::words(&scan::code(&file.text))
        .filter(|(_, word)| is_float(word))
        .map(|(line, word)| format!("{}:{line}: {word}", file.path))
        .collect()
}

/// Files over [`table::LINES`] that are not listed, and files that are listed and need not be.
pub(super) fn length(file: &File, long: &[(&str, &str)]) -> Vec<String> {
    let lines = file.text.lines().count();
    let is_text = file.path.ends_with(".rs") || file.path.ends_with(".py") || file.text.starts_with("#!");
    match (is_text && lines > table::LINES, long.iter().any(|(path, _)| *path == file.path)) {
        (true, false) => vec![format!("{}: {lines} lines; split it, or list it with its reason", file.path)],
        (false, true) => vec![format!("{}: {lines} lines; it is no longer long", file.path)],
        _ => Vec::new(),
    }
}

/// Promises instead of code, and tests that nobody runs.
pub(super) fn unfinished(file: &File) -> Vec<String> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let code = scan::code(&file.text);
    let marks = ["todo!", "unimplemented!", "dbg!", "#[ignore", "#[allow(", "#![allow("];
    let mut problems = Vec::new();
    for mark in marks {
        for (at, _) in code.match_indices(mark) {
            let attribute = code[at..].split(']').next().unwrap_or_default();
            // `expect` tells when it is no longer needed; `allow` is for where it cannot, and says why.
            if !(mark.contains("allow") && attribute.contains("reason =")) {
                problems.push(format!("{}:{}: {mark}", file.path, code[..at].matches('\n').count() + 1));
            }
        }
    }
    problems
}

/// Files of the integration tests that its table of contents leaves out, so that nobody runs them.
pub(super) fn unlisted(files: &[File]) -> Vec<&str> {
    let contents = files.iter().find(|file| file.path == "tests/it/main.rs").map_or("", |file| &file.text);
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix("tests/it/")?.strip_suffix(".rs"))
        .filter(|name| !name.contains('/') && *name != "main")
        .filter(|name| !contents.lines().any(|line| line == format!("mod {name};")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn imports_of(path: &str, text: &str) -> String {
        let dependencies = ["nom", "tokio", "rusqlite", "moka"].map(str::to_owned);
        imports(&file(path, text), &dependencies).join("\n")
    }

    #[test]
    fn crates_outside_their_home_are_found() {
        let found = imports_of("src/mqtt/mod.rs", "use std::fmt;\nuse rusqlite::Connection;\n");
        assert_eq!(found, "src/mqtt/mod.rs:2: rusqlite may not be used here, only in src/store");
        assert!(imports_of("src/meter/unit.rs", "fn f() { nom::bytes::complete::tag(1); }").contains("nom"));
        assert!(imports_of("src/publish/layout.rs", "use moka::sync::Cache;").contains("moka"));
        assert_eq!(imports_of("src/publish/dedup.rs", "use moka::sync::Cache;"), "");
        assert_eq!(
            imports_of("src/p1/telegram.rs", "use nom::Parser;\n// tokio::spawn\nlet x = \"tokio::spawn\";"),
            ""
        );
    }

    #[test]
    fn imports_upwards_and_sideways_are_found() {
        assert_eq!(
            imports_of("src/p1/obis.rs", "use crate::meter::Reading;"),
            "src/p1/obis.rs:1: p1 may not import meter"
        );
        assert!(imports_of("src/source/mod.rs", "use super::store::Store;").contains("may not import store"));
        assert!(
            imports_of("src/store/journal.rs", "use super::super::mqtt;").contains("may not import mqtt")
        );
        assert!(
            imports_of("src/mqtt/driver.rs", "use crate::{clock::Clock,\n    source::Source};")
                .contains(":2:")
        );
        assert!(
            imports_of("src/feed.rs", "fn f(x: crate::store::Store) {}").contains("may not import store")
        );
        assert!(imports_of("src/attic/mod.rs", "").contains("not in the table"));
        assert_eq!(imports_of("src/mqtt/driver.rs", "use super::settings;\nuse crate::mqtt::Secret;"), "");
        assert_eq!(imports_of("src/cli/run.rs", "use dsmrd::store::Store;"), "");
        // Unit tests may look around.
        assert_eq!(
            imports_of("src/p1/obis.rs", "#[cfg(test)]\nmod tests {\n    use crate::meter::Reading;\n}\n"),
            ""
        );
    }

    #[test]
    fn doors_to_the_world_are_found_in_pure_modules() {
        assert!(imports_of("src/p1/frame.rs", "use std::{fmt, fs::File};").contains("std::fs::File"));
        assert!(imports_of("src/publish/queue.rs", "let now = std::time::Instant::now();").contains("pure"));
        assert!(
            imports_of("src/publish/queue.rs", "use crate::clock::{Clock, MonoMillis};").contains("pure")
        );
        assert_eq!(imports_of("src/publish/queue.rs", "use crate::clock::MonoMillis;"), "");
        assert_eq!(imports_of("src/publish/queue.rs", "use std::time::Duration;"), "");
        assert_eq!(imports_of("src/store/mod.rs", "use std::fs::File;"), "");
    }

    #[test]
    fn floats_are_found() {
        let found = |path: &str, text: &str| floats(&file(path, text)).len();
        assert_eq!(
            found("src/meter/reading.rs", "let x: f64 = 1f32; // f64\nlet s = \"f64\"; self.f64x = 3;"),
            2
        );
        assert_eq!(found("src/mqtt/driver.rs", "let x: f64;"), 0);
    }

    #[test]
    fn long_files_are_found_and_so_are_stale_reasons() {
        let long = file("src/a.rs", &"\n".repeat(table::LINES + 1));
        let short = file("src/b.rs", &"\n".repeat(table::LINES));
        assert_eq!(length(&long, &[]).len(), 1);
        assert_eq!(length(&long, &[("src/a.rs", "a reason")]).len(), 0);
        assert_eq!(length(&short, &[]).len(), 0);
        assert_eq!(length(&short, &[("src/b.rs", "a reason")]).len(), 1);
    }

    #[test]
    fn unfinished_work_is_found() {
        let found = |text: &str| unfinished(&file("src/a.rs", text)).len();
        assert_eq!(found("fn f() { todo!() }\n#[ignore = \"slow\"]\n#[allow(dead_code)]"), 3);
        assert_eq!(
            found("// todo!\nlet x = \"dbg!\";\n#[allow(\n    dead_code,\n    reason = \"here\"\n)]"),
            0
        );
    }

    #[test]
    fn unlisted_test_files_are_found() {
        let files = [
            file("tests/it/main.rs", "mod store;\n// mod mqtt;\n"),
            file("tests/it/store.rs", ""),
            file("tests/it/mqtt.rs", ""),
            file("tests/it/store/kill.rs", ""),
        ];
        assert_eq!(unlisted(&files), ["mqtt"]);
    }

    #[test]
    fn crates_without_a_home_are_found() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\n# A reason.\nnom = \"8\"\nnew-crate = { version = \"1\" }\n[lints]\n";
        assert_eq!(homeless(&dependencies(manifest)), ["new_crate"]);
    }
}
