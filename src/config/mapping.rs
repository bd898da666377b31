//! Fields of the layout dsmr-reader under other names: how they are written, and what they may come to.

use std::collections::HashMap;

use super::raw::Typed;
use super::report::nearest;
use super::topic;
use super::value::quote;
use crate::publish::Mapping;
use crate::publish::layout::{MappableField, mappable_fields};

const SHAPE: &str = "write \"FIELD = NAME\", or \"FIELD =\" to leave a field out";

/// Reads a list of them; whether there is such a field is for [`check`].
pub(super) fn read(typed: &Typed) -> Result<Vec<Mapping>, String> {
    let lines: Vec<&str> = match typed {
        Typed::List(items) => items
            .iter()
            .map(|item| match item {
                Typed::Text(text) => Ok(text.as_str()),
                other => Err(format!("{} in the list; {SHAPE}", other.describe())),
            })
            .collect::<Result<_, _>>()?,
        Typed::Variable(text) => text.split(',').filter(|line| !line.trim().is_empty()).collect(),
        _ => return Err(format!("{} where a list belongs; write [\"FIELD = NAME\"]", typed.describe())),
    };
    lines.into_iter().map(one).collect()
}

fn one(line: &str) -> Result<Mapping, String> {
    let (field, name) =
        line.split_once('=').ok_or_else(|| format!("{} has no equals sign; {SHAPE}", quote(line)))?;
    let (field, name) = (field.trim().to_owned(), name.trim());
    if field.is_empty() {
        return Err(format!("{} has no field; {SHAPE}", quote(line)));
    }
    if name.is_empty() {
        return Ok(Mapping { field, name: None });
    }
    let name = if field.contains('#') {
        if name.chars().any(char::is_control) {
            return Err(format!("{} has a control character in it; {SHAPE}", quote(line)));
        }
        name.to_owned()
    } else {
        topic::name_of_topic(name)?
    };
    Ok(Mapping { field, name: Some(name) })
}

/// As the file would have it.
pub(super) fn print(mapping: &Mapping) -> String {
    match &mapping.name {
        Some(name) => format!("{} = {name}", mapping.field),
        None => format!("{} =", mapping.field),
    }
}

/// Every problem of a list: fields that are none, fields that stand there twice, topics and keys that collide.
/// `taken` tells whose a topic is that is not the layout's.
pub(super) fn check(
    mappings: &[Mapping],
    prefix: &str,
    taken: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let fields = mappable_fields();
    let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let mut problems = Vec::new();
    let mut names: HashMap<&str, Option<&str>> = HashMap::new();
    for mapping in mappings {
        let field = mapping.field.as_str();
        if !known.contains(&field) {
            problems.push(unknown(field, prefix, &known));
        } else if names.insert(field, mapping.name.as_deref()).is_some() {
            problems.push(format!("{} stands in the list twice; write it once", quote(field)));
        }
    }
    // What each field comes to, and which came there first; a key is told apart by the topic that it is in.
    let mut came_to: HashMap<(Option<&str>, String), &str> = HashMap::new();
    for MappableField { name: field, default } in &fields {
        let (place, own) = match field.split_once('#') {
            Some((topic, key)) => (Some(topic), key.to_owned()),
            None => (None, format!("{prefix}/{field}")),
        };
        let mapped = names.get(field.as_str()).copied();
        let name = match mapped {
            Some(Some(name)) => name.to_owned(),
            None if *default => own,
            _ => continue,
        };
        let shown = quote(&name);
        if let (None, Some(_), Some(whose)) = (place, mapped, taken(&name)) {
            problems.push(format!("{} would be {shown}, {whose}; choose another name", quote(field)));
        }
        if let Some(first) = came_to.insert((place, name), field) {
            problems.push(format!(
                "{} and {} would both be {shown}; choose another name for one, or leave it out",
                quote(first),
                quote(field)
            ));
        }
    }
    problems
}

fn unknown(field: &str, prefix: &str, fields: &[&str]) -> String {
    let bare = [prefix, "dsmr"].iter().find_map(|prefix| field.strip_prefix(prefix)?.strip_prefix('/'));
    if let Some(bare) = bare.filter(|bare| fields.contains(bare)) {
        return format!("{} has the prefix in it; write {}", quote(field), quote(bare));
    }
    match nearest(bare.unwrap_or(field), fields.iter().copied()) {
        Some(near) => format!("unknown field {}; did you mean {}?", quote(field), quote(near)),
        None => format!(
            "unknown field {}; the fields are the topics of the layout without their prefix, such as \"reading/id\"",
            quote(field)
        ),
    }
}

/// Whether a topic is one that the layout has by default.
pub(super) fn is_default(topic: &str, prefix: &str) -> bool {
    let field = topic.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    field.is_some_and(|field| mappable_fields().iter().any(|known| known.default && known.name == field))
}
