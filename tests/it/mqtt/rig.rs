//! A driver with a feed, counters and a clock that a test holds in its hand.

use std::collections::HashMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use dsmrd::clock::Clock;
use dsmrd::feed::{Event, Feed, MeterId};
use dsmrd::meter::{Field, Proof, Quantity, Reading, Unit};
use dsmrd::mqtt::{self, BrokerSettings, BrokerTask, Render};
use dsmrd::p1::Decimal;
use dsmrd::publish::{Discovery, LayoutSettings, Message, PayloadFormat};
use dsmrd::telemetry::BrokerCounters;

/// Settings with the defaults of the sample configuration, for a broker on this machine.
pub(super) fn settings(port: u16) -> BrokerSettings {
    BrokerSettings {
        name: "local".into(),
        enabled: true,
        host: "127.0.0.1".into(),
        port,
        tls: None,
        username: None,
        password: None,
        client_id: format!("dsmrd-test-{port}"),
        keepalive: Duration::from_secs(30),
        qos: 1,
        cache: Duration::from_secs(3_600),
        layouts: vec![LayoutSettings::Native {
            prefix: "dsmrd".into(),
            payload: PayloadFormat::Value,
            discovery: Discovery::off(),
        }],
        prices: None,
        status_topic: "dsmrd/status".into(),
        status_online: "online".into(),
        status_offline: "offline".into(),
        rate: 1_000,
    }
}

pub(super) fn meter() -> MeterId {
    MeterId { name: "home".into() }
}

/// A reading that imports so many watts.
pub(super) fn reading(watts: i128) -> Reading {
    let mut reading = Reading::new(1_790_000_000_000 + watts as i64 * 1_000, Proof::Verified);
    let number = |mantissa, unit| Quantity { value: Decimal::new(mantissa, 3).expect("fits"), unit };
    reading.set_number(Field::PowerImport, number(watts, Unit::KiloWatt));
    reading.set_number(Field::EnergyImportT1, number(1_234_567, Unit::KiloWattHour));
    reading.set_text(Field::Tariff, b"0001");
    reading
}

/// A driver under test.
pub(super) struct Rig {
    pub(super) feed: Feed,
    pub(super) clock: Clock,
    pub(super) counters: Arc<BrokerCounters>,
    pub(super) task: BrokerTask,
}

impl Rig {
    /// Starts it with the layouts of its settings.
    pub(super) fn start(settings: BrokerSettings) -> Self {
        Self::on(settings, Feed::default())
    }

    /// As [`Rig::start`], on a feed that others look at too.
    pub(super) fn on(settings: BrokerSettings, feed: Feed) -> Self {
        let (clock, counters) = (Clock::manual(0), Arc::<BrokerCounters>::default());
        let task = mqtt::spawn(settings, mqtt::Hooks::none(), &feed, Arc::clone(&counters), clock.clone())
            .expect("the layouts are right")
            .expect("it is switched on");
        Self { feed, clock, counters, task }
    }

    /// Starts it with one message a reading: watts of import, on the topics `t/0` to `t/<topics - 1>`.
    pub(super) fn plain(settings: BrokerSettings, topics: usize) -> Self {
        let (feed, clock, counters) = (Feed::default(), Clock::manual(0), Arc::<BrokerCounters>::default());
        let render = Box::new(Plain { topics });
        let task = mqtt::spawn_rendered(settings, render, &feed, Arc::clone(&counters), clock.clone())
            .expect("it is switched on");
        Self { feed, clock, counters, task }
    }

    /// The meter reports so many watts.
    pub(super) fn report(&self, watts: i128) {
        self.feed.publish(Event::Reading { meter: meter(), reading: Arc::new(reading(watts)), totals: None });
    }

    /// The meter's link comes up or goes down.
    pub(super) fn link(&self, online: bool) {
        self.feed.publish(Event::Link { meter: meter(), online });
    }

    /// Waits until all is acknowledged.
    pub(super) async fn drained(&self) {
        // Longer than anything takes: a limit for what hangs.
        tokio::time::timeout(Duration::from_secs(120), self.task.drained())
            .await
            .expect("all is acknowledged");
    }

    /// Whether the sums of the counters balance.
    pub(super) fn balances(&self) -> bool {
        let c = &self.counters;
        let known = [&c.acked, &c.superseded, &c.deduplicated, &c.dropped, &c.pending];
        c.offered.get() == known.iter().map(|counter| counter.get()).sum::<u64>()
    }
}

struct Plain {
    topics: usize,
}

impl Render for Plain {
    fn reading(
        &mut self,
        _: &MeterId,
        reading: &Reading,
        _: Option<&dsmrd::totals::Totals>,
        out: &mut Vec<Message>,
    ) {
        let watts = reading.number(Field::PowerImport).expect("it has one").mantissa();
        for topic in 0..self.topics {
            out.push(Message { topic: format!("t/{topic}").into(), payload: Bytes::from(watts.to_string()) });
        }
    }

    fn link(&mut self, _: &MeterId, online: bool, out: &mut Vec<Message>) {
        out.push(Message { topic: "t/link".into(), payload: Bytes::from(online.to_string()) });
    }
}

/// A runtime like the appliance's: one thread.
pub(super) fn on_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test)
}

/// The last value of each topic below a filter, as the broker keeps it now. What it keeps it sends before anything that is
/// published later: a message that is not kept is the end, and ends the program.
pub(super) fn retained(port: u16, filter: &str) -> HashMap<String, String> {
    let (port, mark) = (port.to_string(), format!("dsmrd-test/{}/kept", std::process::id()));
    let mut asking = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port, "-t", filter, "-t", &mark, "--retained-only", "-F", "%t %p"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mosquitto_sub is installed");
    let mut stdout = asking.stdout.take().expect("its output is piped");
    let reader = std::thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).expect("its output is read");
        output
    });
    crate::support::wait_until(Duration::from_secs(20), "the broker says what it keeps", || {
        let publish = ["-h", "127.0.0.1", "-p", &port, "-t", &mark, "-m", "1"];
        assert!(Command::new("mosquitto_pub").args(publish).status().expect("it runs").success());
        asking.try_wait().expect("a child").is_some()
    });
    String::from_utf8_lossy(&reader.join().expect("it does not panic"))
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(topic, payload)| (topic.to_owned(), payload.to_owned()))
        .collect()
}
