//! What a driver hears of a real broker: documents of an earlier run, the birth of Home Assistant, prices.

use std::process::Command;
use std::sync::{Arc, Mutex};

use dsmrd::mqtt::{Hooks, PriceTopic};
use dsmrd::prices::{PriceKind, PriceUnit};

use super::rig::*;
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, until};

use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::{Event, Feed};
use dsmrd::meter::Field;
use dsmrd::mqtt::{self, BrokerSettings};
use dsmrd::publish::{Discovery, LayoutSettings, PayloadFormat};
use dsmrd::telemetry::BrokerCounters;

const SOON: Duration = Duration::from_secs(60);
const OURS: &str = "homeassistant/device/dsmrd_12ab/E0003/config";

fn discovery(meters: &[&str]) -> Discovery {
    Discovery {
        enabled: true,
        node: "dsmrd_12ab".into(),
        status_topic: "dsmrd/status".into(),
        status_online: "online".into(),
        status_offline: "offline".into(),
        meters: meters.iter().map(|&name| name.to_owned()).collect(),
        ..Discovery::off()
    }
}

fn announcing(port: u16, discovery: Discovery) -> BrokerSettings {
    let layouts =
        vec![LayoutSettings::Native { prefix: "dsmrd".into(), payload: PayloadFormat::Value, discovery }];
    BrokerSettings { layouts, ..settings(port) }
}

fn publish(port: u16, topic: &str, payload: &str, more: &[&str]) {
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic, "-m", payload])
        .args(more)
        .status()
        .expect("mosquitto_pub runs");
    assert!(status.success());
}

/// A meter called home says its identifier.
fn report(rig: &Rig, id: &[u8]) {
    let mut reading = reading(1_193);
    reading.set_text(Field::MeterId, id);
    rig.feed.publish(Event::Reading { meter: meter(), reading: Arc::new(reading), totals: None });
}

const FOREIGN: [(&str, &str); 5] = [
    ("homeassistant/sensor/solar/config", r#"{"name":"Sun","state_topic":"solar/power"}"#),
    ("homeassistant/device/zigbee/lamp/config", r#"{"origin":{"name":"zigbee2mqtt"}}"#),
    ("homeassistant/device/dsmrd_34cd/E0003/config", r#"{"origin":{"name":"dsmrd"},"availability":[]}"#),
    ("homeassistant/device/dsmrd_12ab/lamp/config", r#"{"origin":{"name":"somebody else"}}"#),
    ("homeassistant/binary_sensor/dsmrd_12ab/door/config", r#"{"name":"Door","state_topic":"door"}"#),
];

#[test]
fn only_our_documents_go_when_their_meter_does() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    for (topic, payload) in FOREIGN {
        publish(broker.port(), topic, payload, &["-r", "-q", "1"]);
    }
    let foreign_are_whole = || {
        let kept = retained(broker.port(), "homeassistant/#");
        FOREIGN.iter().all(|(topic, payload)| kept.get(*topic).is_some_and(|kept| kept == payload))
    };
    on_runtime(async {
        let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
        report(&rig, b"4530303033");
        rig.drained().await;
        assert!(
            retained(broker.port(), "homeassistant/#")[OURS].contains("\"identifiers\":[\"dsmrd_E0003\"]")
        );
        assert!(foreign_are_whole());
        assert!(rig.task.stop(SOON).await);

        // The next run: the meter is silent, and its document stays.
        let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
        until(SOON, "it connects", || rig.counters.connected.get() == 1).await;
        rig.link(false);
        rig.drained().await;
        assert!(retained(broker.port(), "homeassistant/#").contains_key(OURS));
        // Another meter speaks.
        report(&rig, b"4530303034");
        rig.drained().await;
        let kept = retained(broker.port(), "homeassistant/#");
        assert!(!kept.contains_key(OURS), "{kept:?}");
        let second = "homeassistant/device/dsmrd_12ab/E0004/config";
        assert!(kept.contains_key(second) && foreign_are_whole());
        assert!(rig.task.stop(SOON).await);

        // The meter is not configured any more; and with discovery switched off nothing is left at all.
        let live = Subscriber::new(broker.port(), second);
        for settings in [discovery(&["garage"]), Discovery { enabled: false, ..discovery(&["home"]) }] {
            let rig = Rig::start(announcing(broker.port(), settings));
            until(SOON, "it is cleared", || live.last(second).as_deref() == Some("")).await;
            rig.drained().await;
            assert!(!retained(broker.port(), "homeassistant/#").contains_key(second));
            assert!(foreign_are_whole() && rig.balances());
            assert!(rig.task.stop(SOON).await);
            let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
            report(&rig, b"4530303034");
            rig.drained().await;
            let is_there = || live.last(second).is_some_and(|payload| !payload.is_empty());
            until(SOON, "it is back", is_there).await;
            assert!(rig.task.stop(SOON).await);
        }
    });
}

#[test]
fn a_birth_is_answered_with_all_documents_and_with_nothing_that_is_gone() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "#");
    on_runtime(async {
        let ours = Discovery { prefix: "ha".into(), ..discovery(&["home"]) };
        let rig = Rig::start(announcing(broker.port(), ours));
        report(&rig, b"4530303033");
        rig.drained().await;
        report(&rig, b"4530303034");
        rig.drained().await;
        let (old, new) = ("ha/device/dsmrd_12ab/E0003/config", "ha/device/dsmrd_12ab/E0004/config");
        until(SOON, "the meter is another", || live.last(new).is_some()).await;
        assert_eq!(live.last(old).as_deref(), Some(""));
        live.clear();
        // Not the Home Assistant of these topics.
        publish(broker.port(), "homeassistant/status", "online", &[]);
        publish(broker.port(), "ha/status", "online", &[]);
        until(Duration::from_secs(20), "all is said again", || live.last(new).is_some()).await;
        rig.drained().await;
        until(SOON, "state too", || live.last("dsmrd/home/power_import").is_some()).await;
        assert_eq!(live.payloads(new).len(), 1);
        assert_eq!(live.payloads(old), [""; 0], "what is gone is no news to one that has just started");
        assert!(rig.balances());
    });
}

#[test]
fn a_document_that_somebody_else_clears_comes_back() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), OURS);
    on_runtime(async {
        let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
        report(&rig, b"4530303033");
        rig.drained().await;
        publish(broker.port(), OURS, "", &["-r", "-q", "1"]);
        until(SOON, "it is cleared", || live.last(OURS).as_deref() == Some("")).await;
        // Not at once, so that two who want different things do not shout: with what is offered a minute later.
        let mut reading = reading(61_193);
        reading.set_text(Field::MeterId, b"4530303033");
        until(SOON, "it is back", || {
            reading.received_at += 60_000;
            let reading = Arc::new(reading.clone());
            rig.feed.publish(Event::Reading { meter: meter(), reading, totals: None });
            live.last(OURS).is_some_and(|payload| !payload.is_empty())
        })
        .await;
        assert!(rig.balances());
    });
}

#[test]
fn prices_are_handed_on_as_they_come() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    publish(broker.port(), "energy/prices", "[1]", &["-r", "-q", "1"]);
    on_runtime(async {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let hooks = Hooks {
            prices: Arc::new(move |topic: &PriceTopic, payload: &[u8]| {
                let text = String::from_utf8(payload.to_vec()).expect("UTF-8");
                sink.lock().expect("nobody panicked").push((topic.kind, text));
            }),
            ..Hooks::none()
        };
        let topic = PriceTopic {
            topic: "energy/prices".into(),
            kind: PriceKind::Electricity,
            unit: Some(PriceUnit::MegaWattHour),
        };
        let settings =
            BrokerSettings { prices: Some(topic), ..announcing(broker.port(), discovery(&["home"])) };
        let (feed, counters) = (Feed::default(), Arc::<BrokerCounters>::default());
        let task = mqtt::spawn(settings, hooks, &feed, Arc::clone(&counters), Clock::manual(0))
            .expect("the layouts are right")
            .expect("it is switched on");
        let count = || heard.lock().expect("nobody panicked").len();
        until(SOON, "what was kept is heard", || count() == 1).await;
        publish(broker.port(), "energy/prices", "[2]", &[]);
        publish(broker.port(), "energy/prices/more", "[3]", &[]);
        publish(broker.port(), "energy/prices", "[4]", &[]);
        until(SOON, "what is new is heard", || count() == 3).await;
        let texts: Vec<String> =
            heard.lock().expect("nobody panicked").iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(texts, ["[1]", "[2]", "[4]"]);
        assert!(task.stop(SOON).await);
    });
}

#[test]
fn who_may_not_subscribe_publishes_as_ever() {
    if mosquitto_missing() {
        return;
    }
    let mut broker = Mosquitto::prepare("allow_anonymous true\nacl_file acl\n");
    // A name without a path is looked for where the program was started.
    let acl = broker.folder().join("acl");
    std::fs::write(&acl, "topic write #\n").expect("written");
    let config = broker.folder().join("mosquitto.conf");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let whole = text.replace("acl_file acl", &format!("acl_file {}", acl.display()));
    std::fs::write(&config, whole).expect("written");
    broker.restart();
    on_runtime(async {
        let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
        for watts in 1..=3 {
            rig.report(watts);
            rig.drained().await;
        }
        assert_eq!((rig.counters.connects.get(), rig.counters.disconnects.get()), (1, 0));
        assert!(rig.counters.acked.get() > 10 && rig.balances());
        assert!(rig.task.stop(SOON).await);
    });
}

#[test]
fn a_broker_that_a_document_is_too_large_for_gets_all_else() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::with("allow_anonymous true\nmax_packet_size 1300\n");
    on_runtime(async {
        let rig = Rig::start(announcing(broker.port(), discovery(&["home"])));
        report(&rig, b"4530303033");
        until(Duration::from_secs(20), "the document is given up", || rig.counters.dropped.get() == 1).await;
        rig.drained().await;
        let connects = rig.counters.connects.get();
        assert!(connects <= 3, "{connects}");
        // The connection stays, also when the document is offered again.
        let live = Subscriber::new(broker.port(), "dsmrd/home/power_import");
        let mut reading = reading(61_193);
        reading.set_text(Field::MeterId, b"4530303033");
        reading.received_at += 60_000;
        rig.feed.publish(Event::Reading { meter: meter(), reading: Arc::new(reading), totals: None });
        until(SOON, "it goes on", || live.last("dsmrd/home/power_import").as_deref() == Some("61.193")).await;
        rig.drained().await;
        assert_eq!((rig.counters.connects.get(), rig.counters.connected.get()), (connects, 1));
        assert!(!retained(broker.port(), "homeassistant/#").contains_key(OURS));
        assert_eq!(retained(broker.port(), "dsmrd/status")["dsmrd/status"], "online");
        assert!(rig.balances());
    });
}
