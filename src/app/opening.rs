//! A record that could not be opened, because its medium is full, read-only, failing or very slow: it is tried again while
//! meters are read and brokers told, and gets what was read meanwhile.

use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::life::Running;
use super::requests::Requests;
use super::sink;
use crate::clock::{Clock, MonoMillis};
use crate::exit;
use crate::store::{OpenError, Store};
use crate::telemetry::{StoreCounters, StoreFault};

/// How often it is tried.
const PACE: MonoMillis = 5_000;
/// How often that is told.
const LOG_PACE: MonoMillis = 60_000;
/// The first attempt is given this long: the check of a big database and the beginning of a salvage take three seconds at
/// most, and a card that takes seconds for each sync must not keep the meter waiting.
const FIRST: Duration = Duration::from_secs(8);
/// How long the last attempt may take, when the process is asked to stop.
const LAST: Duration = Duration::from_secs(5);

type Opened = Result<Store, OpenError>;

/// Attempts to open the record.
#[derive(Debug)]
pub(super) struct Opening {
    attempt: Option<JoinHandle<Opened>>,
    again_at: MonoMillis,
    told_at: MonoMillis,
}

impl Opening {
    /// What comes of the first attempt: a store, or more attempts. One that takes long goes on beside the rest.
    ///
    /// # Errors
    /// When another attempt would find the same.
    pub(super) fn at_start(
        path: &Path,
        open: impl FnOnce() -> Opened + Send + 'static,
        counters: &StoreCounters,
        clock: &Clock,
    ) -> Result<(Option<Arc<Store>>, Option<Self>), OpenError> {
        let (told, outcome) = mpsc::channel();
        // Nobody may want it any more.
        tokio::task::spawn_blocking(move || told.send(open()));
        match outcome.recv_timeout(FIRST) {
            Ok(Ok(store)) => Ok((Some(Arc::new(store)), None)),
            Ok(Err(error)) if error.may_pass() => Ok((None, Some(Self::after(&error, counters, clock)))),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let problem = "the record takes long to open, and goes on: the medium is slow";
                counters.troubles.failed(StoreFault::Closed, &problem, clock.wall());
                tracing::warn!(
                    seconds = FIRST.as_secs(),
                    "the record takes long to open: meters are read and brokers told, readings wait in memory"
                );
                let ended = || io::Error::other("the attempt ended without an outcome");
                let path = path.to_owned();
                let attempt = tokio::task::spawn_blocking(move || {
                    outcome.recv().unwrap_or_else(|_| Err(OpenError::Io { path, error: ended() }))
                });
                Ok((None, Some(Self { attempt: Some(attempt), again_at: 0, told_at: clock.mono() })))
            }
        }
    }

    /// Whether an attempt is being made at this moment: who wants to read the record would wait for it.
    pub(super) fn is_under_way(&self) -> bool {
        self.attempt.is_some()
    }

    /// After an attempt that failed.
    pub(super) fn after(error: &OpenError, counters: &StoreCounters, clock: &Clock) -> Self {
        let mut opening = Self { attempt: None, again_at: 0, told_at: 0 };
        opening.told_at = clock.mono();
        opening.failed(error, counters, clock);
        tracing::error!(
            %error,
            "the record cannot be opened yet: meters are read and brokers told, readings wait in memory, \
             and it is tried again every five seconds"
        );
        opening
    }

    fn failed(&mut self, error: &OpenError, counters: &StoreCounters, clock: &Clock) {
        counters.troubles.failed(StoreFault::Closed, error, clock.wall());
        self.again_at = clock.mono() + PACE;
    }
}

impl Running {
    /// Goes on with the attempts, where there is no record. The code to end with, when they are hopeless.
    pub(super) async fn open_record(&mut self, requests: &mut Requests) -> Option<u8> {
        let opening = self.app.opening.as_mut()?;
        let (counters, clock) = (&self.app.store_counters, &self.app.clock);
        let now = clock.mono();
        match &mut opening.attempt {
            Some(attempt) if !attempt.is_finished() => None,
            Some(attempt) => {
                let outcome = attempt.await;
                opening.attempt = None;
                match outcome {
                    Ok(Ok(store)) => {
                        self.record_opened(store, requests).await;
                        None
                    }
                    Ok(Err(error)) if error.may_pass() => {
                        opening.failed(&error, counters, clock);
                        if now >= opening.told_at + LOG_PACE {
                            opening.told_at = now;
                            let waiting = counters.waiting.get();
                            tracing::error!(%error, waiting, "the record still cannot be opened; readings wait in memory");
                        }
                        None
                    }
                    Ok(Err(error)) => {
                        tracing::error!(%error, "the record cannot be opened");
                        Some(exit::STORE)
                    }
                    Err(error) => {
                        tracing::error!(%error, "the record could not be opened");
                        Some(exit::SOFTWARE)
                    }
                }
            }
            None => {
                if now >= opening.again_at {
                    let (settings, counters, clock) =
                        (self.app.settings.clone(), Arc::clone(counters), clock.clone());
                    let disk = self.app.disk.clone();
                    opening.attempt = Some(tokio::task::spawn_blocking(move || {
                        sink::open_store(&settings, disk.as_ref(), &counters, &clock)
                    }));
                }
                None
            }
        }
    }

    /// The record is there: it gets what waited, and the totals are made of what it has.
    async fn record_opened(&mut self, store: Store, requests: &mut Requests) {
        self.app.opening = None;
        let waited = self.app.sink.attach(Arc::new(store));
        self.app.store_counters.troubles.healed(StoreFault::Closed);
        tracing::info!(waited, "the record is open; it has the readings that waited");
        self.market.look_at(&self.app.settings);
        let (sink, settings) = (&self.app.sink, &self.app.settings);
        let renewing = self.app.books.renew(sink.store(), settings.meters.clone(), settings.prices.clone());
        requests.unless_stopped(renewing).await;
    }

    /// Waits for an attempt that is under way, whose store nobody wants any more.
    pub(super) async fn stop_opening(&mut self) {
        if let Some(attempt) = self.app.opening.take().and_then(|opening| opening.attempt)
            && let Ok(Ok(store)) = attempt.await
        {
            // It has got nothing yet.
            let _ = store.close().await;
        }
    }

    /// A last attempt before the end, if readings wait. False when they are lost.
    pub(super) async fn open_last(&mut self) -> bool {
        let counters = Arc::clone(&self.app.store_counters);
        if self.app.opening.is_none() {
            return true;
        }
        let opening = async {
            // One that is under way has it.
            if let Some(attempt) = self.app.opening.take().and_then(|opening| opening.attempt)
                && let Ok(Ok(store)) = attempt.await
            {
                return Ok(Ok(store));
            }
            let (settings, clock, counters) =
                (self.app.settings.clone(), self.app.clock.clone(), Arc::clone(&counters));
            let disk = self.app.disk.clone();
            tokio::task::spawn_blocking(move || sink::open_store(&settings, disk.as_ref(), &counters, &clock))
                .await
        };
        let problem = match tokio::time::timeout(LAST, opening).await {
            Ok(Ok(Ok(store))) => {
                self.app.sink.attach(Arc::new(store));
                return true;
            }
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it takes too long".to_owned(),
        };
        let lost = counters.waiting.get();
        tracing::error!(problem, lost, "the record could not be opened to the end: readings are lost");
        lost == 0
    }
}
