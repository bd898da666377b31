use std::sync::atomic::{AtomicBool, Ordering};

use dsmrd::store::Range;

use super::super::{numbers, reading};
use super::*;
use crate::appliance::daemon::Daemon;
use crate::support::{AtEnd, scratch};

#[test]
fn beside_a_writer_each_backup_has_all_that_was_kept_before_it() {
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let done = AtomicBool::new(false);
    let opened = open(&path);
    std::thread::scope(|scope| {
        // An hour of readings each hundred, so that blocks are stored and the journal is cut all the time.
        scope.spawn(|| {
            runtime().block_on(async {
                let mut n = 0;
                while !done.load(Ordering::Relaxed) {
                    opened.clock.advance(36_000);
                    assert!(opened.store.put(&meter("home"), reading(n * 36, n)).await);
                    n += 1;
                    if n % 50 == 0 {
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    }
                }
            });
        });
        let _end = AtEnd(|| done.store(true, Ordering::Relaxed));
        for round in 0.. {
            // Until blocks were stored meanwhile.
            if round >= 6 && opened.counters.blocks.get() > 3 {
                break;
            }
            assert!(round < 1_000, "no block was stored meanwhile: nothing was tried");
            let kept = opened.counters.stored.get();
            let file = folder.path().join(format!("{round}.sqlite.gz"));
            let made = back_up(&path, &file);
            assert!(made.contents.readings >= kept, "{} of {kept}", made.contents.readings);
            let copy = folder.path().join(format!("{round}")).join("dsmrd.sqlite");
            std::fs::create_dir(copy.parent().unwrap()).unwrap();
            let interrupt = Interrupt::default();
            let candidate = dsmrd::store::backup::restore::prepare(&file, &copy, &interrupt).unwrap();
            candidate.commit(START * 1_000).unwrap();
            let back = numbers(&copy, Range::default());
            assert_eq!(back, Vec::from_iter(0..made.contents.readings as i64), "round {round}");
            std::fs::remove_dir_all(copy.parent().unwrap()).unwrap();
        }
    });
    runtime().block_on(opened.store.close()).unwrap();
}

#[test]
fn what_comes_back_is_what_was_there_with_its_totals_and_it_goes_on() {
    let folder = scratch();
    let path = folder.path().join("dsmrd.sqlite");
    let readings = simulated(1_500);
    let before = runtime().block_on(async {
        let opened = open(&path);
        for reading in &readings[..1_000] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.journaled(1_000).await;
        let file = folder.path().join("backup.sqlite.gz");
        let made = back_up(&path, &file);
        assert!(made.journaled > 0, "nothing was in the journal alone: nothing was tried");
        assert_eq!(made.contents.readings, 1_000);
        let before = everything(&path);
        // It goes on, and what comes now is lost by the restore.
        for reading in &readings[1_000..1_200] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.store.close().await.unwrap();
        before
    });
    let output = restore(&folder.path().join("backup.sqlite.gz"), &path);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("200 of its 1200 readings are later than the backup"),
        "{}",
        text(&output)
    );
    assert_eq!(everything(&path), before);
    // The same again after a start, and new readings get new numbers.
    runtime().block_on(async {
        let opened = open(&path);
        opened.store.close().await.unwrap();
        assert_eq!(everything(&path), before);
        let opened = open(&path);
        for reading in &readings[1_200..] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.journaled(300).await;
        drop(opened);
    });
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.count().unwrap(), 1_300);
    // What was put aside is a record too, and comes back in the same way.
    drop(archive);
    let aside = names(folder.path()).into_iter().find(|name| {
        name.contains(".before-restore-")
            && ![".journal", "-wal", "-shm"].iter().any(|end| name.ends_with(end))
    });
    let copy = folder.path().join("copy.sqlite");
    let output = restore(&folder.path().join(aside.unwrap()), &copy);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(Archive::open(&copy).unwrap().count().unwrap(), 1_200);
}

#[test]
fn beside_the_appliance_and_after_its_death() {
    let folder = scratch();
    let config = folder.path().join("dsmrd.toml");
    let file = "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"dsmrd.sqlite\"\n";
    std::fs::write(&config, file).unwrap();
    let path = folder.path().join("dsmrd.sqlite");
    let mut daemon = Daemon::start(&config);
    let count = || Archive::open(&path).map_or(0, |archive| archive.count().unwrap());
    crate::support::wait_until(std::time::Duration::from_secs(20), "readings are kept", || count() >= 2);
    let kept = count();
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let output = dsmrd(&["backup", "--config"], &[&config, Path::new("--to"), &backups]);
    assert!(output.status.success(), "{}", text(&output));
    let first = names(&backups);
    assert!(
        first.len() == 1 && first[0].starts_with("dsmrd-") && first[0].ends_with("Z.sqlite.gz"),
        "{first:?}"
    );

    // While it runs nothing takes its record's place.
    let refused = restore(&backups.join(&first[0]), &path);
    assert!(text(&refused).contains("another dsmrd is using this store"), "{}", text(&refused));
    assert_eq!(refused.status.code(), Some(1));

    // Killed, it leaves readings that are in no database, some of them in memory alone.
    crate::support::wait_until(std::time::Duration::from_secs(20), "more are kept", || count() > kept);
    daemon.signal(libc::SIGKILL);
    daemon.wait();
    let all = everything(&path);
    let after = folder.path().join("after.sqlite.gz");
    let output = dsmrd(&["backup", "--config"], &[&config, Path::new("--to"), &after]);
    assert!(output.status.success(), "{}", text(&output));
    let output = restore(&backups.join(&first[0]), &path);
    assert!(output.status.success(), "{}", text(&output));
    let restored = count();
    assert!(restored >= kept);
    // None of what is in its journal, or in memory, comes into the new record with the next start.
    runtime().block_on(async { open(&path).store.close().await.unwrap() });
    assert_eq!(count(), restored);
    let output = restore(&after, &path);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(everything(&path), all);
}
