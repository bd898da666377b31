//! The tables of meters in METERS.rst: made from the fixtures and, where it is, the public corpus.
//!
//! The part of the tables that comes from the fixtures is held always; the whole of it where the corpus is the
//! one it was made from. `DSMRD_UPDATE=1` writes it anew.

mod catalog;
mod features;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dsmrd::meter::interpreter::{Interpreter, InterpreterSettings};
use dsmrd::meter::{Country, Field};
use dsmrd::p1::cipher::{Key, Keys, LUXEMBOURG_AUTH_KEY};
use dsmrd::p1::frame::{CrcPolicy, Event, FramerSettings};
use dsmrd::p1::{Framer, Proof, Telegram};
use serde_json::Value;

use super::ARRIVAL;
use crate::framing::encrypted;
use crate::support::{corpus, files, fixtures, json, stem};
use catalog::METERS;
use features::Column;

const START: &str = ".. The tables begin here; a test writes them.\n";
const END: &str = ".. The tables end here.\n";

/// A telegram that was tried.
struct Tried {
    name: String,
    country: String,
    bytes: Vec<u8>,
    /// What opens it.
    keys: Option<Keys>,
    encrypted: bool,
    own: bool,
}

/// What came of the telegrams of one kind of meter.
#[derive(Debug, Default)]
struct Row {
    own: usize,
    public: usize,
    /// How many tell their country.
    told_alone: usize,
    /// What is read of them, in the order in which it was seen.
    features: Vec<(Column, String)>,
}

fn own() -> Vec<Tried> {
    let tried = |path: PathBuf| Tried {
        country: stem(&path).split('-').next().expect("a country").to_owned(),
        name: stem(&path),
        bytes: std::fs::read(&path).expect("readable"),
        keys: None,
        encrypted: false,
        own: true,
    };
    let opened = encrypted().into_iter().map(|(name, bytes, keys)| Tried {
        country: name.split('-').next().expect("a country").to_owned(),
        name,
        bytes,
        keys: Some(keys),
        encrypted: true,
        own: true,
    });
    files(&fixtures(), "txt").into_iter().map(tried).chain(opened).collect()
}

/// A key of the corpus.
fn key(text: &Value) -> Option<Key> {
    text.as_str()?.parse().ok()
}

/// The public telegrams; none where the corpus is not.
fn public() -> Vec<Tried> {
    let Some(corpus) = corpus() else { return Vec::new() };
    let tried = |path: PathBuf| {
        let description = json(&path.with_extension("json"));
        let key = |name: &str| key(&description[name]);
        Tried {
            name: stem(&path),
            country: description["country"].as_str().expect("a country").to_lowercase(),
            bytes: std::fs::read(&path).expect("readable"),
            keys: key("key_hex").map(|own| Keys {
                auth_key: key("authentication_key_hex").unwrap_or(LUXEMBOURG_AUTH_KEY),
                // Not every source computes the tag as the standard says.
                allow_unverified_tag: true,
                ..Keys::new(own)
            }),
            encrypted: path.extension().is_some_and(|extension| extension == "bin"),
            own: false,
        }
    };
    let opened = files(&corpus.join("encrypted"), "bin").into_iter().map(tried);
    files(&corpus.join("telegram"), "txt").into_iter().map(tried).chain(opened).collect()
}

/// The rows of the table by the places of their meters, and telegrams that fit no meter.
fn rows(tried: &[Tried]) -> (BTreeMap<usize, Row>, Vec<&str>) {
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let mut homeless = Vec::new();
    for tried in tried {
        let country: Country = tried.country.parse().unwrap_or_else(|()| panic!("{}", tried.name));
        let settings = InterpreterSettings { country: Some(country), ..InterpreterSettings::default() };
        let mut alone = Interpreter::new(InterpreterSettings::default());
        // What was edited before it was published has the CRC of what it was.
        let crc = if tried.encrypted { CrcPolicy::Auto } else { CrcPolicy::Ignore };
        let framing = FramerSettings { crc, ..FramerSettings::default() };
        let mut interpreter = Interpreter::new(settings);
        let mut framer = Framer::new(framing).with_keys(tried.keys.clone());
        let mut seen = 0;
        let mut on = |event: Event<'_>| {
            let Event::Frame(frame) = event else { return };
            let telegram = Telegram::read(&frame);
            let reading = interpreter.interpret(&telegram, ARRIVAL).reading;
            let _ = alone.interpret(&telegram, ARRIVAL);
            let version = match reading.text(Field::P1Version) {
                Some(text) => String::from_utf8_lossy(text).into_owned(),
                // Before DSMR 4 there was no clock, and since there is a version.
                None => if reading.time.is_some() { "?" } else { "" }.to_owned(),
            };
            seen += 1;
            let sealed = frame.seal().is_some();
            let Some(place) = catalog::find(&tried.country, sealed, frame.ident(), &version) else {
                homeless.push(tried.name.as_str());
                return;
            };
            let row = rows.entry(place).or_default();
            *(if tried.own { &mut row.own } else { &mut row.public }) += 1;
            row.told_alone += usize::from(alone.country() == Some(country));
            let proof = match frame.proof() {
                Proof::Verified if sealed => "tag and CRC",
                Proof::Absent if sealed => "tag",
                Proof::Unauthenticated => "CRC",
                // One that was edited had one.
                Proof::Verified | Proof::Failed => "CRC",
                Proof::Absent => "none",
            };
            for (column, word) in features::features(&telegram, &reading, interpreter.zone(), proof) {
                if !row.features.contains(&(column, word.clone())) {
                    row.features.push((column, word));
                }
            }
        };
        framer.push(&tried.bytes, &mut on);
        framer.finish(&mut on);
        // Of encrypted frames some are made to be refused.
        if seen == 0 && !tried.encrypted {
            homeless.push(&tried.name);
        }
    }
    (rows, homeless)
}

/// What the table was made from, in a sentence that tells one corpus from another.
fn origin(tried: &[Tried]) -> String {
    let of = |own: bool| {
        let those = tried.iter().filter(|tried| tried.own == own);
        (those.clone().count(), those.map(|tried| tried.bytes.len()).sum::<usize>())
    };
    let ((public, public_bytes), (own, own_bytes)) = (of(false), of(true));
    format!("All in all they are {public} ({public_bytes} bytes) and {own} ({own_bytes} bytes).\n")
}

#[test]
fn the_table_in_the_docs_is_what_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("METERS.rst");
    let there = std::fs::read_to_string(&path).expect("METERS.rst");
    let (before, rest) = there.split_once(START).expect("the table's beginning");
    let (there, after) = rest.split_once(END).expect("the table's end");

    let (own, public) = (own(), public());
    let (own_rows, homeless) = rows(&own);
    assert_eq!(homeless, Vec::<&str>::new(), "every fixture is of a meter in the catalog");
    let corpus_is_there = !public.is_empty();
    let all: Vec<Tried> = own.into_iter().chain(public).collect();
    if corpus_is_there {
        let (rows, homeless) = rows(&all);
        let made = format!("\n{}\n", table::render(&rows, &origin(&all)));
        #[expect(clippy::disallowed_methods, reason = "a switch of the tests is no setting")]
        if std::env::var_os("DSMRD_UPDATE").is_some() {
            assert_eq!(homeless, Vec::<&str>::new(), "telegrams of no meter in the catalog");
            std::fs::write(&path, format!("{before}{START}{made}{END}{after}")).expect("it can be written");
            return;
        }
        if there.contains(&origin(&all)) {
            assert_eq!(homeless, Vec::<&str>::new(), "telegrams of no meter in the catalog");
            assert_eq!(there, made, "run this test with DSMRD_UPDATE=1, and look at what changed");
        } else {
            eprintln!("skipped: the public part of METERS.rst, which was made from other telegrams");
            eprintln!("of no meter in the catalog: {homeless:?}");
        }
    } else {
        eprintln!("skipped: the public part of METERS.rst, for there is no telegram corpus");
    }
    // What comes from the fixtures is held wherever the tests run.
    for (place, row) in &own_rows {
        let meter = &METERS[*place];
        let cells = table::find(there, meter);
        let cells = cells.unwrap_or_else(|| panic!("{meter:?} is missing in METERS.rst"));
        assert_eq!(table::own_count(&cells), Some(row.own), "{meter:?}: run with DSMRD_UPDATE=1");
        for (_, word) in &row.features {
            assert!(
                table::says(&cells, word),
                "{meter:?}: {word} is not in METERS.rst; run with the corpus and DSMRD_UPDATE=1"
            );
        }
    }
}
