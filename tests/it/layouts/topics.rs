//! The table of topics has every topic that there is, TOPICS.rst is made of it, and README.rst names no other; and what
//! every fixture says in them.

use std::collections::BTreeSet;
use std::path::Path;

use dsmrd::meter::interpreter::{Interpreter, InterpreterSettings};
use dsmrd::meter::{Field, Kind, MbusClass, REGISTERS};
use dsmrd::p1::Telegram;
use dsmrd::publish::layout::native::table::TopicUnit;
use dsmrd::publish::layout::native::{page, table};
use serde_json::Value;

use super::*;

/// `dsmrd topics`, beside what layouts say.
mod command;

/// The readings of every fixture, by its name.
fn fixtures() -> Vec<(String, Vec<Reading>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> = [folder.clone(), folder.join("streams")]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the fixtures"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("readable"), None))
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
        .extend(crate::framing::encrypted().into_iter().map(|(name, bytes, keys)| (name, bytes, Some(keys))));
    let readings = |bytes: &[u8], keys| {
        let mut interpreter = Interpreter::new(InterpreterSettings::default());
        let mut framer = Framer::new(FramerSettings::default()).with_keys(keys);
        let mut readings = Vec::new();
        let mut keep = |event: Event<'_>| {
            if let Event::Frame(frame) = event {
                readings.push(interpreter.interpret(&Telegram::read(&frame), ARRIVED).reading);
            }
        };
        framer.push(bytes, &mut keep);
        framer.finish(&mut keep);
        readings
    };
    files.into_iter().map(|(name, bytes, keys)| (name, readings(&bytes, keys))).collect()
}

/// What one fixture says: each topic below the meter's, with its last payload.
fn said(readings: &[Reading], payload: PayloadFormat) -> BTreeMap<String, String> {
    let mut layout = native("dsmrd", payload);
    let mut said = BTreeMap::new();
    for reading in readings {
        for (topic, payload) in say(&mut layout, reading) {
            said.insert(topic.strip_prefix("dsmrd/home/").expect("the meter's").to_owned(), payload);
        }
    }
    said
}

/// A topic as the page names it.
fn folded(topic: &str) -> String {
    let described = table::describe(topic).unwrap_or_else(|| panic!("{topic} is not in the table"));
    assert_eq!(table::fold(topic).as_deref(), Some(described.row.topic), "{topic}");
    described.row.topic.to_owned()
}

/// The topics of the tables in a page with the cells behind them, by the table's columns.
fn tables(page: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("the page");
    let mut columns: Vec<usize> = Vec::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if line.starts_with("==") && line.contains(' ') {
            columns = line.split(' ').map(|border| border.len() + 1).collect();
        } else if line.is_empty() {
            columns.clear();
        } else if line.starts_with("``") && !columns.is_empty() {
            let mut rest: Vec<char> = line.chars().collect();
            let last = columns.len() - 1;
            let cells = columns.iter().enumerate().map(|(place, width)| {
                let width = if place == last { rest.len() } else { rest.len().min(*width) };
                rest.drain(..width).collect::<String>().trim().to_owned()
            });
            rows.push(cells.collect());
        }
    }
    rows
}

/// `DSMRD_UPDATE=1` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests is no setting")]
fn the_page_in_the_repository_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("TOPICS.rst");
    if std::env::var_os("DSMRD_UPDATE").is_some() {
        std::fs::write(&path, page::page()).expect("it can be written");
    }
    let there = std::fs::read_to_string(&path).expect("it is there");
    assert_eq!(there, page::page(), "run this test with DSMRD_UPDATE=1, and look at what changed");
}

#[test]
fn the_table_of_topics_is_complete_and_true() {
    let named: BTreeSet<String> = table::rows().map(|row| row.topic.to_owned()).collect();
    assert_eq!(named.len(), table::rows().count(), "a topic is named twice");

    let is_told = |field: &str| !["clock_time", "clock_date", "current_limits"].contains(&field);
    let mut there: BTreeSet<String> =
        REGISTERS.iter().map(|register| register.name).filter(|name| is_told(name)).map(folded).collect();
    // Not of a telegram, and of one that no fixture sends.
    there.extend(["status", "demand_export_max_time"].map(str::to_owned));
    for (_, readings) in fixtures() {
        there.extend(said(&readings, PayloadFormat::Value).keys().map(|topic| folded(topic)));
    }
    let mut layout = native("dsmrd", PayloadFormat::Value);
    let totals = super::native::totals::whole();
    let mut out = Vec::new();
    let context = Context { meter: "home", rejected: 0, totals: Some(&totals) };
    layout.messages(context, &reading(&[]), &mut out);
    there.extend(out.iter().map(|message| folded(&message.topic["dsmrd/home/".len()..])));
    let missing: Vec<_> = there.difference(&named).collect();
    let stale: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty() && stale.is_empty(), "not named: {missing:?}; named for nothing: {stale:?}");

    for row in table::rows() {
        assert!(!row.meaning.is_empty() && !row.reader.is_empty(), "{}", row.topic);
        assert_eq!(
            row.unit == TopicUnit::Register,
            Field::from_name(row.topic).is_some_and(|field| field.register().kind != Kind::Limit),
            "{}",
            row.topic
        );
    }
}

#[test]
fn a_topic_is_described_by_its_name() {
    let field_of = |name| table::describe(name).and_then(|of| of.field).map(Field::name);
    assert_eq!(field_of("power_import_l2"), Some("power_import_l2"));
    assert_eq!(field_of("month/energy_import"), Some("energy_import_total"));
    assert_eq!(field_of("today/energy_export_t2"), Some("energy_export_t2"));
    assert_eq!(field_of("cost/today_export"), Some("energy_export_total"));
    assert_eq!(field_of("cost/today_import_t2"), Some("energy_import_t2"));
    assert_eq!(field_of("cost/price_import"), Some("energy_import_total"));
    assert_eq!(field_of("cost/today"), None);
    let class_of = |name| table::describe(name).and_then(|of| of.class);
    for name in ["warm_water/reading", "warm_water/G1/id", "year/warm_water", "cost/today_warm_water"] {
        assert_eq!(class_of(name), Some(MbusClass::WarmWater), "{name}");
    }
    assert_eq!(class_of("cost/price_gas"), Some(MbusClass::Gas));
    assert_eq!(class_of("mbus/reading"), None);
    for name in ["", "nothing", "today/nothing", "gas/nothing", "today", "attic/reading", "cost/today_tea"] {
        assert_eq!(table::describe(name), None, "{name}");
    }
}

#[test]
fn the_readme_names_no_topic_that_is_none() {
    let named: BTreeSet<String> =
        tables("TOPICS.rst").iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let shown: Vec<String> = tables("README.rst")
        .iter()
        .filter_map(|row| row[0].split("``").nth(1)?.strip_prefix("dsmrd/home/").map(folded))
        .collect();
    assert!(shown.len() > 15, "{shown:?}");
    for topic in shown {
        assert!(named.contains(&topic), "{topic}");
    }
}

#[test]
fn every_fixture_says_what_can_be_read() {
    let has_number = |topic: &str| {
        let unit = REGISTERS.iter().any(|register| {
            register.name == topic
                && matches!(register.kind, Kind::Number | Kind::Counter | Kind::Peak | Kind::Limit)
        });
        unit || topic.ends_with("/reading") || topic.starts_with("power_net")
    };
    let mut numbers = 0;
    let readings = fixtures();
    let each = readings.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
    for (name, reading) in each {
        let plain = said(std::slice::from_ref(reading), PayloadFormat::Value);
        let json: Option<Value> = plain
            .get("json")
            .map(|json| serde_json::from_str(json).unwrap_or_else(|e| panic!("{name}: {e}")));
        for (topic, payload) in &plain {
            assert!(topic.len() < 512 && !topic.contains(['+', '#', '\0']), "{name}: {topic}");
            assert!(payload.len() < 8_192 && payload == payload.trim(), "{name}: {topic}: {payload:?}");
            if has_number(topic) {
                let digits = payload.strip_prefix('-').unwrap_or(payload);
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
                let all = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                assert!(all(whole) && all(fraction), "{name}: {topic}: {payload:?}");
                assert!(whole == "0" || !whole.starts_with('0'), "{name}: {topic}: {payload:?}");
                numbers += 1;
            }
            if payload.starts_with('[') {
                let list: Value =
                    serde_json::from_str(payload).unwrap_or_else(|e| panic!("{name}: {topic}: {e}"));
                assert!(
                    list.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
                    "{name}: {topic}"
                );
            } else if !topic.contains('/') && topic != "json" && !payload.is_empty() {
                // The whole reading has what the topics have.
                assert!(json.as_ref().is_some_and(|json| json.get(topic).is_some()), "{name}: {topic}");
            }
        }
        for (topic, payload) in said(std::slice::from_ref(reading), PayloadFormat::Json) {
            let value: Result<Value, _> = serde_json::from_str(&payload);
            assert!(payload.is_empty() || value.is_ok(), "{name}: {topic}: {payload}");
        }
    }
    assert!(numbers > 1_000, "{numbers}");
}
