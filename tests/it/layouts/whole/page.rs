//! DSMR-READER.rst names every topic and every field that may be mapped, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use dsmrd::publish::layout::{describe, mappable_fields};

use super::*;

/// The rows of the table under a heading: what stands between the first pair of ``…``, and what comes behind it.
pub(in crate::layouts) fn rows(heading: &str) -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("DSMR-READER.rst");
    let text = std::fs::read_to_string(page).expect("the page");
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let mut lines = text[start..].lines().skip_while(|line| !(line.starts_with("==") && line.contains(' ')));
    let mut rows = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        if let Some((name, rest)) = line.strip_prefix("``").and_then(|line| line.split_once("``")) {
            rows.push((name.to_owned(), rest.trim().to_owned()));
        }
    }
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

fn names(heading: &str) -> BTreeSet<String> {
    let rows = rows(heading);
    let names: BTreeSet<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), rows.len(), "a row of {heading} is there twice");
    names
}

fn same(one: &BTreeSet<String>, other: &BTreeSet<String>) {
    let missing: Vec<_> = other.difference(one).collect();
    let stale: Vec<_> = one.difference(other).collect();
    assert!(missing.is_empty() && stale.is_empty(), "not named: {missing:?}; named for nothing: {stale:?}");
}

#[test]
fn the_page_names_all_default_topics_and_all_of_them_are_said() {
    let said = said(&mut dsmr_reader(), &reading(THREE_PHASES), Some(&first_totals(NOW)));
    let named = names("Topics");
    same(&named, &said.into_keys().collect());
    assert_eq!(named.len(), 89);

    // DSMR-reader's own list lies outside the repository.
    let Some(golden) = crate::layouts::golden::folder() else { return };
    let list = std::fs::read_to_string(golden.join("../dsmr_reader_mqtt_topics.csv")).expect("the list");
    same(&named, &list.lines().skip(1).filter_map(|line| Some(line.split(',').nth(1)?.to_owned())).collect());
}

#[test]
fn the_page_names_what_may_be_mapped_besides() {
    let further = mappable_fields().into_iter().filter(|field| !field.default).map(|field| field.name);
    same(&names("Further fields"), &further.filter(|name| !name.contains('#')).collect());
}

#[test]
fn the_page_tells_of_each_topic_what_is_told_elsewhere() {
    for (topic, told) in rows("Topics").into_iter().chain(rows("Further fields")) {
        let field = topic.strip_prefix("dsmr/").unwrap_or(&topic);
        let known = describe(field).unwrap_or_else(|| panic!("{field} is not described"));
        let cells = format!("{} {} {}", known.payload, known.sent, known.source);
        let told: Vec<&str> = told.split_whitespace().collect();
        let described: Vec<&str> = cells.split_whitespace().collect();
        assert!(told == described || told.join(" ") == known.source, "{field}: {told:?}, {described:?}");
    }
    let undescribed =
        mappable_fields().into_iter().map(|field| field.name).filter(|name| !name.contains('#'));
    assert_eq!(undescribed.filter(|name| describe(name).is_none()).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(describe("day-consumption/gas_cost").map(|known| known.unit()), Some("EUR"));
}
