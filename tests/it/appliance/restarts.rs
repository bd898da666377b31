//! A broker that restarts again and again: nothing grows, and the meter does not notice.

use std::path::PathBuf;
use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

const SOON: Duration = Duration::from_secs(30);

/// Open descriptors, threads, and resident memory in KiB.
fn held(daemon: &Daemon) -> (usize, usize, u64) {
    let process = PathBuf::from(format!("/proc/{}", daemon.pid()));
    let count = |what: &str| std::fs::read_dir(process.join(what)).expect("our own child").count();
    let status = std::fs::read_to_string(process.join("status")).expect("our own child");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    let resident = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    (count("fd"), count("task"), resident)
}

#[test]
fn a_broker_that_restarts_without_end_costs_nothing() {
    if mosquitto_missing() {
        return;
    }
    let (scratch, mut broker) = (scratch(), Mosquitto::start());
    let config = scratch.path().join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n[store]\npath = \"record.sqlite\"\n\
         [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\n",
        broker.port()
    );
    std::fs::write(&config, text).expect("a configuration");
    let broker_port = broker.port();
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let daemon = Daemon::start(&config);
    let listener = |newest: u64| {
        let listener = Subscriber::new(broker_port, "dsmrd/home/power_import");
        let newest = format!("{}.{:03}", newest / 1_000, newest % 1_000);
        // Who is dropped again and again waits longer each time, up to 48 seconds.
        wait_until(Duration::from_secs(150), "the broker ends with the newest value", || {
            listener.last("dsmrd/home/power_import").as_deref() == Some(newest.as_str())
        });
    };
    let mut sent = 1;
    meter.send(&telegram(sent));
    listener(sent);
    let (files, threads, memory) = held(&daemon);
    for _ in 0..40 {
        broker.kill();
        // The meter goes on while nobody listens.
        for _ in 0..5 {
            sent += 1;
            meter.send(&telegram(sent));
        }
        broker.restart();
        std::thread::sleep(Duration::from_millis(250));
    }
    listener(sent);
    let (files_after, threads_after, memory_after) = held(&daemon);
    assert!(files_after <= files + 2, "{files} descriptors became {files_after}");
    // Threads for what blocks come and go.
    assert!(threads_after <= threads + 2, "{threads} threads became {threads_after}");
    assert!(memory_after <= memory + 4_096, "{memory} KiB became {memory_after}");
    let connects = daemon.log().matches("connected to the broker").count();
    assert!(connects <= 20, "{connects} connections: the broker is hammered");
    wait_until(SOON, "every reading is kept", || stored(&config).len() == sent as usize);
    assert_eq!(stored(&config), (1..=sent).collect::<Vec<_>>());
}
