//! Whose rules: what each telegram known tells of its country.

use std::path::{Path, PathBuf};

use dsmrd::meter::Country;
use dsmrd::meter::country::{Certainty, detect};
use dsmrd::p1::frame::{CrcPolicy, Event};
use dsmrd::p1::{Framer, FramerSettings, Telegram};

/// The public corpus; `None`, said aloud, where it is not.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/telegrams");
    #[expect(clippy::disallowed_methods, reason = "a test is told where the corpus is")]
    let folder = std::env::var_os("DSMRD_CORPUS").map_or(beside, PathBuf::from);
    if folder.join("telegram").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no telegram corpus at {}; set DSMRD_CORPUS", folder.display());
    None
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// Every frame in a file, damaged ones too.
fn telegrams(path: &Path, on: &mut impl FnMut(&Telegram<'_>)) {
    let bytes = std::fs::read(path).expect("readable");
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let mut framer = Framer::new(settings);
    let mut each = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            on(&Telegram::read(&frame));
        }
    };
    framer.push(&bytes, &mut each);
    framer.finish(&mut each);
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn the_fixtures_tell_their_countries() {
    for file in files(&fixtures(), "txt") {
        let name = name(&file);
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
            let text = std::fs::read_to_string(&file).expect("readable");
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let wanted: Country = json["country"].as_str().expect("a code").parse().expect("known");
            telegrams(&file.with_extension("txt"), &mut |telegram| {
                let found = detect(telegram);
                match found.country {
                    // Of damaged and made-up telegrams little is left that could tell.
                    None if folder == "telegram" => {
                        open.push((name(&file), wanted, telegram.objects().len()))
                    }
                    None => {}
                    Some(country) if country == wanted => told += 1,
                    Some(_) => wrong.push(format!("{}: {found}", name(&file))),
                }
            });
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told >= 150, "only {told} are told");
    println!("{told} told, open: {open:#?}");
    // What is left are the two countries of the branch standard, and telegrams cut down to a few lines.
    for (name, country, objects) in open {
        let branch = matches!(country, Country::Sweden | Country::Finland) && objects > 20;
        assert!(branch || objects <= 12, "{name}");
    }
}
