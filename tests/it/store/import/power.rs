//! Power cuts while a dump goes in, by virtual time: the record is whole after each, and the import goes on from what is
//! in it, so that nothing is missing and nothing is there twice.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use dsmrd::clock::Clock;
use dsmrd::import::dsmr_reader::import::Into;
use dsmrd::import::dsmr_reader::{self as reader};
use dsmrd::import::readings::{Device, Equipment};
use dsmrd::meter::{Field, Reading, Zone};
use dsmrd::store::disk::{Disk, SystemDisk};
use dsmrd::store::intake::Intake;
use rusqlite::Connection;

use super::{METER, periods, readings};
use crate::store::disk::Card;
use crate::store::disk::image::{Cut, Random, Replay};
use dsmrd::totals::Step;

/// 2024-02-29 23:00 UTC: midnight in Amsterdam.
const START: i64 = 1_709_247_600;
/// More than go into one transaction.
const READINGS: i64 = 8_700;
const CUTS: usize = 60;

fn at(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().strftime("%Y-%m-%d %H:%M:%S+00").to_string()
}

/// A dump of readings half a minute apart, a day older than them, and a note.
fn dump(path: &Path) {
    let mut text = String::from("--\n-- PostgreSQL database dump\n--\n");
    text +=
        "COPY public.dsmr_datalogger_dsmrreading (id, \"timestamp\", electricity_delivered_1) FROM stdin;\n";
    for place in 0..READINGS {
        let time = at(START + place * 30);
        let _ = writeln!(text, "{place}\t{time}\t{}.{:03}", 100 + place / 1_000, place % 1_000);
    }
    text +=
        "\\.\nCOPY public.dsmr_stats_daystatistics (day, electricity1, electricity1_reading) FROM stdin;\n";
    text += "2024-02-28\t2.500\t95.000\n2024-02-29\t2.500\t97.500\n\\.\n";
    text += "COPY public.dsmr_stats_note (day, description) FROM stdin;\n2024-02-28\tA note\n\\.\n";
    text += "--\n-- PostgreSQL database dump complete\n--\n";
    std::fs::write(path, text).unwrap();
}

/// Imports the dump; whether it went on where an earlier import was cut off.
fn import(disk: Arc<dyn Disk>, record: &Path, dump: &Path) -> bool {
    let zone = Zone::new("Europe/Amsterdam").unwrap();
    let equipment = Equipment { id: None, device: Device::default(), has_totals_alone: false };
    let mut survey = reader::survey(dump, &zone, |_, _| {}).unwrap();
    let clock = Clock::manual((START + 10_000_000) * 1_000);
    let mut intake = Intake::open_on(disk, record, METER, &clock).unwrap();
    let into = Into { record, meter: METER, zone: &zone, equipment: &equipment };
    reader::import(dump, &mut survey, into, &mut intake, |_, _, _| {}).unwrap().resumed
}

/// What is in a record: its readings in order, what days used, its notes.
fn content(record: &Path) -> (Vec<Reading>, Vec<Option<String>>, usize) {
    let days = periods(record, Step::Day);
    let used = days.iter().map(|day| day.usage.energy(Field::EnergyImportT1).map(|used| used.to_string()));
    (readings(record), used.collect(), dsmrd::store::intake::past::notes(record).unwrap().len())
}

#[test]
fn after_a_power_cut_the_record_is_whole_and_the_import_goes_on() {
    let folder = crate::support::scratch();
    let source = folder.path().join("dump.sql");
    dump(&source);
    let place = folder.path().join("card");
    std::fs::create_dir(&place).unwrap();
    let record = place.join("dsmrd.sqlite");
    let card = Card::of(&place);
    assert!(!import(Arc::new(card.clone()), &record, &source));
    let whole = content(&record);
    assert_eq!((whole.0.len() as i64, whole.2), (READINGS, 1));
    assert_eq!(whole.1[..2], [Some("2.500".to_owned()), Some("2.500".to_owned())], "{:?}", whole.1);

    let events = card.take_log();
    let mut random = Random(8);
    let mut places: Vec<usize> = (0..CUTS).map(|_| random.below(events.len() + 1)).collect();
    places.sort_unstable();
    let mut replay = Replay::new(&events);
    let mut resumed = 0;
    for place in places {
        replay.until(place);
        let cut = Cut::any(&mut random);
        let folder = crate::support::scratch();
        let record = folder.path().join("dsmrd.sqlite");
        replay.cut(cut, &mut random).lay(folder.path());
        let what = format!("event {place} of {}, {cut:?}", events.len());
        if record.exists() && std::fs::metadata(&record).unwrap().len() > 0 {
            // What SQLite itself makes of it, before anything of ours has looked.
            let connection = Connection::open(&record).unwrap();
            let told: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(told, "ok", "{what}");
        }
        resumed += usize::from(import(Arc::new(SystemDisk), &record, &source));
        assert_eq!(content(&record), whole, "{what}");
        let aside = std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".corrupt-"));
        assert_eq!(aside.count(), 0, "{what}: nothing is set aside");
    }
    assert!(resumed > CUTS / 10, "cuts lay within the import as well: {resumed}");
}
