//! What the rest of the program holds of the store.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::disk::{Disk, SystemDisk};
use super::error::{FlushError, OpenError};
use super::prices::ImportSummary;
use super::query::Archive;
use super::queue::{Queue, Request};
use super::retention::Retention;
use super::settings::StoreSettings;
use super::writer::Writer;
use crate::clock::Clock;
use crate::feed::MeterId;
use crate::meter::{Proof, Reading};
use crate::prices::Slot;
use crate::telemetry::StoreCounters;

/// The store: a queue and the thread behind it. Dropped, it makes everything safe as [`Store::close`] does,
/// but waits for nothing and tells nobody.
#[derive(Debug)]
pub struct Store {
    queue: Arc<Queue>,
    counters: Arc<StoreCounters>,
    heartbeat: Arc<AtomicU64>,
    latest: HashMap<String, Reading>,
    ended: watch::Receiver<()>,
    thread: Mutex<Option<JoinHandle<Result<(), FlushError>>>>,
}

impl Store {
    /// Opens journal and database, moves what an earlier process left in the journal into blocks, and starts the
    /// thread. A damaged database is set aside; one in use, or of a later program, is an error.
    pub fn open(
        settings: StoreSettings,
        counters: Arc<StoreCounters>,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(SystemDisk), settings, counters, clock)
    }

    /// As [`Store::open`], on another disk than the system's.
    ///
    /// # Errors
    /// As of [`Store::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        settings: StoreSettings,
        counters: Arc<StoreCounters>,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let path = settings.path.clone();
        let writer = Writer::open(settings, disk, Arc::clone(&counters), clock)?;
        let latest = match Archive::open(&path) {
            Ok(archive) => archive.latest().unwrap_or_else(|error| {
                tracing::warn!(error = %error, "could not read the last readings");
                HashMap::new()
            }),
            Err(error) => return Err(error),
        };
        let (queue, heartbeat) = (Arc::new(Queue::new(writer.waiting())), Arc::new(AtomicU64::new(0)));
        let (alive, ended) = watch::channel(());
        let thread = std::thread::Builder::new().name("store".into()).spawn({
            let (queue, heartbeat) = (Arc::clone(&queue), Arc::clone(&heartbeat));
            move || {
                // Dropped at the end, however it comes.
                let _alive = alive;
                let _closed = AbandonOnDrop(&queue);
                writer.run(&queue, &heartbeat)
            }
        });
        let thread = Mutex::new(Some(thread.map_err(|error| OpenError::Io { path, error })?));
        Ok(Self { queue, counters, heartbeat, latest, ended, thread })
    }

    /// Hands over a reading without waiting. False when the queue is full: the reading is dropped and counted.
    /// A reading whose telegram failed its CRC is never kept.
    pub fn offer(&self, meter: &MeterId, reading: Arc<Reading>) -> bool {
        if reading.proof == Proof::Failed {
            return false;
        }
        self.counters.offered.inc();
        let taken = self.queue.offer(Request::Reading(meter.clone(), reading)).is_ok();
        if !taken {
            self.counters.dropped_queue_full.inc();
        }
        taken
    }

    /// Hands over a reading, waiting for room. False when the store is closed, or the telegram failed its CRC.
    pub async fn put(&self, meter: &MeterId, reading: Arc<Reading>) -> bool {
        if reading.proof == Proof::Failed {
            return false;
        }
        self.counters.offered.inc();
        let taken = self.queue.put(Request::Reading(meter.clone(), reading)).await;
        if !taken {
            self.counters.dropped_queue_full.inc();
        }
        taken
    }

    /// Waits until everything handed over so far is in SQLite.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let (answer, answered) = oneshot::channel();
        if self.queue.offer(Request::Flush(answer)).is_err() {
            return Err(FlushError("the store is closed".into()));
        }
        answered.await.unwrap_or_else(|_| Err(FlushError("the store's thread ended".into())))
    }

    /// Puts prices into the record: all of them or none. A slot takes the place of those that it overlaps.
    ///
    /// # Errors
    /// The store is closed, has no room for requests, or could not write.
    pub async fn put_prices(&self, slots: Vec<Slot>) -> Result<ImportSummary, FlushError> {
        let (answer, answered) = oneshot::channel();
        if self.queue.offer(Request::Prices(slots, answer)).is_err() {
            return Err(FlushError("the store is closed, or its queue full".into()));
        }
        answered.await.unwrap_or_else(|_| Err(FlushError("the store's thread ended".into())))
    }

    /// Gives up readings after a while from now on, a few blocks after each commit. False when the store is closed, or
    /// its queue full.
    pub fn retain(&self, retention: Retention) -> bool {
        self.queue.offer(Request::Retain(retention)).is_ok()
    }

    /// Makes everything safe and ends the thread.
    pub async fn close(&self) -> Result<(), FlushError> {
        self.queue.close();
        self.failed().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread has ended; joining it does not wait.
        match thread.map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            None => Ok(()),
            _ => Err(FlushError("the store's thread panicked".into())),
        }
    }

    /// Ready when the thread has ended, which it does only when the store is closed or something is wrong with
    /// the program: the process should end too.
    pub async fn failed(&self) {
        let mut ended = self.ended.clone();
        // Nothing is ever sent: the error is the end.
        let _ = ended.changed().await;
    }

    /// Whether the thread has ended.
    pub fn has_failed(&self) -> bool {
        self.ended.has_changed().is_err()
    }

    /// Rises at least once a second while the thread is well.
    pub fn heartbeat(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.heartbeat)
    }

    /// The last reading of a meter before the store was opened.
    pub fn latest(&self, meter: &str) -> Option<Reading> {
        self.latest.get(meter).cloned()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Lets nobody wait for a thread that is gone.
struct AbandonOnDrop<'q>(&'q Queue);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
