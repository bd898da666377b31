//! Laws of packed blocks, over rows of every kind.

use proptest::prelude::*;

use super::*;
use crate::store::block;
use crate::store::codec::tests::rows;
use crate::store::summary::Summary;

fn unpacked(data: Vec<u8>) -> Vec<Row> {
    let rows = block::rows(VERSION, data).expect("it is whole");
    rows.collect::<Result<_, _>>().expect("it is whole")
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
