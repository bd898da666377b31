//! What a subscriber of a real broker sees.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::rig::{Rig, meter, on_runtime, reading, retained, settings};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, until};
use dsmrd::clock::Clock;
use dsmrd::feed::{Event, Feed};
use dsmrd::mqtt::{self, Hooks};
use dsmrd::telemetry::BrokerCounters;

const SOON: Duration = Duration::from_secs(60);
const HOUR: u64 = 3_600_000;

#[test]
fn values_are_retained_and_come_with_the_quality_asked_for() {
    if mosquitto_missing() {
        return;
    }
    for qos in 0..=2 {
        let broker = Mosquitto::start();
        let live = Subscriber::new(broker.port(), "dsmrd/#");
        on_runtime(async {
            let rig = Rig::start(dsmrd::mqtt::BrokerSettings { qos, ..settings(broker.port()) });
            rig.link(true);
            rig.report(1_193);
            rig.drained().await;
            until(SOON, "the value comes", || live.last("dsmrd/home/power_import").is_some()).await;
            assert!(rig.balances());
            assert!(rig.task.stop(SOON).await, "it leaves in order");
            until(SOON, "the farewell comes", || live.payloads("dsmrd/status").len() >= 2).await;
        });
        let messages = live.messages();
        let power: Vec<_> = messages.iter().filter(|m| m.topic == "dsmrd/home/power_import").collect();
        assert_eq!(power.len(), 1, "{messages:?}");
        assert_eq!((power[0].payload.as_str(), power[0].qos), ("1.193", qos));
        assert_eq!(live.payloads("dsmrd/status"), ["online", "offline"], "birth and farewell");
        let kept = retained(broker.port(), "dsmrd/#");
        assert_eq!(kept["dsmrd/home/power_import"], "1.193");
        assert_eq!(kept["dsmrd/home/status"], "online");
        assert_eq!(kept["dsmrd/status"], "offline", "the farewell is kept");
    }
}

#[test]
fn a_b_a_is_three_messages_in_order_and_duplicates_are_none() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "t/#");
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 1);
        for watts in [1, 1, 2, 2, 1, 1] {
            rig.report(watts);
            rig.drained().await;
        }
        until(SOON, "three come", || live.payloads("t/0").len() >= 3).await;
        rig.report(9);
        until(SOON, "and the last", || live.last("t/0").as_deref() == Some("9")).await;
        assert_eq!(live.payloads("t/0"), ["1", "2", "1", "9"]);
        assert_eq!(rig.counters.deduplicated.get(), 3);
    });
}

#[test]
fn what_does_not_change_is_said_again_each_hour() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "t/#");
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 1);
        for _ in 0..3 * 12 {
            rig.report(7);
            rig.drained().await;
            rig.clock.advance(HOUR / 12);
        }
        rig.report(8);
        until(SOON, "the last comes", || live.last("t/0").as_deref() == Some("8")).await;
        assert_eq!(live.payloads("t/0"), ["7", "7", "7", "8"]);
    });
}

#[test]
fn home_assistants_birth_brings_all_state_again_and_no_flood() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "t/#");
    let birth = || {
        let port = broker.port().to_string();
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", "homeassistant/status", "-m", "online"])
            .args(["--repeat", "200", "--repeat-delay", "0"])
            .status();
        assert!(status.expect("mosquitto_pub runs").success());
    };
    on_runtime(async {
        let rig = Rig::plain(settings(broker.port()), 5);
        rig.report(1);
        rig.drained().await;
        until(SOON, "the state comes", || live.messages().len() == 5).await;
        birth();
        // At most once in ten seconds, and the connection itself has just said everything.
        until(Duration::from_secs(15), "the state comes again", || live.messages().len() == 10).await;
        rig.drained().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(live.messages().len(), 10, "two hundred births are one");
        assert!(rig.balances());
    });
}

#[test]
fn a_message_too_large_is_refused_and_the_rest_arrives() {
    if mosquitto_missing() {
        return;
    }
    struct Large;
    impl dsmrd::mqtt::Render for Large {
        fn reading(
            &mut self,
            _: &dsmrd::feed::MeterId,
            _: &dsmrd::meter::Reading,
            _: Option<&dsmrd::totals::Totals>,
            out: &mut Vec<dsmrd::publish::Message>,
        ) {
            for (topic, size) in [("t/large", (1 << 20) + 1), ("t/+", 1), ("t/small", 600_000)] {
                let payload = vec![b'x'; size].into();
                out.push(dsmrd::publish::Message { topic: topic.into(), payload });
            }
        }
        fn link(&mut self, _: &dsmrd::feed::MeterId, _: bool, _: &mut Vec<dsmrd::publish::Message>) {}
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "t/#");
    on_runtime(async {
        let feed = dsmrd::feed::Feed::default();
        let counters = std::sync::Arc::<dsmrd::telemetry::BrokerCounters>::default();
        let (clock, settings) = (dsmrd::clock::Clock::manual(0), settings(broker.port()));
        let task = dsmrd::mqtt::spawn_rendered(settings, Box::new(Large), &feed, counters.clone(), clock)
            .expect("it is switched on");
        let reading = std::sync::Arc::new(super::rig::reading(1));
        feed.publish(dsmrd::feed::Event::Reading { meter: super::rig::meter(), reading, totals: None });
        task.drained().await;
        until(SOON, "the small one comes", || live.messages().len() == 1).await;
        assert_eq!(live.messages()[0].topic, "t/small");
        assert_eq!((counters.dropped.get(), counters.disconnects.get()), (2, 0));
    });
}

#[test]
fn catching_up_is_paced() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    on_runtime(async {
        let settings = dsmrd::mqtt::BrokerSettings { rate: 40, ..settings(broker.port()) };
        let began = Clock::system();
        let rig = Rig::plain(settings, 100);
        rig.report(1);
        // Forty a second: ten at once and thirty a second, counted from before it knew the first. However long the
        // machine stands still in between, there are never more than its time allows for.
        until(SOON, "all are sent", || {
            let acked = rig.counters.acked.get();
            let allowed = 10 + (began.mono() + 1) * 30 / 1_000;
            assert!(acked <= allowed, "{acked} were sent in {} ms", began.mono());
            acked == 100
        })
        .await;
    });
}

#[test]
fn that_we_live_is_said_after_what_is_so_now() {
    if mosquitto_missing() {
        return;
    }
    let broker = Mosquitto::start();
    let live = Subscriber::new(broker.port(), "dsmrd/#");
    on_runtime(async {
        // What is known as the connection is made: a meter that is silent, and its last reading.
        let (feed, counters) = (Feed::default(), Arc::<BrokerCounters>::default());
        let reading = Arc::new(reading(1_193));
        feed.publish(Event::Reading { meter: meter(), reading, totals: None });
        feed.publish(Event::Link { meter: meter(), online: false });
        let task = mqtt::spawn(settings(broker.port()), Hooks::none(), &feed, counters, Clock::manual(0))
            .expect("the layouts are right")
            .expect("it is switched on");
        until(SOON, "the birth comes", || live.last("dsmrd/status").is_some()).await;
        assert!(task.stop(SOON).await);
    });
    let topics: Vec<String> = live.messages().into_iter().map(|message| message.topic).collect();
    let place = |topic: &str| topics.iter().position(|told| told == topic).expect("it was said");
    for before in ["dsmrd/home/status", "dsmrd/home/power_import", "dsmrd/home/json"] {
        assert!(place(before) < place("dsmrd/status"), "{topics:?}");
    }
}
