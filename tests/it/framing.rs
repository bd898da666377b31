//! Framing, grammar and meaning under any bytes: laws, not examples.

/// One bit wrong: no other telegram comes of it.
mod flips;
/// How much memory a framer takes.
mod memory;
/// Noise of every kind, and the next good telegram.
mod noise;
/// Telegrams with anything between them, in their order.
mod order;
/// The same bytes in other pieces.
mod pieces;

use std::path::{Path, PathBuf};

use dsmrd::meter::record::{FlatValue, Key, flatten, unflatten};
use dsmrd::meter::{Cell, Field, MbusClass, Reading, Zone, read};
use dsmrd::p1::cipher::{self, Keys};
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};
use dsmrd::p1::write::TelegramWriter;
use dsmrd::p1::{Obis, Proof, Telegram};
use proptest::prelude::*;

use crate::support::{self, corpus, files, stem};

/// The telegrams and streams in files with this extension, by name.
fn named(folder: &Path, extension: &str) -> Vec<(String, Vec<u8>)> {
    let read = |path: PathBuf| (stem(&path), std::fs::read(path).expect("readable"));
    files(folder, extension).into_iter().map(read).collect()
}

/// Every fixture and stream, by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = support::fixtures();
    let mut found = named(&root, "txt");
    found.extend(named(&root.join("streams"), "txt"));
    assert!(found.len() >= 80, "the fixtures are there");
    found.sort();
    found
}

/// The encrypted fixtures by name, with what opens them.
pub(crate) fn encrypted() -> Vec<(String, Vec<u8>, Keys)> {
    let sealed = named(&support::fixtures().join("encrypted"), "bin");
    sealed.into_iter().map(|(name, bytes)| (name.clone(), bytes, keys_of(&name))).collect()
}

/// The keys of an encrypted fixture: made up, and the same for all meters of a country.
pub(crate) fn keys_of(name: &str) -> Keys {
    let luxembourg = Keys::new(cipher::Key::new(*b"dsmrd test key 1"));
    if name.starts_with("lu-") {
        return luxembourg;
    }
    Keys { auth_key: cipher::Key::new(*b"dsmrd test auth."), ..luxembourg }
}

fn fixture(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|(found, _)| found == name).expect("the fixture").1
}

/// The telegrams and streams in a folder of the public corpus, by name.
fn public(folder: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = corpus().map(|corpus| corpus.join(folder)) else { return Vec::new() };
    [named(&folder, "txt"), named(&folder, "bin")].concat()
}

/// What a framer says: of a frame its bytes, of a rejection its reason.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Said {
    Frame { offset: u64, proof: Proof, bytes: Vec<u8> },
    Rejected(String),
}

fn frames<'a>(settings: FramerSettings, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Said> {
    opened(settings, None, chunks)
}

/// As [`frames`], with keys for those that are encrypted.
fn opened<'a>(
    settings: FramerSettings,
    keys: Option<&Keys>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Said> {
    let mut framer = Framer::new(settings).with_keys(keys.cloned());
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| {
        said.push(match event {
            Event::Frame(frame) => {
                Said::Frame { offset: frame.offset(), proof: frame.proof(), bytes: frame.bytes().to_vec() }
            }
            Event::Rejected(rejected) => Said::Rejected(format!("{rejected:?}")),
        });
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}

fn readings(bytes: &[u8]) -> Vec<Reading> {
    let zone = Zone::new("Europe/Amsterdam").expect("known");
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let mut framer = Framer::new(settings);
    let mut readings = Vec::new();
    let mut on = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            readings.push(read(&frame, &zone, 1_790_000_000_123).reading);
        }
    };
    framer.push(bytes, &mut on);
    framer.finish(&mut on);
    readings
}

#[test]
fn a_reading_comes_back_from_its_columns() {
    let mut seen = 0;
    let mut all = fixtures();
    all.extend(public("telegram"));
    for (name, bytes) in all {
        for reading in readings(&bytes) {
            let mut columns: Vec<(Key, FlatValue)> = Vec::new();
            flatten(&reading, &mut columns);
            let mut keys: Vec<&str> = columns.iter().map(|(key, _)| &**key).collect();
            let back = unflatten(
                reading.received_at,
                reading.proof,
                columns.iter().map(|(key, value)| (&**key, value.clone())),
            );
            assert_eq!(back, reading, "{name}");
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), columns.len(), "{name}: a key stands for one value");
            // In whatever order the columns come.
            let turned = unflatten(
                reading.received_at,
                reading.proof,
                columns.iter().rev().map(|(key, value)| (&**key, value.clone())),
            );
            assert_eq!(
                (turned.time, turned.cells().count()),
                (reading.time, reading.cells().count()),
                "{name}"
            );
            for (field, cell) in reading.cells() {
                assert_eq!(turned.get(field), Some(cell), "{name}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 30);
}

#[test]
fn a_reading_says_what_the_meter_said() {
    let reading = readings(&fixture("nl-5.0-iskra-3phase-gas")).remove(0);
    let number = |field| reading.number(field).map(|number| number.to_string());
    assert_eq!(number(Field::EnergyImportT1).as_deref(), Some("11842.507"));
    assert_eq!(number(Field::PowerImportL2).as_deref(), Some("0.455"));
    assert_eq!(number(Field::VoltageSagsL3).as_deref(), Some("5"));
    assert_eq!(reading.get(Field::MessageText), Some(Cell::Text(b"")));
    assert_eq!(reading.equipment_id().as_deref(), Some("E0051006231847217"));
    assert_eq!(reading.tariff(), Some(2));
    assert_eq!(reading.time.and_then(|time| time.utc), Some(1_794_069_733));
    let zone = Zone::new("Europe/Amsterdam").expect("known");
    let failures = reading.power_failure_log(&zone);
    assert_eq!(
        failures.iter().map(|failure| failure.duration_s).collect::<Vec<_>>(),
        [Some(4_127), Some(388), Some(12_961)]
    );
    let (device, gas) = reading.mbus_of(MbusClass::Gas).expect("a gas meter");
    assert_eq!(
        (device.channel, gas.value.map(|value| value.value.to_string())),
        (1, Some("7214.386".to_owned()))
    );
}

#[test]
fn sub_meters_are_told_apart() {
    let reading = readings(&fixture("nl-5.0-replaced-gas-meter")).remove(0);
    assert_eq!(reading.mbus.len(), 3);
    assert_eq!(reading.mbus[0].readings[0].value, None, "the old meter has no reading");
    assert_eq!(reading.mbus_of(MbusClass::Gas).map(|(device, _)| device.channel), Some(2));
    assert_eq!(reading.mbus_of(MbusClass::Water), None, "it has not reported");

    let heat = readings(&fixture("nl-heat-warmtelink")).remove(0);
    // Both count joules, one of them without telling its type; the newer reading counts.
    assert_eq!(heat.mbus_of(MbusClass::Heat).map(|(device, _)| device.channel), Some(1));
    assert_eq!(heat.mbus[1].class(), Some(MbusClass::Heat));
    assert_eq!(heat.mbus[2].class(), Some(MbusClass::WarmWater));

    let old = readings(&fixture("nl-3.0-iskra-gas-heat")).remove(0);
    assert_eq!(old.mbus.iter().map(|device| device.channel).collect::<Vec<_>>(), [1, 2]);
    let (_, gas) = old.mbus_of(MbusClass::Gas).expect("a gas meter");
    // No flag, but the zone tells that this is winter.
    assert_eq!(gas.time.and_then(|time| time.utc), Some(1_326_643_200));
    assert_eq!(gas.value.map(|value| value.value.to_string()).as_deref(), Some("733.261"));

    let belgian = readings(&fixture("be-50217-fluvius-3phase-peaks-gas-water")).remove(0);
    let peak = belgian.peak_times.iter().find(|(field, _)| *field == Field::DemandImportMax).expect("a time");
    assert_eq!(peak.1.utc, Some(1_762_190_100));
    assert_eq!(belgian.demand_peak_history(&Zone::new("Europe/Brussels").expect("known")).len(), 4);
    assert_eq!(belgian.mbus_of(MbusClass::Water).map(|(device, _)| device.channel), Some(2));

    let slovenian = readings(&fixture("si-iskra-split-clock")).remove(0);
    assert_eq!(slovenian.time.and_then(|time| time.utc), Some(1_759_436_753));
}

/// Streams near telegrams: fixtures whole, cut, or with bytes changed, and noise with the marks in it.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<Vec<u8>> = fixtures().into_iter().map(|(_, bytes)| bytes).collect();
    let whole = proptest::sample::select(all);
    let part = prop_oneof![
        3 => whole.clone(),
        2 => (whole.clone(), any::<proptest::sample::Index>()).prop_map(|(bytes, at)| bytes[..at.index(bytes.len())].to_vec()),
        2 => (whole, any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
        2 => proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'!'), Just(b'\r'), Just(b'\n'), Just(b'('), Just(b')'), any::<u8>()], 0..200),
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn groups() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let group = proptest::collection::vec(any::<u8>(), 0..24).prop_map(|group| {
        group.into_iter().filter(|byte| !matches!(byte, b'(' | b')' | b'\r' | b'\n')).collect()
    });
    proptest::collection::vec(group, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_frames(
        stream in stream(),
        sizes in proptest::collection::vec(1usize..700, 1..12),
        mask_bit7 in any::<bool>(),
    ) {
        let settings = FramerSettings { mask_bit7, ..FramerSettings::default() };
        let mut chunks = Vec::new();
        let mut rest = &stream[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, more) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = more;
        }
        prop_assert_eq!(frames(settings, chunks), frames(settings, [&stream[..]]));
    }

    #[test]
    fn no_input_panics_and_no_reading_loses_a_column(stream in stream()) {
        for reading in readings(&stream) {
            let mut columns = Vec::new();
            flatten(&reading, &mut columns);
            let items = columns.iter().map(|(key, value)| (&**key, value.clone()));
            prop_assert_eq!(unflatten(reading.received_at, reading.proof, items), reading);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        objects in proptest::collection::vec((any::<[u8; 5]>(), groups()), 0..30),
        crc in any::<bool>(),
    ) {
        let mut writer = TelegramWriter::new(b"XYZ5\\2TEST");
        for ([a, b, c, d, e], groups) in &objects {
            let groups: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
            writer.object(Obis::new(*a, *b, *c, *d, *e), &groups).expect("no brackets");
        }
        let bytes = if crc { writer.finish() } else { writer.finish_without_crc() };
        let mut framer = Framer::new(FramerSettings { max_bytes: 1 << 20, ..FramerSettings::default() });
        let mut count = 0;
        framer.push(&bytes, &mut |event| {
            let Event::Frame(frame) = event else { panic!("{event:?}") };
            assert_eq!(frame.proof(), if crc { Proof::Verified } else { Proof::Absent });
            let telegram = Telegram::read(&frame);
            let read: Vec<([u8; 5], Vec<Vec<u8>>)> = telegram
                .objects()
                .map(|object| {
                    let Obis { a, b, c, d, e } = object.obis();
                    ([a, b, c, d, e], object.groups().map(<[u8]>::to_vec).collect())
                })
                .collect();
            assert_eq!(read, objects);
            assert_eq!(telegram.unrecognised().len(), 0);
            count += 1;
        });
        prop_assert_eq!(count, 1);
    }
}
