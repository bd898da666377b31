//! Keys, through the real program: they are in no log, no output, no message, and not in the list of processes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::support::{scratch, wait_for};

const KEY: &str = "5AC0FFEE1DEA5BADD0C0FFEE0DDBA115";
const AUTH_KEY: &str = "0DDBA115C0FFEE5BADD01DEAC0FFEE5A";

/// The keys as text, as bytes of a debug output, and as raw bytes seen as text.
fn shapes(key: &str) -> Vec<String> {
    let bytes: Vec<u8> = (0..32)
        .step_by(2)
        .map(|at| u8::from_str_radix(&key[at..at + 2], 16).expect("a key of these tests"))
        .collect();
    let spaced: Vec<&str> = (0..32).step_by(2).map(|at| &key[at..at + 2]).collect();
    let decimal: Vec<String> = bytes[..6].iter().map(u8::to_string).collect();
    vec![
        key.to_lowercase(),
        spaced.join(" ").to_lowercase(),
        spaced.join(":").to_lowercase(),
        decimal.join(", "),
    ]
}

#[track_caller]
fn hidden(what: &str, text: &str) {
    let lower = text.to_lowercase();
    for shape in shapes(KEY).into_iter().chain(shapes(AUTH_KEY)) {
        assert!(!lower.contains(&shape), "{what} tells a key:\n{text}");
    }
}

fn dsmrd(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

/// Everything a command says, and that it told nothing.
#[track_caller]
fn said(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = dsmrd(arguments, variables);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    hidden(&format!("{:?}", &arguments[..1]), &text);
    text
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("it can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    path.display().to_string()
}

/// A simulated meter that encrypts, and its address.
fn encrypting_meter(key_file: &str) -> (Running, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["simulate", "--listen", "127.0.0.1:0", "--key-file", key_file])
        .env("DSMRD_AUTH_KEY", AUTH_KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut address = String::new();
    let stdout = child.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut address).expect("it tells where it listens");
    (Running(child), address.trim().to_owned())
}

#[test]
fn a_daemon_reads_encrypted_telegrams_and_tells_no_key() {
    let scratch = scratch();
    let key_file = write(&scratch.path().join("meter.key"), &format!("{KEY}\n"));
    let (_one, right) = encrypting_meter(&key_file);
    let (_other, wrong) = encrypting_meter(&key_file);
    let config = write(
        &scratch.path().join("dsmrd.toml"),
        &format!(
            "[[meter]]\nname = \"home\"\nsource = \"{right}\"\nkey_file = \"meter.key\"\nauth_key = \"{AUTH_KEY}\"\n\
             allow_unverified_tag = true\n[[meter]]\nname = \"barn\"\nsource = \"{wrong}\"\n\
             [store]\npath = \"db.sqlite\"\n[log]\nlevel = \"trace\"\n"
        ),
    );
    let log = scratch.path().join("log");
    let child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["run", "--config", &config])
        // The other way round, so that nothing opens.
        .env("DSMRD_METER_1_KEY", AUTH_KEY)
        .env("DSMRD_METER_1_AUTH_KEY", KEY)
        .env("RUST_BACKTRACE", "full")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("it starts");
    let mut running = Running(child);
    let logged = || std::fs::read_to_string(&log).expect("the log");
    let written = || {
        let text = logged();
        (text.contains("the meter speaks") && text.contains("cannot be decrypted")).then_some(())
    };
    wait_for(Duration::from_secs(20), written).unwrap_or_else(|| panic!("it does not start:\n{}", logged()));
    let process = format!("/proc/{}", running.0.id());
    for file in ["cmdline", "comm", "status"] {
        let bytes = std::fs::read(format!("{process}/{file}")).expect("it lives");
        hidden(file, &String::from_utf8_lossy(&bytes));
    }
    // What is told at a reload and at the end counts too.
    for signal in [libc::SIGHUP, libc::SIGTERM] {
        // SAFETY: the child has not been waited for, so the pid is still its own.
        assert_eq!(unsafe { libc::kill(running.0.id() as libc::pid_t, signal) }, 0);
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = wait_for(Duration::from_secs(20), || running.0.try_wait().expect("a child"));
    let text = logged();
    assert!(ended.expect("it ends").success(), "{text}");
    assert!(text.contains("nothing proves that the meter sent them"), "the warning is there:\n{text}");
    hidden("the log", &text);
}

#[test]
fn commands_tell_no_key() {
    let scratch = scratch();
    let key_file = write(&scratch.path().join("meter.key"), KEY);
    let bad_file = write(&scratch.path().join("bad.key"), &format!("{KEY}{AUTH_KEY}"));
    let config = write(
        &scratch.path().join("dsmrd.toml"),
        &format!(
            "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\nkey = \"{KEY}\"\nauth_key = \"{AUTH_KEY}\"\n"
        ),
    );
    assert!(said(&["check-config", "--config", &config], &[]).contains("good (1 meter"));
    let shown = said(&["config", "show", "--origin", "--config", &config], &[]);
    assert!(shown.contains("# key = \"***\"") && shown.contains("# auth_key = \"***\""), "{shown}");
    for broken in [
        format!("[[meter]]\nkey = \"{KEY}0\"\n"),
        format!("[[meter]]\nkey = {KEY}\n"),
        format!("[[meter]]\nkey_file = \"{KEY}\"\n"),
        "[[meter]]\nkey_file = \"bad.key\"\n".to_owned(),
    ] {
        let bad = write(&scratch.path().join("bad.toml"), &broken);
        for command in [&["check-config"][..], &["config", "show"], &["run"]] {
            said(&[command, &["--config", &bad]].concat(), &[("DSMRD_METER_0_AUTH_KEY", AUTH_KEY)]);
        }
    }
    let fixture = format!("{}/fixtures/nl-5.0-iskra-3phase-gas.txt", env!("CARGO_MANIFEST_DIR"));
    let good = "/ISK5\\2M550T-1013";
    for arguments in [
        &["--key", KEY][..],
        &["--key-file", &key_file],
        &["--key-file", &key_file, "--auth-key", AUTH_KEY, "--allow-unverified-tag"],
    ] {
        assert!(said(&[&["decode", &fixture], arguments].concat(), &[]).contains(good));
    }
    let environment = [("DSMRD_KEY", KEY), ("DSMRD_AUTH_KEY", AUTH_KEY)];
    assert!(said(&["decode", &fixture], &environment).contains(good));
    for (arguments, why) in [
        (&["--key", &KEY[1..]][..], "--key: a key has 32 hex digits, this has 31"),
        (&["--key-file", KEY], "--key-file: this is a key and no file"),
        (&["--key-file", &bad_file], "a key has 32 hex digits, this has 64"),
        (&["--auth-key", AUTH_KEY], "an authentication key alone opens nothing"),
        (&["--allow-unverified-tag"], "--allow-unverified-tag is about decrypted telegrams"),
        (&["--key", KEY, "--key-file", &key_file], "cannot be used with"),
        (&["--kye", KEY], "unexpected argument '--kye'"),
    ] {
        let text = said(&[&["decode", &fixture], arguments].concat(), &[]);
        assert!(text.contains(why), "{text}");
    }
    // The command line wins over the environment, without a word about a conflict.
    let text = said(&["decode", &fixture, "--key-file", &key_file], &[("DSMRD_KEY", "not a key")]);
    assert!(text.contains(good), "{text}");
    let text = said(&["decode", &fixture], &[("DSMRD_KEY", &KEY[2..])]);
    assert!(text.contains("DSMRD_KEY: a key has 32 hex digits, this has 30"), "{text}");
    for help in ["decode", "simulate"] {
        let text = said(&[help, "--help"], &environment);
        assert!(text.contains("DSMRD_KEY") && text.contains("list of processes"), "{text}");
    }
}

#[test]
fn a_panic_tells_no_key() {
    let loaded = super::load(&format!("{}key = \"{KEY}\"\nauth_key = \"{AUTH_KEY}\"\n", super::LEAST));
    let caught = std::panic::catch_unwind(|| panic!("{loaded:?} {:#?}", loaded.settings));
    let payload = caught.expect_err("it panics");
    hidden("a panic", payload.downcast_ref::<String>().expect("a message"));
}
