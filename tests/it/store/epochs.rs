//! A meter swapped behind the same name, and a device replaced on its M-Bus channel.

use std::path::Path;
use std::sync::Arc;

use dsmrd::meter::{Field, Proof, Quantity, Reading, Unit};
use dsmrd::p1::Decimal;
use dsmrd::store::{Archive, Epoch, Range};

use super::export::{export, stored, text};
use super::{START, meter, open, runtime};

/// A reading of the second `START + second` by the equipment `id`, whose register stands at `wh`.
fn of(id: Option<&str>, second: i64, wh: i64) -> Arc<Reading> {
    let mut reading = Reading::new((START + second) * 1_000, Proof::Verified);
    let value = Decimal::new(wh.into(), 3).unwrap();
    reading.set_number(Field::EnergyImportT1, Quantity { value, unit: Unit::KiloWattHour });
    if let Some(id) = id {
        let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
        reading.set_text(Field::MeterId, hex.as_bytes());
    }
    Arc::new(reading)
}

/// Equipment, second and register of every reading in range.
fn kept(path: &Path, range: Range) -> Vec<(Option<String>, i64, i64)> {
    let archive = Archive::open(path).unwrap();
    let row = |stored: dsmrd::store::Stored| {
        let wh = stored.reading.number(Field::EnergyImportT1).unwrap().mantissa();
        let id = stored.equipment_id.as_deref().map(str::to_owned);
        (id, stored.reading.utc_seconds() - START, i64::try_from(wh).unwrap())
    };
    archive.readings(range).unwrap().map(|stored| row(stored.unwrap())).collect()
}

fn by(id: &str) -> Range {
    Range { equipment_id: Some(id.to_owned()), ..Range::default() }
}

fn epochs(path: &Path) -> Vec<(Option<String>, i64, i64)> {
    let row = |epoch: Epoch| (epoch.equipment_id, epoch.first - START, epoch.last - START);
    Archive::open(path).unwrap().epochs(&Range::default()).unwrap().into_iter().map(row).collect()
}

/// What came, as `(equipment, second, register)`; the equipment that must be told where the reading does not.
type History = Vec<(Option<&'static str>, &'static str, i64, i64)>;

/// Holds a history to its promise while it is in the journal, in the copy that a killed process leaves, in
/// blocks, and in blocks cut at any place.
fn holds(history: &History) {
    let expected: Vec<_> =
        history.iter().map(|(_, id, second, wh)| (Some((*id).to_owned()), *second, *wh)).collect();
    let check = |path: &Path, when: &str| {
        assert_eq!(kept(path, Range::default()), expected, "{when}");
        for id in ["OLD", "NEW"] {
            let own: Vec<_> =
                expected.iter().filter(|(told, ..)| told.as_deref() == Some(id)).cloned().collect();
            assert_eq!(kept(path, by(id)), own, "{when}");
            let told = epochs(path).into_iter().find(|(told, ..)| told.as_deref() == Some(id));
            let (first, last) = (own.first().map(|row| row.1), own.last().map(|row| row.1));
            assert_eq!((told.as_ref().map(|row| row.1), told.map(|row| row.2)), (first, last), "{when}");
            // Of one piece of equipment no register falls.
            assert!(own.windows(2).all(|pair| pair[0].2 <= pair[1].2), "{when}");
        }
    };
    runtime().block_on(async {
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        let opened = open(&path);
        for (id, _, second, wh) in history {
            assert!(opened.store.put(&meter("home"), of(*id, *second, *wh)).await);
        }
        opened.journaled(history.len() as u64).await;
        check(&path, "in the journal");
        let killed = crate::support::scratch();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), killed.path().join(file.file_name())).unwrap();
        }
        let copy = killed.path().join("dsmrd.sqlite");
        check(&copy, "as a killed process leaves it");
        let again = open(&copy);
        check(&copy, "after the start that follows");
        again.store.close().await.unwrap();
        check(&copy, "and after its end");
        opened.store.close().await.unwrap();
        check(&path, "in blocks");
        for cut in 1..history.len() {
            let folder = crate::support::scratch();
            let path = folder.path().join("dsmrd.sqlite");
            let opened = open(&path);
            for (place, (id, _, second, wh)) in history.iter().enumerate() {
                if place == cut {
                    opened.store.flush().await.unwrap();
                }
                assert!(opened.store.put(&meter("home"), of(*id, *second, *wh)).await);
            }
            opened.journaled(history.len() as u64).await;
            check(&path, &format!("cut at {cut}"));
            opened.store.close().await.unwrap();
            check(&path, &format!("cut at {cut}, in blocks"));
        }
    });
}

#[test]
fn a_swap_within_the_hour_is_a_new_epoch_and_loses_nothing() {
    let (old, new) = (Some("OLD"), Some("NEW"));
    holds(&vec![
        (old, "OLD", 10, 9_876_543),
        (old, "OLD", 11, 9_876_544),
        (old, "OLD", 12, 9_876_544),
        (new, "NEW", 600, 0),
        (new, "NEW", 601, 1),
        (new, "NEW", 602, 2),
    ]);
}

#[test]
fn a_swap_at_the_turn_of_the_hour_and_readings_that_do_not_tell() {
    let (old, new) = (Some("OLD"), Some("NEW"));
    holds(&vec![
        (old, "OLD", 3_598, 9_000_000),
        (None, "OLD", 3_599, 9_000_001),
        (new, "NEW", 3_601, 5),
        (None, "NEW", 3_602, 6),
        // An hour in which it is never told.
        (None, "NEW", 7_300, 7),
        (new, "NEW", 10_900, 8),
    ]);
}

#[test]
fn equipment_that_comes_back_goes_on_in_its_own_epoch() {
    let (old, new) = (Some("OLD"), Some("NEW"));
    holds(&vec![
        (old, "OLD", 1, 500_000),
        (new, "NEW", 2, 3),
        (old, "OLD", 3, 500_001),
        (None, "OLD", 4, 500_002),
        (new, "NEW", 5, 4),
        (None, "NEW", 3_700, 5),
        (old, "OLD", 3_701, 500_003),
        (None, "OLD", 7_300, 500_004),
    ]);
}

#[test]
fn a_meter_that_never_tells_who_it_is_has_one_epoch() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for hour in 0..3 {
            opened.store.put(&meter("home"), of(None, hour * 3_600, hour)).await;
            opened.store.flush().await.unwrap();
        }
        opened.store.close().await.unwrap();
    });
    assert_eq!(kept(&path, Range::default()), [(None, 0, 0), (None, 3_600, 1), (None, 7_200, 2)]);
    assert_eq!(epochs(&path), [(None, 0, 7_200)]);
}

const TELEGRAM: &str = "/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(261121100000W)\r\n\
    0-0:96.1.1(4F4C44)\r\n1-0:1.8.1(009876.543*kWh)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(474153303031)\r\n\
    0-1:24.2.1(261121100000W)(05432.109*m3)\r\n!\r\n";

fn database(folder: &Path, telegrams: &[String]) -> std::path::PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for telegram in telegrams {
            opened.store.put(&meter("home"), stored(telegram)).await;
        }
        opened.store.close().await.unwrap();
    });
    path
}

#[test]
fn an_export_tells_swapped_meters_apart() {
    let folder = crate::support::scratch();
    let new = TELEGRAM
        .replace("100000W)\r\n0-0", "110000W)\r\n0-0")
        .replace("4F4C44", "4E4557")
        .replace("009876.543", "000000.001");
    let path = database(folder.path(), &[TELEGRAM.to_owned(), new]);
    let all = text(export(&path, &[]));
    let rows: Vec<&str> = all.lines().collect();
    assert!(rows[0].starts_with("time,time_utc,meter,proof,equipment_id,energy_import_t1,"), "{all}");
    assert!(
        rows[1].contains(",home,absent,OLD,9876.543,") && rows[2].contains(",home,absent,NEW,0.001,"),
        "{all}"
    );
    // One of them alone: the column has nothing to tell any more.
    let new = text(export(&path, &["--equipment", "NEW", "--format", "json"]));
    assert!(new.lines().count() == 1 && new.contains("\"energy_import_t1\":0.001"), "{new}");
    assert!(!new.contains("equipment_id"), "{new}");
    let day = text(export(&path, &["--from", "2026-11-21T10:30"]));
    assert!(day.lines().count() == 2 && day.contains("0.001"), "{day}");
    let nobody = export(&path, &["--equipment", "OTHER"]);
    assert!(!nobody.status.success());
    let problem = String::from_utf8_lossy(&nobody.stderr);
    assert!(problem.contains("no readings of equipment \"OTHER\"; there are some of: NEW, OLD"), "{problem}");
}

#[test]
fn a_device_replaced_on_its_channel_is_told_by_its_identifier() {
    let folder = crate::support::scratch();
    let replaced = TELEGRAM
        .replace("100000W)\r\n0-0", "110000W)\r\n0-0")
        .replace("474153303031", "474153303032")
        .replace("05432.109", "00000.042");
    let path = database(folder.path(), &[TELEGRAM.to_owned(), replaced]);
    let all = text(export(&path, &[]));
    let rows: Vec<&str> = all.lines().collect();
    assert!(rows[0].ends_with(",gas,gas_time,gas_id"), "{all}");
    assert!(rows[1].ends_with(",5432.109,2026-11-21T10:00:00+01:00,GAS001"), "{all}");
    assert!(rows[2].ends_with(",0.042,2026-11-21T10:00:00+01:00,GAS002"), "{all}");
    // The electricity meter is the same: no new epoch.
    assert!(!rows[0].contains("equipment_id"), "{all}");
}
