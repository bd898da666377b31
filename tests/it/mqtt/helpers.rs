//! What the other tests stand on: a broker that starts, hangs, restarts, and a subscriber that hears it.

use std::process::Command;
use std::time::Duration;

use crate::support::{Mosquitto, Received, Subscriber, mosquitto_missing, wait_until};

fn publish(port: u16, topic: &str, payload: &str, more: &[&str]) {
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic, "-m", payload])
        .args(more)
        .status()
        .expect("mosquitto_pub runs");
    assert!(status.success());
}

#[test]
fn a_real_broker_starts_restarts_and_is_heard() {
    if mosquitto_missing() {
        return;
    }
    let mut broker = Mosquitto::start();
    publish(broker.port(), "a/b", "1\n2", &["-r", "-q", "1"]);
    let subscriber = Subscriber::new(broker.port(), "a/#");
    let expected = Received { topic: "a/b".into(), qos: 1, retained: true, payload: "1\n2".into() };
    wait_until(Duration::from_secs(5), "the message comes", || subscriber.messages() == [expected.clone()]);
    broker.restart();
    let late = Subscriber::new(broker.port(), "a/#");
    publish(broker.port(), "a/b", "3", &["-q", "2"]);
    wait_until(Duration::from_secs(5), "the next comes", || late.last("a/b").as_deref() == Some("3"));
    assert_eq!(late.messages().len(), 1, "what was retained went with the broker");
    assert_eq!(late.messages()[0].qos, 2);
}
