//! Any bytes as a table of prices: what is read as one is slots in order, and is read again from what we write of it.

#![no_main]

use std::sync::LazyLock;

use dsmrd::meter::Zone;
use dsmrd::prices::import::{MAX_SLOTS, PRICE_SCALE, read, sniff};
use dsmrd::prices::{ImportFormat, PriceKind, PriceTable, PriceUnit, text};
use libfuzzer_sys::fuzz_target;

static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone::new("Europe/Amsterdam").expect("a zone of the database"));

fuzz_target!(|bytes: &[u8]| {
    // The first byte tells what the reader is told.
    let Some((told, bytes)) = bytes.split_first() else { return };
    let format = match told & 3 {
        0 => ImportFormat::Csv,
        1 => ImportFormat::Json,
        _ => sniff(bytes),
    };
    let kind = PriceKind::ALL[usize::from(told >> 2 & 3) % PriceKind::ALL.len()];
    let unit = match told >> 4 & 3 {
        0 => Some(PriceUnit::Unit),
        1 => Some(PriceUnit::MegaWattHour),
        _ => None,
    };
    let zone = (told & 64 == 0).then_some(&*ZONE);
    let slots = match read(bytes, format, kind, unit, zone) {
        Ok(slots) => slots,
        Err(error) => {
            // A problem has a place and stays short, whatever was in the table.
            assert!(!error.place.is_empty() && !error.problem.is_empty());
            assert!(error.to_string().chars().count() < 2_500);
            return;
        }
    };
    assert!(!slots.is_empty() && slots.len() <= MAX_SLOTS);
    assert!(slots.iter().all(|slot| slot.start < slot.end && slot.price.scale() <= PRICE_SCALE));
    for pair in slots.windows(2) {
        assert!(pair[0].kind < pair[1].kind || pair[0].kind == pair[1].kind && pair[0].end <= pair[1].start);
    }
    assert!(PriceTable::from_slots(slots.iter().copied()).slots().eq(&slots));
    // An end that follows of a start may lie behind the last year of tables.
    if slots.iter().any(|slot| slot.end >= 4_102_444_800) {
        return;
    }
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    text::csv(&slots, &ZONE, &mut csv).expect("memory");
    text::json(&slots, &ZONE, &mut json).expect("memory");
    assert_eq!(read(&csv, ImportFormat::Csv, PriceKind::Gas, None, None).as_deref(), Ok(&slots[..]));
    assert_eq!(read(&json, ImportFormat::Json, PriceKind::Gas, None, None).as_deref(), Ok(&slots[..]));
});
