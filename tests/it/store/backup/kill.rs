use std::time::Duration;

use super::*;
use crate::support::scratch;

/// Runs it and kills it after some microseconds; false when it was done before.
fn killed(arguments: &[&str], paths: &[&Path], micros: u64) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(arguments)
        .args(paths)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// How long the whole takes, with something to spare.
fn whole(arguments: &[&str], paths: &[&Path]) -> u64 {
    let clock = dsmrd::clock::Clock::system();
    let started = clock.mono();
    let output = dsmrd(arguments, paths);
    assert!(output.status.success(), "{}", text(&output));
    (clock.mono() - started) * 1_100
}

#[test]
fn a_backup_that_is_killed_leaves_the_record_alone_and_the_next_one_clean() {
    let folder = scratch();
    let record = record(folder.path(), 400);
    let before = everything(&record);
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    std::fs::write(backups.join("holiday.part"), "not ours").unwrap();
    let arguments = ["backup", "--database"];
    let paths: [&Path; 3] = [&record, Path::new("--to"), &backups];
    let long = whole(&arguments, &paths);
    let (mut random, mut cut, mut parts) = (7u64, 0, 0);
    for _ in 0..30 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        cut += u32::from(killed(&arguments, &paths, (random >> 33) % long));
        parts +=
            u32::from(names(&backups).iter().any(|name| name != "holiday.part" && name.contains(".part")));
    }
    assert!(cut > 5 && parts > 0, "{cut} were killed, {parts} left something: nothing was tried");
    // A name has seconds in it: within the second of the last one it may be taken.
    crate::support::wait_until(Duration::from_secs(5), "a backup is made", || {
        dsmrd(&arguments, &paths).status.success()
    });
    let left = names(&backups);
    let (whole, other): (Vec<_>, Vec<_>) = left.iter().partition(|name| name.ends_with("Z.sqlite.gz"));
    assert_eq!(other, ["holiday.part"]);
    // Whatever has the name of a backup is one.
    for (n, backup) in whole.iter().enumerate() {
        let copy = folder.path().join(format!("copy-{n}.sqlite"));
        assert!(restore(&backups.join(backup), &copy).status.success(), "{backup}");
        assert_eq!(Archive::open(&copy).unwrap().count().unwrap(), 400);
    }
    assert_eq!(everything(&record), before);
}

#[test]
fn a_restore_that_is_killed_ends_as_the_old_record_or_as_the_new_one() {
    let folder = scratch();
    let record = record(folder.path(), 200);
    let backup = folder.path().join("backup.sqlite.gz");
    back_up(&record, &backup);
    let new = everything(&record);
    // The old one has more in its blocks, and more in its journal.
    runtime().block_on(async {
        let opened = open(&record);
        for reading in &simulated(400)[200..300] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.store.close().await.unwrap();
        let opened = super::super::open_with(&record, Duration::ZERO).unwrap();
        for reading in &simulated(400)[300..] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.journaled(100).await;
        std::fs::create_dir(folder.path().join("kept")).unwrap();
        for name in names(folder.path()).iter().filter(|name| name.starts_with("dsmrd.sqlite")) {
            std::fs::copy(folder.path().join(name), folder.path().join("kept").join(name)).unwrap();
        }
    });
    let kept = folder.path().join("kept");
    let old = everything(&kept.join("dsmrd.sqlite"));
    assert!(old.len() > new.len());
    let arguments = ["restore", "--yes", "--database"];
    let fresh = |round: usize| {
        let here = folder.path().join(format!("round-{round}"));
        std::fs::create_dir(&here).unwrap();
        for name in names(&kept) {
            std::fs::copy(kept.join(&name), here.join(&name)).unwrap();
        }
        here
    };
    let here = fresh(0);
    let long = whole(&arguments, &[&here.join("dsmrd.sqlite"), &backup]);
    let (mut random, mut seen) = (11u64, [0, 0]);
    for round in 1..=30 {
        let here = fresh(round);
        let path = here.join("dsmrd.sqlite");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Most of the time goes into the check; what counts comes at the end.
        killed(&arguments, &[&path, &backup], long / 2 + (random >> 33) % (long / 2));
        runtime().block_on(async { open(&path).store.close().await.unwrap() });
        let found = everything(&path);
        let is_new = found == new;
        assert!(is_new || found == old, "round {round}: neither the old record nor the new one");
        seen[usize::from(is_new)] += 1;
        if is_new {
            let name = names(&here).into_iter().find(|name| name.contains(".before-restore-")).unwrap();
            let stem = &name[..name.find(".before-restore-").unwrap() + ".before-restore-".len() + 16];
            assert_eq!(everything(&here.join(stem)), old, "round {round}: the old one is not whole");
        }
        assert!(!names(&here).iter().any(|name| name.contains(".restored-")), "round {round}");
        std::fs::remove_dir_all(here).unwrap();
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?} old and new: nothing was tried");
}
