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
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let daemon = Daemon::start(&config);
    let (mut sent, mut settled) = (0, None);
    for round in 1..=16 {
        let connected = daemon.log().matches("connected to the broker").count();
        if round > 1 {
            broker.kill();
            // The meter goes on while nobody listens.
            for _ in 0..5 {
                sent += 1;
                meter.send(&telegram(sent));
            }
            broker.restart();
        }
        wait_until(SOON, "it is there again", || {
            daemon.log().matches("connected to the broker").count() > connected || round == 1
        });
        sent += 1;
        meter.send(&telegram(sent));
        let listener = Subscriber::new(broker.port(), "dsmrd/home/power_import");
        let newest = format!("{}.{:03}", sent / 1_000, sent % 1_000);
        wait_until(SOON, "the broker ends with the newest value", || {
            listener.last("dsmrd/home/power_import").as_deref() == Some(newest.as_str())
        });
        if round == 4 {
            settled = Some(held(&daemon));
        }
    }
    let ((files, threads, memory), (files_after, threads_after, memory_after)) =
        (settled.expect("the fourth round"), held(&daemon));
    assert!(files_after <= files, "{files} descriptors became {files_after}");
    // Threads for what blocks come and go.
    assert!(threads_after <= threads + 2, "{threads} threads became {threads_after}");
    assert!(memory_after <= memory + 2_048, "{memory} KiB became {memory_after}");
    wait_until(SOON, "every reading is kept", || stored(&config).len() == sent as usize);
    assert_eq!(stored(&config), (1..=sent).collect::<Vec<_>>());
}
