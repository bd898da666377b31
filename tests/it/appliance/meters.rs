//! Several meters in one process, and one that is swapped for another.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram, telegram_of};
use crate::support::{Mosquitto, Subscriber, free_port, mosquitto_missing, scratch, wait_for, wait_until};

const SOON: Duration = Duration::from_secs(20);
/// A cable that another test's child happened to inherit shows by its silence only.
const LATER: Duration = Duration::from_secs(60);

/// A configuration of some meters, with a record and a broker.
fn write(folder: &Path, meters: &str, broker: &Mosquitto) -> PathBuf {
    let config = folder.join("dsmrd.toml");
    let text = format!(
        "{meters}[store]\npath = \"record.sqlite\"\n\
         [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\n",
        broker.port()
    );
    std::fs::write(&config, text).expect("a configuration");
    config
}

fn export(config: &Path, more: &[&str]) -> String {
    let command = &mut Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    let output = command.args(["export", "--config"]).arg(config).args(more).output().expect("export runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    // What is published may still be on its way to the record.
    let is_early = problem.contains("nothing is stored in it yet");
    assert!(output.status.success() || is_early, "{problem}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The readings of one meter, by what `export` shows of the first register.
fn history(config: &Path, meter: &str) -> usize {
    export(config, &["--meter", meter]).lines().count() - 1
}

#[test]
fn two_ports_have_their_own_names_countries_topics_and_histories() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    let meters = "[[meter]]\nname = \"house\"\nsource = \"house\"\n\
                  [[meter]]\nname = \"cabin\"\nsource = \"cabin\"\ncountry = \"LT\"\n";
    let config = write(scratch.path(), meters, &broker);
    let lithuanian = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/lt-eso-kilounits.txt"));
    let mut house = Meter::plug_in(&scratch.path().join("house"));
    let mut cabin = Meter::plug_in(&scratch.path().join("cabin"));
    let mut daemon = Daemon::start(&config);
    let state = Subscriber::new(broker.port(), "dsmrd/#");
    daemon.wait_for_log("opened the port", 2);
    house.send(&telegram(1_193));
    cabin.send(lithuanian);
    wait_until(SOON, "both are published", || {
        ["house", "cabin"]
            .iter()
            .all(|meter| state.last(&format!("dsmrd/{meter}/status")).as_deref() == Some("online"))
    });
    wait_until(SOON, "with their values", || {
        state.last("dsmrd/house/power_import").as_deref() == Some("1.193")
            && state.last("dsmrd/cabin/frequency").is_some()
    });
    assert_eq!(state.last("dsmrd/house/energy_import_t1").as_deref(), Some("101.193"));
    assert_eq!(state.last("dsmrd/house/frequency"), None, "a value of the other meter");
    assert_eq!(state.last("dsmrd/cabin/tariff"), None, "a value of the other meter");
    // Their clocks stand an hour apart.
    let rows = |meter: &str| export(&config, &["--meter", meter]).lines().nth(1).expect("a row").to_owned();
    wait_until(SOON, "both are kept", || export(&config, &[]).lines().count() == 3);
    assert!(rows("house").starts_with("2026-11-21T10:19:53+01:00,2026-11-21T09:19:53Z,house,"));
    assert!(rows("cabin").starts_with("2024-02-14T10:18:55+02:00,2024-02-14T08:18:55Z,cabin,"));
    assert_eq!((history(&config, "house"), history(&config, "cabin")), (1, 1));
    // One cable is pulled: its meter is offline, the other goes on.
    drop(cabin);
    for n in 2..=20 {
        house.send(&telegram(n));
    }
    wait_until(SOON, "the other goes on", || {
        state.last("dsmrd/house/power_import").as_deref() == Some("0.020")
    });
    wait_until(LATER, "the cable's meter is offline", || {
        state.last("dsmrd/cabin/status").as_deref() == Some("offline")
    });
    assert_eq!(state.last("dsmrd/house/status").as_deref(), Some("online"));
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert_eq!((history(&config, "house"), history(&config, "cabin")), (20, 1));
}

/// Takes the next connection; a test that waits in vain fails by its other half.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().expect("dsmrd connects").0
}

#[test]
fn a_port_and_a_server_side_by_side_and_either_may_die() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    // None that connections are given, as the server's going and coming is what this is about.
    let address = ("127.0.0.1", free_port());
    let listener = TcpListener::bind(address).expect("a port");
    let meters = format!(
        "[[meter]]\nname = \"house\"\nsource = \"tty\"\nline = \"115200 8N1\"\n\
         [[meter]]\nname = \"barn\"\nsource = \"tcp://{}:{}\"\ncountry = \"BE\"\n",
        address.0, address.1
    );
    let config = write(scratch.path(), &meters, &broker);
    let mut house = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    let state = Subscriber::new(broker.port(), "dsmrd/+/+");
    let shows = |topic: &str, payload: &str| state.last(topic).as_deref() == Some(payload);
    let mut barn = accept(&listener);
    house.send(&telegram(1));
    barn.write_all(&telegram_of("BARN", 2)).expect("it takes it");
    wait_until(SOON, "both are published", || {
        shows("dsmrd/house/power_import", "0.001") && shows("dsmrd/barn/power_import", "0.002")
    });
    // The server dies: the port does not notice.
    drop((barn, listener));
    for n in 3..=30 {
        house.send(&telegram(n));
    }
    wait_until(SOON, "the port goes on", || shows("dsmrd/house/power_import", "0.030"));
    wait_until(LATER, "the server's meter is offline", || shows("dsmrd/barn/status", "offline"));
    assert!(shows("dsmrd/house/status", "online"));
    // It is back, and the cable is pulled.
    let listener = wait_for(SOON, || TcpListener::bind(address).ok()).expect("the port is free again");
    drop(house);
    let mut barn = accept(&listener);
    barn.write_all(&telegram_of("BARN", 31)).expect("it takes it");
    wait_until(SOON, "the server is read again", || shows("dsmrd/barn/power_import", "0.031"));
    wait_until(LATER, "the port's meter is offline", || shows("dsmrd/house/status", "offline"));
    assert!(shows("dsmrd/barn/status", "online"));
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert_eq!((history(&config, "house"), history(&config, "barn")), (29, 2));
    // Two names are two meters: no epochs to tell apart.
    assert!(!export(&config, &[]).contains("equipment_id"));
}

#[test]
fn a_meter_swapped_behind_the_port_keeps_both_histories_even_when_killed() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    let meters = "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n";
    let config = write(scratch.path(), meters, &broker);
    let tty = scratch.path().join("tty");
    let state = Subscriber::new(broker.port(), "dsmrd/home/energy_import_t1");
    let mut daemon = Daemon::start(&config);
    let mut old = Meter::plug_in(&tty);
    for n in 900..910 {
        old.send(&telegram_of("OLD", n));
    }
    wait_until(SOON, "the old one is kept", || stored(&config).len() == 10);
    // The fitter takes the cable out, puts a new meter in, and the cable back.
    drop(old);
    let mut new = Meter::plug_in(&tty);
    for n in 920..930 {
        // Its register begins at nought, not where the old one stopped.
        let text = String::from_utf8(telegram_of("NEW", n)).expect("ASCII");
        let (text, _) = text.split_once('!').expect("an end mark");
        let register = format!("1-0:1.8.1({:06}.{:03}*kWh)", (100_000 + n) / 1000, n % 1000);
        let new_register = format!("1-0:1.8.1(000000.{:03}*kWh)", n - 920);
        assert!(text.contains(&register));
        new.send(&super::meter::sealed(&(text.replace(&register, &new_register) + "!")));
    }
    wait_until(SOON, "the new one is published", || {
        state.last("dsmrd/home/energy_import_t1").as_deref() == Some("0.009")
    });
    daemon.wait_for_log("another meter stands behind this name", 1);
    let check = |when: &str| {
        let csv = export(&config, &[]);
        let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows[0][3..6], ["proof", "equipment_id", "energy_import_t1"], "{when}");
        let kept: Vec<_> = rows[1..].iter().map(|row| (row[4], row[5])).collect();
        let old = (900..910).map(|n| ("OLD", format!("100.{n}")));
        let expected: Vec<_> = old.chain((0..10).map(|n| ("NEW", format!("0.{n:03}")))).collect();
        assert_eq!(kept, expected.iter().map(|(id, wh)| (*id, wh.as_str())).collect::<Vec<_>>(), "{when}");
        for (id, count) in [("OLD", 10), ("NEW", 10)] {
            assert_eq!(export(&config, &["--equipment", id]).lines().count() - 1, count, "{when}");
        }
    };
    wait_until(SOON, "the new one is kept", || export(&config, &[]).lines().count() == 21);
    check("in the journal");
    daemon.signal(libc::SIGKILL);
    daemon.wait();
    check("killed");
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("took readings from the journal", 1);
    check("started again");
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    check("in blocks");
}
