//! What can stand in an MQTT topic (MQTT 3.1.1, section 4.7), as the configuration sees it.

use super::value::quote;
use crate::publish::topic::{MAX_LEVEL, PrefixError, check_prefix};

/// One level: the name of a meter or broker.
pub(super) fn name(text: &str) -> Result<String, String> {
    let right = "write a short word such as \"home\"";
    if text.is_empty() || text != text.trim() {
        return Err(format!("{} is empty or has blanks around it; {right}", quote(text)));
    }
    if text.len() > MAX_LEVEL {
        return Err(format!("it is longer than {MAX_LEVEL} bytes; {right}"));
    }
    match text.chars().find(|c| c.is_control() || "/+#{}".contains(*c)) {
        Some(c) => Err(format!(
            "{} cannot have {c:?} in it, since it becomes one level of a topic; {right}",
            quote(text)
        )),
        None if text.starts_with('$') => Err(format!("{} cannot begin with $; {right}", quote(text))),
        None => Ok(text.to_owned()),
    }
}

/// What topics begin with; a slash behind it is dropped.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    if text.contains(['{', '}']) {
        return Err(format!(
            "{} cannot have braces in it; write levels such as \"house/energy\"",
            quote(text)
        ));
    }
    check_prefix(text).map_err(|error| error.to_string())
}

/// A whole topic, with placeholders perhaps. The rules are those of a prefix, the words are not.
pub(super) fn name_of_topic(text: &str) -> Result<String, String> {
    let why = match check_prefix(text) {
        Ok(_) if text.ends_with('/') => "has an empty level".to_owned(),
        Ok(topic) => return Ok(topic),
        Err(PrefixError::Empty) => "is empty".to_owned(),
        Err(PrefixError::Dollar) => "begins with $, which brokers keep for themselves".to_owned(),
        Err(PrefixError::Wildcard(c)) => format!("has {c:?} in it, which no topic can have"),
        Err(PrefixError::Control(code)) => format!("has the control character U+{code:04X} in it"),
        Err(PrefixError::EmptyLevel) => "has an empty level".to_owned(),
        Err(PrefixError::TooLong(bytes)) => return Err(format!("the topic is too long, with {bytes} bytes")),
    };
    Err(format!("{} {why}; write a topic such as \"dsmrd/status\"", quote(text)))
}

/// Puts values in the place of `{placeholders}`; an unknown one is an error that names the known.
pub(super) fn expand(template: &str, known: &[(&str, &str)]) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        let inside = &rest[open + 1..];
        let close = inside.find('}').filter(|_| rest[open..].starts_with('{'));
        let placeholder = close.map(|close| &inside[..close]);
        let Some((_, value)) =
            placeholder.and_then(|placeholder| known.iter().find(|(name, _)| *name == placeholder))
        else {
            let list: Vec<String> = known.iter().map(|(name, _)| format!("{{{name}}}")).collect();
            return Err(format!(
                "{} has an unknown placeholder; there are {}",
                quote(template),
                list.join(", ")
            ));
        };
        expanded.push_str(&rest[..open]);
        expanded.push_str(value);
        rest = &inside[close.map_or(0, |close| close + 1)..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Any text as one level that has no placeholder in it.
pub(super) fn level(text: &str) -> String {
    crate::publish::topic::level(text).replace(['{', '}'], "_")
}
