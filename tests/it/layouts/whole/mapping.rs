//! Topics and keys of DSMR-reader under other names, or left out.

use dsmrd::publish::Mapping;
use dsmrd::publish::layout::{LayoutError, mappable_fields};

use super::*;

/// The layout with fields under other names.
fn mapped(prefix: &str, mapping: &[(&str, Option<&str>)]) -> Result<Layout, LayoutError> {
    Layout::new(&LayoutSettings::DsmrReader {
        meter: "home".into(),
        timezone: "Europe/Amsterdam".into(),
        prefix: prefix.into(),
        mapping: mapping
            .iter()
            .map(|(field, name)| Mapping { field: (*field).to_owned(), name: name.map(str::to_owned) })
            .collect(),
    })
}

#[test]
fn topics_and_keys_may_have_other_names_or_none() {
    let mapping = [
        ("reading/electricity_currently_delivered", Some("house/power")),
        ("reading/id", None),
        ("json#id", None),
        ("json#timestamp", Some("the \"time\"")),
        ("raw", None),
        ("day-consumption", Some("house/today")),
        ("day-consumption#gas", Some("m3")),
        ("day-consumption/gas", None),
        ("day-consumption/day", Some("house/date")),
        ("day-consumption#electricity2_start", Some("start")),
        ("current-period", None),
    ];
    let mut layout = mapped("smart/meter/", &mapping).expect("a layout");
    let said = said(&mut layout, &reading(THREE_PHASES), Some(&totals(NOW)));
    assert_eq!(said["house/power"], "0.000");
    assert_eq!(said["house/date"], "2026-11-21");
    assert_eq!(said["smart/meter/day-consumption/gas_cost"], "0.10");
    assert!(said["smart/meter/json"].starts_with("{\"the \\\"time\\\"\": \"2026-11-21T10:45:30Z\", "));
    let today: serde_json::Value = serde_json::from_str(&said["house/today"]).expect("JSON");
    assert_eq!(today["m3"], "0.100");
    assert_eq!(today["start"], "1998.100");
    for gone in ["raw", "reading/id", "day-consumption", "day-consumption/gas", "current-period"] {
        assert!(!said.contains_key(&format!("smart/meter/{gone}")), "{gone}");
    }
    let ours = |topic: &String| topic.starts_with("smart/meter/") || topic.starts_with("house/");
    assert!(said.keys().all(ours));
}

#[test]
fn every_field_can_be_renamed_and_left_out() {
    let reading = reading(THREE_PHASES);
    let default = said(&mut dsmr_reader(), &reading, Some(&first_totals(NOW)));
    let keys = |json: &str| -> Vec<String> {
        let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
        json.as_object().expect("an object").keys().cloned().collect()
    };
    let fields = mappable_fields();
    assert!(fields.iter().any(|field| !field.default));
    for field in fields {
        let name = field.name.as_str();
        let renamed = said(
            &mut mapped("dsmr", &[(name, Some("another"))]).expect("a layout"),
            &reading,
            Some(&first_totals(NOW)),
        );
        let gone =
            said(&mut mapped("dsmr", &[(name, None)]).expect("a layout"), &reading, Some(&first_totals(NOW)));
        if let Some((json, key)) = name.split_once('#') {
            let topic = format!("dsmr/{json}");
            assert!(keys(&renamed[&topic]).contains(&"another".to_owned()), "{name}");
            assert!(!keys(&gone[&topic]).contains(&key.to_owned()), "{name}");
            assert_eq!(keys(&default[&topic]).contains(&key.to_owned()), field.default, "{name}");
            assert_eq!(gone.len(), default.len(), "{name}");
        } else {
            let topic = format!("dsmr/{name}");
            assert!(renamed.contains_key("another") && !renamed.contains_key(&topic), "{name}");
            assert!(!gone.contains_key(&topic), "{name}");
            assert_eq!(default.contains_key(&topic), field.default, "{name}");
        }
    }
}

#[test]
fn mappings_that_cannot_be_followed_are_refused() {
    for (mapping, problem) in [
        (&[("reading/voltage", Some("a"))][..], "\"reading/voltage\": there is no such field"),
        (&[("json#gas", None)], "\"json#gas\": there is no such field"),
        (&[("json#id", None), ("json#id", Some("n"))], "\"json#id\": it is mapped twice"),
        (&[("raw", Some("a/#"))], "\"raw\": the topic has the wildcard '#'"),
        (&[("raw", Some("a/"))], "\"raw\": the topic ends with a slash"),
        (&[("raw", Some("dsmr/json"))], "\"json\": its topic is that of another field"),
        (&[("json#timestamp", Some("id"))], "\"json#id\": its key is that of another field"),
    ] {
        let error = mapped("dsmr", mapping).expect_err("a mapping that is none").to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert!(matches!(mapped("a/+", &[]), Err(LayoutError::Prefix(_))));
}
