//! Stop, reload, exit codes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

const SOON: Duration = Duration::from_secs(20);

/// A configuration with one meter on `tty` and the given brokers.
fn write(folder: &Path, brokers: &str) -> PathBuf {
    let config = folder.join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n\
         [store]\npath = \"record.sqlite\"\n{brokers}"
    );
    std::fs::write(&config, text).expect("a configuration");
    config
}

fn broker(name: &str, port: u16) -> String {
    format!("[[mqtt]]\nname = \"{name}\"\nurl = \"mqtt://127.0.0.1:{port}\"\n")
}

#[test]
fn a_bad_configuration_ends_with_78_and_every_problem() {
    let scratch = scratch();
    let config =
        write(scratch.path(), "[[mqtt]]\nname = \"a\"\nurl = \"http://x\"\n[log]\nlevle = \"info\"\n");
    let mut daemon = Daemon::start(&config);
    assert_eq!(daemon.wait().code(), Some(78));
    let log = daemon.log();
    assert!(log.contains("dsmrd.toml:9") && log.contains("http"), "{log}");
    assert!(log.contains("dsmrd.toml:11") && log.contains("level"), "{log}");
}

#[test]
fn a_record_that_cannot_be_opened_ends_with_74() {
    let scratch = scratch();
    let config = write(scratch.path(), "");
    std::fs::create_dir(scratch.path().join("record.sqlite")).expect("a folder in its place");
    let mut daemon = Daemon::start(&config);
    assert_eq!(daemon.wait().code(), Some(74), "{}", daemon.log());
}

#[test]
fn a_reload_restarts_what_changed_and_nothing_else() {
    if mosquitto_missing() {
        return;
    }
    let (one, two) = (Mosquitto::start(), Mosquitto::start());
    let scratch = scratch();
    let config = write(scratch.path(), &broker("one", one.port()));
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    let first = Subscriber::new(one.port(), "dsmrd/home/power_import");
    meter.send(&telegram(1));
    wait_until(SOON, "the first broker has it", || first.last("dsmrd/home/power_import").is_some());

    // A bad file changes nothing.
    std::fs::write(&config, "[[meter]\n").expect("a bad configuration");
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("the old one stays", 1);
    meter.send(&telegram(2));
    wait_until(SOON, "it goes on", || first.last("dsmrd/home/power_import").as_deref() == Some("0.002"));

    // A second broker: it gets the state at once, the first keeps its connection, the meter its port.
    write(scratch.path(), &(broker("one", one.port()) + &broker("two", two.port())));
    let second = Subscriber::new(two.port(), "dsmrd/home/power_import");
    daemon.signal(libc::SIGHUP);
    wait_until(SOON, "the second has it too", || {
        second.last("dsmrd/home/power_import").as_deref() == Some("0.002")
    });
    meter.send(&telegram(3));
    wait_until(SOON, "both go on", || {
        [&first, &second].iter().all(|it| it.last("dsmrd/home/power_import").as_deref() == Some("0.003"))
    });
    let connections = |log: String| log.lines().filter(|line| line.contains(" as dsmrd-")).count();
    assert_eq!(connections(one.log()), 1, "{}", one.log());

    // The first is taken out again.
    write(scratch.path(), &broker("two", two.port()));
    let status = Subscriber::new(one.port(), "dsmrd/status");
    daemon.signal(libc::SIGHUP);
    wait_until(SOON, "the first is told", || status.last("dsmrd/status").as_deref() == Some("offline"));
    meter.send(&telegram(4));
    wait_until(SOON, "the second goes on", || {
        second.last("dsmrd/home/power_import").as_deref() == Some("0.004")
    });
    assert_eq!(stored(&config), [1, 2, 3, 4]);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
}

#[test]
fn a_new_place_for_the_record_is_taken_without_losing_a_reading() {
    let scratch = scratch();
    let config = write(scratch.path(), "");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    meter.send(&telegram(1));
    wait_until(SOON, "the first is kept", || stored(&config) == [1]);
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let moved = scratch.path().join("moved.toml");
    std::fs::write(&moved, text.replace("record.sqlite", "moved.sqlite")).expect("a configuration");
    std::fs::copy(&moved, &config).expect("a configuration");
    daemon.signal(libc::SIGHUP);
    wait_until(SOON, "the new record is there", || scratch.path().join("moved.sqlite").exists());
    meter.send(&telegram(2));
    wait_until(SOON, "the second is in the new one", || stored(&moved) == [2]);
    std::fs::write(&config, text).expect("a configuration");
    assert_eq!(stored(&config), [1]);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
}

#[test]
fn killed_it_is_told_offline_by_its_will_and_online_when_it_is_back() {
    if mosquitto_missing() {
        return;
    }
    let mosquitto = Mosquitto::start();
    let scratch = scratch();
    let config = write(scratch.path(), &broker("one", mosquitto.port()));
    let status = Subscriber::new(mosquitto.port(), "dsmrd/status");
    for life in 1..=2 {
        let daemon = Daemon::start(&config);
        wait_until(SOON, "it is online", || status.last("dsmrd/status").as_deref() == Some("online"));
        daemon.signal(libc::SIGKILL);
        wait_until(SOON, "its will is told", || status.payloads("dsmrd/status").len() == 2 * life);
    }
    assert_eq!(status.payloads("dsmrd/status"), ["online", "offline", "online", "offline"]);
}

#[test]
fn a_second_request_to_stop_ends_it_at_once() {
    if mosquitto_missing() {
        return;
    }
    for tries in 1.. {
        let mosquitto = Mosquitto::start();
        let scratch = scratch();
        let config = write(scratch.path(), &broker("one", mosquitto.port()));
        let mut meter = Meter::plug_in(&scratch.path().join("tty"));
        let mut daemon = Daemon::start(&config);
        let state = Subscriber::new(mosquitto.port(), "#");
        meter.send(&telegram(1));
        wait_until(SOON, "it is at work", || state.last("dsmrd/home/power_import").is_some());
        wait_until(SOON, "it is kept", || stored(&config) == [1]);
        // A broker that hangs holds the farewell up, though only for some seconds.
        mosquitto.hang();
        daemon.signal(libc::SIGTERM);
        daemon.wait_for_log("stopping", 1);
        daemon.signal(libc::SIGTERM);
        let code = daemon.wait().code();
        mosquitto.resume();
        assert_eq!(stored(&config), [1]);
        if code == Some(130) {
            break;
        }
        // We were slower than its farewell: the second request found nobody.
        assert!(code == Some(0) && tries < 10, "{code:?}\n{}", daemon.log());
    }
}

#[test]
fn a_request_to_stop_is_heard_behind_many_to_reload() {
    if mosquitto_missing() {
        return;
    }
    let mosquitto = Mosquitto::start();
    let scratch = scratch();
    let config = write(scratch.path(), &broker("one", mosquitto.port()));
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("connected to the broker", 1);
    // A broker that hangs holds up the reload that takes it away, and requests wait meanwhile.
    mosquitto.hang();
    write(scratch.path(), "");
    for _ in 0..8 {
        daemon.signal(libc::SIGHUP);
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    mosquitto.resume();
}

/// Runs a command with its standard error on `errors`; its exit code.
fn exit_code(arguments: &[&str], errors: &str) -> Option<i32> {
    let errors = std::fs::File::options().write(true).open(errors).expect("a device");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(arguments).stdout(std::process::Stdio::null()).stderr(errors);
    command.status().expect("it runs").code()
}

#[test]
fn a_full_disk_under_the_log_changes_no_exit_code() {
    let scratch = scratch();
    let bad = scratch.path().join("bad.toml");
    std::fs::write(&bad, "[[meter]\n").expect("a configuration");
    let bad = bad.to_str().expect("a path");
    for errors in ["/dev/null", "/dev/full"] {
        assert_eq!(exit_code(&["run", "--config", bad], errors), Some(78), "{errors}");
        assert_eq!(exit_code(&["check-config", "--config", bad], errors), Some(78), "{errors}");
        assert_eq!(exit_code(&["decode", "/nowhere"], errors), Some(1), "{errors}");
    }
}

#[test]
fn the_record_is_for_its_owner_and_group() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = scratch();
    let config = write(scratch.path(), "");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let _daemon = Daemon::start(&config);
    meter.send(&telegram(1));
    wait_until(SOON, "it is kept", || stored(&config) == [1]);
    let is_ours = |path: &std::path::Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("record.sqlite"))
    };
    let files = std::fs::read_dir(scratch.path()).expect("a folder").map(|file| file.expect("a file").path());
    for file in files.filter(|file| is_ours(file)) {
        // Of the link to the end of the journal in memory the file counts that it points to.
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o007, 0, "{} is {mode:o}", file.display());
        if file.is_symlink() {
            assert_eq!(mode & 0o777, 0o640, "{} is {mode:o}", file.display());
        }
    }
}

#[test]
fn a_replay_counts_what_it_rejects_and_finds_nothing_in_noise() {
    let scratch = scratch();
    let config = write(scratch.path(), "");
    let file = scratch.path().join("recording.txt");
    let replay = |bytes: &[u8]| {
        std::fs::write(&file, bytes).expect("a recording");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"));
        let output = command.args(["replay", "--speed", "max", "--config"]).arg(&config).arg(&file).output();
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut bad = telegram(2);
    bad[40] ^= 1;
    let (code, said) = replay(&[telegram(1), bad, telegram(3)].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 telegrams, 1 of them rejected: 2 readings stored, 0 dropped"), "{said}");
    assert_eq!(stored(&config), [1, 3]);
    let (code, said) = replay(b"no telegram at all\r\n");
    assert_eq!(code, Some(1), "{said}");
    let sml = [&[0x1B; 4][..], &[1; 4], &[0x76, 5, 0, 0x62].repeat(40)].concat();
    let (code, said) = replay(&sml);
    assert!(code == Some(1) && said.contains("recording.txt: this is SML"), "{said}");
    let export = ["export", "--meter", "nobody", "--config", config.to_str().expect("a path")];
    assert_eq!(exit_code(&export, "/dev/null"), Some(1));
}

#[test]
fn on_a_terminal_the_log_is_the_log_and_nothing_else() {
    let scratch = scratch();
    let config = write(scratch.path(), "");
    std::fs::create_dir(scratch.path().join("record.sqlite")).expect("a folder in its place");
    let link = scratch.path().join("terminal");
    let mut terminal = Meter::plug_in(&link);
    let config = config.to_str().expect("a path");
    let code = exit_code(&["run", "--config", config], link.to_str().expect("a path"));
    assert_eq!(code, Some(74));
    let mut said = String::new();
    while !said.contains("the record cannot be opened") {
        said += &terminal.hear();
    }
    let first = said.lines().next().expect("a line");
    assert!(first.contains(" INFO starting version="), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn a_record_that_cannot_be_opened_leaves_the_old_one_until_it_can() {
    let scratch = scratch();
    let config = write(scratch.path(), "");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let old = scratch.path().join("old.toml");
    std::fs::write(&old, &text).expect("a configuration");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let daemon = Daemon::start(&config);
    meter.send(&telegram(1));
    wait_until(SOON, "the first is kept", || stored(&old) == [1]);
    std::fs::write(&config, text.replace("record.sqlite", "new/record.sqlite")).expect("a configuration");
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("the new record cannot be opened; the old one stays", 1);
    meter.send(&telegram(2));
    wait_until(SOON, "the old one goes on", || stored(&old) == [1, 2]);
    // The same file again, and now there is a folder for it.
    std::fs::create_dir(scratch.path().join("new")).expect("a folder");
    daemon.signal(libc::SIGHUP);
    wait_until(SOON, "the new one is there", || scratch.path().join("new/record.sqlite").exists());
    meter.send(&telegram(3));
    wait_until(SOON, "it is in the new one", || stored(&config) == [3]);
    assert_eq!(stored(&old), [1, 2]);
}

#[test]
fn a_meter_is_online_with_what_it_says_and_offline_when_it_is_taken_out() {
    if mosquitto_missing() {
        return;
    }
    let local = Mosquitto::start();
    let scratch = scratch();
    let config = write(scratch.path(), &broker("one", local.port()));
    let live = Subscriber::new(local.port(), "dsmrd/#");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    wait_until(SOON, "it is silent", || live.last("dsmrd/home/status").as_deref() == Some("offline"));
    meter.send(&telegram(1));
    wait_until(SOON, "it speaks", || live.last("dsmrd/home/status").as_deref() == Some("online"));
    let messages = live.messages();
    let place = |topic: &str, payload: &str| {
        let found = messages.iter().position(|message| message.topic == topic && message.payload == payload);
        found.unwrap_or_else(|| panic!("no {topic} {payload} in {messages:?}"))
    };
    // Whoever trusts a meter that is online must not find there what it said before it was silent.
    assert!(place("dsmrd/home/power_import", "0.001") < place("dsmrd/home/status", "online"));

    let text = std::fs::read_to_string(&config).expect("a configuration");
    std::fs::write(&config, text.replace("\"home\"", "\"attic\"")).expect("a configuration");
    daemon.signal(libc::SIGHUP);
    wait_until(SOON, "nobody speaks there any more", || {
        live.last("dsmrd/home/status").as_deref() == Some("offline")
    });
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
}

#[test]
fn the_demo_tells_what_was_used_today_and_what_it_cost() {
    let whole = |report: &str| {
        let today = report.split("; ").find_map(|part| part.strip_prefix("today ")).expect("of today");
        let told = |unit: &str| today.split(", ").any(|part| part.ends_with(unit));
        [" kWh in", " kWh out", " m³ of gas", " EUR"].into_iter().all(told)
    };
    // A slow machine needs longer for its first readings.
    for seconds in [6, 21, 61] {
        let demo = std::process::Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args(["demo", "--seconds", &seconds.to_string()])
            .output()
            .expect("the demo runs");
        let told = String::from_utf8_lossy(&demo.stdout) + String::from_utf8_lossy(&demo.stderr);
        assert!(demo.status.success(), "{told}");
        let mut reports = told.lines().filter(|line| line.contains(" readings; power "));
        if reports.any(whole) {
            return;
        }
        assert!(seconds < 61, "{told}");
    }
}
