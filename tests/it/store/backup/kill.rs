use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::Duration;

use super::*;
use crate::support::{scratch, wait_until};

fn spawn(arguments: &[&str], paths: &[&Path]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(arguments)
        .args(paths)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it after some microseconds; false when it came to its own end before, whether well or not.
fn killed(mut child: Child, micros: u64) -> bool {
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(9)
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
    let part = |name: &String| name != "holiday.part" && name.contains(".part");
    let (mut random, mut cut, mut parts) = (7u64, 0, 0);
    // A name has seconds in it: in the second of one that was finished the next one is refused, and tried again.
    wait_until(Duration::from_secs(120), "30 were killed, 10 of them with something begun", || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let before = names(&backups);
        let mut child = spawn(&arguments, &paths);
        if cut % 2 == 1 {
            // It has just begun when the parts that lie there are other ones.
            while names(&backups) == before && child.try_wait().unwrap().is_none() {}
        }
        cut += u32::from(killed(child, (random >> 33) % long));
        parts += u32::from(names(&backups).iter().any(part));
        cut >= 30 && parts >= 10
    });
    wait_until(Duration::from_secs(5), "a backup is made", || dsmrd(&arguments, &paths).status.success());
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
    for round in 1.. {
        let here = fresh(round);
        let path = here.join("dsmrd.sqlite");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut child = spawn(&arguments, &[&path, &backup]);
        // Most of the time goes into the check; what counts comes at the end, when files get other names.
        let micros = if round % 2 == 0 {
            (random >> 33) % long
        } else {
            let before = names(&kept);
            let renamed = || before.iter().any(|name| !here.join(name).exists());
            while !renamed() && child.try_wait().unwrap().is_none() {}
            (random >> 33) % (long / 20)
        };
        killed(child, micros);
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
        if round >= 30 && seen[0] > 0 && seen[1] > 0 {
            break;
        }
        assert!(round < 500, "{seen:?} old and new: nothing was tried");
    }
}

#[test]
fn ctrl_c_leaves_nothing_of_a_backup_and_nothing_of_a_restore() {
    let folder = scratch();
    let record = record(folder.path(), 2_000);
    let backup = folder.path().join("good.sqlite.gz");
    back_up(&record, &backup);
    let (before, all) = (names(folder.path()), everything(&record));
    let other = folder.path().join("other.sqlite.gz");
    let commands: [(&[&str], [&Path; 3]); 2] = [
        (&["backup", "--database"], [&record, Path::new("--to"), &other]),
        (&["restore", "--database"], [&record, &backup, Path::new("--yes")]),
    ];
    for (arguments, paths) in commands {
        // One that is done before the signal comes is tried again.
        wait_until(Duration::from_secs(60), "it is interrupted", || {
            let mut child = spawn(arguments, &paths);
            while names(folder.path()) == before && child.try_wait().unwrap().is_none() {}
            // SAFETY: a plain system call; the child has not been waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
            let code = child.wait().unwrap().code();
            if code == Some(130) {
                assert_eq!(names(folder.path()), before, "{arguments:?}");
            } else {
                for name in names(folder.path()).iter().filter(|name| !before.contains(name)) {
                    std::fs::remove_file(folder.path().join(name)).unwrap();
                }
            }
            code == Some(130)
        });
        assert_eq!(everything(&record), all);
    }
}

#[test]
fn what_a_killed_restore_leaves_is_gone_with_the_next_start() {
    let folder = scratch();
    let record = record(folder.path(), 50);
    for end in ["", "-journal"] {
        std::fs::write(folder.path().join(format!("dsmrd.sqlite.restoring{end}")), "half").unwrap();
    }
    runtime().block_on(async { open(&record).store.close().await.unwrap() });
    assert!(!names(folder.path()).iter().any(|name| name.contains(".restoring")));
    assert_eq!(Archive::open(&record).unwrap().count().unwrap(), 50);
}
