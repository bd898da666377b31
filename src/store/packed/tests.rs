//! Laws of packed blocks, over rows of every kind.

use proptest::prelude::*;

use super::*;
use crate::meter::record::FlatValue;
use crate::meter::{Proof, Quantity, Unit};
use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;
use crate::store::block;
use crate::store::codec::tests::rows;
use crate::store::summary::Summary;

fn unpacked(data: Vec<u8>) -> Vec<Row> {
    let rows = block::rows(VERSION, data).expect("it is whole");
    rows.collect::<Result<_, _>>().expect("it is whole")
}

fn number(mantissa: i128, scale: u8, unit: Unit) -> FlatValue {
    FlatValue::Number(Quantity { value: Decimal::new(mantissa, scale).expect("fits"), unit })
}

/// Rows of a meter, each a second after the one before: a clock, registers that follow power, phases that add up.
fn metered(count: i128) -> Vec<Row> {
    let row = |n: i128| {
        let (minute, second) = ((n / 60 % 60) as u8, (n % 60) as u8);
        let time = LocalTime { year: 2026, month: 11, day: 21, hour: 6, minute, second, dst: Some(false) };
        let (one, two) = (400 + n * 7_919 % 311, n * 104_729 % 211 - 100);
        let total = one + two;
        let items = vec![
            ("time".into(), FlatValue::Time(time)),
            ("time/offset".into(), number(3_600, 0, Unit::Second)),
            ("energy_import_t1".into(), number(5_000_000 + n * n / 50, 3, Unit::KiloWattHour)),
            ("tariff".into(), FlatValue::Text(if n < 100 { *b"0002" } else { *b"0001" }.into())),
            ("power_import".into(), number(total.max(0), 3, Unit::KiloWatt)),
            ("power_export".into(), number((-total).max(0), 3, Unit::KiloWatt)),
            ("voltage_l1".into(), number(2_301 + n % 5, 1, Unit::Volt)),
            ("power_import_l1".into(), number(one, 3, Unit::KiloWatt)),
            ("power_import_l2".into(), number(two.max(0), 3, Unit::KiloWatt)),
            ("power_export_l2".into(), number((-two).max(0), 3, Unit::KiloWatt)),
            ("mbus/1/24.2.1/value".into(), number(1_000 + n / 300, 3, Unit::CubicMetre)),
            ("power_import#min".into(), number(i128::from(u64::MAX) - n * (n % 2), 3, Unit::KiloWatt)),
        ];
        let received_at = 1_795_240_800_000 + n as i64 * 1_000 + n as i64 % 3;
        Row { received_at, proof: Proof::Verified, items }
    };
    (0..count).map(row).collect()
}

#[test]
fn version_2_is_what_it_was() {
    let block = pack(&metered(400)).expect("they fit");
    let summary = Summary::of(&Columns::of(&metered(400), &|_| true)).pack();
    // Stored blocks have these bytes: when this fails, give the codec a new version and keep reading the old.
    let bytes = [block, summary].map(|bytes| (bytes.len(), crc32(0, &bytes)));
    assert_eq!(bytes, [(5_002, 3_705_272_262), (136, 948_380_233)]);
}

#[test]
fn rows_of_a_meter_come_back() {
    let rows = metered(3_600);
    let data = pack(&rows).expect("they fit");
    assert_eq!(unpacked(data.clone()), rows);
    for wanted in [&|_: &str| true, &|key: &str| key == "power_export", &|key: &str| key.contains("_l")]
        as [&dyn Fn(&str) -> bool; 3]
    {
        let columns = block::columns(VERSION, data.clone(), wanted).expect("it is whole");
        assert_eq!(columns, Columns::of(&rows, wanted));
    }
}

#[test]
fn a_moved_block_is_what_its_rows_would_be_later() {
    let mut rows = metered(3_600);
    // Too wide to be moved, and of no reading.
    rows.iter_mut().for_each(|row| row.items.retain(|(key, _)| !key.contains('#')));
    let offset = |key: &str| match key {
        "energy_import_t1" => -4_000_000,
        "mbus/1/24.2.1/value" => 777,
        _ => 0,
    };
    let block = pack(&rows).expect("they fit");
    let summary = Summary::of(&Columns::of(&rows, &|_| true)).pack();
    let (moved, told) = crate::store::probe::moved(&block, &summary, 31_536_000, &offset).expect("it moves");
    for row in &mut rows {
        row.received_at += 31_536_000_000;
        for (key, value) in &mut row.items {
            match value {
                FlatValue::Time(time) => time.year += 1,
                FlatValue::Number(Quantity { value, .. }) => {
                    let moved = value.mantissa() + i128::from(offset(key));
                    *value = Decimal::new(moved, value.scale()).expect("fits");
                }
                FlatValue::Text(_) => {}
            }
        }
    }
    assert_eq!(unpacked(moved), rows);
    assert_eq!(told, Summary::of(&Columns::of(&rows, &|_| true)).pack());
}

#[test]
fn rows_of_too_many_shapes_are_packed_one_after_the_other() {
    let mut rows = metered(700);
    for (place, row) in rows.iter_mut().enumerate() {
        // Each lacks columns of its own.
        let mut bit = 0;
        row.items.retain(|_| {
            bit += 1;
            place >> (bit % 10) & 1 == 0
        });
    }
    let data = pack(&rows).expect("they fit");
    assert_eq!(data[HEAD], BY_ROW);
    assert_eq!(unpacked(data.clone()), rows);
    assert_eq!(block::columns(VERSION, data.clone(), &|_| true), Ok(Columns::of(&rows, &|_| true)));
    // So they are together with others.
    let mut writer = BlockWriter::default();
    metered(50).iter().for_each(|row| writer.push(row).expect("it fits"));
    let both = repack(&[(VERSION, &data), (1, &writer.finish())]).expect("both are whole");
    assert_eq!(unpacked(both), [rows, metered(50)].concat());
}

#[test]
fn more_rows_than_a_block_holds_are_not_packed_together() {
    let row = Row { received_at: 0, proof: Proof::Absent, items: Vec::new() };
    let data = pack(&vec![row; MAX_ROWS as usize]).expect("they fit");
    assert!(repack(&[(VERSION, &data)]).is_some());
    assert!(repack(&[(VERSION, &data), (VERSION, &data)]).is_none());
}

/// Rows that tell their time in every way, and that lack what others have.
fn timed() -> impl Strategy<Value = Vec<Row>> {
    let offsets = prop_oneof![Just(3_600i128), Just(7_200), Just(u64::MAX.into()), -9i128..9];
    let keys =
        prop_oneof![4 => Just("time/offset"), 1 => Just("time"), 1 => Just("time/x"), 1 => Just("timer")];
    let odd = (keys, offsets, 0u8..2);
    let changes = (0usize..400, 0usize..400, proptest::collection::vec(odd, 0..3), 0usize..12);
    proptest::collection::vec(changes, 0..6).prop_map(|changes| {
        let mut rows = metered(400);
        for (from, count, odd, lost) in changes {
            for row in rows.iter_mut().skip(from).take(count) {
                row.items.extend(
                    odd.iter()
                        .map(|(key, value, scale)| ((*key).into(), number(*value, *scale, Unit::Second))),
                );
                row.items.remove(lost % row.items.len().max(1));
            }
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn times_are_those_of_the_rows(rows in timed()) {
        let data = pack(&rows).expect("they fit");
        prop_assert_eq!(&block::columns(VERSION, data.clone(), &|_| true).expect("whole"), &Columns::of(&rows, &|_| true));
        prop_assert_eq!(unpacked(data), rows);
    }

    #[test]
    fn forged_blocks_end(body in proptest::collection::vec(any::<u8>(), 1..200), rows in 0u32..300) {
        crate::store::probe::read_any(&sealed(rows, &body));
        crate::store::probe::read_any(&sealed(rows, &[&[BY_COLUMN], body.as_slice()].concat()));
    }

    #[test]
    fn a_changed_block_with_a_right_checksum_ends(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut data = pack(&metered(300)).expect("they fit");
        let place = HEAD + place.index(data.len() - HEAD);
        data[place] = byte;
        crate::store::probe::read_any(&seal(data, 300));
    }
}

proptest! {
    #[test]
    fn any_rows_come_back(rows in rows()) {
        prop_assert_eq!(unpacked(pack(&rows).expect("small rows are taken")), rows);
    }

    #[test]
    fn columns_are_those_of_the_rows(rows in rows(), letter in "[a-z]") {
        let data = pack(&rows).expect("small rows are taken");
        for wanted in [&|_: &str| true, &|key: &str| key.contains(&letter)] as [&dyn Fn(&str) -> bool; 2] {
            let columns = block::columns(VERSION, data.clone(), wanted).expect("it is whole");
            prop_assert_eq!(&columns, &Columns::of(&rows, wanted));
            let summary = Summary::of(&columns);
            prop_assert_eq!(Summary::unpack(&summary.pack()), Ok(summary));
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed(rows in rows(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let columns = Columns::of(&rows, &|_| true);
        let (mut data, mut summary) = (pack(&rows).expect("small rows are taken"), Summary::of(&columns).pack());
        for bytes in [&mut data, &mut summary] {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        prop_assert!(block::rows(VERSION, data.clone()).is_err());
        prop_assert!(block::columns(VERSION, data, &|_| true).is_err());
        prop_assert!(Summary::unpack(&summary).is_err());
    }

    #[test]
    fn blocks_packed_together_are_all_their_rows(first in rows(), second in rows()) {
        let mut writer = BlockWriter::default();
        for row in &second {
            writer.push(row).expect("it fits");
        }
        let (old, new) = (pack(&first).expect("small rows are taken"), writer.finish());
        let both = repack(&[(VERSION, &old), (1, &new)]).expect("both are whole");
        prop_assert_eq!(unpacked(both), [first, second].concat());
    }
}
