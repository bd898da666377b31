//! Telegrams through the real `dsmrd decode`: the project's own fixtures always, the public corpus where it is.

/// Encrypted telegrams, and what is no P1.
mod encrypted;

/// What telegrams come to: countries, typed objects, times by continuity.
mod typed;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use dsmrd::p1::Decimal;
use dsmrd::p1::value::{self, Value as Read};
use serde_json::Value;

use crate::support::{corpus, files, fixtures, json};

fn decode(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["decode", "--format", "json"])
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value::parse(value.as_str()?.as_bytes()) {
        Read::Number(measure) if measure.unit.is_empty() => Some(measure.number),
        _ => None,
    }
}

/// Collects where `found` lacks or contradicts what is `wanted`. Keys that nobody asked for are no difference.
fn compare(wanted: &Value, found: &Value, path: &str, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, wanted) in wanted {
                let found = found.get(key).unwrap_or(&Value::Null);
                compare(wanted, found, &format!("{path}.{key}"), differences);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (place, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(wanted, found, &format!("{path}[{place}]"), differences);
            }
        }
        _ if path.ends_with(".value") && decimal(wanted).is_some() => {
            let same = decimal(wanted)
                .zip(decimal(found))
                .is_some_and(|(wanted, found)| wanted.cmp_value(found).is_eq());
            if !same {
                differences.push(format!("{path}: wanted {wanted}, found {found}"));
            }
        }
        _ if wanted != found => differences.push(format!("{path}: wanted {wanted}, found {found}")),
        _ => {}
    }
}

#[test]
fn the_fixtures_say_what_stands_beside_them() {
    #[expect(clippy::disallowed_methods, reason = "how golden files are renewed")]
    let renew = std::env::var_os("DSMRD_RENEW_FIXTURES").is_some();
    let files = files(&fixtures(), "txt");
    assert!(files.len() >= 20, "the fixtures are there");
    for file in files {
        let output = decode(&[], &file);
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
        let mut found = lines(&output);
        assert_eq!(found.len(), 1, "{}", file.display());
        let mut found = found.remove(0);
        found.as_object_mut().expect("an object").shift_remove("file");
        let beside = file.with_extension("json");
        if renew {
            let text = serde_json::to_string_pretty(&found).expect("JSON") + "\n";
            std::fs::write(&beside, text).expect("the fixture's folder is writable");
        }
        // Both ways: nothing is missing and nothing is new.
        let mut differences = Vec::new();
        let wanted = json(&beside);
        compare(&wanted, &found, "", &mut differences);
        compare(&found, &wanted, "", &mut differences);
        assert!(differences.is_empty(), "{}: {differences:#?}", file.display());
    }
}

/// What a fixture says, by name and path to the value.
#[track_caller]
fn says(name: &str, pointer: &str, wanted: &str) {
    let found = lines(&decode(&[], &fixtures().join(format!("{name}.txt"))));
    assert_eq!(found[0].pointer(pointer), Some(&Value::from(wanted)), "{name} {pointer}");
}

// The files beside the fixtures were written by the program under test, so the points that people get wrong
// are held here by hand.

#[test]
fn units_are_scaled_exactly() {
    says("at-sagemcom-decrypted", "/values/energy_import_total/value", "6545.766");
    says("lt-eso-kilounits", "/values/frequency/value", "49");
    says("lt-eso-kilounits", "/values/voltage_l2/value", "231");
    says("lt-eso-kilounits", "/values/current_l3/value", "3");
    says("lt-eso-kilounits", "/values/current_avg_l1/value", "4");
    says("nl-5.0-metcom-current-transformers", "/values/current_l2/value", "1.204");
    says("nl-heat-warmtelink", "/mbus/1/readings/0/reading/value", "2.7505");
}

#[test]
fn times_are_those_of_the_meters_country() {
    says("nl-5.0-iskra-3phase-gas", "/timestamp/utc", "2026-11-07T16:42:13Z");
    says("lt-eso-kilounits", "/timestamp/utc", "2024-02-14T08:18:55Z");
    says("il-kaifa-time-of-use", "/timestamp/utc", "2026-04-11T20:34:42Z");
    let wallonia = lines(&decode(&[], &fixtures().join("be-wallonia-iskra-no-flag.txt")));
    assert_eq!(wallonia[0]["timestamp"]["dst"], Value::Null);
    assert_eq!(wallonia[0]["timestamp"].get("utc"), None);
    let finland = lines(&decode(
        &["--timezone", "Europe/Helsinki"],
        &fixtures().join("se-aidon-end-mark-on-last-line.txt"),
    ));
    assert_eq!(finland[0]["timestamp"]["utc"], "2025-01-17T06:30:00Z");
}

#[test]
fn meanings_that_differ_by_country() {
    says("be-wallonia-iskra-no-flag", "/demand_import_max/value/value", "7.120");
    says("be-wallonia-iskra-no-flag", "/demand_import_max/timestamp/local", "2025-04-02T19:30:00");
    says("be-50217-fluvius-3phase-peaks-gas-water", "/demand_peak_history/entries/3/peak/value", "5.021");
    says("be-50217-fluvius-3phase-peaks-gas-water", "/mbus/0/readings/0/obis", "0-1:24.2.3");
    says("be-brussels-two-limits", "/current_limits/1/value", "-65.0");
    says("lu-smarty-decrypted", "/current_limits/1/value", "-40");
    says("ch-second-channel", "/values/energy_import_t1/value", "417.044");
    says("ch-second-channel", "/values/power_import/value", "0.417");
    says("hu-sagemcom-month-end", "/switches/state", "ON");
    says("il-kaifa-time-of-use", "/tariff/raw", "03");
    says("nl-3.0-iskra-gas-heat", "/mbus/0/readings/0/reading/unit", "m3");
    says("nl-3.0-iskra-gas-heat", "/mbus/1/readings/0/reading/value", "41.77");
    says("nl-5.0-crooked-lines", "/values/energy_import_t1/value", "1.000");
    says("nl-5.0-crooked-lines", "/values/power_import/value", "0.193");
    says("nl-5.0-crooked-lines", "/unreadable/0/0", "1-0:32.7.0");
}

/// Bytes of the telegrams delivered from a stream, by offset, and lines on standard error.
fn stream(name: &str, arguments: &[&str]) -> (Vec<(u64, String)>, Vec<String>, Option<i32>) {
    let output = decode(arguments, &fixtures().join(format!("streams/{name}.txt")));
    let delivered = lines(&output)
        .iter()
        .map(|line| {
            (
                line["framing"]["offset"].as_u64().expect("an offset"),
                line["framing"]["crc"].as_str().expect("a word").to_owned(),
            )
        })
        .collect();
    let errors = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    (delivered, errors, output.status.code())
}

#[test]
fn streams_with_noise_cuts_and_restarts() {
    let (delivered, errors, code) = stream("noise-around", &[]);
    assert_eq!(delivered.len(), 2);
    assert!(delivered.iter().all(|(_, crc)| crc == "verified"), "{delivered:?}");
    assert_eq!((errors, code), (vec![], Some(0)));

    let (delivered, errors, code) = stream("cut-then-restarted", &[]);
    let crc: Vec<&str> = delivered.iter().map(|(_, crc)| crc.as_str()).collect();
    assert_eq!(crc, ["verified", "absent"]);
    assert!(errors.len() == 2 && errors[0].contains("at byte 0 rejected: cut short"), "{errors:?}");
    assert_eq!(code, Some(1));

    let (delivered, errors, code) = stream("bytes-lost", &[]);
    assert_eq!(delivered.len(), 2);
    assert!(errors.len() == 1 && errors[0].contains("at byte 942 rejected: CRC is "), "{errors:?}");
    assert_eq!(code, Some(1));

    let (delivered, _, _) = stream("old-and-new", &[]);
    let crc: Vec<&str> = delivered.iter().map(|(_, crc)| crc.as_str()).collect();
    assert_eq!(crc, ["absent", "verified", "absent"]);
    let (delivered, errors, _) = stream("old-and-new", &["--require-crc"]);
    assert_eq!((delivered.len(), errors.len()), (1, 2));

    assert_eq!(stream("end-mark-never-sent", &[]).0.len(), 2);
    assert_eq!(stream("line-feeds-alone", &[]).0.len(), 0);
    assert_eq!(stream("line-feeds-alone", &["--restore-crlf"]).0.len(), 2);
    assert_eq!(stream("seven-bits-as-eight", &[]).2, Some(1));
    assert_eq!(stream("seven-bits-as-eight", &["--mask-bit7"]).0.len(), 1);
    assert_eq!(stream("text-behind-the-crc", &[]).0.len(), 2);
}

#[test]
fn a_wrong_crc_is_shown_only_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("damaged.txt");
    let good = std::fs::read(fixtures().join("nl-5.0-iskra-3phase-gas.txt")).expect("the fixture");
    std::fs::write(&file, String::from_utf8(good).expect("ASCII").replace("02.418", "12.418"))
        .expect("written");
    let output = decode(&[], &file);
    assert!(output.stdout.is_empty());
    assert_eq!(output.status.code(), Some(1));
    let output = decode(&["--ignore-crc"], &file);
    assert_eq!(lines(&output)[0]["framing"]["crc"], "failed");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_table_is_for_people() {
    let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["decode"])
        .arg(fixtures().join("nl-5.0-replaced-gas-meter.txt"))
        .arg(fixtures().join("nl-5.0-crooked-lines.txt"))
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for part in [
        "Power imported ",
        "0.341 kW",
        "Gas meter, M-Bus channel 2",
        "418.702 m3",
        "no reading",
        "Warning",
        "not understood: 0-0:96.13.0((ER11))",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let nothing = decode(&[], &fixtures().join("nl-5.0-replaced-gas-meter.json"));
    assert_eq!(nothing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no telegram found"));
}

#[test]
fn the_corpus_comes_out_right() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    let files = files(&corpus.join("telegram"), "json");
    for file in &files {
        let wanted = json(file);
        let mut arguments = Vec::new();
        let verdict = match wanted["framing"]["crc_ok"].as_bool() {
            Some(true) => "verified",
            Some(false) => {
                arguments.push("--ignore-crc");
                "failed"
            }
            None => "absent",
        };
        // Without an end mark a telegram is delivered only when it is of a kind without a CRC; with a version
        // or a clock it was cut.
        let of_a_kind_with_crc = ["p1_version", "p1_version_be", "timestamp"];
        if wanted["framing"]["end_mark"] == false
            && of_a_kind_with_crc.iter().any(|name| wanted["expect"].get(name).is_some())
        {
            let strict = decode(&arguments, &file.with_extension("txt"));
            assert!(lines(&strict).is_empty(), "{}: delivered, though it was cut", file.display());
            arguments.push("--ignore-crc");
        }
        // Nothing in a Finnish telegram tells it from a Swedish one.
        if wanted["country"] == "FI" {
            arguments.extend(["--timezone", "Europe/Helsinki"]);
        }
        let telegram = file.with_extension("txt");
        let output = decode(&arguments, &telegram);
        let found = lines(&output);
        let mut differences = Vec::new();
        if let [found] = &found[..] {
            let mut framing = wanted["framing"].clone();
            let parts = framing.as_object_mut().expect("an object");
            parts.remove("crc_ok");
            parts.insert("crc".to_owned(), verdict.into());
            parts.insert("offset".to_owned(), 0.into());
            // There the file's length, which counts blank lines behind the telegram.
            let bytes = std::fs::read(&telegram).expect("the telegram");
            if bytes.ends_with(b"\r\n\r\n") {
                parts.insert("bytes".to_owned(), (bytes.len() - 2).into());
            }
            compare(&framing, &found["framing"], "framing", &mut differences);
            compare(&wanted["objects"], &found["objects"], "objects", &mut differences);
            compare(
                &wanted["unrecognised_lines"],
                &found["unrecognised_lines"],
                "unrecognised_lines",
                &mut differences,
            );
            compare(&wanted["expect"], found, "", &mut differences);
        } else {
            differences.push(format!(
                "{} telegrams: {}",
                found.len(),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        if !differences.is_empty() {
            wrong.push(format!("{}: {differences:#?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn damaged_telegrams_and_streams_of_the_corpus() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    for folder in ["bad", "stream"] {
        for file in files(&corpus.join(folder), "json") {
            let wanted = json(&file);
            let strict = wanted["strict_crc"].as_bool().unwrap_or(true);
            let arguments: &[&str] = if strict { &["--require-crc"] } else { &[] };
            let found = lines(&decode(arguments, &file.with_extension("txt"))).len() as u64;
            let least = wanted["expect"]["delivered_count"].as_u64().expect("a count");
            let most = wanted["expect"]["best_possible_count"].as_u64().expect("a count");
            if found < least || found > most {
                wrong.push(format!("{}: {found} delivered, not {least} to {most}", file.display()));
            }
            // Read with the CRC left aside, what can be read must be right.
            if let (Some(lenient), true) =
                (wanted.get("lenient_parse").filter(|lenient| lenient.is_object()), folder == "bad")
            {
                let output = decode(&["--ignore-crc"], &file.with_extension("txt"));
                let mut differences = Vec::new();
                match lines(&output).first() {
                    Some(found) => {
                        compare(
                            &lenient["unrecognised_lines"],
                            &found["unrecognised_lines"],
                            "unrecognised_lines",
                            &mut differences,
                        );
                        compare(&lenient["expect"], found, "", &mut differences);
                    }
                    None => differences.push("nothing".to_owned()),
                }
                if !differences.is_empty() {
                    wrong.push(format!("{}: {differences:#?}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
