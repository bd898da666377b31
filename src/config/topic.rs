//! What can stand in an MQTT topic (MQTT 3.1.1, section 4.7), as the configuration sees it.

use super::value::quote;

/// One level: the name of a meter or broker.
pub(super) fn name(text: &str) -> Result<String, String> {
    let right = "write a short word such as \"home\"";
    if text.is_empty() || text != text.trim() {
        return Err(format!("{} is empty or has blanks around it; {right}", quote(text)));
    }
    if text.len() > 128 {
        return Err(format!("it is longer than 128 bytes; {right}"));
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

/// What topics begin with; slashes behind it are dropped.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let trimmed = text.trim_end_matches('/');
    if trimmed.contains(['{', '}']) {
        return Err(format!(
            "{} cannot have braces in it; write levels such as \"house/energy\"",
            quote(text)
        ));
    }
    levels(trimmed).map_err(|why| format!("{} {why}; write levels such as \"house/energy\"", quote(text)))?;
    Ok(trimmed.to_owned())
}

/// A whole topic, with placeholders perhaps.
pub(super) fn name_of_topic(text: &str) -> Result<String, String> {
    levels(text).map_err(|why| format!("{} {why}; write a topic such as \"dsmrd/status\"", quote(text)))?;
    Ok(text.to_owned())
}

fn levels(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > 1024 {
        return Err("is longer than 1024 bytes".to_owned());
    }
    if text.starts_with('$') {
        return Err("begins with $, which brokers keep for themselves".to_owned());
    }
    if let Some(c) = text.chars().find(|c| c.is_control() || "+#".contains(*c)) {
        return Err(format!("has {c:?} in it, which no topic can have"));
    }
    if text.split('/').any(str::is_empty) {
        return Err("has an empty level".to_owned());
    }
    Ok(())
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

/// Any text as one level: what no level can have becomes an underscore.
pub(super) fn level(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || "/+#{}$".contains(c) { '_' } else { c }).collect()
}
