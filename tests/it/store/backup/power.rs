//! Power cuts while a backup is made and while one is put back.
//!
//! The real program runs, and [`trace`] notes every change that it makes to its folder, as the kernel sees it. [`image`]
//! makes of that what a power cut at any moment may have left: everything that was synced, and some of the rest.

/// What is left of a folder.
mod image;

/// The program, watched.
mod trace;

use super::super::disk::image::{Cut, Random};
use super::super::open_with;
use super::super::power::{self, cuts};
use super::*;
use image::Replay;
use trace::{Change, traced};

/// Whether a program can be watched here. Elsewhere nothing is tried, and it is said.
fn can_watch() -> bool {
    let possible = trace::is_possible();
    if !possible {
        eprintln!("this system does not let a program be watched: no power is cut");
    }
    possible
}

/// A folder in memory: what a cut leaves is laid out by us, and no device is asked.
fn scratch() -> tempfile::TempDir {
    power::scratch().0
}

/// What a program does to a folder, which is as before when it is laid out again.
fn log_of(arguments: &[&str], paths: &[&Path], folder: &Path) -> Vec<Change> {
    let (output, log) = traced(Command::new(env!("CARGO_BIN_EXE_dsmrd")).args(arguments).args(paths), folder);
    assert!(output.success(), "{arguments:?}: {output}");
    log
}

/// Moments to try: the last changes are those that count, the names, so that each of them is among them.
fn moments(log: &[Change], count: usize, random: &mut Random) -> Vec<usize> {
    let mut moments: Vec<usize> = (0..count).map(|_| random.below(log.len() + 1)).collect();
    for (place, change) in log.iter().enumerate() {
        if matches!(
            change,
            Change::Rename { .. } | Change::Delete { .. } | Change::SyncFolder | Change::SetLen { .. }
        ) {
            // Before it, and several times behind it, since what is left is a matter of chance.
            moments.extend([place, place + 1, place + 1, place + 1]);
        }
    }
    moments.extend([log.len(), log.len()]);
    moments.sort_unstable();
    moments
}

#[test]
fn a_power_cut_during_a_backup_leaves_the_record_alone_and_no_half_backup_under_its_name() {
    if !can_watch() {
        return;
    }
    let folder = scratch();
    let record = record(folder.path(), 300);
    let before = everything(&record);
    let start = image::files(folder.path());
    let log = log_of(&["backup", "--database"], &[&record, Path::new("--to"), folder.path()], folder.path());
    let mut random = Random(1);
    let (mut replay, mut seen, mut parts) = (Replay::new(start.clone()), [0, 0], 0);
    let moments = moments(&log, cuts(60), &mut random);
    for &moment in &moments {
        replay.until(&log, moment);
        let cut = Cut::any(&mut random);
        let what = format!("change {moment} of {}, {cut:?}", log.len());
        let here = scratch();
        replay.cut(cut, &mut random).lay(here.path());
        let path = here.path().join("dsmrd.sqlite");
        runtime().block_on(async { open(&path).store.close().await.unwrap() });
        assert_eq!(everything(&path), before, "{what}");
        let (backups, other): (Vec<_>, Vec<_>) = names(here.path())
            .into_iter()
            .filter(|name| name.starts_with("dsmrd-"))
            .partition(|name| name.ends_with(".gz"));
        parts += usize::from(!other.is_empty());
        seen[backups.len()] += 1;
        assert!(moment < log.len() || backups.len() == 1, "{what}: it was made, and is gone");
        for backup in backups {
            let copy = here.path().join("copy.sqlite");
            let candidate = prepare(&here.path().join(&backup), &copy, &Interrupt::default());
            candidate.unwrap_or_else(|error| panic!("{what}: {error}")).commit(START * 1_000).unwrap();
            assert_eq!(everything(&copy), before, "{what}");
        }
        // The next one takes away what this one left.
        let host = dsmrd::config::hostname();
        clean(here.path(), &Series::new(&path, &host)).unwrap();
        assert!(!names(here.path()).iter().any(|name| name.contains(".part")), "{what}");
    }
    // Had it not been synced, something else might be there under its name.
    let unsynced: Vec<Change> =
        log.iter().filter(|change| !matches!(change, Change::Sync { .. })).cloned().collect();
    let mut replay = Replay::new(start);
    replay.until(&unsynced, unsynced.len());
    let whole = names(folder.path()).into_iter().find(|name| name.starts_with("dsmrd-")).unwrap();
    let is_torn = |_: &usize| {
        let here = scratch();
        replay.cut(Cut::any(&mut random), &mut random).lay(here.path());
        std::fs::read(here.path().join(&whole)).ok() != std::fs::read(folder.path().join(&whole)).ok()
    };
    assert!((0..20).filter(is_torn).count() > 5, "no power cut is like this");
    assert!(
        moments.len() >= 60 && seen[0] > 5 && seen[1] > 1 && parts > 5,
        "{seen:?} {parts}: nothing was tried"
    );
}

/// A record and a backup of it as it was before; what the record and the backup hold.
fn record_and_backup(folder: &Path) -> (String, String) {
    let (record, backup) = (record(folder, 150), folder.join("backup.sqlite.gz"));
    back_up(&record, &backup);
    let new = everything(&record);
    let readings = simulated(300);
    let other = folder.join("elsewhere");
    std::fs::create_dir(&other).unwrap();
    runtime().block_on(async {
        let opened = open(&record);
        for reading in &readings[150..220] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.store.close().await.unwrap();
        // What is in its journal alone, as a process leaves it that ends without a farewell.
        let opened = open_with(&record, std::time::Duration::ZERO).unwrap();
        for reading in &readings[220..] {
            assert!(opened.store.put(&meter("home"), Arc::clone(reading)).await);
        }
        opened.journaled(80).await;
        for name in names(folder).iter().filter(|name| name.starts_with("dsmrd.sqlite")) {
            std::fs::copy(folder.join(name), other.join(name)).unwrap();
        }
        opened.store.close().await.unwrap();
    });
    for name in names(&other) {
        std::fs::rename(other.join(&name), folder.join(&name)).unwrap();
    }
    std::fs::remove_dir(&other).unwrap();
    let old = everything(&record);
    assert!(old.len() > new.len());
    (old, new)
}

/// Which of two records is there after a start; the old one is whole beside the new one.
fn settled(folder: &Path, old: &str, new: &str, what: &str) -> bool {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async { open(&path).store.close().await.unwrap() });
    let found = everything(&path);
    let is_new = found == new;
    assert!(is_new || found == old, "{what}: neither the old record nor the new one");
    let all = names(folder);
    if is_new {
        let aside = all.iter().find(|name| name.contains(".before-restore-")).unwrap();
        let stem = &aside[..aside.find(".before-restore-").unwrap() + ".before-restore-".len() + 16];
        assert_eq!(everything(&folder.join(stem)), old, "{what}: the old one is not whole");
    }
    assert!(!all.iter().any(|name| name.contains(".restored-")), "{what}: {all:?}");
    assert!(!all.iter().any(|name| name.contains(".corrupt-")), "{what}: {all:?}");
    is_new
}

#[test]
fn a_power_cut_during_a_restore_leaves_the_old_record_or_the_new_one() {
    if !can_watch() {
        return;
    }
    let folder = scratch();
    let (old, new) = record_and_backup(folder.path());
    let (record, backup) = (folder.path().join("dsmrd.sqlite"), folder.path().join("backup.sqlite.gz"));
    let start = image::files(folder.path());
    let log = log_of(&["restore", "--yes", "--database"], &[&record, &backup], folder.path());
    let mut random = Random(2);
    let (mut replay, mut seen) = (Replay::new(start), [0, 0]);
    let moments = moments(&log, cuts(60), &mut random);
    let mut between = Vec::new();
    for &moment in &moments {
        replay.until(&log, moment);
        let cut = Cut::any(&mut random);
        let what = format!("change {moment} of {}, {cut:?}", log.len());
        let here = scratch();
        let image = replay.cut(cut, &mut random);
        image.lay(here.path());
        if names(here.path()).iter().any(|name| name.contains(".restored-")) {
            between.push(image);
        }
        let is_new = settled(here.path(), &old, &new, &what);
        assert!(is_new || moment < log.len(), "{what}: it was restored, and is the old one");
        seen[usize::from(is_new)] += 1;
    }
    assert!(moments.len() >= 60 && seen[0] > 5 && seen[1] > 5, "{seen:?}: nothing was tried");

    // A start that ends what the cut has left is cut in its turn.
    assert!(between.len() > 3, "no restore was cut between its decision and its end");
    for (round, image) in between.iter().take(cuts(6)).enumerate() {
        let here = scratch();
        image.lay(here.path());
        let start = image::files(here.path());
        // Nothing to restore from: it ends what was begun, and says so.
        let (_, log) = traced(
            Command::new(env!("CARGO_BIN_EXE_dsmrd"))
                .args(["restore", "--yes", "--database"])
                .args([&here.path().join("dsmrd.sqlite"), Path::new("/dev/null")]),
            here.path(),
        );
        assert!(log.iter().any(|change| matches!(change, Change::Rename { .. })), "it had nothing to end");
        let mut replay = Replay::new(start);
        for moment in self::moments(&log, 10, &mut random) {
            replay.until(&log, moment);
            let cut = Cut::any(&mut random);
            let here = scratch();
            replay.cut(cut, &mut random).lay(here.path());
            let what = format!("the start after cut {round}: change {moment} of {}, {cut:?}", log.len());
            assert!(settled(here.path(), &old, &new, &what), "{what}: it was decided, and is the old one");
        }
    }
}
