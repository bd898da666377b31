//! A meter's telegrams for other readers, for as long as the meter is configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::hall::Hall;
use super::listen::listen;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::source::backoff::Backoff;
use crate::source::settings::{ShareEncrypted, ShareSettings};
use crate::telemetry::ShareCounters;

/// The same failure is told again after this time.
const REMINDER: Duration = Duration::from_secs(600);

/// One meter's share. Nothing that happens to it touches the meter: an address that cannot be had is told and tried
/// again, with growing waits, and readings are kept meanwhile as always.
#[derive(Debug)]
pub struct Share {
    hall: Option<Hall>,
    untouched: AtomicBool,
    address: watch::Receiver<Option<SocketAddr>>,
}

impl Share {
    /// Starts to listen; clients may come a moment later. `seed` spreads the waits of many that fail.
    pub fn start(meter: &MeterId, settings: &ShareSettings, counters: Arc<ShareCounters>, seed: u64) -> Self {
        let hall = Hall::new(Arc::clone(&meter.name), Arc::clone(&counters));
        let (found, address) = watch::channel(None);
        let (meter, wanted, opener) = (meter.clone(), settings.listen.clone(), hall.opener());
        hall.beside(async move {
            let mut backoff = Backoff::new(seed);
            let mut told: Option<(String, Instant)> = None;
            loop {
                match listen(&wanted).await {
                    Ok(listeners) => {
                        let address = listeners.first().and_then(|first| first.local_addr().ok());
                        opener.open(listeners);
                        let listen = address.map_or(wanted, |address| address.to_string());
                        tracing::info!(meter = %meter.name, listen, "the meter's telegrams are shared over TCP");
                        found.send_replace(address);
                        return;
                    }
                    Err(error) => {
                        counters.bind_failures.inc();
                        let (error, now) = (error.to_string(), Instant::now());
                        let known = told.as_ref().is_some_and(|(known, at)| *known == error && now < *at + REMINDER);
                        if !known {
                            tracing::warn!(
                                meter = %meter.name, listen = wanted, error,
                                "the meter cannot be shared; it is read and kept all the same; trying again"
                            );
                            told = Some((error, now));
                        }
                    }
                }
                tokio::time::sleep(backoff.wait()).await;
            }
        });
        let share = Self { hall: Some(hall), untouched: AtomicBool::default(), address };
        share.set_encrypted(settings.encrypted);
        share
    }

    /// What clients get of an encrypted telegram from now on.
    pub fn set_encrypted(&self, encrypted: ShareEncrypted) {
        self.untouched.store(encrypted == ShareEncrypted::Untouched, Ordering::Relaxed);
    }

    /// Where it listens, once it does; of several addresses of a name the first.
    pub fn address(&self) -> Option<SocketAddr> {
        *self.address.borrow()
    }

    /// Sends the telegram of a reading to every client; never waits. A reading without its telegram (one from the
    /// record) is not sent.
    pub fn send(&self, reading: &Reading) {
        let untouched = self.untouched.load(Ordering::Relaxed);
        let wire = reading.wire.as_deref().filter(|_| untouched);
        if let (Some(hall), Some(telegram)) = (&self.hall, wire.or(reading.raw.as_deref())) {
            hall.send(telegram);
        }
    }

    /// Gives the clients a moment to take what was sent, hangs up on all, and waits until the address is free.
    pub async fn close(mut self) {
        if let Some(hall) = self.hall.take() {
            let counters = hall.counters();
            tracing::debug!(
                telegrams = counters.telegrams.get(),
                bytes = counters.bytes.get(),
                connects = counters.connects.get(),
                dropped = counters.dropped.get(),
                "closing a share"
            );
            hall.close().await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(hall) = &self.hall {
            hall.abandon();
        }
    }
}
