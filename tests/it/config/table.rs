//! One table of keys: sample, manual, help, environment and settings say the same.

use std::collections::BTreeSet;
use std::path::Path;

use dsmrd::config::keys::{KEYS, Key, Kind, Table, Unset, find};
use dsmrd::config::sample;

use super::{LEAST, load, try_load};

/// A file in which every table has what it must, and a key the value given.
fn file_with(key: &Key, value: &str) -> String {
    let mut text = String::new();
    for table in Table::ALL {
        text.push_str(&format!("{}\n", table.header()));
        for (name, value) in needed(table, key) {
            if !(table == key.table && name == key.name) {
                text.push_str(&format!("{name} = {value}\n"));
            }
        }
        if table == key.table && !value.is_empty() {
            text.push_str(&format!("{} = {value}\n", key.name));
        }
    }
    // A second meter, so that another can be chosen.
    text + "[[meter]]\nname = \"other\"\nsource = \"/dev/other\"\n"
}

/// What a table must have, and what a key needs beside it to mean anything.
fn needed(table: Table, key: &Key) -> Vec<(&'static str, &'static str)> {
    match (table, key.name) {
        (Table::Meter, "auth_key" | "auth_key_file" | "allow_unverified_tag")
            if key.table == Table::Meter =>
        {
            vec![("name", "\"first\""), ("source", "\"/dev/first\""), ("key_file", "\"meter.key\"")]
        }
        (Table::Share, "encrypted") if key.table == Table::Share => vec![("listen", "\"127.0.0.1:2324\"")],
        (Table::Meter, _) => vec![("name", "\"first\""), ("source", "\"/dev/first\"")],
        (Table::Mqtt, "password" | "password_file") => vec![("name", "\"x\""), ("username", "\"me\"")],
        (Table::Mqtt, "ca_file") => vec![("name", "\"x\""), ("tls", "true")],
        (Table::Mqtt, "cert_file" | "key_file") => vec![
            ("name", "\"x\""),
            ("tls", "true"),
            ("cert_file", "\"client.pem\""),
            ("key_file", "\"client.key\""),
        ],
        (Table::Mqtt, "hostname") => vec![("name", "\"x\""), ("status_topic", "\"{hostname}\"")],
        (Table::Mqtt, "prices_kind" | "prices_unit") => {
            vec![("name", "\"x\""), ("prices_topic", "\"prices\"")]
        }
        (Table::Store, "minute_days") => vec![("raw_days", "30")],
        (Table::Contract, name) if name.starts_with("dynamic_") => vec![
            ("name", "\"supplier\""),
            ("start", "\"2026-01-01\""),
            ("dynamic", "[\"import\", \"export\", \"gas\"]"),
            ("dynamic_vat", "\"9%\""),
        ],
        (Table::Contract, _) => vec![("name", "\"supplier\""), ("start", "\"2025-01-01\"")],
        (Table::Mqtt, _) => vec![
            ("name", "\"x\""),
            ("status_topic", "\"{prefix}/{hostname}\""),
            ("layouts", "[\"dsmrd\", \"dsmr-reader\"]"),
        ],
        _ => Vec::new(),
    }
}

/// A value that is not the default, and differs from what [`needed`] has.
fn another(key: &Key) -> &'static str {
    match (key.table, key.name) {
        (Table::Mqtt, "layouts") => "[\"dsmr-reader\"]",
        (Table::Mqtt, "dsmr_reader_meter") => "\"other\"",
        (Table::Mqtt, "cert_file") => "\"ca.pem\"",
        (Table::Mqtt, "key_file") => "\"/etc/dsmrd/../dsmrd/client.key\"",
        (Table::Process, "hostname") => "\"barn\"",
        (Table::Contract, "meter") => "\"other\"",
        _ => key.example,
    }
}

#[test]
fn every_key_changes_the_settings() {
    for key in KEYS {
        let mut files = super::example_files();
        files.files.insert("/etc/dsmrd/../dsmrd/client.key".into(), b"-----BEGIN PRIVATE KEY-----".to_vec());
        let at = |value| {
            super::on(&file_with(key, value), &[], &files).unwrap_or_else(|e| panic!("{}: {e}", key.name))
        };
        let before = match key.unset {
            Unset::Required if key.name == "start" => at("\"2025-01-01\""),
            Unset::Required => at("\"plain\""),
            Unset::Value(default) => at(default),
            _ if key.table == Table::Mqtt && matches!(key.name, "cert_file" | "key_file") => {
                at(needed(key.table, key).iter().find(|(name, _)| *name == key.name).expect("it is needed").1)
            }
            _ => at(""),
        };
        let after = at(another(key));
        assert_ne!(before.settings, after.settings, "{} does nothing", key.path(None));
        let row = after.resolved.iter().find(|row| row.key == key).expect("it is resolved");
        assert_ne!(row.origin, dsmrd::config::Origin::Default, "{}", key.path(None));
    }
}

#[test]
fn every_key_has_a_variable_that_does_the_same() {
    for key in KEYS {
        let typed = another(key);
        let plain = typed.trim_matches(['[', ']']).replace('"', "");
        let mut files = super::example_files();
        files.files.insert("/etc/dsmrd/../dsmrd/client.key".into(), b"-----BEGIN PRIVATE KEY-----".to_vec());
        let variable = key.variable(key.table.repeated().then_some(0));
        let start = match key.unset {
            Unset::Required => "\"plain\"",
            _ => "",
        };
        let by_file = super::on(&file_with(key, typed), &[], &files).expect("it loads");
        let by_variable = super::on(&file_with(key, start), &[(&variable, &plain)], &files);
        let by_variable = by_variable.unwrap_or_else(|error| panic!("{variable}: {error}"));
        assert_eq!(by_file.settings, by_variable.settings, "{variable}");
    }
}

#[test]
fn no_value_makes_a_message_without_end() {
    let long = "x".repeat(100_000);
    for key in KEYS {
        for value in [format!("\"{long}\""), format!("\"{long}:/#/{long}\""), format!("[\"{long}\"]")] {
            let Err(error) = try_load(&file_with(key, &value), &[]) else { continue };
            let longest = error.problems.iter().map(String::len).max().unwrap_or_default();
            // A path is told in full, since only so can it be found.
            assert!(longest < 1000 || matches!(key.kind, Kind::Path | Kind::Source), "{}", key.path(None));
        }
    }
    let unknown = try_load(&format!("{LEAST}{long} = 1\n"), &[]).expect_err("it loads");
    assert!(unknown.to_string().len() < 1000);
}

#[test]
fn the_settings_have_no_other_keys() {
    let text = format!("{LEAST}[[mqtt]]\nname = \"b\"\n[[contract]]\nname = \"c\"\nstart = 2026-01-01\n");
    let rows: BTreeSet<String> = load(&text).resolved.iter().map(|row| row.key.path(None)).collect();
    let keys: BTreeSet<String> = KEYS.iter().map(|key| key.path(None)).collect();
    assert_eq!(rows, keys, "each key is resolved once, whether set or not");
    assert_eq!(load(&text).resolved.len(), KEYS.len());
    assert_eq!(keys.len(), KEYS.len(), "no key stands in the table twice");
}

#[test]
fn defaults_and_examples_are_right_and_differ() {
    for key in KEYS {
        if let Unset::Value(default) = key.unset {
            assert_ne!(default, key.example, "{}", key.path(None));
        }
        assert!(key.doc.ends_with('.'), "{} is explained in sentences", key.path(None));
        assert!(find(key.table, key.name).is_some());
    }
}

#[test]
fn the_sample_is_the_defaults() {
    let sample = sample::sample();
    let settings = load(&sample).settings;
    let meter = "[[meter]]\nname = \"home\"\nsource = \"/dev/serial/by-id/usb-FTDI_P1-if00-port0\"\n";
    assert_eq!(settings, load(meter).settings);

    // With every default that the sample shows switched on, nothing changes.
    let mut table = Table::Meter;
    let all: Vec<String> = sample
        .lines()
        .map(|line| {
            let bare = line.strip_prefix('#').filter(|bare| !bare.is_empty() && !bare.starts_with(' '));
            let text = bare.unwrap_or(line);
            if let Some(entered) = Table::ALL.into_iter().find(|table| table.header() == text) {
                table = entered;
            }
            let name = text.split(" = ").next().unwrap_or_default();
            let counts =
                find(table, name).is_none_or(|key| matches!(key.unset, Unset::Value(_) | Unset::Required));
            if counts { text.to_owned() } else { line.to_owned() }
        })
        .collect();
    let all = all.join("\n");
    let rest =
        "[[mqtt]]\nname = \"local\"\n[[contract]]\nname = \"Stroom en gas 2026\"\nstart = \"2026-01-01\"\n";
    assert_eq!(load(&all).settings, load(&format!("{meter}{rest}")).settings);
    let switched_on =
        load(&all).resolved.iter().filter(|row| row.origin != dsmrd::config::Origin::Default).count();
    let expected = KEYS.iter().filter(|key| matches!(key.unset, Unset::Value(_) | Unset::Required)).count();
    assert_eq!(switched_on, expected, "the sample shows each key once");
}

#[test]
fn sample_manual_and_help_name_every_key() {
    let (sample, manual, help) = (sample::sample(), sample::manual(), sample::help());
    for key in KEYS {
        let path = key.path(None);
        assert!(sample.contains(&format!("{} = ", key.name)), "sample: {path}");
        let bold = format!("\\fB{}\\fR\n", key.name);
        assert!(manual.contains(&bold), "manual: {path}");
        assert!(manual.contains(&key.variable(key.table.repeated().then_some(0))), "manual: {path}");
        assert!(help.contains(&format!("\n    {} ", key.name)), "help: {path}");
    }
    assert!(manual.lines().all(|line| !line.starts_with('\'')), "no line is taken for a request");
}

/// `DSMRD_UPDATE=1` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests is no setting")]
fn the_sample_in_the_repository_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("provisioning/dsmrd.toml");
    if std::env::var_os("DSMRD_UPDATE").is_some() {
        std::fs::write(&path, sample::sample()).expect("it can be written");
    }
    let there = std::fs::read_to_string(&path).expect("it is there");
    assert_eq!(there, sample::sample(), "run this test with DSMRD_UPDATE=1, and look at what changed");
}

#[test]
fn a_list_in_the_environment_is_separated_by_commas() {
    let env = [("DSMRD_MQTT_0_NAME", "b"), ("DSMRD_MQTT_0_LAYOUTS", "dsmr-reader,dsmrd")];
    assert_eq!(try_load(LEAST, &env).expect("it loads").settings.mqtt[0].layouts.len(), 2);
}
