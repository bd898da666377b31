//! Cuts while a start tidies up after a cut: the second start must find what the first one found.

use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::store::{Store, StoreSettings};

use super::check::{check, readings};
use super::{Memory, Run, cuts, scratch};
use crate::store::disk::Card;
use crate::store::disk::image::{Cut, Random, Replay};
use crate::store::{START, runtime};

#[test]
fn a_power_cut_during_the_recovery_from_a_power_cut_takes_nothing_more() {
    let seed = 6;
    let run = Run::start(Duration::from_secs(300), 100, Memory::None).given(150, &[40]);
    let events = run.card.take_log();
    let mut random = Random(seed);
    for first in 0..cuts(40) {
        let place = random.below(events.len() + 1);
        let mut replay = Replay::new(&events);
        replay.until(place);
        let (folder, path) = scratch();
        let cut = Cut::any(&mut random);
        replay.cut(cut, &mut random).lay(folder.path());
        let card = Card::of(folder.path());
        let settings = StoreSettings { path: path.clone(), sync_interval: Duration::from_secs(60) };
        let clock = Clock::manual(START * 1_000);
        let store = Store::open_on(Arc::new(card.clone()), settings, Arc::default(), clock).unwrap();
        let found: usize = readings(&path).values().map(Vec::len).sum();
        runtime().block_on(store.close()).unwrap();
        let recovery = card.take_log();
        let mut places: Vec<usize> = (0..6).map(|_| random.below(recovery.len() + 1)).collect();
        places.sort_unstable();
        let mut again = Replay::new(&recovery);
        for second in places {
            // What lay there when it began was on the device.
            let second = second.max(recovery.iter().take_while(|event| event.is_old()).count());
            again.until(second);
            let (folder, path) = scratch();
            let inner = Cut::any(&mut random);
            again.cut(inner, &mut random).lay(folder.path());
            let what = format!("cut {first}: event {place}, {cut:?}; then event {second}, {inner:?}");
            let left = check(&path, &run.expected, replay.mark, &what);
            assert_eq!(left, found, "{what}: the first start found another number of readings");
        }
    }
}
