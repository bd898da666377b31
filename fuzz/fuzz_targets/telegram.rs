//! Any bytes as the body of a telegram: read, told, kept as columns and brought back, written and read again.

#![no_main]

use std::sync::LazyLock;

use dsmrd::meter::record::{flatten, unflatten};
use dsmrd::meter::{Zone, read};
use dsmrd::p1::Telegram;
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};
use dsmrd::p1::write::TelegramWriter;
use libfuzzer_sys::fuzz_target;

static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone::new("Europe/Amsterdam").expect("a zone of the database"));

type Objects = Vec<(String, Vec<Vec<u8>>)>;

/// The objects of the only telegram in `bytes`.
fn objects(bytes: &[u8]) -> Option<Objects> {
    let mut found = None;
    let settings = FramerSettings { crc: CrcPolicy::Ignore, max_bytes: 1 << 20, ..FramerSettings::default() };
    Framer::new(settings).push(bytes, &mut |event| {
        if let Event::Frame(frame) = event {
            let telegram = Telegram::read(&frame);
            let list = telegram.objects().map(|object| {
                (object.obis().to_string(), object.groups().map(<[u8]>::to_vec).collect())
            });
            found = Some(list.collect());
        }
    });
    found
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = b"/FUZ5\r\n\r\n".to_vec();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n!\r\n");
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let mut framer = Framer::new(settings);
    framer.push(&bytes, &mut |event| {
        let Event::Frame(frame) = event else { return };
        let telegram = Telegram::read(&frame);
        let said = read(&frame, &ZONE, 7);
        assert_eq!(said.unrecognised, telegram.unrecognised().len());

        let mut columns = Vec::new();
        flatten(&said.reading, &mut columns);
        let items = columns.iter().map(|(key, value)| (&**key, value.clone()));
        assert_eq!(unflatten(7, said.reading.proof, items), said.reading);

        let mut writer = TelegramWriter::new(b"FUZ5");
        let mut given: Objects = Vec::new();
        for object in telegram.objects() {
            let groups: Vec<&[u8]> = object.groups().collect();
            writer.object(object.obis(), &groups).expect("the grammar lets no bracket through");
            given.push((object.obis().to_string(), groups.iter().map(|group| group.to_vec()).collect()));
        }
        assert_eq!(objects(&writer.finish()), Some(given));
    });
});
