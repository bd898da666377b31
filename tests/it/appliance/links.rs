//! Links that come and go: the meter's, the broker's, and the word of both to whoever looks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

const SOON: Duration = Duration::from_secs(60);
const POWER: &str = "dsmrd/home/power_import";

fn write(folder: &Path, broker: &Mosquitto) -> PathBuf {
    let config = folder.join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\nsilence = \"1s\"\n\
         [store]\npath = \"record.sqlite\"\n\
         [[mqtt]]\nname = \"one\"\nurl = \"mqtt://127.0.0.1:{}\"\nkeepalive = \"5s\"\n",
        broker.port()
    );
    std::fs::write(&config, text).expect("a configuration");
    config
}

#[test]
fn a_silent_meter_is_offline_while_the_process_is_online() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    let config = write(scratch.path(), &broker);
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let daemon = Daemon::start(&config);
    let state = Subscriber::new(broker.port(), "dsmrd/#");
    let is = |topic: &str, payload: &str| state.last(topic).as_deref() == Some(payload);
    // It is online for a second; who looks away meanwhile still finds that it was.
    let was_online = |times: usize| {
        state.payloads("dsmrd/home/status").iter().filter(|payload| *payload == "online").count() == times
    };
    meter.send(&telegram(1));
    wait_until(SOON, "the meter is online", || was_online(1));
    wait_until(SOON, "its silence is told", || is("dsmrd/home/status", "offline"));
    assert!(is("dsmrd/status", "online"));
    meter.send(&telegram(2));
    wait_until(SOON, "it is back", || was_online(2) && is(POWER, "0.002"));
    daemon.wait_for_log("no telegram came", 1);
    assert!(!daemon.log().contains('\x1b'), "colours in a file");
}

#[test]
fn a_broker_that_hangs_holds_nothing_up_and_ends_right() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    let config = write(scratch.path(), &broker);
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let _daemon = Daemon::start(&config);
    let state = Subscriber::new(broker.port(), POWER);
    meter.send(&telegram(1));
    wait_until(SOON, "the broker has it", || state.last(POWER).as_deref() == Some("0.001"));
    broker.hang();
    for n in 2..=40 {
        meter.send(&telegram(n));
        wait_until(SOON, "the record goes on", || stored(&config).len() == n as usize);
    }
    broker.resume();
    wait_until(SOON, "the newest value arrives", || state.last(POWER).as_deref() == Some("0.040"));
}

#[test]
fn a_process_that_hangs_is_offline_by_its_will() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, broker) = (scratch(), Mosquitto::start());
    let config = write(scratch.path(), &broker);
    let daemon = Daemon::start(&config);
    let status = Subscriber::new(broker.port(), "dsmrd/status");
    wait_until(SOON, "it is online", || status.last("dsmrd/status").as_deref() == Some("online"));
    daemon.signal(libc::SIGSTOP);
    wait_until(SOON, "the broker gives it up", || status.last("dsmrd/status").as_deref() == Some("offline"));
    daemon.signal(libc::SIGCONT);
    wait_until(SOON, "it comes back", || status.last("dsmrd/status").as_deref() == Some("online"));
}

#[test]
fn what_a_killed_process_had_not_delivered_arrives_after_its_restart() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, mut broker) = (scratch(), Mosquitto::prepare("allow_anonymous true"));
    let config = write(scratch.path(), &broker);
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    for n in 1..=500 {
        meter.send(&telegram(n));
    }
    wait_until(SOON, "all of them are kept", || stored(&config).len() == 500);
    daemon.signal(libc::SIGKILL);
    daemon.wait();
    // The meter says nothing any more, and still the broker gets to know what it said last.
    broker.restart();
    let state = Subscriber::new(broker.port(), "dsmrd/home/#");
    let _daemon = Daemon::start(&config);
    wait_until(SOON, "the last value arrives", || state.last(POWER).as_deref() == Some("0.500"));
    wait_until(SOON, "and that the meter is silent", || {
        state.last("dsmrd/home/status").as_deref() == Some("offline")
    });
}

#[test]
fn systemd_is_told_what_it_wants_to_know() {
    let scratch = scratch();
    let config = scratch.path().join("dsmrd.toml");
    std::fs::write(
        &config,
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\n[store]\npath = \"record.sqlite\"\n",
    )
    .expect("a configuration");
    let path = scratch.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    let mut heard = String::new();
    let mut hear = |word: &str| {
        let mut buffer = [0; 512];
        while !heard.contains(word) {
            let bytes = match socket.recv(&mut buffer) {
                Ok(bytes) => bytes,
                // So a socket with a limit ends its wait when the process was stopped and goes on.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("no {word} in {heard:?}: {error}"),
            };
            heard.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
            heard.push('\n');
        }
        heard.clear();
    };
    let mut daemon = Daemon::start_with(&config, &[("NOTIFY_SOCKET", &path)]);
    hear("READY=1");
    hear("WATCHDOG=1");
    daemon.signal(libc::SIGHUP);
    hear("RELOADING=1");
    hear("READY=1");
    daemon.signal(libc::SIGTERM);
    hear("STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
}
