//! The embedded broker: real clients, crooked clients, slow clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use dsmrd::mqtt::embedded::{Broker, BrokerStats};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::rig::{Rig, on_runtime, retained, settings};
use crate::support::{Subscriber, mosquitto_missing, until, wait_until};

const SOON: Duration = Duration::from_secs(60);

/// A broker on a thread of its own.
struct Running {
    address: SocketAddr,
    stats: Arc<BrokerStats>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::spawn(move || {
            on_runtime(async {
                let broker = Broker::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
                sender.send((broker.local_addr().expect("bound"), broker.stats())).expect("the test waits");
                broker.run(token).await;
            });
        });
        let (address, stats) = receiver.recv().expect("it is bound");
        Self { address, stats, stop, thread: Some(thread) }
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a socket");
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().expect("it runs once").join();
        assert!(ended.is_ok() || std::thread::panicking(), "it stops in order");
    }
}

/// CONNECT of MQTT 3.1.1 with an id, a keepalive of `keepalive` seconds, and perhaps a retained will.
fn connect_packet(id: &str, keepalive: u8, will: Option<(&str, &str)>) -> Vec<u8> {
    let string = |text: &str| [&[0, text.len() as u8][..], text.as_bytes()].concat();
    let flags = if will.is_some() { 0b0010_0110 } else { 0b0000_0010 };
    let mut body = [&string("MQTT")[..], &[4, flags, 0, keepalive], &string(id)].concat();
    if let Some((topic, payload)) = will {
        body.extend([string(topic), string(payload)].concat());
    }
    [&[0x10, body.len() as u8][..], &body].concat()
}

fn introduced(broker: &Running, connect: &[u8]) -> TcpStream {
    let mut stream = broker.connect();
    stream.write_all(connect).expect("it reads");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(answer, [0x20, 2, 0, 0]);
    stream
}

/// Whether the broker has closed the connection, with nothing more to read.
fn closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 64]), Ok(0) | Err(_))
}

fn publish(broker: &Running, topic: &str, payload: &str, more: &[&str]) {
    let port = broker.port().to_string();
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-m", payload])
        .args(more)
        .status()
        .expect("mosquitto_pub runs");
    assert!(status.success());
}

#[test]
fn only_loopback_is_bound() {
    on_runtime(async {
        let error = Broker::bind(([0, 0, 0, 0], 0).into()).await.expect_err("everyone could reach it");
        assert!(error.to_string().contains("loopback"), "{error}");
    });
}

#[test]
fn the_driver_and_its_subscribers_find_a_broker_in_it() {
    if mosquitto_missing() {
        return;
    }
    for qos in 0..=2 {
        let broker = Running::start();
        let live = Subscriber::new(broker.port(), "dsmrd/#");
        on_runtime(async {
            let rig = Rig::start(dsmrd::mqtt::BrokerSettings { qos, ..settings(broker.port()) });
            rig.report(1_193);
            rig.drained().await;
            assert!(rig.task.stop(SOON).await);
        });
        wait_until(SOON, "the farewell comes", || live.last("dsmrd/status").as_deref() == Some("offline"));
        let power: Vec<_> =
            live.messages().into_iter().filter(|m| m.topic == "dsmrd/home/power_import").collect();
        assert_eq!((power.len(), power[0].qos, power[0].retained), (1, qos.min(1), false));
        assert_eq!(retained(broker.port(), "dsmrd/#")["dsmrd/home/power_import"], "1.193");
    }
}

#[test]
fn retained_messages_come_with_their_flag_and_can_be_cleared() {
    if mosquitto_missing() {
        return;
    }
    let broker = Running::start();
    let early = Subscriber::new(broker.port(), "é/#");
    for topic in 0..250 {
        publish(&broker, &format!("é/{topic}"), "1", &["-r", "-q", "1"]);
    }
    let late = Subscriber::new(broker.port(), "é/#");
    wait_until(SOON, "all come", || late.messages().len() == 250);
    assert!(late.messages().iter().all(|message| message.retained && message.qos == 1));
    wait_until(SOON, "all came", || early.messages().len() == 250);
    assert!(early.messages().iter().all(|message| !message.retained));
    late.clear();
    publish(&broker, "é/7", "", &["-r"]);
    publish(&broker, "é/8", "", &[]);
    wait_until(SOON, "the clearing and the other come", || late.messages().len() == 2);
    let kept = Subscriber::new(broker.port(), "é/#");
    wait_until(SOON, "one is cleared", || kept.messages().len() == 249);
    assert_eq!(kept.payloads("é/8"), ["1"], "what is not retained clears nothing");
}

#[test]
fn wills_follow_a_lost_client_and_not_one_that_left() {
    if mosquitto_missing() {
        return;
    }
    let broker = Running::start();
    let live = Subscriber::new(broker.port(), "w/#");
    drop(introduced(&broker, &connect_packet("a", 60, Some(("w/lost", "gone")))));
    wait_until(SOON, "the will", || live.payloads("w/lost") == ["gone"]);
    let mut orderly = introduced(&broker, &connect_packet("b", 60, Some(("w/orderly", "gone"))));
    orderly.write_all(&[0xe0, 0]).expect("DISCONNECT is sent");
    assert!(closed(&mut orderly));
    // Silent for longer than 1.5 times its keepalive of one second.
    let mut silent = introduced(&broker, &connect_packet("c", 1, Some(("w/silent", "gone"))));
    assert!(closed(&mut silent));
    wait_until(SOON, "the will", || live.payloads("w/silent") == ["gone"]);
    // The same id again: the first is thrown out, and its will comes before anything the second says.
    let mut first = introduced(&broker, &connect_packet("d", 60, Some(("w/status", "offline"))));
    let mut second = introduced(&broker, &connect_packet("d", 60, None));
    assert!(closed(&mut first));
    second.write_all(b"\x31\x10\0\x08w/statusonline").expect("PUBLISH is sent");
    wait_until(SOON, "both", || live.payloads("w/status") == ["offline", "online"]);
    assert_eq!(live.payloads("w/orderly"), [""; 0]);
}

#[test]
fn mqtt_5_is_refused_with_a_reason() {
    let broker = Running::start();
    let mut stream = broker.connect();
    stream.write_all(b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x").expect("CONNECT is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it closes");
    assert_eq!(answer, [0x20, 2, 0, 1], "unacceptable protocol version");
}

#[test]
fn a_client_that_does_not_read_is_thrown_out_and_nobody_waits_for_it() {
    if mosquitto_missing() {
        return;
    }
    let broker = Running::start();
    let live = Subscriber::new(broker.port(), "s/done");
    let mut deaf = introduced(&broker, &connect_packet("deaf", 0, None));
    deaf.write_all(b"\x82\x08\0\x01\0\x03s/#\0").expect("SUBSCRIBE is sent");
    deaf.read_exact(&mut [0; 5]).expect("SUBACK, the last that it hears");
    let mut loud = introduced(&broker, &connect_packet("loud", 0, None));
    // 8,192 messages of 4 kB: more than the sockets' buffers and the queue hold.
    let payload = vec![b'x'; 4_096 - 5];
    let message = [&[0x30, 0x80, 0x20, 0, 3][..], b"s/x", &payload].concat();
    for _ in 0..8_192 {
        loud.write_all(&message).expect("it reads");
    }
    loud.write_all(b"\x30\x09\0\x06s/done1").expect("it reads");
    wait_until(SOON, "the other hears", || live.payloads("s/done") == ["1"]);
    wait_until(SOON, "the deaf one is thrown out", || broker.stats.slow.get() == 1);
}

#[test]
fn there_is_an_end_to_clients() {
    let broker = Running::start();
    let held: Vec<_> =
        (0..64).map(|n| introduced(&broker, &connect_packet(&format!("c{n}"), 60, None))).collect();
    assert!(closed(&mut broker.connect()));
    assert_eq!(broker.stats.refused.get(), 1);
    drop(held);
    wait_until(SOON, "there is room again", || {
        let mut stream = broker.connect();
        stream.write_all(&connect_packet("late", 60, None)).is_ok()
            && stream.read(&mut [0; 4]).is_ok_and(|n| n == 4)
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..300), polite in any::<bool>()) {
        static BROKER: std::sync::OnceLock<Running> = std::sync::OnceLock::new();
        let broker = BROKER.get_or_init(Running::start);
        let mut stream = if polite {
            introduced(broker, &connect_packet("crooked", 60, None))
        } else {
            broker.connect()
        };
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        drop(introduced(broker, &connect_packet("well", 60, None)));
    }
}

#[test]
fn it_stops_while_clients_are_there() {
    on_runtime(async {
        let broker = Broker::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let port = broker.local_addr().expect("bound").port();
        let stop = CancellationToken::new();
        let task = tokio::spawn(broker.run(stop.clone()));
        let rig = Rig::plain(settings(port), 1);
        until(SOON, "it connects", || rig.counters.connected.get() == 1).await;
        stop.cancel();
        tokio::time::timeout(SOON, task).await.expect("in time").expect("in order");
        until(SOON, "the driver notices", || rig.counters.connected.get() == 0).await;
    });
}
