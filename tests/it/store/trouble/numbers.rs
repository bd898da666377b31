//! Readings that come after a power cut are never taken for those that came before it.

use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{Range, Store, StoreSettings};
use rusqlite::Connection;

use super::super::disk::image::{Cut, Random, Replay};
use super::super::disk::{Card, Faults};
use super::super::{START, meter, numbers, runtime};
use super::{Rig, wordy};

#[test]
fn after_a_cut_that_took_the_end_of_the_journal_readings_go_on_behind_the_blocks() {
    runtime().block_on(async {
        // Ten readings that were synced, and twenty more that only the database's log has: somebody reads, so that the
        // journal is not begun anew.
        let rig = Rig::new(false);
        let given = |from, to| {
            let opened = &rig.opened;
            async move {
                for n in from..to {
                    assert!(opened.store.put(&meter("home"), wordy(n)).await);
                }
                opened.journaled(to as u64).await;
            }
        };
        given(0, 10).await;
        rig.opened.clock.advance(11_000);
        crate::support::until(Duration::from_secs(20), "they are synced", || {
            rig.opened.counters.syncs.get() > 0
        })
        .await;
        let reader = Connection::open(&rig.path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM block").unwrap();
        given(10, 30).await;
        rig.opened.store.flush().await.unwrap();
        let log = rig.card.take_log();
        let mut replay = Replay::new(&log);
        replay.until(log.len());
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        replay.cut(Cut { sector: 512, kept: 0 }, &mut Random(1)).lay(folder.path());
        drop(reader);
        rig.opened.store.close().await.unwrap();
        // The card is full: the log cannot move into the database, and no block can be stored.
        let card = Card::of(folder.path());
        card.fail(Faults { room: Some(0), ..Faults::default() });
        let settings = StoreSettings { path: path.clone(), sync_interval: Duration::ZERO };
        let counters = Arc::<dsmrd::telemetry::StoreCounters>::default();
        let clock = Clock::manual(START * 1_000);
        let store = Store::open_on(Arc::new(card.clone()), settings, Arc::clone(&counters), clock).unwrap();
        for n in 30..35 {
            assert!(store.put(&meter("home"), wordy(n)).await);
        }
        crate::support::until(Duration::from_secs(20), "the journal has them", || counters.stored.get() == 5)
            .await;
        let log = card.take_log();
        let mut replay = Replay::new(&log);
        replay.until(log.len());
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        replay.killed().lay(folder.path());
        card.heal();
        store.close().await.unwrap();
        assert_eq!(numbers(&path, Range::default()), (0..35).collect::<Vec<_>>(), "readers");
        super::super::open(&path).store.close().await.unwrap();
        assert_eq!(numbers(&path, Range::default()), (0..35).collect::<Vec<_>>(), "the next start");
    });
}
