//! Every field of the layout by its default name, and where its value goes: DSMR-reader's `[mapping]`.

use std::collections::HashSet;

use super::super::LayoutError;
use super::super::slot::Topic;
use super::group::{Group, Place};
use super::{gas, periods, quarter, reading, stats};
use crate::publish::Mapping;
use crate::publish::topic::check_prefix;

/// A set of fields that is said together.
#[derive(Debug)]
pub(super) struct Set {
    /// The topic with all of them as JSON.
    pub(super) json: Option<&'static str>,
    /// What stands before a field's name: in its topic, and in its key.
    pub(super) parts: &'static [(&'static str, &'static str)],
    /// Their names, in the order in which they are said.
    pub(super) fields: &'static [&'static str],
    /// Names of fields that are said only where somebody maps them.
    pub(super) further: &'static [&'static str],
    /// Whether a key is left out of the JSON when there is no value, or is `null`.
    pub(super) sparse: bool,
}

/// The telegram as it came.
pub(super) const RAW: &str = "raw";

/// Every set, in the order in which they are said.
const SETS: [&Set; 6] =
    [&reading::SET, &stats::SET, &periods::DAY, &periods::PERIOD, &gas::SET, &quarter::SET];

/// A field that a [`Mapping`] may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappableField {
    /// As [`Mapping::field`] has it.
    pub name: String,
    /// Whether it is published when no mapping says otherwise.
    pub default: bool,
}

/// The names of a table of fields.
pub(super) const fn names<T, const N: usize>(fields: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut place = 0;
    while place < N {
        names[place] = fields[place].0;
        place += 1;
    }
    names
}

impl Set {
    /// Every field: its topic, its key, and whether it is said by default.
    fn each(&self) -> impl Iterator<Item = (String, String, bool)> {
        let named = |(topic, key): &'static (&'static str, &'static str), name: &str, default| {
            (format!("{topic}{name}"), format!("{key}{name}"), default)
        };
        self.parts.iter().flat_map(move |part| {
            let fields = self.fields.iter().map(move |name| named(part, name, true));
            fields.chain(self.further.iter().map(move |name| named(part, name, false)))
        })
    }
}

/// Every field that a mapping may name: topics first, then the keys of those that are JSON.
pub fn mappable_fields() -> Vec<MappableField> {
    let mut fields = vec![MappableField { name: RAW.to_owned(), default: true }];
    let mut keys = Vec::new();
    for set in SETS {
        fields.extend(set.json.map(|json| MappableField { name: json.to_owned(), default: true }));
        for (topic, key, default) in set.each() {
            fields.push(MappableField { name: topic, default });
            keys.extend(set.json.map(|json| MappableField { name: format!("{json}#{key}"), default }));
        }
    }
    fields.append(&mut keys);
    fields
}

/// Where each field goes.
#[derive(Debug)]
pub(super) struct Names<'a> {
    prefix: String,
    mapping: &'a [Mapping],
    /// Topics and keys that are taken.
    taken: HashSet<String>,
}

impl<'a> Names<'a> {
    pub(super) fn new(prefix: &str, mapping: &'a [Mapping]) -> Result<Self, LayoutError> {
        let fields = mappable_fields();
        for (place, Mapping { field, .. }) in mapping.iter().enumerate() {
            let error =
                |problem: &str| LayoutError::Mapping { field: field.clone(), problem: problem.to_owned() };
            if !fields.iter().any(|known| known.name == *field) {
                return Err(error("there is no such field"));
            }
            if mapping[..place].iter().any(|earlier| earlier.field == *field) {
                return Err(error("it is mapped twice"));
            }
        }
        Ok(Self { prefix: check_prefix(prefix)?, mapping, taken: HashSet::new() })
    }

    fn mapped(&self, field: &str) -> Option<&'a Mapping> {
        self.mapping.iter().find(|mapping| mapping.field == field)
    }

    /// Keeps a topic or key from being given twice: values would take turns in it.
    fn take(&mut self, field: &str, name: String, problem: &str) -> Result<(), LayoutError> {
        if self.taken.insert(name) {
            return Ok(());
        }
        Err(LayoutError::Mapping { field: field.to_owned(), problem: problem.to_owned() })
    }

    /// The topic of a field; none when it is left out.
    pub(super) fn topic(&mut self, field: &str, default: bool) -> Result<Option<Topic>, LayoutError> {
        let topic = match self.mapped(field) {
            None if default => format!("{}/{field}", self.prefix),
            None | Some(Mapping { name: None, .. }) => return Ok(None),
            Some(Mapping { name: Some(name), .. }) => {
                let problem = match check_prefix(name) {
                    Ok(topic) if topic == *name => None,
                    Ok(_) => Some("the topic ends with a slash".to_owned()),
                    Err(error) => Some(error.to_string().replace("the prefix", "the topic")),
                };
                if let Some(problem) = problem {
                    return Err(LayoutError::Mapping { field: field.to_owned(), problem });
                }
                name.clone()
            }
        };
        self.take(field, topic.clone(), "its topic is that of another field")?;
        Ok(Some(Topic::new(&topic)))
    }

    /// The key of a field in a JSON topic; none when it is left out.
    fn key(&mut self, json: &str, key: &str, default: bool) -> Result<Option<String>, LayoutError> {
        let field = format!("{json}#{key}");
        let name = match self.mapped(&field) {
            None if default => key.to_owned(),
            None | Some(Mapping { name: None, .. }) => return Ok(None),
            Some(Mapping { name: Some(name), .. }) => name.clone(),
        };
        self.take(&field, format!("{json}#{name}"), "its key is that of another field")?;
        Ok(Some(name))
    }

    /// The topics of a set.
    pub(super) fn group(&mut self, set: &Set) -> Result<Group, LayoutError> {
        let json = match set.json {
            Some(json) => self.topic(json, true)?,
            None => None,
        };
        let mut places = Vec::new();
        for (topic, key, default) in set.each() {
            let key = match (set.json, &json) {
                (Some(name), Some(_)) => self.key(name, &key, default)?,
                _ => None,
            };
            places.push(Place::new(key.as_deref(), self.topic(&topic, default)?));
        }
        Ok(Group::new(json, places, set.sparse))
    }
}
