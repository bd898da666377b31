//! Laws of the codec, over rows of every kind.

use proptest::collection::vec;
use proptest::prelude::*;

use super::range::{Decoder, Encoder};
use super::*;
use crate::meter::record::{FlatValue, Key};
use crate::meter::{Proof, Quantity, Unit};
use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;

fn decimals() -> impl Strategy<Value = Decimal> {
    let magnitude = prop_oneof![Just(0u64), Just(u64::MAX), 0u64..1_000, any::<u64>()];
    (any::<bool>(), magnitude, 0u8..=19).prop_map(|(negative, magnitude, scale)| {
        Decimal::from_parts(negative, magnitude, scale).expect("fits")
    })
}

fn times() -> impl Strategy<Value = LocalTime> {
    let any_time = (0u16.., 0u8.., 0u8.., 0u8.., 0u8.., 0u8..);
    let date = (2000u16..2100, 1u8..13, 1u8..29, 0u8..24, 0u8..60, 0u8..60);
    (prop_oneof![date, any_time], any::<Option<bool>>()).prop_map(
        |((year, month, day, hour, minute, second), dst)| LocalTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            dst,
        },
    )
}

fn values() -> impl Strategy<Value = FlatValue> {
    let unit = (0..Unit::ALL.len()).prop_map(|place| Unit::ALL[place]);
    prop_oneof![
        3 => (decimals(), unit).prop_map(|(value, unit)| FlatValue::Number(Quantity { value, unit })),
        1 => vec(any::<u8>(), 0..40).prop_map(|text| FlatValue::Text(text.into())),
        1 => times().prop_map(FlatValue::Time),
    ]
}

fn keys() -> impl Strategy<Value = Key> {
    prop_oneof![
        Just(Key::from("time")),
        Just(Key::from("power_import")),
        Just(Key::from("power_export_l2")),
        Just(Key::from("energy_import_t1")),
        Just(Key::from("mbus/1/24.2.1/value")),
        "[a-z/é]{0,12}".prop_map(Key::from),
    ]
}

pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let proof = prop_oneof![
        Just(Proof::Verified),
        Just(Proof::Absent),
        Just(Proof::Failed),
        Just(Proof::Unauthenticated)
    ];
    let row = (any::<i64>(), proof, vec((keys(), values()), 0..12))
        .prop_map(|(received_at, proof, items)| Row { received_at, proof, items });
    // Rows repeat, so that shapes do.
    vec(row, 0..6).prop_flat_map(|rows| {
        let count = rows.len();
        (Just(rows), vec(0..count.max(1), 0..24))
            .prop_map(|(rows, order)| order.iter().filter_map(|place| rows.get(*place).cloned()).collect())
    })
}

#[test]
fn version_1_is_what_it_was() {
    let (mut codec, mut encoder) = (RowCodec::default(), Encoder::default());
    for n in 0..200i128 {
        let number = |n, scale, unit| {
            FlatValue::Number(Quantity { value: Decimal::new(n, scale).expect("fits"), unit })
        };
        let time = LocalTime {
            year: 2026,
            month: 11,
            day: 21,
            hour: 6,
            minute: (n / 60) as u8,
            second: (n % 60) as u8,
            dst: Some(false),
        };
        let items = vec![
            ("time".into(), FlatValue::Time(time)),
            ("energy_import_t1".into(), number(5_000_000 + n * n / 50, 3, Unit::KiloWattHour)),
            ("power_import".into(), number(1_200 + n * 7_919 % 311, 3, Unit::KiloWatt)),
            ("power_import_l1".into(), number(400 + n * 7_919 % 311, 3, Unit::KiloWatt)),
            ("voltage_l1".into(), number(2_301 + n % 5, 1, Unit::Volt)),
            ("tariff".into(), FlatValue::Text(if n < 100 { *b"0002" } else { *b"0001" }.into())),
        ];
        let received_at = 1_795_240_800_000 + n as i64 * 1_000 + n as i64 % 3;
        codec.encode(&mut encoder, &Row { received_at, proof: Proof::Verified, items }).expect("it fits");
    }
    let bytes = encoder.finish();
    // Stored blocks have these bytes: when this fails, give the codec a new version and keep reading the old.
    assert_eq!((bytes.len(), crate::store::crc::crc32(0, &bytes)), (541, 3_363_352_436));
}

proptest! {
    #[test]
    fn any_rows_come_back(rows in rows()) {
        let (mut codec, mut encoder) = (RowCodec::default(), Encoder::default());
        for row in &rows {
            codec.encode(&mut encoder, row).expect("small rows are taken");
        }
        let bytes = encoder.finish();
        let (mut codec, mut decoder) = (RowCodec::default(), Decoder::new(&bytes));
        for row in &rows {
            prop_assert_eq!(&codec.decode(&mut decoder).expect("not damaged"), row);
        }
    }

    #[test]
    fn damaged_bytes_end_in_rows_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        let (mut codec, mut decoder) = (RowCodec::default(), Decoder::new(&bytes));
        for _ in 0..100 {
            if codec.decode(&mut decoder).is_err() {
                break;
            }
        }
    }

    #[test]
    fn one_flipped_bit_is_not_read_past(rows in rows(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (mut codec, mut encoder) = (RowCodec::default(), Encoder::default());
        for row in &rows {
            codec.encode(&mut encoder, row).expect("small rows are taken");
        }
        let mut bytes = encoder.finish();
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        let (mut codec, mut decoder) = (RowCodec::default(), Decoder::new(&bytes));
        for _ in 0..rows.len() {
            if codec.decode(&mut decoder).is_err() {
                break;
            }
        }
    }
}
