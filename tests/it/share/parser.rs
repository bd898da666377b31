//! Programs people run, at the share of a running `dsmrd`: `dsmr_parser` from PyPI and what Home Assistant and
//! DSMR-reader make of it. `provisioning/check-share` brings them along.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dsmrd::p1::cipher::{self, Envelope, Key, Keys};

use crate::appliance::daemon::{Daemon, stored};
use crate::appliance::meter::{Meter, telegram};
use crate::support::{free_port, scratch, wait_until};

/// Telegrams sent: more than a client that reads nothing can leave lying.
const COUNT: u64 = 100;
/// Between two of them. Ten parsers in one Python take most of it.
const PACE: Duration = Duration::from_millis(100);

/// The python that has `dsmr_parser`, when there is one.
fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "where it is is told from outside")]
    let python = std::env::var("DSMRD_DSMR_PARSER").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        eprintln!(
            "skipped: no dsmr_parser here; provisioning/check-share installs it and sets DSMRD_DSMR_PARSER"
        );
    }
    python
}

#[expect(clippy::disallowed_methods, reason = "compared with another process's clock")]
fn wall() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

#[test]
fn readers_of_other_programs_get_every_telegram_while_one_stalls() {
    let Some(python) = python() else { return };
    let scratch = scratch();
    let config = scratch.path().join("dsmrd.toml");
    let port = free_port();
    std::fs::write(
        &config,
        format!(
            "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n\
             [meter.share]\nlisten = \"127.0.0.1:{port}\"\n[store]\npath = \"record.sqlite\"\n\
             [log]\nlevel = \"debug\"\n"
        ),
    )
    .unwrap();
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("the meter's telegrams are shared over TCP", 1);
    daemon.wait_for_log("opened the port", 1);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/share/readers.py");
    let readers = Command::new(&python)
        .args([script, &port.to_string(), &COUNT.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    // Nine socket readers, Home Assistant's, the stalled one, and DSMR-reader's where pyserial is there.
    daemon.wait_for_log("a client of the share came", 11);
    std::thread::sleep(Duration::from_millis(500));
    let mut sent = Vec::new();
    for n in 0..COUNT {
        sent.push(wall());
        meter.send(&telegram(n));
        std::thread::sleep(PACE);
    }
    let output = readers.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");

    let mut got: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut latencies = Vec::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [who, clock, register, power, at] = words[..] else { continue };
        let n = register.replace('.', "").parse::<u64>().unwrap() - 100_000;
        assert_eq!(clock, format!("2026-11-21T{:02}:{:02}:{:02}+00:00", 9 + n / 3600, n / 60 % 60, n % 60));
        assert_eq!(power, format!("{}.{:03}", n / 1000, n % 1000));
        got.entry(who).or_default().push(n);
        if who != "dsmr-reader" {
            latencies.push(at.parse::<u128>().unwrap().saturating_sub(sent[n as usize]) / 1_000);
        }
    }
    let all: Vec<u64> = (0..COUNT).collect();
    for who in (0..9).map(|n| format!("socket-{n}")).chain(["home-assistant".to_owned()]) {
        assert_eq!(got.remove(who.as_str()), Some(all.clone()), "{who}");
    }
    // It throws away what comes while it is busy; what it takes is whole, and so is the last.
    if let Some(taken) = got.remove("dsmr-reader") {
        assert!(taken.is_sorted() && !taken.is_empty(), "{taken:?}");
        eprintln!("DSMR-reader's reader took {} of {COUNT}", taken.len());
    }
    assert!(got.is_empty());
    // Dropped at once rather than at the end: it finds its connection reset.
    assert!(said.lines().any(|line| line == "stalled reset"), "{}", daemon.log());
    let drops: Vec<String> = daemon
        .log()
        .lines()
        .filter(|line| line.contains("dropped a client of the share"))
        .map(str::to_owned)
        .collect();
    assert!(drops.len() == 1 && drops[0].contains("it does not take what it is sent"), "{drops:?}");
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    eprintln!(
        "from the meter's write to the parsed telegram, µs: median {}, 95 % {}, 99 % {}, longest {}",
        at(50),
        at(95),
        at(99),
        at(100)
    );
    wait_until(Duration::from_secs(20), "every reading is kept", || stored(&config) == all);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(stored(&config), all);
}

#[test]
fn a_reader_that_has_the_key_opens_frames_that_are_shared_untouched() {
    let Some(python) = python() else { return };
    let keys = Keys::new(Key::new(*b"0123456789abcdef"));
    let hex = |key: &Key| key.bytes().iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let scratch = scratch();
    let config = scratch.path().join("dsmrd.toml");
    let port = free_port();
    std::fs::write(scratch.path().join("meter.key"), hex(&keys.key)).unwrap();
    std::fs::write(
        &config,
        format!(
            "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\nkey_file = \"meter.key\"\n\
             [meter.share]\nlisten = \"127.0.0.1:{port}\"\nencrypted = \"untouched\"\n\
             [store]\npath = \"record.sqlite\"\n"
        ),
    )
    .unwrap();
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let daemon = Daemon::start(&config);
    daemon.wait_for_log("the meter's telegrams are shared over TCP", 1);
    daemon.wait_for_log("opened the port", 1);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/share/sealed.py");
    let reader = Command::new(&python)
        .args([script, &port.to_string(), "20", &hex(&keys.key), &hex(&keys.auth_key)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    daemon.wait_for_log("a client of the share came", 1);
    for n in 0..20 {
        let counter = u32::try_from(1 + n).unwrap();
        meter.send(&cipher::seal(&telegram(n), &Envelope::new(*b"SAG12345", counter), &keys));
    }
    let output = reader.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected: String = (0..20).map(|n| format!("2026-11-21T09:00:{n:02}+00:00\n")).collect();
    assert_eq!(said, expected);
}
