//! `kill -9` at random moments: nothing received is lost, nothing is there twice.

use std::time::Duration;

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

/// How often the daemon is killed; `DSMRD_KILLS` changes it.
fn kills() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for from outside")]
    let asked = std::env::var("DSMRD_KILLS");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

/// A small generator, so that a failing run can be repeated.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn killed_again_and_again_it_loses_and_doubles_nothing() {
    let scratch = scratch();
    let tty = scratch.path().join("tty");
    let config = scratch.path().join("dsmrd.toml");
    std::fs::write(
        &config,
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n[store]\npath = \"record.sqlite\"\n",
    )
    .expect("a configuration");
    let mut state = 20_261_121;
    let mut next = 0;
    // Of each life: the telegrams sent, and the last one the record was seen to hold before the end.
    let mut lives = Vec::new();
    for life in 0..kills() {
        let mut meter = Meter::plug_in(&tty);
        let daemon = Daemon::start(&config);
        let first = next;
        // What is sent before the port is open waits in the pseudo-terminal.
        for _ in 0..=random(&mut state) % 20 {
            meter.send(&telegram(next));
            next += 1;
            std::thread::sleep(Duration::from_micros(random(&mut state) % 2_000));
        }
        let mut seen = None;
        wait_until(Duration::from_secs(20), "the first reading is kept", || {
            seen = stored(&config).into_iter().max().filter(|&n| n >= first);
            seen.is_some()
        });
        for _ in 0..random(&mut state) % 5 {
            meter.send(&telegram(next));
            next += 1;
        }
        daemon.signal(libc::SIGKILL);
        lives.push((life, first, next, seen.expect("it was seen")));
    }
    let kept = stored(&config);
    for pair in kept.windows(2) {
        assert!(pair[0] < pair[1], "reading {} stands before {}", pair[0], pair[1]);
    }
    for (life, first, end, seen) in lives {
        let of_life: Vec<u64> = kept.iter().copied().filter(|n| (first..end).contains(n)).collect();
        let last = *of_life.last().unwrap_or_else(|| panic!("life {life} left nothing"));
        assert!(last >= seen, "life {life}: reading {seen} was kept and is gone");
        assert_eq!(of_life, (first..=last).collect::<Vec<_>>(), "life {life} has a hole");
    }
}

/// While each reading is synced before the next one is looked at, the store is always behind the broker.
#[test]
fn what_a_broker_heard_before_a_kill_is_in_the_record() {
    if mosquitto_missing() {
        return;
    }
    let (broker, scratch) = (Mosquitto::start(), scratch());
    let config = scratch.path().join("dsmrd.toml");
    let live = Subscriber::new(broker.port(), "dsmrd/home/power_import");
    let heard = || -> Vec<u64> {
        let payloads = live.payloads("dsmrd/home/power_import");
        payloads.iter().map(|payload| payload.replace('.', "").parse().expect("a number")).collect()
    };
    let mut state = 20_261_205;
    let mut next = 1;
    for life in 0..kills().div_ceil(4) {
        let text = format!(
            "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n\
             [store]\npath = \"record.sqlite\"\nsync_interval = {}\n\
             [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\n",
            2 * (life % 2),
            broker.port()
        );
        std::fs::write(&config, text).expect("a configuration");
        let first = next;
        let mut meter = Meter::plug_in(&scratch.path().join("tty"));
        let daemon = Daemon::start(&config);
        let mut left = random(&mut state) % 40;
        wait_until(Duration::from_secs(20), "the broker hears of it", || {
            meter.send(&telegram(next));
            next += 1;
            std::thread::sleep(Duration::from_millis(2));
            heard().last().is_some_and(|&n| n >= first)
        });
        while left > 0 {
            left -= 1;
            meter.send(&telegram(next));
            next += 1;
            std::thread::sleep(Duration::from_micros(random(&mut state) % 4_000));
        }
        daemon.signal(libc::SIGKILL);
    }
    let (kept, heard) = (stored(&config), heard());
    for pair in kept.windows(2) {
        assert!(pair[0] < pair[1], "reading {} stands before {}", pair[0], pair[1]);
    }
    let lost: Vec<_> = heard.iter().filter(|n| !kept.contains(n)).collect();
    assert!(lost.is_empty(), "the broker heard of {} readings; the record has not {lost:?}", heard.len());
}
