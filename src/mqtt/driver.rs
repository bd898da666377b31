//! The driver of one broker: readings in, the newest value of each topic out, whatever the broker does.
//!
//! One task holds the queue and decides; the connection has a task of its own (`link`). The session is clean
//! and the queue remembers what the broker was told on this connection only: with a clean session nobody knows
//! what a broker still holds after a reconnect, so everything is said again, paced.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::BrokerSettings;
use super::birth::Birth;
use super::limit::Limit;
use super::link::{Link, LinkEvent, Session};
use super::listen::Listening;
use super::options::{self, WINDOW};
use super::pace::Pace;
use super::resend::Resend;
use super::task::{Command, Render};
use super::trouble::Trouble;
use super::window::{Sending, Window};
use super::{Failure, FailureKind, figures};
use crate::clock::Clock;
use crate::feed::{Event, Feed};
use crate::publish::{DedupQueue, Message, QueueSettings};
use crate::telemetry::BrokerCounters;

#[derive(Debug)]
struct Stopping {
    /// When the farewell goes out, delivered or not what waits.
    farewell_at: Instant,
    farewell_sent: bool,
    done: Option<oneshot::Sender<bool>>,
}

/// See the module.
pub(super) struct Driver {
    settings: Arc<BrokerSettings>,
    render: Box<dyn Render>,
    feed: Feed,
    events: broadcast::Receiver<Event>,
    counters: Arc<BrokerCounters>,
    clock: Clock,
    queue: DedupQueue,
    session: Session,
    window: Window,
    pace: Pace,
    paused_until: Option<Instant>,
    trouble: Trouble,
    limit: Limit,
    listening: Listening,
    resend: Resend,
    /// None once it was sent.
    birth: Option<Birth>,
    drained: Vec<oneshot::Sender<()>>,
    stopping: Option<Stopping>,
    messages: Vec<Message>,
}

enum Step {
    Feed(Result<Event, broadcast::error::RecvError>),
    Link(LinkEvent),
    Command(Option<Command>),
    Timer,
}

impl Driver {
    /// A driver that has yet to run, with what the meters said last already offered.
    pub(super) fn new(
        settings: BrokerSettings,
        render: Box<dyn Render>,
        feed: &Feed,
        counters: Arc<BrokerCounters>,
        clock: Clock,
    ) -> Self {
        let queue = DedupQueue::new(QueueSettings { cache: settings.cache, ..QueueSettings::default() });
        let (snapshot, events) = feed.subscribe();
        let now = Instant::now();
        let listening = Listening::new(&settings, render.subscriptions());
        let mut driver = Self {
            pace: Pace::new(settings.rate, now),
            settings: Arc::new(settings),
            render,
            feed: feed.clone(),
            events,
            counters,
            clock,
            queue,
            session: Session::Away { until: now },
            window: Window::default(),
            paused_until: None,
            trouble: Trouble::default(),
            limit: Limit::default(),
            listening,
            resend: Resend::default(),
            birth: None,
            drained: Vec::new(),
            stopping: None,
            messages: Vec::new(),
        };
        for event in snapshot {
            driver.offer(&event);
        }
        driver
    }

    /// Runs until it is stopped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            self.act();
            figures::show(&self.queue.stats(), &self.counters);
            let wake = self.wake();
            let timer = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let step = tokio::select! {
                event = self.events.recv(), if self.stopping.is_none() => Step::Feed(event),
                event = self.session.next() => Step::Link(event),
                command = commands.recv() => Step::Command(command),
                () = timer => Step::Timer,
            };
            match step {
                Step::Feed(event) => self.hear(event),
                Step::Link(LinkEvent::Closed) => {
                    // We left in order; the handle reads the answer. Looking at the link any longer would find
                    // it gone and call that a failure.
                    self.lose();
                    figures::show(&self.queue.stats(), &self.counters);
                    self.stopped(true);
                    return;
                }
                Step::Link(event) => self.linked(event),
                Step::Command(Some(Command::Drained(sender))) => {
                    self.catch_up();
                    self.drained.push(sender);
                }
                Step::Command(Some(Command::Stop { within, done })) => self.stop(within, done),
                // Nobody holds the handle any more.
                Step::Command(None) => return,
                Step::Timer => {}
            }
        }
    }

    /// Does what is due now.
    fn act(&mut self) {
        let now = Instant::now();
        if matches!(self.session, Session::Away { until } if until <= now) && self.stopping.is_none() {
            self.session = Session::Opening(Link::open(&self.settings));
        }
        if self.resend.is_due(now) {
            self.resend.done(now);
            // The broker forgot nothing, and a program that starts needs not be told of what is gone.
            self.queue.forget(|_| false);
        }
        self.pump(now);
        self.be_born(now);
        if let Some(stopping) = &mut self.stopping {
            match &self.session {
                Session::Open(link, _) if !stopping.farewell_sent => {
                    if self.queue.pending() == 0 || now >= stopping.farewell_at {
                        if link.tell(&self.settings, &self.settings.status_offline) {
                            self.window.push(Sending::Farewell);
                        }
                        stopping.farewell_sent = true;
                        self.birth = None;
                    }
                }
                Session::Open(..) => {}
                _ => self.stopped(false),
            }
        }
        if self.queue.pending() == 0 {
            for sender in self.drained.drain(..) {
                let _ = sender.send(());
            }
        }
    }

    /// Sends while there is something to send, room in the window, and leave to send.
    fn pump(&mut self, now: Instant) {
        let Session::Open(link, _) = &self.session else { return };
        if self.stopping.as_ref().is_some_and(|stopping| stopping.farewell_sent) {
            return;
        }
        self.paused_until = None;
        while self.window.len() < WINDOW && self.queue.pending() > self.queue.in_flight() {
            if let Err(at) = self.pace.take(now) {
                self.paused_until = Some(at);
                return;
            }
            let Some((token, message)) = self.queue.next(self.clock.mono()) else { return };
            if let Some(birth) = &mut self.birth {
                birth.one_less();
            }
            if let Some(reason) = self.limit.refusal(&message) {
                self.queue.refused(token, reason);
                self.limit.complain(&message, reason, &self.settings.name);
                continue;
            }
            if !link.publish(&message.topic, message.payload, options::qos(self.settings.qos)) {
                self.queue.returned(token);
                return;
            }
            self.window.push(Sending::Queued(token));
        }
    }

    /// Says that we live, once what waited was sent.
    fn be_born(&mut self, now: Instant) {
        let Session::Open(link, _) = &self.session else { return };
        if !self.birth.as_ref().is_some_and(|birth| birth.is_due(now)) {
            return;
        }
        if link.tell(&self.settings, &self.settings.status_online) {
            self.window.push(Sending::Birth);
            self.birth = None;
        }
    }

    fn wake(&self) -> Option<Instant> {
        let retry = match self.session {
            // Who leaves does not come back.
            Session::Away { until } if self.stopping.is_none() => Some(until),
            _ => None,
        };
        let farewell = self.stopping.as_ref().filter(|stopping| !stopping.farewell_sent);
        let birth = self.birth.as_ref().and_then(|birth| birth.wake(Instant::now()));
        let farewell = farewell.map(|stopping| stopping.farewell_at);
        let due = [retry, self.paused_until, self.resend.due(), birth, farewell];
        due.into_iter().flatten().min()
    }

    fn offer(&mut self, event: &Event) {
        match event {
            Event::Reading { meter, reading, totals } => {
                self.render.reading(meter, reading, totals.as_deref(), &mut self.messages);
            }
            Event::Link { meter, online } => self.render.link(meter, *online, &mut self.messages),
            Event::Store(health) => self.render.store(health, &mut self.messages),
        }
        self.offer_messages();
    }

    fn offer_messages(&mut self) {
        let now = self.clock.mono();
        for message in self.messages.drain(..) {
            self.queue.offer(message, now);
        }
    }

    fn hear(&mut self, event: Result<Event, broadcast::error::RecvError>) {
        match event {
            Ok(event) => self.offer(&event),
            Err(broadcast::error::RecvError::Lagged(skipped)) => self.skip(skipped),
            // This task holds the feed, so that it never closes.
            Err(broadcast::error::RecvError::Closed) => {}
        }
    }

    /// Too slow: what was missed is missed, and the last of everything is what counts.
    fn skip(&mut self, skipped: u64) {
        let (snapshot, events) = self.feed.subscribe();
        self.counters.skipped_readings.add(skipped + self.events.len() as u64);
        self.events = events;
        for event in snapshot {
            self.offer(&event);
        }
    }

    /// Takes everything that stands in the feed now.
    fn catch_up(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.offer(&event),
                Err(broadcast::error::TryRecvError::Lagged(skipped)) => self.skip(skipped),
                Err(_) => return,
            }
        }
    }

    fn linked(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up => self.up(),
            LinkEvent::Sent(id) => {
                if let Some(sending) = self.window.sent(id) {
                    self.delivered(sending);
                }
            }
            LinkEvent::Acked(id) => {
                if let Some(sending) = self.window.acked(id) {
                    self.delivered(sending);
                }
            }
            LinkEvent::Heard(publish) => {
                // One that the broker kept is from before; everything was just said anyway.
                if !publish.retain && self.listening.is_birth(&publish.topic, &publish.payload) {
                    self.resend.ask(Instant::now());
                    tracing::debug!(
                        broker = self.settings.name,
                        "Home Assistant has started; all state is sent again"
                    );
                }
                // Home Assistant clears the document of a device when somebody deletes one of its entities there.
                if !publish.retain && publish.payload.is_empty() {
                    self.queue.overwritten(&publish.topic);
                }
                self.render.heard(&publish.topic, &publish.payload, publish.retain, &mut self.messages);
                self.offer_messages();
            }
            LinkEvent::Deaf(refused) => self.listening.refused(&refused, &self.settings.name),
            // The run is over with it.
            LinkEvent::Closed => {}
            LinkEvent::Down(failure) => self.down(failure),
        }
    }

    fn up(&mut self) {
        let now = Instant::now();
        let settings = &self.settings;
        let away = Session::Away { until: now };
        let (Session::Opening(link) | Session::Open(link, _)) = std::mem::replace(&mut self.session, away)
        else {
            return;
        };
        self.counters.connects.inc();
        self.counters.connected.set(1);
        // Before all else, so that what the broker kept is heard as it was.
        self.listening.start(&link);
        // Of the topics that we listen to an old copy is heard, and then cleared for good.
        self.queue.forget(|topic| !self.listening.hears(topic));
        self.birth = Some(Birth::new(self.queue.pending() - self.queue.in_flight(), now));
        self.resend.done(now);
        self.trouble.up(settings, now);
        self.session = Session::Open(link, now);
    }

    fn delivered(&mut self, sending: Sending) {
        match (sending, &self.session) {
            (Sending::Queued(token), _) => self.queue.acked(token, self.clock.mono()),
            (Sending::Birth, _) => {}
            (Sending::Farewell, Session::Open(link, _)) => {
                if !link.disconnect() {
                    self.stopped(false);
                }
            }
            (Sending::Farewell, _) => {}
        }
    }

    /// Takes back what was under way.
    fn lose(&mut self) {
        self.birth = None;
        self.window = Window::default();
        self.queue.link_lost();
        self.paused_until = None;
        self.counters.connected.set(0);
    }

    fn down(&mut self, mut failure: Failure) {
        let now = Instant::now();
        let stood = match self.session {
            Session::Open(_, since) => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        };
        let was_open = matches!(self.session, Session::Open(..));
        self.limit.ended(&failure, &self.queue, &self.settings.name);
        self.lose();
        self.counters.disconnects.inc();
        // The only thing that comes in beside acknowledgements is what we subscribed to.
        if was_open && failure.kind == FailureKind::Protocol && self.listening.stop() {
            failure.text.push_str("; no longer listening to any topic");
        }
        let wait = self.trouble.down(failure, was_open.then_some(stood), &self.settings, now);
        self.session = Session::Away { until: now + wait };
    }

    fn stop(&mut self, within: Duration, done: oneshot::Sender<bool>) {
        self.catch_up();
        // The farewell and its acknowledgement keep a quarter of the time.
        let farewell_at = Instant::now() + within * 3 / 4;
        self.stopping = Some(Stopping { farewell_at, farewell_sent: false, done: Some(done) });
    }

    fn stopped(&mut self, in_order: bool) {
        if let Some(done) = self.stopping.as_mut().and_then(|stopping| stopping.done.take()) {
            let _ = done.send(in_order);
        }
    }
}
