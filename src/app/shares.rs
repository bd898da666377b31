//! The shares: one a meter that has one. They belong to no reader: a meter that is read anew keeps its clients, and
//! a share that comes, goes or moves does not touch the port.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::MeterSettings;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::source::fanout::Share;
use crate::source::{ShareEncrypted, ShareSettings};
use crate::telemetry::ShareCounters;

#[derive(Default)]
struct Inner {
    running: HashMap<Arc<str>, (ShareSettings, Share)>,
    /// They outlive the shares.
    counters: HashMap<Arc<str>, Arc<ShareCounters>>,
}

/// The shares of all meters; clones are the same shares.
#[derive(Clone)]
pub struct Shares {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

impl Shares {
    /// No share yet.
    pub fn new(clock: Clock) -> Self {
        Self { inner: Arc::default(), clock }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the shares that `meters` do not have, or have elsewhere; waits until their addresses are free, for they
    /// may change places. What stays keeps its clients.
    pub async fn retire(&self, meters: &[MeterSettings]) {
        let stays = |name: &str, has: &ShareSettings| {
            share_of(meters, name).is_some_and(|wanted| wanted.listen == has.listen)
        };
        let mut ending = JoinSet::new();
        for (meter, (has, share)) in self.lock().running.extract_if(|name, (has, _)| !stays(name, has)) {
            let moves = share_of(meters, &meter).is_some();
            tracing::info!(%meter, listen = has.listen, moves, "the share at this address ends");
            ending.spawn(share.close());
        }
        while ending.join_next().await.is_some() {}
    }

    /// Starts the shares of `meters` that do not run yet, and tells the others what they send from now on.
    pub fn start(&self, meters: &[MeterSettings]) {
        let mut inner = self.lock();
        for (place, meter) in meters.iter().enumerate() {
            let Some(wanted) = &meter.share else { continue };
            if let Some((has, share)) = inner.running.get_mut(meter.name.as_str()) {
                if has.encrypted != wanted.encrypted {
                    let encrypted = match wanted.encrypted {
                        ShareEncrypted::Decrypted => "decrypted",
                        ShareEncrypted::Untouched => "untouched",
                    };
                    tracing::info!(
                        meter = %meter.name, encrypted,
                        "from now on clients of the share get encrypted telegrams so"
                    );
                }
                share.set_encrypted(wanted.encrypted);
                has.clone_from(wanted);
                continue;
            }
            let id = MeterId { name: meter.name.as_str().into() };
            let counters = Arc::clone(inner.counters.entry(Arc::clone(&id.name)).or_default());
            let seed = (self.clock.wall() as u64).wrapping_add(place as u64);
            let share = Share::start(&id, wanted, counters, seed);
            inner.running.insert(id.name, (wanted.clone(), share));
        }
    }

    /// Sends a reading's telegram to the clients of its meter; never waits.
    pub fn send(&self, meter: &MeterId, reading: &Reading) {
        if let Some((_, share)) = self.lock().running.get(&meter.name) {
            share.send(reading);
        }
    }

    /// The counters of a meter's share.
    pub fn counters(&self, meter: &str) -> Arc<ShareCounters> {
        Arc::clone(self.lock().counters.entry(meter.into()).or_default())
    }

    /// Where a meter's share listens, once it does.
    pub fn address(&self, meter: &str) -> Option<SocketAddr> {
        self.lock().running.get(meter).and_then(|(_, share)| share.address())
    }
}

fn share_of<'a>(meters: &'a [MeterSettings], name: &str) -> Option<&'a ShareSettings> {
    meters.iter().find(|meter| meter.name == name)?.share.as_ref()
}
