//! Whose rules: what each telegram known tells of its country.

/// Values that stray from the standards, row by row.
mod deviations;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::country::{Certainty, detect};
use dsmrd::meter::record::{FlatValue, Key, flatten, unflatten};
use dsmrd::meter::{Country, Field, Interpreter, InterpreterSettings, Proof, Quantity, Reading, Unit};
use dsmrd::p1::Decimal;
use dsmrd::p1::frame::{CrcPolicy, Event};
use dsmrd::p1::{Framer, FramerSettings, Telegram};
use dsmrd::store::{Archive, Range, Store, StoreSettings};
use dsmrd::telemetry::StoreCounters;

use crate::support::{corpus, files, fixtures, json, stem};

/// Every frame in a file, damaged ones too.
fn telegrams(path: &Path, on: &mut impl FnMut(&Telegram<'_>)) {
    frames(&std::fs::read(path).expect("readable"), on);
}

fn frames(bytes: &[u8], on: &mut impl FnMut(&Telegram<'_>)) {
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let mut framer = Framer::new(settings);
    let mut each = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            on(&Telegram::read(&frame));
        }
    };
    framer.push(bytes, &mut each);
    framer.finish(&mut each);
}

#[test]
fn the_fixtures_tell_their_countries() {
    for file in files(&fixtures(), "txt") {
        let name = stem(&file);
        let country: Country = name[..2].parse().unwrap_or_else(|()| panic!("{name}"));
        // No telegram of the branch standard tells Sweden from Finland, save by the name of its grid company, and
        // two have too little in them.
        let branch = matches!(country, Country::Sweden | Country::Finland) && !name.contains("ellevio");
        let little = ["nl-5.0-landis-weheat-second-channel", "nl-5.0-nothing-in-it"].contains(&name.as_str());
        let wanted = Some(country).filter(|_| !branch && !little);
        telegrams(&file, &mut |telegram| {
            let found = detect(telegram);
            assert_eq!(found.country, wanted, "{name}: {found}");
            assert_eq!(found.country.is_some(), found.certainty > Certainty::Open);
        });
    }
}

#[test]
fn no_telegram_of_the_corpus_is_taken_for_another_country() {
    let Some(corpus) = corpus() else { return };
    let (mut wrong, mut open, mut told) = (Vec::new(), Vec::new(), 0);
    for folder in ["telegram", "bad", "stream"] {
        for file in files(&corpus.join(folder), "json") {
            let wanted: Country = json(&file)["country"].as_str().expect("a code").parse().expect("known");
            telegrams(&file.with_extension("txt"), &mut |telegram| {
                let found = detect(telegram);
                match found.country {
                    // Of damaged and made-up telegrams little is left that could tell.
                    None if folder == "telegram" => {
                        open.push((stem(&file), wanted, telegram.objects().len()))
                    }
                    None => {}
                    Some(country) if country == wanted => told += 1,
                    Some(_) => wrong.push(format!("{}: {found}", stem(&file))),
                }
            });
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("{told} told, open: {open:#?}");
    // What is left are the two countries of the branch standard, and telegrams cut down to a few lines.
    for (name, country, objects) in open {
        let branch = matches!(country, Country::Sweden | Country::Finland) && objects > 20;
        assert!(branch || objects <= 12, "{name}");
    }
}

#[test]
fn telegrams_that_come_encrypted_tell_theirs() {
    let Some(corpus) = corpus() else { return };
    for file in files(&corpus.join("encrypted"), "json") {
        let description = json(&file);
        for frame in description["expect"]["frames"].as_array().expect("frames") {
            let Some(text) = frame["plaintext_latin1"].as_str() else { continue };
            let plain: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
            frames(&plain, &mut |telegram| {
                // Some test frames have a Dutch telegram in them.
                let wanted = match telegram.identification().flag {
                    b"Lux" => Country::Luxembourg,
                    b"EST" => Country::Austria,
                    _ => Country::Netherlands,
                };
                let found = detect(telegram);
                assert_eq!(found.country, Some(wanted), "{}: {found}", stem(&file));
            });
        }
    }
}

#[test]
fn the_country_comes_back_from_the_columns() {
    let mut all = files(&fixtures(), "txt");
    if let Some(corpus) = corpus() {
        all.extend(files(&corpus.join("telegram"), "txt"));
    }
    let mut with = 0;
    for file in all {
        telegrams(&file, &mut |telegram| {
            let mut interpreter = Interpreter::new(InterpreterSettings::default());
            let reading = interpreter.interpret(telegram, 1_790_000_000_123).reading;
            assert_eq!(reading.country, interpreter.country());
            let mut columns: Vec<(Key, FlatValue)> = Vec::new();
            flatten(&reading, &mut columns);
            assert_eq!(columns.iter().any(|(key, _)| key == "country"), reading.country.is_some());
            let items = columns.iter().map(|(key, value)| (&**key, value.clone()));
            assert_eq!(unflatten(reading.received_at, reading.proof, items), reading, "{}", file.display());
            with += usize::from(reading.country.is_some());
        });
    }
    assert!(with >= 15);
    // A country of a later version is none of this one's.
    let later = [("country", FlatValue::Text((*b"xx").into()))];
    assert_eq!(unflatten(0, Proof::Verified, later), Reading::new(0, Proof::Verified));
}

/// Bytes of the journal behind so many readings.
async fn journal(folder: &Path, country: Option<Country>, readings: i64) -> i64 {
    let path = folder.join("dsmrd.sqlite");
    let counters = Arc::new(StoreCounters::default());
    let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(60) };
    let clock = Clock::manual(1_795_219_200_000);
    let store = Store::open(settings, Arc::clone(&counters), clock).expect("a new store");
    for second in 0..readings {
        let mut reading = Reading::new(1_795_219_200_000 + second * 1_000, Proof::Verified);
        let value = Decimal::new((second * 7_919 % 311).into(), 3).expect("fits");
        reading.set_number(Field::PowerImport, Quantity { value, unit: Unit::KiloWatt });
        reading.country = country;
        assert!(store.put(&MeterId { name: "home".into() }, Arc::new(reading)).await);
    }
    let stored = || counters.stored.get() == readings as u64;
    crate::support::until(Duration::from_secs(20), "the journal has them", stored).await;
    let bytes = std::fs::read(folder.join("dsmrd.sqlite.journal")).expect("the journal");
    let used = bytes.iter().rposition(|&byte| byte != 0).expect("it has something in it");
    let archive = Archive::open(&path).expect("the archive");
    let back = archive
        .readings(Range::default())
        .expect("readings")
        .all(|stored| stored.expect("not damaged").reading.country == country);
    assert!(back);
    used as i64
}

#[test]
fn a_country_costs_next_to_nothing_in_the_record() {
    let (with, without) = (crate::support::scratch(), crate::support::scratch());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let readings = 3_000;
        let with = journal(with.path(), Some(Country::Netherlands), readings).await;
        let without = journal(without.path(), None, readings).await;
        println!("{readings} readings: {without} bytes without a country, {with} with it");
        // The column's name once, then less than a bit in four readings.
        assert!(with - without <= 64 + readings / 32, "{without} bytes without, {with} with");
    });
}
