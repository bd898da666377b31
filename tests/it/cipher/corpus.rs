use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dsmrd::p1::cipher::CounterStep;
use dsmrd::p1::foreign::{Protocol, Watch};
use serde_json::Value;

use super::*;
use crate::support::{corpus, json};

/// Each description in a folder of the corpus with the bytes it describes.
fn described(folder: &Path) -> Vec<(PathBuf, Value, Vec<u8>)> {
    let descriptions = files(folder, "json").into_iter().map(|path| {
        let wanted = json(&path);
        let bytes = std::fs::read(folder.join(wanted["file"].as_str().expect("a name"))).expect("readable");
        (path, wanted, bytes)
    });
    descriptions.collect()
}

fn key(value: &Value) -> Option<Key> {
    value.as_str().map(|text| text.parse().expect("a key"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the seal differs from what is described.
fn compare_seal(wanted: &Value, seal: &Seal) -> Option<String> {
    let found = [
        ("length", Value::from(seal.frame_bytes)),
        ("system_title_hex", hex(&seal.system_title).into()),
        ("length_field", seal.length_field.into()),
        ("security_control", hex(&[seal.security_control]).into()),
        ("frame_counter", seal.frame_counter.into()),
        ("ciphertext_bytes", seal.ciphertext_bytes.into()),
        ("tag_hex", hex(&seal.tag_bytes).into()),
    ];
    found
        .into_iter()
        .find(|(name, found)| wanted.get(name).is_some_and(|wanted| !wanted.is_null() && wanted != found))
        .map(|(name, found)| format!("{name}: wanted {}, found {found}", wanted[name]))
}

/// Whether this is the telegram in the plaintext described, padding aside. A file says latin-1.
fn is_telegram_of(wanted: &Value, telegram: &[u8]) -> bool {
    let Some(text) = wanted["plaintext_latin1"].as_str() else { return true };
    let text: Vec<u8> = text.chars().map(|character| character as u8).collect();
    let start = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
    text[start..].starts_with(telegram) && text.len() - start - telegram.len() < 32
}

fn check_encrypted(wanted: &Value, bytes: &[u8]) -> Result<(), String> {
    let ensure = |holds: bool, words: &str| if holds { Ok(()) } else { Err(words.to_owned()) };
    let auth_key = key(&wanted["authentication_key_hex"]);
    let keys = key(&wanted["key_hex"]).map(|key| {
        let keys = Keys::new(key);
        Keys { auth_key: auth_key.clone().unwrap_or(keys.auth_key.clone()), ..keys }
    });
    let strict = said(keys.clone(), SETTINGS, [bytes]);
    let ignore = FramerSettings { crc: CrcPolicy::Ignore, ..SETTINGS };
    let allowing = keys.clone().map(|keys| Keys { allow_unverified_tag: true, ..keys });
    let lenient = said(allowing, ignore, [bytes]);
    let none = Vec::new();
    let frames = wanted["expect"]["frames"].as_array().unwrap_or(&none);
    let delivered = strict.iter().filter(|said| matches!(said, Said::Frame { .. })).count();
    let verdict = wanted["expect"]["verdict"].as_str().expect("a verdict");
    // A kind that is recognised by other marks than its header has no seal.
    for frame in frames.iter().filter(|_| verdict != "detect_only") {
        for said in [&strict, &lenient] {
            let offset = frame["offset"].as_u64().expect("an offset");
            let found = said.iter().find(|said| said.offset() == offset).and_then(Said::seal);
            let seal = found.ok_or(format!("nothing sealed at {offset}: {said:?}"))?;
            compare_seal(frame, seal).map_or(Ok(()), Err)?;
        }
    }
    let at = |said: &[Said], frame: &Value| {
        let offset = frame["offset"].as_u64().expect("an offset");
        said.iter().find(|said| said.offset() == offset).expect("found above").clone()
    };
    match verdict {
        "ok" => {
            ensure(!frames.is_empty(), "no frames described")?;
            // Without an authentication key the tag is over the frame alone.
            let tag = if auth_key.is_some() { Tag::Verified } else { Tag::VerifiedWithoutAuthKey };
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            for frame in frames {
                let (strict, lenient) = (at(&strict, frame), at(&lenient, frame));
                ensure(strict.tag() == Some(tag), &format!("tag {:?}, wanted {tag:?}", strict.tag()))?;
                let Said::Frame { bytes: telegram, wire, .. } = &lenient else {
                    return Err(format!("not opened: {lenient:?}"));
                };
                ensure(is_telegram_of(frame, telegram), "another plaintext")?;
                let offset = frame["offset"].as_u64().expect("an offset") as usize;
                ensure(bytes[offset..].starts_with(wire), "other bytes than those of the wire")?;
                let right = frame["inner_crc_ok"] == true;
                match &strict {
                    Said::Frame { proof, seal: Some(seal), .. } => {
                        ensure(right && *proof == Proof::Verified, "delivered without proof")?;
                        let counter = frame["frame_counter"].as_u64().expect("a counter");
                        let before = last.insert(frame["system_title_hex"].to_string(), counter);
                        let step = match before {
                            None => CounterStep::First,
                            Some(before) if before < counter => CounterStep::Rose,
                            Some(before) if before == counter => CounterStep::Repeated,
                            Some(_) => CounterStep::Fell,
                        };
                        ensure(seal.counter == step, "the frame counter's step")?;
                    }
                    Said::Rejected { reason, .. } => {
                        let fits = match reason {
                            RejectReason::Crc { .. } => frame["inner_crc_ok"] == false,
                            RejectReason::Truncated => frame.get("inner_crc").is_none(),
                            _ => false,
                        };
                        ensure(fits, &format!("rejected: {reason}"))?;
                    }
                    other => return Err(format!("{other:?}")),
                }
            }
        }
        "tag_invalid" => {
            ensure(delivered == 0, "delivered")?;
            for frame in frames {
                ensure(at(&strict, frame).tag() == Some(Tag::Wrong), "the tag is not called wrong")?;
                if let Said::Frame { bytes, proof, .. } = at(&lenient, frame) {
                    ensure(proof != Proof::Verified, "verified")?;
                    ensure(is_telegram_of(frame, &bytes), "another plaintext")?;
                }
            }
            ensure(strict.iter().any(|said| said.tag() == Some(Tag::Wrong)), "nothing was said of it")?;
        }
        "incomplete" => {
            ensure(delivered == 0, "delivered")?;
            let truncated = |said: &Said| {
                matches!(said, Said::Rejected { reason: RejectReason::Truncated, offset: 0, .. })
            };
            ensure(!bytes.starts_with(&[0xDB, 8]) || truncated(&strict[0]), "not called cut")?;
        }
        "no_frame" | "malformed_length" => ensure(delivered == 0, "delivered")?,
        "framing_only" | "detect_only" => {
            ensure(delivered == 0, "delivered")?;
            let named = strict.iter().any(|said| {
                use RejectReason::{ForeignCipher, NoKey};
                matches!(said, Said::Rejected { reason: NoKey | ForeignCipher, .. })
            });
            ensure(named, "nobody is told that it is encrypted")?;
        }
        "encryption_only" => {
            ensure(delivered == 0, "delivered without a tag and without being allowed to")?;
            ensure(strict.iter().any(|said| said.tag() == Some(Tag::Missing)), "no tag is missed")?;
            ensure(lenient.iter().all(|said| said.proven(Proof::Verified).is_none()), "verified")?;
            ensure(lenient.iter().any(|said| matches!(said, Said::Frame { .. })), "not read though allowed")?;
            for frame in frames {
                if let Said::Frame { bytes, .. } = at(&lenient, frame) {
                    ensure(is_telegram_of(frame, &bytes), "another plaintext")?;
                }
            }
        }
        other => return Err(format!("a verdict that nobody knows: {other}")),
    }
    Ok(())
}

#[test]
fn encrypted_telegrams_of_the_corpus() {
    let Some(corpus) = corpus() else { return };
    let wrong: Vec<String> = described(&corpus.join("encrypted"))
        .iter()
        .filter_map(|(path, wanted, bytes)| {
            check_encrypted(wanted, bytes).err().map(|words| format!("{}: {words}", path.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_protocols_of_the_corpus_are_named_and_deliver_nothing() {
    let Some(corpus) = corpus() else { return };
    for (path, wanted, bytes) in described(&corpus.join("not_p1")) {
        let words = wanted["expect"]["detect"].as_str().expect("what it is").to_lowercase();
        let protocol = [
            ("hdlc", Protocol::Hdlc),
            ("m-bus", Protocol::Mbus),
            ("mbus", Protocol::Mbus),
            ("iec", Protocol::Iec1107),
            ("sml", Protocol::Sml),
        ];
        let wanted = protocol.iter().find(|(word, _)| words.contains(word)).map(|(_, protocol)| *protocol);
        let mut watch = Watch::default();
        let named = bytes.chunks(7).filter_map(|chunk| watch.look(chunk)).last();
        assert_eq!(named, wanted, "{}: {words}", path.display());
        for keys in [None, Some(keys())] {
            for said in said(keys, SETTINGS, [&bytes[..]]) {
                assert!(matches!(said, Said::Rejected { seal: None, .. }), "{}: {said:?}", path.display());
            }
        }
    }
}

#[test]
fn no_telegram_of_the_corpus_looks_like_another_protocol() {
    let Some(corpus) = corpus() else { return };
    let mut watch = Watch::default();
    for folder in ["telegram", "bad", "stream", "encrypted"] {
        for (path, _, bytes) in described(&corpus.join(folder)) {
            for chunk in bytes.chunks(100) {
                assert_eq!(watch.look(chunk), None, "{}", path.display());
            }
        }
    }
    for (name, bytes) in fixtures() {
        assert_eq!(watch.look(&bytes), None, "{name}");
    }
}

#[test]
fn damaged_streams_of_the_corpus_give_all_that_can_be_proven() {
    let Some(corpus) = corpus() else { return };
    let settings = FramerSettings { crc: CrcPolicy::Require, ..SETTINGS };
    let mut wrong = Vec::new();
    for folder in ["bad", "stream"] {
        for (path, wanted, bytes) in described(&corpus.join(folder)) {
            if wanted["strict_crc"] == false {
                continue;
            }
            let found = said(None, settings, [&bytes[..]]);
            let found = found.iter().filter(|said| said.proven(Proof::Verified).is_some()).count() as u64;
            let best = wanted["expect"]["best_possible_count"].as_u64().expect("a count");
            if found != best {
                wrong.push(format!("{}: {found} of {best}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
