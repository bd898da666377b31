//! The live feed: what meters report, to whoever looks. The newest wins; a slow reader of the feed skips,
//! is told how many it skipped, and delays nobody.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::meter::Reading;
use crate::telemetry::StoreHealth;
use crate::totals::Totals;

/// How many events a reader of the feed may lie behind before it skips.
pub const CAPACITY: usize = 64;

/// A meter's name and place; one a configured meter, for the life of the process.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub struct MeterId {
    /// The name in the configuration, one topic level.
    pub name: Arc<str>,
}

/// Something a meter did.
#[derive(Debug, Clone)]
pub enum Event {
    /// A reading came in.
    Reading {
        /// Of which meter.
        meter: MeterId,
        /// What it said.
        reading: Arc<Reading>,
        /// What it comes to over time; none where nobody adds up.
        totals: Option<Arc<Totals>>,
    },
    /// The link to a meter came up or went down.
    Link {
        /// To which meter.
        meter: MeterId,
        /// Whether telegrams come in.
        online: bool,
    },
    /// How the record is.
    Store(StoreHealth),
}

#[derive(Debug, Clone)]
struct Latest {
    meter: MeterId,
    reading: Option<(Arc<Reading>, Option<Arc<Totals>>)>,
    online: Option<bool>,
}

/// The sending side, shared by all meters.
#[derive(Debug, Clone)]
pub struct Feed {
    sender: broadcast::Sender<Event>,
    latest: Arc<Mutex<State>>,
}

/// What a newcomer is told.
#[derive(Debug, Default)]
struct State {
    meters: Vec<Latest>,
    store: Option<StoreHealth>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { sender: broadcast::channel(CAPACITY).0, latest: Arc::default() }
    }
}

impl Feed {
    /// Hands an event to everyone who looks; never waits.
    pub fn publish(&self, event: Event) {
        // The lock is held over the send, so that a subscriber's snapshot and its receiver meet without a gap.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Reading { meter, reading, totals } => {
                latest.of(meter).reading = Some((Arc::clone(reading), totals.clone()));
            }
            Event::Link { meter, online } => latest.of(meter).online = Some(*online),
            Event::Store(health) => latest.store = Some(health.clone()),
        }
        // Nobody looking is no error.
        let _ = self.sender.send(event);
    }

    /// Takes a meter that is no longer configured out of the snapshot.
    pub fn forget(&self, meter: &MeterId) {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .meters
            .retain(|entry| entry.meter != *meter);
    }

    /// The last events of every meter and of the record, and what comes after them.
    pub fn subscribe(&self) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        (events(&latest), self.sender.subscribe())
    }

    /// The last events of every meter: its link, then its reading; and how the record is.
    pub fn snapshot(&self) -> Vec<Event> {
        events(&self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many events the slowest reader of the feed has yet to see.
    pub fn backlog(&self) -> usize {
        self.sender.len()
    }
}

impl State {
    fn of(&mut self, meter: &MeterId) -> &mut Latest {
        let place = self.meters.iter().position(|entry| entry.meter == *meter).unwrap_or_else(|| {
            self.meters.push(Latest { meter: meter.clone(), reading: None, online: None });
            self.meters.len() - 1
        });
        &mut self.meters[place]
    }
}

fn events(latest: &State) -> Vec<Event> {
    let store = latest.store.clone().map(Event::Store);
    latest
        .meters
        .iter()
        .flat_map(|entry| {
            let link = entry.online.map(|online| Event::Link { meter: entry.meter.clone(), online });
            let reading = entry.reading.clone().map(|(reading, totals)| Event::Reading {
                meter: entry.meter.clone(),
                reading,
                totals,
            });
            [link, reading]
        })
        .flatten()
        .chain(store)
        .collect()
}
