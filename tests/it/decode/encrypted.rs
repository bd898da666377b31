//! Encrypted telegrams through the real program.

use std::path::Path;

use dsmrd::p1::cipher::{Envelope, Key, Keys, seal, seal_without_auth_key};
use serde_json::Value;

use super::{compare, decode, lines};
use crate::support::{corpus, files, fixtures, json};

const KEY: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
const AUTH_KEY: &str = "F0E1D2C3B4A5968778695A4B3C2D1E0F";

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

fn telegram() -> Vec<u8> {
    std::fs::read(fixtures().join("at-sagemcom-decrypted.txt")).expect("the fixture")
}

/// The fixture in frames with these counters.
fn frames(counters: &[u32], auth_key: &str) -> Vec<u8> {
    let keys = Keys { auth_key: key(auth_key), ..Keys::new(key(KEY)) };
    counters
        .iter()
        .flat_map(|&counter| seal(&telegram(), &Envelope::new(*b"SAG5\0\0\x04\x17", counter), &keys))
        .collect()
}

/// What the program makes of bytes: its lines of JSON, standard error, the exit code.
fn of_bytes(bytes: &[u8], arguments: &[&str]) -> (Vec<Value>, String, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("input.bin");
    std::fs::write(&file, bytes).expect("written");
    let output = decode(arguments, &file);
    (lines(&output), String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn an_encrypted_telegram_says_what_the_plain_one_says() {
    let arguments = ["--key", KEY, "--auth-key", AUTH_KEY];
    let (found, errors, code) = of_bytes(&frames(&[7, 8], AUTH_KEY), &arguments);
    assert_eq!((found.len(), errors.as_str(), code), (2, "", Some(0)));
    let wanted = json(&fixtures().join("at-sagemcom-decrypted.json"));
    let mut differences = Vec::new();
    compare(&wanted, &found[0], "", &mut differences);
    assert!(differences.is_empty(), "{differences:#?}");
    let bytes = telegram().len() as u64;
    for (place, counter) in [(0, "first"), (1, "rose")] {
        let cipher = &found[place]["cipher"];
        for (key, wanted) in [
            ("verdict", Value::from("ok")),
            ("tag", "verified".into()),
            ("system_title_hex", "5341473500000417".into()),
            ("security_control", "30".into()),
            ("frame_counter", (7 + place).into()),
            ("counter", counter.into()),
            ("length_field", (bytes + 17).into()),
            ("frame_bytes", (bytes + 30).into()),
            ("ciphertext_bytes", bytes.into()),
            ("offset", (place as u64 * (bytes + 30)).into()),
        ] {
            assert_eq!(cipher[key], wanted, "{key}");
        }
        assert_eq!(cipher["tag_hex"].as_str().map(str::len), Some(24));
        assert_eq!(found[place]["framing"]["crc"], "verified");
    }
}

#[test]
fn keys_that_are_wrong_or_missing_are_told_apart() {
    let good = frames(&[7], AUTH_KEY);
    let mut damaged = good.clone();
    damaged[200] ^= 0x10;
    let other = "1".repeat(32);
    for (bytes, arguments, reason, words) in [
        (&good, &[][..], "no-key", "no key is given"),
        (&good, &["--key", &other], "wrong-key", "another key"),
        (&good, &["--key", KEY], "wrong-auth-key", "authentication"),
        (&damaged, &["--key", KEY, "--auth-key", AUTH_KEY], "damaged", "damaged"),
    ] {
        let (found, errors, code) = of_bytes(bytes, &[arguments, &["--rejected"]].concat());
        assert_eq!((found.len(), code), (1, Some(1)), "{errors}");
        assert_eq!(found[0]["rejected"]["reason"], reason);
        assert_eq!(found[0]["cipher"]["verdict"], reason);
        assert_eq!(found[0]["cipher"]["frame_counter"], 7);
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(words) && errors.contains("system title 5341473500000417"), "{errors}");
        let (found, _, _) = of_bytes(bytes, arguments);
        assert!(found.is_empty(), "without --rejected nothing is shown of it");
    }
    let keys = Keys::new(key(KEY));
    let bare = seal_without_auth_key(&telegram(), &Envelope::new(*b"LUX5\0\0\x04\x17", 7), &keys);
    let (found, errors, code) = of_bytes(&bare, &["--key", KEY]);
    assert_eq!((found.len(), errors.as_str(), code), (1, "", Some(0)));
    assert_eq!(found[0]["framing"]["crc"], "verified");
    assert_eq!(found[0]["cipher"]["verdict"], "ok");
    assert_eq!(found[0]["cipher"]["tag"], "verified-without-auth-key");
    let (found, errors, code) = of_bytes(&good, &["--key", KEY, "--allow-unverified-tag"]);
    assert_eq!((found.len(), errors.as_str(), code), (1, "", Some(0)));
    assert_eq!(found[0]["framing"]["crc"], "unauthenticated");
    assert_eq!(found[0]["cipher"]["tag"], "wrong");
    assert_eq!(found[0]["cipher"]["verdict"], "unauthenticated");
}

#[test]
fn a_replayed_telegram_is_flagged() {
    let arguments = ["--key", KEY, "--auth-key", AUTH_KEY];
    let (found, _, code) = of_bytes(&frames(&[7, 7, 9, 8], AUTH_KEY), &arguments);
    let steps: Vec<&str> = found.iter().filter_map(|line| line["cipher"]["counter"].as_str()).collect();
    assert_eq!((steps, code), (vec!["first", "repeated", "rose", "fell"], Some(0)));
}

#[test]
fn the_table_tells_how_it_was_encrypted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("input.bin");
    std::fs::write(&file, frames(&[7, 7], AUTH_KEY)).expect("written");
    let table = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args([&["decode", "--country", "at"], arguments].concat())
            .arg(&file)
            .output()
            .expect("it runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let text = table(&["--key", KEY, "--auth-key", AUTH_KEY]);
    for part in [
        "AES-128-GCM with a tag",
        "5341473500000417 (SAG5....)",
        "Frame counter",
        "verified",
        "Austria, as you said",
        "6545.766 kWh",
        "the frame counter is 7 again: this telegram was sent before",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let text = table(&["--key", KEY, "--allow-unverified-tag"]);
    assert!(text.contains("WRONG") && text.contains("nothing proves that the meter sent this"), "{text}");
    let text = table(&["--key", KEY, "--rejected"]);
    assert!(text.contains("Rejected telegram") && text.contains("Reason"), "{text}");
}

/// The keys of a file of the corpus, as arguments.
fn keys_of(wanted: &Value) -> Vec<&str> {
    [("key_hex", "--key"), ("authentication_key_hex", "--auth-key")]
        .into_iter()
        .filter_map(|(name, option)| Some([option, wanted[name].as_str()?]))
        .flatten()
        .collect()
}

/// What stands in the clear around each frame.
fn headers(wanted: &Value, found: &[Value], differences: &mut Vec<String>) {
    let frames = wanted["expect"]["frames"].as_array().expect("frames");
    let ciphers: Vec<&Value> =
        found.iter().map(|line| &line["cipher"]).filter(|cipher| cipher.is_object()).collect();
    if wanted["expect"]["verdict"] == "encryption_only" || wanted["expect"]["verdict"] == "incomplete" {
        // Their frames are not listed.
        return;
    }
    if ciphers.len() != frames.len() {
        differences.push(format!("{} frames, wanted {}", ciphers.len(), frames.len()));
    }
    for (frame, cipher) in frames.iter().zip(ciphers) {
        for (name, ours) in [("length", "frame_bytes")].into_iter().chain(
            ["offset", "system_title_hex", "length_field", "frame_counter", "ciphertext_bytes", "tag_hex"]
                .map(|name| (name, name)),
        ) {
            if frame[name] != cipher[ours] {
                differences.push(format!("{name}: wanted {}, found {}", frame[name], cipher[ours]));
            }
        }
        if frame["security_control"] != cipher["security_control"] {
            differences.push(format!("security control {}", cipher["security_control"]));
        }
    }
}

/// The meaning of the plaintext: what the program says of it when it comes in the clear.
fn plaintexts(wanted: &Value, file: &Path, arguments: &[&str], differences: &mut Vec<String>) {
    let found = lines(&decode(&[arguments, &["--ignore-crc"]].concat(), file));
    let frames = wanted["expect"]["frames"].as_array().expect("frames");
    for (frame, found) in frames.iter().zip(&found) {
        let Some(text) = frame["plaintext_latin1"].as_str() else { continue };
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        let (mut plain, _, _) = of_bytes(&bytes, &["--ignore-crc"]);
        let Some(mut plain) = plain.pop() else {
            differences.push("the plaintext is no telegram".to_owned());
            continue;
        };
        let object = plain.as_object_mut().expect("an object");
        object.shift_remove("file");
        object["framing"].as_object_mut().expect("an object").shift_remove("offset");
        compare(&plain, found, "plaintext", differences);
        if frame["plaintext_bytes"].as_u64() != Some(bytes.len() as u64) {
            differences.push("the corpus contradicts itself".to_owned());
        }
    }
    if found.len() < frames.len() {
        differences.push(format!("{} of {} plaintexts", found.len(), frames.len()));
    }
}

#[test]
fn the_encrypted_part_of_the_corpus_gets_its_verdicts() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus.join("encrypted"), "json");
    let mut wrong = Vec::new();
    for path in &files {
        let wanted = json(path);
        let file = path.with_extension("bin");
        let keys = keys_of(&wanted);
        let output = decode(&[&keys[..], &["--rejected"]].concat(), &file);
        let found = lines(&output);
        let delivered = found.iter().filter(|line| line.get("rejected").is_none()).count();
        let mut differences = Vec::new();
        headers(&wanted, &found, &mut differences);
        let tags: Vec<&str> = found.iter().filter_map(|line| line["cipher"]["tag"].as_str()).collect();
        let all = |word: &str| !tags.is_empty() && tags.iter().all(|tag| *tag == word);
        let frames = wanted["expect"]["frames"].as_array().expect("frames");
        // Delivered is what verifies twice: by its tag and by the CRC within.
        let whole = frames.iter().filter(|frame| frame["inner_crc_ok"] == true).count();
        let verdict = wanted["expect"]["verdict"].as_str().expect("a verdict");
        let right = match verdict {
            "ok" => {
                plaintexts(&wanted, &file, &keys, &mut differences);
                let tag = if wanted["aad_hex"].is_null() { "verified-without-auth-key" } else { "verified" };
                all(tag) && delivered == whole
            }
            "tag_invalid" => !tags.contains(&"verified") && delivered == 0,
            "no_frame" | "malformed_length" => tags.is_empty() && delivered == 0,
            "incomplete" => delivered == 0 && !tags.contains(&"verified"),
            "framing_only" => all("unchecked") && delivered == 0,
            "detect_only" => delivered == 0 && !output.stderr.is_empty(),
            "encryption_only" => {
                let allowed = lines(&decode(&[&keys[..], &["--allow-unverified-tag"]].concat(), &file));
                let marked = allowed.iter().all(|line| line["framing"]["crc"] == "unauthenticated");
                all("missing") && delivered == 0 && !allowed.is_empty() && marked
            }
            other => panic!("{}: the verdict {other} is new", path.display()),
        };
        if !right {
            differences.push(format!("wanted {verdict}, found {delivered} delivered, tags {tags:?}"));
        }
        // A telegram with a sequel of its own is one that was sent twice.
        let repeated =
            frames.windows(2).filter(|pair| pair[0]["frame_counter"] == pair[1]["frame_counter"]).count();
        let flagged = found.iter().filter(|line| line["cipher"]["counter"] == "repeated").count();
        if verdict == "ok" && repeated != flagged {
            differences.push(format!("{flagged} flagged as sent again, wanted {repeated}"));
        }
        if !differences.is_empty() {
            wrong.push(format!("{}: {differences:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn other_protocols_of_the_corpus_are_named() {
    let Some(corpus) = corpus() else { return };
    for path in files(&corpus.join("not_p1"), "json") {
        let wanted = json(&path);
        let output = decode(&[], &path.with_extension("txt"));
        let said = String::from_utf8_lossy(&output.stderr);
        let delivered = lines(&output).len() as u64;
        assert_eq!(Some(delivered), wanted["expect"]["delivered_count"].as_u64(), "{}", path.display());
        let detect = wanted["expect"]["detect"].as_str().expect("what it is");
        for word in ["HDLC", "M-Bus", "SML"].into_iter().filter(|word| detect.contains(word)) {
            assert!(said.contains(word), "{}: {word} in {said}", path.display());
        }
        assert!(said.contains("not P1"), "{}: {said}", path.display());
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn other_protocols_are_named_and_telegrams_beside_them_still_read() {
    let user_data: Vec<u8> = [&[0x53, 0xFF, 0x00, 0x01, 0x67][..], &[0x55; 245]].concat();
    let sum = user_data.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    let mbus: Vec<u8> = [&[0x68, 0xFA, 0xFA, 0x68][..], &user_data, &[sum, 0x16]].concat();
    let sml =
        [&[0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1][..], &[0x76; 60], &[0x1B, 0x1B, 0x1B, 0x1B, 0x1A, 0, 1, 2]]
            .concat();
    for (bytes, word) in
        [(mbus.repeat(4), "M-Bus"), (sml.repeat(4), "SML"), (b"/?!\r\n".repeat(4), "62056-21")]
    {
        let (found, errors, code) = of_bytes(&bytes, &[]);
        assert!(found.is_empty());
        assert!(errors.contains(word) && errors.contains("not P1"), "{word} in {errors}");
        assert_eq!((errors.matches("not P1").count(), code), (1, Some(1)), "{errors}");
        assert!(!errors.contains("no telegram found"), "one word is enough: {errors}");
    }
    let plain = telegram();
    let (found, errors, code) = of_bytes(&plain, &[]);
    assert_eq!((found.len(), errors.as_str(), code), (1, "", Some(0)));
}

#[test]
fn the_simulated_meter_encrypts_what_decode_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let simulate = |name: &str, environment: &[(&str, &str)]| {
        let file = folder.path().join(name);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args(["simulate", "--seconds", "3", "--start", "2026-01-31", "--speed", "max", "--output"])
            .arg(&file)
            .envs(environment.iter().copied())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    };
    let plain = lines(&decode(&[], &simulate("plain", &[])));
    let sealed = simulate("sealed", &[("DSMRD_KEY", KEY), ("DSMRD_AUTH_KEY", AUTH_KEY)]);
    assert!(!std::fs::read(&sealed).expect("frames").windows(4).any(|part| part == b"0-0:"));
    let opened = lines(&decode(&["--key", KEY, "--auth-key", AUTH_KEY], &sealed));
    assert_eq!((plain.len(), opened.len()), (3, 3));
    for (place, (plain, opened)) in plain.iter().zip(&opened).enumerate() {
        for part in ["objects", "values", "typed", "timestamp"] {
            assert_eq!(plain[part], opened[part], "{part}");
        }
        assert_eq!(opened["cipher"]["counter"], if place == 0 { "first" } else { "rose" });
    }
}

#[test]
fn a_recording_is_replayed_with_the_meters_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("recording.bin"), frames(&[7, 8, 9], AUTH_KEY)).expect("written");
    std::fs::write(path("key"), KEY).expect("written");
    let replay = |keys: &str| {
        let config = format!(
            "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n{keys}[store]\npath = \"db.sqlite\"\n"
        );
        std::fs::write(path("dsmrd.toml"), config).expect("written");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args(["replay", "--speed", "max", "--config"])
            .args([path("dsmrd.toml"), path("recording.bin")])
            .output()
            .expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (good, said) = replay(&format!("key_file = \"key\"\nauth_key = \"{AUTH_KEY}\"\n"));
    assert!(good && said.contains("3 telegrams, 0 of them rejected: 3 readings stored"), "{said}");
    let (good, said) = replay("");
    assert!(
        !good && said.contains("no telegram could be read: encrypted, and no key is given (byte 0 of "),
        "{said}"
    );
    let (good, said) = replay("key_file = \"key\"\n");
    assert!(!good && said.contains("authentication"), "{said}");
    assert!(!said.contains(KEY) && !said.contains(AUTH_KEY));
}
