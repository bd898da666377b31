//! Brokers that restart, hang, are away, or refuse.

use std::time::Duration;

use dsmrd::feed::Feed;
use dsmrd::mqtt::{BrokerSettings, Secret};

use super::rig::{Rig, on_runtime, retained, settings};
use crate::support::{Mosquitto, Subscriber, free_port, is_alone, mosquitto_missing, until};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_broker_that_forgot_everything_gets_it_all_again() {
    if mosquitto_missing() {
        return;
    }
    let mut broker = Mosquitto::start();
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 20);
        rig.report(5);
        rig.drained().await;
        assert_eq!(retained(broker.port(), "t/#").len(), 20);
        broker.restart();
        assert_eq!(retained(broker.port(), "t/#").len(), 0);
        until(SOON, "it connects again", || rig.counters.connects.get() >= 2).await;
        // No new reading comes: what was said last is said again.
        rig.drained().await;
        let kept = retained(broker.port(), "#");
        assert_eq!(kept.iter().filter(|(topic, value)| topic.starts_with("t/") && *value == "5").count(), 20);
        assert_eq!(kept["dsmrd/status"], "online");
        assert!(rig.balances());
    });
}

#[test]
fn a_broker_that_comes_late_gets_the_newest() {
    if mosquitto_missing() {
        return;
    }
    let mut broker = Mosquitto::prepare("allow_anonymous true");
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 3);
        for watts in 1..=50 {
            rig.report(watts);
            tokio::task::yield_now().await;
        }
        until(SOON, "two attempts fail", || rig.counters.disconnects.get() >= 2).await;
        assert_eq!(rig.counters.pending.get(), 3);
        broker.restart();
        rig.drained().await;
        assert_eq!(retained(broker.port(), "t/#")["t/2"], "50");
        assert_eq!(rig.counters.acked.get(), 3, "one message a topic");
    });
}

#[test]
fn a_day_without_the_broker_keeps_one_message_a_topic() {
    if mosquitto_missing() || !is_alone("mqtt::faults::a_day_without_the_broker_keeps_one_message_a_topic") {
        return;
    }
    let mut broker = Mosquitto::start();
    on_runtime(async {
        let rig = Rig::start(settings(broker.port()));
        rig.report(1);
        rig.drained().await;
        let topics = rig.counters.acked.get();
        broker.kill();
        until(SOON, "the loss is noticed", || rig.counters.connected.get() == 0).await;
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
            status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4_096
        };
        let mut before = 0;
        for second in 0..86_400_i64 {
            rig.report(i128::from(second % 4_000));
            rig.clock.advance(1_000);
            tokio::task::yield_now().await;
            if second == 10_000 {
                before = resident();
            }
        }
        until(SOON, "the feed is read", || rig.feed.backlog() == 0).await;
        assert!(rig.counters.pending.get() <= topics, "{} wait", rig.counters.pending.get());
        assert!(rig.counters.offered.get() + rig.counters.skipped_readings.get() * 3 >= 86_400 * 3);
        assert!(resident() < before + (16 << 20), "from {before} to {} bytes", resident());
        broker.restart();
        until(Duration::from_secs(70), "it connects again", || rig.counters.connects.get() >= 2).await;
        rig.drained().await;
        let kept = retained(broker.port(), "dsmrd/#");
        assert_eq!(kept["dsmrd/home/power_import"], "2.399", "the last second of the day");
        assert!(rig.balances());
    });
}

#[test]
fn a_broker_that_hangs_is_noticed_and_touches_no_other() {
    if mosquitto_missing() {
        return;
    }
    let (hung, well) = (Mosquitto::start(), Mosquitto::start());
    let live = Subscriber::new(well.port(), "dsmrd/home/power_import");
    on_runtime(async {
        let feed = Feed::default();
        let keepalive = Duration::from_secs(2);
        let first = Rig::on(BrokerSettings { keepalive, ..settings(hung.port()) }, feed.clone());
        let second = Rig::on(settings(well.port()), feed);
        first.report(1);
        first.drained().await;
        second.drained().await;
        hung.hang();
        let topics = first.counters.acked.get();
        for watts in 2..=300 {
            second.report(watts);
            second.drained().await;
            assert!(first.counters.pending.get() <= topics + 2, "{} wait", first.counters.pending.get());
        }
        until(SOON, "all came at the other", || live.payloads("dsmrd/home/power_import").len() == 300).await;
        assert_eq!(second.counters.skipped_readings.get(), 0);
        // 1.5 keepalives and 5 s.
        until(Duration::from_secs(8), "it is noticed", || first.counters.disconnects.get() >= 1).await;
        hung.resume();
        until(Duration::from_secs(20), "it connects again", || first.counters.connects.get() >= 2).await;
        first.drained().await;
        assert_eq!(retained(hung.port(), "dsmrd/#")["dsmrd/home/power_import"], "0.300");
        // Hung once more: stopping keeps its time.
        hung.hang();
        first.report(301);
        assert!(!first.task.stop(Duration::from_millis(500)).await, "there is nobody to say farewell to");
        assert!(second.task.stop(SOON).await);
        hung.resume();
    });
}

#[test]
fn a_task_that_ends_without_farewell_leaves_the_will() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "dsmrd/status");
    on_runtime(async {
        let rig = Rig::start(settings(broker.port()));
        until(SOON, "birth", || live.last("dsmrd/status").as_deref() == Some("online")).await;
        drop(rig.task);
        tokio::task::yield_now().await;
    });
    crate::support::wait_until(SOON, "will", || live.last("dsmrd/status").as_deref() == Some("offline"));
    assert_eq!(retained(broker.port(), "dsmrd/status")["dsmrd/status"], "offline");
}

#[test]
fn the_farewell_comes_before_disconnect() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 100);
        until(SOON, "it connects", || rig.counters.connected.get() == 1).await;
        rig.report(1);
        assert!(rig.task.stop(SOON).await);
        assert_eq!(rig.counters.acked.get(), 100, "what waited was delivered first");
        assert_eq!(rig.counters.disconnects.get(), 0, "leaving in order is no failure");
    });
    crate::support::wait_until(SOON, "it left in order", || broker.log().contains("Received DISCONNECT"));
    let log = broker.log();
    let id = settings(broker.port()).client_id;
    let lines: Vec<_> = log.lines().filter(|line| line.contains(&format!("from {id}"))).collect();
    let publish = lines.iter().rposition(|line| line.contains("Received PUBLISH")).expect("it published");
    let disconnect =
        lines.iter().position(|line| line.contains("Received DISCONNECT")).expect("it left in order");
    assert!(lines[publish].contains("dsmrd/status") && publish < disconnect, "{lines:#?}");
}

#[test]
fn a_wrong_password_and_a_taken_id_do_not_hammer_the_broker() {
    if mosquitto_missing() {
        return;
    }
    let folder = crate::support::scratch();
    let passwords = folder.path().join("passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c", &passwords.display().to_string(), "meter", "right"])
        .status();
    assert!(made.expect("mosquitto_passwd is installed").success());
    let broker = Mosquitto::with(&format!("allow_anonymous false\npassword_file {}", passwords.display()));
    let with = |password: &str| BrokerSettings {
        username: Some("meter".into()),
        password: Some(Secret::new(password.into())),
        ..settings(broker.port())
    };
    on_runtime(async {
        let wrong = Rig::start(with("wrong"));
        until(SOON, "two attempts fail", || wrong.counters.disconnects.get() >= 2).await;
        assert_eq!(wrong.counters.connects.get(), 0);
        drop(wrong);
        // Two with one id throw each other out, slower and slower.
        let (one, other) = (Rig::start(with("right")), Rig::start(with("right")));
        let connects = || one.counters.connects.get() + other.counters.connects.get();
        until(SOON, "both were there", || connects() >= 2).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(connects() <= 8, "{} connections in five seconds", connects());
    });
}

#[test]
fn a_broker_that_is_switched_off_has_no_task() {
    let settings = BrokerSettings { enabled: false, ..settings(free_port()) };
    let (feed, clock) = (Feed::default(), dsmrd::clock::Clock::manual(0));
    // There is not even a runtime here.
    let task = dsmrd::mqtt::spawn(settings, dsmrd::mqtt::Hooks::none(), &feed, Default::default(), clock);
    assert!(task.expect("the layouts are right").is_none());
}
