//! The laws of a price table, against the plainest model: a list of slots of which the last one counts.

use dsmrd::p1::Decimal;
use dsmrd::prices::{PriceKind, PriceTable, Slot};
use proptest::prelude::*;

/// Slots among a few instants, so that they touch, cover and split each other.
fn slot() -> impl Strategy<Value = Slot> {
    (0_usize..3, 0_i64..40, -3_i64..12, -5_i128..5, 0_u8..2).prop_map(
        |(kind, start, length, price, zeros)| {
            let price = Decimal::new(price * 10_i128.pow(zeros.into()), 2 + zeros).expect("fits");
            Slot { kind: PriceKind::ALL[kind], start, end: start + length, price }
        },
    )
}

fn slots() -> impl Strategy<Value = Vec<Slot>> {
    prop::collection::vec(slot(), 0..40)
}

/// What the model tells: the price of the slot inserted last that covers an instant.
fn last(slots: &[Slot], kind: PriceKind, utc: i64) -> Option<Decimal> {
    let covers = |slot: &&Slot| slot.kind == kind && slot.start <= utc && utc < slot.end;
    slots.iter().rev().find(covers).map(|slot| slot.price)
}

const INSTANTS: std::ops::Range<i64> = -2..55;

fn value(price: Option<Decimal>) -> Option<Decimal> {
    price.map(|price| price.rescaled(3).expect("fits"))
}

proptest! {
    #[test]
    fn the_slot_inserted_last_counts(slots in slots()) {
        let table = PriceTable::from_slots(slots.iter().copied());
        for kind in PriceKind::ALL {
            for utc in INSTANTS {
                prop_assert_eq!(table.at(kind, utc), last(&slots, kind, utc));
            }
        }
        let told: Vec<Slot> = table.slots().copied().collect();
        prop_assert_eq!(told.len(), table.len());
        prop_assert!(told.iter().all(|slot| slot.start < slot.end));
        for pair in told.windows(2) {
            prop_assert!(pair[0].kind < pair[1].kind || pair[0].end <= pair[1].start);
        }
        // Built anew of what it tells, it is the same.
        prop_assert_eq!(PriceTable::from_slots(told), table);
    }

    #[test]
    fn two_tables_differ_from_the_first_instant_at_which_their_prices_do(one in slots(), other in slots()) {
        let (one, other) = (PriceTable::from_slots(one), PriceTable::from_slots(other));
        let differ = |utc: &i64| {
            PriceKind::ALL.iter().any(|kind| value(one.at(*kind, *utc)) != value(other.at(*kind, *utc)))
        };
        prop_assert_eq!(one.differs_from(&other), INSTANTS.into_iter().find(differ));
        prop_assert_eq!(other.differs_from(&one), one.differs_from(&other));
        prop_assert_eq!(one.differs_from(&one), None);
    }
}
