//! Names that Home Assistant takes: identifiers of letters, digits, `-` and `_`, and names for people.

/// The longest identifier made of text from outside, in bytes.
const LONGEST: usize = 64;

/// An identifier of `[a-zA-Z0-9_-]` (Home Assistant's discovery topics take nothing else). What is none of these
/// becomes `_`, and so does nothing at all.
pub(super) fn id(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let id: String = text.trim().chars().map(keep).take(LONGEST).collect();
    if id.is_empty() { "_".to_owned() } else { id }
}

/// The part of an entity's id behind the point: small letters, digits and single `_`, none at its ends.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let length = slug.trim_end_matches('_').len();
    slug.truncate(length);
    if slug.is_empty() { "meter".to_owned() } else { slug }
}

/// A name from the configuration for people: `main_house` is `Main house`.
pub(super) fn title(name: &str) -> String {
    let words: Vec<&str> = name.split(['_', ' ']).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_letters_that_topics_take() {
        assert_eq!(id("E0047000:12/é+#"), "E0047000_12____");
        assert_eq!(id(" G-1_2 "), "G-1_2");
        assert_eq!(id(""), "_");
        assert_eq!(id(&"x".repeat(100)).len(), LONGEST);
    }

    #[test]
    fn slugs_are_entity_ids() {
        assert_eq!(slug("Main house"), "main_house");
        assert_eq!(slug("--méter 1/gas"), "m_ter_1_gas");
        assert_eq!(slug("é"), "meter");
    }

    #[test]
    fn names_for_people() {
        assert_eq!(title("main_house"), "Main house");
        assert_eq!(title("émile"), "Émile");
        assert_eq!(title("_"), "_");
    }
}
