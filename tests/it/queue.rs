//! The queue's laws over random histories, against a model of a broker that drops connections, loses
//! acknowledgements and forgets what it retained.
//!
//! `DSMRD_HISTORIES` sets how many histories are run; the default suits a build without optimisation.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dsmrd::publish::{DedupQueue, Message, Offer, QueueSettings, Refusal, Token};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const TOPICS: usize = 4;
const CACHE_MILLIS: u64 = 3_600_000;
/// The queue takes an offer so close to the end of the hour as one after it.
const SLACK_MILLIS: u64 = 500;

/// A thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A value is offered; payload 0 is the empty one.
    Offer { topic: usize, payload: u8 },
    /// The driver sends the next messages.
    Send { count: usize },
    /// The oldest message on the wire reaches the broker.
    Arrive,
    /// The oldest that arrived is acknowledged.
    Acknowledge,
    /// The link breaks: so many of the messages on the wire still arrive, no acknowledgement does.
    Break { arrive: usize },
    /// The broker restarts without what it retained; the driver says all again when it is back.
    Restart { arrive: usize },
    /// Somebody asks for everything; the link stays.
    Birth,
    /// The oldest message on the wire is refused by the broker.
    Refuse,
    /// The youngest message could not be handed on after all.
    Return,
    /// An acknowledgement from before the link broke comes out of the driver.
    Stale,
    /// Time goes by.
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..TOPICS, 0..3u8).prop_map(|(topic, payload)| Step::Offer { topic, payload }),
        6 => (1..=4usize).prop_map(|count| Step::Send { count }),
        5 => Just(Step::Arrive),
        5 => Just(Step::Acknowledge),
        2 => (0..=4usize).prop_map(|arrive| Step::Break { arrive }),
        1 => (0..=4usize).prop_map(|arrive| Step::Restart { arrive }),
        1 => Just(Step::Birth),
        1 => Just(Step::Refuse),
        1 => Just(Step::Return),
        1 => Just(Step::Stale),
        3 => prop_oneof![Just(1u64), Just(1_000), Just(1_800_000), Just(3_599_000), Just(3_599_600), Just(3_700_000)]
            .prop_map(|millis| Step::Wait { millis }),
    ]
}

/// A message between driver and broker.
#[derive(Debug)]
struct OnWire {
    token: Token,
    topic: usize,
    payload: Bytes,
    sent_at: u64,
    arrived: bool,
    /// All was asked for while it was on its way, so it is said once more.
    repeat: bool,
}

/// What the broker got last on a topic.
#[derive(Debug)]
struct Arrival {
    payload: Bytes,
    sent_at: u64,
}

struct World {
    queue: DedupQueue,
    cache: u64,
    now: u64,
    names: Vec<Arc<str>>,
    wire: Vec<OnWire>,
    /// Tokens of links that broke.
    stale: Vec<Token>,
    retained: HashMap<usize, Bytes>,
    last_arrival: [Option<Arrival>; TOPICS],
    /// The value last offered, and whether its last attempt was refused.
    offered: [Option<(Bytes, bool)>; TOPICS],
    payloads: [Bytes; 3],
}

impl World {
    fn new(cache: u64) -> Self {
        let settings = QueueSettings { cache: Duration::from_millis(cache), max_topics: TOPICS };
        Self {
            queue: DedupQueue::new(settings),
            cache,
            now: 5_000,
            names: (0..TOPICS).map(|n| format!("t/{n}").into()).collect(),
            wire: Vec::new(),
            stale: Vec::new(),
            retained: HashMap::new(),
            last_arrival: [const { None }; TOPICS],
            offered: [const { None }; TOPICS],
            payloads: [Bytes::new(), Bytes::from_static(b"A"), Bytes::from_static(b"B")],
        }
    }

    fn send(&mut self) -> Result<bool, String> {
        let Some((token, message)) = self.queue.next(self.now) else { return Ok(false) };
        let topic = self.names.iter().position(|name| *name == message.topic).expect("a known topic");
        if self.wire.iter().any(|sent| sent.topic == topic) {
            return Err(format!("two in flight on topic {topic}"));
        }
        let sent = OnWire {
            token,
            topic,
            payload: message.payload,
            sent_at: self.now,
            arrived: false,
            repeat: false,
        };
        self.wire.push(sent);
        Ok(true)
    }

    /// The broker takes a message.
    fn arrive(&mut self, place: usize) -> Result<(), String> {
        let OnWire { topic, sent_at, .. } = self.wire[place];
        let payload = self.wire[place].payload.clone();
        self.wire[place].arrived = true;
        let before = self.last_arrival[topic].replace(Arrival { payload: payload.clone(), sent_at });
        if let Some(before) = before {
            let fresh = sent_at - before.sent_at < self.cache.saturating_sub(SLACK_MILLIS);
            if before.payload == payload && fresh {
                return Err(format!("topic {topic} was sent {payload:?} twice without need"));
            }
        }
        if self.wire[place].repeat {
            self.last_arrival[topic] = None;
        }
        self.retained.insert(topic, payload);
        Ok(())
    }

    fn break_link(&mut self, arrive: usize) -> Result<(), String> {
        for _ in 0..arrive {
            let Some(place) = self.wire.iter().position(|sent| !sent.arrived) else { break };
            self.arrive(place)?;
        }
        // Of what was in flight nobody knows whether it arrived; that alone may be sent twice.
        for sent in self.wire.drain(..) {
            self.last_arrival[sent.topic] = None;
            self.stale.push(sent.token);
        }
        self.queue.link_lost();
        Ok(())
    }

    fn forget_all(&mut self) {
        self.queue.forget_all();
        for sent in &mut self.wire {
            sent.repeat = true;
        }
        self.last_arrival = [const { None }; TOPICS];
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Offer { topic, payload } => {
                let payload = self.payloads[usize::from(payload)].clone();
                self.offered[topic] = Some((payload.clone(), false));
                let message = Message { topic: Arc::clone(&self.names[topic]), payload };
                if self.queue.offer(message, self.now) == Offer::Dropped {
                    return Err("dropped though the table has room".into());
                }
            }
            Step::Send { count } => {
                for _ in 0..count {
                    self.send()?;
                }
            }
            Step::Arrive => {
                if let Some(place) = self.wire.iter().position(|sent| !sent.arrived) {
                    self.arrive(place)?;
                }
            }
            Step::Acknowledge => {
                if let Some(place) = self.wire.iter().position(|sent| sent.arrived) {
                    let sent = self.wire.remove(place);
                    self.queue.acked(sent.token, self.now);
                }
            }
            Step::Break { arrive } => self.break_link(arrive)?,
            Step::Restart { arrive } => {
                self.break_link(arrive)?;
                self.retained.clear();
                self.forget_all();
            }
            Step::Birth => self.forget_all(),
            Step::Refuse => {
                if let Some(place) = self.wire.iter().position(|sent| !sent.arrived) {
                    let sent = self.wire.remove(place);
                    self.queue.refused(sent.token, Refusal::Broker);
                    if let Some((last, refused)) = &mut self.offered[sent.topic]
                        && *last == sent.payload
                    {
                        *refused = true;
                    }
                }
            }
            Step::Return => {
                if self.wire.last().is_some_and(|sent| !sent.arrived)
                    && let Some(sent) = self.wire.pop()
                {
                    self.queue.returned(sent.token);
                }
            }
            Step::Stale => {
                if let Some(token) = self.stale.pop() {
                    self.queue.acked(token, self.now);
                }
            }
            Step::Wait { millis } => self.now += millis,
        }
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        let stats = self.queue.stats();
        if !stats.balances() {
            return Err(format!("the sums do not balance: {stats:?}"));
        }
        if self.queue.in_flight() != self.wire.len() {
            return Err(format!("{} in flight, {} on the wire", self.queue.in_flight(), self.wire.len()));
        }
        if self.queue.topics() > TOPICS || self.queue.pending() > 2 * TOPICS {
            return Err(format!("not bounded: {stats:?}"));
        }
        Ok(())
    }

    /// The link holds until all is said.
    fn drain(&mut self) -> Result<(), String> {
        for _ in 0..10 * TOPICS {
            while self.send()? {}
            while let Some(place) = self.wire.iter().position(|sent| !sent.arrived) {
                self.arrive(place)?;
            }
            if self.wire.is_empty() {
                break;
            }
            self.take(&Step::Acknowledge)?;
        }
        if self.queue.pending() != 0 {
            return Err(format!("{} messages never leave", self.queue.pending()));
        }
        for (topic, offered) in self.offered.iter().enumerate() {
            let Some((payload, false)) = offered else { continue };
            let retained = self.retained.get(&topic).cloned().unwrap_or_default();
            if retained != payload {
                return Err(format!("topic {topic} ends with {retained:?}, last offered was {payload:?}"));
            }
        }
        Ok(())
    }
}

fn run(cache: u64, steps: &[Step]) -> Result<(), String> {
    let mut world = World::new(cache);
    for step in steps {
        world.take(step)?;
    }
    world.drain()
}

#[expect(clippy::disallowed_methods, reason = "how much to test is asked of the environment")]
fn histories() -> u32 {
    std::env::var("DSMRD_HISTORIES")
        .map_or(1_500, |count| count.parse().expect("DSMRD_HISTORIES is a number"))
}

#[test]
fn the_broker_ends_right_over_random_histories() {
    let config = Config { cases: histories(), failure_persistence: None, ..Config::default() };
    let cache = prop_oneof![5 => Just(CACHE_MILLIS), 1 => Just(0u64)];
    TestRunner::new(config)
        .run(&(cache, proptest::collection::vec(step(), 0..80)), |(cache, steps)| {
            run(cache, &steps).map_err(TestCaseError::fail)
        })
        .expect("every history ends right");
}

/// A value that stays is sent once an hour, over a day of telegrams a second apart.
#[test]
fn an_unchanged_value_is_refreshed_every_hour() {
    let mut world = World::new(CACHE_MILLIS);
    let mut sent = 0;
    for _ in 0..86_400 {
        world.take(&Step::Offer { topic: 0, payload: 1 }).expect("holds");
        while world.send().expect("holds") {
            sent += 1;
            world.take(&Step::Arrive).expect("holds");
            world.take(&Step::Acknowledge).expect("holds");
        }
        world.now += 1_000;
    }
    assert_eq!(sent, 24);
}

/// An outage costs nothing but time: of 3,600 telegrams each topic's newest value is left.
#[test]
fn after_an_outage_each_topic_gets_its_newest_value() {
    let mut queue = DedupQueue::new(QueueSettings::default());
    let topics: Vec<Arc<str>> = (0..22).map(|n| format!("t/{n}").into()).collect();
    for second in 0..3_600u64 {
        for topic in &topics {
            let message = Message { topic: Arc::clone(topic), payload: second.to_string().into() };
            queue.offer(message, second * 1_000);
        }
        assert!(queue.pending() <= topics.len());
    }
    for topic in &topics {
        let (token, message) = queue.next(3_600_000).expect("one message a topic");
        assert_eq!((&message.topic, &message.payload[..]), (topic, &b"3599"[..]));
        queue.acked(token, 3_600_000);
    }
    assert_eq!(queue.next(3_600_000), None);
    assert!(queue.stats().balances());
}
