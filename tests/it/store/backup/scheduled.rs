use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dsmrd::app::backup::{Backups, CopyError, once};
use dsmrd::clock::Clock;
use dsmrd::config::{BackupSettings, CopyCommand};
use dsmrd::store::backup::{Keep, Series};

use super::*;
use crate::appliance::daemon::Daemon;
use crate::support::{scratch, wait_until};

fn settings(folder: &Path, command: &[&str]) -> BackupSettings {
    BackupSettings {
        folder: Some(folder.to_owned()),
        keep: Keep { daily: 3, weekly: 0, monthly: 0 },
        command: CopyCommand::new(command.iter().map(|&word| word.to_owned()).collect()),
        command_timeout: Duration::from_secs(20),
        host: "attic".to_owned(),
        ..BackupSettings::default()
    }
}

/// A program of the test's own.
fn program(folder: &Path, script: &str) -> String {
    let path = folder.join("copy");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn each_is_copied_by_the_command_and_older_ones_are_given_up() {
    let folder = scratch();
    let record = record(folder.path(), 100);
    let (backups, elsewhere) = (folder.path().join("b"), folder.path().join("elsewhere"));
    std::fs::create_dir(&backups).unwrap();
    std::fs::create_dir(&elsewhere).unwrap();
    for other in
        ["dsmrd-barn-20260101T040000Z.sqlite.gz", "dsmrd-attic-20260101T040000Z.sqlite.gz.old", "notes"]
    {
        std::fs::write(backups.join(other), "not ours").unwrap();
    }
    let to = format!("{}/{{name}}", elsewhere.display());
    let settings = settings(&backups, &["cp", "{file}", &to]);
    let clock = Clock::manual(START * 1_000);
    for _ in 0..5 {
        let outcome = once(&settings, &record, &clock, &Interrupt::default());
        assert!(outcome.made.is_ok() && matches!(outcome.copied, Some(Ok(()))), "{outcome:?}");
        clock.advance(86_400_000);
    }
    let ours = |folder: &Path| {
        let series = Series::new(&record, "attic");
        series.list(folder).unwrap().into_iter().map(|(time, _)| (time - START) / 86_400).collect::<Vec<_>>()
    };
    assert_eq!(ours(&backups), [2, 3, 4]);
    assert_eq!(names(&backups).len(), 6);
    // What is elsewhere is the command's business.
    assert_eq!(ours(&elsewhere), [0, 1, 2, 3, 4]);
    let copy = folder.path().join("copy.sqlite");
    assert!(restore(&elsewhere.join(&names(&elsewhere)[4]), &copy).status.success());
    assert_eq!(everything(&copy), everything(&record));
}

#[test]
fn a_command_that_fails_or_hangs_is_told_and_costs_no_backup() {
    let folder = scratch();
    let record = record(folder.path(), 100);
    let backups = folder.path().join("b");
    std::fs::create_dir(&backups).unwrap();
    let clock = Clock::manual(START * 1_000);
    let copied = |settings: &BackupSettings| {
        clock.advance(1_000);
        let outcome = once(settings, &record, &clock, &Interrupt::default());
        assert!(outcome.made.is_ok());
        outcome.copied.unwrap().unwrap_err()
    };
    let failing = program(folder.path(), "echo no route; exit 3");
    let error = copied(&settings(&backups, &[&failing, "{file}", "password=hunter2"]));
    assert!(
        matches!(error, CopyError::Failed(..)) && error.to_string().contains("exit status: 3"),
        "{error}"
    );
    let error = copied(&settings(&backups, &["/does/not/exist", "password=hunter2"]));
    assert!(matches!(error, CopyError::Start(..)), "{error}");
    // It does not end when it is asked to, and has started something that does not either.
    let pids = folder.path().join("pids");
    let hanging = program(
        folder.path(),
        &format!("trap '' TERM\nsleep 600 &\necho $$ $! > {}\nwait\nwait", pids.display()),
    );
    let mut hanging = settings(&backups, &[&hanging, "{file}", "password=hunter2"]);
    hanging.command_timeout = Duration::from_millis(250);
    // Until it has begun before its time was over.
    while !std::fs::read_to_string(&pids).is_ok_and(|pids| pids.ends_with('\n')) {
        hanging.command_timeout *= 2;
        assert!(hanging.command_timeout < Duration::from_secs(300), "it never begins");
        let error = copied(&hanging);
        assert!(matches!(error, CopyError::Timeout(..)), "{error}");
        assert!(!format!("{error} {hanging:?}").contains("hunter2"));
    }
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        wait_until(Duration::from_secs(5), "everything it started is gone", || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        });
    }
    // They are of one day, of which the last one stays.
    assert_eq!(names(&backups).len(), 1);
}

#[test]
fn one_that_was_missed_is_made_after_the_start_and_the_next_one_at_its_time() {
    let folder = scratch();
    let record = record(folder.path(), 100);
    let backups = folder.path().join("b");
    std::fs::create_dir(&backups).unwrap();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // Midnight; it is due at four.
        let clock = Clock::manual(START * 1_000);
        let mut all = Backups::new(clock.clone());
        let failing = settings(&backups, &["false"]);
        all.start(&failing, &record);
        let state = all.state();
        let reaches = async |made: u64, what: &str| {
            for _ in 0..24_000 {
                if state.made.get() >= made {
                    return;
                }
                // The work is done by a thread, whose time is nobody's.
                std::thread::sleep(Duration::from_millis(5));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            panic!("{what}");
        };
        let quiet = async || tokio::time::sleep(Duration::from_secs(60)).await;
        quiet().await;
        assert_eq!(state.made.get(), 0, "it comes a minute after the start");
        clock.advance(61_000);
        reaches(1, "the first one comes soon").await;
        wait(&state.copies_failed, 1).await;
        quiet().await;
        assert_eq!((state.made.get(), state.copies_failed.get()), (1, 1));
        assert!(state.problem().unwrap().contains("\"false\""));
        // The copy alone is tried again.
        clock.advance(3_600_000);
        wait(&state.copies_failed, 2).await;
        assert_eq!(state.made.get(), 1);
        // Other settings, while it runs.
        all.stop().await;
        all.start(&settings(&backups, &["true"]), &record);
        clock.advance(2 * 3_600_000);
        quiet().await;
        assert_eq!(state.made.get(), 1, "it is not four yet");
        clock.advance(3_600_000);
        reaches(2, "it is four").await;
        wait(&state.copied, 1).await;
        assert_eq!(state.problem(), None);
        // The folder goes away, and comes back.
        let away = folder.path().join("away");
        std::fs::rename(&backups, &away).unwrap();
        clock.advance(86_400_000);
        wait(&state.failed, 1).await;
        assert!(state.problem().unwrap().contains("there is no such folder"), "{:?}", state.problem());
        std::fs::rename(&away, &backups).unwrap();
        clock.advance(3_600_000);
        reaches(3, "it is tried again after an hour").await;
        assert_eq!(state.last_good.get() / 86_400, START as u64 / 86_400);
        all.stop().await;
    });
    // Two of them are of one day.
    assert_eq!(names(&backups).len(), 2);
}

async fn wait(counter: &dsmrd::telemetry::Counter, target: u64) {
    for _ in 0..24_000 {
        if counter.get() >= target {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("it stays at {} of {target}", counter.get());
}

#[test]
fn the_command_line_does_what_the_configuration_says_and_tells_no_secrets() {
    let folder = scratch();
    let backups = folder.path().join("b");
    std::fs::create_dir(&backups).unwrap();
    record(folder.path(), 100);
    let copy = program(folder.path(), "echo sent $1; env | grep -c -e DSMRD_ -e NOTIFY_SOCKET; exit 0");
    let config = folder.path().join("dsmrd.toml");
    let file = format!(
        "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"dsmrd.sqlite\"\n[backup]\nfolder = \"b\"\n\
         command = [{copy:?}, \"{{name}}\", \"hunter2\"]\n[process]\nhostname = \"Attic.example.net\"\n"
    );
    std::fs::write(&config, file).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["backup", "--config"])
        .arg(&config)
        .env("DSMRD_MQTT_0_PASSWORD", "hunter2")
        .env("DSMRD_MQTT_0_USERNAME", "me")
        .env("DSMRD_MQTT_0_NAME", "b")
        .env("NOTIFY_SOCKET", "/run/nowhere")
        .output()
        .unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    let made = names(&backups);
    assert!(made.len() == 1 && made[0].starts_with("dsmrd-attic-2"), "{made:?}");
    assert!(said.contains("100 readings") && said.contains(&format!("sent {}", made[0])), "{said}");
    assert!(said.lines().any(|line| line.contains("line=\"0\"") || line.contains("line=0")), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    for arguments in [&["config", "show", "--config"][..], &["check-config", "--config"]] {
        let said = text(&dsmrd(arguments, &[&config]));
        assert!(!said.contains("hunter2"), "{said}");
        // Folder and record lie side by side.
        assert!(arguments[0] == "config" || said.contains("on the same disk as the record"), "{said}");
    }
}

#[test]
fn a_stop_interrupts_it_and_nothing_stays() {
    let folder = scratch();
    let backups = folder.path().join("b");
    std::fs::create_dir(&backups).unwrap();
    record(folder.path(), 100);
    let config = folder.path().join("dsmrd.toml");
    let file = "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"dsmrd.sqlite\"\n";
    std::fs::write(&config, file).unwrap();
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("online", 0);
    wait_until(Duration::from_secs(20), "it runs", || daemon.log().contains("starting"));
    let interrupt = Interrupt::default();
    interrupt.request();
    let error =
        make(&folder.path().join("dsmrd.sqlite"), &backups.join("x.sqlite.gz"), &interrupt).unwrap_err();
    assert_eq!(error.to_string(), "it was interrupted");
    assert!(names(&backups).is_empty());
    // A reload switches backups on.
    std::fs::write(&config, format!("{file}[backup]\nfolder = \"b\"\n")).unwrap();
    wait_until(Duration::from_secs(20), "it listens for signals", || {
        daemon.signal(libc::SIGHUP);
        daemon.log().contains("backups follow the new settings")
    });
    daemon.signal(libc::SIGTERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
}
