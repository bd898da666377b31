//! Topic names and topic filters (MQTT 3.1.1, section 4.7).

/// Whether this is a topic that can be published to.
pub(super) fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.contains(['+', '#', '\0'])
}

/// Whether this is a filter that can be subscribed to.
pub(super) fn is_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.contains('\0') {
        return false;
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let whole = match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            level => !level.contains(['+', '#']),
        };
        if !whole {
            return false;
        }
    }
    true
}

/// Whether a filter matches a topic. A wildcard at the start does not match `$SYS` and its like.
pub(in crate::mqtt) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut levels, mut names) = (filter.split('/'), topic.split('/'));
    loop {
        match (levels.next(), names.next()) {
            // It matches the level above as well.
            (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(name)) if level == name => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_by_level() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("+/+", "/a", true),
            ("+", "/a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("é/#", "é/ü", true),
            ("+", "é", true),
            ("a/+/b", "a//b", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} on {topic}");
        }
    }

    #[test]
    fn crooked_filters_and_topics_are_none() {
        for filter in ["", "a#", "#/a", "a+/b", "a/#/b", "a\0"] {
            assert!(!is_filter(filter), "{filter:?}");
        }
        for filter in ["#", "+", "a/+/b/#", "/", "é/+"] {
            assert!(is_filter(filter), "{filter:?}");
        }
        assert!(is_topic("é/x") && !is_topic("a/+") && !is_topic(""));
    }
}
