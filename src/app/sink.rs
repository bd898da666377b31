//! Where readings go: the record, the books, the live feed and the meter's share, without ever waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::books::Books;
use super::shares::Shares;
use crate::clock::Clock;
use crate::config::Settings;
use crate::feed::{Event, Feed, MeterId};
use crate::meter::Reading;
use crate::store::disk::{Disk, Machine};
use crate::store::{OpenError, Store};
use crate::telemetry::StoreCounters;

/// Opens the record: on `disk`, or on the machine's, with memory for what waits for a sync.
pub(super) fn open_store(
    settings: &Settings,
    disk: Option<&Arc<dyn Disk>>,
    counters: &Arc<StoreCounters>,
    clock: &Clock,
) -> Result<Store, OpenError> {
    let machine = || Arc::new(Machine::new(settings.tail.as_deref()));
    let disk = disk.map_or_else(|| machine() as Arc<dyn Disk>, Arc::clone);
    let store = Store::open_on(disk, settings.store.clone(), Arc::clone(counters), clock.clone())?;
    // Its queue is empty yet.
    store.retain(settings.retention);
    Ok(store)
}

/// How many readings wait while there is no store: more than an hour of one meter, some six megabytes.
const WAITING: usize = 4096;

struct Record {
    store: Option<Arc<Store>>,
    /// Readings that came while there was no store.
    waiting: VecDeque<(MeterId, Arc<Reading>)>,
}

/// What a reader does with a reading.
#[derive(Clone)]
pub struct Sink {
    record: Arc<Mutex<Record>>,
    feed: Feed,
    books: Books,
    shares: Shares,
    counters: Arc<StoreCounters>,
}

impl Sink {
    /// A sink into `store`, `books`, `feed` and `shares`. Without a store readings wait for one.
    pub fn new(
        store: Option<Arc<Store>>,
        books: Books,
        feed: Feed,
        shares: Shares,
        counters: Arc<StoreCounters>,
    ) -> Self {
        let record = Record { store, waiting: VecDeque::new() };
        Self { record: Arc::new(Mutex::new(record)), books, feed, shares, counters }
    }

    /// Takes a reading. Never waits: a store that cannot keep up counts the loss itself.
    pub fn reading(&self, meter: &MeterId, reading: Reading) {
        let reading = Arc::new(reading);
        self.keep(meter, &reading);
        let totals = self.books.take(meter, &reading);
        // Brokers first: they want the newest value at once, and a share may have many clients to write to.
        self.feed.publish(Event::Reading { meter: meter.clone(), reading: Arc::clone(&reading), totals });
        self.shares.send(meter, &reading);
    }

    /// Takes a reading that came too late to be shown: the record gets it, and the share, whose clients want what was
    /// received and find its time in it.
    pub fn late(&self, meter: &MeterId, reading: Reading) {
        let reading = Arc::new(reading);
        self.keep(meter, &reading);
        self.books.take(meter, &reading);
        self.shares.send(meter, &reading);
    }

    fn keep(&self, meter: &MeterId, reading: &Arc<Reading>) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match &record.store {
            Some(store) => {
                store.offer(meter, Arc::clone(reading));
            }
            None if record.waiting.len() < WAITING => {
                record.waiting.push_back((meter.clone(), Arc::clone(reading)));
                self.counters.waiting.set(record.waiting.len() as u64);
            }
            None => {
                self.counters.offered.inc();
                self.counters.dropped_queue_full.inc();
            }
        }
    }

    /// The link to a meter came up or went down.
    pub fn link(&self, meter: &MeterId, online: bool) {
        self.feed.publish(Event::Link { meter: meter.clone(), online });
    }

    /// The books of all meters.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The store, unless it is being exchanged or cannot be opened.
    pub fn store(&self) -> Option<Arc<Store>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).store.clone()
    }

    /// Takes the store out; readings wait until [`Sink::attach`].
    pub fn detach(&self) -> Option<Arc<Store>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).store.take()
    }

    /// Puts a store in and gives it what waited; how many readings those are.
    pub fn attach(&self, store: Arc<Store>) -> usize {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = record.waiting.len();
        for (meter, reading) in record.waiting.drain(..) {
            store.offer(&meter, reading);
        }
        record.store = Some(store);
        waited
    }
}
