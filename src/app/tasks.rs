//! What runs: one task a meter and one a broker. A task that ends on its own ends the process.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::sink::Sink;
use crate::clock::Clock;
use crate::config::MeterSettings;
use crate::feed::{Feed, MeterId};
use crate::mqtt::{self, BrokerSettings, BrokerTask, PricesHeard};
use crate::source::reader::{self, Delivery};
use crate::telemetry::{BrokerCounters, MeterCounters};

/// The counters of every meter; they outlive restarts of its reader.
#[derive(Clone, Default)]
pub struct MeterRegistry(Arc<Mutex<HashMap<Arc<str>, Arc<MeterCounters>>>>);

impl MeterRegistry {
    /// The counters of a meter.
    pub fn of(&self, meter: &MeterId) -> Arc<MeterCounters> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(meters.entry(Arc::clone(&meter.name)).or_default())
    }
}

/// The readers, one a meter.
pub struct Readers {
    sink: Sink,
    registry: MeterRegistry,
    clock: Clock,
    tasks: JoinSet<MeterId>,
    stops: HashMap<MeterId, CancellationToken>,
    /// A reader that ended unasked while another was being stopped.
    lost: Option<String>,
}

impl Readers {
    /// No reader yet.
    pub fn new(sink: Sink, registry: MeterRegistry, clock: Clock) -> Self {
        Self { sink, registry, clock, tasks: JoinSet::new(), stops: HashMap::new(), lost: None }
    }

    /// Starts reading a meter.
    pub fn start(&mut self, meter: &MeterSettings) {
        let stop = CancellationToken::new();
        let id = MeterId { name: meter.name.as_str().into() };
        let counters = self.registry.of(&id);
        let (sink, clock, source) = (self.sink.clone(), self.clock.clone(), meter.source.clone());
        let (to, token) = (id.clone(), stop.clone());
        self.stops.insert(id.clone(), stop);
        self.tasks.spawn(async move {
            // The link is up with what the meter says now: what was said before the silence must not pass for that.
            let mut is_coming = false;
            let deliver = |delivery| match delivery {
                Delivery::Reading(reading) => {
                    sink.reading(&to, reading);
                    if std::mem::take(&mut is_coming) {
                        sink.link(&to, true);
                    }
                }
                Delivery::Late(reading) => sink.late(&to, reading),
                Delivery::Link(online) => {
                    is_coming = online;
                    if !online {
                        sink.link(&to, false);
                    }
                }
            };
            reader::run(id, source, clock, counters, deliver, token).await;
            to
        });
    }

    /// The counters of a meter.
    pub fn counters(&self, meter: &str) -> Arc<MeterCounters> {
        self.registry.of(&MeterId { name: meter.into() })
    }

    /// Stops reading a meter and waits until its source is closed.
    pub async fn stop(&mut self, meter: &str) {
        let id = MeterId { name: meter.into() };
        let Some(stop) = self.stops.remove(&id) else { return };
        stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if ended.as_ref().is_ok_and(|ended| *ended == id) {
                return;
            }
            self.lost = self.lost.take().or_else(|| self.unasked(ended));
        }
    }

    /// Stops all of them.
    pub async fn stop_all(&mut self) {
        for (_, stop) in self.stops.drain() {
            stop.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// The name of a reader that was not asked to end.
    fn unasked(&self, ended: Result<MeterId, JoinError>) -> Option<String> {
        match ended {
            Ok(meter) => self.stops.contains_key(&meter).then(|| meter.name.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Waits until a reader ends that was not asked to; names its meter.
    pub async fn ended(&mut self) -> String {
        loop {
            if let Some(lost) = self.lost.take() {
                return lost;
            }
            match self.tasks.join_next().await {
                Some(ended) => self.lost = self.unasked(ended),
                // Without meters there is nothing to wait for.
                None => std::future::pending().await,
            }
        }
    }
}

/// The brokers, a driver each.
pub struct Brokers {
    feed: Feed,
    registry: MeterRegistry,
    prices: PricesHeard,
    clock: Clock,
    tasks: Vec<BrokerTask>,
    counters: HashMap<String, Arc<BrokerCounters>>,
}

impl Brokers {
    /// No broker yet; `prices` takes the tables that one publishes.
    pub fn new(feed: Feed, registry: MeterRegistry, prices: PricesHeard, clock: Clock) -> Self {
        Self { feed, registry, prices, clock, tasks: Vec::new(), counters: HashMap::new() }
    }

    /// Starts the driver of a broker, unless it is switched off. Its counters outlive restarts.
    ///
    /// # Errors
    /// When a layout cannot be built, which a checked configuration rules out.
    pub fn start(&mut self, broker: &BrokerSettings) -> Result<(), crate::publish::LayoutError> {
        let counters = self.counters(&broker.name);
        let registry = self.registry.clone();
        let rejected: mqtt::Rejected = Arc::new(move |meter| registry.of(meter).rejected());
        let hooks = mqtt::Hooks { rejected, prices: Arc::clone(&self.prices) };
        let task = mqtt::spawn(broker.clone(), hooks, &self.feed, counters, self.clock.clone())?;
        self.tasks.extend(task);
        Ok(())
    }

    /// The counters of a broker.
    pub fn counters(&mut self, broker: &str) -> Arc<BrokerCounters> {
        Arc::clone(self.counters.entry(broker.to_owned()).or_default())
    }

    /// A sum over all brokers.
    pub fn total(&self, of: impl Fn(&BrokerCounters) -> u64) -> u64 {
        self.counters.values().map(|counters| of(counters)).sum()
    }

    /// Waits until every broker has acknowledged everything; for ever, if one is away.
    pub async fn drained(&self) {
        for task in &self.tasks {
            task.drained().await;
        }
    }

    /// Says farewell to the brokers whose names are asked for, side by side.
    pub async fn stop(&mut self, which: impl Fn(&str) -> bool, within: Duration) {
        let leaving = self.tasks.extract_if(.., |task| which(task.name()));
        let mut farewells: JoinSet<bool> = leaving.map(|task| task.stop(within)).collect();
        while farewells.join_next().await.is_some() {}
    }

    /// Waits until a driver ends that was not asked to; names its broker.
    pub async fn ended(&mut self) -> String {
        std::future::poll_fn(|context| {
            for task in &mut self.tasks {
                let ended = std::pin::pin!(task.ended()).poll(context).is_ready();
                if ended {
                    return std::task::Poll::Ready(task.name().to_owned());
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
