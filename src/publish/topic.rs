//! Topic names: what may stand in them, and what is done about the rest.

use thiserror::Error;

/// The longest topic name MQTT can carry, in bytes (MQTT 3.1.1, section 1.5.3).
pub const MAX_TOPIC: usize = 65_535;

/// The longest level made from a meter's name or a device's identifier, in bytes.
pub const MAX_LEVEL: usize = 128;

/// What is kept free behind a prefix for the levels that follow it: two dynamic ones and fixed words.
const RESERVE: usize = 1_024;

/// Why a prefix can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PrefixError {
    /// Nothing, or only a slash.
    #[error("the prefix is empty; write at least one level, such as \"dsmrd\"")]
    Empty,
    /// `+` and `#` are for subscriptions.
    #[error("the prefix has the wildcard {0:?}, which no topic to publish to may have; leave it out")]
    Wildcard(char),
    /// NUL is forbidden, other control characters make brokers close the connection.
    #[error("the prefix has the control character U+{0:04X}; leave it out")]
    Control(u32),
    /// `$SYS` and its like belong to the broker.
    #[error("the prefix starts with \"$\", which is the broker's own; start it with something else")]
    Dollar,
    /// `//`, or a slash at the start.
    #[error(
        "the prefix has an empty level: a slash at its start, or two in a row; levels are joined by one slash"
    )]
    EmptyLevel,
    /// MQTT counts a topic's bytes in 16 bits.
    #[error("the prefix has {0} bytes; with what follows it a topic would be longer than {MAX_TOPIC}")]
    TooLong(usize),
}

/// Checks a topic prefix and gives it without its trailing slash.
///
/// # Errors
///
/// The first thing that makes it no prefix for topics to publish to (MQTT 3.1.1, section 4.7).
pub fn check_prefix(prefix: &str) -> Result<String, PrefixError> {
    let levels = prefix.strip_suffix('/').unwrap_or(prefix);
    if levels.is_empty() {
        return Err(PrefixError::Empty);
    }
    if levels.starts_with('$') {
        return Err(PrefixError::Dollar);
    }
    for c in levels.chars() {
        match c {
            '+' | '#' => return Err(PrefixError::Wildcard(c)),
            c if c.is_control() => return Err(PrefixError::Control(c.into())),
            _ => {}
        }
    }
    if levels.split('/').any(str::is_empty) {
        return Err(PrefixError::EmptyLevel);
    }
    if levels.len() > MAX_TOPIC - RESERVE {
        return Err(PrefixError::TooLong(levels.len()));
    }
    Ok(levels.to_owned())
}

/// One topic level made of text from outside: what MQTT gives a meaning to, and control characters, become
/// `_`, and it ends at [`MAX_LEVEL`] bytes. Nothing becomes `_` as well, since a level should not be empty.
pub fn level(text: &str) -> String {
    let text = text.trim();
    let mut level = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        let forbidden = matches!(c, '/' | '+' | '#') || c.is_control() || (i == 0 && c == '$');
        let c = if forbidden { '_' } else { c };
        if level.len() + c.len_utf8() > MAX_LEVEL {
            break;
        }
        level.push(c);
    }
    if level.is_empty() {
        level.push('_');
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_is_dropped() {
        assert_eq!(check_prefix("a/b/").as_deref(), Ok("a/b"));
        assert_eq!(check_prefix("dsmrd").as_deref(), Ok("dsmrd"));
        assert_eq!(check_prefix("huis/méter kast").as_deref(), Ok("huis/méter kast"));
    }

    #[test]
    fn impossible_prefixes_are_refused() {
        for (prefix, error) in [
            ("", PrefixError::Empty),
            ("/", PrefixError::Empty),
            ("/a", PrefixError::EmptyLevel),
            ("a//b", PrefixError::EmptyLevel),
            ("a//", PrefixError::EmptyLevel),
            ("a/+/b", PrefixError::Wildcard('+')),
            ("a/#", PrefixError::Wildcard('#')),
            ("a\0b", PrefixError::Control(0)),
            ("a\nb", PrefixError::Control(10)),
            ("$SYS/a", PrefixError::Dollar),
        ] {
            assert_eq!(check_prefix(prefix), Err(error), "{prefix:?}");
        }
        let long = "a".repeat(MAX_TOPIC);
        assert_eq!(check_prefix(&long), Err(PrefixError::TooLong(MAX_TOPIC)));
    }

    #[test]
    fn a_level_is_one_level() {
        assert_eq!(level("a/b+c#d"), "a_b_c_d");
        assert_eq!(level("a\0b\u{85}c\n"), "a_b_c");
        assert_eq!(level("$SYS"), "_SYS");
        assert_eq!(level(" "), "_");
        assert_eq!(level(&"é".repeat(100)).len(), MAX_LEVEL);
    }
}
