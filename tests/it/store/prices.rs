//! Dynamic prices, put in beside a running store.

use std::path::Path;

use dsmrd::p1::Decimal;
use dsmrd::prices::{PriceKind, PriceTable, Slot};
use dsmrd::store::{Archive, ImportSummary, OpenError, PriceWatch, prices};
use proptest::prelude::*;

use super::{START, meter, numbers, open, reading, runtime};

fn slot(start: i64, end: i64, price: i64) -> Slot {
    let price = Decimal::new(price.into(), 5).unwrap();
    Slot { kind: PriceKind::Electricity, start: START + start, end: START + end, price }
}

fn kept(path: &Path, from: i64) -> PriceTable {
    Archive::open(path).unwrap().prices(from).unwrap()
}

fn summary(added: usize, changed: usize, unchanged: usize) -> ImportSummary {
    ImportSummary { added, changed, unchanged }
}

#[test]
fn an_import_makes_no_database() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let error = prices::import(&path, &[slot(0, 900, 1)]).unwrap_err();
    assert!(matches!(error, OpenError::Missing(_)), "{error}");
    assert!(!path.exists());
}

#[test]
fn prices_come_in_beside_a_store_that_writes_and_are_noticed() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        let mut watch = PriceWatch::open(&path).unwrap();
        assert!(!watch.changed());
        opened.feed(0..50).await;
        opened.store.flush().await.unwrap();
        assert!(!watch.changed(), "blocks are no news of prices");
        let day: Vec<Slot> = (0..96).map(|n| slot(n * 900, (n + 1) * 900, 20_000 - n * 500)).collect();
        // Another process imports while this one stores.
        let importing = std::thread::spawn({
            let (path, day) = (path.clone(), day.clone());
            move || -> Vec<ImportSummary> {
                let parts = day.chunks(8);
                parts.map(|part| prices::import(&path, part).unwrap()).collect()
            }
        });
        for n in 50..100 {
            assert!(opened.store.put(&meter("home"), reading(n, n)).await);
            opened.store.flush().await.unwrap();
        }
        assert_eq!(importing.join().unwrap(), [summary(8, 0, 0); 12]);
        assert!(watch.changed());
        assert!(!watch.changed(), "it is told once");
        assert_eq!(prices::import(&path, &day).unwrap(), summary(0, 0, 96));
        assert!(!watch.changed(), "nothing changed");
        // The store itself takes prices as well, in between readings.
        let more = vec![slot(95 * 900, 96 * 900, -7), slot(96 * 900, 97 * 900, 3), slot(0, 900, 20_000)];
        assert_eq!(opened.store.put_prices(more.clone()).await.unwrap(), summary(1, 1, 1));
        assert!(watch.changed());
        let expected = PriceTable::from_slots(day.iter().chain(&more).copied());
        assert_eq!(kept(&path, i64::MIN), expected);
        let noon = START + 43_200;
        assert_eq!(
            kept(&path, noon),
            PriceTable::from_slots(expected.slots().copied().filter(|slot| slot.end > noon))
        );
        opened.store.close().await.unwrap();
        assert!(opened.store.put_prices(more).await.is_err());
    });
    assert_eq!(numbers(&path, Default::default()), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_watch_follows_to_the_database_that_takes_the_place_of_another() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let close = |path: &Path| runtime().block_on(open(path).store.close()).unwrap();
    close(&path);
    let mut watch = PriceWatch::open(&path).unwrap();
    std::fs::rename(&path, folder.path().join("aside")).unwrap();
    assert!(!watch.changed(), "there is none");
    close(&path);
    assert!(watch.changed(), "what is known is of the old one");
    assert!(!watch.changed());
    prices::import(&path, &[slot(0, 900, 1)]).unwrap();
    assert!(watch.changed());
}

fn slots() -> impl Strategy<Value = Vec<Slot>> {
    let kinds = prop::sample::select(PriceKind::ALL.to_vec());
    let one = (kinds, 0..40i64, 1..9i64, -3..3i64);
    let one =
        one.prop_map(|(kind, start, length, price)| Slot { kind, ..slot(start, start + length, price) });
    prop::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// What is in the database is what a table in memory makes of the same imports.
    #[test]
    fn imports_follow_the_law_of_the_table(imports in prop::collection::vec(slots(), 1..6)) {
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        let opened = open(&path);
        let mut table = PriceTable::default();
        for slots in &imports {
            let done = prices::import(&path, slots).unwrap();
            prop_assert_eq!(done.added + done.changed + done.unchanged, slots.len());
            table.extend(slots.iter().copied());
            prop_assert_eq!(&kept(&path, i64::MIN), &table);
        }
        runtime().block_on(opened.store.close()).unwrap();
    }
}
