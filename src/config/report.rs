//! Problems with their places, gathered so that all of them can be told at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file, both counted from 1; the column in characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// This environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line, .. } => write!(f, "line {line}"),
            Self::Environment(variable) => f.write_str(variable),
        }
    }
}

/// A configuration that cannot be used: every problem found, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One line each: place, key, what is wrong and what would be right.
    pub problems: Vec<String>,
    /// What else was found worth knowing.
    pub warnings: Vec<String>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem")?,
            many => write!(f, "the configuration has {many} problems")?,
        }
        self.problems.iter().try_for_each(|line| write!(f, "\n{line}"))?;
        self.warnings.iter().try_for_each(|line| write!(f, "\nwarning: {line}"))
    }
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Report {
    file: PathBuf,
    problems: Vec<(Origin, String)>,
    warnings: Vec<(Origin, String)>,
}

impl Report {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Something that must be put right. `key` is empty where there is none.
    pub(super) fn problem(&mut self, origin: &Origin, key: &str, message: impl fmt::Display) {
        let line = self.line(origin, key, &message);
        self.problems.push((origin.clone(), line));
    }

    /// Something worth knowing.
    pub(super) fn warning(&mut self, origin: &Origin, key: &str, message: impl fmt::Display) {
        let line = self.line(origin, key, &message);
        self.warnings.push((origin.clone(), line));
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn line(&self, origin: &Origin, key: &str, message: &dyn fmt::Display) -> String {
        let file = self.file.display();
        let place = match origin {
            Origin::Default => file.to_string(),
            Origin::File { line, column } => format!("{file}:{line}:{column}"),
            Origin::Environment(variable) => variable.clone(),
        };
        if key.is_empty() { format!("{place}: {message}") } else { format!("{place}: {key}: {message}") }
    }

    /// Problems and warnings in the order of the file.
    pub(super) fn finish(mut self) -> (Vec<String>, Vec<String>) {
        self.problems.sort_by(|a, b| a.0.cmp(&b.0));
        self.warnings.sort_by(|a, b| a.0.cmp(&b.0));
        let lines = |found: Vec<(Origin, String)>| found.into_iter().map(|(_, line)| line).collect();
        (lines(self.problems), lines(self.warnings))
    }
}

/// Why a file cannot be read, without the number that only programs know.
pub(super) fn why(error: &std::io::Error) -> String {
    let text = error.to_string();
    let why = text.split_once(" (os error").map_or(text.as_str(), |(why, _)| why);
    let mut letters = why.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The one of `known` that someone who typed `typed` most likely meant.
pub(super) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|word| (distance(&typed, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Letters to insert, remove, replace or swap with a neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likely_meaning_of_a_slip() {
        let known = ["url", "username", "password", "password_file", "qos"];
        assert_eq!(nearest("usrename", known), Some("username"));
        assert_eq!(nearest("passwordfile", known), Some("password_file"));
        assert_eq!(nearest("QoS", known), Some("qos"));
        assert_eq!(nearest("uri", known), Some("url"));
        assert_eq!(nearest("topic", known), None);
    }
}
