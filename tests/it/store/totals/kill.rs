//! `kill -9` at random moments: counters and positions are those of a run that nothing ended.

use std::time::Duration;

use dsmrd::store::{Archive, Range};

use super::{STEP, household, kept, told};
use crate::store::disk::image::Random;
use crate::store::{START, kill, meter, open_with, runtime};

/// The child: keeps readings until it is killed.
#[test]
fn child() {
    let Some((path, first)) = kill::told() else { return };
    runtime().block_on(async {
        let opened = kill::opened(&path);
        kill::say("ready");
        for n in first.. {
            opened.clock.advance(STEP as u64 * 1_000);
            opened.store.put(&meter("home"), household(n * STEP)).await;
            if n % 61 == 0 {
                opened.store.flush().await.unwrap();
            }
        }
    });
}

#[test]
fn a_kill_changes_no_total() {
    let folder = crate::support::scratch();
    let path = folder.path().join("dsmrd.sqlite");
    std::fs::create_dir(folder.path().join(kill::MEMORY)).unwrap();
    let (mut count, mut random, mut longest) = (0i64, Random(9), kill::Moment::USUAL);
    for round in 0.. {
        if round >= kill::kills(60) {
            if count > 200 {
                break;
            }
            // A slow machine needs longer lives for something to be in them.
            assert!(round < 1_000, "only {count} readings: nothing was tried");
            longest = (longest * 2).min(Duration::from_secs(5));
        }
        let moment = kill::Moment::any(&mut random, longest);
        kill::live_and_die("store::totals::kill::child", folder.path(), count, moment);
        let Ok(archive) = Archive::open(&path) else {
            assert_eq!(count, 0, "round {round}: the record is gone");
            continue;
        };
        let last = archive.readings(Range::default()).unwrap().last();
        let last = last.map(|stored| stored.unwrap().reading.utc_seconds());
        count = last.map_or(0, |last| (last - START) / STEP + 1);
        // As the killed process left it: blocks, and a journal that nobody has moved into them.
        assert_eq!(kept(&path), told((0..count).map(|n| household(n * STEP))), "round {round}, {moment:?}");
    }
    runtime().block_on(async { open_with(&path, Duration::ZERO).unwrap().store.close().await.unwrap() });
    assert_eq!(kept(&path), told((0..count).map(|n| household(n * STEP))), "after a start");
}
