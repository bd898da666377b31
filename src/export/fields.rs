//! Columns by name, as someone types them: `power_import`, `power_import.mean`, several with commas.

use crate::store::{Measure, Selected};

/// What a list of names asks for.
///
/// # Errors
/// An empty name, or a measure that is none; told to people.
pub fn parse(text: &str) -> Result<Vec<Selected>, String> {
    text.split(',').map(|name| one(name.trim())).collect()
}

fn one(text: &str) -> Result<Selected, String> {
    let (field, measure) = match text.split_once('.') {
        None => (text, None),
        // A code of the M-Bus has points too: `mbus/1/24.2.1/value.last`.
        Some(_) if text.contains('/') => {
            let known = |name: &str| Measure::ALL.into_iter().find(|measure| measure.name() == name);
            let told = text.rsplit_once('.').and_then(|(field, name)| Some((field, known(name)?)));
            told.map_or((text, None), |(field, measure)| (field, Some(measure)))
        }
        Some((field, name)) => {
            let known = Measure::ALL.into_iter().find(|measure| measure.name() == name);
            let measure = known.ok_or_else(|| {
                format!(
                    "{text}: no measure is named {name:?}; there are {}",
                    Measure::ALL.map(Measure::name).join(", ")
                )
            })?;
            (field, Some(measure))
        }
    };
    if field.is_empty() {
        return Err("a field has no name; write power_import,gas or power_import.mean".to_owned());
    }
    Ok(Selected { field: field.to_owned(), measure })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_measures() {
        let selected = |field: &str, measure| Selected { field: field.to_owned(), measure };
        assert_eq!(
            parse("power_import.mean, gas,mbus/1/24.2.1/value,mbus/1/24.2.1/value.last"),
            Ok(vec![
                selected("power_import", Some(Measure::Mean)),
                selected("gas", None),
                selected("mbus/1/24.2.1/value", None),
                selected("mbus/1/24.2.1/value", Some(Measure::Last))
            ])
        );
        for wrong in ["", "gas,", ".mean", "gas.median"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
