//! From the port to the broker and the record.

use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_the_meter_says_reaches_broker_and_record() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let scratch = scratch();
    let config = scratch.path().join("dsmrd.toml");
    std::fs::write(
        &config,
        format!(
            "[[meter]]\nname = \"home\"\nsource = \"tty\"\n[store]\npath = \"record.sqlite\"\n\
             [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\nlayouts = [\"dsmrd\", \"dsmr-reader\"]\n",
            broker.port()
        ),
    )
    .expect("a configuration");
    let live = Subscriber::new(broker.port(), "#");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    // Power 1.193, 0.207, 1.193 kW: the broker must end with the first again.
    for (sent, n) in [1_193, 2_207, 3_193].into_iter().enumerate() {
        meter.send(&telegram(n));
        wait_until(SOON, "the reading is published", || {
            live.payloads("dsmrd/home/power_import").len() == sent + 1
        });
    }
    assert_eq!(live.payloads("dsmrd/home/power_import"), ["1.193", "2.207", "3.193"]);
    let late = Subscriber::new(broker.port(), "#");
    wait_until(SOON, "the retained state is there", || late.last("dsmr/reading/timestamp").is_some());
    for (topic, payload) in [
        ("dsmrd/status", "online"),
        ("dsmrd/home/status", "online"),
        ("dsmrd/home/power_import", "3.193"),
        ("dsmrd/home/energy_import_t1", "103.193"),
        ("dsmrd/home/voltage_l1", "230.1"),
        ("dsmrd/home/tariff", "2"),
        ("dsmr/reading/electricity_delivered_1", "103.193"),
        ("dsmr/reading/electricity_currently_delivered", "3.193"),
        ("dsmr/reading/timestamp", "2026-11-21T09:53:13Z"),
        ("dsmr/reading/phase_power_current_l2", ""),
        ("dsmr/meter-stats/dsmr_version", "50"),
        ("dsmr/consumption/gas/delivered", "1234.567"),
    ] {
        if payload.is_empty() {
            // An empty retained payload leaves nothing behind at the broker.
            assert_eq!(late.last(topic), None, "{topic}");
        } else {
            assert_eq!(late.last(topic).as_deref(), Some(payload), "{topic}");
        }
    }
    assert!(late.messages().iter().all(|message| message.retained), "a state message was not retained");
    assert_eq!(stored(&config), [1_193, 2_207, 3_193]);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
    wait_until(SOON, "the farewell is there", || live.last("dsmrd/status").as_deref() == Some("offline"));
    assert_eq!(stored(&config), [1_193, 2_207, 3_193]);
}

#[test]
fn an_unplugged_cable_is_opened_again_when_it_is_back() {
    let scratch = scratch();
    let config = scratch.path().join("dsmrd.toml");
    std::fs::write(
        &config,
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\n[store]\npath = \"record.sqlite\"\n",
    )
    .expect("a configuration");
    let tty = scratch.path().join("tty");
    // Neither cable nor broker: it starts, and says what it waits for.
    let daemon = Daemon::start(&config);
    daemon.wait_for_log("no such device", 1);
    for n in 1..=3 {
        let mut meter = Meter::plug_in(&tty);
        meter.send(&telegram(n));
        wait_until(SOON, "the reading is kept", || stored(&config).len() == n as usize);
    }
    assert_eq!(stored(&config), [1, 2, 3]);
}
