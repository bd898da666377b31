//! The environment, laid over the file as typed: it wins.

use super::keys::{self, KEYS, Key, Table};
use super::raw::{Entry, Section, Typed, unknown_key};
use super::report::{Origin, Report, nearest};

/// Variables that begin like ours and are no keys: they belong to the command line and to tests.
const NOT_KEYS: &[&str] =
    &["DSMRD_CONFIG", "DSMRD_CORPUS", "DSMRD_GOLDEN", "DSMRD_HISTORIES", "DSMRD_KILLS", "DSMRD_UPDATE"];

/// Keys for commands that have no configuration.
const DECODE_KEYS: &[&str] = &["DSMRD_KEY", "DSMRD_AUTH_KEY"];

/// Lays the environment over the file. An empty variable counts as not set.
pub(super) fn overlay(env: &[(String, String)], sections: &mut Vec<Section>, report: &mut Report) {
    let mut found: Vec<(Table, Option<usize>, &'static Key, &str, &str)> = Vec::new();
    for (variable, value) in env {
        if !variable.starts_with("DSMRD_") || NOT_KEYS.contains(&variable.as_str()) || value.is_empty() {
            continue;
        }
        match parse_variable(variable) {
            Variable::Key(table, index, key) => found.push((table, index, key, variable, value)),
            Variable::UnknownKey(table, index, name) => {
                let message = match nearest(&name, table.keys().map(|key| key.name)) {
                    Some(near) => {
                        let near = keys::find(table, near).map(|key| key.variable(index)).unwrap_or_default();
                        format!("unknown key; did you mean {near}?")
                    }
                    None => unknown_key(table, &name),
                };
                report.problem(&Origin::Environment(variable.clone()), "", message);
            }
            Variable::Unknown => {
                let near = KEYS
                    .iter()
                    .map(|key| key.variable(key.table.repeated().then_some(0)))
                    .collect::<Vec<_>>();
                let message = match nearest(variable, near.iter().map(String::as_str)) {
                    _ if DECODE_KEYS.contains(&variable.as_str()) => {
                        let of_the_meter = variable.replace("DSMRD_", "DSMRD_METER_0_");
                        format!("only dsmrd decode and simulate take this; a meter's is {of_the_meter}")
                    }
                    Some(near) => format!("no key has this variable, so it is ignored; did you mean {near}?"),
                    None => "no key has this variable, so it is ignored".to_owned(),
                };
                report.warning(&Origin::Environment(variable.clone()), "", message);
            }
        }
    }
    // In the order of their indexes, so that several tables can come from the environment alone.
    found.sort_by_key(|(table, index, ..)| (*table, *index));
    for (table, index, key, variable, value) in found {
        let origin = Origin::Environment(variable.to_owned());
        let counted = table.parent().unwrap_or(table);
        let there = sections.iter().filter(|section| section.table == counted).count();
        let has_place = match (table.parent(), index) {
            (Some(_), Some(index)) => index < there,
            (_, index) => index.is_none_or(|index| index == there),
        };
        let section = match sections
            .iter()
            .position(|section| section.table == table && section.index == index)
        {
            Some(at) => &mut sections[at],
            None if has_place => {
                sections.push(Section::new(table, index, origin.clone()));
                let last = sections.len() - 1;
                &mut sections[last]
            }
            None => {
                let first = counted.keys().next().filter(|_| counted != table).unwrap_or(key);
                let next = first.variable(Some(there));
                report.problem(
                    &origin,
                    "",
                    format_args!("the tables {} are counted from 0 and the next is {next}", counted.header()),
                );
                continue;
            }
        };
        section.entries.retain(|entry| entry.key.name != key.name);
        section.entries.push(Entry { key, typed: Typed::Variable(value.to_owned()), origin });
    }
}

enum Variable {
    Key(Table, Option<usize>, &'static Key),
    UnknownKey(Table, Option<usize>, String),
    Unknown,
}

fn parse_variable(variable: &str) -> Variable {
    let rest = variable.trim_start_matches("DSMRD_").to_lowercase();
    let within = |rest: &str, table: Table| {
        rest.strip_prefix(table.name()).and_then(|rest| rest.strip_prefix('_')).map(str::to_owned)
    };
    for mut table in Table::ALL.into_iter().filter(|table| table.parent().is_none()) {
        let Some(rest) = within(&rest, table) else { continue };
        let (index, mut name) = if table.repeated() {
            let Some((index, name)) = rest.split_once('_') else { continue };
            let Ok(index) = index.parse::<usize>() else { continue };
            (Some(index), name.to_owned())
        } else {
            (None, rest)
        };
        if let Some((child, inner)) = table.child().and_then(|child| Some((child, within(&name, child)?))) {
            (table, name) = (child, inner);
        }
        return match keys::find(table, &name) {
            Some(key) => Variable::Key(table, index, key),
            None => Variable::UnknownKey(table, index, name),
        };
    }
    Variable::Unknown
}
