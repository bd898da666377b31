//! What is written as CSV or JSON is read again: the same slots, to the digit.

use dsmrd::meter::Zone;
use dsmrd::p1::Decimal;
use dsmrd::prices::import::read;
use dsmrd::prices::{ImportFormat, PriceKind, PriceTable, Slot, text};
use proptest::prelude::*;

/// Slots of a year in which clocks change twice, in quarter-hours, without overlap.
fn slots() -> impl Strategy<Value = Vec<Slot>> {
    let price = (-999_999_999_999_i128..999_999_999_999, 6_u8..=12);
    let slot = (0_usize..3, 0_i64..35_040, 1_i64..100, price).prop_map(
        |(kind, start, length, (mantissa, scale))| {
            let start = 1_767_222_000 + start * 900;
            let price = Decimal::new(mantissa, scale).expect("fits");
            Slot { kind: PriceKind::ALL[kind], start, end: start + length * 900, price }
        },
    );
    prop::collection::vec(slot, 1..60)
        .prop_map(|slots| PriceTable::from_slots(slots).slots().copied().collect())
}

fn zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(vec!["Europe/Amsterdam", "UTC", "Europe/Vilnius", "America/St_Johns"])
        .prop_map(|name| Zone::new(name).expect("known"))
}

proptest! {
    #[test]
    fn csv_and_json_are_read_as_they_were_written(slots in slots(), zone in zone()) {
        let (mut csv, mut json) = (Vec::new(), Vec::new());
        text::csv(&slots, &zone, &mut csv).expect("memory");
        text::json(&slots, &zone, &mut json).expect("memory");
        let read = |bytes: &[u8], format| read(bytes, format, PriceKind::Electricity, None, None);
        prop_assert_eq!(read(&csv, ImportFormat::Csv), Ok(slots.clone()));
        prop_assert_eq!(read(&json, ImportFormat::Json), Ok(slots));
    }

    #[test]
    fn any_cell_at_all_is_read_or_refused(cells in prop::collection::vec("[-0-9,;.eE\"\n T:/{}\\[\\]a-z]{0,24}", 0..8)) {
        let table = format!("start,price\n{}", cells.join(","));
        for (text, format) in [(table.as_str(), ImportFormat::Csv), (cells.concat().as_str(), ImportFormat::Json)] {
            if let Ok(slots) = read(text.as_bytes(), format, PriceKind::Electricity, None, None) {
                prop_assert!(slots.iter().all(|slot| slot.start < slot.end));
                prop_assert!(slots.windows(2).all(|pair| pair[0].kind != pair[1].kind || pair[0].end <= pair[1].start));
            }
        }
    }
}
